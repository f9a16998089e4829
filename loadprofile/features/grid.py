"""The step that a meter's readings are multiples of, and spans that lie on another step.

A register counts pulses, so honest readings lie on a grid. Software that multiplies readings moves the
grid by its factor, exactly: a span on another grid gives away the date and the factor. The step need not
be a decimal one (pulse constants, transformer ratios), so it is inferred from the readings alone.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

GRID = (
    "grid_step_kwh", "grid_exact_share", "grid_change", "grid_break_share",
    "when.grid_change", "when.grid_change_end",
)  # fmt: skip
"""What ``grid`` returns, in order."""

TOLERANCE = 0.05
"""A reading is on the grid when it is within this part of a step of a multiple (chance: one in ten)."""

LEAST_LEVELS = 6
"""Different positive values that it takes to speak of a step."""


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _on(value: float, step: float) -> bool:
    """Whether a reading is a multiple of the step, as far as float32 can tell."""
    turns = value / step
    return abs(turns - np.rint(turns)) <= TOLERANCE + 1.2e-7 * abs(turns)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _refined(levels: NDArray[np.float64], step: float) -> float:
    """The step fitted by least squares, over small multiples first so that its error cannot add up."""
    limit = 8.0
    while True:
        up, down = 0.0, 0.0
        for v in levels:
            if v > limit * step:
                break
            turns = np.rint(v / step)
            if turns > 0.0 and abs(v / step - turns) <= 0.2:
                up += v * turns
                down += turns * turns
        if down > 0.0:
            step = up / down
        if limit * step > levels[-1]:
            return step
        limit *= 3.0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def infer_step(ranked: NDArray[np.float32]) -> float:
    """The quantisation step of ascending readings in kWh, NaN if they have none or none can be told.

    The largest step of which nine tenths of the positive readings and three quarters of their different
    values are multiples: means of two readings (half steps) and a few corrected values do not hide it.
    Candidates are quantiles of the distances between neighbouring values. NaN with fewer than six
    different positive values, and where float32 is too coarse to see the step.
    """
    p = len(ranked)
    begin = np.searchsorted(ranked, np.float32(0.0), side="right")
    levels = np.empty(min(p - begin, 3000))
    counts = np.empty(len(levels))
    kinds = 0
    k = begin
    while k < p and kinds < len(levels):
        first = k
        while k < p and ranked[k] == ranked[first]:
            k += 1
        levels[kinds] = ranked[first]
        counts[kinds] = k - first
        kinds += 1
    if kinds < LEAST_LEVELS:
        return np.nan
    levels = levels[:kinds]
    counts = counts[:kinds]
    distances = np.empty(kinds)
    known = 0
    for k in range(kinds):
        distance = levels[k] - (levels[k - 1] if k else 0.0)
        if distance > 1e-6 * levels[k]:
            distances[known] = distance
            known += 1
    if known < LEAST_LEVELS:
        return np.nan
    distances = np.sort(distances[:known])
    total = counts.sum()
    best = np.nan
    before = 0.0
    for q in (0, 2, 5, 10, 25, 50):
        candidate = distances[q * (known - 1) // 100]
        if candidate < 1.02 * before:
            continue
        before = candidate
        step = _refined(levels, candidate)
        weight, fit = 0.0, 0
        for k in range(kinds):
            # Beyond this a float32 cannot be told on or off the grid.
            if 1.2e-7 * levels[k] < 0.05 * step and _on(levels[k], step):
                weight += counts[k]
                fit += 1
        if weight >= 0.9 * total and fit >= 0.75 * kinds and not step <= best:
            best = step
    return best


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _span(score: NDArray[np.float32]) -> tuple[int, int, float]:
    """First and last place of the stretch with the greatest sum, and that sum."""
    best, total, begin, first, last = 0.0, 0.0, 0, 0, -1
    for k in range(len(score)):
        total += score[k]
        if total <= 0.0:
            total = 0.0
            begin = k + 1
        elif total > best:
            best = total
            first = begin
            last = k
    return first, last, best


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _part(values: NDArray[np.float32], first: int, last: int) -> NDArray[np.float32]:
    """At most 1000 readings of a stretch, evenly drawn, ascending."""
    kept = np.empty(min(last - first + 1, 1000), dtype=np.float32)
    known = 0
    for i in range(len(kept)):
        v = values[first + i * (last - first + 1) // len(kept)]
        if not np.isnan(v):
            kept[known] = v
            known += 1
    return np.sort(kept[:known])


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def grid(
    values: NDArray[np.float32],
    day: NDArray[np.int32],
    slot: NDArray[np.int32],
    slots_per_day: int,
    ranked: NDArray[np.float32],
) -> NDArray[np.float64]:
    """The meter's step and the span that breaks it; returns ``GRID``.

    First a span off the grid is sought (scaled by any factor), then one that is on a coarser grid alone
    (multiplied by 2, 3, 5, 10, ...). Values equal to the one before say nothing new and do not count.
    ``grid_change`` is log10(step after / step before) at the span's start, or at its end if it starts with
    the data; 0 if all is on one grid, NaN if the span has no grid of its own or no step can be told.
    """
    out = np.full(6, np.nan)
    m = len(values)
    step = infer_step(ranked)
    if np.isnan(step):
        step = infer_step(_part(values, 0, m // 3 - 1))
    if np.isnan(step):
        step = infer_step(_part(values, m - m // 3, m - 1))
    if np.isnan(step):
        return out
    score = np.empty(m, dtype=np.float32)
    place = np.empty(m, dtype=np.int32)
    rest = np.empty(m, dtype=np.int8)
    n, on, positive = 0, 0, 0
    before = np.float32(0.0)
    for k in range(m):
        v = values[k]
        if not v > 0.0:
            continue
        positive += 1
        fits = _on(np.float64(v), step)
        on += fits
        if v != before and 1.2e-7 * v < 0.05 * step:
            before = v
            place[n] = k
            score[n] = -0.25 if fits else 1.0
            rest[n] = np.int64(np.rint(v / step)) % 30 if fits else -1
            n += 1
    out[0] = step
    if positive:
        out[1] = on / positive
    first, last, gain = _span(score[:n])
    if gain < 25.0:
        gain = 0.0
        for q, bits in ((2, 1.0), (3, 1.58), (5, 2.32)):
            for k in range(n):
                score[k] = bits if rest[k] >= 0 and rest[k] % q == 0 else -6.0
            a, b, bits_gained = _span(score[:n])
            if bits_gained > max(gain, 40.0):
                gain, first, last = bits_gained, a, b
    if gain == 0.0 or (first == 0 and last == n - 1):
        out[2] = 0.0
        out[3] = 0.0
        return out
    begin, end = place[first], place[last]
    out[3] = (last - first + 1) / n
    out[4] = day[begin] + slot[begin] / slots_per_day
    out[5] = day[end] + (slot[end] + 1) / slots_per_day
    inside = infer_step(_part(values, begin, end))
    outside = step
    if first == 0:
        out[4] = out[5]
        out[5] = np.nan
        out[2] = np.log10(outside / inside)
    else:
        if last == n - 1:
            out[5] = np.nan
        out[2] = np.log10(inside / outside)
    return out
