"""At which clock times readings are absent: the same part of every day is no failing radio."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CLOCK = ("gap_clock_days", "gap_same_clock", "gap_to_midnight", "when.gap_clock_first", "when.gap_clock_last")
"""Days on which a part of the readings is absent; the share of them that lack the slot most often absent; the
share that lack the day's last slot; the first and past the last of those days."""

Array = NDArray[np.float64]


def gap_clock(kwh: NDArray[np.float32], exists: NDArray[np.bool_]) -> Array:
    """``(n, 5)`` columns ``CLOCK``; shares are NaN where no day is lacking a part.

    Args:
        kwh: ``(n, d, s)`` float32, NaN = missing.
        exists: ``(d, s)`` False where the clock change skipped a slot.
    """
    n, d, _ = kwh.shape
    out = np.full((n, len(CLOCK)), np.nan)
    slots = exists.sum(axis=1)
    for row in range(n):
        absent = np.isnan(kwh[row]) & exists
        if not absent.any():
            out[row, 0] = 0.0 if absent.size else np.nan
            continue
        lost = absent.sum(axis=1)
        partly = np.flatnonzero((lost > 0) & (lost < slots))
        out[row, 0] = len(partly) if lost.sum() < slots.sum() else np.nan
        if len(partly):
            by_slot = absent[partly].sum(axis=0)
            out[row, 1] = by_slot.max() / len(partly)
            out[row, 2] = by_slot[-1] / len(partly)
            out[row, 3], out[row, 4] = partly[0], min(partly[-1] + 1, d)
    return out
