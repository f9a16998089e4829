"""Training: cases whose cause is known -> a Model.

Everything is fitted on the given cases only; calibration is always on homes (and for the odds also
on kinds) that the fitted part has not seen. Who evaluates keeps test homes out of the cases.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline

from loadprofile.cases import Cases
from loadprofile.classify.causes import CauseOdds
from loadprofile.classify.held_out import HeldOutCalibrated
from loadprofile.classify.spreads import SpreadTable
from loadprofile.models.model import FIELD_PRIOR, Model
from loadprofile.space.correlation import CorrelationFilter
from loadprofile.space.projection import PrincipalPlanes
from loadprofile.verdicts import CAUSES, Cause, cause_codes

PAPER_GROUPS = ("g1", "g2", "g3")
"""The three feature groups of Calamaro et al. 2021 that span the high-dimensional space."""

ABSOLUTE = frozenset(
    {
        "g2.level_kw", "peers.size", "integrity.grid_step_kwh", "integrity.band_kwh",
        "change.kwh_per_day_lost", "change.days_before", "change.days_after", "change.window_hour",
        "balance.lack_kwh_per_day", "balance.feeder_step_kwh", "balance.other_feeder", "balance.feeder_size",
    }
)  # fmt: skip
"""Columns that carry a unit or tell time: they speak of the utility and the calendar rather than of what
happened to the meter, and no classifier sees them."""

SEEN_GROUPS = ("integrity", "change", "peers", "cohort", "balance", "context")
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
    iterations: int = 220,
    prior: Mapping[Cause, float] = FIELD_PRIOR,
    weights: NDArray[np.float64] | None = None,
    manifest: Mapping[str, Any] | None = None,
    jobs: int = 1,
) -> Model:
    """Fit every part of a model.

    Args:
        cases: rows with known causes; every one of the six answers must occur.
        seed: of folds and boosting.
        iterations: boosting rounds of each boosted part.
        prior: how common each answer is in the field.
        weights: ``(m,)`` how much each case counts for the odds (None = all the same).
        manifest: what to record beside what is recorded anyway.
        jobs: folds fitted at the same time; the result does not depend on it.
    """
    names = cases.table.names
    abnormal = cases.cause != str(Cause.NORMAL)
    space_names = names_in(names, PAPER_GROUPS)
    space = make_pipeline(CorrelationFilter(), PrincipalPlanes())
    planes = space.fit(cases.table.select(space_names).values[~abnormal])
    distance = _held_out_distance(cases, space_names, abnormal)
    odds_names = names_in(names, ODDS_GROUPS)
    inputs = np.column_stack([cases.table.select(odds_names).values, distance])
    odds = CauseOdds(seed=seed, max_iter=iterations, jobs=jobs).fit(
        inputs, cases.cause, homes=cases.home, kinds=cases.kind, weights=weights
    )
    codes = cause_codes(cases.cause)
    of_own_cause = odds.out_of_fold_[np.arange(len(cases)), codes]
    held_out = {
        "probabilities": odds.out_of_fold_.astype(np.float32),
        "cause": codes.astype(np.int8),
        "lost_kwh": np.maximum(cases.lost_kwh, 0.0).astype(np.float32),
    }
    del odds.out_of_fold_  # kept once, beside the truth
    return Model(
        space=planes, space_names=space_names,
        odds=odds, odds_names=odds_names,
        onset_spread=SpreadTable().fit(codes, of_own_cause, cases.onset_off),
        lost_spread=SpreadTable().fit(codes, of_own_cause, cases.lost_off),
        calibrations={
            str(cause): _signal_calibration(cases, cause) for cause in CAUSES if cause != Cause.NORMAL
        },
        prior=np.array([prior[cause] for cause in CAUSES]),
        held_out=held_out,
        manifest=dict(manifest or {}) | {"seed": seed, "cases": case_counts(cases)},
    )  # fmt: skip


def _held_out_distance(
    cases: Cases, names: tuple[str, ...], abnormal: NDArray[np.bool_], folds: int = 4
) -> NDArray[np.float64]:
    """``(m,)`` distance of each case to planes fitted on ordinary cases of other homes.

    Planes lie near the very cases that they were fitted on, which is to say near those called ordinary: a
    classifier that saw such distances would read the answer off them.
    """
    values = cases.table.select(names).values
    out = np.full(len(cases), np.nan)
    homes = len(np.unique(cases.home))
    for learn, held in GroupKFold(min(folds, homes)).split(values, groups=cases.home):
        space = make_pipeline(CorrelationFilter(), PrincipalPlanes())
        out[held] = space.fit(values[learn][~abnormal[learn]]).transform(values[held])[:, -1]
    return out


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
