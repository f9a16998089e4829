"""A classifier whose probabilities are calibrated on meters it was not fitted on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from loadprofile.classify.calibration import BinaryCalibrator
from loadprofile.errors import ShapeError


class HeldOutCalibrated(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Two-class probabilities from any classifier, calibrated on held-out groups.

    Args:
        estimator: unfitted classifier with ``predict_proba``.
        folds: number of group folds that give the held-out scores.

    Attributes:
        classes_: ``[False, True]``.
        prior_: share of the positive class in the training rows.
        estimator_: the estimator, fitted on all rows.
        calibrator_: fitted on the held-out scores.
    """

    def __init__(self, estimator: Any, folds: int = 4) -> None:
        self.estimator = estimator
        self.folds = folds

    def fit(self, X: ArrayLike, y: ArrayLike, *, groups: ArrayLike | None = None) -> HeldOutCalibrated:
        """Fit the estimator on all rows and the calibration on held-out scores.

        Args:
            X: ``(m, k)`` float.
            y: ``(m,)`` bool.
            groups: ``(m,)`` what may not stand on both sides (default: each row its own).

        Raises:
            ShapeError: fewer groups than folds, or only one class.
        """
        X = np.asarray(X, dtype=np.float32)
        y = np.asarray(y, dtype=np.bool_)
        groups = np.arange(len(y)) if groups is None else np.asarray(groups)
        if len(np.unique(groups)) < self.folds:
            raise ShapeError("groups", len(np.unique(groups)), f"at least {self.folds}")
        if y.all() or not y.any():
            raise ShapeError("y", "one class", "both classes")
        scores = np.zeros(len(y))
        for learn, held in GroupKFold(self.folds).split(X, y, groups):
            scores[held] = self._logit(clone(self.estimator).fit(X[learn], y[learn]), X[held])
        self.classes_ = np.array([False, True])
        self.n_features_in_ = X.shape[1]
        self.prior_ = float(y.mean())
        self.calibrator_ = BinaryCalibrator().fit(scores, y)
        self.estimator_ = clone(self.estimator).fit(X, y)
        return self

    @staticmethod
    def _logit(fitted: Any, X: NDArray[np.float32]) -> NDArray[np.float64]:
        p = np.clip(_positive(fitted, X), 1e-7, 1 - 1e-7)
        return np.asarray(np.log(p) - np.log1p(-p), dtype=np.float64)

    def predict_proba(self, X: ArrayLike, prior: float | None = None) -> NDArray[np.float64]:
        """``(m, 2)`` probabilities; ``prior``: how common the positive class is where the rows are from."""
        check_is_fitted(self)
        p = np.asarray(
            self.calibrator_.transform(self._logit(self.estimator_, np.asarray(X, dtype=np.float32)))
        )
        if prior is not None:
            up = p * prior / self.prior_
            p = up / (up + (1.0 - p) * (1.0 - prior) / (1.0 - self.prior_))
        return np.column_stack([1.0 - p, p])

    def predict(self, X: ArrayLike) -> NDArray[np.bool_]:
        """Whether the positive class is the likelier one at the training prior."""
        return np.asarray(self.predict_proba(X)[:, 1] > 0.5)


def _positive(fitted: Any, X: NDArray[np.float32]) -> NDArray[Any]:
    """``fitted.predict_proba(X)[:, 1]``.

    A logistic curve over filled gaps, which is what the sub-detectors have, is worked out here: for few rows
    the checks around scikit-learn's two steps take far longer than the steps.
    """
    steps = [step for _, step in fitted.steps] if isinstance(fitted, Pipeline) else []
    if [type(step) for step in steps] != [SimpleImputer, LogisticRegression] or len(fitted.classes_) != 2:
        return np.asarray(fitted.predict_proba(X)[:, 1])
    filling, curve = steps
    if filling.strategy != "constant" or filling.add_indicator or not np.isnan(filling.missing_values):
        return np.asarray(fitted.predict_proba(X)[:, 1])
    filled = np.where(np.isnan(X), filling.statistics_.astype(X.dtype), X)
    return np.asarray(expit((filled @ curve.coef_.T + curve.intercept_)[:, 0]))
