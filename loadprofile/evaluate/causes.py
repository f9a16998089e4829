"""Protocol ``causes``: are the causes told apart, on meters, kinds and data sets never seen?

The meters of every data set are split; phenomena of every cause are planted on each side; everything is
fitted on the training side. The cases are made once and every part of the protocol uses the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from loadprofile.cases import Cases, Source, emulated_cases, joined
from loadprofile.errors import OptionError
from loadprofile.evaluate import ablation, left_out
from loadprofile.evaluate.cells import Cell, Table
from loadprofile.evaluate.estimates import Estimate
from loadprofile.evaluate.judged import Judged, gathered, judged_cases
from loadprofile.evaluate.metrics import CauseReport
from loadprofile.evaluate.prevalence import PREVALENCES, curves, prevalence_sweep
from loadprofile.evaluate.protocols import HERE, PACKAGED, TRAIN_SHARE
from loadprofile.evaluate.reliability import reliability_curve
from loadprofile.evaluate.splits import assert_disjoint, by_meter
from loadprofile.evaluate.verdict_tables import (
    by_cause,
    by_kind,
    by_slice,
    cause_reports,
    confusions,
    dates,
    energies,
    explained,
    explained_by_kind,
    honest,
    overall,
)
from loadprofile.figures.evaluation import confusion, model_bars
from loadprofile.figures.proving import Points, against, cause_reliability
from loadprofile.models.model import Model
from loadprofile.training import fit_model
from loadprofile.verdicts import CAUSES, UNDECIDED, SubDetector

PARTS = ("verdicts", "kinds", "data-sets", "prevalence", "features", "classifiers", "learning")
"""What may be asked for; all by default."""

ITERATIONS = 160
"""Boosting rounds of the model that is trained here."""

Stage = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""(name, number of pieces) -> context that yields what to call after each piece."""

TAGS = {HERE: "here", PACKAGED: "packaged"}


@contextmanager
def silent(name: str, pieces: int) -> Iterator[Callable[[int], None]]:  # noqa: ARG001
    """No progress."""
    yield lambda _: None


@dataclass(frozen=True, eq=False, slots=True)
class CausesEvaluation:
    """What the protocol measured: paragraphs, tables, pictures, and the judged rows behind them."""

    about: tuple[str, ...]
    tables: tuple[Table, ...]
    figures: Mapping[str, Figure]
    train: Cases
    judged: Judged


def evaluate_causes(
    sources: Sequence[Source],
    detectors: Sequence[SubDetector],
    packaged: Model,
    *,
    populations: int,
    seed: int,
    parts: Sequence[str] = PARTS,
    stage: Stage = silent,
) -> CausesEvaluation:
    """Run the protocol ``causes``.

    Args:
        sources: ordinary meters; sources of one name are one data set (several interval lengths).
        detectors: the sub-detectors.
        packaged: the model that stands beside the one trained here.
        populations: emulated utilities on each side, shared evenly over the sources (at least one each).
        seed: of split, populations and fits.
        parts: some of ``PARTS``.
        stage: progress.

    Raises:
        OptionError: an unknown part.
        LeakError: homes on both sides.
        ShapeError: too few populations: some cause never occurred on the training side.
    """
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        raise OptionError("parts", ",".join(unknown), f"some of {','.join(PARTS)}")
    each_gets = max(populations // len(sources), 1)
    sides = [_split(source, seed) for source in sources]
    learned: list[Cases] = []
    with stage("training utilities", each_gets * len(sources)) as each:
        for at, (own, _) in enumerate(sides):
            drawn = seed + 1000 * at
            learned.append(emulated_cases([own], detectors, populations=each_gets, seed=drawn, each=each))
    train = joined(learned)
    prior = np.array([max(float((train.cause == str(c)).mean()), 1e-4) for c in CAUSES])
    prior = prior / prior.sum()
    with stage(f"fitting {len(train):,} cases", 1) as each:
        here = fit_model(train, seed=seed, iterations=ITERATIONS)
        each(0)
    tested: list[Judged] = []
    with stage("test utilities", each_gets * len(sources)) as each:
        for at, (_, other) in enumerate(sides):
            drawn = seed + 1000 * at + 500
            tested.append(
                judged_cases(
                    other, detectors, {HERE: here, PACKAGED: packaged}, prior,
                    populations=each_gets, seed=drawn, each=each,
                )
            )  # fmt: skip
    judged = gathered(tested)
    assert_disjoint({"train": train.home, "test": judged.cases.home})
    tables, figures = _measured(train, judged, here, packaged.prior, parts, seed, stage)
    about = _about(sources, sides, train, judged, seed)
    return CausesEvaluation(about, tuple(tables), figures, train, judged)


def _split(source: Source, seed: int) -> tuple[Source, Source]:
    """The training and the test side of a source; no meter on both."""
    ids = source.profiles.meter_ids
    sides = by_meter(ids, {"train": TRAIN_SHARE, "test": 1 - TRAIN_SHARE}, seed)
    assert_disjoint({name: ids[rows] for name, rows in sides.items()})
    own, other = (
        Source(source.name, source.profiles.take(sides[name]), source.weight, source.attribution)
        for name in ("train", "test")
    )
    return own, other


def _measured(
    train: Cases,
    judged: Judged,
    here: Model,
    field: NDArray[np.float64],
    parts: Sequence[str],
    seed: int,
    stage: Stage,
) -> tuple[list[Table], dict[str, Figure]]:
    """Every table and picture that was asked for."""
    test = judged.cases
    tables: list[Table] = []
    figures: dict[str, Figure] = {}
    if "verdicts" in parts:
        with stage("verdicts", 1) as each:
            reports = cause_reports(judged, seed)
            sliced = by_slice(judged, seed)
            tables += [
                overall(judged, seed), by_cause(judged, reports, seed), confusions(reports),
                honest(judged, field), sliced, by_kind(judged), dates(judged), energies(judged),
                explained(judged), explained_by_kind(judged),
            ]  # fmt: skip
            figures |= _verdict_figures(judged, reports, sliced)
            each(0)
    if {"kinds", "data-sets"} & set(parts):
        data_sets = len(set(test.source.tolist())) if "data-sets" in parts else 0
        folds = left_out.KIND_FOLDS if "kinds" in parts else 0
        with stage("left out", 1 + data_sets + folds) as each:
            known = left_out.light_odds(train, seed)
            each(0)
            if folds:
                tables += left_out.kinds_left_out(train, test, known, seed, each)
            if data_sets:
                tables.append(left_out.data_sets_left_out(train, test, known, seed, each))
    if "prevalence" in parts:
        swept = prevalence_sweep(judged, field)
        tables.append(swept)
        figures |= _prevalence_figures(swept)
    if "features" in parts:
        with stage("feature groups", len(ablation.feature_sets(train.table.names))) as each:
            tables.append(ablation.by_feature_group(train, test, seed, each))
        figures["features"] = _bars(tables[-1], ("columns",))
    if "classifiers" in parts:
        with stage("classifiers", ablation.classifier_fits()) as each:
            tables.append(ablation.by_classifier(train, test, here, seed, each))
        figures["classifiers"] = _bars(tables[-1], ("method", "columns"))
    if "learning" in parts:
        with stage("learning curve", ablation.learning_sizes(len(train))) as each:
            tables.append(ablation.learning_curve(train, test, seed, each))
        figures["learning"] = _learning_figure(tables[-1])
    return tables, figures


def _about(
    sources: Sequence[Source],
    sides: Sequence[tuple[Source, Source]],
    train: Cases,
    judged: Judged,
    seed: int,
) -> tuple[str, ...]:
    """What the tables rest on."""
    test = judged.cases
    sets = "; ".join(
        f"{source.name}: {len(own.profiles)} meters to fit on, {len(other.profiles)} others to test on "
        f"({source.profiles.step_minutes} min, {len(source.profiles.days)} days)"
        for source, (own, other) in zip(sources, sides, strict=True)
    )
    mix = ", ".join(f"{c} {100 * (test.cause == str(c)).mean():.1f} %" for c in CAUSES)
    rows = (
        f"{len(train):,} training rows and {len(test):,} test rows (a row is one meter of one emulated "
        f"utility) of {len(np.unique(test.home))} homes never trained on by '{HERE}'. Test mix: {mix}. "
        "Intervals are 95 %, over homes."
    )
    return (f"Protocol causes, seed {seed}. {sets}.", rows)


def _verdict_figures(judged: Judged, reports: Mapping[str, CauseReport], sliced: Table) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    truth = judged.cases.cause
    for name, said in judged.said.items():
        tag = TAGS.get(name, name)
        figures[f"confusion_{tag}"] = confusion(
            reports[name].confusion, [*map(str, CAUSES)], [*map(str, CAUSES), UNDECIDED]
        )
        found = {
            str(c): reliability_curve(said.probabilities[:, at], truth == str(c))
            for at, c in enumerate(CAUSES)
        }
        figures[f"calibration_{tag}"] = cause_reliability(
            {c: (r.said, r.happened, r.low, r.high) for c, r in found.items()}
        )
    for what, words in (
        ("strength", "strength: energy moved / energy used on the days touched"),
        ("clarity", "clarity: strength against the meter's own day-to-day spread"),
    ):
        rows = [r for r in sliced.rows if r["by"] == what]
        names = list(dict.fromkeys(str(r["value"]) for r in rows))
        runs = {
            program: [_point(r["recall of planted"]) for r in rows if r["program"] == program]
            for program in judged.said
        }
        figures[f"recall_by_{what}"] = against(
            list(range(len(names))), runs, f"Recall by {what}", words, "planted causes named rightly, %",
            names=names,
        )  # fmt: skip
    return figures


def _prevalence_figures(swept: Table) -> dict[str, Figure]:
    percent = [100 * p for p in PREVALENCES]
    runs: dict[str, Points] = {}
    for column in ("precision", "recall"):
        for program, cells in curves(swept, column).items():
            runs[f"{column}, {program}"] = [_point(cell) for cell in cells]
    title = "Fraud calls where theft is rare, or common"
    return {
        "prevalence": against(
            percent, runs, title, "meters with fraud, % (told to the program)", "share, %", logarithmic=True
        )
    }


def _learning_figure(table: Table) -> Figure:
    sizes = sorted({int(row["labelled meters"]) for row in table.rows})  # type: ignore[arg-type]
    runs: dict[str, Points] = {}
    for row in table.rows:
        points = runs.setdefault(str(row["classifier"]).replace("_", " "), [])
        value = float(row["macro-F1"])  # type: ignore[arg-type]
        points.append((value, value, value))  # type: ignore[attr-defined]
    return against(
        sizes, runs, "Learning curve", "labelled meters", "macro-F1 of six answers, %", logarithmic=True
    )


def _bars(table: Table, names: Sequence[str]) -> Figure:
    cells = [row["AUC not ordinary"] for row in table.rows]
    points = np.array([_point(cell) for cell in cells])
    labels = [", ".join(str(row[n]).replace("_", " ") for n in names) for row in table.rows]
    measure = "AUC of 'not ordinary' (0.5 = chance), 95 % interval over homes"
    return model_bars(labels, points[:, 0], points[:, 1], points[:, 2], measure, 0.5)


def _point(cell: Cell) -> tuple[float, float, float]:
    if isinstance(cell, Estimate):
        return cell.value, cell.low, cell.high
    return (float(cell),) * 3
