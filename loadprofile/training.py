"""Training: cases whose cause is known -> a Model.

Everything is fitted on the given cases only; calibration is always on homes (and for the odds also
on kinds) that the fitted part has not seen. Who evaluates keeps test homes out of the cases.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from loadprofile.cases import Cases
from loadprofile.classify.causes import CauseOdds
from loadprofile.classify.held_out import HeldOutCalibrated
from loadprofile.classify.known_columns import KnownColumns
from loadprofile.models.model import FIELD_PRIOR, Model
from loadprofile.space.correlation import CorrelationFilter
from loadprofile.space.projection import PrincipalPlanes
from loadprofile.verdicts import CAUSES, Cause, cause_codes

PAPER_GROUPS = ("g1", "g2", "g3")
"""The three feature groups of Calamaro et al. 2021 that span the high-dimensional space."""

ABSOLUTE = frozenset(
    {
        "g2.level_kw", "peers.size", "integrity.grid_step_kwh", "change.kwh_per_day_lost",
        "change.days_before", "change.days_after", "change.window_hour",
        "balance.lack_kwh_per_day", "balance.feeder_step_kwh", "balance.other_feeder", "balance.feeder_size",
    }
)  # fmt: skip
"""Columns that carry a unit or tell time: they speak of the utility and the calendar rather than of what
happened to the meter, and no classifier sees them."""

SEEN_GROUPS = ("integrity", "change", "peers", "cohort", "balance")
"""Groups of features that every classifier here sees, beside what the sub-detectors say."""

ODDS_GROUPS = ("g1", *SEEN_GROUPS, *map(str, CAUSES), "score")
"""What the odds over causes rest on: the hour-by-hour groups enter through the distance only."""


def names_in(names: tuple[str, ...], groups: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of these groups that a classifier may see."""
    return tuple(name for name in names if name.split(".", 1)[0] in groups and name not in ABSOLUTE)


def fit_model(
    cases: Cases,
    *,
    seed: int = 0,
    iterations: int = 160,
    prior: Mapping[Cause, float] = FIELD_PRIOR,
    manifest: Mapping[str, Any] | None = None,
) -> Model:
    """Fit every part of a model.

    Args:
        cases: rows with known causes; every one of the six answers must occur.
        seed: of folds and boosting.
        iterations: boosting rounds of each boosted part.
        prior: how common each answer is in the field.
        manifest: what to record beside what is recorded anyway.
    """
    names = cases.table.names
    abnormal = cases.cause != str(Cause.NORMAL)
    space_names = names_in(names, PAPER_GROUPS)
    space = make_pipeline(CorrelationFilter(), PrincipalPlanes())
    planes = space.fit(cases.table.select(space_names).values[~abnormal])
    anomaly_names = names_in(names, (*PAPER_GROUPS, *SEEN_GROUPS))
    distance = planes.transform(cases.table.select(space_names).values)[:, -1]
    boosting = HistGradientBoostingClassifier(
        max_iter=iterations, learning_rate=0.08, max_leaf_nodes=15, min_samples_leaf=20,
        max_features=0.2, early_stopping=False, random_state=seed,
    )  # fmt: skip
    anomaly = HeldOutCalibrated(make_pipeline(KnownColumns(), boosting))
    anomaly.fit(
        np.column_stack([cases.table.select(anomaly_names).values, distance]), abnormal, groups=cases.home
    )
    odds_names = names_in(names, ODDS_GROUPS)
    odds = CauseOdds(seed=seed, max_iter=iterations).fit(
        cases.table.select(odds_names).values, cases.cause, homes=cases.home, kinds=cases.kind
    )
    held_out = {
        "probabilities": odds.out_of_fold_.astype(np.float32),
        "cause": cause_codes(cases.cause).astype(np.int8),
        "lost_kwh": np.maximum(cases.lost_kwh, 0.0).astype(np.float32),
    }
    del odds.out_of_fold_  # kept once, beside the truth
    return Model(
        space=planes, space_names=space_names,
        anomaly=anomaly, anomaly_names=anomaly_names,
        odds=odds, odds_names=odds_names,
        calibrations={
            str(cause): _signal_calibration(cases, cause) for cause in CAUSES if cause != Cause.NORMAL
        },
        prior=np.array([prior[cause] for cause in CAUSES]),
        held_out=held_out,
        manifest=dict(manifest or {}) | {"seed": seed, "cases": case_counts(cases)},
    )  # fmt: skip


def _signal_calibration(cases: Cases, cause: Cause) -> HeldOutCalibrated:
    """From the strengths of one sub-detector's signatures to the probability of its cause."""
    signals = cases.table.group(str(cause))
    model = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=0.0, keep_empty_features=True),
        LogisticRegression(C=1.0, max_iter=500),
    )
    return HeldOutCalibrated(model).fit(signals.values, cases.cause == str(cause), groups=cases.home)


def case_counts(cases: Cases) -> dict[str, int]:
    """How many cases of each cause."""
    values, counts = np.unique(cases.cause, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))
