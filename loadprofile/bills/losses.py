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
from loadprofile.classify.spreads import SpreadTable
from loadprofile.errors import NothingToJudgeError
from loadprofile.features.monthly import best_split, logs
from loadprofile.ingest.monthly_values import MONTHS, MonthlyHistories
from loadprofile.verdicts import CAUSES, Cause

ALPHA = (0.2, 0.8)
BYPASSED = 1 / 7
WHOLE_YEAR = 0.5
"""Share of the planted thefts that last for all twelve months: most thefts began before the history does."""

MOST_PLANTED = 6000
DROP, PEERS = CAUSES.index(Cause.FRAUD), CAUSES.index(Cause.NORMAL)
"""Groups of the spreads: estimates from a drop, and from peers."""


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
        NothingToJudgeError: none is left to put it into.
    """
    compared = compare(histories)
    whole = np.isfinite(histories.kwh).all(axis=1) & (histories.kwh.clip(0).sum(axis=1) > 0)
    rows = np.flatnonzero(whole & (histories.target != 1))
    if not len(rows):
        raise NothingToJudgeError(len(histories), "no ordinary history with all its months")
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
    """The parts that ``losses`` needs: ``onset_spread``, ``lost_spread`` and the ``peer_line``.

    Half of the planted thefts give the line, the other half the widths.
    """
    rng = np.random.default_rng(seed)
    planted = plant(histories, rng)
    half = rng.random(len(planted.onset)) < 0.5
    used = np.log1p((planted.lost + planted.histories.kwh.sum(axis=1))[half])
    line, *_ = np.linalg.lstsq(_inputs(planted.histories, planted.compared)[half], used, rcond=None)
    parts = {"peer_line": line}
    foreseen, actual, dropped = _foreseen(planted.histories, planted.compared, parts)
    # the truth of an estimate from a drop is what was used since the drop that was *seen*
    with np.errstate(invalid="ignore", divide="ignore"):
        off = np.log((planted.lost + actual) / foreseen)
    off[~np.isfinite(off)] = np.nan
    group, sure = np.where(dropped, DROP, PEERS), np.nan_to_num(planted.compared.share)
    late = np.where(dropped & (planted.onset > 0), planted.compared.at - planted.onset, np.nan)
    test = ~half
    if not np.isfinite(off[test]).any() or not np.isfinite(late[test]).any():
        raise NothingToJudgeError(len(histories), "too few ordinary histories to learn errors from")
    return {
        **parts,
        "onset_spread": SpreadTable(bins=3).fit(group[test], sure[test], late[test]),
        "lost_spread": SpreadTable(bins=3).fit(group[test], sure[test], off[test]),
    }


def losses(histories: MonthlyHistories, compared: PeerComparison, parts: Mapping[str, Any]) -> BillLosses:
    """Onset and energy of each row, if it is fraud.

    Args:
        histories: the rows.
        compared: against their peers.
        parts: from ``fit_losses``.
    """
    foreseen, actual, dropped = _foreseen(histories, compared, parts)
    group, sure = np.where(dropped, DROP, PEERS), np.nan_to_num(compared.share)
    width = parts["lost_spread"].predict(group, sure)
    reach = np.ceil(parts["onset_spread"].predict(group, sure)).astype(np.int64)
    at = np.where(dropped, np.nan_to_num(compared.at), 0).astype(np.int64)
    first = histories.month - MONTHS
    nat = np.datetime64("NaT", "m")

    def moment(month: NDArray[np.int64]) -> NDArray[np.datetime64]:
        inside = np.clip(month, 0, MONTHS)
        return np.where(dropped, (first + inside).astype("datetime64[M]").astype("datetime64[m]"), nat)

    kwh, low, high = (
        np.maximum(foreseen * np.exp(by) - actual, 0.0) for by in (np.zeros(len(width)), -width, width)
    )
    return BillLosses(moment(at), moment(at - reach), moment(at + reach), kwh, low, high)


def _foreseen(
    histories: MonthlyHistories, compared: PeerComparison, parts: Mapping[str, Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Use without theft and what was billed in the same months (kWh), and whether a drop tells it.

    From a drop: the level before it, with the peers' season, over the months since. From peers: all months.
    """
    level = logs(histories.kwh)
    known = ~np.isnan(level)
    dropped = compared.dropped
    since = np.arange(MONTHS) >= np.where(dropped, np.nan_to_num(compared.at), 0)[:, None]
    before = known & ~since
    away = np.where(before, level - compared.index, 0.0).sum(axis=1) / np.maximum(before.sum(axis=1), 1)
    by_drop = (np.expm1(away[:, None] + compared.index) * (since & known)).sum(axis=1)
    by_peers = np.expm1(_inputs(histories, compared) @ parts["peer_line"])
    actual = np.where(since & known, histories.kwh.clip(0), 0.0).sum(axis=1)
    foreseen = np.where(dropped, by_drop, by_peers)
    empty = ~known.any(axis=1)
    return np.where(empty, np.nan, np.maximum(foreseen, 0.0)), actual, dropped


def _inputs(histories: MonthlyHistories, compared: PeerComparison) -> NDArray[np.float64]:
    """``(n, 3)`` one, logarithm of what was billed in a year, and of what a typical peer was billed."""
    known = np.isfinite(histories.kwh)
    mean = np.where(known, histories.kwh.clip(0), 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    typical = np.nan_to_num(compared.typical) + np.log(MONTHS)
    return np.column_stack([np.ones(len(mean)), np.log1p(mean * MONTHS), typical])
