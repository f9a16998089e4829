"""No reading between zero and a threshold: a meter that no longer starts at low load.

Standby and fridge become exact zeros while everything above the threshold is counted as before. Use itself
leaves no such empty band: what switches on and off within an interval is counted in part.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.profiles import frozen

BAND = (
    "band_surprise", "band_rel", "band_kwh", "band_zero_share", "band_multiples", "band_edges",
    "when.band_first", "when.band_last",
)  # fmt: skip
"""-log10 chance of so few readings in the band; its upper end over the median positive reading and in kWh;
share of zeros on the days that show it; share of the readings above that are whole multiples of its upper end
(energy counted in lumps); mean reading next to a zero over the mean reading above it (a load that sinks below
the threshold passes near it, one that is cut off does not); first and past the last of those days."""

LEAST_ZEROS = 0.05
"""Share of zeros from which a day may show a band."""

FEWEST_STEPS = 3.0
"""A band lower than so many counting steps is made by counting."""

LEAST_DAYS = 4
EDGE = 0.1
"""The threshold is this quantile of the lowest positive reading of the days with zeros: a few days may be
mixed."""

LIKE_A_MULTIPLE = 0.03
MOST = 99.0
Array = NDArray[np.float64]


def dead_band(kwh: NDArray[np.float32], step_kwh: NDArray[np.floating]) -> Array:
    """``(n, 8)`` columns ``BAND``; surprise 0 where there is no band, NaN = no readings.

    Args:
        kwh: ``(n, d, s)`` float32, NaN = missing.
        step_kwh: ``(n,)`` step in which each meter counts, kWh; NaN = none found.
    """
    out = np.full((len(kwh), len(BAND)), np.nan)
    _dead_band(frozen(np.ascontiguousarray(kwh)), np.asarray(step_kwh, dtype=np.float64), out)
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _dead_band(kwh: NDArray[np.float32], step_kwh: Array, out: Array) -> None:
    n, d, s = kwh.shape
    lowest, zeros = np.empty(d), np.empty(d)
    for i in range(n):
        many, alive = 0, False
        for t in range(d):
            seen, none, least = 0, 0, np.inf
            for k in range(s):
                v = kwh[i, t, k]
                if np.isfinite(v):
                    seen += 1
                    none += v == 0.0
                    if v > 0.0:
                        least = min(least, np.float64(v))
            lowest[t] = least if seen > 0 and none >= LEAST_ZEROS * seen else np.inf
            zeros[t] = none / seen if seen > 0 else 0.0
            many += lowest[t] < np.inf
            alive = alive or seen > 0
        if not alive:
            continue
        out[i, 0] = 0.0
        if many < LEAST_DAYS:
            continue
        edge = np.sort(lowest)[int(EDGE * (many - 1))] * (1.0 - 1e-6)
        step = 0.0 if np.isnan(step_kwh[i]) else step_kwh[i]
        if edge < FEWEST_STEPS * step:
            continue
        _judge(kwh[i], lowest, zeros, edge, out[i])


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _judge(kwh: NDArray[np.float32], lowest: Array, zeros: Array, edge: float, out: Array) -> None:
    """Readings in the band on days with zeros, against the other days, or against those just above it."""
    d, s = kwh.shape
    found, above, there, below, other = 0, 0, 0, 0, 0
    zero, days, first, last = 0.0, 0, -1, -1
    total, whole, beside, pairs = 0.0, 0, 0.0, 0
    positive = 0
    for t in range(d):
        banded = lowest[t] < np.inf
        for k in range(s):
            v = kwh[t, k]
            if not np.isfinite(v):
                continue
            if banded:
                there += 1
                found += 0.0 < v < edge
                above += edge <= v < 2.0 * edge
                if v >= edge:
                    positive += 1
                    total += v
                    whole += abs(v / edge - np.rint(v / edge)) < LIKE_A_MULTIPLE
                    if (k > 0 and kwh[t, k - 1] == 0.0) or (k < s - 1 and kwh[t, k + 1] == 0.0):
                        beside += v
                        pairs += 1
            else:
                other += 1
                below += 0.0 <= v < edge
        if banded and lowest[t] >= edge:
            zero += zeros[t]
            days += 1
            last = t + 1
            first = t if first < 0 else first
    # the zeros stand for readings that would have lain in the band; or the band is as full as the next one
    expected = float(above)
    if other >= 5 * s:
        expected = min(expected, there * (below + 0.5) / other)
    if expected <= 0.0 or days == 0:
        return
    chance = expected - found + (found * np.log(found / expected) if found else 0.0)
    out[0] = min(chance / np.log(10.0), MOST) if found < expected else 0.0
    flat = kwh.ravel()
    out[1] = edge / np.median(flat[flat > 0.0])
    out[2], out[3], out[6], out[7] = edge, zero / days, first, last
    if positive:
        out[4] = whole / positive
    if pairs:
        out[5] = beside / pairs / (total / positive)
