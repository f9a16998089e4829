"""Sums over the readings before and after a change, like compared with like.

Readings are divided by what the peers did on the same day and block, and collected per kind of day
(weekday, weekend) and clock hour, so that a stretch with more Sundays or a colder month is not a
change. At most ``SPAN`` days on each side are used: near days are the most alike. Where the change
has ended, the days after its end stand with the days before.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.features.ordering import in_order

SPAN = 63
"""Days used on each side of the onset."""

QUANTILES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.995)

MARKS = ("present", "missing", "zero", "rough", "steps", "peers", "raw", "day_cv", "days", "level_sd")
"""What is counted on each side besides the clock sums: slots present, missing and zero; sum and
number of absolute steps between neighbouring slots (adjusted kWh); sum of the peers' movement over
present slots; raw kWh; mean over days of the within-day coefficient of variation; days in that mean;
standard deviation of the settled level."""


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def gather(
    kwh: NDArray[np.float32],
    peers: NDArray[np.float64],
    exists: NDArray[np.bool_],
    weekend: NDArray[np.bool_],
    level: NDArray[np.float64],
    onset: int,
    end: int,
    clock: NDArray[np.float64],
    profile: NDArray[np.float64],
    quantiles: NDArray[np.float64],
    marks: NDArray[np.float64],
) -> None:
    """Fill the four result arrays of one meter; index 0 is before (and after the end), 1 is after.

    Args:
        kwh: ``(d, s)`` kWh per slot.
        peers: ``(d, 8)`` movement of the peers; NaN leaves the slot out of all sums but the counts.
        exists: ``(d, s)`` False where the clock change skipped a slot.
        weekend: ``(d,)``.
        level: ``(d,)`` settled level series (for its spread).
        onset: slots since the first day.
        end: slots since the first day; ``d * s`` when still on.
        clock: ``(2, 2, 24, 3)`` out, per side, kind of day and hour: sum, sum of squares and count of
            adjusted kWh.
        profile: ``(2, s)`` out: mean adjusted kWh per slot of the day.
        quantiles: ``(2, len(QUANTILES))`` out, of adjusted kWh; NaN with under 20 readings.
        marks: ``(2, len(MARKS))`` out.
    """
    d, s = kwh.shape
    per_hour = s // 24
    per_block = s // 8
    reach = SPAN * s
    values = np.empty(2 * reach + s, dtype=np.float32)
    for side in range(2):
        clock[side] = 0
        marks[side] = 0
        profile[side] = np.nan
        quantiles[side] = np.nan
        sums = np.zeros(s)
        counts = np.zeros(s)
        n = 0
        for part in range(2):
            if side == 0:
                first, last = (max(0, onset - reach), onset) if part == 0 else (end, min(end + reach, d * s))
            else:
                first, last = (onset, min(end, onset + reach)) if part == 0 else (0, 0)
            previous = np.nan
            day_n = 0
            day_sum = 0.0
            day_square = 0.0
            for at in range(first, last):
                t = at // s
                k = at % s
                if k == 0:
                    day_n = 0
                    day_sum = 0.0
                    day_square = 0.0
                if not exists[t, k]:
                    continue
                value = kwh[t, k]
                if not np.isfinite(value):
                    marks[side, 1] += 1
                    previous = np.nan
                    continue
                marks[side, 0] += 1
                if value == 0:
                    marks[side, 2] += 1
                peer = peers[t, k // per_block]
                if not np.isfinite(peer):
                    previous = np.nan
                    continue
                x = value / peer
                h = k // per_hour
                kind = 1 if weekend[t] else 0
                clock[side, kind, h, 0] += x
                clock[side, kind, h, 1] += x * x
                clock[side, kind, h, 2] += 1
                sums[k] += x
                counts[k] += 1
                values[n] = x
                n += 1
                if np.isfinite(previous):
                    marks[side, 3] += abs(x - previous)
                    marks[side, 4] += 1
                previous = x
                marks[side, 5] += peer
                marks[side, 6] += value
                day_n += 1
                day_sum += x
                day_square += x * x
                if k == s - 1 and 4 * day_n >= 3 * s and day_sum > 0:
                    mean = day_sum / day_n
                    marks[side, 7] += np.sqrt(max(day_square / day_n - mean * mean, 0.0)) / mean
                    marks[side, 8] += 1
        if marks[side, 8] > 0:
            marks[side, 7] /= marks[side, 8]
        for k in range(s):
            if counts[k] > 0:
                profile[side, k] = sums[k] / counts[k]
        if n >= 20:
            ordered = in_order(values[:n])
            for j in range(len(QUANTILES)):
                quantiles[side, j] = ordered[min(int(QUANTILES[j] * n), n - 1)]
        total = 0.0
        square = 0.0
        m = 0
        for t in range(d):
            inside = onset <= t * s and (t + 1) * s <= end
            outside = (t + 1) * s <= onset or t * s >= end
            if np.isfinite(level[t]) and (inside if side == 1 else outside):
                total += level[t]
                square += level[t] * level[t]
                m += 1
        marks[side, 9] = np.sqrt(max(square / m - (total / m) ** 2, 0.0)) if m >= 3 else np.nan


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def silence_before(kwh: NDArray[np.float32], exists: NDArray[np.bool_], onset: int) -> float:
    """Hours of the longest run of zero or missing slots that ends in the two days up to the onset.

    The longest such run of the four weeks before is taken off: where silence is ordinary it says nothing.
    """
    d, s = kwh.shape
    first = max(0, onset - 30 * s)
    run = 0
    near = 0
    usual = 0
    for at in range(first, min(onset + 2, d * s)):
        t = at // s
        k = at % s
        value = kwh[t, k]
        if not exists[t, k]:
            continue
        if value == 0 or not np.isfinite(value):
            run += 1
        else:
            if at >= onset - 2 * s:
                near = max(near, run)
            else:
                usual = max(usual, run)
            run = 0
    if run > 0 and run <= 14 * s:
        near = max(near, run)  # silence up to the onset itself
    return float(max(near - usual, 0) * 24.0 / s)
