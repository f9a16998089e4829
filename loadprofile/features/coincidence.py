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
from numpy.typing import NDArray
from scipy import stats

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
    trials = len(order) - 1
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
    groups: list[tuple[NDArray[np.int64], ...]] = []
    window = 2 * NEIGHBOUR_DAYS
    flat = window / max(changes.day_count - 10, window)
    step = 1.01 / changes.slots_per_day
    for at in range(len(order)):
        first, last = np.searchsorted(onset, [onset[at] - NEIGHBOUR_DAYS, onset[at] + NEIGHBOUR_DAYS + 1e-9])
        near = np.arange(first, last)
        everyone_near = len(near) - 1
        near = near[(near != at) & (strength[near] >= 0.5 * strength[at])]
        wide = np.searchsorted(onset, [onset[at] - LOCAL_DAYS, onset[at] + LOCAL_DAYS])
        around = max(int(wide[1] - wide[0]) - everyone_near - 1, 0)
        length = min(onset[at] + LOCAL_DAYS, changes.day_count) - max(onset[at] - LOCAL_DAYS, 0)
        # local density of onsets, steadied by ten uniform ones
        share = (around + 10 * min(length / changes.day_count, 1)) / max(trials + 10, 1)
        p_day = min(max(share * window / max(length - window, window), 0.25 * flat), 0.5)
        reach = np.minimum(0.02 + 1.5 * np.hypot(error[at], error[near]), 0.2)
        distance = np.abs(ratio[near] - ratio[at])
        alike = distance <= reach
        width = float(np.median(reach)) if len(near) else 0.1
        like = np.searchsorted(ordered_ratio, [ratio[at] - width, ratio[at] + width])
        p_ratio = min((max(int(like[1] - like[0]) - 1 - int(alike.sum()), 0) + 1.0) / (trials + 2.0), 1.0)
        same_slot = np.abs(onset[near] - onset[at]) <= step
        p_slot = p_day / window * min(max(float(near_clock[clock[at]]), 3 / changes.slots_per_day), 1.0)
        groups.append((near, near[alike], near[same_slot], near[same_slot & alike]))
        counts[at] = [len(group) for group in groups[at]]
        chances[at] = (p_day, p_day * p_ratio, p_slot, p_slot * p_ratio)
        if len(near):
            agreement[at] = max(0.0, 1 - float(np.median(distance)))
    surprises = tail(counts, likes[:, None], chances) / np.array([extra, extra, 1.0, 1.0])
    links = _links(groups, surprises, least_surprise)
    numbers = np.full((9, n), np.nan)
    numbers[0:8:2, order], numbers[1:8:2, order], numbers[8, order] = counts.T, surprises.T, agreement
    day, day_s, same, same_s, slot, slot_s, both, both_s, agreed = numbers
    return Together(day, day_s, same, same_s, slot, slot_s, both, both_s, agreed, order[links])


def _links(
    groups: list[tuple[NDArray[np.int64], ...]], surprises: Array, least_surprise: float
) -> NDArray[np.int64]:
    """Pairs that hold each surprising group together, ``(p, 2)``; a group that many share is linked once."""
    penalty = np.log10(4.0 * max(len(groups), 1))
    # the day alone is shared by weather and holidays: it takes much more to make an incident of it
    judged = surprises - penalty - np.array([DAY_ALONE, 0.0, 0.0, 0.0])
    found: dict[bytes, NDArray[np.int64]] = {}
    for at in np.flatnonzero(judged.max(axis=1, initial=-np.inf) >= least_surprise):
        members = np.sort(np.append(groups[at][int(np.argmax(judged[at]))], at)).astype(np.int64)
        found[members.tobytes()] = members
    if not found:
        return np.empty((0, 2), dtype=np.int64)
    return np.concatenate([np.column_stack([m[:-1], m[1:]]) for m in found.values()])


def _extra_variance(onset: Array) -> float:
    """Variance over mean of the daily counts of onsets, without the five highest days of a hundred; >= 1."""
    if len(onset) < 10:
        return 1.0
    counts = np.sort(np.bincount(onset.astype(np.int64) - int(onset[0])))
    counts = counts[: max(len(counts) - max(len(counts) // 20, 1), 1)]
    mean = float(counts.mean())
    # what the cut takes off a Poisson's own variance is about a fifth
    return max(1.0, 1.2 * float(counts.var()) / mean) if mean > 0 else 1.0
