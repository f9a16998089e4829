"""One meter's readings in order of size, and what it usually reads at each clock slot."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


def ranked(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The readings present (NaN left out), ascending; -0.0 counts as 0.0.

    numpy's vectorised sort: three times as fast as a radix sort of ours and 15 times numba's.
    """
    missing = int(np.count_nonzero(np.isnan(values)))
    return np.sort(values + np.float32(0.0))[: len(values) - missing]


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
