"""How many meters did something in each slot: the population's side of every coincidence.

Counted per slot of the span: readings present, gaps and zero runs that begin, and extreme jumps. A
jump is extreme when it is among the largest 1 % of the meter's own jumps up (or down): scale-free,
and every meter has the same number of them, so the counts are binomial but for clock habits.
Counts add up over batches. They hold ``6 * d * s`` integers and one row per distinct gap.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import stats

from loadprofile.errors import ShapeError
from loadprofile.profiles import LoadProfiles, frozen

LEAST_GAP_SLOTS = 2
ZERO_RUN_HOURS = 4
EXTREME = 0.01
MOST_SURPRISED = 300.0
"""Cap on -log10 of a tail probability."""

KINDS = ("present", "gap", "zero", "up", "down")
"""Rows of ``SlotCounts.counts``: readings present; gaps, zero runs beginning; extreme jumps up, down."""


@dataclass(frozen=True, eq=False, slots=True)
class SlotCounts:
    """Counts of a population (or a part of it); ``+`` merges parts with the same days and step.

    Attributes:
        days: ``(d,)`` datetime64[D].
        step_minutes: interval length.
        meters: number of meters counted.
        counts: ``(5, d * s)`` int64, rows as in ``KINDS``.
        gaps: ``(g, 3)`` int64, distinct gaps of two slots or more: first slot, first slot after it
            (``d * s`` when the readings never resume) and number of meters; sorted.
    """

    days: NDArray[np.datetime64]
    step_minutes: int
    meters: int
    counts: NDArray[np.int64]
    gaps: NDArray[np.int64]

    def __post_init__(self) -> None:
        shape = (len(KINDS), len(self.days) * (1440 // self.step_minutes))
        if self.counts.shape != shape:
            raise ShapeError("counts", self.counts.shape, shape)
        if self.gaps.ndim != 2 or self.gaps.shape[1] != 3:
            raise ShapeError("gaps", self.gaps.shape, "(g, 3)")
        for name in ("days", "counts", "gaps"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    def __add__(self, other: SlotCounts) -> SlotCounts:
        return summed([self, other])

    def surprise(self, kind: str, usual: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """-log10 of the chance of so many meters in one slot, ``(d * s,)``; 0 = as expected.

        Binomial tail with the expectation of that clock slot (mean over days without the highest 5 %,
        weekdays and weekend apart), spread out where counts vary more than a binomial's. ``usual`` is that
        of the same kind where it is at hand already.
        """
        s = 1440 // self.step_minutes
        found = self.counts[KINDS.index(kind)].reshape(-1, s).astype(np.float64)
        present = np.maximum(self.counts[0].reshape(-1, s), 1).astype(np.float64)
        rate = (self.usual(kind) if usual is None else usual).reshape(-1, s)
        if kind in ("gap", "zero"):
            present = np.full_like(present, max(self.meters, 1))
        mean = present * rate
        spread = (found - mean) / np.sqrt(mean + 1e-12)
        apart = np.abs(spread[mean > 3])
        # variance over a binomial's, from the middle of the counts: incidents are in the tail
        extra = max(1.0, float(np.median(apart)) / 0.6745) if len(apart) > 50 else 1.0
        shrunk = np.where(found > mean, mean + (found - mean) / extra, found)
        tail = stats.binom.logsf(np.ceil(shrunk) - 1, present, rate) / -np.log(10)
        out: NDArray[np.float64] = np.clip(np.where(found > mean, tail, 0.0), 0.0, MOST_SURPRISED)
        return out.ravel()

    def usual(self, kind: str) -> NDArray[np.float64]:
        """Share of the meters that do so in each slot by habit of the clock, ``(d * s,)``."""
        s = 1440 // self.step_minutes
        found = self.counts[KINDS.index(kind)].reshape(-1, s).astype(np.float64)
        present = np.maximum(self.counts[0].reshape(-1, s), 1).astype(np.float64)
        weekend = (self.days.astype(np.int64) + 3) % 7 >= 5
        rate = np.empty_like(found)
        for part in (weekend, ~weekend):
            if part.any():
                rate[part] = _usual_rate(found[part], present[part])
        overall = _usual_rate(found.reshape(-1, 1), present.reshape(-1, 1))[0]
        out: NDArray[np.float64] = np.clip(rate + 0.25 * overall + 0.1 / (present.max() * s), 1e-9, 0.999)
        return out.ravel()

    def gap_surprise(self) -> NDArray[np.float64]:
        """-log10 of the chance that so many meters share a row of ``gaps``, ``(g,)``."""
        total = self.counts.shape[1]
        ordinary = self.gaps[:, 2][self.gaps[:, 2] <= 2].sum()
        # another gap begins in the same slot and, as gaps favour some lengths, ends with it one time in five
        rate = min(0.2 * (ordinary + 1) / total / max(self.meters, 1), 0.5)
        tail = stats.binom.logsf(self.gaps[:, 2] - 2, max(self.meters - 1, 1), rate) / -np.log(10)
        out: NDArray[np.float64] = np.clip(np.where(self.gaps[:, 2] > 1, tail, 0.0), 0.0, MOST_SURPRISED)
        return out


def _usual_rate(found: NDArray[np.float64], present: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of meters per clock slot without the highest 5 % of days, ``(s,)``."""
    share = np.sort(found / present, axis=0)
    keep = max(len(share) - max(len(share) // 20, 1), 1)
    out: NDArray[np.float64] = share[:keep].mean(axis=0)
    return out


def _tallied(gaps: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(gaps) == 0:
        return gaps
    width = int(gaps[:, 1].max()) + 1
    keys, inverse = np.unique(gaps[:, 0] * width + gaps[:, 1], return_inverse=True)
    meters = np.bincount(inverse, weights=gaps[:, 2]).astype(np.int64)
    return np.column_stack([keys // width, keys % width, meters])


def summed(parts: Iterable[SlotCounts]) -> SlotCounts:
    """Counts of several parts of a population as one; a part may be let go as soon as it is added.

    Raises:
        ShapeError: for other days or another step.
    """
    first: SlotCounts | None = None
    meters, pieces = 0, []
    for part in parts:
        if first is None:
            first, total = part, part.counts.copy()
        elif first.step_minutes != part.step_minutes or not np.array_equal(first.days, part.days):
            raise ShapeError("other", "other days or step", "the same days and step")
        else:
            total += part.counts
        meters += part.meters
        pieces.append(part.gaps)
    if first is None:
        raise ShapeError("parts", "none", "one at least")
    return SlotCounts(first.days, first.step_minutes, meters, total, _tallied(np.concatenate(pieces)))


def count_slots(profiles: LoadProfiles) -> SlotCounts:
    """Count what the meters of a batch did in each slot."""
    m, d, s = profiles.kwh.shape
    counts = np.zeros((len(KINDS), d * s), dtype=np.int64)
    found = np.empty((1024, 2), dtype=np.int64)
    flat = frozen(np.ascontiguousarray(profiles.kwh).reshape(m, d * s))
    exists = frozen(np.ascontiguousarray(profiles.exists).ravel())
    used = _count(flat, exists, ZERO_RUN_HOURS * s // 24, counts, found)
    if used > len(found):
        counts[:] = 0
        found = np.empty((used, 2), dtype=np.int64)
        _count(flat, exists, ZERO_RUN_HOURS * s // 24, counts, found)
    ones = np.ones((used, 1), dtype=np.int64)
    gaps = _tallied(np.hstack([found[:used], ones]))
    return SlotCounts(profiles.days, profiles.step_minutes, m, counts, gaps)


def meter_slots(
    flat: NDArray[np.float32], exists: NDArray[np.bool_], zero_slots: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Where one meter's gaps lie ``(g, 2)``, its zero runs begin, and its extreme jumps up and down are."""
    first, after, zero, up, down, jumps, keys, cells = room(len(flat))
    gaps, zeros, ups, downs = find_places(
        frozen(np.ascontiguousarray(flat)), frozen(exists), zero_slots, first, after, zero, up, down,
        jumps, keys, cells,
    )  # fmt: skip
    return np.column_stack([first[:gaps], after[:gaps]]), zero[:zeros], up[:ups], down[:downs]


KEYS = 1 << 16

Places = NDArray[np.int64]
Keys = NDArray[np.uint16]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def room(
    n: int,
) -> tuple[
    Places, Places, Places, Places, Places, NDArray[np.float32], NDArray[np.uint16], NDArray[np.int32]
]:
    """What ``find_places`` writes into, for ``n`` slots: one set serves meter after meter."""
    runs = n // 2 + 1
    return (
        np.empty(runs, np.int64), np.empty(runs, np.int64), np.empty(runs, np.int64),
        np.empty(n, np.int64), np.empty(n, np.int64),
        np.empty(n, np.float32), np.empty(n, np.uint16), np.zeros(KEYS, np.int32),
    )  # fmt: skip


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def find_places(
    flat: NDArray[np.float32],
    exists: NDArray[np.bool_],
    zero_slots: int,
    first: NDArray[np.int64],
    after: NDArray[np.int64],
    zero: NDArray[np.int64],
    up: NDArray[np.int64],
    down: NDArray[np.int64],
    jumps: NDArray[np.float32],
    keys: NDArray[np.uint16],
    counts: NDArray[np.int32],
) -> tuple[int, int, int, int]:
    """``meter_slots`` into room given by the caller; how many of each there are.

    Runs count existing slots only. What is missing from the first slot on is no gap. An extreme jump is one
    beyond the rank of the largest (or least) hundredth: the rank is found by counting the upper 16 bits of
    each float, which are in the order of the values, and sorting the one cell that holds it. ``counts`` must
    come zeroed and is left so.
    """
    n = len(flat)
    gaps, zeros = 0, 0
    gap_start, gap_length, zero_start, zero_length = -1, 0, -1, 0
    for t in range(n + 1):
        if t < n and not exists[t]:
            continue
        missing = t < n and not np.isfinite(flat[t])
        nothing = t < n and flat[t] == 0
        if missing:
            if gap_start < 0:
                gap_start, gap_length = t, 0
            gap_length += 1
        elif gap_start >= 0:
            if gap_length >= LEAST_GAP_SLOTS and gap_start > 0:
                first[gaps], after[gaps] = gap_start, t
                gaps += 1
            gap_start = -1
        if nothing:
            if zero_start < 0:
                zero_start, zero_length = t, 0
            zero_length += 1
        elif zero_start >= 0:
            if zero_length >= zero_slots:
                zero[zeros] = zero_start
                zeros += 1
            zero_start = -1
    ups, downs = _extreme(flat, jumps, keys, counts, up, down)
    return gaps, zeros, ups, downs


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _extreme(
    flat: NDArray[np.float32],
    jumps: NDArray[np.float32],
    keys: NDArray[np.uint16],
    counts: NDArray[np.int32],
    up: NDArray[np.int64],
    down: NDArray[np.int64],
) -> tuple[int, int]:
    """Slots with a jump beyond the rank of the largest or the least hundredth; how many of each."""
    n = len(flat)
    half = KEYS >> 1
    for t in range(1, n):
        jumps[t] = flat[t] - flat[t - 1]
    bits = jumps.view(np.int32)
    known, least, most = 0, KEYS, -1
    for t in range(1, n):
        if not np.isfinite(jumps[t]):
            keys[t] = half
            continue
        b = bits[t]
        key = half + (b >> 16) if b >= 0 else half - ((b & 0x7FFFFFFF) >> 16)
        keys[t] = key
        counts[key] += 1
        known += 1
        least = min(least, key)
        most = max(most, key)
    rank = int(EXTREME * known)
    ups, downs = 0, 0
    if rank >= 1:
        low_cell, below = least, 0
        while below + counts[low_cell] <= rank:
            below += counts[low_cell]
            low_cell += 1
        high_cell, above = most, 0
        while above + counts[high_cell] < rank:
            above += counts[high_cell]
            high_cell -= 1
        lows = np.empty(counts[low_cell], dtype=np.float32)
        highs = np.empty(counts[high_cell], dtype=np.float32)
        a, b = 0, 0
        for t in range(1, n):
            if keys[t] == low_cell and np.isfinite(jumps[t]):
                lows[a] = jumps[t]
                a += 1
            if keys[t] == high_cell and np.isfinite(jumps[t]):
                highs[b] = jumps[t]
                b += 1
        lows.sort()
        highs.sort()
        low, high = lows[rank - below], highs[len(highs) - (rank - above)]
        for t in range(1, n):
            if keys[t] >= high_cell and jumps[t] > high and jumps[t] > 0:
                up[ups] = t
                ups += 1
            if keys[t] <= low_cell and jumps[t] < low and jumps[t] < 0:
                down[downs] = t
                downs += 1
    counts[least : most + 1] = 0
    return ups, downs


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _count(
    kwh: NDArray[np.float32],
    exists: NDArray[np.bool_],
    zero_slots: int,
    counts: NDArray[np.int64],
    found: NDArray[np.int64],
) -> int:
    """Add the meters to ``counts`` and list their gaps; how many gaps there are, listed or not."""
    m, n = kwh.shape
    first, after, zero, up, down, jumps, keys, cells = room(n)
    used = 0
    for i in range(m):
        gaps, zeros, ups, downs = find_places(
            kwh[i], exists, zero_slots, first, after, zero, up, down, jumps, keys, cells
        )
        for t in range(n):
            counts[0, t] += np.isfinite(kwh[i, t])
        for g in range(gaps):
            counts[1, first[g]] += 1
            if used < len(found):
                found[used, 0], found[used, 1] = first[g], after[g]
            used += 1
        for z in range(zeros):
            counts[2, zero[z]] += 1
        for j in range(ups):
            counts[3, up[j]] += 1
        for j in range(downs):
            counts[4, down[j]] += 1
    return used
