"""The series layout: one row per meter, all its readings in one cell (Parquet).

Columns: ``meter_id``; ``start``, the first day (a date, or a time stamp at midnight); ``step_minutes``
(15, 30 or 60; may be left out if ``ReadOptions.step`` says it); and the readings from the first slot of
that day to the last slot of the last day, either ``wh``, little-endian unsigned 16-bit watt-hours in a
binary cell (65535 = no reading), or ``kwh``, a list of numbers (null or NaN = no reading). Slots are local
wall-clock slots: a day has ``1440 / step_minutes`` of them also where the clock changes.

It is the layout for fleets: long rows of the same readings take ten to fifty times as long to read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from loadprofile.errors import MissingColumnsError, UnreadableFileError
from loadprofile.ingest.options import STEP_CHOICES, ReadOptions
from loadprofile.ingest.readings import Reject, RejectLog, shorten

ROWS = 512
"""Meters taken at a time."""

MISSING = 65535


@dataclass(frozen=True, eq=False, slots=True)
class Series:
    """Meters with the same first day, interval length and number of days.

    Attributes:
        meter_ids: ``(n,)`` str.
        first: first day.
        step: minutes.
        watt_hours: ``(n, d * s)`` uint16, 65535 = no reading; None where ``kwh`` holds the readings.
        kwh: ``(n, d * s)`` float32, NaN = no reading; None where ``watt_hours`` holds them.
        rows: ``(n,)`` rows in the file, from 1.
        file: its name.
        done: share of the file that has been read with this chunk.
    """

    meter_ids: NDArray[np.str_]
    first: np.datetime64
    step: int
    watt_hours: NDArray[np.uint16] | None
    kwh: NDArray[np.float32] | None
    rows: NDArray[np.int64]
    file: str
    done: float

    def energies(self) -> NDArray[np.float32]:
        """``(n, d, s)`` kWh, NaN = no reading."""
        s = 1440 // self.step
        kwh = self.kwh
        if kwh is None:
            assert self.watt_hours is not None
            kwh = (self.watt_hours / 1000.0).astype(np.float32)
            kwh[self.watt_hours == MISSING] = np.nan
        return kwh.reshape(len(kwh), -1, s)


def is_series(schema: pa.Schema) -> bool:
    """Whether a Parquet file is in this layout: a cell holds many readings."""
    kinds = dict(zip(schema.names, schema.types, strict=True))
    listed = [kinds[name] for name in ("wh", "kwh") if name in kinds]
    return "meter_id" in kinds and any(_is_binary(k) or _is_list(k) for k in listed)


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def count_readings(path: Path) -> int:
    """About how many readings a file holds, from its first row and its number of rows."""
    with pq.ParquetFile(path) as file:
        name = "wh" if "wh" in file.schema_arrow.names else "kwh"
        for batch in file.iter_batches(batch_size=1, columns=[name]):
            cell = batch.column(0)[0].as_py()
            return int(file.metadata.num_rows) * (len(cell or ()) // (2 if name == "wh" else 1))
    return 0


def read_series(path: Path, options: ReadOptions, log: RejectLog) -> Iterator[Series]:
    """Meters of a file, some hundred at a time; a row that is no meter goes to the log.

    Raises:
        MissingColumnsError: without its columns.
        UnreadableFileError: for a damaged file.
    """
    name = str(path)
    try:
        # without pre_buffer: with it all pages read so far stay in memory
        with pq.ParquetFile(path, pre_buffer=False) as file:
            names = file.schema_arrow.names
            missing = [n for n in ("meter_id", "start") if n not in names]
            if "step_minutes" not in names and options.step is None:
                missing.append("step_minutes")
            if missing:
                raise MissingColumnsError(path, missing, names)
            values = "wh" if "wh" in names else "kwh"
            wanted = [n for n in ("meter_id", "start", "step_minutes", values) if n in names]
            row, total = 0, max(file.metadata.num_rows, 1)
            for batch in file.iter_batches(batch_size=ROWS, columns=wanted, use_threads=False):
                yield from _grouped(batch, values, options, log, name, row, (row + len(batch)) / total)
                row += len(batch)
    except (pa.ArrowException, OSError) as error:
        why = str(error).strip().splitlines()[0][:120]
        raise UnreadableFileError(path, f"damaged Parquet file ({why})") from None


def _grouped(
    batch: pa.RecordBatch, values: str, options: ReadOptions, log: RejectLog, file: str, before: int,
    done: float,
) -> Iterator[Series]:  # fmt: skip
    """The meters of a batch, those alike together."""
    ids = np.array([("" if x is None else str(x).strip()) for x in batch.column("meter_id").to_pylist()])
    first = _days(batch.column("start"))
    if options.step is None:
        step = batch.column("step_minutes").to_numpy(zero_copy_only=False).astype(np.float64)
    else:
        step = np.full(len(ids), float(options.step))
    cells = batch.column(values)
    starts, flat = _flat(cells)
    count = np.diff(starts)
    good = (ids != "") & ~np.isnat(first) & np.isin(step, STEP_CHOICES)
    slots = np.where(good, 1440 / np.where(good, step, 30), 1).astype(np.int64)
    whole = (count > 0) & (count % slots == 0)
    for at in np.flatnonzero(~(good & whole)).tolist():
        reason = _wrong(ids[at], first[at], step[at])
        lost = max(int(count[at]), 1)
        log.add(Reject(file, before + at + 1, reason, shorten(f"{ids[at]},{first[at]}"), str(ids[at]), lost))
    keep = good & whole
    key = np.stack([first.astype(np.int64), np.where(keep, step, 0).astype(np.int64), count], axis=1)
    kinds = np.unique(key[keep], axis=0)
    for kind in kinds:
        rows = np.flatnonzero(keep & (key == kind).all(axis=1))
        length = int(kind[2])
        if len(rows) == rows[-1] - rows[0] + 1:
            block: NDArray[Any] = flat[starts[rows[0]] : starts[rows[-1] + 1]].reshape(len(rows), length)
        else:
            block = np.stack([flat[starts[r] : starts[r + 1]] for r in rows])
        short = values == "wh"
        yield Series(
            ids[rows], np.datetime64(int(kind[0]), "D"), int(kind[1]),
            block if short else None, None if short else _in_kwh(block, options, int(kind[1])),
            before + rows + 1, file, done,
        )  # fmt: skip


def _wrong(meter: str, first: np.datetime64, step: float) -> str:
    if not meter:
        return "no meter id"
    if np.isnat(first):
        return "no first day, or not at midnight"
    if step not in STEP_CHOICES:
        return f"an interval of {step:g} minutes; 15, 30 or 60 are needed"
    return "not a whole number of days"


def _in_kwh(values: NDArray[np.float32], options: ReadOptions, step: int) -> NDArray[np.float32]:
    factor = {"kWh": 1.0, "Wh": 1e-3, "kW": step / 60.0}[options.unit]
    return values if factor == 1.0 else (values * factor).astype(np.float32)


def _days(column: pa.Array) -> NDArray[np.datetime64]:
    """First days; NaT where a cell is no date or not a midnight."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = pc.strptime(column, format="%Y-%m-%d", unit="s", error_is_null=True)
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        column = pc.local_timestamp(column)
    moments = column.to_numpy(zero_copy_only=False).astype("datetime64[m]")
    days: NDArray[np.datetime64] = moments.astype("datetime64[D]")
    days[days != moments] = np.datetime64("NaT")
    return days


def _flat(cells: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.uint16] | NDArray[np.float32]]:
    """Where each row's readings begin in one array of all readings, ``(n + 1,)``, and that array."""
    if _is_binary(cells.type):
        wide = pa.types.is_large_binary(cells.type)
        _, offsets, data = cells.buffers()
        at = np.frombuffer(offsets, dtype=np.int64 if wide else np.int32)
        at = at[cells.offset : cells.offset + len(cells) + 1].astype(np.int64)
        if (at % 2).any() or data is None:
            pieces = [np.frombuffer((c or b"")[: len(c or b"") // 2 * 2], "<u2") for c in cells.to_pylist()]
            ends = np.cumsum([0, *(len(p) for p in pieces)]).astype(np.int64)
            return ends, np.concatenate(pieces) if pieces else np.empty(0, dtype=np.uint16)
        return at // 2 - at[0] // 2, np.frombuffer(data, dtype="<u2")[at[0] // 2 : at[-1] // 2]
    lengths = pc.fill_null(pc.list_value_length(cells), 0).to_numpy(zero_copy_only=False)
    flat = cells.flatten().cast(pa.float32()).to_numpy(zero_copy_only=False)
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), flat.astype(np.float32, copy=False)
