"""Protocol ``rolling``: bills with the verdicts of real visits, time order always respected.

Three questions, each judged on visits later than anything that was learned from: how good is what ``train``
would have made (the last four months, beside the baselines), how does it hold from month to month
(rolling origins), and what does each part bring (ablations, over three stretches of four months).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from loadprofile.bills.cases import BillCases, BillLayout
from loadprofile.bills.fitting import fit_bill_model, fit_parts
from loadprofile.bills.model import score_of_parts, seen_by
from loadprofile.classify.calibration import BinaryCalibrator
from loadprofile.errors import NothingToLearnError
from loadprofile.evaluate.bill_baselines import baseline_scores, baselines_for
from loadprofile.evaluate.bill_splits import Splitter, TimeSplit, assert_time_order, time_splits
from loadprofile.evaluate.cells import Cell, Table
from loadprofile.evaluate.estimates import Meters
from loadprofile.evaluate.metrics import Ranked, ranking
from loadprofile.evaluate.reliability import expected_calibration_error
from loadprofile.features.table import FeatureTable

VISITS = 500
STRETCH = 4
STRETCHES = 3
ORIGINS = 10
RESAMPLES = 300
CALIBRATED_AFTER = 3
"""Months of forward scores before the rolling table says how well calibrated it is."""


@dataclass(frozen=True, eq=False, slots=True)
class Scored:
    """Scores of the judged rows of one split; ``trees`` and ``additive`` are the halves of ``both``."""

    split: TimeSplit
    both: NDArray[np.float64]
    trees: NDArray[np.float64]
    additive: NDArray[np.float64]


def evaluate_bills(
    cases: BillCases,
    layout: BillLayout,
    *,
    seed: int = 0,
    origins: int | None = None,
    jobs: int = 1,
    baselines: tuple[str, ...] | None = None,
    splitter: Splitter = time_splits,
    each: Callable[[int], None] = lambda _: None,
) -> tuple[Table, ...]:
    """Run the protocol.

    Args:
        cases: visits; rows without a verdict are left out.
        layout: of the bills.
        seed: of everything drawn.
        origins: months that are rolled over; None = ``ORIGINS``.
        jobs: processes.
        baselines: of ``bill_baselines.BASELINES``; None = all that can be asked.
        splitter: how rows are split; whatever it gives is checked for time order.
        each: called after each fit.

    Returns:
        Tables ``block``, ``rolling``, ``ablation``.

    Raises:
        NothingToLearnError: no visit with a verdict.
        OptionError: too few months.
        LeakError: a split that is not in time order.
    """
    known = cases.take(cases.known)
    names = baselines_for(layout) if baselines is None else baselines
    if not len(known):
        raise NothingToLearnError(len(cases), "no row says what a visit found (column target)")
    rolled = splitter(known, 1, ORIGINS if origins is None else origins)
    stretches = splitter(known, STRETCH, STRETCHES)
    for split in (*rolled, *stretches):
        assert_time_order(known.take(split.train), known.take(split.test))
    views = _views(known, layout)
    work = [delayed(_scored)(known, layout, split, seed) for split in rolled]
    work += [
        delayed(_scored)(view, shape, split, seed) for view, shape in views.values() for split in stretches
    ]
    beside = [delayed(_baseline)(known, layout, stretches[-1], name, seed) for name in names]
    found = []
    for result in Parallel(n_jobs=jobs, return_as="generator")([*work, *beside]):
        found.append(result)
        each(1)
    scored, others = found[: len(work)], found[len(work) :]
    by_view = {name: scored[len(rolled) + i * STRETCHES :][:STRETCHES] for i, name in enumerate(views)}
    block = _block(known, layout, stretches[-1], dict(zip(names, others, strict=True)), seed)
    return block, _rolling(known, scored[: len(rolled)]), _ablation(known, by_view)


def _scored(cases: BillCases, layout: BillLayout, split: TimeSplit, seed: int) -> Scored:
    train, test = cases.take(split.train), cases.take(split.test)
    encoder, trees, additive = fit_parts(train, layout, seed)
    X = encoder.transform(test)
    tree_at, additive_at = seen_by(encoder.columns_)
    boosted = np.mean([model.decision_function(X[:, tree_at]) for model in trees], axis=0)
    both = score_of_parts(X, encoder, trees, additive)
    return Scored(split, both, boosted, additive.decision_function(X[:, additive_at]))


def _baseline(
    cases: BillCases, layout: BillLayout, split: TimeSplit, name: str, seed: int
) -> NDArray[np.float64]:
    return baseline_scores(name, cases.take(split.train), cases.take(split.test), layout, seed)


def _views(cases: BillCases, layout: BillLayout) -> Mapping[str, tuple[BillCases, BillLayout]]:
    """The cases with something taken away."""
    nothing = FeatureTable(cases.ids, (), np.zeros((len(cases), 0), dtype=np.float32))
    views = {"everything": (cases, layout)}
    if cases.categories:
        views |= {
            "without categories": (replace(cases, categories={}), layout),
            "categories alone": (replace(cases, features=nothing), layout),
            "without pairs": (cases, replace(layout, crossed=())),
        }
    return views


def _block(
    cases: BillCases,
    layout: BillLayout,
    split: TimeSplit,
    others: Mapping[str, NDArray[np.float64]],
    seed: int,
) -> Table:
    """The last stretch, as ``train`` and ``screen`` would have done it."""
    test = cases.take(split.test)
    model = fit_bill_model(cases.take(split.train), layout, seed=seed)
    p = model.probability(test)
    rows = [_figures("this model", p, test, ece=True)]
    notes = ["95 % intervals by resampling customers."]
    whole = np.ones(len(test), dtype=np.bool_)
    for name, odd in (("missing month", ~_whole(test)), ("blank category", _blank(test))):
        whole &= ~odd
        if odd.any() and test.target[whole].any():
            left = f"this model, without rows with a {name}"
            rows.append(_figures(left, p[whole], test.take(whole), ece=True))
            found = f"fraud was found in {test.target[odd].mean():.1%}"
            notes.append(f"{int(odd.sum()):,} rows have a {name}: {found}.")
    rows += [_figures(name, scores, test) for name, scores in others.items()]
    return Table(
        "block", f"Visits of {split.first} to {split.last}, learned from all before", rows, " ".join(notes)
    )


def _whole(cases: BillCases) -> NDArray[np.bool_]:
    """Rows with every month, where the table has months."""
    months = [name for name in cases.features.names if name.startswith("month.")]
    return np.asarray(~np.isnan(cases.features.select(months).values).any(axis=1))


def _blank(cases: BillCases) -> NDArray[np.bool_]:
    """Rows with a category left blank."""
    blank = np.zeros(len(cases), dtype=np.bool_)
    for values in cases.categories.values():
        blank |= values == ""
    return blank


def _figures(name: str, scores: NDArray[np.float64], test: BillCases, ece: bool = False) -> dict[str, Cell]:
    top = max(round(len(test) / 30), 1)
    found = ranking(scores, test.target, test.ids, visits=(VISITS, top), resamples=RESAMPLES)
    row: dict[str, Cell] = {
        "method": name, "visits": len(test), "base rate": found.base_rate, "AUC": found.auc,
        "average precision": found.average_precision, f"precision@{VISITS}": found.precision_at[VISITS],
        "precision at 1 in 30": found.precision_at[top],
    }  # fmt: skip
    row["calibration error"] = (
        expected_calibration_error(scores, test.target, test.ids, resamples=RESAMPLES)
        if ece
        else float("nan")
    )
    return row


def _rolling(cases: BillCases, scored: list[Scored]) -> Table:
    """Month by month; the calibration of each month comes from the forward scores of the months before it."""
    rows: list[Mapping[str, Cell]] = []
    p_all: list[NDArray[np.float64]] = []
    test_all: list[NDArray[np.intp]] = []
    for k, now in enumerate(scored):
        test = cases.take(now.split.test)
        p = np.full(len(test), np.nan)
        if k >= CALIBRATED_AFTER:
            past = np.concatenate([s.both for s in scored[:k]])
            truth = np.concatenate([cases.target[s.split.test] for s in scored[:k]])
            p = np.asarray(BinaryCalibrator("platt").fit(past, truth == 1).transform(now.both))
            p_all.append(p)
            test_all.append(now.split.test)
        rows.append(_month(now.split.first, now.both, p, test))
    if p_all:
        test = cases.take(np.concatenate(test_all))
        p = np.concatenate(p_all)
        rows.append(_month(f"all from {scored[CALIBRATED_AFTER].split.first}", p, p, test))
    aucs = [row["AUC"].value for row in rows[: len(scored)]]  # type: ignore[union-attr]
    aps = [row["average precision"].value for row in rows[: len(scored)]]  # type: ignore[union-attr]
    note = (
        f"Mean over the {len(scored)} months: AUC {np.nanmean(aucs):.3f}, "
        f"average precision {np.nanmean(aps):.3f}. Each month is judged by a model of all visits before it."
    )
    return Table("rolling", "Rolling origins, month by month", rows, note)


def _month(
    name: str, scores: NDArray[np.float64], p: NDArray[np.float64], test: BillCases
) -> dict[str, Cell]:
    row = _figures(name, scores, test)
    row["month"] = row.pop("method")
    row["calibration error"] = (
        float("nan")
        if np.isnan(p).any()
        else expected_calibration_error(p, test.target, test.ids, resamples=RESAMPLES)
    )
    return {"month": row["month"]} | {key: cell for key, cell in row.items() if key != "month"}


def _ablation(cases: BillCases, by_view: Mapping[str, list[Scored]]) -> Table:
    """Means over the stretches, and the difference to everything with its interval, resampled together."""
    scores = {name: [s.both for s in scored] for name, scored in by_view.items()}
    whole = by_view["everything"]
    scores |= {
        "trees alone": [s.trees for s in whole], "additive half alone": [s.additive for s in whole],
    }  # fmt: skip
    tests = [cases.take(s.split.test) for s in whole]
    rows: list[Mapping[str, Cell]] = []
    for name, parts in scores.items():
        row: dict[str, Cell] = {"what": name}
        for figure in ("AUC", "average precision"):
            own = _mean_over(parts, tests, figure)
            row[figure] = float(own[0])
            lost = own - _mean_over(scores["everything"], tests, figure)
            low, high = np.nanquantile(lost[1:], [0.025, 0.975])
            row[f"{figure}, difference"] = (
                "" if name == "everything" else f"{lost[0]:+.4f} ({low:+.4f} to {high:+.4f})"
            )
        rows.append(row)
    first, last = whole[0].split.first, whole[-1].split.last
    return Table(
        "ablation", f"What each part brings, {first} to {last} in {len(whole)} stretches of {STRETCH} months",
        rows, "Means over the stretches; differences to everything with 95 % intervals, the same resamples.",
    )  # fmt: skip


def _mean_over(parts: list[NDArray[np.float64]], tests: list[BillCases], figure: str) -> NDArray[np.float64]:
    """``(1 + RESAMPLES,)`` mean over the stretches: of the rows as they are, then of each resample."""
    out = []
    for scores, test in zip(parts, tests, strict=True):
        rows = Ranked(scores, test.target)
        weights = (np.ones(len(test)), *Meters(test.ids, len(test), RESAMPLES).draws())
        curves = map(rows.curve, weights)
        out.append([c.auc() if figure == "AUC" else c.average_precision() for c in curves])
    return np.asarray(np.mean(out, axis=0))


def fits(cases: BillCases, layout: BillLayout) -> int:
    """How often ``each`` is called."""
    return ORIGINS + STRETCHES * len(_views(cases, layout)) + len(baselines_for(layout))
