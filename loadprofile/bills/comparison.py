"""A history beside those of its peers: what they did in the same months, and since when it left them.

Peers are rows of the same day and the same categories, in the finest grouping that has enough of them.
What peers did is taken out before a change of level is looked for: a drop that all shared is a season.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadprofile.features.monthly import best_split, logs
from loadprofile.ingest.monthly_values import MONTHS, MonthlyHistories

LEAST_PEERS = 12

SEEN_DROP = -0.25
"""Change of level (logarithm) from which a drop is spoken of: 22 %."""

SEEN_SHARE = 0.5
"""Part of the variance of a history that its split has to explain before it is called a change."""


@dataclass(frozen=True, eq=False, slots=True)
class PeerComparison:
    """Each row against its peers.

    Attributes:
        index: ``(n, 12)`` log level of the peers in each month less their own mean, medians.
        typical: ``(n,)`` median of the peers' mean log level.
        count: ``(n,)`` number of peers, the row itself left out.
        grouping: ``(n,)`` place in ``groupings``; -1 = no peers, index 0.
        groupings: the sets of categories tried, finest first.
        change: ``(n,)`` level after the best split over level before it, peers taken out (logarithm).
        at: ``(n,)`` first month after that split, 0 = oldest.
        share: ``(n,)`` part of the variance that it explains.
    """

    index: NDArray[np.float64]
    typical: NDArray[np.float64]
    count: NDArray[np.int64]
    grouping: NDArray[np.int64]
    groupings: tuple[tuple[str, ...], ...]
    change: NDArray[np.float64]
    at: NDArray[np.float64]
    share: NDArray[np.float64]

    @property
    def dropped(self) -> NDArray[np.bool_]:
        """``(n,)`` whether a drop is seen."""
        return np.asarray((self.change <= SEEN_DROP) & (self.share >= SEEN_SHARE))

    def peers_change(self) -> NDArray[np.float64]:
        """``(n,)`` what the peers did over the same split (logarithm)."""
        after = np.arange(MONTHS) >= np.nan_to_num(self.at, nan=MONTHS / 2)[:, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            late = (self.index * after).sum(axis=1) / after.sum(axis=1)
            early = (self.index * ~after).sum(axis=1) / (~after).sum(axis=1)
        return np.asarray(np.nan_to_num(late - early))


def groupings_of(names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Sets of categories to look for peers in, finest first: tariff and district where they are known."""
    best = [name for name in ("tipo_tarifa", "zona") if name in names] or sorted(names)[:2]
    return (*((tuple(best),) if len(best) > 1 else ()), *((best[0],) for _ in best[:1]), ())


def compare(histories: MonthlyHistories) -> PeerComparison:
    """Peers, and the change of level against them, of each row; the order of rows makes no difference."""
    level = logs(histories.kwh)
    n = len(histories)
    known = ~np.isnan(level)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, level, 0.0).sum(axis=1) / known.sum(axis=1)
    index, typical = np.zeros((n, MONTHS)), mean.copy()
    count, grouping = np.zeros(n, dtype=np.int64), np.full(n, -1, dtype=np.int64)
    groupings = groupings_of(tuple(histories.categories))
    month = histories.month.astype(np.str_)
    for place, names in enumerate(groupings):
        key = month
        for name in names:
            key = np.char.add(np.char.add(key, "|"), histories.categories[name])
        order = np.argsort(key, kind="stable")
        starts = np.flatnonzero(np.append(True, key[order][1:] != key[order][:-1]))
        for rows in np.split(order, starts[1:]):
            if len(rows) <= LEAST_PEERS or (grouping[rows] >= 0).all():
                continue
            free = rows[grouping[rows] < 0]
            index[free] = _medians(level[rows] - mean[rows, None])
            typical[free] = np.nanmedian(mean[rows]) if np.isfinite(mean[rows]).any() else np.nan
            count[free], grouping[free] = len(rows) - 1, place
    change, at, share = best_split(level - index)
    return PeerComparison(index, typical, count, grouping, groupings, change, at, share)


def _medians(away: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median of each month over the rows, 0 where no row has it; their mean is 0."""
    out = np.zeros(MONTHS)
    for k in range(MONTHS):
        column = away[:, k]
        column = column[np.isfinite(column)]
        out[k] = np.median(column) if len(column) else 0.0
    return np.asarray(out - out.mean())
