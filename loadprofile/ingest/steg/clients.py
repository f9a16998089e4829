"""The STEG client table: one row per client, dates day first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from loadprofile.errors import UnreadableFileError
from loadprofile.ingest.columns import cell_text, number_column
from loadprofile.ingest.readings import Reject, RejectLog, shorten
from loadprofile.ingest.steg.audit import (
    DAY_FIRST,
    DUPLICATE,
    MISSPELT,
    NO_TARGET,
    OUT_OF_RANGE,
    WHOLE_COLUMN,
    RepairLog,
    RowAccount,
)
from loadprofile.ingest.steg.cells import LARGEST, UNREAD, Cells, dates, ids, whole_numbers
from loadprofile.ingest.steg.layout import CLIENT_COLUMNS, UNKNOWN, StegTable
from loadprofile.ingest.steg.values import Clients

_NO_DAY = np.iinfo(np.int32).min
_CODES = ("district", "region", "category")
_Row = tuple[int, int, int, int, float]


def read_clients(
    tables: Sequence[StegTable], repairs: RepairLog, rejects: RejectLog
) -> tuple[Clients, RowAccount]:
    """Read the client tables, in their order.

    A row without an id, or with an id that was there before with other values, is rejected; one that is
    the same in every column is a duplicate. Values that cannot be read are unknown, and said so.

    Raises:
        UnreadableFileError: no usable row.
    """
    names: dict[str, int] = {}
    kept: list[_Row] = []
    read = duplicate = rejected = repaired = 0
    for found in tables:
        table, at = found.table, found.at
        for spelt, right in found.mended:
            repairs.add(table.name, right, MISSPELT, WHOLE_COLUMN, spelt, right)
        texts = frozenset({at["client_id"], at["creation_date"]})
        day_first = 0
        for block, _ in table.blocks(texts, tuple(sorted(at.values()))):
            for line, reason, text in block.bad:
                rejects.add(Reject(table.name, line, reason, shorten(text)))
            read += len(block.line) + len(block.bad)
            rejected += len(block.bad)

            def column(role: str, block=block, at=at):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
                return block.table.column(str(at[role]))

            created = dates(column("creation_date"), usual_day_first=True)
            day_first += int((created.values != UNREAD).sum()) - len(created.respelt)
            cells = {role: whole_numbers(column(role), table.decimal) for role in _CODES}
            cells["creation_date"] = created
            odd = _note_unread(cells, block.line, table.name, column, repairs)
            target = None
            if "target" in at:
                target, wrong = _targets(column("target"), table.decimal)
                for row in wrong.tolist():
                    before = cell_text(column("target"), row)
                    repairs.add(table.name, "target", NO_TARGET, block.line[row], before)
                odd |= set(wrong.tolist())
            words, which = ids(column("client_id"))
            matrix = np.stack([_known(cells[role], UNKNOWN) for role in _CODES])
            matrix = np.concatenate([matrix, _known(created, _NO_DAY)[None]])
            label = np.full(len(which), np.nan) if target is None else target
            for row, (line, word) in enumerate(zip(block.line.tolist(), which.tolist(), strict=True)):
                name = words[word]
                district, region, category, day = matrix[:, row].tolist()
                entry = (district, region, category, day, float(label[row]))
                earlier = names.get(name)
                if not name:
                    rejects.add(Reject(table.name, line, "no client_id", ""))
                    rejected += 1
                elif earlier is None:
                    names[name] = len(kept)
                    kept.append(entry)
                    repaired += row in odd
                elif repr(kept[earlier]) == repr(entry):
                    repairs.add(table.name, "*", DUPLICATE, line, name, "")
                    duplicate += 1
                else:
                    why = "client_id again, with other values"
                    rejects.add(Reject(table.name, line, why, name, name))
                    rejected += 1
        if day_first:
            repairs.add(table.name, "creation_date", DAY_FIRST, WHOLE_COLUMN, "dd/mm/yyyy", "yyyy-mm-dd")
    if not kept:
        raise UnreadableFileError(tables[0].table.name, "no usable row of a client")
    columns = list(zip(*kept, strict=True))
    day_number = np.array(columns[3], dtype=np.int64)
    day = np.where(day_number == _NO_DAY, np.datetime64("NaT", "D"), day_number.astype("datetime64[D]"))
    district, region, category = (np.array(c, dtype=np.int32) for c in columns[:3])
    clients = Clients(
        np.array(list(names)), district, region, category, day, np.array(columns[4], dtype=np.float32)
    )
    return clients, RowAccount(read, len(kept) - repaired, repaired, duplicate, rejected)


def _known(cells: Cells, unknown: int) -> NDArray[np.int64]:
    fits = (cells.values != UNREAD) & (np.abs(cells.values) <= LARGEST)
    return np.where(fits, cells.values, unknown)


def _targets(column: object, decimal: str) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """0 or 1, NaN for anything else; and the rows that hold something else (a blank is nothing)."""
    if pa.types.is_boolean(column.type):  # type: ignore[attr-defined]
        column = column.cast(pa.int8())  # type: ignore[attr-defined]
    values, reasons = number_column(column, decimal)
    fits = np.isin(values, (0.0, 1.0))
    wrong = ~fits & ~np.isnan(values)
    if reasons is not None:
        wrong |= reasons != ""
    return np.where(fits, values, np.nan), np.flatnonzero(wrong)


def _note_unread(
    cells: dict[str, Cells], line: NDArray[np.int64], name: str, column: object, repairs: RepairLog
) -> set[int]:
    """Note in the audit each cell that was taken as unknown or mended; returns the rows."""
    rows: set[int] = set()
    for role, found in cells.items():
        for row, why in found.reason.items():
            before = cell_text(column(role), row)  # type: ignore[operator]
            repairs.add(name, CLIENT_COLUMNS[role][0], f"{why}: taken as unknown", line[row], before)
        endless = np.flatnonzero((found.values != UNREAD) & (np.abs(found.values) > LARGEST)).tolist()
        for row in endless:
            before = cell_text(column(role), row)  # type: ignore[operator]
            repairs.add(name, CLIENT_COLUMNS[role][0], OUT_OF_RANGE, line[row], before)
        rows |= {*found.reason, *endless}
    return rows
