"""The slot at which a change began, with an 80 % interval.

The day is known from the split; here every slot around it says under which of the two regimes it
is likelier. A regime is a location and a scale per slot of the day (median and median deviation of
the logarithm over up to four weeks), with Student tails so that one odd reading decides nothing. The
posterior of the onset is the product over slots, tempered because neighbouring slots are not
independent.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.features.medians import sort_columns

TEMPER = 0.2
"""Exponent on the slot likelihood: a half-hour is worth about a fifth of an independent one."""

MEMORY_DAYS = 28
FREEDOM = 4.0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _regime(
    logs: NDArray[np.float64], first: int, last: int, where: NDArray[np.float64], width: NDArray[np.float64]
) -> bool:
    """Median and deviation of each slot over days ``[first, last)``; False with under 3 days."""
    s = logs.shape[1]
    part = np.empty((max(last - first, 0), s))
    count = np.zeros(s, dtype=np.int64)
    for t in range(first, last):
        for k in range(s):
            known = np.isfinite(logs[t, k])
            part[t - first, k] = logs[t, k] if known else np.inf
            count[k] += known
    raw = np.empty(s)
    _medians(part, count, where)
    for row in part:
        for k in range(s):
            row[k] = abs(row[k] - where[k]) if np.isfinite(row[k]) else np.inf
    _medians(part, count, raw)
    enough = False
    for k in range(s):
        raw[k] *= 1.4826
        if count[k] < 3:
            where[k] = raw[k] = np.nan
        else:
            enough = True
    for k in range(s):
        total = 0.0
        near = 0
        for j in range(-2, 3):
            value = raw[(k + j) % s]
            if np.isfinite(value):
                total += value * value
                near += 1
        width[k] = max(np.sqrt(total / near), 0.08) if near else np.nan
    return enough


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _medians(rows: NDArray[np.float64], count: NDArray[np.int64], out: NDArray[np.float64]) -> None:
    """Median of the first ``count`` values of each column once it is in order, which it puts it in."""
    sort_columns(rows)
    for k in range(len(count)):
        n = count[k]
        out[k] = 0.5 * (rows[(n - 1) // 2, k] + rows[n // 2, k]) if n > 0 else np.nan


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _level_out(
    a: NDArray[np.float64],
    va: NDArray[np.float64],
    b: NDArray[np.float64],
    vb: NDArray[np.float64],
    days: int,
) -> None:
    """Make the regimes equal in the slots in which they do not differ by more than chance.

    Otherwise many slots that say nothing add up to a random walk that drowns the few that do.
    """
    for k in range(len(a)):
        pooled = np.sqrt(0.5 * (va[k] * va[k] + vb[k] * vb[k]))
        alike = abs(a[k] - b[k]) < 3.5 * pooled / np.sqrt(max(days, 1))  # 2 standard errors of two medians
        if alike and 0.5 < va[k] / vb[k] < 2.0:
            a[k] = b[k] = 0.5 * (a[k] + b[k])
            va[k] = vb[k] = pooled


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def find_onset(
    kwh: NDArray[np.float32],
    peers: NDArray[np.float64],
    day: int,
    before: tuple[int, int],
    after: tuple[int, int],
    window: tuple[int, int],
    floor: float,
) -> tuple[float, float, float]:
    """Onset and its 10 % and 90 % points, in days (the fraction is the time of day).

    Args:
        kwh: ``(d, s)`` readings.
        peers: ``(d,)`` movement of the peers per day.
        day: first day of the new regime, from the split.
        before: days ``[first, last)`` of the old regime to learn from.
        after: days of the new regime to learn from.
        window: days within which the onset may lie; ends included.
        floor: kWh per slot added before the logarithm.
    """
    d, s = kwh.shape
    low, high = max(min(window[0], before[0]), 0), min(max(window[1] + 1, after[1]), d)
    first, last = min(low, after[0]), max(high, before[1])
    logs = np.empty((last - first, s))
    for t in range(first, last):
        for k in range(s):
            logs[t - first, k] = np.log((max(kwh[t, k], 0.0) / peers[t]) + floor)
    a, b = np.empty(s), np.empty(s)
    va, vb = np.empty(s), np.empty(s)
    if not (
        _regime(logs, before[0] - first, before[1] - first, a, va)
        and _regime(logs, after[0] - first, after[1] - first, b, vb)
    ):
        return float(day), float(window[0]), float(window[1] + 1)
    _level_out(a, va, b, vb, min(before[1] - before[0], after[1] - after[0]))
    slots = (window[1] + 1 - window[0]) * s
    score = np.zeros(slots + 1)
    now = 0.0
    power = 0.5 * (FREEDOM + 1)
    for j in range(slots):
        t = window[0] + j // s
        k = j % s
        y = logs[t - first, k]
        if np.isfinite(y) and np.isfinite(a[k]) and np.isfinite(b[k]):
            za = (y - a[k]) / va[k]
            zb = (y - b[k]) / vb[k]
            now += np.log(vb[k] / va[k]) - power * (
                np.log(1 + za * za / FREEDOM) - np.log(1 + zb * zb / FREEDOM)
            )
        score[j + 1] = now
    # the onset is the first slot that differs, so slots in which the regimes are alike are unlikely ones
    prior = np.zeros(slots + 1)
    for j in range(slots + 1):
        k = j % s
        apart = abs(a[k] - b[k]) / (0.5 * (va[k] + vb[k]))
        prior[j] = np.log(0.05 + min(apart, 2.0)) if np.isfinite(apart) else np.log(0.05)
        score[j] += prior[j]
    best = 0
    for j in range(slots + 1):
        if score[j] > score[best]:
            best = j
    weight = np.exp(TEMPER * (score - prior - score[best] + prior[best]) + prior - prior[best])
    total = weight.sum()
    running = 0.0
    p10 = -1
    p90 = slots
    for j in range(slots + 1):
        running += weight[j] / total
        if p10 < 0 and running >= 0.1:
            p10 = j
        if running >= 0.9:
            p90 = j
            break
    start = float(window[0])
    return start + best / s, start + min(p10, best) / s, start + max(p90, best) / s
