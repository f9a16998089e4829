"""Daily channels: the short series per meter in which a change of regime is looked for.

For each day: the level, the eight 3-hour blocks, the peak, the base, the roughness, the zero share
and by how much the day runs late.
Powers are logarithms of (power + 5 % of the meter's usual power), so that a zero is low but not
endless; what the peers did on the same day is divided out first. Night bypass moves three blocks and
hardly the level; a cap only the peak; an even day (Jokar's h4, h5) the blocks against each other; a
reading frozen by software the roughness. A series of the level alone sees none of them.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.features.medians import median

CHANNELS = ("level", *(f"b{k}" for k in range(8)), "peak", "base", "rough", "zero", "lag")
WEIGHTS = np.array([1.0, *[0.35] * 8, 0.5, 0.3, 0.5, 0.5, 1.0])
"""Weight of each channel's gain. Neighbours among the blocks say the same thing twice; the base wanders most
in ordinary homes and the lag least (90 % quantiles of the best split of 460 untouched homes)."""

FLOOR = 0.05
"""Started logarithm: this share of the usual power is added before taking logs."""

LEVEL, PEAK, BASE, ROUGH, ZERO, LAG = 0, 9, 10, 11, 12, 13


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def peer_lags(power: NDArray[np.float32], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """By how many hours the peers' movement would make this meter's day run late, ``(d,)``; 0 = unknown.

    The meter's mean day times the movement, projected on the slope of the mean day, at block resolution:
    a covariate for ``day_shapes.day_lags``, so that a clock change that moves everybody is nobody's change.
    """
    d = len(power)
    out = np.zeros(d)
    mean = np.zeros(8)
    seen = np.zeros(8)
    for t in range(d):
        for k in range(8):
            known = np.isfinite(power[t, k])
            mean[k] += max(np.float64(power[t, k]), 0.0) if known else 0.0
            seen[k] += 1.0 if known else 0.0
    for k in range(8):
        mean[k] = mean[k] / seen[k] if seen[k] else 0.0
    level = mean.mean()
    if not level > 0:
        return out
    mean /= level
    slope = np.empty(8)
    size = 0.0
    for k in range(8):
        slope[k] = (mean[(k + 1) % 8] - mean[k - 1]) / 6.0
        size += slope[k] * slope[k]
    if size < 1e-4:
        return out
    for t in range(d):  # the mean day itself has no part along its slope: on a circle that sum is 0
        total, moved = 0.0, 0.0
        for k in range(8):
            now = mean[k] * expected[t, k]
            total += now
            moved += now * slope[k]
        if total > 0:
            out[t] = -8 * moved / (total * size)
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def channels(
    power: NDArray[np.float32],
    expected: NDArray[np.float64],
    shapes: NDArray[np.float64],
    lags: NDArray[np.float64],
    slot_hours: float,
) -> NDArray[np.float64]:
    """The 14 channels of one meter, ``(14, d)``, with the peers' movement divided out.

    Args:
        power: ``(d, 8)`` kW.
        expected: ``(d, 8)`` movement of the peers; 1 everywhere when there are none.
        shapes: ``day_shapes.day_shapes`` of the meter, kWh per slot.
        lags: ``day_shapes.day_lags`` of the meter.
        slot_hours: length of a slot.
    """
    d = len(power)
    out = np.full((14, d), np.nan)
    clock = np.zeros(8)  # usual power per block, peers removed: the weight of a block in the level
    seen = np.zeros(8)
    for t in range(d):
        for k in range(8):
            known = np.isfinite(power[t, k]) & np.isfinite(expected[t, k])
            clock[k] += max(np.float64(power[t, k]), 0.0) if known else 0.0
            seen[k] += expected[t, k] if known else 0.0
    usual = 0.0
    for k in range(8):
        clock[k] = clock[k] / seen[k] if seen[k] > 0 else 0.0
        usual += clock[k] / 8
    if not usual > 0:
        return out
    floor = FLOOR * usual
    peers = np.full(d, np.nan)
    for t in range(d):
        found = 0.0
        foreseen = 0.0
        count = 0
        for k in range(8):
            if np.isfinite(power[t, k]) and np.isfinite(expected[t, k]):
                count += 1
                found += power[t, k]
                usual_now = clock[k] * expected[t, k]
                foreseen += usual_now
                out[1 + k, t] = np.log((max(power[t, k], 0.0) + floor) / (usual_now + floor))
        if count >= 6:
            out[LEVEL, t] = np.log((max(found, 0.0) / count + floor) / (foreseen / count + floor))
            if foreseen > 0:
                peers[t] = foreseen / count / usual
    for t in range(d):
        if np.isfinite(peers[t]) and np.isfinite(shapes[t, 0]):
            scale = usual * slot_hours
            out[PEAK, t] = np.log(max(shapes[t, 0], 0.0) / scale / peers[t] + FLOOR)
            out[BASE, t] = np.log(max(shapes[t, 1], 0.0) / scale / peers[t] + 0.5 * FLOOR)
            out[ROUGH, t] = np.log(shapes[t, 2] / scale / peers[t] + 0.5 * FLOOR)
            out[ZERO, t] = shapes[t, 3]
        out[LAG, t] = lags[t]
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def settle(raw: NDArray[np.float64], weekday: NDArray[np.int64]) -> tuple[NDArray[np.float64], float]:
    """One channel made ready for a split: weekday effect out, extremes clipped; and its noise.

    The noise is the long-run standard deviation of one day: the mean of the variance from
    day-to-day differences and of the variance from differences of 5-day means (times five), both
    by medians, so that neither a step nor a holiday counts, and days that resemble their neighbours do.

    Returns:
        ``(d,)`` series with mean about 0 (NaN kept) and its noise; noise NaN with fewer than 12 days.
    """
    d = len(raw)
    out = raw.copy()
    some, scratch = np.empty(d), np.empty(d)
    n = 0
    for t in range(d):
        some[n] = raw[t]
        n += np.isfinite(raw[t])
    if n < 12:
        return out, np.nan
    middle = median(some, n, scratch)
    for k in range(n):
        some[k] = abs(some[k] - middle)
    spread = 1.4826 * median(some, n, scratch)
    reach = 4.0 * max(spread, 0.05)
    for t in range(d):
        out[t] = min(max(out[t] - middle, -reach), reach) if np.isfinite(out[t]) else np.nan
    if n >= 28:
        _take_weekdays_out(out, weekday)
    n = 0
    for t in range(1, d):
        step = out[t] - out[t - 1]
        some[n] = abs(step)
        n += np.isfinite(step)
    daily = 1.4826 * median(some, n, scratch) / np.sqrt(2.0) if n >= 8 else spread
    previous = np.nan
    n = 0
    for start in range(0, d - 4, 5):
        total = 0.0
        m = 0
        for t in range(start, start + 5):
            known = np.isfinite(out[t])
            total += out[t] if known else 0.0
            m += known
        now = total / m if m >= 3 else np.nan
        some[n] = abs(now - previous)
        n += np.isfinite(now) and np.isfinite(previous)
        previous = now
    slow = 1.4826 * median(some, n, scratch) * np.sqrt(2.5) if n >= 4 else daily
    return out, max(np.sqrt(0.5 * (daily * daily + slow * slow)), 0.03)


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _take_weekdays_out(series: NDArray[np.float64], weekday: NDArray[np.int64]) -> None:
    """Each weekday's mean difference from the mean of the seven days around, shrunk, taken out in place."""
    d = len(series)
    value, known = np.zeros(d + 6), np.zeros(d + 6)  # three days of nothing at either end
    for t in range(d):
        here = np.isfinite(series[t])
        value[t + 3] = series[t] if here else 0.0
        known[t + 3] = 1.0 if here else 0.0
    apart = np.empty(d)
    for t in range(d):  # written out, so that the compiler turns it into vector instructions
        near = (
            value[t] + value[t + 1] + value[t + 2] + value[t + 3] + value[t + 4] + value[t + 5] + value[t + 6]
        )
        days = (
            known[t] + known[t + 1] + known[t + 2] + known[t + 3] + known[t + 4] + known[t + 5] + known[t + 6]
        )
        apart[t] = value[t + 3] - near / days if known[t + 3] > 0.0 else 0.0
    effect, count = np.zeros(7), np.zeros(7)
    for t in range(d):
        effect[weekday[t]] += apart[t]
        count[weekday[t]] += known[t + 3]
    effect /= count + 3.0
    for t in range(d):
        series[t] -= effect[weekday[t]]
