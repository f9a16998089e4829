"""The columns of STEG-style tables, their spellings, and which of two files is which.

The files that circulate spell some names wrongly or half in French (``disrict``, ``tarif_type``,
``consommation_level_1``); corrected copies exist too. Both are read; a name that had to be mended is told
in the audit, once for its column.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from loadprofile.errors import OptionError, UnreadableFileError, WrongTableError
from loadprofile.ingest.tables import Table, open_tables

CLIENT_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "district": ("district", "disrict"),
        "client_id": ("client_id",),
        "category": ("client_catg", "client_category", "category"),
        "region": ("region",),
        "creation_date": ("creation_date",),
        "target": ("target",),
    }
)
"""Our name -> names in the file, the right one first. ``target`` may be absent."""

INVOICE_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "client_id": ("client_id",),
        "date": ("invoice_date",),
        "tariff": ("tariff_type", "tarif_type"),
        "counter": ("counter_number",),
        "status": ("counter_status", "counter_statue"),
        "code": ("counter_code",),
        "remark": ("reading_remark", "reading_remarque"),
        "coefficient": ("counter_coefficient",),
        "level_1": ("consumption_level_1", "consommation_level_1"),
        "level_2": ("consumption_level_2", "consommation_level_2"),
        "level_3": ("consumption_level_3", "consommation_level_3"),
        "level_4": ("consumption_level_4", "consommation_level_4"),
        "old_index": ("old_index",),
        "new_index": ("new_index",),
        "months": ("months_number",),
        "energy": ("counter_type",),
    }
)
"""Our name -> names in the file, the right one first, in the order of the file."""

ORDER = ("counter", "status", "code", "remark", "coefficient", "level_1", "level_2", "level_3", "level_4",
         "old_index", "new_index", "months")  # fmt: skip
"""The invoice columns that hold numbers and stand side by side: the ones a shifted row is shifted in."""

LEVELS = ("level_1", "level_2", "level_3", "level_4")
UNKNOWN = -1
"""In category columns and in months: the file does not say."""

_MAPS = "name others with --map NAME=COLUMN"
_CLIENT_MARKS = frozenset({"category", "region", "creation_date"})
_INVOICE_MARKS = frozenset({"date", "counter", "old_index", "new_index"})


@dataclass(frozen=True, eq=False, slots=True)
class StegTable:
    """One of the two tables, found and checked.

    Attributes:
        table: the file.
        at: our name -> position of its column.
        mended: ``(name in the file, right name)`` of misspelt headers.
    """

    table: Table
    at: Mapping[str, int]
    mended: tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False, slots=True)
class StegTables:
    """The client tables and the invoice tables of one reading (several where a file came in parts)."""

    clients: tuple[StegTable, ...]
    invoices: tuple[StegTable, ...]


def find_columns(
    header: Sequence[str], columns: Mapping[str, tuple[str, ...]], called: Mapping[str, str] | None = None
) -> dict[str, int]:
    """Positions of the columns that are there, by any of their spellings (case and blanks do not matter).

    ``called``: spelling -> what the column bears as its name in the file; sought first.
    """
    plain = [name.strip().casefold() for name in header]
    own = {name: word.strip().casefold() for name, word in (called or {}).items()}
    return {
        role: plain.index(found)
        for role, names in columns.items()
        if (found := next((n for n in (*(own[n] for n in names if n in own), *names) if n in plain), None))
        is not None
    }


def is_client_table(header: Sequence[str], called: Mapping[str, str] | None = None) -> bool:
    """Whether a header is more like a client table than like anything else."""
    found = set(find_columns(header, CLIENT_COLUMNS, called))
    return "client_id" in found and bool(_CLIENT_MARKS & found)


def is_invoice_table(header: Sequence[str], called: Mapping[str, str] | None = None) -> bool:
    """Whether a header is more like an invoice table than like anything else."""
    found = set(find_columns(header, INVOICE_COLUMNS, called))
    return "client_id" in found and bool(_INVOICE_MARKS & found)


def steg_tables(paths: Iterable[Path], called: Mapping[str, str] | None = None) -> StegTables:
    """Find the client table and the invoice table, in whatever order the files are given.

    Files may be CSV (plain, gzip, zip) or Parquet; one archive or folder may hold both tables.

    Args:
        paths: the files.
        called: name of one of our columns -> what it is called in the files, where that is something else.

    Raises:
        UnreadableFileError: a path that is not there, empty or damaged.
        WrongTableError: a table that is neither, or one that lacks columns.
        OptionError: only one of the two kinds was given, or a name that is none in ``called``.
    """
    called = called or {}
    known = [name for of in (CLIENT_COLUMNS, INVOICE_COLUMNS) for names in of.values() for name in names]
    for name in called:
        if name not in known:
            shown = ", ".join(dict.fromkeys(names[-1] for of in (CLIENT_COLUMNS, INVOICE_COLUMNS)
                                            for names in of.values()))  # fmt: skip
            raise OptionError("map", name, f"client and invoice tables have {shown}")
    clients: list[StegTable] = []
    invoices: list[StegTable] = []
    names: list[str] = []
    seen: set[str] = set()
    for table in _tables(paths):
        names.append(table.name)
        seen |= {name.strip().casefold() for name in table.header}
        if is_invoice_table(table.header, called):
            kind, columns, into, optional = "a STEG invoice table", INVOICE_COLUMNS, invoices, set[str]()
        elif is_client_table(table.header, called):
            kind, columns, into, optional = "a STEG client table", CLIENT_COLUMNS, clients, {"target"}
        else:
            wanted = [INVOICE_COLUMNS[r][-1] for r in ("client_id", "date", "old_index", "new_index")]
            have = {name.strip().casefold() for name in table.header}
            lacking = [name for name in wanted if name not in have]
            raise WrongTableError(
                table.name, "a STEG client table (client_id, client_catg, region, creation_date) nor "
                "a STEG invoice table", lacking, table.header, _MAPS,
            )  # fmt: skip
        at = find_columns(table.header, columns, called)
        missing = [columns[role][-1] for role in columns if role not in at and role not in optional]
        if missing:
            raise WrongTableError(table.name, kind, missing, table.header, _MAPS)
        mended = tuple(
            (spelt, columns[role][0])
            for role, position in at.items()
            if (spelt := table.header[position].strip()).casefold() in columns[role][1:]
            and role != "category"
        )
        into.append(StegTable(table, at, mended))
    for name, word in called.items():
        if word.strip().casefold() not in seen:
            raise OptionError("map", f"{name}={word}", f"no column {word} in {', '.join(names)}")
    for found, kind in ((clients, "client"), (invoices, "invoice")):
        if not found:
            shown = ", ".join(names) or "none"
            raise OptionError("input", shown, f"no STEG {kind} table among the files; give both tables")
    return StegTables(tuple(clients), tuple(invoices))


def _tables(paths: Iterable[Path]) -> Iterable[Table]:
    for path in paths:
        if not path.exists():
            raise UnreadableFileError(path, "no such file or folder")
        files = [path]
        if path.is_dir():
            ends = (".csv", ".txt", ".gz", ".zip", ".parquet", ".pq")
            files = sorted(p for p in path.iterdir() if p.is_file() and p.suffix.lower() in ends)
            if not files:
                raise UnreadableFileError(path, "a folder without CSV, zip or Parquet files")
        for file in files:
            try:
                yield from open_tables(file)
            except OSError as error:
                raise UnreadableFileError(file, f"cannot be read ({error.strerror or error})") from None
