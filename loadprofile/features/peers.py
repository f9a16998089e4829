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

LEAST_TO_CHOOSE = 30
"""From this many meters on only the steadier half of a group stands as peers."""

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
        steady: ``(n,)`` bool, meters that stand as peers of others.
        usual: ``(n, 8)`` float32, mean kW of each block over the meter's own days; NaN = off or unknown.
        spread: ``(groups + 1, d, 8, 4)`` float32 sum between the quartiles, lower and upper value kept,
            count; the last group is the whole population.
    """

    blocks: DailyBlocks
    shapes: NDArray[np.float64]
    labels: NDArray[np.int64]
    steady: NDArray[np.bool_]
    usual: NDArray[np.float32]
    spread: NDArray[np.float32]

    def __post_init__(self) -> None:
        n, d, b = self.blocks.power.shape
        for name, found, wanted in (
            ("labels", self.labels.shape, (n,)),
            ("steady", self.steady.shape, (n,)),
            ("usual", self.usual.shape, (n, b)),
            ("spread", self.spread.shape[1:], (d, b, 4)),
        ):
            if found != wanted:
                raise ShapeError(name, found, wanted)
        for name in ("shapes", "labels", "steady", "usual", "spread"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    def expected(self, rows: NDArray[np.intp] | slice) -> NDArray[np.float32]:
        """Movement of each meter's peers, ``(m, d, 8)``: 1 = as usual, 0.8 = 20 % less than usual.

        Leave-one-out; the group is blended with the whole population when it is small. Averages 1 over
        the days of each block. NaN where fewer than five others are known. The groups themselves are
        given: changing a meter's own readings never changes its own expectation by another way than
        by moving it to another group.
        """
        out: NDArray[np.float32] = _expected(
            self.blocks.power[rows], self.usual[rows], self.labels[rows], self.steady[rows], self.spread
        )
        return out


@dataclass(frozen=True, eq=False, slots=True)
class Foreseen:
    """The movement of each meter's peers, worked out beforehand; stands where ``PeerGroups`` would.

    Attributes:
        movement: ``(n, d, 8)`` float32, what ``PeerGroups.expected`` said.
    """

    movement: NDArray[np.float32]

    def expected(self, rows: NDArray[np.intp] | slice) -> NDArray[np.float32]:
        """As of ``PeerGroups``."""
        return self.movement[rows]


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
    everybody = labels >= 0
    spread = reduce_groups(blocks.power, usual, labels, everybody)
    first = PeerGroups(blocks, shapes, labels, everybody, usual, spread)
    if everybody.sum() < LEAST_TO_CHOOSE:
        return first
    steady = _steady(first)
    spread = reduce_groups(blocks.power, usual, labels, steady)
    return PeerGroups(blocks, shapes, labels, steady, usual, spread)


def reduce_groups(
    power: NDArray[np.float32],
    usual: NDArray[np.float32],
    labels: NDArray[np.int64],
    steady: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """What ``PeerGroups.spread`` holds, from the steady meters of each group."""
    members = np.flatnonzero(steady & (labels >= 0))
    order = members[np.argsort(labels[members], kind="stable")]
    groups = int(labels.max(initial=-1)) + 1
    starts = np.searchsorted(labels[order], np.arange(groups + 1))
    return _spread(power, usual, order, starts)


def _steady(groups: PeerGroups) -> NDArray[np.bool_]:
    """The half of each group whose weekly level moves least against the others.

    Where many meters of a group are faulty or stolen from at once, their drop would otherwise pass for
    the weather. Meters that follow the weather more strongly than most drop out too: the slope of the
    change features is for them.
    """
    power = groups.blocks.power
    n, d, _ = power.shape
    weeks = max(d // 7, 1)
    unrest = np.full(n, np.nan)
    for start in range(0, n, 512):
        rows = slice(start, min(start + 512, n))
        expected = groups.expected(rows) * groups.usual[rows, None, :]
        both = np.isfinite(expected) & np.isfinite(power[rows])
        found = np.where(both, power[rows], 0).sum(axis=2)[:, : 7 * weeks]
        foreseen = np.where(both, expected, 0).sum(axis=2)[:, : 7 * weeks]
        if d < 7:
            weekly = np.stack([found.sum(axis=1), foreseen.sum(axis=1)])[..., None]
        else:
            shape = (len(found), weeks, 7)
            weekly = np.stack([found.reshape(shape).sum(axis=2), foreseen.reshape(shape).sum(axis=2)])
        ratio = np.divide(weekly[0], weekly[1], out=np.full(weekly[0].shape, np.nan), where=weekly[1] > 0)
        logs = np.log(np.maximum(ratio, 0.05))
        known = np.isfinite(logs)
        count = np.maximum(known.sum(axis=1), 1)
        mean = np.where(known, logs, 0).sum(axis=1) / count
        unrest[rows] = np.sqrt((np.where(known, logs - mean[:, None], 0) ** 2).sum(axis=1) / count)
        unrest[rows][known.sum(axis=1) < 0.8 * weeks] = np.inf
    out = np.zeros(n, dtype=np.bool_)
    for label in range(int(groups.labels.max(initial=-1)) + 1):
        rows_ = np.flatnonzero(groups.labels == label)
        out[rows_] = unrest[rows_] <= np.median(unrest[rows_])
    return out


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


def _spread(
    power: NDArray[np.float32],
    usual: NDArray[np.float32],
    order: NDArray[np.intp],
    starts: NDArray[np.intp],
) -> NDArray[np.float32]:
    """``reduce_groups``: some days at a time, all meters of a group sorted together."""
    _, d, b = power.shape
    groups = len(starts) - 1
    out = np.zeros((groups + 1, d, b, 4), dtype=np.float32)
    level = usual[order][:, None, :]
    days = max(1, SORTED_CELLS // max(len(order) * b, 1))
    for start in range(0, d, days):
        rows = slice(start, min(start + days, d))
        with np.errstate(invalid="ignore", divide="ignore"):
            relative = power[order, rows] / level
        relative[~np.isfinite(relative)] = np.nan
        # sorted in place, each group for itself and then everybody: NaN come last
        values = np.ascontiguousarray(relative.reshape(len(order), relative.shape[1] * b).T)
        kept = out[:, rows].reshape(groups + 1, -1, 4)
        for g in range(groups):
            part = np.sort(values[:, starts[g] : starts[g + 1]], axis=1)
            _reduce(part, kept[g])
        _reduce(np.sort(values, axis=1), kept[groups])
        out[:, rows] = kept.reshape(groups + 1, -1, b, 4)
    return out


SORTED_CELLS = 1 << 22
"""Numbers sorted at a time: 16 MB."""


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _reduce(ordered: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """What ``PeerGroups.spread`` holds from rows of ascending values, NaN last."""
    for i in range(len(ordered)):
        part = ordered[i]
        count = len(part)
        while count > 0 and np.isnan(part[count - 1]):
            count -= 1
        out[i, 3] = count
        if count < 2:
            continue
        cut = (count - 1) // 4  # what the quartiles of the others (one fewer) cut off
        total = 0.0
        for k in range(cut, count - cut):
            total += part[k]
        out[i, 0] = total
        out[i, 1] = part[cut]
        out[i, 2] = part[count - 1 - cut]


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _without(
    power: NDArray[np.float32],
    usual: NDArray[np.float32],
    kept: NDArray[np.float32],
    member: bool,
    mean: NDArray[np.float64],
    others: NDArray[np.float64],
) -> None:
    """Interquartile mean of a group without one meter, and how many others there are, of all days and blocks.

    One flat loop without branches, which the compiler turns into vector code. ``power``, ``usual``, ``mean``
    and ``others`` are ``(d * 8,)``; ``kept`` is ``(4, d * 8)``, what ``PeerGroups.spread`` holds.
    """
    total, low, high, counts = kept[0], kept[1], kept[2], kept[3]
    for c in range(len(power)):
        own = power[c] / usual[c]
        mine = member & np.isfinite(own)
        count = np.float64(counts[c])
        inside = count - 2.0 * np.floor((count - 1.0) * 0.25)  # what the quartiles leave
        clipped = max(low[c], own)
        clipped = min(high[c], clipped)
        left = total[c] - clipped if mine else total[c]
        mean[c] = np.float64(left) / (inside - 1.0 if mine else inside)
        others[c] = count - 1.0 if mine else count


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _expected(
    power: NDArray[np.float32],
    usual: NDArray[np.float32],
    labels: NDArray[np.int64],
    steady: NDArray[np.bool_],
    spread: NDArray[np.float32],
) -> NDArray[np.float32]:
    m, d, b = power.shape
    last = len(spread) - 1
    cells = d * b
    out = np.empty((m, d, b), dtype=np.float32)
    kept = np.empty((last + 1, 4, cells), dtype=np.float32)
    for g in range(last + 1):
        for t in range(d):
            for k in range(b):
                for j in range(4):
                    kept[g, j, t * b + k] = spread[g, t, k, j]
    own, level = np.empty(cells, dtype=np.float32), np.empty(cells, dtype=np.float32)
    value, others = np.empty(cells), np.empty(cells)
    group, members = np.empty(cells), np.empty(cells)
    total, days = np.empty(b), np.empty(b)
    for i in range(m):
        grouped = labels[i] >= 0
        member = grouped and steady[i]
        for t in range(d):
            for k in range(b):
                own[t * b + k] = power[i, t, k]
                level[t * b + k] = usual[i, k]
        _without(own, level, kept[last], member, value, others)
        if grouped:
            _without(own, level, kept[labels[i]], member, group, members)
            for c in range(cells):
                share = members[c] / (members[c] + BLEND)
                blended = share * group[c] + (1 - share) * value[c]
                value[c] = blended if members[c] >= FEWEST_PEERS else value[c]
        for c in range(cells):
            value[c] = value[c] if (others[c] >= FEWEST_PEERS) & (value[c] > 0.0) else np.nan
        total[:] = 0.0
        days[:] = 0.0
        for t in range(d):
            for k in range(b):
                known = value[t * b + k] > 0.0
                total[k] += value[t * b + k] if known else 0.0
                days[k] += 1.0 if known else 0.0
        for k in range(b):
            total[k] = total[k] / days[k] if days[k] > 0 else 1.0
        for t in range(d):
            for k in range(b):
                out[i, t, k] = np.float32(value[t * b + k]) / total[k]
    return out
