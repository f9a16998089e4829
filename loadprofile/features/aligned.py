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

PER_SLOT = ("total", "square", "seen")
"""What is summed per kind of day and slot: adjusted kWh, its square, and how many there are."""


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
        kwh: ``(d, s)`` kWh per slot; NaN = missing or skipped by the clock.
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
    reach = SPAN * s
    values = np.empty(2 * reach + s, dtype=np.float32)
    slots = np.empty((2, len(PER_SLOT), s))
    x = np.empty(s)
    for side in range(2):
        marks[side] = 0
        slots[:] = 0.0
        n = 0
        for part in range(2):
            if side == 0:
                first, last = (max(0, onset - reach), onset) if part == 0 else (end, min(end + reach, d * s))
            else:
                first, last = (onset, min(end, onset + reach)) if part == 0 else (0, 0)
            previous = np.nan
            for t in range(first // s, (last + s - 1) // s):
                begin, stop = max(first - t * s, 0), min(last - t * s, s)
                _adjust(kwh[t], peers[t], begin, stop, x, slots[1 if weekend[t] else 0])
                _count(kwh[t], x, peers[t], exists[t], begin, stop, marks[side])
                for k in range(begin, stop):
                    values[n] = x[k]
                    n += np.isfinite(x[k])
                previous = _roughness(x, exists[t], begin, stop, previous, marks[side])
                _day_variation(x, marks[side])
        if marks[side, 8] > 0:
            marks[side, 7] /= marks[side, 8]
        _sum_up(slots, clock[side], profile[side])
        quantiles[side] = np.nan
        if n >= 20:
            ordered = in_order(values[:n])
            for j in range(len(QUANTILES)):
                quantiles[side, j] = ordered[min(int(QUANTILES[j] * n), n - 1)]
        marks[side, 9] = _spread_of_level(level, onset, end, s, side)


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _adjust(
    kwh: NDArray[np.float32],
    peers: NDArray[np.float64],
    begin: int,
    stop: int,
    x: NDArray[np.float64],
    sums: NDArray[np.float64],
) -> None:
    """Adjusted kWh of a day's slots ``[begin, stop)`` into ``x``, NaN = none; added to the sums per slot."""
    width = len(kwh) // 8
    for block in range(8):
        part = 1.0 / peers[block]
        for k in range(block * width, (block + 1) * width):
            x[k] = kwh[k] * part
    x[:begin] = np.nan
    x[stop:] = np.nan
    total, square, seen = sums[0], sums[1], sums[2]
    for k in range(len(kwh)):
        known = np.isfinite(x[k])
        share = x[k] if known else 0.0
        total[k] += share
        square[k] += share * share
        seen[k] += 1.0 if known else 0.0


@njit(cache=True, nogil=True, fastmath={"reassoc"})  # type: ignore[untyped-decorator]
def _count(
    kwh: NDArray[np.float32],
    x: NDArray[np.float64],
    peers: NDArray[np.float64],
    exists: NDArray[np.bool_],
    begin: int,
    stop: int,
    marks: NDArray[np.float64],
) -> None:
    """Add the slots ``[begin, stop)`` of a day to the marks that are plain sums."""
    present, missing, zero, raw = 0, 0, 0, 0.0
    for k in range(begin, stop):
        read = np.isfinite(kwh[k])
        present += read
        missing += exists[k] and not read
        zero += kwh[k] == 0
        raw += np.float64(kwh[k]) if np.isfinite(x[k]) else 0.0
    marks[0] += present
    marks[1] += missing
    marks[2] += zero
    marks[6] += raw
    width = len(kwh) // 8
    for block in range(8):
        known = 0
        for k in range(block * width, (block + 1) * width):
            known += np.isfinite(x[k])
        marks[5] += known * peers[block] if known else 0.0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _roughness(
    x: NDArray[np.float64],
    exists: NDArray[np.bool_],
    begin: int,
    stop: int,
    previous: float,
    marks: NDArray[np.float64],
) -> float:
    """Add the absolute steps of a day to the marks; ``previous`` and result: last adjusted kWh of a day."""
    rough, steps = 0.0, 0
    for k in range(begin, stop):
        if exists[k]:  # a slot that the clock skipped parts nothing
            step = x[k] - previous
            known = np.isfinite(step)
            rough += abs(step) if known else 0.0
            steps += known
            previous = x[k]
    marks[3] += rough
    marks[4] += steps
    return previous


@njit(cache=True, nogil=True, fastmath={"reassoc"})  # type: ignore[untyped-decorator]
def _day_variation(x: NDArray[np.float64], marks: NDArray[np.float64]) -> None:
    """Add a day's coefficient of variation to the marks if its last slot and three quarters are known."""
    s = len(x)
    if not np.isfinite(x[s - 1]):
        return
    n, total, square = 0, 0.0, 0.0
    for k in range(s):
        known = np.isfinite(x[k])
        n += known
        total += x[k] if known else 0.0
        square += x[k] * x[k] if known else 0.0
    if 4 * n >= 3 * s and total > 0:
        mean = total / n
        marks[7] += np.sqrt(max(square / n - mean * mean, 0.0)) / mean
        marks[8] += 1


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _sum_up(slots: NDArray[np.float64], clock: NDArray[np.float64], profile: NDArray[np.float64]) -> None:
    """From sums per kind of day and slot to hours and the mean day of one side."""
    s = len(profile)
    clock[:] = 0.0
    for k in range(s):
        for kind in range(2):
            for q in range(len(PER_SLOT)):
                clock[kind, k * 24 // s, q] += slots[kind, q, k]
        n = slots[0, 2, k] + slots[1, 2, k]
        profile[k] = (slots[0, 0, k] + slots[1, 0, k]) / n if n > 0 else np.nan


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _spread_of_level(level: NDArray[np.float64], onset: int, end: int, s: int, side: int) -> float:
    """Standard deviation of the level over the whole days of one side; NaN with under three."""
    total, square, n = 0.0, 0.0, 0
    for t in range(len(level)):
        inside = onset <= t * s and (t + 1) * s <= end
        outside = (t + 1) * s <= onset or t * s >= end
        if np.isfinite(level[t]) and (inside if side == 1 else outside):
            total += level[t]
            square += level[t] * level[t]
            n += 1
    return float(np.sqrt(max(square / n - (total / n) ** 2, 0.0))) if n >= 3 else np.nan


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
    t, k = first // s, first % s - 1
    for at in range(first, min(onset + 2, d * s)):
        k += 1
        if k == s:
            t, k = t + 1, 0
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
