"""What earns its place: feature groups, classifiers, and how many labelled meters it takes.

Light fits on at most ``ROWS`` training rows, all tested on the same rows of other homes. Scores here are
not calibrated; they are compared with each other and not with the main tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline, make_pipeline

from loadprofile.cases import Cases
from loadprofile.classify.known_columns import KnownColumns
from loadprofile.classify.supervised import CLASSIFIERS, PAPER_SIX, class_scores, make_classifier
from loadprofile.classify.unsupervised import DETECTORS, Unusual
from loadprofile.evaluate.cells import Cell, Table
from loadprofile.evaluate.light import light_booster
from loadprofile.evaluate.metrics import cause_report, ranking
from loadprofile.evaluate.shares import RESAMPLES
from loadprofile.evaluate.splits import assert_disjoint
from loadprofile.evaluate.verdict_tables import FRAUD, NORMAL
from loadprofile.models.model import Model
from loadprofile.training import ABSOLUTE, ODDS_GROUPS, PAPER_GROUPS, names_in
from loadprofile.verdicts import CAUSES, cause_codes

ROWS = 6000
"""Training rows of these comparisons at most."""
ITERATIONS = 40
"""Boosting rounds of the feature ablation."""
BOOSTING = "boosting"
CLASSIFIERS_COMPARED = tuple(CLASSIFIERS)
DETECTORS_COMPARED = tuple(DETECTORS)
MATURING = ("logistic_regression", "decision_tree", "random_forest", BOOSTING)
SIZES = (20, 50, 100, 200, 500, 1000, 2000)
REPEATS = 3
"""Draws of labelled meters that are averaged, up to 200 of them."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "the paper's three": PAPER_GROUPS,
    "integrity": ("integrity",),
    "change": ("change",),
    "peers and cohort": ("peers", "cohort"),
    "signals and scores": (*map(str, CAUSES), "score"),
}
"""The groups in the order in which they are added; prefixes that are none of these come with the last."""


def feature_sets(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Name -> columns: the groups added one after another, everything without each, the program's own."""
    known = {prefix for prefixes in GROUPS.values() for prefix in prefixes}
    rest = tuple({name.split(".", 1)[0] for name in names} - known)
    groups = {name: names_in(tuple(names), prefixes) for name, prefixes in GROUPS.items()}
    last = list(groups)[-1]
    groups[last] += names_in(tuple(names), rest)
    sets: dict[str, tuple[str, ...]] = {}
    so_far: tuple[str, ...] = ()
    for at, (name, columns) in enumerate(groups.items()):
        so_far += columns
        label = f"{name} alone" if at == 0 else f"+ {name}"
        sets[f"{label} (everything)" if name == last else label] = so_far
    for name, columns in groups.items():
        if name != last:  # without the last is the step before it
            sets[f"everything without {name}"] = tuple(c for c in so_far if c not in set(columns))
    sets["what the program's odds see"] = names_in(tuple(names), ODDS_GROUPS)
    assert not ABSOLUTE & set(so_far)
    return sets


def sampled(train: Cases, rows: int, seed: int) -> Cases:
    """At most so many rows, drawn by lot."""
    if len(train) <= rows:
        return train
    return train.take(np.sort(np.random.default_rng(seed).permutation(len(train))[:rows]))


def by_feature_group(train: Cases, test: Cases, seed: int, each: Callable[[int], None]) -> Table:
    """The same light booster on different columns.

    Raises:
        LeakError: a home stands on both sides.
    """
    assert_disjoint({"train": train.home, "test": test.home})
    few = sampled(train, ROWS, seed)
    rows: list[dict[str, Cell]] = []
    for number, (name, columns) in enumerate(feature_sets(train.table.names).items()):
        model = light_booster(seed, ITERATIONS).fit(few.table.select(columns).values, cause_codes(few.cause))
        scores = _six(model, test.table.select(columns).values)
        rows.append({"columns": name, "number": len(columns), **_figures(scores, test, seed)})
        each(number)
    note = (
        f"Boosting, {ITERATIONS} rounds, {len(few):,} training rows; the likeliest cause is named, no gate."
    )
    return Table("features", "Ablation by feature group", rows, note)


def by_classifier(train: Cases, test: Cases, here: Model, seed: int, each: Callable[[int], None]) -> Table:
    """The paper's six, boosting and detectors without labels, on the paper's columns and on ours.

    Args:
        train: rows to fit on.
        test: rows of other homes.
        here: gives the principal planes of the paper's columns, fitted on the training side.
        seed: of every fit.
        each: called after each fit (progress).

    Raises:
        LeakError: a home stands on both sides.
    """
    assert_disjoint({"train": train.home, "test": test.home})
    few = sampled(train, ROWS, seed)
    ours = names_in(train.table.names, ODDS_GROUPS)
    inputs: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {
        "paper's recipe": (here.planes(few.table), here.planes(test.table)),
        "program's columns": (_values(few, ours), _values(test, ours)),
    }
    truth = cause_codes(few.cause)
    rows: list[dict[str, Cell]] = []
    number = 0
    for name in CLASSIFIERS_COMPARED:
        for what, (fit_on, see) in inputs.items():
            made = make_classifier(name, seed)
            family = "paper" if name in PAPER_SIX else "boosting"
            scores = _six(make_pipeline(KnownColumns(), made.estimator).fit(fit_on, truth), see)
            rows.append({"method": name, "family": family, "columns": what, **_figures(scores, test, seed)})
            each(number := number + 1)
    fit_on, see = inputs["paper's recipe"]
    for name in DETECTORS_COMPARED:
        score = Unusual(name, seed).fit(fit_on).score(see)
        found = _ranks(score, score, test, seed)
        empty: dict[str, Cell] = {"macro-F1": float("nan"), "recall of causes": float("nan")}
        rows.append(
            {
                "method": f"{name} (no labels)",
                "family": "no labels",
                "columns": "paper's recipe",
                **found,
                **empty,
            }
        )
        each(number := number + 1)
    note = (
        "Paper's recipe: three groups, correlation filter, principal planes and the distance to them. "
        "Detectors without labels only rank. The likeliest cause is named, no gate."
    )
    return Table("classifiers", "Ablation by classifier", rows, note)


def classifier_fits() -> int:
    """How many fits ``by_classifier`` makes."""
    return 2 * len(CLASSIFIERS_COMPARED) + len(DETECTORS_COMPARED)


def learning_curve(train: Cases, test: Cases, seed: int, each: Callable[[int], None]) -> Table:
    """Figures against the number of labelled meters (the paper's maturity).

    A labelled meter is one meter of one emulated utility, drawn by lot from the training side.

    Raises:
        LeakError: a home stands on both sides.
    """
    assert_disjoint({"train": train.home, "test": test.home})
    names = names_in(train.table.names, ODDS_GROUPS)
    values, see, truth = _values(train, names), _values(test, names), cause_codes(train.cause)
    rows: list[dict[str, Cell]] = []
    for number, size in enumerate(_sizes(len(train))):
        for name in MATURING:
            found = []
            for repeat in range(REPEATS if size <= 200 else 1):
                rng = np.random.default_rng([seed, size, repeat])
                drawn = rng.permutation(len(train))[:size]
                if len(set(truth[drawn].tolist())) < 2:
                    continue
                model = _maturing(name, seed)
                model.fit(values[drawn], truth[drawn])
                found.append(_figures(_six(model, see), test, seed, resamples=1))
            means = {
                key: float(np.mean([f[key].value for f in found])) if found else float("nan")  # type: ignore[union-attr]
                for key in ("AUC not ordinary", "AUC fraud", "macro-F1")
            }
            rows.append({"labelled meters": size, "classifier": name, **means})
        each(number)
    note = (
        f"Mean of {REPEATS} draws up to 200 meters, one draw beyond. Labels here hold about half anomalies, "
        "in six classes; the paper's two-class maturity figures are 20 for logistic regression and 200 for "
        "random forest."
    )
    return Table("learning", "Learning curve by number of labelled meters", rows, note)


def _maturing(name: str, seed: int) -> Pipeline:
    """A classifier of the learning curve: boosting here without class weights, which slow it down."""
    if name == BOOSTING:
        return light_booster(seed, ITERATIONS)
    return make_pipeline(KnownColumns(), make_classifier(name, seed).estimator)


def learning_sizes(train: int) -> int:
    """How many sizes ``learning_curve`` tries on so many training rows."""
    return len(list(_sizes(train)))


def _sizes(rows: int) -> Iterator[int]:
    most = min(rows, ROWS)
    yield from (size for size in SIZES if size < most)
    yield most


def _values(cases: Cases, names: Sequence[str]) -> NDArray[np.float64]:
    return np.asarray(cases.table.select(names).values, dtype=np.float64)


def _six(model: object, values: NDArray[np.floating]) -> NDArray[np.float64]:
    """``(m, 6)`` scores of the six answers; an answer that the model never met scores lowest."""
    scores = class_scores(model, values)
    out = np.full((len(scores), len(CAUSES)), scores.min(initial=0.0) - 1.0)
    out[:, np.asarray(model.classes_, dtype=np.intp)] = scores  # type: ignore[attr-defined]
    return out


def _figures(
    scores: NDArray[np.float64], test: Cases, seed: int, resamples: int = RESAMPLES
) -> dict[str, Cell]:
    """Both rankings and the naming of causes by the highest score."""
    odd = scores[:, 1:].max(axis=1) - scores[:, 0]
    named = np.array([str(c) for c in CAUSES])[scores.argmax(axis=1)]
    report = cause_report(test.cause, named, test.home, seed=seed, resamples=resamples)
    right = (named == test.cause)[test.cause != NORMAL]
    return {
        **_ranks(odd, scores[:, -1], test, seed, resamples),
        "macro-F1": report.macro_f1,
        "recall of causes": float(right.mean()) if len(right) else float("nan"),
    }


def _ranks(
    odd: NDArray[np.float64], fraud: NDArray[np.float64], test: Cases, seed: int, resamples: int = RESAMPLES
) -> dict[str, Cell]:
    any_ = ranking(odd, test.cause != NORMAL, test.home, seed=seed, resamples=resamples)
    theft = ranking(fraud, test.cause == FRAUD, test.home, seed=seed, resamples=resamples)
    return {
        "AUC not ordinary": any_.auc, "recall at 1 % false alarms": any_.recall_at[0.01],
        "AUC fraud": theft.auc, "fraud recall at 1 %": theft.recall_at[0.01],
    }  # fmt: skip
