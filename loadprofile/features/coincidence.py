"""How surprising it is that several meters changed at once, and who belongs together.

Each meter with a marked change asks four questions of the others: who changed on the same day (within
a day either side), of those who by the same ratio, who at the same slot, and who at the same slot by
the same ratio. Each count has its own binomial tail against a robust expectation: the density of onsets
in the weeks around, the habit of onsets at that clock time, the share of changes of that size. The last
question sees three meters in two hundred.

Many homes do turn their heating off on the first warm day: the first two tails are divided by how much
the daily counts of onsets vary beyond a binomial's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse, stats
from scipy.sparse import csgraph

from loadprofile.features.slots import MOST_SURPRISED

Array = NDArray[np.float64]
NEIGHBOUR_DAYS = 1.0
LOCAL_DAYS = 21.0
DAY_ALONE = 4.0


@dataclass(frozen=True, eq=False, slots=True)
class Changes:
    """The marked changes of a population; every array ``(n,)``.

    Attributes:
        onset: days since the first day; NaN = no marked change, takes no part.
        log_ratio: logarithm of after / before.
        error: standard error of it.
        strength: how marked the change is (a z-like number); meters are counted among their likes:
            those at least half as strong.
        day_count: days in the span.
        slots_per_day: slots in a day.
    """

    onset: Array
    log_ratio: Array
    error: Array
    strength: Array
    day_count: int
    slots_per_day: int


@dataclass(frozen=True, eq=False, slots=True)
class Together:
    """What ``find_together`` says of each meter; ``(n,)`` arrays, NaN for meters without a marked change.

    ``*_size`` counts the others; surprises are -log10 of tail probabilities; ``agreement`` is 1 minus
    the median distance of log ratios on the same day (floored at 0); ``links`` are pairs of rows that
    belong to one incident, ``(p, 2)``.
    """

    day_size: Array
    day_surprise: Array
    ratio_size: Array
    ratio_surprise: Array
    slot_size: Array
    slot_surprise: Array
    both_size: Array
    both_surprise: Array
    agreement: Array
    links: NDArray[np.int64]


def tail(count: Array | int, trials: NDArray[np.int64] | int, chance: Array | float) -> Array:
    """-log10 P(Binomial(trials, chance) >= count), capped; 0 for a count of 0."""
    k = np.asarray(count, dtype=np.float64)
    logs = stats.binom.logsf(k - 1, np.maximum(trials, 1), np.clip(chance, 1e-12, 1.0)) / -np.log(10)
    out: Array = np.clip(np.where(k > 0, logs, 0.0), 0.0, MOST_SURPRISED)
    return out


def find_together(changes: Changes, least_surprise: float) -> Together:
    """Sizes, surprises and links of all marked changes.

    Args:
        changes: the population's.
        least_surprise: a meter links to those it shares its most surprising question with when that
            surprise, less the logarithm of how many meters and questions were asked, is at least this.
    """
    n = len(changes.onset)
    rows = np.flatnonzero(np.isfinite(changes.onset) & np.isfinite(changes.log_ratio))
    order = rows[np.argsort(changes.onset[rows], kind="stable")]
    onset, ratio = changes.onset[order], changes.log_ratio[order]
    error = np.nan_to_num(changes.error[order], nan=0.1)
    strength = np.nan_to_num(changes.strength[order])
    extra = _extra_variance(onset)
    clock = np.mod(np.rint(onset * changes.slots_per_day).astype(np.int64), changes.slots_per_day)
    habit = np.bincount(clock, minlength=changes.slots_per_day) + 0.5
    habit = habit / habit.sum()
    near_clock = habit + np.roll(habit, 1) + np.roll(habit, -1)
    ordered_ratio = np.sort(ratio)
    ordered_strength = np.sort(strength)
    likes = len(order) - np.searchsorted(ordered_strength, 0.5 * strength) - 1
    counts, chances = np.zeros((len(order), 4)), np.ones((len(order), 4))
    agreement = np.full(len(order), np.nan)
    entries = _Ordered(onset, ratio, error, strength, 1.01 / changes.slots_per_day)
    _questions(
        onset, ratio, error, strength, ordered_ratio, near_clock[clock], entries.step, changes.day_count,
        changes.slots_per_day, counts, chances, agreement,
    )  # fmt: skip
    surprises = tail(counts, likes[:, None], chances) / np.array([extra, extra, 1.0, 1.0])
    links = _links(entries, surprises, least_surprise)
    numbers = np.full((9, n), np.nan)
    numbers[0:8:2, order], numbers[1:8:2, order], numbers[8, order] = counts.T, surprises.T, agreement
    day, day_s, same, same_s, slot, slot_s, both, both_s, agreed = numbers
    return Together(day, day_s, same, same_s, slot, slot_s, both, both_s, agreed, order[links])


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _questions(
    onset: Array,
    ratio: Array,
    error: Array,
    strength: Array,
    ordered_ratio: Array,
    near_clock: Array,
    step: float,
    day_count: int,
    slots_per_day: int,
    counts: Array,
    chances: Array,
    agreement: Array,
) -> None:
    """Who else and by what chance, for each change; all arrays are in the order of the onsets.

    ``counts`` and ``chances`` are ``(m, 4)``: same day, and by the same ratio, same slot, and by the same
    ratio. Onsets are ascending, so the neighbours of one are those beside it.
    """
    m = len(onset)
    trials = m - 1
    window = 2 * NEIGHBOUR_DAYS
    flat = window / max(day_count - 10.0, window)
    distances, reaches = np.empty(m), np.empty(m)
    for at in range(m):
        first = np.searchsorted(onset, onset[at] - NEIGHBOUR_DAYS)
        last = np.searchsorted(onset, onset[at] + NEIGHBOUR_DAYS + 1e-9)
        everyone_near = last - first - 1
        near, alike, same_slot, same_both = 0, 0, 0, 0
        for j in range(first, last):
            if j == at or strength[j] < 0.5 * strength[at]:
                continue
            reaches[near] = min(0.02 + 1.5 * np.hypot(error[at], error[j]), 0.2)
            distances[near] = abs(ratio[j] - ratio[at])
            like = distances[near] <= reaches[near]
            slot = abs(onset[j] - onset[at]) <= step
            near += 1
            alike += like
            same_slot += slot
            same_both += like and slot
        low, high = onset[at] - LOCAL_DAYS, onset[at] + LOCAL_DAYS
        around = max(np.searchsorted(onset, high) - np.searchsorted(onset, low) - everyone_near - 1, 0)
        length = min(high, np.float64(day_count)) - max(low, 0.0)
        # local density of onsets, steadied by ten uniform ones
        share = (around + 10 * min(length / day_count, 1.0)) / max(trials + 10, 1)
        p_day = min(max(share * window / max(length - window, window), 0.25 * flat), 0.5)
        width = np.median(reaches[:near]) if near else 0.1
        like_ratio = np.searchsorted(ordered_ratio, ratio[at] + width) - np.searchsorted(
            ordered_ratio, ratio[at] - width
        )
        p_ratio = min((max(like_ratio - 1 - alike, 0) + 1.0) / (trials + 2.0), 1.0)
        p_slot = p_day / window * min(max(near_clock[at], 3 / slots_per_day), 1.0)
        counts[at, 0], counts[at, 1], counts[at, 2], counts[at, 3] = near, alike, same_slot, same_both
        chances[at, 0], chances[at, 1] = p_day, p_day * p_ratio
        chances[at, 2], chances[at, 3] = p_slot, p_slot * p_ratio
        if near:
            agreement[at] = max(0.0, 1 - np.median(distances[:near]))


@dataclass(frozen=True, eq=False, slots=True)
class _Ordered:
    """The marked changes in the order of their onsets, ``(m,)`` each, and how near the same slot is."""

    onset: Array
    ratio: Array
    error: Array
    strength: Array
    step: float

    def group(self, at: int, question: int) -> NDArray[np.int64]:
        """Who shares the change at ``at`` by one of the questions of ``_questions``, itself included."""
        onset = self.onset
        first, last = np.searchsorted(onset, [onset[at] - NEIGHBOUR_DAYS, onset[at] + NEIGHBOUR_DAYS + 1e-9])
        near = np.arange(first, last)
        keep = self.strength[near] >= 0.5 * self.strength[at]
        if question in (1, 3):
            reach = np.minimum(0.02 + 1.5 * np.hypot(self.error[at], self.error[near]), 0.2)
            keep &= np.abs(self.ratio[near] - self.ratio[at]) <= reach
        if question in (2, 3):
            keep &= np.abs(onset[near] - onset[at]) <= self.step
        keep[at - first] = True
        members: NDArray[np.int64] = near[keep].astype(np.int64)
        return members


def _links(entries: _Ordered, surprises: Array, least_surprise: float) -> NDArray[np.int64]:
    """Pairs that hold each surprising group together, ``(p, 2)``; a group that many share is linked once."""
    m = len(surprises)
    penalty = np.log10(4.0 * max(m, 1))
    # the day alone is shared by weather and holidays: it takes much more to make an incident of it
    judged = surprises - penalty - np.array([DAY_ALONE, 0.0, 0.0, 0.0])
    pairs: list[NDArray[np.int64]] = []
    held = 0
    before = np.empty(0, dtype=np.int64)
    for at in np.flatnonzero(judged.max(axis=1, initial=-np.inf) >= least_surprise).tolist():
        members = entries.group(at, int(np.argmax(judged[at])))
        if np.array_equal(members, before):
            continue
        before = members
        pairs.append(np.column_stack([members[:-1], members[1:]]))
        held += len(members)
        if held > MOST_PAIRS:
            pairs = [_spanning(np.concatenate(pairs), m)]
            held = len(pairs[0])
    return np.concatenate(pairs) if pairs else np.empty((0, 2), dtype=np.int64)


MOST_PAIRS = 2_000_000
"""Pairs held before those that say the same are dropped: each of an incident's thousands names them all."""


def _spanning(pairs: NDArray[np.int64], m: int) -> NDArray[np.int64]:
    """The same components with as few pairs as hold them together."""
    graph = sparse.coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(m, m))
    _, label = csgraph.connected_components(graph, directed=False)
    linked = np.unique(pairs)
    linked = linked[np.argsort(label[linked], kind="stable")]
    same = np.diff(label[linked]) == 0
    return np.column_stack([linked[:-1][same], linked[1:][same]])


def _extra_variance(onset: Array) -> float:
    """Variance over mean of the daily counts of onsets, without the five highest days of a hundred; >= 1."""
    if len(onset) < 10:
        return 1.0
    counts = np.sort(np.bincount(onset.astype(np.int64) - int(onset[0])))
    counts = counts[: max(len(counts) - max(len(counts) // 20, 1), 1)]
    mean = float(counts.mean())
    # what the cut takes off a Poisson's own variance is about a fifth
    return max(1.0, 1.2 * float(counts.var()) / mean) if mean > 0 else 1.0
