"""Daily contrasts: within-day numbers that ask about one thing each and know nothing of the level.

``channels.py`` follows how much is used when; these follow how: the night against the day, the weekend
against the week, how flat the top is, how jagged the curve, how much a day is like the days before it, and
the meter's own two most changeable directions of daily shape. A cap, a reversed or shifted day, a replay or a
weekend bypass moves one of them while the level says little.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

CONTRASTS = ("night_day", "weekend", "flat_top", "jagged", "similar", "base_share", "shape1", "shape2")
"""Rows of ``contrasts``."""

NIGHT_DAY, WEEKEND, FLAT_TOP, JAGGED, SIMILAR, BASE_SHARE, SHAPE1, SHAPE2 = range(8)

MEMORY = 7
"""Days before a day that it is compared with."""

STARTED = 0.05
"""Share of the usual power that is added before a logarithm (as ``channels.FLOOR``)."""


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def contrasts(
    kwh: NDArray[np.float32],
    movement: NDArray[np.float64],
    raw: NDArray[np.float64],
    base: NDArray[np.float64],
    weekend: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """The contrasts of one meter, ``(8, d)``; NaN where a day says nothing.

    Args:
        kwh: ``(d, s)`` kWh per slot.
        movement: ``(d, 8)`` what the peers did; 1 everywhere when there are none.
        raw: ``(14, d)`` the channels.
        base: ``(d,)`` low reading of each day, kWh per slot.
        weekend: ``(d,)``.
    """
    d, s = kwh.shape
    out = np.full((len(CONTRASTS), d), np.nan)
    total = 0.0
    count = 0
    for t in range(d):
        for k in range(s):
            if np.isfinite(kwh[t, k]):
                total += max(kwh[t, k], 0.0)
                count += 1
    usual = total / count if count else 0.0
    if not usual > 0:
        return out
    for t in range(d):
        night = 0.5 * (raw[1, t] + raw[2, t])
        day = (raw[4, t] + raw[5, t] + raw[6, t] + raw[7, t]) / 4.0
        out[NIGHT_DAY, t] = night - day
        out[BASE_SHARE, t] = base[t] / usual
        _curve(kwh[t], out[:, t])
    _weekends(raw[0], weekend, out[WEEKEND])
    hours = _hours(kwh, movement)
    _alike(hours, out[SIMILAR])
    _directions(hours, out[SHAPE1], out[SHAPE2])
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _curve(day: NDArray[np.float32], out: NDArray[np.float64]) -> None:
    """How flat the top of one day is (mean of the highest eighth / highest), how jagged its curve (0..1)."""
    s = len(day)
    few = np.zeros(s // 8)
    held = 0
    known = 0
    bends = 0.0
    steps = 0.0
    for k in range(s):
        value = day[k]
        if not np.isfinite(value):
            continue
        known += 1
        if held < len(few) or value > few[held - 1]:
            if held < len(few):
                held += 1
            j = held - 1
            while j > 0 and few[j - 1] < value:
                few[j] = few[j - 1]
                j -= 1
            few[j] = value
        if 0 < k < s - 1 and np.isfinite(day[k - 1]) and np.isfinite(day[k + 1]):
            bends += abs(day[k + 1] - 2.0 * value + day[k - 1])
            steps += abs(day[k + 1] - value) + abs(value - day[k - 1])
    if 2 * known < s or held < len(few) or not few[0] > 0:
        return
    out[FLAT_TOP] = few.mean() / few[0]
    if steps > 0:
        out[JAGGED] = bends / steps


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _weekends(level: NDArray[np.float64], weekend: NDArray[np.bool_], out: NDArray[np.float64]) -> None:
    """Level of each weekend day less that of the working days within a week of it."""
    d = len(level)
    for t in range(d):
        if not weekend[t] or not np.isfinite(level[t]):
            continue
        total = 0.0
        n = 0
        for u in range(max(t - 6, 0), min(t + 6, d)):
            if not weekend[u] and np.isfinite(level[u]):
                total += level[u]
                n += 1
        if n >= 3:
            out[t] = level[t] - total / n


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _hours(kwh: NDArray[np.float32], movement: NDArray[np.float64]) -> NDArray[np.float64]:
    """Hourly profile of each day over its own mean, peers removed, ``(d, 24)``; NaN rows where unknown."""
    d, s = kwh.shape
    width = s // 24
    out = np.full((d, 24), np.nan)
    for t in range(d):
        total = 0.0
        known = 0
        for h in range(24):
            value = 0.0
            n = 0
            for k in range(h * width, (h + 1) * width):
                if np.isfinite(kwh[t, k]):
                    value += max(kwh[t, k], 0.0)
                    n += 1
            peer = movement[t, h // 3]
            if n and np.isfinite(peer):
                out[t, h] = value / n / peer
                total += out[t, h]
                known += 1
        if known < 20 or not total > 0:
            out[t] = np.nan
            continue
        mean = total / known
        for h in range(24):
            # one cooking hour must not be the whole day; an unknown hour is as usual
            out[t, h] = min(out[t, h] / mean, 4.0) if np.isfinite(out[t, h]) else 1.0
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _alike(hours: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Correlation of each day's profile with the mean of up to ``MEMORY`` known days before it."""
    d = len(hours)
    mean = np.empty(24)
    for t in range(1, d):
        if not np.isfinite(hours[t, 0]):
            continue
        n = 0
        mean[:] = 0.0
        for u in range(max(t - MEMORY, 0), t):
            if np.isfinite(hours[u, 0]):
                n += 1
                mean += hours[u]
        if n < 2:
            continue
        mean /= n
        a = hours[t] - hours[t].mean()
        b = mean - mean.mean()
        size = np.sqrt((a * a).sum() * (b * b).sum())
        out[t] = (a * b).sum() / size if size > 1e-6 else 0.0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _directions(hours: NDArray[np.float64], first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
    """Scores of each day along the two directions of shape in which weeks differ most against their days.

    Hours are weighted by their own spread within groups of days; the directions are the leading ones of
    the group means (power iteration), so that what changes for good stands out and not what changes daily.
    """
    d = len(hours)
    length = 7 if d >= 56 else 4
    groups = d // length
    if groups < 4:
        return
    mean = np.zeros((groups, 24))
    count = np.zeros(groups)
    within = np.zeros(24)
    free = 0.0
    for g in range(groups):
        for t in range(g * length, (g + 1) * length):
            if np.isfinite(hours[t, 0]):
                mean[g] += hours[t]
                count[g] += 1
        if count[g] < 3:
            count[g] = 0
            continue
        mean[g] /= count[g]
        for t in range(g * length, (g + 1) * length):
            if np.isfinite(hours[t, 0]):
                within += (hours[t] - mean[g]) ** 2
        free += count[g] - 1
    if free < 8:
        return
    spread = np.sqrt(within / free) + 0.05
    centre = np.zeros(24)
    for g in range(groups):
        centre += mean[g] * count[g]
    centre /= count.sum()
    table = np.zeros((groups, 24))
    for g in range(groups):
        if count[g] > 0:
            table[g] = (mean[g] - centre) / spread * np.sqrt(count[g])
    for which in range(2):
        far = 0
        size = -1.0
        for g in range(groups):
            here = (table[g] * table[g]).sum()
            if here > size:
                far, size = g, here
        if size < 1e-9:
            return
        direction = table[far] / np.sqrt(size)
        for _ in range(10):
            scores = table @ direction
            direction = scores @ table
            length_now = np.sqrt((direction * direction).sum())
            if length_now < 1e-9:
                return
            direction /= length_now
        scores = table @ direction
        for g in range(groups):
            table[g] -= scores[g] * direction
        out = first if which == 0 else second
        for t in range(d):
            if np.isfinite(hours[t, 0]):
                out[t] = (((hours[t] - centre) / spread) * direction).sum()
