"""Categories as numbers: how often fraud was found there, and how often anybody looked.

Rates are smoothed towards the rate of all, and while learning each row's rate comes from the *other* rows
(folds over customers), else a rare category would tell the answer of its own only row. Everything is
learned from the training rows alone; a category never seen has the rate of all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from loadprofile.bills.cases import BillCases
from loadprofile.classify.calibration import logit
from loadprofile.errors import ShapeError

GLUE = " + "
"""Between the names (and between the values) of a pair of categories."""


class BillEncoder(BaseEstimator):  # type: ignore[misc]
    """Cases to one matrix of numbers.

    Columns: the features; for each category ``rate.NAME`` (log odds of the smoothed rate), ``count.NAME``
    (log of training rows); then ``code.NAME`` for categories and pairs, -1 for values with fewer than
    ``least`` training rows.

    Args:
        crossed: pairs of categories that get a code.
        weight: rows that the rate of all counts for.
        least: training rows that a value needs for a code of its own.
        folds: of the rates while learning.
        seed: of the folds.

    Attributes:
        columns_: names of the columns.
        base_: share of fraud in the training rows.
        tables_: category or pair -> ``values`` (sorted), ``count``, ``rate`` and ``code``.
    """

    def __init__(
        self,
        crossed: Sequence[Sequence[str]] = (),
        weight: float = 20.0,
        least: int = 25,
        folds: int = 5,
        seed: int = 0,
    ) -> None:
        self.crossed = crossed
        self.weight = weight
        self.least = least
        self.folds = folds
        self.seed = seed

    def fit(self, cases: BillCases) -> BillEncoder:
        """Learn from labelled cases.

        Raises:
            ShapeError: a case without a target, or one class only.
        """
        truth = cases.target
        if not cases.known.all() or truth.all() or not truth.any():
            raise ShapeError("target", np.unique(truth).tolist(), "0 and 1, both")
        self.base_ = float(truth.mean())
        # a column of which nothing is known teaches nothing, and trees cannot be grown on it
        some = np.flatnonzero(np.isfinite(cases.features.values).any(axis=0))
        self.features_ = [cases.features.names[at] for at in some.tolist()]
        self.categories_ = sorted(cases.categories)
        # a pair needs both: tables of another utility may lack them
        self.pairs_ = [list(p) for p in self.crossed if set(p) <= set(self.categories_)]
        self.tables_ = {}
        for name, values in self._sets(cases).items():
            words, at = np.unique(values, return_inverse=True)
            count = np.bincount(at).astype(np.float64)
            found = np.bincount(at, truth)
            code = np.where(count >= self.least, np.arange(len(words)), -1)
            self.tables_[name] = {
                "values": words, "count": count, "rate": self._rate(found, count), "code": code,
            }  # fmt: skip
        self.columns_ = [
            *self.features_,
            *(f"rate.{c}" for c in self.categories_),
            *(f"count.{c}" for c in self.categories_),
            *(f"code.{name}" for name in self.tables_),
        ]
        return self

    def fit_transform(self, cases: BillCases) -> NDArray[np.float64]:
        """Learn and give the training matrix, with rates that no row had a part in."""
        out = self.fit(cases).transform(cases)
        fold = _folds(cases.ids, self.folds, self.seed)
        truth = cases.target.astype(np.float64)
        first = self.columns_.index(f"rate.{self.categories_[0]}") if self.categories_ else 0
        for k, name in enumerate(self.categories_):
            words, at = np.unique(cases.categories[name], return_inverse=True)
            found, count = np.bincount(at, truth), np.bincount(at).astype(np.float64)
            for part in range(self.folds):
                mine = fold == part
                own_found = np.bincount(at[mine], truth[mine], minlength=len(words))
                own_count = np.bincount(at[mine], minlength=len(words))
                rate = self._rate(found - own_found, count - own_count)
                out[mine, first + k] = logit(rate[at[mine]])
        return out

    def transform(self, cases: BillCases) -> NDArray[np.float64]:
        """``(n, len(columns_))`` float64, NaN where a feature is unknown.

        Raises:
            ShapeError: other features or categories than were learned.
        """
        check_is_fitted(self)
        missing = sorted({*self.features_, *self.categories_} - {*cases.features.names, *cases.categories})
        if missing:
            raise ShapeError("columns", f"without {', '.join(missing)}", "the columns of the training data")
        rates, counts, codes = [], [], []
        for name, values in self._sets(cases).items():
            table = self.tables_[name]
            at, seen = lookup(table["values"], values)
            codes.append(np.where(seen, table["code"][at], -1))
            if name not in cases.categories:
                continue
            rates.append(logit(np.where(seen, table["rate"][at], self.base_)))
            counts.append(np.log1p(np.where(seen, table["count"][at], 0.0)))
        numbers = cases.features.select(self.features_).values.astype(np.float64)
        return np.column_stack([numbers, *rates, *counts, *codes])

    def said_of(self, name: str, value: str) -> tuple[float, int]:
        """Share of fraud and number of training rows of one category value; a rate is not smoothed here."""
        table = self.tables_[name]
        at, seen = lookup(table["values"], np.array([value]))
        count = float(table["count"][at[0]]) if seen[0] else 0.0
        if not count:
            return self.base_, 0
        smoothed = float(table["rate"][at[0]])
        return (smoothed * (count + self.weight) - self.weight * self.base_) / count, int(count)

    def _sets(self, cases: BillCases) -> Mapping[str, NDArray[np.str_]]:
        sets = {name: np.asarray(cases.categories[name], dtype=np.str_) for name in self.categories_}
        for one, other in self.pairs_:
            joined = np.char.add(np.char.add(sets[one], GLUE), sets[other])
            sets[GLUE.join((one, other))] = joined
        return sets

    def _rate(self, found: NDArray[Any], count: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray((found + self.weight * self.base_) / (count + self.weight))


def lookup(words: NDArray[np.str_], values: NDArray[np.str_]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Position of each value in the sorted words, and whether it is there."""
    at = np.minimum(np.searchsorted(words, values), len(words) - 1)
    return at, np.asarray(words[at] == values)


def _folds(ids: NDArray[np.str_], folds: int, seed: int) -> NDArray[np.int64]:
    """``(n,)`` fold of each row; all rows of one customer share it."""
    names, at = np.unique(ids, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(names))
    return np.asarray(order[at] % folds)
