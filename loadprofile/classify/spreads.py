"""How far off an estimate is, by how sure we are of its cause: the half width of an 80 % interval.

A date is exact to the slot when the right trace was found and days off when it was not, so its error is no
bell curve and no standard error describes it. Here the 80 % quantile of errors that were made where the truth
was known is kept per cause and per quarter of the probability that the cause was given (split conformal
prediction, Vovk et al. 2005, with the classes as groups). The probabilities behind it are out of fold.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from loadprofile.errors import ShapeError
from loadprofile.verdicts import CAUSES

LEAST_CASES = 25
"""A bin with fewer is joined with the others of its cause, a cause with fewer with all."""


class SpreadTable(BaseEstimator):  # type: ignore[misc]
    """Half widths that held the truth in ``share`` of the cases.

    Args:
        share: of the cases that an interval shall hold.
        bins: quantiles of the probability, per cause.

    Attributes:
        edges_: ``(6, bins - 1)`` probabilities between the bins of each cause.
        widths_: ``(6, bins)`` half width for each.
    """

    def __init__(self, share: float = 0.8, bins: int = 4) -> None:
        self.share = share
        self.bins = bins

    def fit(self, causes: ArrayLike, probability: ArrayLike, off: ArrayLike) -> SpreadTable:
        """Learn from estimates whose truth is known.

        Args:
            causes: ``(m,)`` int, index into ``CAUSES`` of the cause that the estimate belongs to.
            probability: ``(m,)`` how likely that cause was held to be, out of fold.
            off: ``(m,)`` error of the estimate; NaN = there was none, left out.

        Raises:
            ShapeError: lengths do not fit, or no error is known.
        """
        which = np.asarray(causes, dtype=np.int64)
        p, error = np.asarray(probability, dtype=np.float64), np.abs(np.asarray(off, dtype=np.float64))
        if not len(which) == len(p) == len(error):
            raise ShapeError("off", error.shape, which.shape)
        known = np.isfinite(error) & np.isfinite(p)
        which, p, error = which[known], p[known], error[known]
        if len(error) == 0:
            raise ShapeError("off", "no error is known", "at least one")
        overall = self._width(error)
        self.edges_ = np.zeros((len(CAUSES), self.bins - 1))
        self.widths_ = np.full((len(CAUSES), self.bins), overall)
        for cause in range(len(CAUSES)):
            mine, sure = error[which == cause], p[which == cause]
            if len(mine) < LEAST_CASES:
                continue
            self.widths_[cause] = self._width(mine)
            self.edges_[cause] = np.quantile(sure, np.arange(1, self.bins) / self.bins)
            at = np.searchsorted(self.edges_[cause], sure, side="right")
            for k in range(self.bins):
                if (at == k).sum() >= LEAST_CASES:
                    self.widths_[cause, k] = self._width(mine[at == k])
        return self

    def _width(self, error: NDArray[np.float64]) -> float:
        """The quantile with the small-sample step of conformal prediction, so that new cases are held too."""
        rank = min(int(np.ceil(self.share * (len(error) + 1))), len(error))
        return float(np.sort(error)[rank - 1])

    def predict(self, causes: ArrayLike, probability: ArrayLike) -> NDArray[np.float64]:
        """``(m,)`` half widths; arguments as of ``fit``."""
        check_is_fitted(self)
        which, p = np.asarray(causes, dtype=np.int64), np.asarray(probability, dtype=np.float64)
        at = (p[:, None] >= self.edges_[which]).sum(axis=1)
        return np.asarray(self.widths_[which, at])
