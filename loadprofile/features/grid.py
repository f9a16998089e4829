"""The step that a meter's readings are multiples of, and spans that lie on another step.

A register counts pulses, so honest readings lie on a grid. Software that multiplies readings moves the
grid by its factor, exactly: a span on another grid gives away the date and the factor. The step need not
be a decimal one (pulse constants, transformer ratios), so it is inferred from the readings alone.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.features.ruled_out import OFF_GAIN, TOLERANCE, unbroken_grid

GRID = (
    "grid_step_kwh", "grid_exact_share", "grid_change", "grid_break_share",
    "when.grid_change", "when.grid_change_end",
)  # fmt: skip
"""What ``grid`` returns, in order."""

LEAST_LEVELS = 6
"""Different positive values that it takes to speak of a step."""


MOST_LEVELS = 800
"""Different values that the step is inferred from: the lowest, where values lie dense and float32 is fine."""

NEARLY_ALL = 0.99
"""From this share on all readings count as on the grid: a few corrected values are a habit of a data set
(some sets have them in every meter), and a model must not take a set's habit for a trace."""

COARSE_GAIN = 40.0
"""A span is on a coarser grid when chance would make it so with probability 2**-40."""


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _on(value: float, step: float) -> bool:
    """Whether a reading is a multiple of the step, as far as float32 can tell."""
    turns = value / step
    fits: bool = abs(turns - np.floor(turns + 0.5)) <= TOLERANCE + 1.2e-7 * turns
    return fits


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _refined(levels: NDArray[np.float64], step: float) -> float:
    """The step fitted by least squares to ever longer distances between levels, zero being one of them.

    Short distances first, so that the error of the step cannot add up to a whole turn.
    """
    kinds = len(levels)
    limit = 4.0
    while limit * step < 2.0 * levels[-1]:
        limit *= 4.0
        up, down = 0.0, 0.0
        behind = -1  # stands for zero
        for k in range(kinds):
            while behind < k - 1 and levels[k] - (levels[behind] if behind >= 0 else 0.0) > limit * step:
                behind += 1
            distance = levels[k] - (levels[behind] if behind >= 0 else 0.0)
            turns = np.floor(distance / step + 0.5)
            if 0.0 < turns <= limit and abs(distance / step - turns) <= 0.2:
                up += distance * turns
                down += turns * turns
        if down > 0.0:
            step = up / down
    return step


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _fit(levels: NDArray[np.float64], counts: NDArray[np.float64], step: float) -> tuple[float, float]:
    """Shares of the readings and of the levels that are multiples of the step."""
    weight, total, fit = 0.0, 0.0, 0
    for k in range(len(levels)):
        total += counts[k]
        # Beyond this a float32 cannot be told on or off the grid.
        if 1.2e-7 * levels[k] < 0.05 * step and _on(levels[k], step):
            weight += counts[k]
            fit += 1
    return weight / total, fit / len(levels)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def infer_step(ranked: NDArray[np.float32]) -> float:
    """The quantisation step of ascending readings in kWh, NaN if they have none or none can be told.

    The largest step of which nine tenths of the positive readings and three quarters of their different
    values are multiples: means of two readings (half steps) and a few corrected values do not hide it.
    Candidates are quantiles of the distances between neighbouring values, and the powers of ten. NaN with
    fewer than six different positive values, and where float32 is too coarse to see the step.
    """
    p = len(ranked)
    levels = np.empty(MOST_LEVELS)
    counts = np.empty(MOST_LEVELS)
    kinds = 0
    k = 0
    while k < p and ranked[k] <= 0.0:
        k += 1
    while k < p and kinds < MOST_LEVELS:
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
    candidates = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.1, 0.01, 0.001])
    for i, q in enumerate((0, 1, 3, 8, 20, 45, 70)):
        candidates[i] = distances[q * (known - 1) // 100]
    before = np.inf
    for candidate in np.sort(candidates)[::-1]:
        if candidate < 0.98 * before and candidate <= 1.02 * distances[-1]:
            before = candidate
            # The lowest levels turn most candidates down at little cost.
            step = _refined(levels[:80], candidate)
            if _fit(levels[:80], counts[:80], step)[1] < 0.5:
                continue
            step = _refined(levels, step)
            readings, kinds_fit = _fit(levels, counts, step)
            if readings >= 0.9 and kinds_fit >= 0.75:
                return step
    return np.nan


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
def _best_stretch(gains: NDArray[np.float32], least: float) -> tuple[int, int, float]:
    """First and last place of the stretch of greatest sum, and its sum; last -1 if that is below least."""
    total, begin, best, first, last = 0.0, 0, least, 0, -1
    for k in range(len(gains)):
        if total <= 0.0:
            total = 0.0
            begin = k
        total += gains[k]
        if total > best:
            best = total
            first = begin
            last = k
    return first, last, best


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _span(values: NDArray[np.float32], step: float) -> tuple[int, int, int, int, int, int]:
    """The stretch that breaks the grid.

    First the stretch off the grid (score +1, else -1/4), then, if there is none, the one of multiples of 2,
    3 or 5 steps (score log2 of that, else -6; asked only where it holds for 16 bits without a break).
    Returns ``on, positive, first, last, inside, judged``: readings on the grid and above zero, the ends of
    the stretch (``last < 0``: none), readings in it and readings judged. Values equal to the one before say
    nothing new and are not judged.
    """
    m = len(values)
    turn = np.empty(m, dtype=np.int64)  # whole steps, -1 off the grid
    place = np.empty(m, dtype=np.int32)
    on, positive, off, n = 0, 0, 0, 0
    before = np.float32(0.0)
    inverse = 1.0 / step
    for k in range(m):
        v = values[k]
        if not v > 0.0:
            continue
        positive += 1
        turns = v * inverse
        whole = np.floor(turns + 0.5)
        fits = abs(turns - whole) <= TOLERANCE + 1.2e-7 * turns
        on += fits
        if v == before or 1.2e-7 * turns >= 0.05:
            continue
        before = v
        turn[n] = np.int64(whole) if fits else -1
        place[n] = k
        off += not fits
        n += 1
    gains = np.empty(n, dtype=np.float32)
    first, last = 0, -1
    if off > OFF_GAIN:
        for k in range(n):
            gains[k] = -0.25 if turn[k] >= 0 else 1.0
        first, last, _ = _best_stretch(gains, OFF_GAIN)
    if last < 0:
        best = COARSE_GAIN
        for divisor in (2, 3, 5):
            bits = np.log2(divisor)
            if not _holds_for(turn[:n], divisor, int(np.ceil(16.0 / bits))):
                continue
            for k in range(n):
                gains[k] = bits if turn[k] >= 0 and turn[k] % divisor == 0 else -6.0
            a, b, gained = _best_stretch(gains, best)
            if b >= 0:
                first, last, best = a, b, gained
    if last < 0:
        return on, positive, -1, -1, 0, n
    return on, positive, place[first], place[last], last - first + 1, n


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _holds_for(turn: NDArray[np.int64], divisor: int, least: int) -> bool:
    """Whether so many readings in a row are multiples of so many steps.

    Any such run covers every ``least``-th place of the series once, so only those are looked at.
    """
    n = len(turn)
    at = least - 1
    while at < n:
        if turn[at] >= 0 and turn[at] % divisor == 0:
            low, high = at, at
            while low > 0 and turn[low - 1] >= 0 and turn[low - 1] % divisor == 0:
                low -= 1
            while high + 1 < n and turn[high + 1] >= 0 and turn[high + 1] % divisor == 0:
                high += 1
            if high - low + 1 >= least:
                return True
        at += least
    return False


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
    (multiplied by 2, 3, 5, 10, ...). ``grid_break_share`` is its share of the readings judged. The change
    is log10(step after / step before) at the span's start, or at its end if it starts with the data; 0 if
    all is on one grid, NaN if the span has no step of its own or no step can be told at all.
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
    on, positive, unbroken = unbroken_grid(values, step)
    out[0] = step
    out[1] = 1.0 if on >= NEARLY_ALL * positive else on / positive
    out[2] = 0.0
    out[3] = 0.0
    if unbroken:
        return out
    _, _, begin, end, inside, judged = _span(values, step)
    if end < 0 or inside == judged:
        return out
    out[3] = inside / judged
    # Both sides are asked anew, equally long: the step of all may be one that the two steps only share.
    reach = end - begin + 1
    within = infer_step(_part(values, begin, end))
    starts = not (values[:begin] > 0.0).any()
    ends = not (values[end + 1 :] > 0.0).any()
    if starts:
        rest = infer_step(_part(values, end + 1, min(end + reach, m - 1)))
        out[2] = np.log10((step if np.isnan(rest) else rest) / within)
        out[4] = day[end] + (slot[end] + 1) / slots_per_day
    else:
        rest = infer_step(_part(values, max(begin - reach, 0), begin - 1))
        out[2] = np.log10(within / (step if np.isnan(rest) else rest))
        out[4] = day[begin] + slot[begin] / slots_per_day
        if not ends:
            out[5] = day[end] + (slot[end] + 1) / slots_per_day
    return out
