"""Protocol ``cer``: one week of one meter, ten in a hundred tampered with, meters disjoint.

The question that the literature on the Irish CER data asks (MFFTD, IEEE TIM 2025: meters 4000 / 500 / 500;
here the same shares of what is there), with the published functions h1-h6 and FDI1-6 exactly as published.
Two variants: the week alone, as there, and the week beside the home's own earlier weeks as they were recorded
(Jokar et al. 2016 train for each customer; MFFTD has no such thing).

What could give a tampered week away without being theft is taken care of: tampered readings are rounded to
the step in which the meter's own readings count, functions that need the day before are given it, and the
past of a home is tampered with as often as its present.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from loadprofile.evaluate.cells import Cell, Table
from loadprofile.evaluate.estimates import Estimate, Meters
from loadprofile.evaluate.light import light_booster
from loadprofile.evaluate.metrics import ranking
from loadprofile.evaluate.shares import weighted_share
from loadprofile.evaluate.splits import assert_disjoint, by_meter
from loadprofile.evaluate.weeks import ATTACKS, Weeks, one_factor, seen, tampered, weeks_of
from loadprofile.features.weekly import against_own_past
from loadprofile.figures.evaluation import pr_roc
from loadprofile.figures.proving import Points, against
from loadprofile.profiles import LoadProfiles

TAMPERED = 0.1
MOST_ALARMS = 0.01
ITERATIONS = 300
MOST_TRAINING = 60_000
"""Training windows at most; each is learned as it is and tampered with."""
ENOUGH_HOMES = 2000
"""With fewer homes the sides are rotated so that every home is tested once."""
RESAMPLES = 200

ALONE, PAST = "the week alone", "with the home's own earlier weeks"

PUBLISHED: tuple[dict[str, Cell], ...] = (
    {
        "method": "MFFTD (IEEE TIM 2025), as published",
        "AUC": 0.972,
        "F1": 0.848,
        "recall": 0.862,
        "FPR": 0.019,
    },
    {"method": "CA-TNN, as published", "AUC": 0.963, "F1": 0.809},
    {"method": "Jokar 2016, per customer, as published", "recall": 0.94, "FPR": 0.11},
)


@dataclass(frozen=True, eq=False, slots=True)
class WeekScores:
    """Scores of one variant, each week scored by a model that knew nothing of its home.

    Attributes:
        recorded, copied: ``(w,)`` scores in 0..1 of the weeks as recorded, and of their tampered copies.
        best_f1, few_alarms: ``(w,)`` thresholds of the rotation, picked on its validation homes: the best F1,
            and the best F1 among those with at most ``MOST_ALARMS`` false alarms.
        tested: ``(w,)`` bool.
    """

    recorded: NDArray[np.float64]
    copied: NDArray[np.float64]
    best_f1: NDArray[np.float64]
    few_alarms: NDArray[np.float64]
    tested: NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class CerEvaluation:
    """Paragraphs, tables and pictures of the protocol."""

    about: tuple[str, ...]
    tables: tuple[Table, ...]
    figures: Mapping[str, Figure]


def evaluate_cer(
    profiles: LoadProfiles, *, seed: int, each: Callable[[int], None] = lambda _: None
) -> CerEvaluation:
    """Run the protocol ``cer``.

    Args:
        profiles: ordinary meters.
        seed: of split, tampering and fits.
        each: called after each of ``cer_pieces`` pieces (progress).

    Raises:
        NothingToJudgeError: no usable week.
        LeakError: a home on two sides.
    """
    weeks = weeks_of(profiles)
    w = len(weeks.home)
    rng = np.random.default_rng(seed)
    attacks = dict(ATTACKS) | {"h1, one factor a week": one_factor}
    which = np.where(rng.random(w) < TAMPERED, rng.integers(0, len(ATTACKS), w), -1)
    copy = rng.integers(0, len(ATTACKS), w)
    recorded = seen(tampered(weeks, which, attacks, seed))
    clean = [found.copy() for found in recorded]
    hit = np.flatnonzero(which >= 0)
    few = Weeks(weeks.kwh[hit], weeks.home[hit], weeks.step[hit])
    for whole, part in zip(clean, seen(few.kwh[:, 1:].astype(np.float64)), strict=True):
        whole[hit] = part
    copied = seen(tampered(weeks, copy, attacks, seed + 1))
    constant = seen(tampered(weeks, np.full(w, len(ATTACKS)), attacks, seed + 2))
    forms = {"recorded": recorded, "clean": (clean[0], clean[1]), "copied": copied, "constant": constant}
    each(0)
    past = np.concatenate(recorded, axis=1)
    ids = profiles.meter_ids[weeks.home]
    scores: dict[str, tuple[WeekScores, NDArray[np.float64]]] = {}
    for number, variant in enumerate((ALONE, PAST)):
        if variant == ALONE:
            columns = {form: alone for form, (alone, _) in forms.items()}
        else:
            columns = {form: _beside_past(*found, past, weeks.home) for form, found in forms.items()}
        scores[variant] = _scored(columns, which >= 0, ids, seed)
        each(number + 1)
    return _told(profiles, weeks, which, copy, scores, seed)


def _beside_past(
    alone: NDArray[np.float32],
    level: NDArray[np.float32],
    past: NDArray[np.float32],
    home: NDArray[np.int64],
) -> NDArray[np.float32]:
    """The week's own figures, and all figures against the home's earlier weeks."""
    compared = against_own_past(np.concatenate([alone, level], axis=1), past, home)
    return np.concatenate([alone, compared], axis=1)


CER_PIECES = 3
"""How often ``evaluate_cer`` reports progress."""


def rotations(ids: NDArray[np.str_], seed: int) -> Iterator[dict[str, NDArray[np.intp]]]:
    """Sides of each rotation as rows: 8 / 1 / 1 tenths of the homes once, or 7 / 1 / 2 five times."""
    tenths = list(by_meter(ids, {str(i): 0.1 for i in range(10)}, seed).values())
    many = len(np.unique(ids)) >= ENOUGH_HOMES
    size = 1 if many else 2
    for first in range(0, 1 if many else 10, size):
        test = [(first + k) % 10 for k in range(size)]
        validation = (first + size) % 10
        rest = [k for k in range(10) if k not in test and k != validation]
        yield {
            "train": np.sort(np.concatenate([tenths[k] for k in rest])),
            "validation": tenths[validation],
            "test": np.sort(np.concatenate([tenths[k] for k in test])),
        }


def _scored(
    columns: Mapping[str, NDArray[np.float32]], hit: NDArray[np.bool_], ids: NDArray[np.str_], seed: int
) -> tuple[WeekScores, NDArray[np.float64]]:
    """Fit and score one variant over all rotations; also the scores of the copies with one factor a week."""
    w = len(hit)
    recorded, copied, constant = (np.full(w, np.nan) for _ in range(3))
    best, few = np.full(w, np.nan), np.full(w, np.nan)
    for sides in rotations(ids, seed):
        assert_disjoint({name: np.unique(ids[rows]) for name, rows in sides.items()})
        train = sides["train"]
        if len(train) > MOST_TRAINING:
            train = np.sort(np.random.default_rng(seed).permutation(train)[:MOST_TRAINING])
        X = np.concatenate([columns["clean"][train], columns["copied"][train]])
        y = np.repeat([False, True], len(train))
        model = light_booster(seed, ITERATIONS, learning_rate=0.07, bins=127).fit(X, y)

        def score(rows: NDArray[np.intp], form: str, model: Pipeline = model) -> NDArray[np.float64]:
            return np.asarray(model.predict_proba(columns[form][rows])[:, 1], dtype=np.float64)

        validation, test = sides["validation"], sides["test"]
        best[test], few[test] = thresholds(score(validation, "clean"), score(validation, "copied"))
        recorded[test], copied[test] = score(test, "recorded"), score(test, "copied")
        constant[test] = score(test, "constant")
    return WeekScores(recorded, copied, best, few, ~np.isnan(recorded)), constant


def thresholds(honest: NDArray[np.float64], stolen: NDArray[np.float64]) -> tuple[float, float]:
    """(threshold of the best F1, the same among those with at most ``MOST_ALARMS`` false alarms).

    Args:
        honest: scores of untouched validation weeks.
        stolen: scores of tampered validation weeks, weighted to one in ten.
    """
    cuts = np.unique(np.concatenate([honest, stolen]))
    alarms = 1 - np.searchsorted(np.sort(honest), cuts, side="left") / len(honest)
    recall = 1 - np.searchsorted(np.sort(stolen), cuts, side="left") / len(stolen)
    found, false = TAMPERED * recall, (1 - TAMPERED) * alarms
    f1 = 2 * found / (found + false + TAMPERED)
    allowed = alarms <= MOST_ALARMS + 1e-12
    return float(cuts[f1.argmax()]), float(cuts[np.where(allowed, f1, -1.0).argmax()])


def _at(
    scores: WeekScores, cut: NDArray[np.float64], hit: NDArray[np.bool_], homes: NDArray[np.int64]
) -> dict[str, Estimate]:
    """F1, recall, false-alarm rate and precision of the recorded weeks, resampled over homes."""
    rows = scores.tested
    called, truth = (scores.recorded >= cut)[rows], hit[rows]
    groups = Meters(homes[rows], int(rows.sum()), RESAMPLES)

    def figures(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        right, calls, real = (weights * m for m in (called & truth, called, truth))
        honest = weights * ~truth
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.array(
                [
                    2 * right.sum() / (calls.sum() + real.sum()), right.sum() / real.sum(),
                    (honest * called).sum() / honest.sum(), right.sum() / calls.sum(),
                ]
            )  # fmt: skip

    n = [groups.count, groups.among(truth), groups.among(~truth), groups.among(called)]
    return dict(zip(("F1", "recall", "FPR", "precision"), groups.estimates(figures, n), strict=True))


def _told(
    profiles: LoadProfiles,
    weeks: Weeks,
    which: NDArray[np.int64],
    copy: NDArray[np.int64],
    scores: Mapping[str, tuple[WeekScores, NDArray[np.float64]]],
    seed: int,
) -> CerEvaluation:
    """Tables and pictures."""
    hit = which >= 0
    rows: list[dict[str, Cell]] = []
    each_attack: list[dict[str, Cell]] = []
    lines: dict[str, tuple[NDArray[np.float64], NDArray[np.bool_]]] = {}
    empty: dict[str, Cell] = {
        "AUC": math.nan, "average precision": math.nan, "F1": math.nan, "recall": math.nan, "FPR": math.nan,
        "precision": math.nan,
    }  # fmt: skip
    for variant, (s, constant) in scores.items():
        at = s.tested
        rank = ranking(s.recorded[at], hit[at], weeks.home[at], seed=seed, resamples=RESAMPLES)
        lines[variant] = (s.recorded[at], hit[at])
        for rule, cut in (("best F1", s.best_f1), (f"FPR <= {MOST_ALARMS:g}", s.few_alarms)):
            found = _at(s, cut, hit, weeks.home)
            name = f"this program, {variant} (threshold: {rule} on validation)"
            rows.append(
                {
                    "method": name,
                    **empty,
                    "AUC": rank.auc,
                    "average precision": rank.average_precision,
                    **found,
                }
            )
        honest = at & ~hit
        for number, attack in enumerate((*ATTACKS, "h1, one factor a week (not counted)")):
            stolen, score = (at, constant) if number == len(ATTACKS) else (at & (copy == number), s.copied)
            both = np.concatenate([s.recorded[honest], score[stolen]])
            truth = np.repeat([False, True], [honest.sum(), stolen.sum()])
            homes = np.concatenate([weeks.home[honest], weeks.home[stolen]])
            own = ranking(both, truth, homes, seed=seed, resamples=RESAMPLES)
            called = score[stolen] >= s.few_alarms[stolen]
            everyone = np.ones(len(called), dtype=np.bool_)
            recall = weighted_share(called, everyone, np.ones(len(called)), weeks.home[stolen], RESAMPLES)
            each_attack.append(
                {
                    "variant": variant, "attack": attack, "weeks": int(stolen.sum()), "AUC": own.auc,
                    f"recall at the threshold for FPR <= {MOST_ALARMS:g}": recall,
                }
            )  # fmt: skip
    rows += [{**empty, **known} for known in PUBLISHED]
    n = len(np.unique(weeks.home))
    sides = "8/1/1 tenths" if n >= ENOUGH_HOMES else "7/1/2 tenths, rotated five times"
    rows_told = (
        f"Protocol cer, seed {seed}: {len(hit):,} weeks of {n:,} meters ({profiles.step_minutes}-minute "
        f"readings), {100 * hit.mean():.1f} % of them tampered with by h1-h6 and FDI1-6; meters disjoint "
        f"(train / validation / test: {sides} of the meters). Intervals are 95 %, resampled over meters."
    )
    caution = (
        "Tampered readings are rounded to the step in which the meter counts. The published figures are on "
        "the CER data; these are only comparable where the input is."
    )
    names = [*ATTACKS, "h1*"]
    column = f"recall at the threshold for FPR <= {MOST_ALARMS:g}"
    runs: dict[str, Points] = {
        variant: [_points(r[column]) for r in each_attack if r["variant"] == variant] for variant in scores
    }
    figures = {
        "curves": pr_roc(lines),
        "attacks": against(
            list(range(len(names))), runs, "Recall by attack", "attack (h1*: one factor for the whole week)",
            f"recall at FPR <= {100 * MOST_ALARMS:g} % on validation, %", names=names,
        ),
    }  # fmt: skip
    note = (
        "Each attack on tampered copies of all test weeks against the recorded untouched ones. The last line "
        "is no part of the protocol: one factor for a whole week leaves nothing to see in that week alone."
    )
    tables = (Table("cer", "Weeks called tampered", rows), Table("attacks", "By attack", each_attack, note))
    return CerEvaluation((rows_told, caution), tables, figures)


def _points(cell: Cell) -> tuple[float, float, float]:
    return (cell.value, cell.low, cell.high) if isinstance(cell, Estimate) else (math.nan,) * 3
