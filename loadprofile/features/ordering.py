"""One meter's readings in order of size, and what it usually reads at each clock slot.

Most integrity features are order statistics. A radix sort gives the order in three linear passes; a
comparison sort of a year would cost more than all the features together.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def ranked(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The readings present (NaN left out), ascending; -0.0 counts as 0.0."""
    m = len(values)
    bits = values.view(np.uint32)
    keys = np.empty(m, dtype=np.uint32)
    counts = np.zeros((3, 2048), dtype=np.int64)
    p = 0
    for k in range(m):
        if np.isnan(values[k]):
            continue
        b = bits[k]
        if b == np.uint32(0x80000000):
            b = np.uint32(0)
        # Order of unsigned integers = order of floats: flip all bits of negatives, the sign of the rest.
        key = ~b if b >> np.uint32(31) else b | np.uint32(0x80000000)
        keys[p] = key
        counts[0, key & np.uint32(2047)] += 1
        counts[1, (key >> np.uint32(11)) & np.uint32(2047)] += 1
        counts[2, key >> np.uint32(22)] += 1
        p += 1
    for digit in range(3):
        total = 0
        for j in range(2048):
            here = counts[digit, j]
            counts[digit, j] = total
            total += here
    other = np.empty(p, dtype=np.uint32)
    for k in range(p):
        digit = keys[k] & np.uint32(2047)
        other[counts[0, digit]] = keys[k]
        counts[0, digit] += 1
    for k in range(p):
        digit = (other[k] >> np.uint32(11)) & np.uint32(2047)
        keys[counts[1, digit]] = other[k]
        counts[1, digit] += 1
    for k in range(p):
        key = keys[k]
        digit = key >> np.uint32(22)
        other[counts[2, digit]] = key ^ np.uint32(0x80000000) if key >> np.uint32(31) else ~key
        counts[2, digit] += 1
    return other.view(np.float32)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def usual(
    values: NDArray[np.float32], slot: NDArray[np.int32], slots_per_day: int, top: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Usual energy (kWh) and share of exact zeros of each clock slot, both ``(s,)``, NaN for an empty slot.

    The energy is the mean, since it stands for what nobody read, of readings held to ``top``, so that
    spikes and sums that were delivered after a gap do not raise it (NaN ``top``: not held).
    """
    total = np.zeros(slots_per_day)
    present = np.zeros(slots_per_day)
    zeros = np.zeros(slots_per_day)
    for k in range(len(values)):
        v = values[k]
        if not np.isnan(v):
            t = slot[k]
            total[t] += min(v, top)
            present[t] += 1.0
            zeros[t] += v == 0.0
    for t in range(slots_per_day):
        count = present[t] if present[t] > 0.0 else np.nan
        total[t] /= count
        zeros[t] /= count
    return total, zeros


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def level_and_kinds(ranked: NDArray[np.float32]) -> tuple[float, int]:
    """Mean of the middle 98 % of ascending readings (kWh), and the number of different ones.

    The middle, so that sentinels and spikes do not set the level. NaN and 0 if there are no readings.
    """
    p = len(ranked)
    if p == 0:
        return np.nan, 0
    cut = p // 100
    total = 0.0
    kinds = 1
    for k in range(p):
        total += ranked[k] if cut <= k < p - cut else 0.0
        kinds += k > 0 and ranked[k] != ranked[k - 1]
    return total / (p - 2 * cut), kinds


def quantile(ranked: NDArray[np.float32], q: float) -> float:
    """The q-quantile of ascending readings, the nearest reading at or below (NaN if there is none)."""
    return float(ranked[int(q * (len(ranked) - 1))]) if len(ranked) else float("nan")
