"""The STEG invoice table: read in blocks, repaired as a whole, sorted.

Order of the steps, which changes the result and is held by tests: cells to numbers; rejects; rows of zeros;
shifted rows (learned from all rows that are left); values outside their set; sorting; duplicates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadprofile.errors import UnreadableFileError
from loadprofile.ingest.columns import cell_text
from loadprofile.ingest.dialect import Block
from loadprofile.ingest.readings import Reject, RejectLog, shorten
from loadprofile.ingest.steg import audit as rules
from loadprofile.ingest.steg.audit import RepairLog, RowAccount
from loadprofile.ingest.steg.cells import LARGEST, UNREAD, Cells, dates, energies, ids, whole_numbers
from loadprofile.ingest.steg.layout import INVOICE_COLUMNS, LEVELS, ORDER, UNKNOWN, StegTable
from loadprofile.ingest.steg.order import duplicates, sorted_rows
from loadprofile.ingest.steg.shift import Shifted, find_shifted, shift_back
from loadprofile.ingest.steg.values import ELEC, ENERGIES, GAZ, Clients, Invoices

STATUSES = (0, 1, 2, 3, 4, 5)
"""Known values of the counter status."""
MOST_MONTHS = 120
"""No invoice covers more months; such a number is something else."""
_CATEGORIES = ("tariff", "status", "code", "remark", "coefficient", "months")
_MEASURED = ("date", "counter", *LEVELS, "old_index", "new_index", "energy")
_WIDE = ("counter",)
Arrays = dict[str, NDArray[np.signedinteger]]


@dataclass(frozen=True, eq=False, slots=True)
class _Raw:
    """Rows that could be read, as whole numbers; ``table`` says which file each is from."""

    columns: Arrays
    line: NDArray[np.int64]
    table: NDArray[np.int16]
    touched: NDArray[np.bool_]
    read: int
    rejected: int


def read_invoices(
    tables: Sequence[StegTable],
    clients: Clients,
    repairs: RepairLog,
    rejects: RejectLog,
    each: Callable[[float], None] = lambda _: None,
) -> tuple[Invoices, RowAccount]:
    """Read the invoice tables of known clients.

    Args:
        tables: files, one after the other.
        clients: the client table; invoices of anybody else are rejected.
        repairs: takes every changed cell.
        rejects: takes every row that cannot be used.
        each: called with the share done, 0..1.

    Raises:
        UnreadableFileError: no usable row, or none of a known client.
    """
    raw = _gather(tables, clients, repairs, rejects, each)
    columns, names = raw.columns, [found.table.name for found in tables]
    at = _Places(names, raw.table, raw.line)
    zero = np.ones(len(raw.line), dtype=np.bool_)
    for name in ORDER:
        zero &= columns[name] == 0
    for row in np.flatnonzero(zero).tolist():
        file, line = at.of(row)
        who = str(clients.client_ids[columns["client"][row]])
        rejects.add(Reject(file, line, "every number is zero", who, who))
    touched = raw.touched
    _mend_shifted(columns, ~zero, at, touched, repairs)
    _mend_odd(columns, at, touched, repairs)
    order = sorted_rows(columns)
    order = order[~zero[order]]
    again, first = duplicates(columns, order, list(INVOICE_COLUMNS)[2:])
    for row, earlier in zip(again.tolist(), first.tolist(), strict=True):
        file, line = at.of(row)
        repairs.add(file, "*", rules.DUPLICATE, line, f"same as line {at.of(earlier)[1]}", "")
    gone = np.zeros(len(raw.line), dtype=np.bool_)
    gone[again] = True
    order = order[~gone[order]]
    if not len(order):
        raise UnreadableFileError(names[0], "no usable invoice")
    repaired = int(touched[order].sum())
    account = RowAccount(
        raw.read, len(order) - repaired, repaired, len(again), raw.rejected + int(zero.sum())
    )
    return _sorted(columns, raw.line, order, len(clients)), account


@dataclass(frozen=True, eq=False, slots=True)
class _Places:
    """File and line of each row."""

    names: Sequence[str]
    table: NDArray[np.int16]
    line: NDArray[np.int64]

    def of(self, row: int) -> tuple[str, int]:
        return self.names[int(self.table[row])], int(self.line[row])

    def note(
        self, log: RepairLog, role: str, rule: str, rows: NDArray[np.intp],
        before: NDArray[np.signedinteger], after: NDArray[np.signedinteger],
    ) -> None:  # fmt: skip
        """Note changed cells; an unknown value is blank in the audit."""
        old, new = (np.where(v == UNKNOWN, "", v.astype(str)).astype(object) for v in (before, after))
        for number, name in enumerate(self.names):
            mine = self.table[rows] == number
            log.add(name, INVOICE_COLUMNS[role][0], rule, self.line[rows[mine]], old[mine], new[mine])


def _gather(
    tables: Sequence[StegTable], clients: Clients, repairs: RepairLog, rejects: RejectLog,
    each: Callable[[float], None],
) -> _Raw:  # fmt: skip
    """Read all blocks; reject what is no row of a known client."""
    place = {name: row for row, name in enumerate(clients.client_ids.tolist())}
    parts: list[Arrays] = []
    lines, which, touched = [], [], []
    read = rejected = strangers = 0
    for number, found in enumerate(tables):
        table, at = found.table, found.at
        for spelt, right in found.mended:
            repairs.add(table.name, right, rules.MISSPELT, rules.WHOLE_COLUMN, spelt, right)
        texts = frozenset(at[role] for role in ("client_id", "date", "status", "energy"))
        for block, done in table.blocks(texts, tuple(sorted(at.values()))):
            for line, reason, text in block.bad:
                rejects.add(Reject(table.name, line, reason, shorten(text)))
            values, odd, refused = _numbers_of(block, found, repairs)
            words, word = ids(block.table.column(str(at["client_id"])))
            codes = np.array([place.get(name, -1) for name in words], dtype=np.int32)[word]
            for row in np.flatnonzero(codes < 0).tolist():
                strangers += 1
                why = "client not in the client table" if words[word[row]] else "no client_id"
                refused.setdefault(row, (why, words[word[row]]))
            for row, (reason, text) in sorted(refused.items()):
                who = words[word[row]]
                rejects.add(Reject(table.name, int(block.line[row]), reason, shorten(text), who))
            read += len(block.line) + len(block.bad)
            rejected += len(refused) + len(block.bad)
            keep = np.ones(len(block.line), dtype=np.bool_)
            keep[list(refused)] = False
            values["client"] = codes
            parts.append({name: array[keep] for name, array in values.items()})
            lines.append(block.line[keep])
            which.append(np.full(int(keep.sum()), number, dtype=np.int16))
            touched.append(odd[keep])
            each((number + done) / len(tables))
    if not any(len(part["client"]) for part in parts):
        reason = "no usable invoice"
        if strangers:
            reason = "none of its clients stands in the client table"
        raise UnreadableFileError(tables[0].table.name, reason)
    columns: Arrays = {name: np.concatenate([part.pop(name) for part in parts]) for name in list(parts[0])}
    return _Raw(
        columns, np.concatenate(lines), np.concatenate(which), np.concatenate(touched), read, rejected
    )


def _numbers_of(
    block: Block, found: StegTable, repairs: RepairLog
) -> tuple[Arrays, NDArray[np.bool_], dict[int, tuple[str, str]]]:
    """``(columns, rows with a mended cell, rows that cannot be used: reason and text)`` of one block."""
    table, at = found.table, found.at
    values: Arrays = {}
    odd = np.zeros(len(block.line), dtype=np.bool_)
    refused: dict[int, tuple[str, str]] = {}
    spelt: dict[str, Cells] = {}
    for role in (*_MEASURED, *_CATEGORIES):
        column = block.table.column(str(at[role]))
        header = INVOICE_COLUMNS[role][0]
        if role == "date":
            cells = dates(column, usual_day_first=False)
        elif role == "energy":
            cells = energies(column)
        else:
            cells = whole_numbers(column, table.decimal, few=role == "status")
        number = cells.values
        unread = number == UNREAD
        endless = np.zeros(len(number), dtype=np.bool_)
        if role not in _WIDE:
            endless = ~unread & (np.abs(number) > LARGEST)
        if role in _CATEGORIES:
            for row in np.flatnonzero(endless).tolist():
                cells.reason[row] = rules.OUT_OF_RANGE
            for row, why in cells.reason.items():
                rule = why if why == rules.OUT_OF_RANGE else rules.NOT_A_NUMBER
                repairs.add(table.name, header, rule, block.line[row], cell_text(column, row))
            odd[list(cells.reason)] = True
            values[role] = np.where(unread | endless, UNKNOWN, number).astype(np.int32)
        else:
            for row in np.flatnonzero(unread | endless).tolist():
                reason = cells.reason.get(row, "out of range" if endless[row] else "blank")
                refused.setdefault(row, (f"{header}: {reason}", cell_text(column, row)))
            kind = np.int64 if role in _WIDE else np.int8 if role == "energy" else np.int32
            values[role] = np.where(unread | endless, 0, number).astype(kind)
        spelt[role] = cells
    for role, cells in spelt.items():
        rows = np.array([row for row in cells.respelt.tolist() if row not in refused], dtype=np.intp)
        if not len(rows):
            continue
        column = block.table.column(str(at[role]))
        before = np.array([cell_text(column, row) for row in rows.tolist()], dtype=object)
        rule = {"date": rules.DAY_FIRST, "energy": rules.SPELLING}.get(role, rules.AS_TEXT)
        after = _as_written(role, values[role][rows])
        repairs.add(table.name, INVOICE_COLUMNS[role][0], rule, block.line[rows], before, after)
        odd[rows] = True
    return values, odd, refused


def _as_written(role: str, values: NDArray[np.signedinteger]) -> NDArray[np.object_]:
    if role == "date":
        return values.astype("datetime64[D]").astype(str).astype(object)
    if role == "energy":
        return np.where(values == ELEC, ENERGIES[ELEC], ENERGIES[GAZ]).astype(object)
    return values.astype(str).astype(object)


def _mend_shifted(
    columns: Arrays, usable: NDArray[np.bool_], at: _Places, touched: NDArray[np.bool_], repairs: RepairLog
) -> None:
    """Move shifted rows back; rows that are not usable teach nothing."""
    if usable.all():
        shifted = find_shifted(columns, columns["client"])
    else:
        rows = np.flatnonzero(usable)
        found = find_shifted({name: columns[name][rows] for name in ORDER}, columns["client"][rows])
        shifted = Shifted(rows[found.rows], found.from_counter)
    rows = shifted.rows
    before = {name: columns[name][rows].copy() for name in ORDER}
    shift_back(columns, ORDER, shifted)
    touched[rows] = True
    for name in ORDER:
        changed = before[name] != columns[name][rows]
        at.note(repairs, name, rules.SHIFTED, rows[changed], before[name][changed],
                columns[name][rows[changed]])  # fmt: skip


def _mend_odd(columns: Arrays, at: _Places, touched: NDArray[np.bool_], repairs: RepairLog) -> None:
    """Values that cannot be what their column says: taken as unknown, not guessed."""
    status, months = columns["status"], columns["months"]
    for name, odd, rule in (
        (
            "status",
            (status != UNKNOWN) & ((status < STATUSES[0]) | (status > STATUSES[-1])),
            rules.OUT_OF_SET,
        ),
        ("months", (months != UNKNOWN) & ((months < 0) | (months > MOST_MONTHS)), rules.OUT_OF_RANGE),
    ):
        rows = np.flatnonzero(odd)
        at.note(repairs, name, rule, rows, columns[name][rows], np.full(len(rows), UNKNOWN))
        columns[name][rows] = UNKNOWN
        touched[rows] = True


def _sorted(columns: Arrays, line: NDArray[np.int64], order: NDArray[np.intp], clients: int) -> Invoices:
    def take(name: str) -> NDArray[np.signedinteger]:
        return columns.pop(name)[order]

    client = take("client").astype(np.int32, copy=False)
    starts = np.zeros(clients + 1, dtype=np.int64)
    np.cumsum(np.bincount(client, minlength=clients), out=starts[1:])
    levels = np.stack([take(name) for name in LEVELS], axis=1)
    return Invoices(
        starts=starts, client=client, line=line[order], levels=levels.astype(np.int32, copy=False),
        counter=take("counter").astype(np.int64, copy=False),
        energy=take("energy").astype(np.int8, copy=False),
        **{
            name: take(name).astype(np.int32, copy=False)
            for name in ("date", "tariff", "status", "code", "remark", "coefficient", "old_index",
                         "new_index", "months")
        },
    )  # fmt: skip
