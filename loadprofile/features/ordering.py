"""One meter's readings in order of size, as a whole and per clock slot.

Most integrity features are order statistics. A radix sort that carries each reading's place gives
both orders in five linear passes; a comparison sort of a year costs more than all the rest.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray


class Ordered(NamedTuple):
    """Readings of one meter in order of size.

    Attributes:
        ranked: ``(p,)`` float32, the p readings present, ascending (-0.0 is 0.0).
        by_slot: ``(p,)`` float32, the same grouped by clock slot, ascending inside each slot.
        starts: ``(s + 1,)`` int64; slot t is ``by_slot[starts[t]:starts[t + 1]]``.
    """

    ranked: NDArray[np.float32]
    by_slot: NDArray[np.float32]
    starts: NDArray[np.int64]


class Usual(NamedTuple):
    """What one meter usually reads at each clock slot.

    Attributes:
        energy: ``(s,)`` float64, kWh, mean of the middle nine tenths; the mean and not the median,
            because it is the expected energy of a slot that nobody read. NaN for an empty slot.
        zero_share: ``(s,)`` float64, share of exact zeros. NaN for an empty slot.
    """

    energy: NDArray[np.float64]
    zero_share: NDArray[np.float64]


def ordered(values: NDArray[np.float32], slot: NDArray[np.int32], slots_per_day: int) -> Ordered:
    """Sort one meter's readings (NaN = missing, left out) by size, and by clock slot and size."""
    return Ordered(*_ordered(values, slot, slots_per_day))


def usual(order: Ordered) -> Usual:
    """The usual energy and the usual share of zeros of each clock slot."""
    return Usual(*_usual(order.by_slot, order.starts))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _ordered(
    values: NDArray[np.float32], slot: NDArray[np.int32], slots_per_day: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    m = len(values)
    bits = values.view(np.uint32)
    keys = np.empty(m, dtype=np.uint32)
    place = np.empty(m, dtype=np.int32)
    low = np.zeros(2048, dtype=np.int64)
    mid = np.zeros(2048, dtype=np.int64)
    high = np.zeros(1024, dtype=np.int64)
    starts = np.zeros(slots_per_day + 1, dtype=np.int64)
    p = 0
    for k in range(m):
        if np.isnan(values[k]):
            continue
        b = bits[k]
        # Order of unsigned integers = order of floats: flip all bits of negatives, the sign of the rest.
        if b == np.uint32(0x80000000):
            b = np.uint32(0)
        key = ~b if b >> np.uint32(31) else b | np.uint32(0x80000000)
        keys[p] = key
        place[p] = slot[k]
        low[key & np.uint32(2047)] += 1
        mid[(key >> np.uint32(11)) & np.uint32(2047)] += 1
        high[key >> np.uint32(22)] += 1
        starts[slot[k] + 1] += 1
        p += 1
    _cumulate(low)
    _cumulate(mid)
    _cumulate(high)
    for t in range(slots_per_day):
        starts[t + 1] += starts[t]
    keys_b = np.empty(p, dtype=np.uint32)
    place_b = np.empty(p, dtype=np.int32)
    for k in range(p):
        digit = keys[k] & np.uint32(2047)
        at = low[digit]
        low[digit] = at + 1
        keys_b[at] = keys[k]
        place_b[at] = place[k]
    for k in range(p):
        digit = (keys_b[k] >> np.uint32(11)) & np.uint32(2047)
        at = mid[digit]
        mid[digit] = at + 1
        keys[at] = keys_b[k]
        place[at] = place_b[k]
    for k in range(p):
        digit = keys[k] >> np.uint32(22)
        at = high[digit]
        high[digit] = at + 1
        key = keys[k]
        keys_b[at] = key ^ np.uint32(0x80000000) if key >> np.uint32(31) else ~key
        place_b[at] = place[k]
    ranked = keys_b.view(np.float32)
    by_slot = np.empty(p, dtype=np.float32)
    fill = starts.copy()
    for k in range(p):
        at = fill[place_b[k]]
        fill[place_b[k]] = at + 1
        by_slot[at] = ranked[k]
    return ranked, by_slot, starts


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _cumulate(counts: NDArray[np.int64]) -> None:
    total = np.int64(0)
    for k in range(len(counts)):
        here = counts[k]
        counts[k] = total
        total += here


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _usual(
    by_slot: NDArray[np.float32], starts: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    s = len(starts) - 1
    energy = np.full(s, np.nan)
    zero_share = np.full(s, np.nan)
    for t in range(s):
        first, last = starts[t], starts[t + 1]
        count = last - first
        if count == 0:
            continue
        cut = count // 20
        total = 0.0
        for k in range(first + cut, last - cut):
            total += by_slot[k]
        energy[t] = total / (count - 2 * cut)
        zeros = 0
        for k in range(first, last):
            if by_slot[k] == 0.0:
                zeros += 1
        zero_share[t] = zeros / count
    return energy, zero_share


def quantile(ranked: NDArray[np.float32], q: float) -> float:
    """The q-quantile of ascending readings, the nearest reading at or below (NaN if there is none)."""
    return float(ranked[int(q * (len(ranked) - 1))]) if len(ranked) else float("nan")
