"""Is what a meter shows another meter's? Swapped meters, and donors of added load.

**Swap**: two meters that change on the same day, where each one's days after look like the other's
before (24-hour level and shape) far better than like its own.
**Donor**: the load added (or put in place) after the onset moves, block by block through the very
same days, as another meter of the population does: a third party fed through this meter, or another
home's data. Habits at the same clock hour are taken out first: everybody has evenings.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.features.daily import BLOCKS
from loadprofile.profiles import frozen

SWAP_DAYS = 1.0
DONOR_DAYS = 60
MOST_DONEES = 1500
"""Only so many meters (the strongest changes) are looked at for donors: O(n) each."""

TOGETHER = 24
"""Donees whose correlations with everybody are one matrix product."""

Array = NDArray[np.float64]


def swap_similarity(onset: Array, before: NDArray[np.floating], after: NDArray[np.floating]) -> Array:
    """How much better the best partner explains both sides than the meters themselves, ``(n,)`` 0..1.

    1 = my after is its before and its after is my before, exactly; 0 = no better than no swap; NaN
    without an onset or without anybody who changed within a day of it.

    Args:
        onset: ``(n,)`` days; NaN = takes no part.
        before: ``(n, 24)`` mean kWh per hour before the onset.
        after: ``(n, 24)`` after it.
    """
    n = len(onset)
    out = np.full(n, np.nan)
    known = np.flatnonzero(
        np.isfinite(onset) & np.isfinite(before).all(axis=1) & np.isfinite(after).all(axis=1)
    )
    order = known[np.argsort(onset[known], kind="stable")]
    # square roots: between levels and logarithms, and defined at zero
    a, b = (np.sqrt(np.maximum(side[order], 0)).astype(np.float64) for side in (before, after))
    times = np.asarray(onset, dtype=np.float64)[order]
    first, last = (np.searchsorted(times, times + reach, side="left") for reach in (-SWAP_DAYS, SWAP_DAYS))
    found = np.full(len(order), np.nan)
    _swaps(a, b, ((a - b) ** 2).mean(axis=1), first, last, found)
    out[order] = found
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _swaps(
    a: Array, b: Array, own: Array, first: NDArray[np.intp], last: NDArray[np.intp], out: Array
) -> None:
    """For each meter the greatest gain among those from ``first`` to ``last``; nobody but itself: NaN."""
    for i in range(len(a)):
        if last[i] - first[i] < 2:
            continue
        best = 0.0
        for j in range(first[i], last[i]):
            if j == i or own[i] + own[j] <= 0.0:
                continue
            # relative to the weaker change: a small change beside a large one is not half a swap
            least = 2 * min(own[i], own[j])
            if least <= 0.0:
                best = 1.0
                break
            crossed, most = 0.0, (1.0 - best) * least * 24.0
            for h in range(24):
                crossed += (b[i, h] - a[j, h]) ** 2 + (a[i, h] - b[j, h]) ** 2
                if crossed >= most:  # no better than the best so far
                    break
            best = max(best, 1.0 - crossed / (24.0 * least))
        out[i] = best


def donor_similarity(
    power: NDArray[np.float32], onset: Array, end: Array, strength: Array, weekend: NDArray[np.bool_]
) -> tuple[Array, Array]:
    """Best correlation of a meter's added load with another meter, and its margin over the next, ``(n,)``.

    Args:
        power: ``(n, d, 8)`` kW of the whole population.
        onset: ``(n,)`` days; NaN = takes no part.
        end: ``(n,)`` days; NaN = to the last day.
        strength: ``(n,)``: who is looked at first.
        weekend: ``(d,)``.
    """
    n, d, _ = power.shape
    best, margin = np.full(n, np.nan), np.full(n, np.nan)
    takers = np.flatnonzero(np.isfinite(onset) & np.isfinite(strength))
    takers = takers[np.argsort(-strength[takers], kind="stable")][:MOST_DONEES]
    if len(takers) == 0 or n < 3:
        return best, margin
    moves = _moves(power, weekend)
    # sums of squares up to each day: the length of any window is a difference
    squares = np.zeros((d + 1, n))
    for day in range(d):
        eight = moves[day * BLOCKS : (day + 1) * BLOCKS]
        np.add(squares[day], (eight * eight).sum(axis=0, dtype=np.float64), out=squares[day + 1])
    spans = _windows(onset, end, d, takers)
    known = spans[:, 1] > 0
    takers, spans = takers[known], spans[known]
    order = np.lexsort((takers, spans[:, 0]))
    for start in range(0, len(order), TOGETHER):
        some = order[start : start + TOGETHER]
        # one product for takers whose windows lie near each other, each padded with zeros to their hull
        low, high = spans[some, 0].min() * BLOCKS, spans[some, 1].max() * BLOCKS
        added = np.zeros((len(some), high - low), dtype=np.float32)
        size = np.empty(len(some))
        for k, at in enumerate(some):
            mine = _added(power[takers[at]], spans[at], weekend)
            begin = spans[at, 0] * BLOCKS - low
            added[k, begin : begin + len(mine)] = mine
            size[k] = (mine * mine).sum()
        product = added @ moves[low:high]
        for k, at in enumerate(some):
            first, last = spans[at]
            length = np.sqrt(np.maximum(squares[last] - squares[first], 0.0) * size[k])
            found = np.divide(product[k], length, out=np.zeros(n), where=length > 1e-9)
            i = takers[at]
            found[i] = -1.0
            two = np.partition(found, n - 2)[-2:]
            best[i], margin[i] = np.clip(two[1], 0, 1), two[1] - two[0]
    return best, margin


def _moves(power: NDArray[np.float32], weekend: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Each meter's blocks without its habit at that clock time, over their spread, ``(d * 8, n)``.

    Held to 4 spreads; 0 where unknown.
    """
    n, d, _ = power.shape
    out = np.empty((d * BLOCKS, n), dtype=np.float32)
    for start in range(0, n, 256):
        rows = slice(start, min(start + 256, n))
        some = np.empty((rows.stop - start, d * BLOCKS), dtype=np.float32)
        _moved(frozen(np.ascontiguousarray(power[rows])), frozen(weekend), some)
        out[:, rows] = some.T
    return out


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _habit(power: NDArray[np.float32], weekend: NDArray[np.bool_], first: int, last: int, out: Array) -> None:
    """Mean of each block over the days of a window, ``(2, 8)``: working days, weekends; 0 = unknown."""
    known = np.zeros((2, BLOCKS))
    out[:] = 0.0
    for t in range(first, last):
        kind = 1 if weekend[t] else 0
        for k in range(BLOCKS):
            v = np.float64(power[t, k])
            there = np.isfinite(v)
            out[kind, k] += v if there else 0.0
            known[kind, k] += 1.0 if there else 0.0
    for kind in range(2):
        for k in range(BLOCKS):
            out[kind, k] /= max(known[kind, k], 1.0)


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _moved(power: NDArray[np.float32], weekend: NDArray[np.bool_], out: NDArray[np.float32]) -> None:
    """``_moves`` of some meters, ``(m, d * 8)``."""
    m, d, _ = power.shape
    habit = np.empty((2, BLOCKS))
    for i in range(m):
        _habit(power[i], weekend, 0, d, habit)
        squares, known = 0.0, 0
        for t in range(d):
            kind = 1 if weekend[t] else 0
            for k in range(BLOCKS):
                v = np.float32(power[i, t, k] - habit[kind, k])
                there = np.isfinite(v)
                squares += np.float64(v * v) if there else 0.0
                known += there
                out[i, t * BLOCKS + k] = v if there else np.float32(0.0)
        scale = np.sqrt(squares / max(known, 1))
        for c in range(d * BLOCKS):
            v = np.float32(out[i, c] / scale) if scale > 0.0 else np.float32(0.0)
            out[i, c] = min(max(v, np.float32(-4.0)), np.float32(4.0))


def _windows(onset: Array, end: Array, d: int, takers: NDArray[np.intp]) -> NDArray[np.int64]:
    """First and last day looked at after each taker's onset, ``(t, 2)``; 0, 0 = too few days."""
    out = np.zeros((len(takers), 2), dtype=np.int64)
    for k, i in enumerate(takers):
        first = int(np.ceil(onset[i]))
        last = int(min(end[i] if np.isfinite(end[i]) else d, first + DONOR_DAYS, d))
        if last - first >= 5 and first >= 5:
            out[k] = first, last
    return out


def _added(
    power: NDArray[np.float32], span: NDArray[np.int64], weekend: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """A taker's blocks in its window, without the habit of the window, held to 4 spreads."""
    out = np.empty((span[1] - span[0]) * BLOCKS, dtype=np.float32)
    _added_to(frozen(power), span[0], span[1], frozen(weekend), out)
    return out


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _added_to(
    power: NDArray[np.float32], first: int, last: int, weekend: NDArray[np.bool_], out: NDArray[np.float32]
) -> None:
    habit = np.empty((2, BLOCKS))
    _habit(power, weekend, first, last, habit)
    mine = np.zeros(len(out))
    for t in range(first, last):
        kind = 1 if weekend[t] else 0
        for k in range(BLOCKS):
            v = np.float64(power[t, k]) - habit[kind, k]
            mine[(t - first) * BLOCKS + k] = v if np.isfinite(v) else 0.0
    reach = 4 * mine.std()
    for c in range(len(out)):
        out[c] = np.float32(min(max(mine[c], -reach), reach))


def sides(
    kwh: NDArray[np.float32], onset: Array, end: Array, days: int = 42
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean kWh per clock hour before and after each onset, ``(m, 24)`` each; NaN where unknown."""
    m, d = kwh.shape[:2]
    out = np.full((2, m, 24), np.nan)
    day = np.where(np.isfinite(onset), onset, -1.0)
    last = np.where(np.isfinite(end), end, d)
    _sides(frozen(np.ascontiguousarray(kwh)), day, np.asarray(last, dtype=np.float64), days, out)
    return out[0], out[1]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _sides(kwh: NDArray[np.float32], onset: Array, end: Array, days: int, out: Array) -> None:
    m, d, s = kwh.shape
    width = s // 24
    total, seen = np.empty(24), np.empty(24)
    for i in range(m):
        if onset[i] < 0:
            continue
        day, next_day = int(onset[i]), int(np.ceil(onset[i]))
        for side in range(2):
            first = max(0, day - days) if side == 0 else next_day
            last = day if side == 0 else int(min(end[i], next_day + days, d))
            if last - first < 3:
                continue
            total[:] = 0.0
            seen[:] = 0.0
            for t in range(first, last):
                for k in range(s):
                    if np.isfinite(kwh[i, t, k]):
                        total[k // width] += kwh[i, t, k]
                        seen[k // width] += 1.0
            if seen.min() > 0:
                for h in range(24):
                    out[side, i, h] = total[h] / seen[h] * width
