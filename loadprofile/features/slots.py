"""How many meters did something in each slot: the population's side of every coincidence.

Counted per slot of the span: readings present, gaps and zero runs that begin, and extreme jumps. A
jump is extreme when it is among the largest 1 % of the meter's own jumps up (or down): scale-free,
and every meter has the same number of them, so the counts are binomial but for clock habits.
Counts add up over batches. They hold ``6 * d * s`` integers and one row per distinct gap.
"""

from __future__ import annotations

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
        if self.step_minutes != other.step_minutes or not np.array_equal(self.days, other.days):
            raise ShapeError("other", "other days or step", "the same days and step")
        return SlotCounts(
            self.days,
            self.step_minutes,
            self.meters + other.meters,
            self.counts + other.counts,
            _tallied(np.concatenate([self.gaps, other.gaps])),
        )

    def surprise(self, kind: str) -> NDArray[np.float64]:
        """-log10 of the chance of so many meters in one slot, ``(d * s,)``; 0 = as expected.

        Binomial tail with the expectation of that clock slot (mean over days without the highest 5 %,
        weekdays and weekend apart), spread out where counts vary more than a binomial's.
        """
        s = 1440 // self.step_minutes
        found = self.counts[KINDS.index(kind)].reshape(-1, s).astype(np.float64)
        present = np.maximum(self.counts[0].reshape(-1, s), 1).astype(np.float64)
        rate = self.usual(kind).reshape(-1, s)
        if kind in ("gap", "zero"):
            present = np.full_like(present, max(self.meters, 1))
        mean = present * rate
        spread = (found - mean) / np.sqrt(mean + 1e-12)
        usual = np.abs(spread[mean > 3])
        # variance over a binomial's, from the middle of the counts: incidents are in the tail
        extra = max(1.0, float(np.median(usual)) / 0.6745) if len(usual) > 50 else 1.0
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
    pairs, inverse = np.unique(gaps[:, :2], axis=0, return_inverse=True)
    meters = np.bincount(inverse.ravel(), weights=gaps[:, 2]).astype(np.int64)
    return np.column_stack([pairs, meters])


def count_slots(profiles: LoadProfiles) -> SlotCounts:
    """Count what the meters of a batch did in each slot."""
    m, d, s = profiles.kwh.shape
    counts = np.zeros((len(KINDS), d * s), dtype=np.int64)
    gaps = []
    for i in range(m):
        flat = profiles.kwh[i].ravel()
        found = meter_slots(flat, profiles.exists.ravel(), ZERO_RUN_HOURS * s // 24)
        counts[0] += np.isfinite(flat)
        counts[1] += np.bincount(found[0][:, 0], minlength=d * s)
        for row, slots in enumerate(found[1:], start=2):
            counts[row] += np.bincount(slots, minlength=d * s)
        gaps.append(found[0])
    every = np.concatenate(gaps) if gaps else np.empty((0, 2), dtype=np.int64)
    ones = np.ones((len(every), 1), dtype=np.int64)
    return SlotCounts(profiles.days, profiles.step_minutes, m, counts, _tallied(np.hstack([every, ones])))


def meter_slots(
    flat: NDArray[np.float32], exists: NDArray[np.bool_], zero_slots: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Where one meter's gaps lie ``(g, 2)``, its zero runs begin, and its extreme jumps up and down are."""
    missing = _runs(~np.isfinite(flat), exists, LEAST_GAP_SLOTS)
    if len(missing) and missing[0, 0] == 0:
        missing = missing[1:]  # not there yet is not a gap
    zero = _runs(flat == 0, exists, zero_slots)[:, 0]
    jumps = np.diff(flat)
    known = jumps[np.isfinite(jumps)]
    n = int(EXTREME * len(known))
    if n < 1:
        none = np.empty(0, dtype=np.int64)
        return missing, zero, none, none
    parted = np.partition(known, (n, len(known) - n))
    high, low = parted[len(known) - n], parted[n]
    up = np.flatnonzero((jumps > high) & (jumps > 0)) + 1
    down = np.flatnonzero((jumps < low) & (jumps < 0)) + 1
    return missing, zero, up.astype(np.int64), down.astype(np.int64)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _runs(mask: NDArray[np.bool_], exists: NDArray[np.bool_], least: int) -> NDArray[np.int64]:
    """First slot and first slot after, of runs of at least ``least`` existing slots, ``(r, 2)``."""
    n = len(mask)
    out = np.empty((n // max(least, 1) + 1, 2), dtype=np.int64)
    found = 0
    start = -1
    length = 0
    for t in range(n + 1):
        if t < n and not exists[t]:
            continue
        if t < n and mask[t]:
            if start < 0:
                start = t
                length = 0
            length += 1
        elif start >= 0:
            if length >= least:
                out[found, 0] = start
                out[found, 1] = t
                found += 1
            start = -1
    return out[:found].copy()
