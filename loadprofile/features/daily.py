"""Three-hour blocks of each day: the coarse series that change and peer features work on.

A block is long enough to smooth the switching of single appliances and short enough to tell night
from evening; 8 blocks a day are 6 to 12 times fewer numbers than the readings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.errors import ShapeError
from loadprofile.profiles import LoadProfiles, frozen

BLOCKS = 8
"""Blocks of a day: 00-03, 03-06, ..., 21-24 local time."""

LEAST_BLOCKS = 6
"""A day's mean is known when at least this many of its blocks are."""


@dataclass(frozen=True, eq=False, slots=True)
class DailyBlocks:
    """Mean power of each 3-hour block of each day.

    Attributes:
        meter_ids: ``(n,)`` str.
        days: ``(d,)`` datetime64[D], consecutive.
        power: ``(n, d, 8)`` float32, kW (kWh per hour), mean over the readings present; NaN where
            fewer than half of the block's existing slots have a reading.

    Raises:
        ShapeError: when the shapes do not fit together.
    """

    meter_ids: NDArray[np.str_]
    days: NDArray[np.datetime64]
    power: NDArray[np.float32]

    def __post_init__(self) -> None:
        shape = (len(self.meter_ids), len(self.days), BLOCKS)
        if self.power.shape != shape:
            raise ShapeError("power", self.power.shape, shape)
        for name in ("meter_ids", "days", "power"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    def __len__(self) -> int:
        return len(self.meter_ids)

    def daily(self) -> NDArray[np.float32]:
        """``(n, d)`` float32, kW: mean of the day's blocks, NaN if fewer than 6 of the 8 are known."""
        return _mean_of_blocks(self.power)

    def take(self, rows: NDArray[np.intp] | slice) -> DailyBlocks:
        """Some of the meters (a slice shares memory, an index array copies)."""
        return DailyBlocks(self.meter_ids[rows], self.days, self.power[rows])


def daily_blocks(profiles: LoadProfiles) -> DailyBlocks:
    """Mean power in kW of each 3-hour block of each day of each meter; see ``DailyBlocks``."""
    power = _block_means(profiles.kwh, profiles.exists, 60.0 / profiles.step_minutes)
    return DailyBlocks(profiles.meter_ids, profiles.days, power)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _block_means(kwh: NDArray[np.float32], exists: NDArray[np.bool_], per_hour: float) -> NDArray[np.float32]:
    n, d, s = kwh.shape
    width = s // 8
    power = np.empty((n, d, 8), dtype=np.float32)
    for i in range(n):
        for j in range(d):
            for b in range(8):
                total = 0.0
                present = 0
                slots = 0
                for t in range(b * width, (b + 1) * width):
                    if exists[j, t]:
                        slots += 1
                        value = kwh[i, j, t]
                        if not np.isnan(value):
                            present += 1
                            total += value
                if present > 0 and 2 * present >= slots:
                    power[i, j, b] = total * per_hour / present
                else:
                    power[i, j, b] = np.nan
    return power


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _mean_of_blocks(power: NDArray[np.float32]) -> NDArray[np.float32]:
    n, d, blocks = power.shape
    mean = np.empty((n, d), dtype=np.float32)
    for i in range(n):
        for j in range(d):
            total = 0.0
            known = 0
            for b in range(blocks):
                if not np.isnan(power[i, j, b]):
                    total += power[i, j, b]
                    known += 1
            mean[i, j] = total / known if known >= 6 else np.nan
    return mean
