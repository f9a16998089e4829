"""The compiled loops behind groups 2 and 3, nothing else (group 1: ``histograms.py``).

Plain functions on arrays; what the numbers mean stands in ``hourly.py`` and ``seasonal.py``. Meters are
taken one by one, so no result depends on a meter's neighbours or on the size of the batch. NaN (and
infinity) is "no reading" and is skipped, never filled. Sums run in float64. Each kernel has a slow
twin in ``tests/loadprofile/features/slow_twins.py``.

The speed comes from sorting the 24 columns of a matrix (days x hours) together by merge exchange
(Batcher 1968; Knuth, The Art of Computer Programming 3, algorithm 5.2.2M, any number of rows): its
compare-exchange steps are the minimum and maximum of whole runs of rows, which the compiler turns
into vector code. Missing cells are sorted to the end as infinity, and each column knows its count.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.profiles import frozen

HOURS = 24
PER_HOUR = ("mean", "std", "slope")
PER_METER = ("stability", "level_kw", "night_share", "evening_share", "load_factor", "weekend_ratio")
BOX = ("low", "q1", "median", "q3", "high", "outliers")

# A reading that sits on a boundary must fall on the same side in kWh and in Wh: boundaries are moved
# by far more than float32 rounding and far less than anything that means something.
EDGE = 1e-5


def hourly_power(kwh: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean power in kW of each clock hour: ``(n, d, s)`` kWh -> ``(n, d, 24)``.

    The mean of the hour's readings that are there; NaN if fewer than half of them are.
    """
    out = np.empty((*kwh.shape[:2], HOURS), dtype=np.float32)
    _hourly_power(frozen(np.ascontiguousarray(kwh)), out)
    return frozen(out)


def hourly(
    power: NDArray[np.float32], weekend: NDArray[np.bool_], least_days: int, least_hours: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """``(n, d, 24)`` kW and ``(d,)`` -> ``(n, 24, len(PER_HOUR))`` and ``(n, len(PER_METER))``."""
    n = len(power)
    per_hour = np.full((n, HOURS, len(PER_HOUR)), np.nan, dtype=np.float32)
    per_meter = np.full((n, len(PER_METER)), np.nan, dtype=np.float32)
    power = frozen(np.ascontiguousarray(power))
    _hourly(power, frozen(weekend), max(least_days, 1), least_hours, per_hour, per_meter)
    return per_hour, per_meter


def boxplots(
    power: NDArray[np.float32], season: NDArray[np.int8], seasons: int, least: int
) -> NDArray[np.float32]:
    """``(n, d, 24)`` kW and ``(d,)`` season numbers -> ``(n, seasons, 24, len(BOX))``."""
    out = np.full((len(power), seasons, HOURS, len(BOX)), np.nan, dtype=np.float32)
    _boxplots(frozen(np.ascontiguousarray(power)), frozen(season), max(least, 1), out)
    return out


def trend_lag(span: int) -> int:
    """Days between the two readings that a trend compares, for a series of ``span`` days; 0 = too short.

    Whole weeks, so that like weekdays meet; 52 weeks (or a multiple) as soon as the series is long
    enough, so that like seasons meet; else about half the series.
    """
    return int(_trend_lag(span))


@njit(cache=True, nogil=True)
def _trend_lag(span: int) -> int:
    if span < 28:
        return 0
    if span < 364 + 56:
        return span // 2 // 7 * 7
    return max(1, span // 2 // 364) * 364


@njit(cache=True, nogil=True)
def _hourly_power(kwh, out):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    n, d, s = kwh.shape
    per_hour = s // HOURS
    for m in range(n):
        for t in range(d):
            for h in range(HOURS):
                count, total = 0, 0.0
                for k in range(per_hour):
                    v = kwh[m, t, h * per_hour + k]
                    if np.isfinite(v):
                        count += 1
                        total += v
                if 2 * count >= per_hour:
                    out[m, t, h] = total / count * per_hour
                else:
                    out[m, t, h] = np.nan


@njit(cache=True, nogil=True)
def _exchange(a, b):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    for i in range(a.size):
        x, y = a[i], b[i]
        a[i] = min(x, y)
        b[i] = max(x, y)


@njit(cache=True, nogil=True)
def _sort_columns(flat, rows, width):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    """Sort each column of the first ``rows`` rows of a row-major matrix (no NaN in it), in place."""
    if rows < 2:
        return
    top = 1
    while top * 2 < rows:
        top *= 2
    p = top
    while p > 0:
        q, r, d = top, 0, p
        while True:
            start = r
            while start < rows - d:
                stop = min(start + p, rows - d)
                _exchange(flat[start * width : stop * width], flat[(start + d) * width : (stop + d) * width])
                start += 2 * p
            if q == p:
                break
            d, q, r = q - p, q // 2, p
        p //= 2


@njit(cache=True, nogil=True)
def _at(flat, column, count, share):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    """Quantile (linear between ranks) of the first ``count`` values of a sorted column of 24."""
    place = share * (count - 1)
    low = int(place)
    high = min(low + 1, count - 1)
    a, b = np.float64(flat[low * HOURS + column]), np.float64(flat[high * HOURS + column])
    return a + (b - a) * (place - low)


@njit(cache=True, nogil=True)
def _median(values, count):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    ordered = np.sort(values[:count])
    return 0.5 * (ordered[(count - 1) // 2] + ordered[count // 2])


@njit(cache=True, nogil=True)
def _scale(power):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    """A meter's own mean power without sign; NaN for a meter that is all zero or all missing."""
    count, total = 0, 0.0
    for t in range(power.shape[0]):
        for h in range(HOURS):
            v = power[t, h]
            if np.isfinite(v):
                count += 1
                total += abs(np.float64(v))
    return total / count if count > 0 and total > 0.0 else np.nan


@njit(cache=True, nogil=True)
def _boxplots(power, season, least, out):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    n, d, _ = power.shape
    flat = np.empty(d * HOURS, np.float32)
    count = np.empty(HOURS, np.int64)
    for m in range(n):
        scale = _scale(power[m])
        if np.isnan(scale):
            continue
        for which in range(out.shape[1]):
            rows = 0
            count[:] = 0
            for t in range(d):
                if season[t] != which:
                    continue
                for h in range(HOURS):
                    v = power[m, t, h]
                    known = np.isfinite(v)
                    flat[rows * HOURS + h] = v if known else np.float32(np.inf)
                    count[h] += known
                rows += 1
            if count.max() < least:
                continue
            _sort_columns(flat, rows, HOURS)
            for h in range(HOURS):
                c = count[h]
                if c < least:
                    continue
                q1, q3 = _at(flat, h, c, 0.25), _at(flat, h, c, 0.75)
                slack = EDGE * (abs(q1) + abs(q3))
                low_fence, high_fence = q1 - 1.5 * (q3 - q1) - slack, q3 + 1.5 * (q3 - q1) + slack
                first, last = 0, c - 1
                while flat[first * HOURS + h] < low_fence:
                    first += 1
                while flat[last * HOURS + h] > high_fence:
                    last -= 1
                box = out[m, which, h]
                box[0] = flat[first * HOURS + h] / scale
                box[1] = q1 / scale
                box[2] = _at(flat, h, c, 0.5) / scale
                box[3] = q3 / scale
                box[4] = flat[last * HOURS + h] / scale
                box[5] = (first + c - 1 - last) / c


@njit(cache=True, nogil=True)
def _hourly(power, weekend, least_days, least_hours, per_hour, per_meter):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    n, d, _ = power.shape
    flat = np.empty(d * HOURS, np.float32)
    count = np.empty(HOURS, np.int64)
    mean, centre = np.empty(HOURS), np.empty(HOURS)
    days_a, days_b = np.empty(d), np.empty(d)
    for m in range(n):
        x = power[m]
        scale = _scale(x)
        first, last, total, cells = d, -1, 0.0, 0
        count[:] = 0
        mean[:] = 0.0
        for t in range(d):
            for h in range(HOURS):
                v = x[t, h]
                known = np.isfinite(v)
                flat[t * HOURS + h] = v if known else np.float32(np.inf)
                if known:
                    first, last = min(first, t), t
                    count[h] += 1
                    mean[h] += v
        for h in range(HOURS):
            total += mean[h]
            cells += count[h]
            mean[h] = mean[h] / count[h] if count[h] >= least_days else np.nan
        if cells > 0 and count.max() >= least_days:
            per_meter[m, 1] = total / cells
        if np.isnan(scale):
            continue
        _spread(x, mean, count, least_days, scale, per_hour[m])
        _sort_columns(flat, d, HOURS)
        for h in range(HOURS):
            centre[h] = _at(flat, h, count[h], 0.5) if count[h] >= least_days else np.nan
        _trend(x, first, last, least_days, scale, flat, count, per_hour[m])
        _daily(x, centre, weekend, least_days, least_hours, days_a, days_b, per_meter[m])
        day = mean.sum()  # NaN unless every hour is known
        if day > 0.0:
            per_meter[m, 2] = mean[0:6].sum() / day
            per_meter[m, 3] = mean[17:22].sum() / day


@njit(cache=True, nogil=True)
def _spread(x, mean, count, least_days, scale, out):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    squares = np.zeros(HOURS)
    for t in range(x.shape[0]):
        for h in range(HOURS):
            if np.isfinite(x[t, h]):
                squares[h] += (x[t, h] - mean[h]) ** 2
    for h in range(HOURS):
        if count[h] >= least_days:
            out[h, 0] = mean[h] / scale
            out[h, 1] = np.sqrt(squares[h] / count[h]) / scale


@njit(cache=True, nogil=True)
def _trend(x, first, last, least_days, scale, flat, count, out):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    lag = _trend_lag(last - first + 1)
    if lag == 0:
        return
    pairs = last - first + 1 - lag
    count[:] = 0
    for i in range(pairs):
        for h in range(HOURS):
            v = x[first + i + lag, h] - x[first + i, h]
            known = np.isfinite(v)
            flat[i * HOURS + h] = v if known else np.float32(np.inf)
            count[h] += known
    _sort_columns(flat, pairs, HOURS)
    for h in range(HOURS):
        if count[h] >= least_days:
            out[h, 2] = _at(flat, h, count[h], 0.5) / scale * (30.0 / lag)


@njit(cache=True, nogil=True)
def _daily(x, centre, weekend, least_days, least_hours, alike, filled, out):  # type: ignore[no-untyped-def]  # noqa: ANN202, ANN001
    """Stability, daily load factor and weekend ratio from the days with enough known hours."""
    correlated, loaded = 0, 0
    total, days = np.zeros(2), np.zeros(2, np.int64)
    for t in range(x.shape[0]):
        c, sx, sy, both, peak, low = 0, 0.0, 0.0, 0, -np.inf, np.inf
        day = 0.0
        for h in range(HOURS):
            v = np.float64(x[t, h])
            if np.isfinite(v):
                c += 1
                day += v
                peak, low = max(peak, v), min(low, v)
                if np.isfinite(centre[h]):
                    both += 1
                    sx += v
                    sy += centre[h]
        if c < least_hours:
            continue
        kind = 1 if weekend[t] else 0
        total[kind] += day / c
        days[kind] += 1
        if peak > 0.0:
            filled[loaded] = day / c / peak
            loaded += 1
        if both < least_hours or peak == low:
            continue
        xx, yy, xy = 0.0, 0.0, 0.0
        for h in range(HOURS):
            v = np.float64(x[t, h])
            if np.isfinite(v) and np.isfinite(centre[h]):
                xx += (v - sx / both) ** 2
                yy += (centre[h] - sy / both) ** 2
                xy += (v - sx / both) * (centre[h] - sy / both)
        # A profile that varies by less than rounding has no shape to correlate with.
        if xx > (EDGE * sx) ** 2 / both and yy > (EDGE * sy) ** 2 / both:
            alike[correlated] = xy / np.sqrt(xx * yy)
            correlated += 1
    if correlated >= least_days:
        out[0] = _median(alike, correlated)
    if loaded >= least_days:
        out[4] = _median(filled, loaded)
    if days[0] >= 5 and days[1] >= 2 and total[0] > 0.0:
        out[5] = total[1] / days[1] / (total[0] / days[0])
