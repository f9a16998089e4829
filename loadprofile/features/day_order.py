"""The order and the tops of a meter's days: shuffled or random readings, and days cut at their own height.

**Disorder.** In a home one interval is like the next. The von Neumann ratio of a day (squared steps between
neighbours over squared distances from the day's mean; von Neumann 1941) is 2 where the order is random and
mostly 0.4 to 1.4 in homes and buildings. **Ceiling.** Of a day's readings one or two come near its highest;
where the day is cut at some height, many are equal to it, whatever that height is today.

Both are searched as one stretch of days, by the largest sum of log-likelihood ratios against the meter's own
other days: the two may begin and end anywhere, and from the first day on too.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.profiles import frozen

DISORDER = (
    "disorder_gain", "disorder_days", "disorder_ratio", "disorder_usual", "disorder_level", "disorder_swing",
    "when.disorder_first", "when.disorder_last",
)  # fmt: skip
"""Log-likelihood of the stretch, its days, mean von Neumann ratio in it and on the other days; log of its
mean reading and of its swing within the day (coefficient of variation) over theirs; its span."""

CEILING = (
    "ceiling_gain", "ceiling_days", "ceiling_share", "ceiling_usual", "when.ceiling_first",
    "when.ceiling_last",
)  # fmt: skip
"""Log-likelihood of the stretch, its days, share of a day's readings at its own top in it and on the others;
its span."""

RANDOM = 2.0
"""Von Neumann ratio of readings in random order."""

MOST = 3.0
"""Most that one day may say for or against, in logs: no single odd day makes a stretch."""

LEAST_READINGS = 0.8
"""Share of a day's slots that must be there for its order to be judged."""

NEAR_TOP = 0.995
"""A reading counts as at the day's top from this share of it on."""

FEWEST_STEPS = 30.0
"""A top of fewer counting steps than this is reached twice by rounding: such a day is not judged. Nor is one
whose top lies below the meter's mean: in an empty home the fridge's plateau is the day's top."""

TYPICAL = 5.0
"""Readings beside the first that stand at the top of a cut day: few where little was cut, many where much."""

Array = NDArray[np.float64]


def day_order(kwh: NDArray[np.float32], step_kwh: NDArray[np.floating]) -> Array:
    """``(n, 14)`` columns ``DISORDER`` and ``CEILING`` of each meter, NaN = too few days to tell.

    Args:
        kwh: ``(n, d, s)`` float32, NaN = missing.
        step_kwh: ``(n,)`` step in which each meter counts, kWh; NaN = none found.
    """
    out = np.full((len(kwh), len(DISORDER) + len(CEILING)), np.nan)
    _day_order(frozen(np.ascontiguousarray(kwh)), np.asarray(step_kwh, dtype=np.float64), out)
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _day_order(kwh: NDArray[np.float32], step_kwh: Array, out: Array) -> None:
    n, d, _ = kwh.shape
    order, tops, level, swing = np.empty(d), np.empty(d), np.empty(d), np.empty(d)
    ratios = np.empty(d)
    for i in range(n):
        floor = 0.0 if np.isnan(step_kwh[i]) else FEWEST_STEPS * step_kwh[i]
        floor = max(floor, _mean(kwh[i]))
        for t in range(d):
            order[t], tops[t], level[t], swing[t] = _of_day(kwh[i, t], floor)
        usual, spread = _usual(order, 0.3)
        if not np.isnan(usual):
            for _ in range(2):  # once more against the days outside of what was found
                low = min(usual, 1.6)
                wide = max(spread, 0.2)
                for t in range(d):
                    gain = (RANDOM - low) * (order[t] - 0.5 * (low + RANDOM)) / (wide * wide)
                    ratios[t] = min(max(gain, -MOST), MOST) if np.isfinite(order[t]) else 0.0
                first, last, gain = _best_stretch(ratios)
                usual, spread, inside, days = _outside(order, first, last, usual, spread)
            _tell(out[i, :4], gain, days, inside, usual)
            if last > first:
                for at, values in ((4, level), (5, swing)):
                    before, _, now, _ = _outside(values, first, last, np.nan, 0.0)
                    out[i, at] = np.log(now / before)
                out[i, 6], out[i, 7] = first, last
        usual, _ = _usual(tops, 0.3)
        if not np.isnan(usual):
            share = _mean_low(tops)
            for _ in range(2):
                low = min(max(share, 0.3), 2.0)
                for t in range(d):
                    gain = tops[t] * np.log(TYPICAL / low) - (TYPICAL - low)
                    ratios[t] = min(max(gain, -MOST), MOST) if np.isfinite(tops[t]) else 0.0
                first, last, gain = _best_stretch(ratios)
                share, _, inside, days = _outside(tops, first, last, share, 0.0)
            s = kwh.shape[2]
            _tell(out[i, 8:12], gain, days, inside / s, share / s)
            if last > first:
                out[i, 12], out[i, 13] = first, last


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _mean(kwh: NDArray[np.float32]) -> float:
    """Mean of the known readings ``(d, s)``; 0 without any."""
    total, seen = 0.0, 0
    for t in range(kwh.shape[0]):
        for k in range(kwh.shape[1]):
            if np.isfinite(kwh[t, k]):
                total += kwh[t, k]
                seen += 1
    return total / seen if seen else 0.0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _of_day(day: NDArray[np.float32], floor: float) -> tuple[float, float, float, float]:
    """Von Neumann ratio of a day, how many readings beside the first stand at its top, mean and swing."""
    s = len(day)
    seen, total, top = 0, 0.0, 0.0
    for k in range(s):
        if np.isfinite(day[k]):
            seen += 1
            total += day[k]
            top = max(top, day[k])
    if seen < LEAST_READINGS * s or top <= 0.0:
        return np.nan, np.nan, np.nan, np.nan
    mean = total / seen
    far, moved, pairs, near = 0.0, 0.0, 0, 0
    for k in range(s):
        if np.isfinite(day[k]):
            far += (day[k] - mean) ** 2
            near += day[k] >= NEAR_TOP * top
            if k > 0 and np.isfinite(day[k - 1]):
                moved += (np.float64(day[k]) - day[k - 1]) ** 2
                pairs += 1
    if far <= 1e-6 * seen * mean * mean or pairs == 0 or mean <= 0.0:
        return np.nan, np.nan, np.nan, np.nan
    order = (moved / pairs) / (far / seen)
    at_top = near - 1.0
    if top < floor or near > 0.7 * seen:
        at_top = np.nan
    return order, at_top, mean, np.sqrt(far / seen) / mean


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _usual(values: Array, quantile: float) -> tuple[float, float]:
    """A low quantile of the known days and their spread below it; NaN with fewer than 10 days."""
    known = np.sort(values[np.isfinite(values)])
    if len(known) < 10:
        return np.nan, np.nan
    middle = known[int(quantile * (len(known) - 1))]
    low = known[int(0.05 * (len(known) - 1))]
    return middle, (middle - low) / 1.1  # from the 5 % to the 30 % quantile of a normal: 1.1 deviations


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _mean_low(values: Array) -> float:
    """Mean of the lower half of the known days."""
    known = np.sort(values[np.isfinite(values)])
    return float(known[: max(len(known) // 2, 1)].mean())


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _best_stretch(gains: Array) -> tuple[int, int, float]:
    """First and past-the-last day of the stretch with the largest sum, and that sum (0, 0, 0 = none)."""
    best, first, last = 0.0, 0, 0
    run, begin = 0.0, 0
    for t in range(len(gains)):
        if run <= 0.0:
            run, begin = 0.0, t
        run += gains[t]
        if run > best:
            best, first, last = run, begin, t + 1
    return first, last, best


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _outside(
    values: Array, first: int, last: int, usual: float, spread: float
) -> tuple[float, float, float, float]:
    """Mean and spread of the days outside a stretch, mean and number of those inside; of known days only.

    With under 10 days outside, mean and spread are as given.
    """
    total, square, n, inside, m = 0.0, 0.0, 0, 0.0, 0
    for t in range(len(values)):
        if np.isfinite(values[t]):
            if first <= t < last:
                inside += values[t]
                m += 1
            else:
                total += values[t]
                square += values[t] ** 2
                n += 1
    if n >= 10:
        usual = total / n
        spread = np.sqrt(max(square / n - usual * usual, 0.0))
    return usual, spread, inside / m if m else np.nan, float(m)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _tell(out: Array, gain: float, days: float, inside: float, usual: float) -> None:
    out[0], out[1], out[2], out[3] = gain, days, inside, usual
