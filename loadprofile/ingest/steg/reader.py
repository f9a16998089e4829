"""STEG-style tables: a client table and an invoice table become ``Clients`` and ``Invoices``.

The layout is that of the Tunisian utility's files used in public competitions (FACTS: 135,493 clients,
4,476,749 invoices); their known faults are repaired, and every repair stands in the audit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from loadprofile.ingest.readings import RejectLog, rejects_file
from loadprofile.ingest.steg.audit import RepairLog, RowAccount, write_audit
from loadprofile.ingest.steg.clients import read_clients
from loadprofile.ingest.steg.invoices import read_invoices
from loadprofile.ingest.steg.layout import steg_tables
from loadprofile.ingest.steg.values import Clients, Invoices


@dataclass(frozen=True, eq=False, slots=True)
class StegIntake:
    """Everything that came of one reading.

    Attributes:
        clients: all clients, also those without an invoice.
        invoices: the usable invoices, sorted.
        client_rows, invoice_rows: what became of the rows that were read.
        repairs: every cell that was changed.
        rejects: every row that could not be used (the first ``REJECTS_KEPT`` in memory).
        files: names of the tables that were read.
    """

    clients: Clients
    invoices: Invoices
    client_rows: RowAccount
    invoice_rows: RowAccount
    repairs: RepairLog
    rejects: RejectLog
    files: tuple[str, ...]


def read_steg(
    paths: Sequence[Path],
    *,
    called: Mapping[str, str] | None = None,
    audit: Path | None = None,
    rejects: Path | None = None,
    each: Callable[[float], None] = lambda _: None,
) -> StegIntake:
    """Read a client table and an invoice table, in whatever order they are given.

    Args:
        paths: CSV (plain, gzip, zip) or Parquet files, or a folder or archive with both; which is which
            is told by the header.
        called: name of a column, in any of its spellings -> what it is called in the files.
        audit: file to write the repairs to (``file, row, column, before, after, rule``).
        rejects: file to write the unusable rows to (``file, line, reason, text``).
        each: called with the share of the invoices that has been read, 0..1.

    Raises:
        UnreadableFileError: a file that is absent, empty, damaged, or without a usable row.
        WrongTableError: a table of another kind, or one that lacks columns.
        OptionError: only one of the two tables was given, or a name that is none in ``called``.
    """
    tables = steg_tables(paths, called)
    repairs = RepairLog()
    with rejects_file(rejects) if rejects is not None else nullcontext() as sink:
        log = RejectLog(sink=sink)
        clients, client_rows = read_clients(tables.clients, repairs, log)
        invoices, invoice_rows = read_invoices(tables.invoices, clients, repairs, log, each)
    if audit is not None:
        write_audit(audit, repairs)
    files = tuple(found.table.name for found in (*tables.clients, *tables.invoices))
    return StegIntake(clients, invoices, client_rows, invoice_rows, repairs, log, files)
