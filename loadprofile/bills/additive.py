"""The additive half: a logistic regression whose every column speaks for itself.

Each number is moved to normal scores (by quantiles of the training rows) and enters as a piecewise linear
curve; each category value enters as itself. So the log odds are a sum of one term per column, and that
sum is its own explanation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

KNOTS = (-2.5, -1.5, -0.75, 0.0, 0.75, 1.5, 2.5)
"""Where the curves may bend, in normal scores."""

QUANTILES = 201


class AdditiveOdds(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Logistic regression on curves of numbers and on category codes.

    Args:
        codes: which columns of X are codes (negative = rare or never seen); the others are numbers.
        C: inverse strength of the penalty.
        most: numbers that enter; where there are more, those whose curve alone separates the classes best.

    Attributes:
        kept_: ``(k,)`` bool, which columns enter.
        grid_: ``(k, QUANTILES)`` quantiles of each number.
        levels_: codes of each code column.
        model_: the fitted ``LogisticRegression``.
        middle_: ``(k,)`` mean term of each column over the training rows.
    """

    def __init__(self, codes: Sequence[int] = (), C: float = 0.05, most: int = 64) -> None:
        self.codes = codes
        self.C = C
        self.most = most

    def fit(self, X: ArrayLike, y: ArrayLike) -> AdditiveOdds:
        """Learn from ``(n, k)`` float with NaN and ``(n,)`` bool."""
        values = np.asarray(X, dtype=np.float64)
        self.n_features_in_ = values.shape[1]
        self.classes_ = np.array([False, True])
        self.grid_ = np.full((values.shape[1], QUANTILES), np.nan)
        self.levels_ = {}
        for column in range(values.shape[1]):
            x = values[:, column]
            if column in self.codes:
                self.levels_[str(column)] = np.unique(x[x >= 0])
            elif np.isfinite(x).any():
                self.grid_[column] = np.quantile(x[np.isfinite(x)], np.linspace(0, 1, QUANTILES))
        truth = np.asarray(y, dtype=np.bool_)
        self.kept_ = self._chosen(values, truth)
        matrix, owner = self._matrix(values)
        self.model_ = LogisticRegression(C=self.C, max_iter=400).fit(matrix, truth)
        terms = self._terms(matrix, owner)
        self.middle_ = terms.mean(axis=0)
        return self

    def _chosen(self, values: NDArray[np.float64], truth: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Codes, and the ``most`` numbers whose knots differ most in their share of the second class."""
        kept = np.ones(values.shape[1], dtype=np.bool_)
        numbers = np.array([k for k in range(values.shape[1]) if k not in self.codes], dtype=np.intp)
        if len(numbers) <= self.most:
            return kept
        rate = truth.mean()
        tells = np.empty(len(numbers))
        for at, column in enumerate(numbers.tolist()):
            part = _curve(values[:, column], self.grid_[column])
            weight = part.sum(axis=0)
            own = (part.T @ truth + rate) / (weight + 1.0)  # one more row of the common rate
            tells[at] = (weight * (own - rate) ** 2).sum()
        kept[numbers[np.argsort(-tells, kind="stable")[self.most :]]] = False
        return kept

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """``(n,)`` log odds."""
        check_is_fitted(self)
        matrix, _ = self._matrix(np.asarray(X, dtype=np.float64))
        return np.asarray(self.model_.decision_function(matrix), dtype=np.float64)

    def contributions(self, X: ArrayLike) -> tuple[NDArray[np.float64], float]:
        """``(n, k)`` term of each column less its training mean, and what all rows have in common.

        Their sum is the decision function.
        """
        check_is_fitted(self)
        matrix, owner = self._matrix(np.asarray(X, dtype=np.float64))
        base = float(self.model_.intercept_[0] + self.middle_.sum())
        return self._terms(matrix, owner) - self.middle_, base

    def _terms(self, matrix: sp.csr_matrix, owner: NDArray[np.int64]) -> NDArray[np.float64]:
        weights = self.model_.coef_[0]
        place = sp.csr_matrix(
            (weights, (np.arange(len(weights)), owner)), shape=(len(weights), self.n_features_in_)
        )
        return np.asarray((matrix @ place).todense())

    def _matrix(self, values: NDArray[np.float64]) -> tuple[sp.csr_matrix, NDArray[np.int64]]:
        """The design matrix and, for each of its columns, the column of X that it belongs to."""
        parts, owner = [], []
        for column in np.flatnonzero(self.kept_).tolist():
            x = values[:, column]
            part = (
                _one_hot(x, self.levels_[str(column)])
                if column in self.codes
                else _curve(x, self.grid_[column])
            )
            parts.append(sp.csr_matrix(part))
            owner += [column] * part.shape[1]
        return sp.hstack(parts).tocsr(), np.array(owner, dtype=np.int64)


def _one_hot(codes: NDArray[np.float64], levels: NDArray[np.float64]) -> sp.csr_matrix:
    """One column per level and, last, one for everything else."""
    if len(levels) == 0:
        return sp.csr_matrix(np.ones((len(codes), 1)))
    at = np.minimum(np.searchsorted(levels, codes), len(levels) - 1)
    at = np.where(levels[at] == codes, at, len(levels))
    n = len(codes)
    return sp.csr_matrix((np.ones(n), (np.arange(n), at)), shape=(n, len(levels) + 1))


def _curve(x: NDArray[np.float64], grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Hat functions on ``KNOTS`` of the normal score and, last, a mark for missing."""
    known = np.isfinite(x)
    out = np.zeros((len(x), len(KNOTS) + 1))
    out[~known, -1] = 1.0
    if not np.isfinite(grid).all() or not known.any():
        return out
    # The middle of all quantiles that equal x: a value that half the rows have is not their lowest.
    low = np.searchsorted(grid, x[known], side="left")
    high = np.searchsorted(grid, x[known], side="right")
    share = np.where(
        high > low,
        (low + high - 1) / 2.0,
        low - 1 + (x[known] - grid[np.maximum(low - 1, 0)])
        / np.maximum(grid[np.minimum(low, len(grid) - 1)] - grid[np.maximum(low - 1, 0)], 1e-12),
    ) / (len(grid) - 1)  # fmt: skip
    score = np.clip(ndtri(np.clip(share, 1e-3, 1 - 1e-3)), KNOTS[0], KNOTS[-1])
    knots = np.array(KNOTS)
    left = np.clip(np.searchsorted(knots, score, side="right") - 1, 0, len(knots) - 2)
    part = (score - knots[left]) / (knots[left + 1] - knots[left])
    rows = np.flatnonzero(known)
    out[rows, left] = 1.0 - part
    out[rows, left + 1] = part
    return out
