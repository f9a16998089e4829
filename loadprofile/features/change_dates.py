"""All change points of a meter's weekly level against its peers: thefts on and off, a fault and its repair.

Least squares with a price on each change point, solved exactly by optimal partitioning (Jackson et al.,
*IEEE Signal Processing Letters* 2005, 12(2), 105). The level is the logarithm of the week's use over what
the peers did; where a change falls within its week is then told by the days next to it.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

WEEK = 7
LEAST_WEEKS = 2
"""A stretch between two change points lasts at least so many weeks."""

PRICE = 6.0
"""A change point must gain this many noise variances times the logarithm of the number of weeks: three times
what the Schwarz criterion asks, for weekly levels follow each other."""

LEAST_NOISE = 0.06
"""Standard deviation of a week's log level below which no home is taken to be steady."""

LEAST_STEP = 0.2
"""Smaller steps of the log level are left out: everybody's year has some."""

START = 0.02
"""Added to the level over the usual one before the logarithm: a week of zeros is no minus infinity."""

KNOWN_DAYS = 3
"""Days with readings that a week needs."""

Array = NDArray[np.float64]


def daily_log_level(power: NDArray[np.float32], expected: NDArray[np.float32]) -> Array:
    """``(m, d)`` log of each day's use over what the peers' movement makes of the meter's own usual day.

    Args:
        power: ``(m, d, 8)`` kW of each 3-hour block, NaN = unknown.
        expected: ``(m, d, 8)`` movement of the peers, 1 = as usual; where unknown it is taken as 1.
    """
    known = np.isfinite(power)
    used = np.where(known, power, 0.0).sum(axis=2, dtype=np.float64)
    due = np.where(known, np.where(np.isfinite(expected), expected, 1.0), 0.0).sum(axis=2, dtype=np.float64)
    level = np.divide(used, due, out=np.full(used.shape, np.nan), where=due > 0)
    usual = np.array([np.median(row[row > 0]) if (row > 0).any() else np.nan for row in level])
    with np.errstate(invalid="ignore"):
        out: Array = np.log(np.maximum(level, 0.0) / usual[:, None] + START)
    return out


def change_dates(daily: Array) -> list[tuple[int, float]]:
    """Day and step (of the log level) of each change point of one meter, in order of time.

    Args:
        daily: ``(d,)`` from ``daily_log_level``, NaN = unknown.
    """
    weeks = np.array([
        np.mean(part[np.isfinite(part)]) if np.isfinite(part).sum() >= KNOWN_DAYS else np.nan
        for part in (daily[at : at + WEEK] for at in range(0, len(daily) - WEEK + 1, WEEK))
    ])  # fmt: skip
    known = np.flatnonzero(np.isfinite(weeks))
    if len(known) < 2 * LEAST_WEEKS:
        return []
    levels = weeks[known]
    noise = max(float(np.median(np.abs(np.diff(levels)))) / 0.6745 / np.sqrt(2), LEAST_NOISE)
    edges = [0, *partition(levels, PRICE * noise**2 * np.log(len(levels))), len(levels)]
    stretches = _settled(levels, edges)
    out: list[tuple[int, float]] = []
    end, before = stretches[0][1:]
    for begin, stop, after in stretches[1:]:
        if abs(after - before) >= LEAST_STEP:
            low, high = WEEK * int(known[end - 1]), min(WEEK * (int(known[begin]) + 1), len(daily))
            out.append((_day_of(daily, low, high, before, after), after - before))
            before = after
        end = stop
    return out


def _settled(levels: Array, edges: list[int]) -> list[tuple[int, int, float]]:
    """Stretches ``(first, past the last, mean)`` without those that only lead from one level to the next.

    A change within a week leaves that week between both levels, and the shortest stretch around it.
    """
    out = [(a, b, float(levels[a:b].mean())) for a, b in pairwise(edges)]
    at = 1
    while at < len(out) - 1:
        (_, _, before), (first, last, mean), (_, _, after) = out[at - 1 : at + 2]
        if last - first <= LEAST_WEEKS and min(before, after) < mean < max(before, after):
            del out[at]
        else:
            at += 1
    return out


def partition(values: Array, price: float) -> list[int]:
    """Change points that minimise squared error plus ``price`` each, exactly; places in ``values``."""
    n = len(values)
    total = np.concatenate([[0.0], np.cumsum(values)])
    square = np.concatenate([[0.0], np.cumsum(values**2)])
    best = np.full(n + 1, np.inf)
    best[0] = -price
    last = np.zeros(n + 1, dtype=np.int64)
    for end in range(LEAST_WEEKS, n + 1):
        begin = np.arange(0, end - LEAST_WEEKS + 1)
        error = square[end] - square[begin] - (total[end] - total[begin]) ** 2 / (end - begin)
        cost = best[begin] + error + price
        at = int(np.argmin(cost))
        best[end], last[end] = cost[at], at
    out: list[int] = []
    at = int(last[n])
    while at > 0:
        out.append(at)
        at = int(last[at])
    return out[::-1]


def _day_of(daily: Array, low: int, high: int, before: float, after: float) -> int:
    """The day in ``low..high`` from which the days fit the level after better than that before."""
    days = np.clip(daily[low:high], min(before, after) - 1.0, max(before, after) + 1.0)
    gain = np.nan_to_num((days - after) ** 2 - (days - before) ** 2)
    return low + int(np.argmin(np.concatenate([[0.0], np.cumsum(-gain)])))
