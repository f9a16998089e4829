"""Readings that never fall for a day and longer: a register's index where the interval's energy belongs."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.profiles import frozen

INDEX = ("index_days", "index_rises", "index_per_day_rel", "when.index_first", "when.index_last")
"""Days of the longest run of readings that never fall; share of its steps that rise; what it rises by in a
day over its mean reading; its first slot and the end of its last."""

LEAST_DAYS = 0.9
"""Shorter runs are told by nobody: a quiet night may rise for hours."""

LEAST_RISE = 1 / 3
"""In a day it must rise by so much of the other days' energy: an index rises by a day's energy, a line
between two readings (interpolation) or a day put in order by a reading or two."""

UNEVEN = 0.4
"""Where there are no other days: least relative spread of the rises; those of a line are alike."""

SHARE_RISING = 0.2
"""A constant value never falls either: so many of the steps must rise."""

Array = NDArray[np.float64]


def index_runs(kwh: NDArray[np.float32]) -> Array:
    """``(n, 5)`` columns ``INDEX`` of each meter: 0 days where no run is long enough, NaN without readings.

    Args:
        kwh: ``(n, d, s)`` float32, NaN = missing; missing slots neither end a run nor count in it.
    """
    out = np.full((len(kwh), len(INDEX)), np.nan)
    n, d, s = kwh.shape
    _index_runs(frozen(np.ascontiguousarray(kwh)).reshape(n, d * s), s, out)
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _index_runs(kwh: NDArray[np.float32], slots_per_day: int, out: Array) -> None:
    least = int(np.ceil(LEAST_DAYS * slots_per_day))
    for i in range(len(kwh)):
        values = kwh[i]
        begin, end, seen, rises = -1, -1, 0, 0
        before = np.float32(np.nan)
        for k in range(len(values) + 1):
            v = values[k] if k < len(values) else np.float32(-np.inf)
            if v >= before:
                rises += int(v > before)
                seen += 1
                end, before = k, v
            elif not np.isnan(v):  # a fall, or the very first reading; a missing one is neither
                if seen >= least and rises >= SHARE_RISING * seen:
                    _tell(values, begin, end, seen, rises, slots_per_day, out[i])
                begin, end, seen, rises, before = k, k, 1, 0, v
        if np.isnan(out[i, 0]) and begin >= 0 and np.isfinite(values).any():
            out[i, 0] = 0.0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _tell(
    values: NDArray[np.float32],
    begin: int,
    end: int,
    seen: int,
    rises: int,
    slots_per_day: int,
    out: Array,
) -> None:
    """Write the run down if it is an index and the longest so far."""
    days = seen / slots_per_day
    if not np.isnan(out[0]) and days <= out[0]:
        return
    total, squares, other, others = 0.0, 0.0, 0.0, 0
    before = np.float64(values[begin])
    for k in range(len(values)):
        v = np.float64(values[k])
        if np.isnan(v):
            continue
        if begin <= k <= end:
            total += v
            squares += (v - before) ** 2
            before = v
        else:
            other += v
            others += 1
    gone = np.float64(values[end]) - np.float64(values[begin])
    if others >= slots_per_day:
        real = gone / days >= LEAST_RISE * slots_per_day * other / others
    else:
        mean = gone / rises
        real = squares / rises - mean * mean >= (UNEVEN * mean) ** 2
    if real:
        out[0] = days
        out[1] = rises / (seen - 1)
        out[2] = gone / days / max(total / seen, 1e-12)
        out[3] = begin / slots_per_day
        out[4] = (end + 1) / slots_per_day
