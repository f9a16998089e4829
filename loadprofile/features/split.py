"""Where a meter's days change regime: one split, or a stretch that begins and ends.

Per channel the statistic is the log-likelihood gain of a step (generalised likelihood ratio,
Lorden 1971) in clipped residuals with a robust long-run noise, next to a slope on a covariate (how
strongly the meter follows its peers, or the season) that has a normal prior: it takes O(1) per day
from running sums, so a year costs microseconds. Channels are added with weights.
A stretch is searched by fixing the better edge and scanning for the other, then once more back.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

MIN_DAYS = 5
"""Known days that must stand on each side of a split."""

SLOPE_PRIOR = 1.0
"""Prior standard deviation of the extra slope on the covariate (1 = follows twice as strongly)."""

STRETCH_COST = 12.0
"""A stretch must beat a single split by this gain plus 10 %: it has one more free edge."""


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def step_gains(
    series: NDArray[np.float64],
    noise: NDArray[np.float64],
    weights: NDArray[np.float64],
    covariates: NDArray[np.float64],
    edge: int,
) -> NDArray[np.float64]:
    """Weighted gain of a step on the days between ``edge`` and each other day, ``(d + 1,)``.

    Entry ``e`` is the gain of the stretch ``[min(edge, e), max(edge, e))`` against all other days;
    with ``edge == d`` it is the gain of the single split before day ``e``. Zero where fewer than
    ``MIN_DAYS`` known days (of the first channel) would be inside or outside.

    Args:
        series: ``(c, d)`` settled channels.
        noise: ``(c,)``; NaN drops a channel.
        weights: ``(c,)``.
        covariates: ``(c, d)``, one per channel; zeros for none.
        edge: the fixed edge, 0..d.
    """
    c, d = series.shape
    out = np.zeros(d + 1)
    days = 0
    for t in range(d):
        days += np.isfinite(series[0, t])
    for k in range(c):
        if not np.isfinite(noise[k]):
            continue
        n = 0
        sx = 0.0
        sxx = 0.0
        sr = 0.0
        sxr = 0.0
        for t in range(d):
            r = series[k, t]
            if np.isfinite(r):
                x = covariates[k, t]
                n += 1
                sx += x
                sxx += x * x
                sr += r
                sxr += x * r
        if n < 2 * MIN_DAYS:
            continue
        mx = sx / n
        mr = sr / n
        ridge = (noise[k] / SLOPE_PRIOR) ** 2
        cxx = sxx - n * mx * mx + ridge
        cxr = sxr - n * mx * mr
        for side in range(2):
            m = 0
            ux = 0.0
            ur = 0.0
            inside = 0
            length = edge if side == 0 else d - edge
            for j in range(length):
                t = edge - 1 - j if side == 0 else edge + j
                inside += np.isfinite(series[0, t])
                r = series[k, t]
                if np.isfinite(r):
                    m += 1
                    ux += covariates[k, t]
                    ur += r
                if m < 2 or n - m < 2 or inside < MIN_DAYS or days - inside < MIN_DAYS:
                    continue
                cux = ux - m * mx
                cur = ur - m * mr
                cuu = m - m * m / n
                top = cur - cux * cxr / cxx
                bottom = cuu - cux * cux / cxx
                if bottom > 1e-9:
                    gain = top * top / bottom / (2 * noise[k] * noise[k])
                    out[t if side == 0 else t + 1] += weights[k] * gain
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _known_between(series: NDArray[np.float64], first: int, last: int) -> int:
    n = 0
    for t in range(first, last):
        n += np.isfinite(series[0, t])
    return n


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def find_stretch(
    series: NDArray[np.float64],
    noise: NDArray[np.float64],
    weights: NDArray[np.float64],
    covariates: NDArray[np.float64],
) -> tuple[int, int, float, float, NDArray[np.float64]]:
    """Best change of one meter: ``(onset, end, gain, single_gain, gains)``.

    ``onset`` and ``end`` are days, ``end == d`` when the change is still on; ``onset == -1`` when no
    split is possible. ``gains`` is the profile over the onset with ``end`` fixed, ``(d + 1,)``.
    """
    d = series.shape[1]
    single = step_gains(series, noise, weights, covariates, d)
    onset = int(np.argmax(single))
    best = single[onset]
    if best <= 0:
        return -1, d, 0.0, 0.0, single
    low, high, gain = onset, d, best
    edge = onset
    for _ in range(3):
        trial = step_gains(series, noise, weights, covariates, edge)
        for e in range(d + 1):
            first, last = min(e, edge), max(e, edge)
            outer = _known_between(series, 0, first) >= MIN_DAYS and (
                last == d or _known_between(series, last, d) >= MIN_DAYS
            )
            if outer and trial[e] > gain + 1e-9:
                low, high, gain = first, last, trial[e]
        edge = low if edge == high else high
        if edge == d:
            break
    if high < d and gain < 1.1 * best + STRETCH_COST:
        low, high, gain = onset, d, best
    gains = single if high == d else step_gains(series, noise, weights, covariates, high)
    return low, high, gain, best, gains


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def step_size(
    series: NDArray[np.float64], noise: float, covariate: NDArray[np.float64], onset: int, end: int
) -> tuple[float, float, float]:
    """Step of one channel on ``[onset, end)``, its standard error and the slope on the covariate."""
    n = 0
    m = 0
    sx = 0.0
    sxx = 0.0
    sr = 0.0
    sxr = 0.0
    ux = 0.0
    ur = 0.0
    for t in range(len(series)):
        r = series[t]
        if np.isfinite(r):
            x = covariate[t]
            n += 1
            sx += x
            sxx += x * x
            sr += r
            sxr += x * r
            if onset <= t < end:
                m += 1
                ux += x
                ur += r
    if m < 2 or n - m < 2 or not np.isfinite(noise):
        return np.nan, np.nan, 0.0
    mx = sx / n
    mr = sr / n
    cxx = sxx - n * mx * mx + (noise / SLOPE_PRIOR) ** 2
    cxr = sxr - n * mx * mr
    cux = ux - m * mx
    bottom = m - m * m / n - cux * cux / cxx
    step = (ur - m * mr - cux * cxr / cxx) / bottom
    return step, noise / np.sqrt(bottom), (cxr - cux * step) / cxx


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def ramp_fit(
    series: NDArray[np.float64], onset: float, end: int, noise: float
) -> tuple[float, float, float, float, float]:
    """Step against ramps and a line on days ``[0, end)``: how the change came.

    The day of the onset itself is left out when the onset falls inside it: it holds both regimes.

    Returns:
        Length in days of the best ramp (0 = a step), the day on which it begins, the share of the step's
        squared error that the
        ramp takes away, the squared error of a straight line over that of the step, and the line's r2.
    """
    lengths = (0, 4, 8, 14, 21, 30, 45, 60, 90, 120, 180, 270, 365)
    best = np.inf
    step_error = np.nan
    length = 0.0
    begin = onset
    total = np.nan
    mixed = int(onset) if 0.02 < onset - int(onset) < 0.98 else -1
    for w in lengths:
        if w > 1.5 * end:
            break
        for shift in range(-2, 3):
            if w == 0 and shift != 0:
                continue
            centre = onset + shift * w / 4
            n = 0
            su = 0.0
            suu = 0.0
            sr = 0.0
            srr = 0.0
            sur = 0.0
            for t in range(end):
                r = series[t]
                if not np.isfinite(r) or t == mixed:
                    continue
                if w == 0:
                    u = 1.0 if t >= onset else 0.0
                else:
                    u = min(max((t + 0.5 - centre) / w + 0.5, 0.0), 1.0)
                n += 1
                su += u
                suu += u * u
                sr += r
                srr += r * r
                sur += u * r
            if n < 2 * MIN_DAYS:
                return np.nan, np.nan, np.nan, np.nan, np.nan
            cuu = suu - su * su / n
            total = srr - sr * sr / n
            if cuu <= 1e-9:
                continue
            error = total - (sur - su * sr / n) ** 2 / cuu
            if w == 0:
                step_error = error
                best = error
            elif error < best - 8 * noise * noise:  # a ramp has two more free numbers than a step
                best = error
                length = w
                begin = max(centre - w / 2, 0.0)
    n = 0
    st = 0.0
    stt = 0.0
    sr = 0.0
    stry = 0.0
    for t in range(end):
        if np.isfinite(series[t]) and t != mixed:
            n += 1
            st += t
            stt += t * t
            sr += series[t]
            stry += t * series[t]
    ctt = stt - st * st / n
    line_error = total - (stry - st * sr / n) ** 2 / ctt if ctt > 0 else total
    small = 1e-6 * n
    r2 = 1 - line_error / total if total > small else 0.0
    if not np.isfinite(step_error):
        return np.nan, np.nan, np.nan, np.nan, r2
    return length, begin, 1 - best / max(step_error, small), line_error / max(step_error, small), r2
