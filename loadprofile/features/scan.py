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

from loadprofile.features.partners import sides
from loadprofile.features.slots import KEYS, ZERO_RUN_HOURS, SlotCounts, find_places
from loadprofile.profiles import LoadProfiles, frozen

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
    """

    gap_key: NDArray[np.int64]
    gap: NDArray[np.float64]
    gap_size: NDArray[np.int64]
    zero: NDArray[np.float64]
    up: NDArray[np.float64]
    down: NDArray[np.float64]
    zero_size: NDArray[np.int64]


def surprises(counts: SlotCounts) -> Surprises:
    """Of a whole population's counts."""
    total = counts.counts.shape[1]
    return Surprises(
        counts.gaps[:, 0] * (total + 1) + counts.gaps[:, 1],
        counts.gap_surprise(),
        counts.gaps[:, 2].copy(),
        counts.surprise("zero"),
        counts.surprise("up"),
        counts.surprise("down"),
        counts.counts[2].copy(),
    )


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """What was seen of some meters; ``(m,)`` arrays but for the last two.

    Attributes:
        gap, zero, up, down: int64, place of the most surprising in ``Surprises``; -1 = it has none.
        known: whether the meter has any reading.
        jump_share: share of its extreme jumps at surprising slots; NaN = it has none.
        jump_surprise: the greatest.
        before, after: ``(m, 24)`` mean kWh per clock hour on both sides of the change.
    """

    gap: NDArray[np.int64]
    zero: NDArray[np.int64]
    up: NDArray[np.int64]
    down: NDArray[np.int64]
    known: NDArray[np.bool_]
    jump_share: NDArray[np.float64]
    jump_surprise: NDArray[np.float64]
    before: NDArray[np.float64]
    after: NDArray[np.float64]


def scan(batch: LoadProfiles, found: Surprises, onset: NDArray[np.float64], end: NDArray[np.float64]) -> Seen:
    """What the meters of a batch did; ``onset`` and ``end`` of their changes in days, NaN = none."""
    m, d, s = batch.kwh.shape
    places = np.full((4, m), -1, dtype=np.int64)
    numbers = np.full((2, m), np.nan)
    known = np.zeros(m, dtype=np.bool_)
    exists = frozen(np.ascontiguousarray(batch.exists).ravel())
    _scan(
        frozen(np.ascontiguousarray(batch.kwh).reshape(m, d * s)), exists,
        ZERO_RUN_HOURS * s // 24, frozen(found.gap_key), frozen(found.gap), frozen(found.zero),
        frozen(found.up), frozen(found.down), places, numbers, known,
    )  # fmt: skip
    before, after = sides(batch.kwh, onset, end)
    return Seen(places[0], places[1], places[2], places[3], known, numbers[0], numbers[1], before, after)


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
    places: NDArray[np.int64],
    numbers: NDArray[np.float64],
    known: NDArray[np.bool_],
) -> None:
    m, n = kwh.shape
    runs = n // 2 + 1
    first, after, zero = np.empty(runs, np.int64), np.empty(runs, np.int64), np.empty(runs, np.int64)
    up, down = np.empty(n, np.int64), np.empty(n, np.int64)
    jumps, keys = np.empty(n, np.float32), np.empty(n, np.uint16)
    cells = np.zeros(KEYS, np.int32)
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
        if ups + downs > 0:
            numbers[0, i] = odd / (ups + downs)
            numbers[1, i] = most
