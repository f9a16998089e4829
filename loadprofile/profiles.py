"""LoadProfiles: the population cube that every later stage reads.

One value for a population of meters with one interval length: ``kwh[meter, day, slot]``.
Days run without holes from the first to the last day seen in the input; slots are local
wall-clock slots. Nothing is filled: NaN means "no reading". On the day the clock jumps
forward the skipped slots are NaN too, but ``exists`` is False there and no feature counts
them as missing. On the long day the repeated hour is folded: the cell holds the **mean** of
the two readings, so that a slot stays the energy of one interval (a sum would look like a
spike in every shape feature); the energy of that one extra hour is kept in ``folded_kwh``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from loadprofile.errors import ShapeError

STEPS = (15, 30, 60)
"""Interval lengths in minutes that a cube may have."""

TALLY = ("used", "folded", "missing", "duplicate", "conflicting", "rejected", "negative")
"""Columns of ``LoadProfiles.row_tally``: what became of a meter's rows.

Every row read is exactly one of the first six; ``negative`` counts rows among the used ones.
"""


def frozen(array: NDArray) -> NDArray:  # type: ignore[type-arg]
    """The same array, marked read-only (a view if the input does not own its data)."""
    view = array.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, eq=False, slots=True)
class LoadProfiles:
    """Interval energies of a population of meters.

    Attributes:
        meter_ids: ``(n,)`` str, unique, in the order of the rows of ``kwh``.
        days: ``(d,)`` datetime64[D], consecutive calendar days, local time.
        kwh: ``(n, d, s)`` float32, kWh per interval; NaN = no reading; negative values kept as read.
        step_minutes: 15, 30 or 60; ``s == 1440 // step_minutes``.
        timezone: name of the zone the slots are local to (``"UTC"`` if none was given).
        exists: ``(d, s)`` bool, False for slots that the clock change skipped.
        row_tally: ``(n, len(TALLY))`` int64, what became of each meter's rows (zeros if unknown).
        folded_kwh: ``(n,)`` float64, energy of repeated hours that the mean leaves out of ``kwh``.

    Raises:
        ShapeError: when lengths, types or the day axis do not fit together.
    """

    meter_ids: NDArray[np.str_]
    days: NDArray[np.datetime64]
    kwh: NDArray[np.float32]
    step_minutes: int
    timezone: str = "UTC"
    exists: NDArray[np.bool_] = field(default=None)  # type: ignore[arg-type]
    row_tally: NDArray[np.int64] = field(default=None)  # type: ignore[arg-type]
    folded_kwh: NDArray[np.float64] = field(default=None)  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        ids = np.asarray(self.meter_ids, dtype=np.str_)
        days = np.asarray(self.days).astype("datetime64[D]")
        n, d = len(ids), len(days)
        if self.step_minutes not in STEPS:
            raise ShapeError("step_minutes", self.step_minutes, STEPS)
        s = 1440 // self.step_minutes
        if self.kwh.shape != (n, d, s):
            raise ShapeError("kwh", self.kwh.shape, (n, d, s))
        if self.kwh.dtype != np.float32:
            raise ShapeError("kwh dtype", self.kwh.dtype, "float32")
        if d > 1 and not bool((np.diff(days) == np.timedelta64(1, "D")).all()):
            raise ShapeError("days", "holes or disorder", "consecutive days")
        if len(set(ids.tolist())) != n:
            raise ShapeError("meter_ids", "repeated ids", "unique ids")
        exists = np.ones((d, s), dtype=np.bool_) if self.exists is None else self.exists
        if exists.shape != (d, s):
            raise ShapeError("exists", exists.shape, (d, s))
        tally = np.zeros((n, len(TALLY)), dtype=np.int64) if self.row_tally is None else self.row_tally
        if tally.shape != (n, len(TALLY)):
            raise ShapeError("row_tally", tally.shape, (n, len(TALLY)))
        folded = np.zeros(n) if self.folded_kwh is None else self.folded_kwh
        if folded.shape != (n,):
            raise ShapeError("folded_kwh", folded.shape, (n,))
        for name, value in (
            ("meter_ids", ids), ("days", days), ("kwh", self.kwh),
            ("exists", exists), ("row_tally", tally), ("folded_kwh", folded),
        ):  # fmt: skip
            object.__setattr__(self, name, frozen(value))

    def __len__(self) -> int:
        return len(self.meter_ids)

    @property
    def slots_per_day(self) -> int:
        """Number of slots in a day: 96, 48 or 24."""
        return 1440 // self.step_minutes

    def take(self, rows: NDArray[np.intp] | slice) -> LoadProfiles:
        """The same days for some of the meters (a slice shares memory, an index array copies)."""
        return LoadProfiles(
            meter_ids=self.meter_ids[rows],
            days=self.days,
            kwh=self.kwh[rows],
            step_minutes=self.step_minutes,
            timezone=self.timezone,
            exists=self.exists,
            row_tally=self.row_tally[rows],
            folded_kwh=self.folded_kwh[rows],
        )

    def between(self, first: np.datetime64, last: np.datetime64) -> LoadProfiles:
        """The same meters from day ``first`` to day ``last``, both included."""
        keep = slice(*np.searchsorted(self.days, [first, last + np.timedelta64(1, "D")]))
        return LoadProfiles(
            meter_ids=self.meter_ids,
            days=self.days[keep],
            # contiguous: the kernels are compiled for that layout only
            kwh=np.ascontiguousarray(self.kwh[:, keep]),
            step_minutes=self.step_minutes,
            timezone=self.timezone,
            exists=self.exists[keep],
            row_tally=self.row_tally,
            folded_kwh=self.folded_kwh,
        )

    def with_kwh(self, kwh: NDArray[np.float32]) -> LoadProfiles:
        """The same meters and days with other energies (what the emulator returns)."""
        return LoadProfiles(
            meter_ids=self.meter_ids,
            days=self.days,
            kwh=kwh,
            step_minutes=self.step_minutes,
            timezone=self.timezone,
            exists=self.exists,
            row_tally=self.row_tally,
            folded_kwh=self.folded_kwh,
        )

    def batches(self, size: int) -> Iterator[LoadProfiles]:
        """Slices of at most ``size`` meters that share this cube's memory."""
        for start in range(0, len(self), size):
            yield self.take(slice(start, start + size))
