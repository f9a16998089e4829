"""The wide layout: one row per time, one column per meter; the unit of account is the cell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from loadprofile.errors import MissingColumnsError, OptionError
from loadprofile.ingest.columns import ALIASES, cell_text, number_column, resolve, time_column
from loadprofile.ingest.dialect import Block
from loadprofile.ingest.options import ReadOptions
from loadprofile.ingest.readings import Readings, Reject, RejectLog, Vocabulary, shorten
from loadprofile.ingest.stamps import StampReader, Stamps, looks_like_time, place
from loadprofile.ingest.tables import Table

ROW_NUMBERS = re.compile(r"|index|row|unnamed: ?\d+|level_0|__index_level_0__", re.IGNORECASE)


def time_position(table: Table, options: ReadOptions, index: str | None) -> int | None:
    """Which column holds the times: as mapped, the index that pandas kept, else the first that shows times.

    None when there is none (the rows are then counted from ``options.start``).

    Raises:
        OptionError: when there are neither times nor a start.
        MissingColumnsError: when the mapped column is not there.
    """
    found: int | None = None
    if "timestamp" in options.column_map:
        return resolve(table.header, options.column_map, table.name, ("timestamp",))["timestamp"]
    order = list(range(len(table.header)))
    if index:
        order.sort(key=lambda i: table.header[i] != index)
    else:
        order.sort(key=lambda i: table.header[i].casefold() not in ALIASES["timestamp"])
    for i in order[:4] if table.kind(0) is None else order:
        kind = table.kind(i)
        cells = [cell for cell in table.sample(i) if cell.strip()]
        timely = bool(cells) and sum(looks_like_time(cell) for cell in cells) * 2 > len(cells)
        if timely or (kind is not None and (pa.types.is_timestamp(kind) or pa.types.is_date(kind))):
            found = i
            break
    if found is not None and options.start is not None:
        raise OptionError(
            "start", options.start, f"{table.name} has time stamps of its own ({table.header[found]!r})"
        )
    if found is None and options.start is None:
        if not table.header or (index is None and not _numbered(table)):
            raise MissingColumnsError(table.name, ["timestamp"], table.header)
        raise OptionError(
            "start",
            None,
            f"{table.name} has row numbers in place of times: give the time of the first row, and step",
        )
    return found


def _numbered(table: Table) -> bool:
    """Whether the first column counts rows."""
    cells = table.sample(0)[:5]
    return (
        len(cells) > 1
        and all(c.strip().isdigit() for c in cells)
        and ([int(c) - int(cells[0]) for c in cells] == list(range(len(cells))))
    )


def read_wide(
    table: Table, options: ReadOptions, reader: StampReader, vocabulary: Vocabulary, log: RejectLog,
    index: str | None = None, alone: bool = False,
) -> Iterator[Readings]:  # fmt: skip
    """Readings of a wide table, chunk by chunk.

    ``alone``: one of several files; a single value column called "kwh" or alike is then named after its file.
    """
    time_at = time_position(table, options, index)
    meters = [
        i for i, name in enumerate(table.header) if i != time_at and not ROW_NUMBERS.fullmatch(name.strip())
    ]
    if not meters:
        raise MissingColumnsError(table.name, ["a meter's readings"], table.header)
    names = [table.header[i].strip() for i in meters]
    if alone and len(names) == 1 and names[0].casefold() in ALIASES["kwh"]:
        names = [Path(table.name).stem]
    codes = vocabulary.codes(names)
    wanted = tuple(meters) if time_at is None else (time_at, *meters)
    row = 0
    for block, done in table.blocks(frozenset() if time_at is None else frozenset({time_at}), wanted):
        for line, reason, text in block.bad:
            log.add(Reject(table.name, line, reason, shorten(text), readings=len(meters)))
        if time_at is None:
            stamps = _counted(options, row, len(block.line), reader)
        else:
            stamps = time_column(block.table.column(str(time_at)), reader, table.name)
        row += len(block.line)
        values, lost = _cells(table, block, stamps, meters, names, log)
        good = stamps.good
        for at in np.flatnonzero(~good):
            text = cell_text(block.table.column(str(time_at)), at) if time_at is not None else ""
            reason = f"{stamps.reason[at]} ({len(meters)} readings)"
            log.add(Reject(table.name, int(block.line[at]), reason, shorten(text), readings=len(meters)))
        keep = np.repeat(good, len(meters)).reshape(values.shape)
        if lost is not None:
            keep &= ~lost
        yield _flat(vocabulary, codes, stamps, block, values, keep, table.name, done)


def _flat(
    vocabulary: Vocabulary, codes: NDArray[np.int32], stamps: Stamps, block: Block,
    values: NDArray[np.float32], keep: NDArray[np.bool_], name: str, done: float,
) -> Readings:  # fmt: skip
    shape = values.shape
    day, minute = (stamps.wall // 1440).astype(np.int32), (stamps.wall % 1440).astype(np.int16)
    whole = bool(keep.all())

    def pick(array: NDArray[Any]) -> NDArray[Any]:
        spread = np.broadcast_to(array, shape)
        return spread.ravel() if whole else spread[keep]

    return Readings(
        vocabulary=vocabulary,
        codes=pick(codes[None, :]),
        day=pick(day[:, None]),
        minute=pick(minute[:, None]),
        fold=pick(stamps.fold[:, None]),
        kwh=pick(values),
        line=pick(block.line[:, None]),
        file=name,
        done=done,
    )


def _cells(
    table: Table, block: Block, stamps: Stamps, meters: list[int], names: list[str], log: RejectLog
) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None]:
    """``(times, meters)`` values, and which cells hold no number (None = all are numbers or blank)."""
    values = np.empty((len(block.line), len(meters)), dtype=np.float32)
    lost: NDArray[np.bool_] | None = None
    good = stamps.good
    for at, column_at in enumerate(meters):
        column = block.table.column(str(column_at))
        read, wrong = number_column(column, table.decimal)
        values[:, at] = read
        if wrong is None:
            continue
        bad = (wrong != "") & good
        lost = np.zeros(values.shape, dtype=np.bool_) if lost is None else lost
        lost[:, at] = bad
        for row in np.flatnonzero(bad):
            text = shorten(cell_text(column, row))
            log.add(
                Reject(
                    table.name, int(block.line[row]), f"{wrong[row]} (column {names[at]})", text, names[at]
                )
            )
    return values, lost


def _counted(options: ReadOptions, first: int, rows: int, reader: StampReader) -> Stamps:
    """Times of rows counted from ``options.start``, which is local; every row is a real interval later."""
    assert options.start is not None
    assert options.step is not None
    begin = datetime.fromisoformat(options.start).replace(tzinfo=ZoneInfo(options.timezone)).astimezone(UTC)
    start = int(begin.timestamp()) // 60
    instants = start + (first + np.arange(rows, dtype=np.int64)) * options.step
    return place(np.zeros(0, dtype=np.int64), instants, reader.clock)[1]
