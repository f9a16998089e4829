"""Second pass over the readings: what each meter did, held against what the population did in those slots.

Of each meter the most surprising gap, zero run and jump; its jumps at surprising slots; and its mean day
before and after its change. Each meter by itself, so batches can be scanned anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import stats

from loadprofile.features.partners import sides
from loadprofile.features.slots import MOST_SURPRISED, ZERO_RUN_HOURS, SlotCounts, find_places, room
from loadprofile.profiles import LoadProfiles, frozen

ODD = 1.5
"""-log10 chance, after counting how many slots were asked, from which a slot's jumps make it odd."""

SURPRISING = 4.0
"""-log10 chance from which a slot's jumps are no coincidence."""


@dataclass(frozen=True, eq=False, slots=True)
class Surprises:
    """How surprising the population's counts are, worked out once.

    Attributes:
        gap_key: ``(g,)`` int64, first slot x (slots + 1) + first slot after, ascending.
        gap: ``(g,)`` surprise of each.
        gap_size: ``(g,)`` meters that have it.
        zero, up, down: ``(slots,)`` surprise of each slot.
        zero_size: ``(slots,)`` meters with a zero run that begins there.
        odd_up, odd_down: int64, the slots whose jumps surprise for the whole span asked, ascending.
        habit_up, habit_down: share of the meters that jump in each of those by habit of the clock.
    """

    gap_key: NDArray[np.int64]
    gap: NDArray[np.float64]
    gap_size: NDArray[np.int64]
    zero: NDArray[np.float64]
    up: NDArray[np.float64]
    down: NDArray[np.float64]
    zero_size: NDArray[np.int64]
    odd_up: NDArray[np.int64]
    odd_down: NDArray[np.int64]
    habit_up: NDArray[np.float64]
    habit_down: NDArray[np.float64]


def surprises(counts: SlotCounts) -> Surprises:
    """Of a whole population's counts."""
    total = counts.counts.shape[1]
    usual = {kind: counts.usual(kind) for kind in ("up", "down")}
    jumps = {kind: counts.surprise(kind, usual[kind]) for kind in usual}
    odd = {kind: np.flatnonzero(jumps[kind] - np.log10(total) >= ODD) for kind in jumps}
    return Surprises(
        counts.gaps[:, 0] * (total + 1) + counts.gaps[:, 1],
        counts.gap_surprise(),
        counts.gaps[:, 2].copy(),
        counts.surprise("zero"),
        jumps["up"],
        jumps["down"],
        counts.counts[2].copy(),
        odd["up"],
        odd["down"],
        usual["up"][odd["up"]],
        usual["down"][odd["down"]],
    )


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """What was seen of some meters; ``(m,)`` arrays but for the last two.

    Attributes:
        gap, zero, up, down: int64, place of the most surprising in ``Surprises``; -1 = it has none.
        known: whether the meter has any reading.
        jump_share: share of its extreme jumps at surprising slots; NaN = it has none.
        jump_surprise: the greatest.
        joined: how many of the population's odd slots it took part in; NaN without a reading.
        joined_share: of those in which it has a reading; 0 where there are none.
        joined_surprise: -log10 of the chance of joining so many by habit of the clock (Poisson).
        before, after: ``(m, 24)`` mean kWh per clock hour on both sides of the change.
    """

    gap: NDArray[np.int64]
    zero: NDArray[np.int64]
    up: NDArray[np.int64]
    down: NDArray[np.int64]
    known: NDArray[np.bool_]
    jump_share: NDArray[np.float64]
    jump_surprise: NDArray[np.float64]
    joined: NDArray[np.float64]
    joined_share: NDArray[np.float64]
    joined_surprise: NDArray[np.float64]
    before: NDArray[np.float64]
    after: NDArray[np.float64]


def scan(batch: LoadProfiles, found: Surprises, onset: NDArray[np.float64], end: NDArray[np.float64]) -> Seen:
    """What the meters of a batch did; ``onset`` and ``end`` of their changes in days, NaN = none."""
    m, d, s = batch.kwh.shape
    places = np.full((4, m), -1, dtype=np.int64)
    numbers = np.full((5, m), np.nan)
    known = np.zeros(m, dtype=np.bool_)
    exists = frozen(np.ascontiguousarray(batch.exists).ravel())
    _scan(
        frozen(np.ascontiguousarray(batch.kwh).reshape(m, d * s)), exists,
        ZERO_RUN_HOURS * s // 24, frozen(found.gap_key), frozen(found.gap), frozen(found.zero),
        frozen(found.up), frozen(found.down), frozen(found.odd_up), frozen(found.odd_down),
        frozen(found.habit_up), frozen(found.habit_down), places, numbers, known,
    )  # fmt: skip
    before, after = sides(batch.kwh, onset, end)
    share, surprise, joined, of, chance = numbers
    joined_share = np.divide(joined, of, out=np.where(known, 0.0, np.nan), where=of > 0)
    by_habit = np.maximum(np.nan_to_num(chance), 1e-9)
    tail = np.clip(stats.poisson.logsf(joined - 1, by_habit) / -np.log(10), 0.0, MOST_SURPRISED)
    joined_surprise = np.where(joined > 0, tail, np.where(known, 0.0, np.nan))
    return Seen(
        places[0], places[1], places[2], places[3], known, share, surprise, joined, joined_share,
        joined_surprise, before, after,
    )  # fmt: skip


def one_after_another(parts: Sequence[Seen]) -> Seen:
    """What was seen of several batches, as one."""
    return Seen(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Seen)))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _most(at: NDArray[np.int64], count: int, surprise: NDArray[np.float64]) -> int:
    """The place of greatest surprise among the first ``count``, the first of equals; -1 = there is none."""
    best = -1
    for j in range(count):
        if best < 0 or surprise[at[j]] > surprise[best]:
            best = at[j]
    return best


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _scan(
    kwh: NDArray[np.float32],
    exists: NDArray[np.bool_],
    zero_slots: int,
    gap_key: NDArray[np.int64],
    gap_surprise: NDArray[np.float64],
    zero_surprise: NDArray[np.float64],
    up_surprise: NDArray[np.float64],
    down_surprise: NDArray[np.float64],
    odd_up: NDArray[np.int64],
    odd_down: NDArray[np.int64],
    habit_up: NDArray[np.float64],
    habit_down: NDArray[np.float64],
    places: NDArray[np.int64],
    numbers: NDArray[np.float64],
    known: NDArray[np.bool_],
) -> None:
    m, n = kwh.shape
    first, after, zero, up, down, jumps, keys, cells = room(n)
    is_odd_up, is_odd_down = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    is_odd_up[odd_up] = True
    is_odd_down[odd_down] = True
    for i in range(m):
        gaps, zeros, ups, downs = find_places(
            kwh[i], exists, zero_slots, first, after, zero, up, down, jumps, keys, cells
        )
        for t in range(n):
            if np.isfinite(kwh[i, t]):
                known[i] = True
                break
        for g in range(gaps):
            first[g] = np.searchsorted(gap_key, first[g] * (n + 1) + after[g])
        places[0, i] = _most(first, gaps, gap_surprise)
        places[1, i] = _most(zero, zeros, zero_surprise)
        places[2, i] = _most(up, ups, up_surprise)
        places[3, i] = _most(down, downs, down_surprise)
        odd, most = 0, 0.0
        for j in range(ups):
            odd += up_surprise[up[j]] >= SURPRISING
            most = max(most, up_surprise[up[j]])
        for j in range(downs):
            odd += down_surprise[down[j]] >= SURPRISING
            most = max(most, down_surprise[down[j]])
        if known[i]:
            numbers[2:, i] = 0.0
            for j in range(ups):
                numbers[2, i] += is_odd_up[up[j]]
            for j in range(downs):
                numbers[2, i] += is_odd_down[down[j]]
            for at, habit in ((odd_up, habit_up), (odd_down, habit_down)):
                for j in range(len(at)):
                    if np.isfinite(kwh[i, at[j]]):
                        numbers[3, i] += 1
                        numbers[4, i] += habit[j]
        if ups + downs > 0:
            numbers[0, i] = odd / (ups + downs)
            numbers[1, i] = most
