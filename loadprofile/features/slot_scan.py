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
        gaps: how many distinct gaps there are.
        gap_key: ``(g,)`` int64, first slot x (slots + 1) + first slot after, ascending, of the gaps that two
            meters and more have; a meter's other gaps surprise nobody.
        gap: ``(g,)`` surprise of each.
        gap_size: ``(g,)`` meters that have it.
        zero, up, down: ``(slots,)`` surprise of each slot.
        zero_size: ``(slots,)`` meters with a zero run that begins there.
        odd_up, odd_down: int64, the slots whose jumps surprise for the whole span asked, ascending.
        habit_up, habit_down: share of the meters that jump in each of those by habit of the clock.
    """

    gaps: int
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
    shared = counts.gaps[:, 2] > 1
    first, after, size = counts.gaps[shared].T
    return Surprises(
        len(counts.gaps),
        first * (total + 1) + after,
        counts.gap_surprise()[shared],
        size.copy(),
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
        gap, zero, up, down: int32, place of the most surprising in ``Surprises``; -1 = it has none.
        known: whether the meter has any reading.
        sided: whether its mean day is known on both sides of its change.
        jump_share: share of its extreme jumps at surprising slots; NaN = it has none.
        jump_surprise: the greatest.
        joined: how many of the population's odd slots it took part in; NaN without a reading.
        joined_share: of those in which it has a reading; 0 where there are none.
        joined_surprise: -log10 of the chance of joining so many by habit of the clock (Poisson).
        before, after: ``(sided.sum(), 24)`` mean kWh per clock hour on both sides of the change.
    """

    gap: NDArray[np.int32]
    zero: NDArray[np.int32]
    up: NDArray[np.int32]
    down: NDArray[np.int32]
    known: NDArray[np.bool_]
    sided: NDArray[np.bool_]
    jump_share: NDArray[np.float32]
    jump_surprise: NDArray[np.float32]
    joined: NDArray[np.float32]
    joined_share: NDArray[np.float32]
    joined_surprise: NDArray[np.float32]
    before: NDArray[np.float32]
    after: NDArray[np.float32]


def scan(batch: LoadProfiles, found: Surprises, onset: NDArray[np.float64], end: NDArray[np.float64]) -> Seen:
    """What the meters of a batch did; ``onset`` and ``end`` of their changes in days, NaN = none."""
    m, d, s = batch.kwh.shape
    places = np.full((4, m), -1, dtype=np.int64)
    found_of = np.full((5, m), np.nan)
    known = np.zeros(m, dtype=np.bool_)
    exists = frozen(np.ascontiguousarray(batch.exists).ravel())
    _scan(
        frozen(np.ascontiguousarray(batch.kwh).reshape(m, d * s)), exists,
        ZERO_RUN_HOURS * s // 24, frozen(found.gap_key), frozen(found.gap), frozen(found.zero),
        frozen(found.up), frozen(found.down), frozen(found.odd_up), frozen(found.odd_down),
        frozen(found.habit_up), frozen(found.habit_down), places, found_of, known,
    )  # fmt: skip
    before, after = sides(batch.kwh, onset, end)
    share, surprise, joined, of, chance = found_of
    joined_share = np.divide(joined, of, out=np.where(known, 0.0, np.nan), where=of > 0)
    by_habit = np.maximum(np.nan_to_num(chance), 1e-9)
    tail = np.clip(stats.poisson.logsf(joined - 1, by_habit) / -np.log(10), 0.0, MOST_SURPRISED)
    joined_surprise = np.where(joined > 0, tail, np.where(known, 0.0, np.nan))
    sided = np.asarray(np.isfinite(before).all(axis=1) & np.isfinite(after).all(axis=1))
    gap, zero, up, down = places.astype(np.int32)
    numbers = [share, surprise, joined, joined_share, joined_surprise, before[sided], after[sided]]
    return Seen(gap, zero, up, down, known, sided, *(x.astype(np.float32) for x in numbers))


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
def _most_surprising_gap(
    first: NDArray[np.int64],
    after: NDArray[np.int64],
    count: int,
    gap_key: NDArray[np.int64],
    gap_surprise: NDArray[np.float64],
    n: int,
) -> int:
    """Place in ``gap_key`` of a meter's most surprising gap, the first of equals; -1 = no one shares it."""
    best, most = -1, -1.0
    for g in range(count):
        key = first[g] * (n + 1) + after[g]
        at = np.searchsorted(gap_key, key)
        shared = at < len(gap_key) and gap_key[at] == key
        surprise = gap_surprise[at] if shared else 0.0
        if surprise > most:
            best, most = (at if shared else -1), surprise
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
        places[0, i] = _most_surprising_gap(first, after, gaps, gap_key, gap_surprise, n)
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
