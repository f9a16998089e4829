"""What similar meters did on the same days, and how a meter differs from them.

Meters are grouped by k-means on their normalised daily shape (issue of scale aside: a large and a
small home with the same habits are peers). For each group, day and 3-hour block we keep what is
needed for a **leave-one-out interquartile mean** of power relative to each meter's own usual power:
the sum between the quartiles, the two quartile values and the count. Taking one meter out is then
one subtraction, so no meter is ever its own peer and a batch of meters costs nothing but itself.

Held for the whole population while groups are made: the daily blocks, ``n * d * 8`` float32
(117 MB for 10,000 meter-years). What stays is ``(groups + 1) * d * 8 * 4`` numbers.

The interquartile mean stands where the median would: it ignores the same outliers and, among 20
peers, has about two thirds of the median's variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from loadprofile.errors import ShapeError
from loadprofile.features.daily import DailyBlocks
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import frozen

FEWEST_PEERS = 5
"""Below this many others nothing is said about peers."""

GROUP_METERS = 60
"""Aimed-at meters per group; groups under a quarter of it are dissolved into the nearest one."""

MOST_GROUPS = 24
BLEND = 20.0
"""A group of this many others counts as much as the whole population (shrinkage of small groups)."""

FIT_METERS = 20_000
"""k-means is fitted on at most this many meters, evenly spread over the sorted ids."""

SHAPE_COLUMNS = tuple(f"g2.h{hour:02d}.mean" for hour in range(24))


@dataclass(frozen=True, eq=False, slots=True)
class PeerGroups:
    """Groups of similar meters and what each group did on each day.

    Attributes:
        blocks: the population's daily blocks, ``(n, d, 8)`` kW.
        shapes: ``(n, h)`` normalised daily shapes the groups were made from (NaN = unknown).
        labels: ``(n,)`` int64 group of each meter, -1 where its shape is unknown.
        usual: ``(n, 8)`` float32, mean kW of each block over the meter's own days; NaN = off or unknown.
        spread: ``(groups + 1, d, 8, 4)`` float32 sum between the quartiles, lower and upper value kept,
            count; the last group is the whole population.
    """

    blocks: DailyBlocks
    shapes: NDArray[np.float64]
    labels: NDArray[np.int64]
    usual: NDArray[np.float32]
    spread: NDArray[np.float32]

    def __post_init__(self) -> None:
        n, d, b = self.blocks.power.shape
        for name, found, wanted in (
            ("labels", self.labels.shape, (n,)),
            ("usual", self.usual.shape, (n, b)),
            ("spread", self.spread.shape[1:], (d, b, 4)),
        ):
            if found != wanted:
                raise ShapeError(name, found, wanted)
        for name in ("shapes", "labels", "usual", "spread"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    def expected(self, rows: NDArray[np.intp] | slice) -> NDArray[np.float32]:
        """Movement of each meter's peers, ``(m, d, 8)``: 1 = as usual, 0.8 = 20 % less than usual.

        Leave-one-out; the group is blended with the whole population when it is small. Averages 1 over
        the days of each block. NaN where fewer than five others are known. The groups themselves are
        given: changing a meter's own readings never changes its own expectation by another way than
        by moving it to another group.
        """
        out: NDArray[np.float32] = _expected(
            self.blocks.power[rows], self.usual[rows], self.labels[rows], self.spread
        )
        return out


def group_peers(blocks: DailyBlocks, table: FeatureTable, seed: int = 0) -> PeerGroups:
    """Group a population by daily shape and reduce what each group did on each day.

    Args:
        blocks: the whole population.
        table: columns ``g2.hHH.mean`` of the same meters, in the same order; the block means stand in
            when the columns are not there.
        seed: of k-means; with the ids sorted first, groups do not depend on the order of meters.

    Raises:
        ShapeError: when ``table`` is of other meters.
    """
    if not np.array_equal(blocks.meter_ids, table.meter_ids):
        raise ShapeError("table", "other meters or order", "the meters of blocks")
    usual = usual_power(blocks.power)
    if set(SHAPE_COLUMNS) <= set(table.names):
        shapes = table.select(SHAPE_COLUMNS).values.astype(np.float64)
    else:
        shapes = usual.astype(np.float64)
    shapes = _normalised(shapes)
    labels = _labels(shapes, blocks.meter_ids, seed)
    order = np.argsort(labels, kind="stable")
    groups = int(labels.max(initial=-1)) + 1
    starts = np.searchsorted(labels[order], np.arange(groups + 1))
    spread = _spread(blocks.power, usual, order, starts)
    return PeerGroups(blocks, shapes, labels, usual, spread)


def usual_power(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean kW of each block over the known days, ``(n, 8)``; NaN where a block is off or nearly so."""
    known = np.isfinite(power)
    count = known.sum(axis=1)
    total = np.where(known, power, 0.0).sum(axis=1, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        usual = total / count
    level = np.where(count > 0, np.maximum(usual, 0.0), 0.0).mean(axis=1, keepdims=True)
    usual[(count < 5) | ~(usual > 0.01 * level)] = np.nan
    out: NDArray[np.float32] = usual.astype(np.float32)
    return out


def _normalised(shapes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shapes with mean 1; NaN rows where any hour is unknown or the mean is not positive."""
    filled = np.where(np.isfinite(shapes).any(axis=1, keepdims=True), np.nan_to_num(shapes), np.nan)
    mean = filled.mean(axis=1, keepdims=True)
    out: NDArray[np.float64] = np.divide(
        filled, mean, out=np.full_like(filled, np.nan), where=np.isfinite(mean) & (mean > 0)
    )
    return out


def _labels(shapes: NDArray[np.float64], ids: NDArray[np.str_], seed: int) -> NDArray[np.int64]:
    labels = np.full(len(ids), -1, dtype=np.int64)
    known = np.flatnonzero(np.isfinite(shapes).all(axis=1))
    if len(known) == 0:
        return labels
    known = known[np.argsort(ids[known], kind="stable")]
    # square roots: one tall hour must not outweigh the other 23; rounding: sums must not depend on threads
    points = np.round(np.sqrt(np.clip(shapes[known], 0.0, 25.0)), 6)
    k = int(np.clip(len(known) // GROUP_METERS, 1, MOST_GROUPS))
    if k == 1:
        labels[known] = 0
        return labels
    picks = np.unique(np.linspace(0, len(known) - 1, min(FIT_METERS, len(known))).astype(np.intp))
    means = KMeans(k, n_init=4, random_state=seed).fit(points[picks])
    distance = means.transform(points)
    nearest = np.argmin(distance, axis=1)
    while True:
        sizes = np.bincount(nearest, minlength=k)
        small = np.flatnonzero((sizes > 0) & (sizes < GROUP_METERS // 4))
        if len(small) == 0 or (sizes > 0).sum() == 1:
            break
        distance[:, small[np.argmin(sizes[small])]] = np.inf
        nearest = np.argmin(distance, axis=1)
    labels[known] = np.unique(nearest, return_inverse=True)[1]
    return labels


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _reduce(values: NDArray[np.float32], count: int, out: NDArray[np.float32]) -> None:
    if count < 2:
        out[3] = count
        return
    part = np.sort(values[:count])
    cut = (count - 1) // 4  # what the quartiles of the others (one fewer) cut off
    total = 0.0
    for i in range(cut, count - cut):
        total += part[i]
    out[0] = total
    out[1] = part[cut]
    out[2] = part[count - 1 - cut]
    out[3] = count


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _spread(
    power: NDArray[np.float32],
    usual: NDArray[np.float32],
    order: NDArray[np.intp],
    starts: NDArray[np.intp],
) -> NDArray[np.float32]:
    n, d, b = power.shape
    groups = len(starts) - 1
    out = np.zeros((groups + 1, d, b, 4), dtype=np.float32)
    values = np.empty(n, dtype=np.float32)
    everyone = np.empty(n, dtype=np.float32)
    for t in range(d):
        for k in range(b):
            total = 0
            for g in range(groups):
                count = 0
                for at in range(starts[g], starts[g + 1]):
                    i = order[at]
                    value = power[i, t, k] / usual[i, k]
                    if np.isfinite(value):
                        values[count] = value
                        everyone[total] = value
                        count += 1
                        total += 1
                _reduce(values, count, out[g, t, k])
            _reduce(everyone, total, out[groups, t, k])
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _without(kept: NDArray[np.float32], own: float, member: bool) -> tuple[float, int]:
    """Interquartile mean of a group without one value, and how many others there are."""
    count = int(kept[3])
    member = member and np.isfinite(own)
    others = count - 1 if member else count
    if others < 1:
        return np.nan, others
    cut = (count - 1) // 4
    if member:
        clipped = min(max(own, kept[1]), kept[2])
        return (kept[0] - clipped) / (count - 2 * cut - 1), others
    return kept[0] / (count - 2 * cut), others


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _expected(
    power: NDArray[np.float32],
    usual: NDArray[np.float32],
    labels: NDArray[np.int64],
    spread: NDArray[np.float32],
) -> NDArray[np.float32]:
    m, d, b = power.shape
    last = len(spread) - 1
    out = np.full((m, d, b), np.nan, dtype=np.float32)
    for i in range(m):
        grouped = labels[i] >= 0
        for k in range(b):
            total = 0.0
            days = 0
            for t in range(d):
                own = power[i, t, k] / usual[i, k]
                everyone, others = _without(spread[last, t, k], own, grouped)
                if others < FEWEST_PEERS:
                    continue
                value = everyone
                if grouped:
                    group, members = _without(spread[labels[i], t, k], own, True)
                    if members >= FEWEST_PEERS:
                        share = members / (members + BLEND)
                        value = share * group + (1 - share) * everyone
                if value > 0:
                    out[i, t, k] = value
                    total += value
                    days += 1
            if days > 0:
                for t in range(d):
                    out[i, t, k] /= total / days
    return out


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
