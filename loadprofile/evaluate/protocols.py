"""Protocols: what is measured, on which meters, against which baselines.

``injected``: the ordinary meters of one data set are split by meter; phenomena of every cause are
planted on each side; what may be fitted is fitted on the training side, and the test side is
looked at once. The published theft functions (Jokar h1-h6, FDI1-6) are planted on the test side only:
no model fitted here has met them, which is the harder of the two questions one can ask.

``causes`` is in ``causes.py``, ``cer`` in ``cer.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadprofile.cases import Cases, Source, emulated_cases
from loadprofile.classify.supervised import CLASSIFIERS, PAPER_SIX, make_classifier, score_of
from loadprofile.classify.unsupervised import DETECTORS, Unusual
from loadprofile.emulate.phenomena import PHENOMENA
from loadprofile.evaluate.estimates import Estimate, share
from loadprofile.evaluate.metrics import CauseReport, Ranking, cause_report, ranking
from loadprofile.evaluate.reliability import brier, expected_calibration_error, log_loss
from loadprofile.evaluate.splits import assert_disjoint, by_meter
from loadprofile.models.model import Model
from loadprofile.profiles import LoadProfiles
from loadprofile.route import name_causes
from loadprofile.training import fit_model
from loadprofile.verdicts import CAUSES, Cause, SubDetector, cause_codes

PROTOCOLS = ("injected", "causes", "cer")
TRAIN_SHARE = 0.6
ITERATIONS = 160
"""Boosting rounds of the model that is trained here."""

CLASSIFIERS_COMPARED = tuple(CLASSIFIERS)
DETECTORS_COMPARED = tuple(DETECTORS)
PUBLISHED = tuple(p.name for p in PHENOMENA if p.name.startswith(("jokar_", "fdi_")))
"""The theft functions of Jokar et al. 2016 and of the FDI papers (Hu 2019, Shi 2023, MFFTD 2025)."""

PACKAGED, HERE = "this program, packaged model", "this program, trained here"
DROP_RULE = "drop rule (level after / before)"


@dataclass(frozen=True, eq=False, slots=True)
class Scored:
    """One method's scores of the test rows, higher = more of it.

    Attributes:
        name: as it stands in the tables.
        family: ``paper``, ``boosting``, ``no labels``, ``baseline`` or ``this program``.
        fraud: ``(m,)`` is it theft?
        abnormal: ``(m,)`` is anything not ordinary?
        probabilities: ``(m, 6)`` where the method gives them, else None.
    """

    name: str
    family: str
    fraud: NDArray[np.float64]
    abnormal: NDArray[np.float64]
    probabilities: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Evaluation:
    """What a protocol measured.

    Attributes:
        meters: side -> number of homes.
        days, step_minutes: of the input.
        test: the test rows (truth in ``cause``, ``kind``, ``lost_kwh``).
        scored: every method's scores of them.
        fraud, abnormal: method -> ranking figures for the two questions.
        causes: method -> figures per cause, for the methods that name causes.
        calibration: method -> (log loss, Brier score of fraud, calibration error of fraud).
        published: kind -> method -> (AUC, recall at 1 % false alarms) against untouched rows.
        calls: method -> ``(m,)`` the named causes.
        honest_called_fraud: method -> share of normal rows that were called fraud.
        seed: of everything drawn.
    """

    meters: Mapping[str, int]
    days: int
    step_minutes: int
    test: Cases
    scored: tuple[Scored, ...]
    fraud: Mapping[str, Ranking]
    abnormal: Mapping[str, Ranking]
    causes: Mapping[str, CauseReport]
    calibration: Mapping[str, tuple[Estimate, Estimate, Estimate]]
    published: Mapping[str, Mapping[str, tuple[Estimate, Estimate]]]
    calls: Mapping[str, NDArray[np.str_]]
    honest_called_fraud: Mapping[str, Estimate]
    seed: int


def evaluate_injected(
    profiles: LoadProfiles,
    detectors: Sequence[SubDetector],
    packaged: Model,
    *,
    populations: int,
    seed: int,
    each: Callable[[int], None] = lambda _: None,
) -> Evaluation:
    """Run the protocol ``injected`` on one cube of ordinary meters.

    Args:
        profiles: ordinary meters.
        detectors: the sub-detectors.
        packaged: the model that stands beside those fitted here.
        populations: emulated utilities on the training side; as many with other phenomena on the test
            side, half as many with the published functions.
        seed: of split, populations and fits.
        each: called after each population (progress).
    """
    sides = by_meter(profiles.meter_ids, {"train": TRAIN_SHARE, "test": 1 - TRAIN_SHARE}, seed)
    assert_disjoint({name: profiles.meter_ids[rows] for name, rows in sides.items()})
    source = {name: Source("input", profiles.take(rows)) for name, rows in sides.items()}
    own = [p.name for p in PHENOMENA if p.name not in PUBLISHED]
    train = emulated_cases(
        [source["train"]], detectors, populations=populations, seed=seed, kinds=own, each=each
    )
    test = emulated_cases(
        [source["test"]],
        detectors,
        populations=populations,
        seed=seed + 1,
        kinds=own,
        errors=False,
        each=each,
    )
    thefts = emulated_cases(
        [source["test"]],
        detectors,
        populations=max(populations // 2, 1),
        seed=seed + 2,
        kinds=PUBLISHED,
        errors=False,
        each=each,
    )
    assert_disjoint({"train": train.home, "test": np.concatenate([test.home, thefts.home])})
    here = fit_model(train, seed=seed, iterations=ITERATIONS)
    methods = _methods(train, here, packaged, seed)
    scored = tuple(method(test) for method in methods)
    on_thefts = tuple(method(thefts) for method in methods)
    fraud, abnormal = test.cause == str(Cause.FRAUD), test.cause != str(Cause.NORMAL)
    ours = [s for s in scored if s.probabilities is not None]
    silent = np.full(len(test), np.nan)  # normal has no sub-detector
    scores = [silent, *(test.table.column(f"score.{c}").astype(np.float64) for c in CAUSES[1:])]
    own_signs = np.stack(scores, axis=1)
    judged = np.ones(len(test), dtype=np.bool_)
    calls = {s.name: name_causes(s.probabilities, own_signs, judged) for s in ours}  # type: ignore[arg-type]
    truth = cause_codes(test.cause)
    lost = np.maximum(np.nan_to_num(test.lost_kwh), 0.0)
    return Evaluation(
        meters={name: len(rows) for name, rows in sides.items()},
        days=len(profiles.days),
        step_minutes=profiles.step_minutes,
        test=test,
        scored=scored,
        fraud={s.name: ranking(s.fraud, fraud, test.home, kwh=lost, seed=seed) for s in scored},
        abnormal={s.name: ranking(s.abnormal, abnormal, test.home, seed=seed) for s in scored},
        causes={s.name: cause_report(test.cause, calls[s.name], test.home, seed=seed) for s in ours},
        calibration={
            s.name: (
                log_loss(s.probabilities, truth, test.home),  # type: ignore[arg-type]
                brier(s.fraud, fraud, test.home),
                expected_calibration_error(s.fraud, fraud, test.home),
            )
            for s in ours
        },
        published=_published(thefts, on_thefts, seed),
        calls=calls,
        honest_called_fraud={
            name: _share_called_fraud(called[~abnormal], test.home[~abnormal])
            for name, called in calls.items()
        },
        seed=seed,
    )


Method = Callable[[Cases], Scored]


def _methods(train: Cases, here: Model, packaged: Model, seed: int) -> list[Method]:
    """Everything that is compared, fitted on the training side."""
    planes = here.planes(train.table)
    fraud, abnormal = train.cause == str(Cause.FRAUD), train.cause != str(Cause.NORMAL)
    methods: list[Method] = []
    for name in CLASSIFIERS_COMPARED:
        pair = [make_classifier(name, seed) for _ in range(2)]
        fitted = [made.estimator.fit(planes, y) for made, y in zip(pair, (fraud, abnormal), strict=True)]
        family = "paper" if name in PAPER_SIX else "boosting"
        methods.append(_supervised(pair[0].name, family, fitted, here))
    methods.extend(_unsupervised(name, Unusual(name, seed).fit(planes), here) for name in DETECTORS_COMPARED)
    methods.append(lambda cases: _both("distance to the planes", "no labels", here.distance(cases.table)))
    methods.append(_drop_rule)
    shares = np.array([(train.cause == str(c)).mean() for c in CAUSES])
    methods.extend(_program(name, model, shares) for name, model in ((HERE, here), (PACKAGED, packaged)))
    return methods


def _both(name: str, family: str, score: NDArray[np.float64]) -> Scored:
    return Scored(name, family, score, score)


def _supervised(name: str, family: str, fitted: Sequence[object], here: Model) -> Method:
    def score(cases: Cases) -> Scored:
        at = here.planes(cases.table)
        fraud, abnormal = (score_of(model, at, positive=True) for model in fitted)
        return Scored(name, family, fraud, abnormal)

    return score


def _unsupervised(name: str, fitted: Unusual, here: Model) -> Method:
    return lambda cases: _both(f"{name} (no labels)", "no labels", fitted.score(here.planes(cases.table)))


def _drop_rule(cases: Cases) -> Scored:
    """The rule of the field before models: who fell most after the best split."""
    left = cases.table.column("change.raw_ratio").astype(np.float64)
    return _both(DROP_RULE, "baseline", -np.nan_to_num(left, nan=1.0))


def _program(name: str, model: Model, shares: NDArray[np.float64]) -> Method:
    def score(cases: Cases) -> Scored:
        p = model.probabilities(cases.table, shares)
        return Scored(name, "this program", p[:, CAUSES.index(Cause.FRAUD)], 1.0 - p[:, 0], p)

    return score


def _published(
    cases: Cases, scored: Sequence[Scored], seed: int
) -> dict[str, dict[str, tuple[Estimate, Estimate]]]:
    """Each published function against the untouched rows of the same utilities."""
    out: dict[str, dict[str, tuple[Estimate, Estimate]]] = {}
    honest = cases.cause == str(Cause.NORMAL)
    for kind in PUBLISHED:
        rows = honest | (cases.kind == kind)
        hit = cases.kind[rows] == kind
        if not hit.any():
            continue
        found = {
            s.name: ranking(s.fraud[rows], hit, cases.home[rows], seed=seed, resamples=200) for s in scored
        }
        out[kind] = {name: (r.auc, r.recall_at[0.01]) for name, r in found.items()}
    return out


def _share_called_fraud(calls: NDArray[np.str_], homes: NDArray[np.str_]) -> Estimate:
    return share(float((calls == str(Cause.FRAUD)).sum()), float(len(calls)), len(np.unique(homes)))
