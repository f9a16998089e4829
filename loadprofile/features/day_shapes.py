"""What each day of one meter looks like by itself: peak, base, roughness, zeros, and how late it runs.

Readings are turned to ``(s, d)`` first (``by_slot``): the days then lie side by side, and every step below is
the same for all of them, which the compiler makes vector instructions of.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

MOST = 4.0
"""An hour counts as at most so many mean hours in ``day_lags``: one cooking hour must not be a whole day."""


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def by_slot(kwh: NDArray[np.float32]) -> NDArray[np.float32]:
    """Readings ``(d, s)`` as ``(s, d)``, the days of a slot side by side."""
    d, s = kwh.shape
    out = np.empty((s, d), dtype=np.float32)
    for t in range(d):  # read in order: the other way round takes twice as long
        for k in range(s):
            out[k, t] = kwh[t, k]
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def day_shapes(slots: NDArray[np.float32]) -> NDArray[np.float64]:
    """Peak, base, roughness and zero share of each day of one meter, ``(d, 4)``; NaN if half is missing.

    Peak: mean of the highest two readings (kWh per slot); base: 10 % quantile (lower of the two
    neighbours); roughness: mean absolute step between neighbouring slots; zero share of present slots.

    Args:
        slots: ``(s, d)`` readings, ``by_slot``.
    """
    s, d = slots.shape
    nothing = np.float32(np.inf)
    top, second = np.full(d, -nothing), np.full(d, -nothing)
    few = np.full(((s - 1) // 10 + 1, d), nothing)  # the lowest tenth of each day, ascending
    moved = np.empty(d, dtype=np.float32)
    count, zeros, steps = (
        np.zeros(d, dtype=np.int32),
        np.zeros(d, dtype=np.int32),
        np.zeros(d, dtype=np.int32),
    )
    rough = np.zeros(d)
    for k in range(s):
        now = slots[k]
        for t in range(d):
            known = np.isfinite(now[t])
            high = now[t] if known else -nothing
            second[t] = max(second[t], min(top[t], high))
            top[t] = max(top[t], high)
            moved[t] = now[t] if known else nothing
            count[t] += known
            zeros[t] += now[t] == 0
        for rank in range(
            len(few)
        ):  # a place is kept or given up to a smaller value, which moves the rest up
            place = few[rank]
            for t in range(d):
                least = min(place[t], moved[t])
                moved[t] = max(place[t], moved[t])
                place[t] = least
        if k > 0:
            previous = slots[k - 1]
            for t in range(d):
                step = np.float64(now[t]) - np.float64(previous[t])
                known = np.isfinite(step)
                rough[t] += abs(step) if known else 0.0
                steps[t] += known
    out = np.full((d, 4), np.nan)
    for t in range(d):
        if 2 * count[t] >= s and count[t] >= 4 and steps[t] >= 2:
            out[t, 0] = 0.5 * (np.float64(top[t]) + np.float64(second[t]))
            out[t, 1] = few[(count[t] - 1) // 10, t]
            out[t, 2] = rough[t] / steps[t]
            out[t, 3] = zeros[t] / count[t]
    return out


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def day_lags(slots: NDArray[np.float32]) -> NDArray[np.float64]:
    """By how many hours each day runs late against the meter's mean day, ``(d,)``; NaN if half is missing.

    First order only: the day's difference from the mean profile, projected on the profile's slope. Small
    shifts (a clock that drifts, a time zone) are exact; large ones still stand out. Independent of level.

    Args:
        slots: ``(s, d)`` readings, ``by_slot``.
    """
    s, d = slots.shape
    width = s // 24
    hours = np.empty((24, d))
    total, known = np.zeros(d), np.zeros(d)
    value, present = np.empty(d), np.empty(d)
    for h in range(24):
        value[:] = 0.0
        present[:] = 0.0
        for k in range(h * width, (h + 1) * width):
            now = slots[k]
            for t in range(d):
                here = np.isfinite(now[t])
                value[t] += np.float64(now[t]) if here else 0.0
                present[t] += 1.0 if here else 0.0
        for t in range(d):
            mean_of_hour = value[t] / present[t]  # NaN of none
            hours[h, t] = mean_of_hour
            total[t] += mean_of_hour if present[t] > 0 else 0.0
            known[t] += 1.0 if present[t] > 0 else 0.0
    scale = np.empty(d)
    days = 0
    for t in range(d):
        usable = known[t] >= 20 and total[t] > 0
        scale[t] = known[t] / total[t] if usable else np.nan
        days += usable
    lags = np.full(d, np.nan)
    if days < 10:
        return lags
    mean = np.empty(24)
    for h in range(24):
        mean[h] = _share_of_mean(hours[h], scale) / days
    slope = np.empty(24)
    size = 0.0
    for h in range(24):
        slope[h] = 0.5 * (mean[(h + 1) % 24] - mean[h - 1])
        size += slope[h] * slope[h]
    if size < 1e-3:
        return lags
    for t in range(d):
        lags[t] = 0.0 if np.isfinite(scale[t]) else np.nan
    for h in range(24):
        share, usual, weight = hours[h], mean[h], slope[h] / size
        for t in range(d):
            lags[t] -= (share[t] - usual) * weight if np.isfinite(share[t]) else 0.0
    return lags


@njit(cache=True, nogil=True, fastmath={"reassoc"})  # type: ignore[untyped-decorator]
def _share_of_mean(hour: NDArray[np.float64], scale: NDArray[np.float64]) -> float:
    """One hour of each day put as a share of the day's mean hour, in place; the sum over the days."""
    total = 0.0
    for t in range(len(hour)):
        share = hour[t] * scale[t]
        known = np.isfinite(share)
        hour[t] = min(share, MOST) if known else np.nan
        total += hour[t] if known else 0.0
    return total
