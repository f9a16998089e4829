"""Protocol ``bt4012``: report 002 on STEG-style tables, published, reproduced, and beside it this program.

Clients are split 80/10/10; nobody is on two sides. Frauds are repeated among the training clients only, and
everything that is learned (rates, means, scaling, thresholds) is learned there or, for thresholds, on the
validation clients. The test clients are used once, at the prevalence that they have.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.tree import DecisionTreeClassifier

from loadprofile.bills.cases import BillCases
from loadprofile.bills.fitting import fit_parts
from loadprofile.bills.model import score_of_parts
from loadprofile.bills.steg import STEG, StegBills, StegView, bill_table, steg_bills, steg_cases
from loadprofile.classify.supervised import Made, make_classifier, score_of
from loadprofile.errors import NothingToLearnError
from loadprofile.evaluate.bt4012_features import report_features
from loadprofile.evaluate.cells import Cell, Table
from loadprofile.evaluate.estimates import Estimate, Meters
from loadprofile.evaluate.metrics import Ranked
from loadprofile.evaluate.splits import assert_disjoint, by_meter
from loadprofile.features.billing.describe import fit_yardsticks, without_identity
from loadprofile.features.billing.peers import BillMeans
from loadprofile.ingest.steg.values import Clients, Invoices

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
CUT_LAST = 3
RESAMPLES = 400
LEAST_FRAUDS = 5
"""Frauds that each side must have."""
MADE = "made invoices: the figures mean nothing"
PUBLISHED: tuple[Mapping[str, Cell], ...] = (
    {
        "method": "logistic regression",
        "source": "published",
        "F1": 0.175,
        "precision": 0.103,
        "recall": 0.561,
    },
    {"method": "decision tree", "source": "published", "F1": 0.157},
    {"method": "neural network", "source": "published", "F1": 0.148},
)
FIGURES = ("F1", "precision", "recall", "AUC", "average precision")
Sides = Mapping[str, NDArray[np.intp]]
Start = Callable[..., "Future[_Judged]"]
Running = dict[tuple[str, str], Future["_Judged"]]


@dataclass(frozen=True, eq=False, slots=True)
class Bt4012Evaluation:
    """Paragraphs, tables and pictures (none) of the protocol."""

    about: tuple[str, ...]
    tables: tuple[Table, ...]
    figures: Mapping[str, Figure]


@dataclass(frozen=True, eq=False, slots=True)
class _Judged:
    """Scores of the test clients and the threshold, which comes from elsewhere."""

    scores: NDArray[np.float64]
    threshold: float
    columns: int
    note: str = ""


def evaluate_bt4012(
    clients: Clients,
    invoices: Invoices,
    *,
    seed: int,
    made: bool = False,
    identity: bool = True,
    cut_last: int | None = None,
    resamples: int | None = None,
    jobs: int = 1,
    each: Callable[[int], None] = lambda _: None,
) -> Bt4012Evaluation:
    """Run the protocol.

    Args:
        clients: with targets; clients without one are left out.
        invoices: of these clients.
        seed: of the split, the repetitions and the fits.
        made: the invoices are made: the report says that the figures mean nothing.
        identity: False = no row of ours uses what names or describes the meter.
        cut_last: last invoices of each client that the ablation leaves out; None = ``CUT_LAST``, 0 = none.
        resamples: of the test clients, for the 95 % intervals; None = ``RESAMPLES``.
        jobs: fits at a time (threads: the fits let go of Python's lock).
        each: called after each of ``bt4012_pieces`` pieces (progress).

    Raises:
        NothingToLearnError: a side without enough frauds.
        OptionError: a negative number of invoices.
        LeakError: a client on two sides.
    """
    known = np.flatnonzero(np.isfinite(clients.target))
    if len(known) < len(clients):
        clients, invoices = clients.take(known), invoices.of_clients(known)
    sides = split(clients, seed)
    truth = clients.target == 1
    variants = _variants(identity, cut_last)
    # the next tables are made while the fits on the last ones run, so the longest fit is begun first;
    # filters of warnings are the whole process's
    with warnings.catch_warnings(), ThreadPoolExecutor(jobs) as pool:
        warnings.simplefilter("ignore", ConvergenceWarning)  # the small network stops after its epochs
        done = count(1)

        def start(*work: Any, **named: Any) -> Future[_Judged]:
            found = pool.submit(*work, **named)
            found.add_done_callback(lambda _: each(next(done)))
            return found

        ours: Running = {}
        reproduced: Running = {}
        for cut in sorted({variant.view.cut_last for variant in variants}):
            own = [variant for variant in variants if variant.view.cut_last == cut]
            ours |= _ours(start, clients, invoices, sides, truth, own, seed)
            reproduced = reproduced or _reproduced(start, clients, invoices, sides, truth, seed)
        judged = {key: found.result() for key, found in (reproduced | ours).items()}
    return _told(clients, sides, truth, judged, seed, made=made, resamples=resamples or RESAMPLES)


def _reproduced(
    start: Start, clients: Clients, invoices: Invoices, sides: Sides, truth: NDArray[np.bool_], seed: int
) -> Running:
    """The fits of the report's three models on its columns."""
    values = report_features(blinded(clients, sides["train"]), invoices, sides["train"]).values
    return {
        (name, "reproduced"): start(
            _fit, model, values, truth, sides, seed, searched=name == "logistic regression"
        )
        for name, model in _report_models(seed).items()
    }


def _ours(
    start: Start, clients: Clients, invoices: Invoices, sides: Sides, truth: NDArray[np.bool_],
    variants: list[_Variant], seed: int,
) -> Running:  # fmt: skip
    """Fits of ours on bills with the same invoices cut off; the first whole view also as ``train`` does."""
    cut = variants[0].view.cut_last
    bills, yardsticks = _learned(clients, invoices, sides["train"], cut)
    table = bill_table(bills, yardsticks, variants[0].view)
    table = table.select(name for name in table.names if not name.startswith("when."))
    running: Running = {}
    for at, variant in enumerate(variants):
        features = table if variant.view.identity else without_identity(table)
        if at == 0 and not cut:
            cases = steg_cases(replace(bills, clients=blinded(clients, sides["train"])), features)
            key = (f"as `train` makes it, {variant.name}", "ours")
            running[key] = start(_as_trained, cases, truth, sides, seed)
        boosted = make_classifier("lightgbm", seed)
        key = (f"boosting on bills, {variant.name}", "ours")
        running[key] = start(_boosted, boosted, features.values, truth, sides)
    return running


def _boosted(boosted: Made, values: NDArray[np.floating], truth: NDArray[np.bool_], sides: Sides) -> _Judged:
    found = _fit(boosted.estimator, values, truth, sides, None, searched=True)
    return replace(found, note=boosted.note)


@dataclass(frozen=True, slots=True)
class _Variant:
    """What a row of ours may see."""

    name: str
    view: StegView


def _variants(identity: bool, cut_last: int | None) -> list[_Variant]:
    """Whole views first, then those with the last invoices cut off."""
    cut = CUT_LAST if cut_last is None else cut_last
    out = [_Variant("all columns", StegView())] * identity
    out += [_Variant("without meter identity", StegView(identity=False))]
    if cut:
        out += [_Variant(f"without the last {cut} invoices", StegView(cut_last=cut))] * identity
        name = f"without meter identity and the last {cut} invoices"
        out += [_Variant(name, StegView(identity=False, cut_last=cut))]
    return out


def bt4012_pieces(*, identity: bool = True, cut_last: int | None = None) -> int:
    """How often ``each`` is called."""
    return 4 + len(_variants(identity, cut_last))


def _learned(
    clients: Clients, invoices: Invoices, train: NDArray[np.intp], cut: int
) -> tuple[StegBills, BillMeans]:
    """Bills of all clients, and means of their kinds from the training clients only."""
    bills = steg_bills(clients, invoices, StegView(cut_last=cut))
    return bills, fit_yardsticks(clients.take(train), bills.invoices.of_clients(train))


def split(clients: Clients, seed: int) -> dict[str, NDArray[np.intp]]:
    """Rows of the three sides, each with its share of the frauds.

    Raises:
        NothingToLearnError: a side with fewer than ``LEAST_FRAUDS`` frauds.
        LeakError: a client on two sides.
    """
    sides = by_meter(clients.client_ids, SHARES, seed, strata=clients.target == 1)
    assert_disjoint({name: clients.client_ids[rows] for name, rows in sides.items()})
    for name, rows in sides.items():
        if (clients.target[rows] == 1).sum() < LEAST_FRAUDS:
            raise NothingToLearnError(len(clients), f"fewer than {LEAST_FRAUDS} frauds on the {name} side")
    return sides


def blinded(clients: Clients, train: NDArray[np.intp]) -> Clients:
    """The same clients; the targets of all but the training clients are unknown: nothing can learn them."""
    target = np.full(len(clients), np.nan, dtype=np.float32)
    target[train] = clients.target[train]
    return replace(clients, target=target)


def oversampled(rows: NDArray[np.intp], truth: NDArray[np.bool_], seed: int) -> NDArray[np.intp]:
    """Training rows with frauds repeated at random until there are as many as others."""
    frauds, others = rows[truth[rows]], rows[~truth[rows]]
    missing = max(len(others) - len(frauds), 0)
    again = np.random.default_rng(seed).choice(frauds, missing) if len(frauds) else frauds
    return np.concatenate([rows, again])


def _report_models(seed: int) -> dict[str, Any]:
    return {
        "logistic regression": LogisticRegression(max_iter=1000, random_state=seed),
        "decision tree": DecisionTreeClassifier(criterion="entropy", max_depth=2, random_state=seed),
        "neural network": MLPClassifier((32,), batch_size=512, max_iter=10, random_state=seed),
    }


def _as_trained(cases: BillCases, truth: NDArray[np.bool_], sides: Sides, seed: int) -> _Judged:
    """What ``loadprofile train`` learns, from the training clients; frauds are not repeated."""
    assert_disjoint({name: cases.ids[rows] for name, rows in sides.items()})
    encoder, trees, additive = fit_parts(cases.take(sides["train"]), STEG, seed)

    def scores(side: str) -> NDArray[np.float64]:
        X = encoder.transform(cases.take(sides[side]))
        return np.asarray(expit(score_of_parts(X, encoder, trees, additive)))

    threshold = best_threshold(scores("validation"), truth[sides["validation"]])
    return _Judged(scores("test"), threshold, len(encoder.columns_))


def _fit(
    model: Any, values: NDArray[np.floating], truth: NDArray[np.bool_], sides: Sides, repeat: int | None,
    *, searched: bool,
) -> _Judged:  # fmt: skip
    """Fit on the training side, find the threshold on the validation side, score the test side."""
    assert_disjoint(sides)
    rows = sides["train"] if repeat is None else oversampled(sides["train"], truth, repeat)
    model.fit(values[rows], truth[rows])
    threshold = 0.5
    if searched:
        scores = score_of(model, values[sides["validation"]], positive=True)
        threshold = best_threshold(scores, truth[sides["validation"]])
    return _Judged(score_of(model, values[sides["test"]], positive=True), threshold, values.shape[1])


def best_threshold(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """The hundredth (0.01 .. 0.99) from which on calling fraud gives the best F1; the lowest of equals."""
    steps = np.arange(1, 100) / 100
    return float(steps[int(np.argmax([_f1(scores >= step, truth) for step in steps]))])


def _f1(called: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    both = int(called.sum() + truth.sum())
    return 2 * int((called & truth).sum()) / both if both else 0.0


def figures_of(
    scores: NDArray[np.float64], threshold: float, truth: NDArray[np.bool_], seed: int, resamples: int
) -> dict[str, Estimate]:
    """``FIGURES`` of test clients with 95 % intervals from resampled clients."""
    ranked, called = Ranked(scores, truth), scores >= threshold

    def statistics(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        hit = float((weights * (called & truth)).sum())
        calls, frauds = float((weights * called).sum()), float((weights * truth).sum())
        curve = ranked.curve(weights)
        return np.array([
            2 * hit / (calls + frauds) if calls + frauds else np.nan,
            hit / calls if calls else np.nan,
            hit / frauds if frauds else np.nan,
            curve.auc(),
            curve.average_precision(),
        ])  # fmt: skip

    n = (len(truth), int(called.sum()), int(truth.sum()), len(truth), len(truth))
    found = Meters(None, len(truth), resamples, seed).estimates(statistics, n)
    return dict(zip(FIGURES, found, strict=True))


def _told(
    clients: Clients, sides: Sides, truth: NDArray[np.bool_], judged: Mapping[tuple[str, str], _Judged],
    seed: int, *, made: bool, resamples: int,
) -> Bt4012Evaluation:  # fmt: skip
    rows: list[dict[str, Cell]] = []
    empty: dict[str, Cell] = dict.fromkeys(("columns", "threshold", *FIGURES), "-")
    rows.extend(dict(row) | {k: v for k, v in empty.items() if k not in row} for row in PUBLISHED)
    rows = [{k: row[k] for k in ("method", "source", *empty)} for row in rows]
    notes = sorted({found.note for found in judged.values() if found.note})
    for (name, source), found in judged.items():
        figures = figures_of(found.scores, found.threshold, truth[sides["test"]], seed, resamples)
        row: dict[str, Cell] = {"method": name, "source": source}
        rows.append(row | {"columns": found.columns, "threshold": found.threshold} | figures)
    size = {name: (len(part), int(truth[part].sum())) for name, part in sides.items()}
    shown = ", ".join(f"{name} {n} clients ({frauds} frauds)" for name, (n, frauds) in size.items())
    about = [
        (
            f"{len(clients)} clients split by client: {shown}. Frauds are repeated among training clients "
            "only; rates, means and scaling are learned there, thresholds on the validation clients."
        ),
        (
            "The published figures are report 002's on its own split; the report's 28 columns are rebuilt "
            "from their description, so the number of columns differs."
        ),
        (
            "The label has no date: columns that name or describe the meter, and the last invoices, may have "
            "been written after the inspection; the last rows leave them out."
        ),
        *notes,
    ]
    if made:
        about.insert(0, f"**{MADE[0].upper()}{MADE[1:]}.**")
    title = "Report 002: published, reproduced, ours" + (f" ({MADE})" if made else "")
    note = "F1, precision and recall at the threshold; 95 % intervals over resampled test clients."
    return Bt4012Evaluation(tuple(about), (Table("bt4012", title, rows, note),), {})
