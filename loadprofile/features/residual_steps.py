"""When a feeder began to lack energy, and which meter's change it goes with.

A saving lowers meter and feeder alike: the residual stays. Theft, a fault or false readings lower the
meter alone: what it shows less appears in the residual from the same day on. So a meter's change is held
against the residual's step over the same days: share 0 = the feeder total followed the meter, 1 = it did
not. The same holds for rises: a tapped line or a new car raises both, a wrong factor only the meter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

WINDOW = 28
"""Days before and after a change that are compared."""

LEAST = 3
"""Known days that each side needs."""

MOST_STEPS = 3

SAME_DATE = 2.0
"""Days within which a meter's change and a feeder's step may be one and the same."""

LEAST_STEP_Z = 5.0
"""A feeder's residual has a change point when its best segment stands out this far."""

LEAST_CHANGE = 0.05
"""A meter's change smaller than this share of its use is not held against the residual."""


@dataclass(frozen=True, slots=True)
class Step:
    """The segment of days in which a feeder's residual is higher or lower than in the others.

    Attributes:
        onset: index of its first day; NaN = no change point.
        end: index of the day after its last; NaN = to the end.
        kwh: kWh a day by which the residual is higher in it.
        z: ``kwh`` over its error, for the best segment whether it counts or not; NaN = cannot tell.
    """

    onset: float
    end: float
    kwh: float
    z: float


def day_error(residual: Array) -> float:
    """Long-run spread of one day's residual (kWh), robust to a few steps; NaN with too few days."""
    known = residual[np.isfinite(residual)]
    if len(known) < 2 * LEAST:
        return np.nan
    fast = 1.4826 * float(np.median(np.abs(np.diff(known)))) / np.sqrt(2.0)
    weeks = known[: len(known) // 7 * 7].reshape(-1, 7).mean(axis=1)
    slow = 0.0
    if len(weeks) > 4:
        slow = 1.4826 * float(np.median(np.abs(np.diff(weeks)))) / np.sqrt(2.0) * np.sqrt(7.0)
    return float(max(fast, slow))


def feeder_steps(residual: Array, error: float) -> tuple[Step, ...]:
    """The segments of days in which one feeder's residual is off, most striking first, up to ``MOST_STEPS``.

    Args:
        residual: ``(d,)`` kWh a day, NaN = not known.
        error: from ``day_error``.

    Returns:
        At least one; the last one's ``z`` may be too small, its onset is NaN then.
    """
    found: list[Step] = []
    left = residual.copy()
    while len(found) < MOST_STEPS:
        step = _best_segment(left, error)
        found.append(step)
        if not np.isfinite(step.onset):
            break
        last = len(left) if np.isnan(step.end) else int(step.end)
        left[int(step.onset) : last] -= step.kwh
    return tuple(found)


def _best_segment(residual: Array, error: float) -> Step:
    known = np.isfinite(residual)
    days, n = len(residual), int(known.sum())
    if not np.isfinite(error) or n < 2 * LEAST:
        return Step(np.nan, np.nan, np.nan, np.nan)
    held = np.concatenate(([0.0], np.cumsum(np.where(known, residual, 0.0))))
    seen = np.concatenate(([0], np.cumsum(known)))
    first, last = np.triu_indices(days + 1, 1)
    inside = (seen[last] - seen[first]).astype(np.float64)
    fit = (seen[first] >= LEAST) & (inside >= LEAST)
    first, last, inside = first[fit], last[fit], inside[fit]
    if not len(first):
        return Step(np.nan, np.nan, np.nan, np.nan)
    total = held[last] - held[first]
    gap = total / inside - (held[-1] - total) / (n - inside)
    z = np.abs(gap) / (max(error, 1e-9) * np.sqrt(1.0 / inside + 1.0 / (n - inside)))
    best = int(np.argmax(z))
    at = min(float(z[best]), 1e3)
    if at < LEAST_STEP_Z:
        return Step(np.nan, np.nan, np.nan, at)
    end = float(last[best]) if last[best] < days else np.nan
    return Step(float(first[best]), end, float(gap[best]), at)


STEPS = (
    "residual_before", "residual_after", "step_share", "step_share_se", "step_z", "lack_kwh_per_day",
    "date_distance_days",
)  # fmt: skip


def meter_steps(
    x: Array,
    metered: Array,
    residual: Array,
    onset: Array,
    end: Array,
    steps: tuple[Step, ...],
    error: float,
) -> Array:
    """``(m, len(STEPS))`` each meter's change against its feeder's residual; NaN = cannot tell.

    Args:
        x: ``(m, d)`` kWh a day of each meter, NaN = not known.
        metered: ``(d,)`` kWh a day of all meters of the feeder.
        residual: ``(d,)`` beyond technical losses, kWh a day.
        onset: ``(m,)`` of each meter's change in days since the first; NaN = none.
        end: ``(m,)`` of its end; NaN = it goes on.
        steps: the feeder's own; those of another date bound the days that are compared.
        error: from ``day_error``.
    """
    m, days = x.shape
    steps = tuple(step for step in steps if np.isfinite(step.onset))
    edges = np.array([edge for s in steps for edge in (s.onset, s.end) if np.isfinite(edge)])
    out = np.full((m, len(STEPS)), np.nan)
    known = np.isfinite(residual) & np.isfinite(metered)
    for i in np.flatnonzero(np.isfinite(onset)):
        low, high = int(np.floor(onset[i])), int(np.ceil(onset[i]))
        stop = min(high + WINDOW, int(np.floor(end[i])) if np.isfinite(end[i]) else days, days)
        start = low - WINDOW
        for edge in edges:
            if low - WINDOW < edge < onset[i] - SAME_DATE:
                start = max(start, int(edge))
            if onset[i] + SAME_DATE < edge < stop:
                stop = min(stop, int(edge))
        before = np.arange(max(start, 0), max(min(low, days), 0))
        after = np.arange(max(high, 0), max(stop, 0))
        before, after = before[known[before]], after[known[after]]
        if len(before) < LEAST or len(after) < LEAST:
            continue
        gain = residual[after].mean() - residual[before].mean()
        noise = max(error * np.sqrt(1 / len(before) + 1 / len(after)), 1e-9)
        out[i, 0] = residual[before].mean() / metered[before].mean() if metered[before].mean() > 0 else np.nan
        out[i, 1] = residual[after].mean() / metered[after].mean() if metered[after].mean() > 0 else np.nan
        out[i, 4] = np.clip(gain / noise, -1e3, 1e3)
        out[i, 5] = gain
        if steps:
            out[i, 6] = min(abs(s.onset - onset[i]) for s in steps)
        before, after = before[np.isfinite(x[i, before])], after[np.isfinite(x[i, after])]
        if len(before) < LEAST or len(after) < LEAST:
            continue
        had, has = x[i, before].mean(), x[i, after].mean()
        rest = (metered[before].mean() - had, metered[after].mean() - has)
        movement = float(np.clip(rest[1] / rest[0], 0.7, 1.4)) if rest[0] > 0 else 1.0
        fall = had * movement - has
        if abs(fall) < LEAST_CHANGE * max(had, has, 1e-9):
            continue
        out[i, 2] = np.clip(gain / fall, -3.0, 3.0)
        out[i, 3] = min(noise / abs(fall), 10.0)
    return out


def falls_at(x: Array, metered: Array, step: Step) -> tuple[Array, Array]:
    """How much less each meter showed in the days of its feeder's step, whether or not its change was seen.

    Args:
        x: ``(m, d)`` kWh a day.
        metered: ``(d,)`` kWh a day of all meters.
        step: the feeder's.

    Returns:
        ``(m,)`` the fall over the step (1 = explains all of it), and the fall over its own error.
    """
    m, days = x.shape
    share, z = np.full(m, np.nan), np.full(m, np.nan)
    if not np.isfinite(step.onset):
        return share, z
    onset = int(step.onset)
    stop = days if np.isnan(step.end) else int(step.end)
    day = np.arange(days)
    before = (day >= onset - WINDOW) & (day < onset) & np.isfinite(metered)
    after = (day >= onset) & (day < min(stop, onset + WINDOW)) & np.isfinite(metered)
    known = np.isfinite(x)
    first, last = (known & before).sum(axis=1), (known & after).sum(axis=1)
    enough = (first >= LEAST) & (last >= LEAST)
    filled = np.where(known, x, 0.0)
    had = np.divide((filled * before).sum(axis=1), first, out=np.zeros(m), where=enough)
    has = np.divide((filled * after).sum(axis=1), last, out=np.zeros(m), where=enough)
    rest = metered[before].mean() - had if before.any() else np.zeros(m)
    now = metered[after].mean() - has if after.any() else np.zeros(m)
    movement = np.clip(np.divide(now, rest, out=np.ones(m), where=rest > 0), 0.7, 1.4)
    spread = np.sqrt(
        np.where(known & before, (x - had[:, None]) ** 2, 0.0).sum(axis=1) / np.maximum(first - 1, 1)
    )
    error = np.maximum(spread * np.sqrt(1 / np.maximum(first, 1) + 1 / np.maximum(last, 1)), 1e-9)
    fall = had * movement - has
    share[enough] = np.clip(fall / step.kwh, -3.0, 3.0)[enough]
    z[enough] = np.clip(fall / error, -1e3, 1e3)[enough]
    return share, z
