"""Find each meter's change of regime and collect what stands on both sides: the compiled driver.

Channels (``channels.py``) -> split (``split.py``) -> slot (``onset.py``) -> sums on both sides
(``aligned.py``), one meter at a time, so that memory does not grow with the batch.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.features.aligned import gather, silence_before
from loadprofile.features.channels import FLOOR, LAG, LEVEL, channels, peer_lags, settle
from loadprofile.features.day_shapes import by_slot, day_lags, day_shapes
from loadprofile.features.medians import median
from loadprofile.features.onset import MEMORY_DAYS, find_onset
from loadprofile.features.split import (
    CLOSE_DAYS,
    close_gain,
    find_stretch,
    ramp_fit,
    running_sums,
    step_gains,
    step_size,
    take_steps_out,
)

NUMBERS = (
    "onset", "low", "high", "end", "gain", "single_gain", "step", "step_se", "slope", "level_gain",
    "block_gain", "texture_gain", "sharpness", "ramp_days", "ramp_gain", "trend_vs_step", "trend_r2",
    "trend", "silence", "usual_kw", "noise", "weekly_noise", "days_known", "second_gain",
    "lag_gain", "close_gain",
)  # fmt: skip

REACH = 6.0
"""Days whose gain is this near to the best one's may hold the onset."""

LAG_SLOPE = 3.0
"""Blocks of three hours see only part of a lag of one: prior scale of the slope on the peers' lag."""

LEAST_RAMP = 8
RAMP_GAIN = 0.1
"""A ramp of this many days that takes away this share of the step's error moves the onset to its start."""

WIDEST_WINDOW = 14
"""Days on each side of the chosen day within which the onset may lie."""


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _sharpness(level: NDArray[np.float64], day: int, end: int, step: float) -> float:
    """Share of the step that is there between the 4 days before and the 4 days from the onset."""
    before = 0.0
    n = 0
    t = day - 1
    while t >= 0 and n < 4:
        if np.isfinite(level[t]):
            before += level[t]
            n += 1
        t -= 1
    after = 0.0
    m = 0
    t = day
    while t < end and m < 4:
        if np.isfinite(level[t]):
            after += level[t]
            m += 1
        t += 1
    if n < 2 or m < 2 or abs(step) < 1e-3:
        return np.nan
    return min(max((after / m - before / n) / step, -1.0), 2.0)


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _theil_sen(level: NDArray[np.float64]) -> float:
    """Median slope per 30 days over pairs of weekly means; NaN with under 5 weeks."""
    d = len(level)
    weeks = np.full(d // 7, np.nan)
    for w in range(d // 7):
        total = 0.0
        n = 0
        for t in range(7 * w, 7 * w + 7):
            if np.isfinite(level[t]):
                total += level[t]
                n += 1
        if n >= 4:
            weeks[w] = total / n
    known = np.flatnonzero(np.isfinite(weeks))
    stride = len(known) // 120 + 1  # many years: the median of slopes needs no more than 120 weeks
    known = known[::stride]
    n = len(known)
    if n < 5:
        return np.nan
    mean, at = weeks[known], known.astype(np.float64)
    slopes = np.empty(n * (n - 1) // 2)
    j = 0
    for a in range(n):
        for b in range(a + 1, n):
            slopes[j + b - a - 1] = (mean[b] - mean[a]) / (at[b] - at[a])
        j += n - 1 - a
    return float(median(slopes, len(slopes), np.empty(len(slopes)))) * 30.0 / 7.0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _refined(
    kwh: NDArray[np.float32],
    followed: NDArray[np.float64],
    gains: NDArray[np.float64],
    day: int,
    start: int,
    stop: int,
    floor: float,
) -> tuple[float, float, float]:
    """Slot of the switch at ``day`` between regimes ``[start, day)`` and ``[day, stop)``."""
    d = len(kwh)
    low, high = day, day
    while low > max(start + 2, day - WIDEST_WINDOW) and gains[low - 1] > gains[day] - REACH:
        low -= 1
    while high < min(stop - 2, day + WIDEST_WINDOW) and gains[high + 1] > gains[day] - REACH:
        high += 1
    low, high = max(low - 2, start + 1, 0), min(high + 1, stop - 2, d - 1)
    if high <= low:
        return float(day), float(day), float(day + 1)
    # the regimes are learned outside the window where there is room, else right up to the chosen day
    until = low if low - start >= 7 else day
    since = high + 1 if stop - high - 1 >= 7 else min(day + 1, d)
    before = (max(start, until - MEMORY_DAYS), until)
    after = (since, min(stop, since + MEMORY_DAYS))
    return find_onset(kwh, followed, day, before, after, (low, high), floor)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def examine(
    kwh: NDArray[np.float32],
    power: NDArray[np.float32],
    expected: NDArray[np.float32],
    season: NDArray[np.float64],
    exists: NDArray[np.bool_],
    weekday: NDArray[np.int64],
    weights: NDArray[np.float64],
    numbers: NDArray[np.float64],
    clock: NDArray[np.float64],
    profile: NDArray[np.float64],
    quantiles: NDArray[np.float64],
    marks: NDArray[np.float64],
) -> None:
    """Fill the result arrays of a batch; see ``NUMBERS`` and ``aligned.gather``.

    ``season`` ``(d,)`` is the covariate of meters without peers (their log movement is it elsewhere).
    """
    m, d, s = kwh.shape
    weekend = weekday >= 5
    for i in range(m):
        alone = not np.isfinite(expected[i]).any()
        movement = np.ones((d, 8))
        if not alone:
            for t in range(d):
                for k in range(8):
                    movement[t, k] = expected[i, t, k] if np.isfinite(expected[i, t, k]) else np.nan
        slots = by_slot(kwh[i])
        raw = channels(power[i], movement, day_shapes(slots), day_lags(slots), 24.0 / s)
        series = np.empty((len(raw), d))
        noise = np.empty(len(raw))
        for c in range(len(raw)):
            series[c], noise[c] = settle(raw[c], weekday)
        covariate = np.zeros(d)
        followed = np.ones(d)
        for t in range(d):
            if alone:
                covariate[t] = season[t]
            else:
                total = 0.0
                n = 0
                for k in range(8):
                    if np.isfinite(movement[t, k]):
                        total += movement[t, k]
                        n += 1
                covariate[t] = np.log(total / n) if n else 0.0
                followed[t] = total / n if n else 1.0
        covariates = np.empty((len(raw), d))
        for c in range(len(raw)):
            covariates[c] = covariate
        if not alone:
            covariates[LAG] = LAG_SLOPE * peer_lags(power[i], movement)
        sums = running_sums(series, covariates)
        day, end, gain, single, gains = find_stretch(sums, noise, weights)
        usual = 0.0
        n = 0
        known_days = 0
        for t in range(d):
            known_days += np.isfinite(raw[LEVEL, t])
            for k in range(8):
                known = np.isfinite(power[i, t, k])
                usual += max(np.float64(power[i, t, k]), 0.0) if known else 0.0
                n += known
        usual = usual / n if n else np.nan
        numbers[i, 19] = usual
        numbers[i, 20] = noise[LEVEL]
        numbers[i, 22] = known_days
        if day < 0:
            continue
        _, _, slope = step_size(sums[LEVEL], noise[LEVEL], day, end, d)
        step, error, _ = step_size(sums[LEVEL], noise[LEVEL], day, end, CLOSE_DAYS)
        # how strongly this meter follows: taken out of everything below
        for t in range(d):
            strength = np.exp(slope * covariate[t])
            followed[t] *= strength
            for k in range(8):
                movement[t, k] *= strength
        flat = series[LEVEL] - slope * covariate
        floor = FLOOR * usual * 24.0 / s
        onset, low, high = _refined(kwh[i], followed, gains, day, 0, end, floor)
        numbers[i, 0], numbers[i, 1], numbers[i, 2] = onset, low, high
        last = d * s
        numbers[i, 3] = np.nan
        if end < d:
            back = step_gains(sums, noise, weights, day)
            over = _refined(kwh[i], followed, back, end, day, d, floor)
            numbers[i, 3] = over[0]
            last = round(over[0] * s)
        numbers[i, 4] = gain
        numbers[i, 5] = single
        numbers[i, 6] = step
        numbers[i, 7] = error
        numbers[i, 8] = slope
        numbers[i, 25] = close_gain(sums, noise, weights, day, end)
        sizes = np.empty(len(raw))
        for c in range(len(raw)):
            sizes[c], size_error, _ = step_size(sums[c], noise[c], day, end, CLOSE_DAYS)
            if not np.isfinite(sizes[c]):
                continue
            one = 0.5 * (sizes[c] / size_error) ** 2
            if c == LEVEL:
                numbers[i, 9] = one
            elif c <= 8:
                numbers[i, 10] += one / 8
            elif c != LAG:
                numbers[i, 11] += one / 4
            else:
                numbers[i, 24] = one
        numbers[i, 12] = _sharpness(flat, day, end, step)
        ramp = ramp_fit(flat, onset, end, noise[LEVEL])
        numbers[i, 13], begin, numbers[i, 14], numbers[i, 15], numbers[i, 16] = ramp
        if ramp[0] >= LEAST_RAMP and ramp[2] > RAMP_GAIN:
            # a slow change began before the day that best splits it; how long before is known to a quarter
            numbers[i, 0] = min(begin, onset)
            numbers[i, 1] = max(0.0, min(begin - ramp[0] / 4, low))
            numbers[i, 2] = min(begin + ramp[0] / 4, float(d))
        numbers[i, 17] = _theil_sen(flat)
        first = round(onset * s)
        numbers[i, 18] = silence_before(kwh[i], exists, first)
        take_steps_out(sums, sizes, day, end)
        numbers[i, 23] = np.max(step_gains(sums, noise, weights, d))
        lasting = flat.copy()
        if np.isfinite(step):
            lasting[day:end] -= step
        numbers[i, 21] = _weekly_noise(lasting)
        gather(
            kwh[i], movement, exists, weekend, flat, first, last,
            clock[i], profile[i], quantiles[i], marks[i],
        )  # fmt: skip


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _weekly_noise(level: NDArray[np.float64]) -> float:
    """Standard deviation of weekly means of the level with the step taken out."""
    total = 0.0
    square = 0.0
    weeks = 0
    for w in range(len(level) // 7):
        week = 0.0
        n = 0
        for t in range(7 * w, 7 * w + 7):
            if np.isfinite(level[t]):
                week += level[t]
                n += 1
        if n >= 4:
            total += week / n
            square += (week / n) ** 2
            weeks += 1
    if weeks < 4:
        return np.nan
    return float(np.sqrt(max(square / weeks - (total / weeks) ** 2, 0.0)))
