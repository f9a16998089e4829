"""Learning a bill model: time goes one way, and nobody is calibrated on what they taught."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from loadprofile.bills.additive import AdditiveOdds
from loadprofile.bills.cases import BillCases, BillLayout
from loadprofile.bills.encoding import BillEncoder
from loadprofile.bills.model import BillModel, columns_of_halves, score_of_parts
from loadprofile.classify.calibration import BinaryCalibrator
from loadprofile.errors import NothingToLearnError

LEAST_FRAUDS = 30
"""Found frauds without which nothing is learned: half of them go to the calibration."""

CALIBRATED_ON = 0.25
"""Share of the visits, the latest, that the calibration is learned on."""

ROUNDS = 350
SEEDS = 2
MANY = 20_000_000
"""Cells of the training matrix from which one seed is enough: the more rows, the less two differ."""

Parts = tuple[BillEncoder, tuple[HistGradientBoostingClassifier, ...], AdditiveOdds]


def fit_bill_model(
    cases: BillCases,
    layout: BillLayout,
    *,
    seed: int = 0,
    extras: Mapping[str, Any] | None = None,
    manifest: Mapping[str, Any] | None = None,
) -> BillModel:
    """Learn from visited customers; rows without a verdict are left out.

    The calibration comes from a model of the earlier three quarters, asked about the last one (by folds of
    customers where no day tells earlier from later). Then everything is learned anew from all rows.

    Raises:
        NothingToLearnError: fewer than ``LEAST_FRAUDS`` frauds, or of visits that found none.
    """
    known = cases.take(cases.known)
    frauds = int(known.target.sum())
    if min(frauds, len(known) - frauds) < LEAST_FRAUDS:
        raise NothingToLearnError(
            len(cases), f"{frauds} frauds and {len(known) - frauds} visits without: at least {LEAST_FRAUDS} "
            "frauds and as many others are needed to learn",
        )  # fmt: skip
    earlier, later = calibration_split(known, seed)
    parts = fit_parts(known.take(earlier), layout, seed)
    held = known.take(later)
    scores = score_of_parts(parts[0].transform(held), *parts)
    calibrator = BinaryCalibrator("platt").fit(scores, held.target.astype(np.bool_))
    parts = fit_parts(known, layout, seed)
    figures = {
        "prior": float(held.target.mean()),
        "visits": len(known),
        "frauds": frauds,
        "calibrated_on": len(held),
        "created_as_of": str(known.as_of.max()),
        "seed": seed,
    }
    return BillModel(
        layout.name, *parts, calibrator, extras=dict(extras or {}), manifest={**figures, **(manifest or {})}
    )


def fit_parts(cases: BillCases, layout: BillLayout, seed: int = 0) -> Parts:
    """Encoder, trees and additive half of labelled cases."""
    encoder = BillEncoder([list(pair) for pair in layout.crossed], seed=seed)
    X, y = encoder.fit_transform(cases), cases.target.astype(np.bool_)
    tree_at, additive_at, codes = columns_of_halves(encoder.columns_)
    trees = tuple(_trees(seed + k).fit(X[:, tree_at], y) for k in range(1 if X.size > MANY else SEEDS))
    additive = AdditiveOdds(codes).fit(X[:, additive_at], y)
    return encoder, trees, additive


def _trees(seed: int) -> HistGradientBoostingClassifier:
    """Few leaves and many rounds: there are 2,000 frauds to learn from, not 2 million."""
    return HistGradientBoostingClassifier(
        learning_rate=0.04, max_iter=ROUNDS, max_leaf_nodes=6, min_samples_leaf=40, l2_regularization=5.0,
        max_features=0.3, early_stopping=False, random_state=seed,
    )  # fmt: skip


def calibration_split(cases: BillCases, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows to learn from and later rows to calibrate on; no customer is in both.

    The border is a day. Where the latest days would leave fewer than half of ``LEAST_FRAUDS`` on a side, or
    all rows are of one day, customers are drawn.
    """
    days = np.sort(cases.as_of)
    border = days[int((1.0 - CALIBRATED_ON) * (len(days) - 1))]
    later = cases.as_of > border
    names, at = np.unique(cases.ids, return_inverse=True)
    if min(cases.target[later].sum(), cases.target[~later].sum()) < LEAST_FRAUDS // 2 or later.all():
        drawn = np.random.default_rng(seed).random(len(names)) < CALIBRATED_ON
        later = drawn[at]
    seen_later = np.zeros(len(names), dtype=np.bool_)
    seen_later[at[later]] = True
    return np.flatnonzero(~later & ~seen_later[at]), np.flatnonzero(later)
