"""How a meter differs from the others of its group: columns ``peers.*``.

Everything is from the daily blocks, so that it does not depend on the interval length, and leaves the
meter itself out of what it is compared with.
"""

from __future__ import annotations

import numpy as np
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
    n = len(power)
    own = np.full((n, 8), np.nan)
    together = np.full((n, 2), np.nan)
    for start in range(0, n, 512):
        rows = slice(start, min(start + 512, n))
        own[rows] = _own_numbers(power[rows])
        together[rows] = _together(power[rows], groups.expected(rows))
    columns = np.full((n, len(NAMES)), np.nan)
    level = own[:, 0]
    for label in range(-1, int(groups.labels.max(initial=-1)) + 1):
        rows_ = np.flatnonzero(groups.labels == label)
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
        shapes = groups.shapes[rows_]
        others = (shapes.sum(axis=0) - shapes) / (len(rows_) - 1)
        columns[rows_, 2] = np.abs(shapes - others).mean(axis=1)
    columns[:, 9:11] = together
    columns[~np.isfinite(columns)] = np.nan
    names = tuple(f"peers.{name}" for name in NAMES)
    return FeatureTable(groups.blocks.meter_ids, names, columns.astype(np.float32))


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


def _own_numbers(power: NDArray[np.float32]) -> NDArray[np.float64]:
    """Level (kW), night and evening share, p99/mean, zero share, p5/mean and entropy, ``(m, 8)``."""
    m = len(power)
    out = np.full((m, 8), np.nan)
    for i in range(m):
        known = power[i][np.isfinite(power[i])].astype(np.float64)
        if len(known) < 40:
            continue
        level = known.mean()
        out[i, 0] = level
        out[i, 4] = float((known <= 0).mean())
        if not level > 0:
            continue
        with np.errstate(invalid="ignore"):
            clock = np.array([block[np.isfinite(block)].mean() if np.isfinite(block).any() else np.nan
                              for block in power[i].T])  # fmt: skip
        out[i, 1] = clock[:2].sum() / clock.sum()
        out[i, 2] = clock[5:].sum() / clock.sum()
        low, high = np.quantile(known, [0.05, 0.99])
        out[i, 3], out[i, 5] = high / level, low / level
        counts = np.histogram(known, bins=16, range=(min(known.min(), 0.0), max(high, 1e-9)))[0]
        share = counts[counts > 0] / max(counts.sum(), 1)
        out[i, 6] = -(share * np.log(share)).sum()
    return out


def _together(power: NDArray[np.float32], expected: NDArray[np.float32]) -> NDArray[np.float64]:
    """Correlation with the peers' days, and the change of level against them, ``(m, 2)``."""
    out = np.full((len(power), 2), np.nan)
    both = np.isfinite(power) & np.isfinite(expected)
    count = both.sum(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        own = np.where(both, power, 0).sum(axis=2) / count
        peers = np.where(both, expected, 0).sum(axis=2) / count
    own[count < 6] = np.nan
    for i in range(len(power)):
        days = np.flatnonzero(np.isfinite(own[i]) & np.isfinite(peers[i]))
        if len(days) < 21:
            continue
        level = float(np.median(own[i, days]))
        if not level > 0:
            continue
        logs = np.log(np.maximum(own[i, days], 0) + 0.05 * level)
        others = np.log(peers[i, days])
        third = len(days) // 3
        adjusted = logs - others
        out[i, 1] = np.median(adjusted[-third:]) - np.median(adjusted[:third])
        a, b = _without_week_mean(logs), _without_week_mean(others)
        scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
        if scale > 1e-9:
            out[i, 0] = float((a * b).sum()) / scale
    return out


def _without_week_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    window = np.ones(7)
    mean = np.convolve(values, window, "same") / np.convolve(np.ones(len(values)), window, "same")
    out: NDArray[np.float64] = values - mean
    return out
