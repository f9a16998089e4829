"""The compiled loops behind group 1, nothing else; ``distribution.py`` says what the numbers mean.

The same rules as in ``kernels.py``: meters one by one, NaN skipped, sums in float64, a slow twin in
the tests.

The few quantiles of all readings of a meter come from counting on the upper 16 bits of each float,
which are in the order of the values, so that only the cell that holds a wanted rank is sorted.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.features.kernels import EDGE
from loadprofile.profiles import frozen

COLUMNS = (
    "peak_height", "half_height_width", "height_to_width", "rule1", "modes", "skew", "kurtosis",
    "entropy", "zero_share", "near_peak_share", "peak_to_mean", "q05_rel", "q95_rel", "under", "over",
)  # fmt: skip
"""Columns of ``distribution`` before the bins."""

SIGN = 32768  # key of +0.0; negative values have smaller keys


def distribution(kwh: NDArray[np.float32], bins: int, least: int) -> NDArray[np.float32]:
    """``(n, d, s)`` kWh -> ``(n, len(COLUMNS) + bins)``; NaN below ``least`` readings."""
    n = len(kwh)
    flat = frozen(np.ascontiguousarray(kwh).reshape(n, kwh.shape[1] * kwh.shape[2]))
    out = np.full((n, len(COLUMNS) + bins), np.nan, dtype=np.float32)
    _distribution(flat, frozen(flat.view(np.int32)), bins, max(least, 1), out)
    return out


@njit(cache=True, nogil=True)
def _key(bits):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    """Upper 16 bits of a float32 as a number in the order of the values."""
    return SIGN + (bits >> 16) if bits >= 0 else SIGN - ((bits & 0x7FFFFFFF) >> 16)


@njit(cache=True, nogil=True)
def _ranked(placed, ends, rank):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    """The value of one rank: its cell is known by where the cells end, and is sorted now if need be."""
    k = np.searchsorted(ends, rank, side="right")
    cell = placed[ends[k - 1] if k > 0 else 0 : ends[k]]
    for i in range(1, cell.size):
        if cell[i] < cell[i - 1]:
            cell.sort()
            break
    return np.float64(placed[rank])


@njit(cache=True, nogil=True)
def _quantile(placed, ends, share):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    """Quantile (linear between ranks) of values that lie in the order of their cells."""
    place = share * (placed.size - 1)
    rank = int(place)
    a = _ranked(placed, ends, rank)
    if rank + 1 == placed.size:
        return a
    return a + (_ranked(placed, ends, rank + 1) - a) * (place - rank)


@njit(cache=True, nogil=True)
def _place(values, keys, counts, placed):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    """Put the values in the order of their cells; ``counts`` per cell become the cells' ends."""
    total = 0
    for k in range(counts.size):
        counts[k], total = total, total + counts[k]
    for i in range(values.size):
        k = keys[i]
        placed[counts[k]] = values[i]
        counts[k] += 1


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
def _distribution(kwh, bits, bins, least, out):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    n, cells = kwh.shape
    values, placed = np.empty(cells, np.float32), np.empty(cells, np.float32)
    keys = np.empty(cells, np.int32)
    counts = np.zeros(2 * SIGN, np.int32)
    histogram = np.empty(bins, np.int64)
    for m in range(n):
        count, zeros, total, size = 0, 0, 0.0, 0.0
        lowest, highest = 2 * SIGN, 0
        least_value, most_value = np.float32(np.inf), np.float32(-np.inf)
        for i in range(cells):
            v = kwh[m, i]
            if not np.isfinite(v):
                continue
            k = _key(bits[m, i])
            values[count] = v
            keys[count] = k
            counts[k] += 1
            count += 1
            total += v
            size += abs(np.float64(v))
            zeros += v == 0.0
            lowest, highest = min(lowest, k), max(highest, k)
            least_value, most_value = min(least_value, v), max(most_value, v)
        if count >= least:
            row = out[m]
            row[8] = zeros / count
            ends, order = counts[lowest : highest + 1], placed[:count]
            _place(values[:count], keys[:count] - np.int32(lowest), ends, order)
            q05, q95 = _quantile(order, ends, 0.05), _quantile(order, ends, 0.95)
            top, peak = _quantile(order, ends, 0.99), _quantile(order, ends, 0.999)
            mean, own = total / count, size / count
            if least_value < most_value:
                second, third, fourth = _moments(values[:count], mean)
                row[5], row[6] = third / second**1.5, fourth / second**2 - 3.0
            if own > 0.0:
                row[10], row[11], row[12] = peak / own, q05 / own, q95 / own
            top = top if top > 0.0 else np.float64(most_value)
            if top > 0.0:
                histogram[:] = 0
                under, over, near = 0, 0, 0
                for i in range(count):
                    v = np.float64(values[i])
                    place = v / top * bins + EDGE
                    near += v >= 0.9 * peak * (1.0 - EDGE)
                    if place < 0.0:
                        under += 1
                    elif place > bins + 2.0 * EDGE:
                        over += 1
                    else:
                        histogram[min(int(place), bins - 1)] += 1
                _shape(histogram, under, over, row)
                if peak > 0.0:
                    row[9] = near / count
        if count > 0:
            counts[lowest : highest + 1] = 0
