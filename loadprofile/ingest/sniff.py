"""Which layout a file is in, decided from its content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadprofile.errors import MissingColumnsError, OptionError, UnreadableFileError
from loadprofile.ingest.cer import cer_sources
from loadprofile.ingest.cer_text import LINE
from loadprofile.ingest.columns import resolve
from loadprofile.ingest.options import ReadOptions, refusal
from loadprofile.ingest.series import is_series
from loadprofile.ingest.tables import ParquetTable, Table, open_tables
from loadprofile.ingest.tabular import ReadingsSource, TableSource
from loadprofile.ingest.textfile import TextSource, head

_STEG = (frozenset({"client_id", "invoice_date"}), frozenset({"client_id", "client_catg"}))
_MONTHLY = (frozenset({"1_anterior", "12_anterior"}), frozenset({"fecha_inspeccion"}))
_DATA = (".csv", ".txt", ".tsv", ".gz", ".zip", ".parquet", ".pq")


@dataclass(frozen=True, eq=False, slots=True)
class Sources:
    """All inputs of one reading: CER texts, tables, or files of one row per meter."""

    layout: str
    texts: tuple[TextSource, ...] = ()
    tables: tuple[ReadingsSource, ...] = ()
    series: tuple[Path, ...] = ()


def is_cer(source: TextSource) -> bool:
    """Whether most of the first lines are ``meter daycode value``."""
    lines = [line for line in head(source, 1 << 13).split(b"\n")[:60] if line.strip()]
    return sum(LINE.fullmatch(line) is not None for line in lines) * 2 > len(lines)


def header_layout(table: Table, options: ReadOptions) -> str:
    """``long``, ``wide`` or ``series``, from the names and types of the columns.

    Raises:
        OptionError: for a layout that this version does not read.
    """
    names = {name.strip().casefold() for name in table.header}
    for layout, marks in (("steg", _STEG), ("monthly", _MONTHLY)):
        if any(mark <= names for mark in marks):
            raise OptionError("input", table.name, refusal(layout))
    if options.format in ("long", "wide", "series"):
        return options.format
    if isinstance(table, ParquetTable) and is_series(table.schema):
        return "series"
    try:
        resolve(table.header, options.column_map, table.name)
    except MissingColumnsError:
        if {"meter_id", "kwh"} & set(options.column_map):
            raise
        return "wide"
    return "long"


def sources_of(paths: Sequence[Path], options: ReadOptions) -> Sources:
    """Find out what the inputs are and prepare them for reading.

    Raises:
        UnreadableFileError: for a path that is not there, empty, damaged or something else.
        OptionError: for inputs of several layouts, or of one that this version does not read.
    """
    if not paths:
        raise OptionError("input", "", "give at least one file or folder")
    texts: list[TextSource] = []
    tables: list[Table] = []
    for path in paths:
        if not path.exists():
            raise UnreadableFileError(path, "no such file or folder")
        try:
            _sort_in(path, options, texts, tables)
        except OSError as error:
            raise UnreadableFileError(path, f"cannot be read ({error.strerror or error})") from None
    if texts and tables:
        raise OptionError("input", str(tables[0].name), f"a table beside CER files such as {texts[0].name}")
    if texts:
        return Sources("cer", tuple(texts))
    layouts = {header_layout(table, options) for table in tables}
    if len(layouts) > 1:
        raise OptionError(
            "input",
            str(tables[0].name),
            f"{' and '.join(sorted(layouts))} tables together; read them one by one",
        )
    layout = layouts.pop()
    if layout == "series":
        odd = [table for table in tables if not isinstance(table, ParquetTable)]
        if odd:
            raise OptionError("format", "series", f"{odd[0].name} is not a Parquet file")
        return Sources(layout, series=tuple(Path(table.name) for table in tables))
    many = len(tables) > 1
    return Sources(layout, (), tuple(TableSource(table, layout, options, many) for table in tables))


def _sort_in(path: Path, options: ReadOptions, texts: list[TextSource], tables: list[Table]) -> None:
    if options.format == "cer":
        texts.extend(cer_sources(path))
        return
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix.lower() in _DATA and p.is_file())
        if options.format == "auto" and any(p.name.lower().startswith("file") for p in files):
            found = cer_sources(path)
            if is_cer(found[0]):
                texts.extend(found)
                return
        if not files:
            raise UnreadableFileError(path, "a folder without CSV, text or Parquet files")
        for file in files:
            _sort_in(file, options, texts, tables)
        return
    if options.format == "auto" and path.suffix.lower() not in (".parquet", ".pq"):
        with path.open("rb") as stream:
            packed = stream.read(4)
        if packed != b"PAR1":
            found = cer_sources(path)
            if is_cer(found[0]):
                texts.extend(found)
                return
    tables.extend(open_tables(path, options.decimal))
