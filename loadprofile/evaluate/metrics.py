"""How good is a list: ranking, visits, energy found, and each cause by itself.

Accuracy is not here: at 2 % thefts "nobody steals" is 98 % right. Scores are higher = more abnormal;
NaN = cannot judge: such a meter ranks below all others, is never visited and never counts as found.
Equal scores are never ordered by luck: a cut goes between groups of equals, and where visits end
inside a group the expected hits are counted. Test sets are never resampled to another prevalence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loadprofile.classify.proportions import wilson
from loadprofile.errors import ShapeError
from loadprofile.evaluate.estimates import Estimate, Meters, auc_interval, share
from loadprofile.verdicts import CAUSES

FALSE_ALARMS = (0.01, 0.05)
"""Shares of ordinary meters called wrongly at which recall is told."""


class Ranked:
    """Rows in the order of their scores, in groups of equal scores, ready to be weighted again and again."""

    def __init__(self, scores: ArrayLike, truth: ArrayLike, kwh: ArrayLike | None = None) -> None:
        s = np.asarray(scores, dtype=np.float64)
        self.truth = np.asarray(truth).astype(np.bool_)
        self.kwh = np.zeros(len(s)) if kwh is None else np.asarray(kwh, dtype=np.float64)
        if s.ndim != 1 or self.truth.shape != s.shape or self.kwh.shape != s.shape:
            raise ShapeError("scores, truth, kwh", (s.shape, self.truth.shape, self.kwh.shape), "(n,) each")
        s = np.where(np.isnan(s), -np.inf, s)
        self.order = np.argsort(-s, kind="stable")
        ranked = s[self.order]
        self.starts = (
            np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1])) if len(s) else np.empty(0, int)
        )
        self.judged = int(np.sum(ranked[self.starts] > -np.inf))

    def curve(self, weights: NDArray[np.float64]) -> Curve:
        """Weighted sums over the groups, best scores first."""
        w, t = weights[self.order], self.truth[self.order]
        found = np.nan_to_num(self.kwh[self.order]) * t
        hit, miss, energy = (
            np.add.reduceat(v, self.starts) if len(w) else v for v in (w * t, w * ~t, w * found)
        )
        return Curve(hit, miss, energy, self.judged)


@dataclass(frozen=True, eq=False, slots=True)
class Curve:
    """Positives, negatives and recoverable kWh of each group of equal scores, best first."""

    positive: NDArray[np.float64]
    negative: NDArray[np.float64]
    kwh: NDArray[np.float64]
    judged: int

    def auc(self) -> float:
        """Chance that a positive ranks above a negative, equal scores half (Mann-Whitney)."""
        p, n = self.positive.sum(), self.negative.sum()
        if p == 0 or n == 0:
            return math.nan
        above = np.cumsum(self.positive) - self.positive
        return float(np.sum(self.negative * (above + self.positive / 2)) / (p * n))

    def average_precision(self) -> float:
        """Precision at each positive, averaged (no interpolation)."""
        p = self.positive.sum()
        if p == 0:
            return math.nan
        hits, visits = np.cumsum(self.positive), np.cumsum(self.positive + self.negative)
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.where(visits > 0, hits / visits, 0.0)
        return float(np.sum(self.positive * precision) / p)

    def recall_at(self, false_alarms: float) -> float:
        """Largest share of the positives found by a real threshold that calls no more of the negatives."""
        p, n = self.positive.sum(), self.negative.sum()
        if p == 0 or n == 0:
            return math.nan
        called = np.cumsum(self.negative[: self.judged]) / n <= false_alarms + 1e-12
        return float(np.sum(self.positive[: self.judged][called]) / p)

    def first(self, visits: float) -> tuple[float, float, float]:
        """``(visits made, positives among them, their kWh)``; expectation inside a group of equals."""
        size = (self.positive + self.negative)[: self.judged]
        before = np.cumsum(size) - size
        with np.errstate(invalid="ignore", divide="ignore"):
            part = np.where(size > 0, np.clip((visits - before) / size, 0.0, 1.0), 0.0)
        made = float(np.sum(part * size))
        hits = float(np.sum(part * self.positive[: self.judged]))
        return made, hits, float(np.sum(part * self.kwh[: self.judged]))


@dataclass(frozen=True, eq=False, slots=True)
class Ranking:
    """How well scores rank.

    Attributes:
        auc, average_precision: over all rows.
        recall_at: false-alarm rate -> recall.
        precision_at: visits -> share of right visits (fewer are made where fewer can be judged).
        kwh_at: visits -> kWh recovered by the right ones (empty without energies).
        base_rate: share of positives: what average precision and precision are without any skill.
    """

    auc: Estimate
    average_precision: Estimate
    recall_at: Mapping[float, Estimate]
    precision_at: Mapping[int, Estimate]
    kwh_at: Mapping[int, Estimate]
    base_rate: float


def ranking(
    scores: ArrayLike,
    truth: ArrayLike,
    meters: ArrayLike | None = None,
    *,
    visits: Sequence[int] = (50, 100),
    kwh: ArrayLike | None = None,
    resamples: int = 400,
    seed: int = 0,
) -> Ranking:
    """Every ranking figure with its interval.

    Args:
        scores: ``(n,)``, higher = more abnormal.
        truth: ``(n,)`` bool.
        meters: ``(n,)`` ids; rows of one meter are resampled together (None = each row its own).
        visits: numbers of visits a crew could make.
        kwh: ``(n,)`` energy that is recovered if the row is a true case and is visited; NaN counts as 0.
        resamples: of the intervals.
        seed: of the resamples.
    """
    rows = Ranked(scores, truth, kwh)
    t = rows.truth
    groups = Meters(meters, len(t), resamples, seed)
    some, ordinary = groups.among(t), groups.among(~t)
    rows_per_meter = len(t) / max(groups.count, 1)
    visited = [max(round(min(k, len(t)) / max(rows_per_meter, 1.0)), 1) for k in visits]

    def statistics(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        curve = rows.curve(weights)
        figures = [curve.auc(), curve.average_precision(), *(curve.recall_at(f) for f in FALSE_ALARMS)]
        firsts = [curve.first(k) for k in visits]
        figures += [hits / made if made > 0 else math.nan for made, hits, _ in firsts]
        return np.array(figures + [found for *_, found in firsts])

    n = [groups.count, some, *[some] * len(FALSE_ALARMS), *visited, *visited]
    found = groups.estimates(statistics, n)
    auc, precision = found[0], found[1]
    if precision.low == precision.high:
        # A mean of `some` values in 0..1 varies at most as much as a share of them.
        precision = precision.widened(*wilson(precision.value * some, some))
    after = 2 + len(FALSE_ALARMS)
    recalls = [e.widened(*wilson(e.value * some, some)) for e in found[2:after]]
    hits = [e.widened(*wilson(e.value * e.n, e.n)) for e in found[after : after + len(visits)]]
    energies = found[after + len(visits) :]
    return Ranking(
        auc=auc.widened(*auc_interval(auc.value, some, ordinary)),
        average_precision=precision,
        recall_at=dict(zip(FALSE_ALARMS, recalls, strict=True)),
        precision_at=dict(zip(visits, hits, strict=True)),
        kwh_at={} if kwh is None else dict(zip(visits, energies, strict=True)),
        base_rate=float(t.mean()) if len(t) else math.nan,
    )


@dataclass(frozen=True, eq=False, slots=True)
class Gain:
    """The gain curve: what is found after so many visits.

    Attributes:
        visits: ``(m,)`` from 0 to all that can be judged, one point per group of equal scores.
        found: ``(m,)`` share of the positives found by then.
        kwh: ``(m,)`` share of the recoverable energy found by then (NaN without energies).
        best: ``(m,)`` share that a perfect list would have found; ``chance``: one in random order.
    """

    visits: NDArray[np.float64]
    found: NDArray[np.float64]
    kwh: NDArray[np.float64]
    best: NDArray[np.float64]
    chance: NDArray[np.float64]


def gain_curve(scores: ArrayLike, truth: ArrayLike, kwh: ArrayLike | None = None) -> Gain:
    """Share of cases and of their energy against the number of visits; shares are NaN without a case."""
    rows = Ranked(scores, truth, kwh)
    curve = rows.curve(np.ones(len(rows.truth)))
    cut = slice(curve.judged)
    visits = np.append(0.0, np.cumsum((curve.positive + curve.negative)[cut]))
    positives, energy, total = curve.positive.sum(), curve.kwh.sum(), len(rows.truth)
    with np.errstate(invalid="ignore", divide="ignore"):
        return Gain(
            visits=visits,
            found=np.append(0.0, np.cumsum(curve.positive[cut])) / positives,
            kwh=np.append(0.0, np.cumsum(curve.kwh[cut])) / (energy if kwh is not None else math.nan),
            best=np.minimum(visits, positives) / positives,
            chance=visits / total,
        )


@dataclass(frozen=True, slots=True)
class CauseScore:
    """One cause: share of those called it that were (precision), of those that were that were called."""

    precision: Estimate
    recall: Estimate
    f1: Estimate


@dataclass(frozen=True, eq=False, slots=True)
class CauseReport:
    """Every cause by itself.

    Attributes:
        causes: cause -> its figures, in the order given.
        macro_f1: mean F1 over the causes that occur in the truth.
        confusion: ``(c, c + 1)`` rows = truth, columns = called; the last column is every other answer
            (undecided).
        undecided: share of rows with an answer that is none of the causes.
    """

    causes: Mapping[str, CauseScore]
    macro_f1: Estimate
    confusion: NDArray[np.int64]
    undecided: Estimate


def cause_report(
    truth: ArrayLike,
    called: ArrayLike,
    meters: ArrayLike | None = None,
    *,
    causes: Sequence[str] = CAUSES,
    resamples: int = 400,
    seed: int = 0,
) -> CauseReport:
    """Precision, recall and F1 of each cause with 95 % intervals.

    An answer that is none of the causes ("undecided") costs recall and not precision. Precision and
    recall have Wilson's interval with the number of meters; F1 is resampled over meters.

    Raises:
        ShapeError: lengths differ or a true cause is none of ``causes``.
    """
    names = [str(cause) for cause in causes]
    true, said = np.asarray(truth).astype(np.str_), np.asarray(called).astype(np.str_)
    if true.ndim != 1 or said.shape != true.shape:
        raise ShapeError("called", said.shape, true.shape)
    at = {name: place for place, name in enumerate(names)}
    strange = sorted(set(true.tolist()) - set(names))
    if strange:
        raise ShapeError("truth", strange, names)
    c = len(names)
    row = np.array([at[name] for name in true.tolist()], dtype=np.intp)
    column = np.array([at.get(name, c) for name in said.tolist()], dtype=np.intp)
    groups = Meters(meters, len(row), resamples, seed)
    cell = row * (c + 1) + column

    def matrix(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(cell, weights, minlength=c * (c + 1)).astype(np.float64).reshape(c, c + 1)

    def f1_scores(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        table = matrix(weights)
        right = np.diag(table)
        real, spoken = table.sum(axis=1), table[:, :c].sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            each = np.where(real > 0, 2 * right / (real + spoken), np.nan)
        return np.append(each, np.mean(each[real > 0]) if (real > 0).any() else np.nan)

    full = matrix(np.ones(len(row)))
    real = [groups.among(row == k) for k in range(c)]
    *f1s, macro = groups.estimates(f1_scores, [*real, groups.count])
    scores: dict[str, CauseScore] = {}
    for k, name in enumerate(names):
        precision = share(full[k, k], full[:, k].sum(), groups.among(column == k))
        recall = share(full[k, k], full[k].sum(), real[k])
        f1 = f1s[k]
        if f1.low == f1.high:  # resamples that all agree say nothing about the width
            f1 = f1.widened(_f1(precision.low, recall.low), _f1(precision.high, recall.high))
        scores[name] = CauseScore(precision, recall, f1)
    if macro.low == macro.high:
        present = [scores[name].f1 for k, name in enumerate(names) if real[k]]
        macro = macro.widened(
            float(np.mean([e.low for e in present])), float(np.mean([e.high for e in present]))
        )
    undecided = share(float((column == c).sum()), float(len(row)), groups.count)
    return CauseReport(scores, macro, full.astype(np.int64), undecided)


def _f1(precision: float, recall: float) -> float:
    if math.isnan(precision) or math.isnan(recall) or precision + recall == 0:
        return math.nan
    return 2 * precision * recall / (precision + recall)
