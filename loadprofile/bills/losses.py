"""Energy used and not billed, with an 80 % interval: from the drop of a history, else from its peers.

How far off such an estimate is, is learned from drops planted in real histories that nobody suspects: the
factor is that of FDI1 (Hu et al. 2019), alpha ~ U(0.2, 0.8), of a part of a year or of all of it, and one in
seven is a full bypass. The truth is then known, and widths hold it in 80 % of the cases (split conformal).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadprofile.bills.comparison import PeerComparison, compare
from loadprofile.bills.energy import DROP, Foreseen, energy_lost, fit_energy
from loadprofile.classify.spreads import SpreadTable
from loadprofile.errors import NothingToLearnError
from loadprofile.features.monthly import best_split, logs
from loadprofile.ingest.monthly_values import MONTHS, MonthlyHistories

ALPHA = (0.2, 0.8)
BYPASSED = 1 / 7
WHOLE_YEAR = 0.5
"""Share of the planted thefts that last for all twelve months: most thefts began before the history does."""

MOST_PLANTED = 6000


@dataclass(frozen=True, eq=False, slots=True)
class BillLosses:
    """What is lost by each row if it is fraud.

    Attributes:
        onset, onset_low, onset_high: ``(n,)`` datetime64[m]; NaT where no drop is seen.
        kwh, low, high: ``(n,)`` float64, of the months of the history; NaN where nothing can be told.
    """

    onset: NDArray[np.datetime64]
    onset_low: NDArray[np.datetime64]
    onset_high: NDArray[np.datetime64]
    kwh: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Planted:
    """Histories with theft put into them, and the truth.

    Attributes:
        histories: as billed; the rest of the population is not in them.
        compared: as ``compare`` gives it, with the peers of the untouched population.
        onset: ``(m,)`` first month with theft, 0 = oldest.
        lost: ``(m,)`` kWh used and not billed.
    """

    histories: MonthlyHistories
    compared: PeerComparison
    onset: NDArray[np.int64]
    lost: NDArray[np.float64]


def plant(histories: MonthlyHistories, rng: np.random.Generator) -> Planted:
    """Put theft into some histories in which no fraud was found and no month is missing.

    Raises:
        NothingToLearnError: none is left to put it into.
    """
    compared = compare(histories)
    whole = np.isfinite(histories.kwh).all(axis=1) & (histories.kwh.clip(0).sum(axis=1) > 0)
    rows = np.flatnonzero(whole & (histories.target != 1))
    if not len(rows):
        raise NothingToLearnError(len(histories), "no ordinary history with all its months")
    rows = np.sort(rng.permutation(rows)[:MOST_PLANTED])
    m = len(rows)
    onset = np.where(rng.random(m) < WHOLE_YEAR, 0, rng.integers(1, MONTHS - 1, m))
    kept = np.where(rng.random(m) < BYPASSED, 0.0, rng.uniform(*ALPHA, m))
    true = histories.kwh[rows].clip(0)
    stolen = np.arange(MONTHS) >= onset[:, None]
    billed = np.where(stolen, np.rint(true * kept[:, None]), true)
    touched = replace(histories.take(rows), kwh=billed)
    index = compared.index[rows]
    change, at, share = best_split(logs(billed) - index)
    own = PeerComparison(
        index, compared.typical[rows], compared.count[rows], compared.grouping[rows], compared.groupings,
        change, at, share,
    )  # fmt: skip
    return Planted(touched, own, onset, (true - billed).sum(axis=1))


def fit_losses(histories: MonthlyHistories, seed: int = 0) -> dict[str, Any]:
    """The parts that ``losses`` needs, learned from planted thefts: ``onset_spread`` and those of energy.

    Raises:
        NothingToLearnError: too few ordinary histories.
    """
    planted = plant(histories, np.random.default_rng(seed))
    seen = foreseen(planted.histories, planted.compared)
    # the truth of an estimate from a drop is what was used since the drop that was *seen*
    used = planted.lost + seen.billed
    parts = fit_energy(seen, planted.lost + seen.since, used)
    late = np.where(seen.dropped & (planted.onset > 0), planted.compared.at - planted.onset, np.nan)
    if not np.isfinite(late).any():
        raise NothingToLearnError(len(histories), "too few ordinary histories to learn errors from")
    group = np.full(len(late), DROP)
    return {**parts, "onset_spread": SpreadTable(bins=3).fit(group, seen.sure, late)}


def losses(histories: MonthlyHistories, compared: PeerComparison, parts: Mapping[str, Any]) -> BillLosses:
    """Onset and energy of each row, if it is fraud.

    Args:
        histories: the rows.
        compared: against their peers.
        parts: from ``fit_losses``.
    """
    seen = foreseen(histories, compared)
    group = np.full(len(histories), DROP)
    reach = np.ceil(parts["onset_spread"].predict(group, seen.sure)).astype(np.int64)
    at = np.where(seen.dropped, np.nan_to_num(compared.at), 0).astype(np.int64)
    first = histories.month - MONTHS
    nat = np.datetime64("NaT", "m")

    def moment(month: NDArray[np.int64]) -> NDArray[np.datetime64]:
        inside = np.clip(month, 0, MONTHS)
        return np.where(seen.dropped, (first + inside).astype("datetime64[M]").astype("datetime64[m]"), nat)

    return BillLosses(moment(at), moment(at - reach), moment(at + reach), *energy_lost(seen, parts))


def foreseen(histories: MonthlyHistories, compared: PeerComparison) -> Foreseen:
    """What should have been billed: the level before a drop, with the peers' season, or the peers' level."""
    level = logs(histories.kwh)
    known = ~np.isnan(level)
    amount = np.where(known, histories.kwh.clip(0), 0.0)
    dropped = compared.dropped
    since = np.arange(MONTHS) >= np.where(dropped, np.nan_to_num(compared.at), 0)[:, None]
    before = known & ~since
    away = np.where(before, level - compared.index, 0.0).sum(axis=1) / np.maximum(before.sum(axis=1), 1)
    by_drop = (np.expm1(away[:, None] + compared.index) * (since & known)).sum(axis=1)
    months = known.sum(axis=1)
    typical = np.expm1(np.nan_to_num(compared.typical)) * months
    return Foreseen(
        dropped=dropped,
        sure=np.nan_to_num(compared.share),
        by_drop=np.maximum(by_drop, 0.0),
        since=np.where(since, amount, 0.0).sum(axis=1),
        billed=np.where(months > 0, amount.sum(axis=1), np.nan),
        typical=np.maximum(typical, 0.0),
        highest=amount.max(axis=1) * months,
    )
