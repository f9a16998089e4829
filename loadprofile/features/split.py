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

LENGTHS = (0.0, 4.0, 8.0, 14.0, 21.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 270.0, 365.0)
"""Days over which a change may come; 0 = at once."""

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
        n, sx, sxx, sr, sxr = 0.0, 0.0, 0.0, 0.0, 0.0
        for t in range(d):
            known = np.isfinite(series[k, t])
            r = series[k, t] if known else 0.0
            x = covariates[k, t] if known else 0.0
            n += known
            sx += x
            sxx += x * x
            sr += r
            sxr += x * r
            out[k, 0, t + 1] = n
            out[k, 1, t + 1] = sx
            out[k, 2, t + 1] = sxx
            out[k, 3, t + 1] = sr
            out[k, 4, t + 1] = sxr
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
        # a division takes as long as the rest of a turn: one is left
        each, mx, mr, less, slope = 1 / n, sx / n, sr / n, 1 / cxx, cxr / cxx
        for e in range(d + 1):  # no branch inside: the compiler turns it into vector instructions
            # the sign of an inside sum does not matter to the gain, that of the count does
            sign = 1.0 if e < edge else -1.0
            m = sign * (count[edge] - count[e])
            cux = sign * (x[edge] - x[e]) - m * mx
            cur = sign * (r[edge] - r[e]) - m * mr
            bottom = m - m * m * each - cux * cux * less
            top = cur - cux * slope
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
    out = 0.0
    for k in range(len(sums)):
        n, m = _total_and_inside(sums[k, 0], first, last, reach)
        if k == 0 and (m < MIN_DAYS or n - m < MIN_DAYS):
            return 0.0
        if m < 2 or n - m < 2:
            continue
        step, error, _ = step_size(sums[k], noise[k], first, last, reach)
        if np.isfinite(step):
            out += weights[k] * 0.5 * (step / error) ** 2
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
    sums: NDArray[np.float64], noise: float, onset: int, end: int, reach: int
) -> tuple[float, float, float]:
    """Step of one channel on ``[onset, end)``, its standard error and the slope on the covariate.

    Args:
        sums: ``(5, d + 1)``, ``running_sums`` of the channel.
        noise: of the channel; NaN gives NaN.
        onset: first day of the step.
        end: first day after it.
        reach: days around it that are used, see ``parts``.
    """
    n, m = _total_and_inside(sums[0], onset, end, reach)
    if m < 2 or n - m < 2 or not np.isfinite(noise):
        return np.nan, np.nan, 0.0
    sx, ux = _total_and_inside(sums[1], onset, end, reach)
    sxx, _ = _total_and_inside(sums[2], onset, end, reach)
    sr, ur = _total_and_inside(sums[3], onset, end, reach)
    sxr, _ = _total_and_inside(sums[4], onset, end, reach)
    cxx = sxx - sx * sx / n + (noise / SLOPE_PRIOR) ** 2
    cxr = sxr - sx * sr / n
    cux = ux - m * sx / n
    bottom = m - m * m / n - cux * cux / cxx
    if bottom <= 1e-9:  # inside and outside differ by nothing but the covariate
        return np.nan, np.nan, 0.0
    step = (ur - m * sr / n - cux * cxr / cxx) / bottom
    return step, noise / np.sqrt(bottom), (cxr - cux * step) / cxx


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _total_and_inside(running: NDArray[np.float64], onset: int, end: int, reach: int) -> tuple[float, float]:
    """From one running sum, the sum over the days that ``parts`` compares and over those in the stretch."""
    a0, a1, b0, b1, i0, i1, j0, j1 = parts(onset, end, len(running) - 1, reach)
    inside = running[i1] - running[i0] + running[j1] - running[j0]
    return inside + running[a1] - running[a0] + running[b1] - running[b0], inside


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def take_steps_out(sums: NDArray[np.float64], steps: NDArray[np.float64], onset: int, end: int) -> None:
    """Make ``running_sums`` those of the channels less a step on ``[onset, end)`` each; NaN = none."""
    for k in range(len(sums)):
        if np.isfinite(steps[k]):
            for source, q in ((0, 3), (1, 4)):  # r loses the step times 1, x r the step times x
                known, running = sums[k, source], sums[k, q]
                for t in range(onset + 1, end):
                    running[t] -= steps[k] * (known[t] - known[onset])
                running[end:] -= steps[k] * (known[end] - known[onset])


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
    first = max(0, int(onset) - RAMP_DAYS)
    last = min(end, int(onset) + RAMP_DAYS)
    mixed = int(onset) if 0.02 < onset - int(onset) < 0.98 else -1
    days = max(last - first, 0)
    # running sums of known days, t, t^2, r, t r (t from ``first``, r the series), and all of r^2
    sums = np.zeros((5, days + 1))
    squares = 0.0
    for t in range(days):
        r = series[first + t]
        known = np.isfinite(r) and first + t != mixed
        r = r if known else 0.0
        one = 1.0 if known else 0.0
        squares += r * r
        sums[0, t + 1] = sums[0, t] + one
        sums[1, t + 1] = sums[1, t] + one * t
        sums[2, t + 1] = sums[2, t] + one * t * t
        sums[3, t + 1] = sums[3, t] + r
        sums[4, t + 1] = sums[4, t] + r * t
    n, st, stt, sr, stry = sums[:, days]
    if n < 2 * MIN_DAYS:
        return np.nan, np.nan, np.nan, np.nan, np.nan
    total = squares - sr * sr / n
    best = np.inf
    step_error = np.nan
    length = 0.0
    begin = onset
    for w in LENGTHS:
        if w > 1.5 * days:
            break
        for shift in range(-2, 3):
            if w == 0 and shift != 0:
                continue
            centre = onset + shift * w / 4
            su, suu, sur = _ramp_sums(sums, centre - first, w)
            cuu = suu - su * su / n
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
    ctt = stt - st * st / n
    line_error = total - (stry - st * sr / n) ** 2 / ctt if ctt > 0 else total
    small = 1e-6 * n
    r2 = 1 - line_error / total if total > small else 0.0
    if not np.isfinite(step_error):
        return np.nan, np.nan, np.nan, np.nan, r2
    return length, begin, 1 - best / max(step_error, small), line_error / max(step_error, small), r2


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _ramp_sums(sums: NDArray[np.float64], centre: float, length: float) -> tuple[float, float, float]:
    """Sums of u, u^2 and u r for a ramp u that rises from 0 to 1 over ``length`` days around ``centre``.

    A day counts with its noon, but where the length is 0: then with its beginning.
    """
    days = sums.shape[1] - 1
    noon = 0.5 if length > 0 else 0.0
    rises = min(max(int(np.ceil(centre - length / 2 - noon)), 0), days)
    over = min(max(int(np.ceil(centre + length / 2 - noon)), rises), days)
    su = suu = sums[0, days] - sums[0, over]
    sur = sums[3, days] - sums[3, over]
    if over > rises:  # u = slope t + start
        slope, start = 1 / length, (0.5 - centre) / length + 0.5
        n, st, stt, sr, stry = sums[:, over] - sums[:, rises]
        su += slope * st + start * n
        suu += slope * slope * stt + 2 * slope * start * st + start * start * n
        sur += slope * stry + start * sr
    return su, suu, sur
