"""How a meter differs from the others of its group: columns ``peers.*``.

Everything is from the daily blocks, so that it does not depend on the interval length, and leaves the
meter itself out of what it is compared with.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.features.peers import FEWEST_PEERS, PeerGroups
from loadprofile.features.table import FeatureTable

NAMES = (
    "size", "level_ratio", "shape_distance", "night_share_diff", "evening_share_diff", "peak_ratio_diff",
    "zero_share_diff", "base_ratio", "entropy_diff", "correlation", "level_trend_vs_peers",
)  # fmt: skip


def peers_features(groups: PeerGroups) -> FeatureTable:
    """How each meter differs from the others of its group: columns ``peers.*``, scale-free.

    Quantiles are of 3-hour means, so that they do not depend on the interval length. ``entropy_diff``
    is of the distribution of block powers over the meter's own range (natural logarithm, 16 bins).
    ``correlation`` is between the logarithms of the meter's weekly-detrended daily sums and of its
    peers'; ``level_trend_vs_peers`` is the log change of level from first to last third, peers' removed.
    """
    power = groups.blocks.power
    own = np.full((len(power), 8), np.nan)
    together = np.full((len(power), 2), np.nan)
    for start in range(0, len(power), 512):
        rows = slice(start, min(start + 512, len(power)))
        own[rows] = own_numbers(power[rows])
        together[rows] = correlated(power[rows], groups.expected(rows))
    return differences(groups.blocks.meter_ids, groups.labels, groups.shapes, own, together)


def differences(
    meter_ids: NDArray[np.str_],
    labels: NDArray[np.int64],
    shapes: NDArray[np.float64],
    own: NDArray[np.float64],
    together: NDArray[np.float64],
) -> FeatureTable:
    """``peers_features`` from what was worked out of each meter by itself.

    Args:
        meter_ids: ``(n,)``.
        labels: ``(n,)``, as of ``PeerGroups``.
        shapes: ``(n, h)``, as of ``PeerGroups``.
        own: ``(n, 8)``, of ``own_numbers``.
        together: ``(n, 2)``, of ``correlated``.
    """
    columns = np.full((len(meter_ids), len(NAMES)), np.nan)
    level = own[:, 0]
    for label in range(-1, int(labels.max(initial=-1)) + 1):
        rows_ = np.flatnonzero(labels == label)
        if label < 0 or len(rows_) == 0:
            continue
        columns[rows_, 0] = len(rows_) - 1
        if len(rows_) - 1 < FEWEST_PEERS:
            continue
        middle = _medians_of_others(own[rows_])
        with np.errstate(invalid="ignore", divide="ignore"):
            columns[rows_, 1] = np.where(middle[:, 0] > 0, level[rows_] / middle[:, 0], np.nan)
            columns[rows_, 7] = np.where(middle[:, 5] > 0, own[rows_, 5] / middle[:, 5], np.nan)
        for column, source in ((3, 1), (4, 2), (5, 3), (6, 4), (8, 6)):
            columns[rows_, column] = own[rows_, source] - middle[:, source]
        mine = shapes[rows_]
        others = (mine.sum(axis=0) - mine) / (len(rows_) - 1)
        columns[rows_, 2] = np.abs(mine - others).mean(axis=1)
    columns[:, 9:11] = together
    columns[~np.isfinite(columns)] = np.nan
    names = tuple(f"peers.{name}" for name in NAMES)
    return FeatureTable(meter_ids, names, columns.astype(np.float32))


def _medians_of_others(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Leave-one-out median of each column, NaN ignored, ``(m, k)``."""
    out = np.full_like(values, np.nan)
    for column in range(values.shape[1]):
        known = np.flatnonzero(np.isfinite(values[:, column]))
        count = len(known)
        if count <= FEWEST_PEERS:
            continue
        ranks = np.argsort(values[known, column], kind="stable")
        ordered = values[known[ranks], column]
        place = np.arange(count)
        low, high = (count - 2) // 2, (count - 1) // 2  # middles of the other count - 1 values
        out[known[ranks], column] = 0.5 * (ordered[low + (place <= low)] + ordered[high + (place <= high)])
    return out


def own_numbers(power: NDArray[np.float32]) -> NDArray[np.float64]:
    """Level (kW), night and evening share, p99/mean, zero share, p5/mean and entropy, ``(m, 8)``."""
    m = len(power)
    out = np.full((m, 8), np.nan)
    # numpy sorts float32 in vectors, numba does not; NaN come last
    _numbers(power, np.sort(power.reshape(m, -1), axis=1), out)
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _numbers(power: NDArray[np.float32], ordered: NDArray[np.float32], out: NDArray[np.float64]) -> None:
    m, d, b = power.shape
    for i in range(m):
        known = ordered.shape[1]
        while known > 0 and not np.isfinite(ordered[i, known - 1]):
            known -= 1
        if known < 40:
            continue
        values = ordered[i, :known]
        total = 0.0
        zeros = 0
        for k in range(known):
            total += values[k]
            zeros += values[k] <= 0.0
        level = total / known
        out[i, 0] = level
        out[i, 4] = zeros / known
        if not level > 0.0:
            continue
        night, evening, day = 0.0, 0.0, 0.0
        for k in range(b):
            mean, count = 0.0, 0
            for t in range(d):
                if np.isfinite(power[i, t, k]):
                    mean += power[i, t, k]
                    count += 1
            mean = mean / count if count else np.nan
            day += mean
            night += mean if k < 2 else 0.0
            evening += mean if k >= 5 else 0.0
        out[i, 1], out[i, 2] = night / day, evening / day
        low, high = _quantile(values, 0.05), _quantile(values, 0.99)
        out[i, 3], out[i, 5] = high / level, low / level
        out[i, 6] = _entropy(values, min(np.float64(values[0]), 0.0), max(high, 1e-9))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _quantile(ordered: NDArray[np.float32], share: float) -> float:
    """Quantile (linear between ranks) of ascending values."""
    place = share * (len(ordered) - 1)
    at = int(place)
    low = np.float64(ordered[at])
    high = np.float64(ordered[min(at + 1, len(ordered) - 1)])
    return low + (high - low) * (place - at)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _entropy(ordered: NDArray[np.float32], first: float, last: float) -> float:
    """Entropy of the values in 16 equal bins from first to last, both ends included; others are left."""
    total = np.searchsorted(ordered, last, side="right") - np.searchsorted(ordered, first, side="left")
    out = 0.0
    begin = np.searchsorted(ordered, first, side="left")
    for k in range(16):
        edge = first + (k + 1) * ((last - first) / 16)
        end = (
            np.searchsorted(ordered, last, side="right")
            if k == 15
            else np.searchsorted(ordered, edge, side="left")
        )
        if end > begin:
            share = (end - begin) / total
            out -= share * np.log(share)
        begin = max(begin, end)
    return out


def correlated(power: NDArray[np.float32], expected: NDArray[np.float32]) -> NDArray[np.float64]:
    """Correlation with the peers' days, and the change of level against them, ``(m, 2)``."""
    out = np.full((len(power), 2), np.nan)
    _compare(power, expected, out)
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _compare(power: NDArray[np.float32], expected: NDArray[np.float32], out: NDArray[np.float64]) -> None:
    m, d, b = power.shape
    own, peers = np.empty(d), np.empty(d)
    for i in range(m):
        days = 0
        for t in range(d):
            found, foreseen, count = 0.0, 0.0, 0
            for k in range(b):
                if np.isfinite(power[i, t, k]) and np.isfinite(expected[i, t, k]):
                    found += power[i, t, k]
                    foreseen += expected[i, t, k]
                    count += 1
            if count >= 6:
                own[days], peers[days] = found / count, foreseen / count
                days += 1
        if days < 21:
            continue
        level = np.median(own[:days])
        if not level > 0.0:
            continue
        logs = np.log(np.maximum(own[:days], 0.0) + 0.05 * level)
        others = np.log(peers[:days])
        adjusted = logs - others
        third = days // 3
        out[i, 1] = np.median(adjusted[days - third :]) - np.median(adjusted[:third])
        a, c = _without_week_mean(logs), _without_week_mean(others)
        scale = np.sqrt((a * a).sum() * (c * c).sum())
        if scale > 1e-9:
            out[i, 0] = (a * c).sum() / scale


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _without_week_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Less the mean of the three values on each side and itself."""
    n = len(values)
    out = np.empty(n)
    for t in range(n):
        first, last = max(t - 3, 0), min(t + 4, n)
        total = 0.0
        for u in range(first, last):
            total += values[u]
        out[t] = values[t] - total / (last - first)
    return out
