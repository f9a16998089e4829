"""The compiled loops behind group 1, nothing else; ``distribution.py`` says what the numbers mean.

The same rules as in ``kernels.py``: meters one by one, NaN skipped, sums in float64, a slow twin in
the tests.

Everything but the shape of the histogram comes from the readings in ascending order: quantiles are looked up,
and a bin's count is a difference of two places.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.features.kernels import EDGE
from loadprofile.features.ordering import in_rows

COLUMNS = (
    "peak_height", "half_height_width", "height_to_width", "rule1", "modes", "skew", "kurtosis",
    "entropy", "zero_share", "near_peak_share", "peak_to_mean", "q05_rel", "q95_rel", "under", "over",
)  # fmt: skip
"""Columns of ``distribution`` before the bins."""


def distribution(
    kwh: NDArray[np.float32], bins: int, least: int, ordered: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """``(n, d, s)`` kWh -> ``(n, len(COLUMNS) + bins)``; NaN below ``least`` readings.

    ``ordered`` is ``ordering.in_rows(kwh)`` where it is at hand already.
    """
    out = np.full((len(kwh), len(COLUMNS) + bins), np.nan, dtype=np.float32)
    _distribution(in_rows(kwh) if ordered is None else ordered, bins, max(least, 1), out)
    return out


@njit(cache=True, nogil=True)
def _quantile(ordered, share):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    """Quantile (linear between ranks) of ascending values."""
    place = share * (ordered.size - 1)
    rank = int(place)
    a = np.float64(ordered[rank])
    if rank + 1 == ordered.size:
        return a
    return a + (np.float64(ordered[rank + 1]) - a) * (place - rank)


@njit(cache=True, nogil=True)
def _finite(row):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    """A row in ascending order without the infinities and NaN at its ends."""
    first, last = 0, row.size
    while last > 0 and not np.isfinite(row[last - 1]):
        last -= 1
    while first < last and not np.isfinite(row[first]):
        first += 1
    return row[first:last]


@njit(cache=True, nogil=True)
def _first_from(ordered, low, scale, bins, edge):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    """First place from ``low`` on whose value lies in bin ``edge`` or above."""
    high = ordered.size
    while low < high:
        middle = (low + high) // 2
        if np.float64(ordered[middle]) / scale * bins + EDGE >= edge:
            high = middle
        else:
            low = middle + 1
    return low


@njit(cache=True, nogil=True, fastmath={"reassoc"})
def _sums(values):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    total, size, zeros = 0.0, 0.0, 0
    for i in range(values.size):
        v = np.float64(values[i])
        total += v
        size += abs(v)
    for i in range(values.size):
        zeros += values[i] == np.float32(0.0)
    return total, size, zeros


@njit(cache=True, nogil=True, fastmath={"reassoc"})
def _moments(values, mean):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    second, third, fourth = 0.0, 0.0, 0.0
    for i in range(values.size):
        e = values[i] - mean
        second += e * e
        third += e * e * e
        fourth += e * e * e * e
    return second / values.size, third / values.size, fourth / values.size


@njit(cache=True, nogil=True)
def _modes(smooth):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    """Number of local maxima that stand out by at least a tenth of the highest."""
    top, found = smooth.max(), 0
    for i in range(smooth.size):
        saddle, lowest = 0.0, smooth[i]
        for j in range(i - 1, -1, -1):
            lowest = min(lowest, smooth[j])
            if smooth[j] >= smooth[i]:  # of equals the left one counts
                saddle = lowest
                break
        lowest = smooth[i]
        for j in range(i + 1, smooth.size):
            lowest = min(lowest, smooth[j])
            if smooth[j] > smooth[i]:
                saddle = max(saddle, lowest)
                break
        if smooth[i] - saddle >= 0.1 * top and smooth[i] > 0.0:
            found += 1
    return found


@njit(cache=True, nogil=True)
def _half_width(smooth):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    """Width, in bins, of the stretch around the highest bin that stays above half its height."""
    top = smooth.argmax()
    half = 0.5 * smooth[top]
    left = top
    while left > 0 and smooth[left - 1] > half:
        left -= 1
    right = top
    while right < smooth.size - 1 and smooth[right + 1] > half:
        right += 1
    width = np.float64(right - left)
    if left > 0:
        width += (smooth[left] - half) / (smooth[left] - smooth[left - 1])
    else:
        width += 0.5
    if right < smooth.size - 1:
        return width + (smooth[right] - half) / (smooth[right] - smooth[right + 1])
    return width + 0.5


@njit(cache=True, nogil=True)
def _shape(histogram, under, over, out):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    """Peak, width, modes and entropy of one histogram of counts, and its normalised bins."""
    bins = histogram.size
    total = np.float64(histogram.sum() + under + over)
    smooth = np.empty(bins)
    for i in range(bins):
        weight, value = 2.0, 2.0 * histogram[i]
        if i > 0:
            weight, value = weight + 1.0, value + histogram[i - 1]
        if i < bins - 1:
            weight, value = weight + 1.0, value + histogram[i + 1]
        smooth[i] = value / weight
    entropy = 0.0
    for i in range(bins + 2):
        c = under if i == bins else over if i == bins + 1 else histogram[i]
        if c > 0:
            entropy -= c / total * np.log(c / total)
        if i < bins:
            out[15 + i] = c / total
    if smooth.max() > 0.0:
        height, width = histogram.max() / total, _half_width(smooth) / bins
        out[0], out[1], out[2], out[3] = height, width, height / width, np.log(height / width)
        out[4] = _modes(smooth)
    out[7] = entropy / np.log(bins + 2.0)
    out[13], out[14] = under / total, over / total


@njit(cache=True, nogil=True)
def _distribution(ordered, bins, least, out):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    histogram = np.empty(bins, np.int64)
    for m in range(len(ordered)):
        values = _finite(ordered[m])
        count = values.size
        if count < least:
            continue
        row = out[m]
        total, size, zeros = _sums(values)
        row[8] = zeros / count
        q05, q95 = _quantile(values, 0.05), _quantile(values, 0.95)
        top, peak = _quantile(values, 0.99), _quantile(values, 0.999)
        mean, own = total / count, size / count
        if values[0] < values[-1]:
            second, third, fourth = _moments(values, mean)
            row[5], row[6] = third / second**1.5, fourth / second**2 - 3.0
        if own > 0.0:
            row[10], row[11], row[12] = peak / own, q05 / own, q95 / own
        top = top if top > 0.0 else np.float64(values[-1])
        if not top > 0.0:
            continue
        under = _first_from(values, 0, top, bins, 0.0)
        before = under
        for b in range(1, bins):
            after = _first_from(values, before, top, bins, np.float64(b))
            histogram[b - 1] = after - before
            before = after
        # what is "over" lies above the last edge by more than rounding
        low, high = before, count
        while low < high:
            middle = (low + high) // 2
            if np.float64(values[middle]) / top * bins + EDGE > bins + 2.0 * EDGE:
                high = middle
            else:
                low = middle + 1
        histogram[bins - 1] = low - before
        _shape(histogram, under, count - low, row)
        if peak > 0.0:
            near = np.searchsorted(values, 0.9 * peak * (1.0 - EDGE), side="left")
            row[9] = (count - near) / count
