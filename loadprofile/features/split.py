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

CLOSE_DAYS = 42
"""Days on each side that say how large a change is: within these a home drifts less than it changes. Its
date is sought in all days: fewer were tried and find less (planted changes dated within a day, about 460 on a
year of London homes: 0.65 with 42 days, 0.68 with 90, 0.64 with 180, 0.71 with all; about 135 on a year of
Cambridge buildings: 0.42, 0.45, 0.48, 0.49)."""

RAMP_DAYS = 180
"""Days on each side within which a step, ramps and a line are compared."""

LONGEST_STRETCH = 45
STRETCH_FACTOR = 1.3
STRETCH_COST = 12.0
"""A change that returns lasts at most so many days, and must beat a single split by this factor and cost:
any two unrelated edges make a stretch too."""


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def parts(first: int, last: int, d: int, reach: int) -> tuple[int, int, int, int, int, int, int, int]:
    """Days that are compared for the stretch ``[first, last)``: two outer and two inner ranges.

    Outside: ``reach`` days before it and, where it ends before ``d``, after it. Inside: all of it when it
    is short, else the ``reach`` days next to each edge. Far days are left out: over months a home drifts
    more than most changes are large.
    """
    if last == d:
        return max(0, first - reach), first, d, d, first, min(first + reach, d), d, d
    inner = last if last - first <= 2 * reach else first + reach
    return (
        max(0, first - reach),
        first,
        last,
        min(last + reach, d),
        first,
        inner,
        max(inner, last - reach),
        last,
    )


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def running_sums(series: NDArray[np.float64], covariates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums up to each day, ``(c, 5, d + 1)``: known days, x, x^2, r, x r (x the covariate, r the series)."""
    c, d = series.shape
    out = np.zeros((c, 5, d + 1))
    for k in range(c):
        for t in range(d):
            r = series[k, t]
            known = np.isfinite(r)
            x = covariates[k, t] if known else 0.0
            r = r if known else 0.0
            out[k, 0, t + 1] = out[k, 0, t] + known
            out[k, 1, t + 1] = out[k, 1, t] + x
            out[k, 2, t + 1] = out[k, 2, t] + x * x
            out[k, 3, t + 1] = out[k, 3, t] + r
            out[k, 4, t + 1] = out[k, 4, t] + x * r
    return out


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def step_gains(
    sums: NDArray[np.float64], noise: NDArray[np.float64], weights: NDArray[np.float64], edge: int
) -> NDArray[np.float64]:
    """Weighted gain of a step on the days between ``edge`` and each other day, ``(d + 1,)``.

    Entry ``e`` is the gain of the stretch ``[min(edge, e), max(edge, e))`` against all other days; with
    ``edge == d`` it is the gain of the single split before day ``e``. Zero where fewer than ``MIN_DAYS``
    known days (of the first channel) would be inside or outside.

    Args:
        sums: ``running_sums`` of ``(c, d)`` settled channels.
        noise: ``(c,)``; NaN drops a channel.
        weights: ``(c,)``.
        edge: the fixed edge, 0..d.
    """
    c = len(sums)
    d = sums.shape[2] - 1
    out = np.zeros(d + 1)
    for k in range(c):
        n = sums[k, 0, d]
        if not np.isfinite(noise[k]) or n < 4:
            continue
        count, x, r, xr = sums[k, 0], sums[k, 1], sums[k, 3], sums[k, 4]
        sx, sr = x[d], r[d]
        cxx = sums[k, 2, d] - sx * sx / n + (noise[k] / SLOPE_PRIOR) ** 2
        cxr = xr[d] - sx * sr / n
        scale = weights[k] / (2 * noise[k] * noise[k])
        for e in range(d + 1):  # no branch inside: the compiler turns it into vector instructions
            # the sign of an inside sum does not matter to the gain, that of the count does
            sign = 1.0 if e < edge else -1.0
            m = sign * (count[edge] - count[e])
            cux = sign * (x[edge] - x[e]) - m * sx / n
            cur = sign * (r[edge] - r[e]) - m * sr / n
            bottom = m - m * m / n - cux * cux / cxx
            top = cur - cux * cxr / cxx
            gain = top * top / bottom * scale
            out[e] += gain if m >= 2 and n - m >= 2 and bottom > 1e-9 else 0.0
    first = sums[0, 0]
    for e in range(d + 1):
        m = abs(first[edge] - first[e])
        if m < MIN_DAYS or first[d] - m < MIN_DAYS:
            out[e] = 0.0
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def close_gain(
    sums: NDArray[np.float64],
    noise: NDArray[np.float64],
    weights: NDArray[np.float64],
    first: int,
    last: int,
    reach: int = CLOSE_DAYS,
) -> float:
    """Weighted gain of the stretch ``[first, last)`` against the days around it only (``parts``).

    Zero where fewer than ``MIN_DAYS`` known days of the first channel are inside or outside.
    """
    d = sums.shape[2] - 1
    a0, a1, b0, b1, i0, i1, j0, j1 = parts(first, last, d, reach)
    out = 0.0
    inside = np.empty(5)
    total = np.empty(5)
    for k in range(len(sums)):
        for q in range(5):
            u = sums[k, q]
            inside[q] = u[i1] - u[i0] + u[j1] - u[j0]
            total[q] = inside[q] + u[a1] - u[a0] + u[b1] - u[b0]
        n, m = total[0], inside[0]
        if k == 0 and (m < MIN_DAYS or n - m < MIN_DAYS):
            return 0.0
        if not np.isfinite(noise[k]) or m < 2 or n - m < 2:
            continue
        cxx = total[2] - total[1] * total[1] / n + (noise[k] / SLOPE_PRIOR) ** 2
        cxr = total[4] - total[1] * total[3] / n
        cux = inside[1] - m * total[1] / n
        cur = inside[3] - m * total[3] / n
        bottom = m - m * m / n - cux * cux / cxx
        if bottom > 1e-9:
            top = cur - cux * cxr / cxx
            out += weights[k] * top * top / bottom / (2 * noise[k] * noise[k])
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def find_stretch(
    sums: NDArray[np.float64], noise: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[int, int, float, float, NDArray[np.float64]]:
    """Best change of one meter: ``(onset, end, gain, single_gain, gains)``.

    ``onset`` and ``end`` are days, ``end == d`` when the change is still on; ``onset == -1`` when no
    split is possible. ``gains`` is the profile over the onset with ``end`` fixed, ``(d + 1,)``.

    Args:
        sums: ``running_sums`` of ``(c, d)`` settled channels.
        noise: ``(c,)``; NaN drops a channel.
        weights: ``(c,)``.
    """
    d = sums.shape[2] - 1
    single = step_gains(sums, noise, weights, d)
    onset = int(np.argmax(single))
    best = single[onset]
    if best <= 0:
        return -1, d, 0.0, 0.0, single
    until = sums[0, 0]  # known days before each day
    low, high, gain = onset, d, best
    edge = onset
    reached = 0.0
    for _ in range(3):
        trial = step_gains(sums, noise, weights, edge)
        for e in range(d + 1):
            first, last = min(e, edge), max(e, edge)
            outer = until[first] >= MIN_DAYS and (last == d or until[d] - until[last] >= MIN_DAYS)
            if outer and last - first <= LONGEST_STRETCH + (d if last == d else 0) and trial[e] > gain + 1e-9:
                low, high, gain = first, last, trial[e]
        other = low if edge == high else high
        if other == d or gain <= reached:
            break
        edge, reached = other, gain
    if high < d and gain < STRETCH_FACTOR * best + STRETCH_COST:
        low, high, gain = onset, d, best
    gains = single if high == d else step_gains(sums, noise, weights, high)
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
    """Step against ramps and a line on the days up to ``end`` near the onset: how the change came.

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
    first = max(0, int(onset) - RAMP_DAYS)
    last = min(end, int(onset) + RAMP_DAYS)
    mixed = int(onset) if 0.02 < onset - int(onset) < 0.98 else -1
    for w in lengths:
        if w > 1.5 * (last - first):
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
            for t in range(first, last):
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
    for t in range(first, last):
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
