"""Whole days without readings, or of zeros, whose energy stands in the very next reading.

Gaps within days and up to three of them are ``runs.gaps``; here a stretch is cut at midnight on both sides
and may last for weeks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LATE = ("late_days", "late_asked", "late_ratio", "when.late_first", "when.late_last")
"""Stretches of whole days followed by their sum; all such stretches; median of that reading over the energy
due; start of the first and end of the last of those that were."""

RATIOS = (0.4, 2.5)
"""The reading over the energy due in the stretch, where it counts as its sum."""

LEAST_TIMES = 8.0
"""And so many times the meter's mean reading: after one day of an empty home any reading is little."""

Array = NDArray[np.float64]


def late_days(kwh: NDArray[np.float32]) -> Array:
    """``(n, 5)`` columns ``LATE``; 0 where no stretch was asked, NaN for meters without readings.

    Args:
        kwh: ``(n, d, s)`` float32, NaN = missing.
    """
    n, d, s = kwh.shape
    out = np.full((n, len(LATE)), np.nan)
    for row in range(n):
        readings = kwh[row]
        with np.errstate(invalid="ignore"):
            dead = ~(np.abs(readings) > 0).any(axis=1)
        known = np.isfinite(readings)
        if dead.all() and not known.any():
            continue
        out[row, :2] = 0.0
        if not dead.any() or dead.all():
            continue
        usual = float(np.nanmean(np.where(known[~dead], readings[~dead], np.nan)))
        edges = np.flatnonzero(np.diff(dead.astype(np.int8), prepend=0, append=0))
        ratios, spans = [], []
        for first, last in edges.reshape(-1, 2):
            if first == 0 or last == d or not known[last, 0]:
                continue
            out[row, 1] += 1
            ratio = float(readings[last, 0]) / (usual * (last - first) * s)
            if RATIOS[0] <= ratio <= RATIOS[1] and readings[last, 0] >= LEAST_TIMES * usual:
                ratios.append(ratio)
                spans.append((first, last))
        if ratios:
            out[row, 0], out[row, 2] = len(ratios), np.median(ratios)
            out[row, 3], out[row, 4] = spans[0][0], spans[-1][1]
    return out
