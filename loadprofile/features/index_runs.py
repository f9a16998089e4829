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
    for i in range(len(kwh)):
        values = kwh[i]
        begin, end, seen, rises = -1, -1, 0, 0
        squares, total, before = 0.0, 0.0, np.float32(np.nan)
        all_seen, all_total = 0, 0.0
        for k in range(len(values)):
            if np.isfinite(values[k]):
                all_seen += 1
                all_total += np.float64(values[k])
        known = False
        for k in range(len(values) + 1):
            v = values[k] if k < len(values) else np.float32(-np.inf)
            if np.isnan(v):
                continue
            if v < before or begin < 0:  # a new run; the very first has nothing before it
                days = seen / slots_per_day
                long = days >= LEAST_DAYS and (not known or days > out[i, 0])
                if long and rises >= SHARE_RISING * seen:
                    first = values[begin]
                    gone = np.float64(before) - first
                    others, other = all_seen - seen, all_total - total
                    if others >= slots_per_day:
                        real = gone / days >= LEAST_RISE * slots_per_day * other / others
                    else:
                        mean = gone / rises
                        real = squares / rises - mean * mean >= (UNEVEN * mean) ** 2
                    long = real
                else:
                    long = False
                if long:
                    out[i, 0] = days
                    out[i, 1] = rises / (seen - 1)
                    out[i, 2] = gone / days / max(total / seen, 1e-12)
                    out[i, 3] = begin / slots_per_day
                    out[i, 4] = (end + 1) / slots_per_day
                    known = True
                if k == len(values):
                    break
                begin, seen, rises, total, squares = k, 0, 0, 0.0, 0.0
            elif v > before:
                rise = np.float64(v) - before
                rises += 1
                squares += rise * rise
            seen += 1
            total += np.float64(v)
            end, before = k, v
        if begin >= 0 and not known:
            out[i, 0] = 0.0
