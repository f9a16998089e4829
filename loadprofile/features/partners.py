"""Is what a meter shows another meter's? Swapped meters, and donors of added load.

**Swap**: two meters that change on the same day, where each one's days after look like the other's
before (24-hour level and shape) far better than like its own.
**Donor**: the load added (or put in place) after the onset moves, block by block through the very
same days, as another meter of the population does: a third party fed through this meter, or another
home's data. Habits at the same clock hour are taken out first: everybody has evenings.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SWAP_DAYS = 1.0
DONOR_DAYS = 60
MOST_DONEES = 1500
"""Only so many meters (the strongest changes) are looked at for donors: O(n) each."""

Array = NDArray[np.float64]


def swap_similarity(onset: Array, before: Array, after: Array) -> Array:
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
    # square roots: between levels and logarithms, and defined at zero
    a, b = np.sqrt(np.maximum(before, 0)), np.sqrt(np.maximum(after, 0))
    known = np.flatnonzero(np.isfinite(onset) & np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1))
    order = known[np.argsort(onset[known], kind="stable")]
    times = onset[order]
    own = ((a - b) ** 2).mean(axis=1)
    for i in order:
        first, last = np.searchsorted(times, [onset[i] - SWAP_DAYS, onset[i] + SWAP_DAYS], side="left")
        near = order[first : max(last, first)]
        near = near[near != i]
        if len(near) == 0:
            continue
        crossed = ((b[i] - a[near]) ** 2).mean(axis=1) + ((a[i] - b[near]) ** 2).mean(axis=1)
        straight = own[i] + own[near]
        # relative to the weaker change: a small change beside a large one is not half a swap
        least = 2 * np.minimum(own[i], own[near])
        gain = 1 - crossed / np.where(least > 0, least, np.inf)
        gain[straight <= 0] = 0.0
        out[i] = float(np.clip(gain.max(), 0.0, 1.0))
    return out


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
    moves = np.empty_like(power)
    for kind in (weekend, ~weekend):
        if kind.any():
            moves[:, kind] = power[:, kind] - _mean(power[:, kind])[:, None]
    scale = np.sqrt(_mean((moves**2).reshape(n, -1)))
    with np.errstate(invalid="ignore", divide="ignore"):
        moves /= scale[:, None, None]
    moves = np.clip(np.nan_to_num(moves), -4, 4).astype(np.float32)
    for i in takers:
        first = int(np.ceil(onset[i]))
        last = int(min(end[i] if np.isfinite(end[i]) else d, first + DONOR_DAYS, d))
        if last - first < 5 or first < 5:
            continue
        window = moves[:, first:last].reshape(n, -1)
        own = power[i, first:last].astype(np.float64)
        for kind in (weekend[first:last], ~weekend[first:last]):
            if kind.any():
                own[kind] -= _mean(own[kind][None])[0]
        mine = np.nan_to_num(own).ravel()
        reach = 4 * mine.std()
        mine = np.clip(mine, -reach, reach)
        length = np.sqrt((window * window).sum(axis=1, dtype=np.float64) * (mine * mine).sum())
        product = window @ mine.astype(np.float32)
        found = np.divide(product, length, out=np.zeros(n), where=length > 1e-9)
        found[i] = -1.0
        two = np.partition(found, n - 2)[-2:]
        best[i], margin[i] = np.clip(two[1], 0, 1), two[1] - two[0]
    return best, margin


def _mean(values: NDArray[np.floating]) -> Array:
    """Mean over axis 1 of what is known; 0 where nothing is (the caller's differences are NaN there)."""
    known = np.isfinite(values)
    total = np.where(known, values, 0).sum(axis=1, dtype=np.float64)
    out: Array = total / np.maximum(known.sum(axis=1), 1)
    return out


def sides(
    kwh: NDArray[np.float32], onset: Array, end: Array, days: int = 42
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean kWh per clock hour before and after each onset, ``(m, 24)`` each; NaN where unknown."""
    m, d, s = kwh.shape
    before, after = np.full((m, 24), np.nan), np.full((m, 24), np.nan)
    for i in range(m):
        if not np.isfinite(onset[i]):
            continue
        day = int(onset[i])
        first = int(np.ceil(onset[i]))
        last = int(min(end[i] if np.isfinite(end[i]) else d, first + days, d))
        for out, part in ((before, kwh[i, max(0, day - days) : day]), (after, kwh[i, first:last])):
            if len(part) >= 3:
                hours = part.reshape(len(part), 24, s // 24).transpose(1, 0, 2).reshape(24, -1)
                known = np.isfinite(hours).sum(axis=1)
                if (known > 0).all():
                    out[i] = np.where(np.isfinite(hours), hours, 0).sum(axis=1, dtype=np.float64) / known
                    out[i] *= s // 24
    return before, after
