"""Spool: the readings of a fleet on disk, one record per meter, read back in any order.

A record is the meter's days in a row. Readings that are whole watt-hours up to 65,534 take two bytes each
(65,535 = no reading): 35 kB for a half-hourly meter-year, and they come back bit for bit, since kWh in
files are such numbers divided by 1000. Other meters take four bytes a reading, as they are. Records are
not compressed: what that saves in space costs more time than reading the space.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.errors import ShapeError
from loadprofile.ingest.clock import clock_of
from loadprofile.profiles import TALLY, LoadProfiles, frozen

EMPTY = 65535
"""Watt-hours that stand for "no reading"."""

KWH = (np.arange(EMPTY + 1) / 1000.0).astype(np.float32)
KWH[EMPTY] = np.nan
KWH.flags.writeable = False
"""kWh of each number of watt-hours."""


@dataclass(frozen=True, eq=False, slots=True)
class Spool:
    """A population on disk; what ``LoadProfiles`` holds, but for the readings.

    Attributes:
        path: the file of records.
        meter_ids: ``(n,)`` str.
        days: ``(d,)`` datetime64[D], the days of all meters together.
        step_minutes, timezone, exists, row_tally, folded_kwh: as in ``LoadProfiles``.
        at: ``(n,)`` int64, first byte of each record.
        first: ``(n,)`` int64, place in ``days`` of each record's first day.
        length: ``(n,)`` int64, days in each record.
        short: ``(n,)`` bool, two bytes a reading.

    Raises:
        ShapeError: when lengths do not fit together.
    """

    path: Path
    meter_ids: NDArray[np.str_]
    days: NDArray[np.datetime64]
    step_minutes: int
    timezone: str
    exists: NDArray[np.bool_]
    row_tally: NDArray[np.int64]
    folded_kwh: NDArray[np.float64]
    at: NDArray[np.int64]
    first: NDArray[np.int64]
    length: NDArray[np.int64]
    short: NDArray[np.bool_]

    def __post_init__(self) -> None:
        for name in ("row_tally", "folded_kwh", "at", "first", "length", "short"):
            value = getattr(self, name)
            if len(value) != len(self.meter_ids):
                raise ShapeError(name, len(value), len(self.meter_ids))
            object.__setattr__(self, name, frozen(value))

    def __len__(self) -> int:
        return len(self.meter_ids)

    def batches(self, size: int) -> Iterator[LoadProfiles]:
        """Cubes of at most ``size`` meters, one after the other."""
        for start in range(0, len(self), size):
            yield self.take(slice(start, start + size))

    def take(self, rows: NDArray[np.intp] | slice) -> LoadProfiles:
        """Some of the meters as a cube over all days of the spool, in the order asked for."""
        if isinstance(rows, slice):
            rows = np.arange(len(self))[rows]
        s = 1440 // self.step_minutes
        kwh = np.empty((len(rows), len(self.days), s), dtype=np.float32)
        with self.path.open("rb") as file:
            handle = file.fileno()
            for place in np.argsort(self.at[rows], kind="stable").tolist():
                row = rows[place]
                count = int(self.length[row]) * s
                begin = int(self.first[row])
                short = bool(self.short[row])
                data = os.pread(handle, count * (2 if short else 4), int(self.at[row]))
                cells = kwh[place].reshape(-1)
                cells[: begin * s] = np.nan
                cells[begin * s + count :] = np.nan
                into = cells[begin * s : begin * s + count]
                if short:
                    np.take(KWH, np.frombuffer(data, dtype="<u2"), out=into)
                else:
                    into[:] = np.frombuffer(data, dtype="<f4")
        return LoadProfiles(
            self.meter_ids[rows], self.days, kwh, self.step_minutes, self.timezone, self.exists,
            self.row_tally[rows], self.folded_kwh[rows],
        )  # fmt: skip

    def only(self, rows: NDArray[np.intp]) -> Spool:
        """Some of the meters, in the order asked for; the records stay where they are."""
        return Spool(
            self.path, self.meter_ids[rows], self.days, self.step_minutes, self.timezone, self.exists,
            self.row_tally[rows], self.folded_kwh[rows], self.at[rows], self.first[rows], self.length[rows],
            self.short[rows],
        )  # fmt: skip

    def between(self, first: np.datetime64, last: np.datetime64) -> Spool:
        """The same meters from day ``first`` to day ``last``, both included; the records stay as they are."""
        s = 1440 // self.step_minutes
        low, high = (int(x) for x in np.searchsorted(self.days, [first, last + np.timedelta64(1, "D")]))
        begin = np.clip(self.first, low, high)
        end = np.clip(self.first + self.length, begin, high)
        skipped = np.minimum(begin - self.first, self.length)
        return Spool(
            self.path, self.meter_ids, self.days[low:high], self.step_minutes, self.timezone,
            self.exists[low:high], self.row_tally, self.folded_kwh,
            self.at + skipped * s * np.where(self.short, 2, 4), begin - low, end - begin, self.short,
        )  # fmt: skip


@dataclass(slots=True)
class SpoolWriter:
    """Takes cubes of different meters with one interval length, writes them and remembers where.

    ``finish`` gives the spool; a meter may come once only.
    """

    path: Path
    step_minutes: int
    timezone: str
    _seen: set[str] = field(default_factory=set)
    _parts: list[tuple[NDArray[np.str_], int, int, NDArray[np.bool_]]] = field(default_factory=list)
    _tallies: list[NDArray[np.int64]] = field(default_factory=list)
    _folded: list[NDArray[np.float64]] = field(default_factory=list)

    def __contains__(self, meter_id: str) -> bool:
        return meter_id in self._seen

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, profiles: LoadProfiles) -> None:
        """Write the meters of a cube.

        Raises:
            ShapeError: another interval length, or a meter that is there already.
        """
        if profiles.step_minutes != self.step_minutes:
            raise ShapeError("step_minutes", profiles.step_minutes, self.step_minutes)
        self._write(profiles.meter_ids, profiles.days[0], profiles.kwh)
        self._tallies.append(profiles.row_tally)
        self._folded.append(profiles.folded_kwh)

    def add_energies(
        self, meter_ids: NDArray[np.str_], first: np.datetime64, kwh: NDArray[np.float32]
    ) -> NDArray[np.int64]:
        """Write ``(n, d, s)`` kWh; NaN and infinities are no readings. Returns the meters' tallies.

        Raises:
            ShapeError: other slots a day, or a meter that is there already.
        """
        if kwh.ndim != 3 or kwh.shape[2] * self.step_minutes != 1440:
            raise ShapeError("kwh", kwh.shape, ("n", "d", 1440 // self.step_minutes))
        kwh = np.where(np.isfinite(kwh), kwh, np.float32(np.nan))
        self._write(meter_ids, first, kwh)
        return self._tallied(np.isnan(kwh).reshape(len(kwh), -1))

    def _write(self, ids: NDArray[np.str_], first: np.datetime64, kwh: NDArray[np.float32]) -> None:
        n = len(ids)
        flat = kwh.reshape(n, -1)
        row = np.empty(flat.shape[1], dtype=np.uint16)
        short = np.zeros(n, dtype=np.bool_)
        with self.path.open("ab") as file:
            for i in range(n):
                short[i] = _watt_hours(np.ascontiguousarray(flat[i]), KWH, row)
                file.write(row.astype("<u2", copy=False).data if short[i] else flat[i].astype("<f4").data)
        self._remember(ids, first, kwh.shape[1], short)

    def _tallied(self, missing: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Tallies from ``(n, cells)``; kept, and returned."""
        tally = np.zeros((len(missing), len(TALLY)), dtype=np.int64)
        tally[:, TALLY.index("missing")] = missing.sum(axis=1)
        tally[:, TALLY.index("used")] = missing.shape[1] - missing.sum(axis=1)
        self._tallies.append(tally)
        self._folded.append(np.zeros(len(missing)))
        return tally

    def add_watt_hours(
        self, meter_ids: NDArray[np.str_], first: np.datetime64, watt_hours: NDArray[np.uint16]
    ) -> NDArray[np.int64]:
        """Write ``(n, d * s)`` watt-hours as they are. Returns the meters' tallies.

        Raises:
            ShapeError: no whole days, or a meter that is there already.
        """
        n, cells = watt_hours.shape
        s = 1440 // self.step_minutes
        if cells % s:
            raise ShapeError("watt_hours", cells, f"a multiple of {s}")
        with self.path.open("ab") as file:
            file.write(np.ascontiguousarray(watt_hours, dtype="<u2").data)
        self._remember(meter_ids, first, cells // s, np.ones(n, dtype=np.bool_))
        return self._tallied(watt_hours == EMPTY)

    def _remember(
        self, ids: NDArray[np.str_], first: np.datetime64, days: int, short: NDArray[np.bool_]
    ) -> None:
        names = set(ids.tolist())
        if len(names) != len(ids) or names & self._seen:
            raise ShapeError("meter_ids", "a meter twice", "every meter once")
        self._seen |= names
        self._parts.append((ids, int(first.astype("datetime64[D]").astype(np.int64)), days, short))

    def finish(self) -> Spool:
        """The spool of everything that was written; nothing may be added afterwards."""
        s = 1440 // self.step_minutes
        counts = [len(part[0]) for part in self._parts]
        begin = np.repeat([part[1] for part in self._parts], counts)
        length = np.repeat([part[2] for part in self._parts], counts)
        short = np.concatenate([part[3] for part in self._parts])
        size = length * s * np.where(short, 2, 4)
        low, high = int(begin.min()), int((begin + length).max())
        days = np.arange(low, high).astype("datetime64[D]")
        return Spool(
            self.path, np.concatenate([part[0] for part in self._parts]), days, self.step_minutes,
            self.timezone, clock_of(self.timezone).exists(low, high - low, self.step_minutes),
            np.concatenate(self._tallies), np.concatenate(self._folded),
            np.concatenate([[0], np.cumsum(size)[:-1]]).astype(np.int64), begin - low, length, short,
        )  # fmt: skip


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _watt_hours(kwh: NDArray[np.float32], table: NDArray[np.float32], out: NDArray[np.uint16]) -> bool:
    """Fill ``out`` with watt-hours; False as soon as a reading would not come back bit for bit."""
    for k in range(len(kwh)):
        v = kwh[k]
        if np.isnan(v):
            out[k] = 65535
            continue
        whole = np.float32(v * np.float32(1000.0)) + np.float32(0.5)
        if not 0.5 <= whole < 65535.0:
            return False
        code = np.uint16(whole)
        if table[code] != v or (v == 0.0 and np.signbit(v)):
            return False
        out[k] = code
    return True
