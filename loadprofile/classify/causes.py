"""Odds over the six answers: one boosted model over features and findings, calibrated out of fold.

Fitted on emulated and verified cases. Calibration is honest about novelty: every row is scored by a
model that saw neither its home nor, for the folded kinds, any case of its kind, so that a kind never
met before costs confidence and not correctness.
"""

from __future__ import annotations

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.validation import check_is_fitted

from loadprofile.classify.calibration import ClassCalibrator, prior_shift
from loadprofile.classify.flat_trees import probabilities
from loadprofile.classify.known_columns import KnownColumns
from loadprofile.errors import ShapeError
from loadprofile.verdicts import CAUSES, cause_codes

SEEN_ALWAYS = "untouched"
"""The kind of a meter to which nothing was done: it is never held out as a kind."""


class CauseOdds(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Calibrated probabilities of the six answers.

    Args:
        folds: number of folds over homes and over kinds for the calibration scores.
        max_iter, learning_rate, max_leaf_nodes, min_samples_leaf, l2_regularization, max_features: of
            scikit-learn's HistGradientBoostingClassifier.
        seed: of folds and boosting.
        jobs: fits at the same time, each in a process of its own.

    Attributes:
        classes_: ``(6,)`` str, in the order of ``CAUSES``.
        prior_: ``(6,)`` share of each answer in the training rows.
        calibrator_: fitted ``ClassCalibrator``.
        out_of_fold_: ``(m, 6)`` calibrated out-of-fold probabilities of the training rows.
    """

    def __init__(
        self,
        folds: int = 4,
        max_iter: int = 220,
        learning_rate: float = 0.07,
        max_leaf_nodes: int = 23,
        min_samples_leaf: int = 20,
        l2_regularization: float = 1.0,
        max_features: float = 0.3,
        seed: int = 0,
        jobs: int = 1,
    ) -> None:
        self.folds = folds
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.max_leaf_nodes = max_leaf_nodes
        self.min_samples_leaf = min_samples_leaf
        self.l2_regularization = l2_regularization
        self.max_features = max_features
        self.seed = seed
        self.jobs = jobs

    def _booster(self) -> Pipeline:
        boosting = HistGradientBoostingClassifier(
            max_iter=self.max_iter,
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.max_leaf_nodes,
            min_samples_leaf=self.min_samples_leaf,
            l2_regularization=self.l2_regularization,
            max_features=self.max_features,
            early_stopping=False,
            random_state=self.seed,
        )
        return make_pipeline(KnownColumns(), boosting)

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        homes: ArrayLike | None = None,
        kinds: ArrayLike | None = None,
        weights: ArrayLike | None = None,
    ) -> CauseOdds:
        """Fit the booster on all rows and the calibrator on out-of-fold scores.

        Args:
            X: ``(m, k)`` float, NaN allowed.
            y: ``(m,)`` cause names; every one of the six must occur.
            homes: ``(m,)`` what may not stand on both sides (default: each row its own).
            kinds: ``(m,)`` kind of phenomenon of each row (default: the cause).
            weights: ``(m,)`` positive, how much each row counts (default: all the same).

        Raises:
            ShapeError: when lengths differ, a cause does not occur, or a weight is not above 0.
        """
        X = np.asarray(X, dtype=np.float32)
        y = np.asarray(y, dtype=np.str_)
        m = len(X)
        homes = np.arange(m).astype(np.str_) if homes is None else np.asarray(homes, dtype=np.str_)
        kinds = y if kinds is None else np.asarray(kinds, dtype=np.str_)
        w = None if weights is None else np.asarray(weights, dtype=np.float64)
        for name, value in (("y", y), ("homes", homes), ("kinds", kinds), ("weights", y if w is None else w)):
            if len(value) != m:
                raise ShapeError(name, len(value), m)
        if w is not None and not (np.isfinite(w) & (w > 0)).all():
            raise ShapeError("weights", "not above 0 or not finite", "positive numbers")
        self.classes_ = np.array([str(c) for c in CAUSES])
        missing = set(self.classes_) - set(y.tolist())
        if missing:
            raise ShapeError("y", f"no case of {sorted(missing)}", "all six answers")
        self.n_features_in_ = X.shape[1]
        codes = cause_codes(y)
        self.prior_ = np.bincount(codes, w, minlength=len(CAUSES)) / (m if w is None else w.sum())
        logits = np.zeros((m, len(CAUSES)))
        home_fold = self._folds_of(homes)
        kind_fold = self._folds_of(kinds)
        kind_fold[kinds == SEEN_ALWAYS] = -1
        seen = [
            np.ones(m, dtype=np.bool_),
            *((home_fold != k) & (kind_fold != k) for k in range(self.folds)),
        ]
        fits = Parallel(n_jobs=self.jobs)(
            delayed(_fitted)(self._booster(), X[learn], codes[learn], None if w is None else w[learn])
            for learn in seen
        )
        for fold, booster in enumerate(fits[1:]):
            held = home_fold == fold
            logits[held] = self._logits(booster, X[held])
        self.calibrator_ = ClassCalibrator().fit(logits, codes, w)
        self.out_of_fold_ = self.calibrator_.transform(logits)
        self.booster_ = fits[0]
        return self

    def _folds_of(self, names: NDArray[np.str_]) -> NDArray[np.int64]:
        """A fold for each distinct name, by a seeded shuffle of the sorted names."""
        distinct, inverse = np.unique(names, return_inverse=True)
        order = np.random.default_rng(self.seed).permutation(len(distinct))
        return (order % self.folds)[inverse].astype(np.int64)

    def _logits(self, booster: Pipeline, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """Log probabilities over all six answers; an answer that a fold never saw gets a floor."""
        out = np.full((len(X), len(CAUSES)), np.log(1e-6))
        if len(X):
            out[:, booster.classes_] = np.log(np.maximum(probabilities(booster, X), 1e-9))
        return out

    def predict_proba(self, X: ArrayLike, prior: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """``(m, 6)`` probabilities in the order of ``CAUSES``.

        Args:
            X: ``(m, k)`` float, NaN allowed.
            prior: ``(6,)`` how common each answer is where the rows come from; None = as in training.
        """
        check_is_fitted(self)
        X = np.asarray(X, dtype=np.float32)
        calibrated = self.calibrator_.transform(self._logits(self.booster_, X))
        if prior is None:
            return np.asarray(calibrated)
        return np.asarray(prior_shift(calibrated, self.prior_, prior))

    def predict(self, X: ArrayLike) -> NDArray[np.str_]:
        """The likeliest answer."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


def _fitted(
    booster: Pipeline, X: NDArray[np.float32], codes: NDArray[np.int64], weights: NDArray[np.float64] | None
) -> Pipeline:
    """Fitted in a worker's process."""
    if weights is None:
        return booster.fit(X, codes)
    return booster.fit(X, codes, **{f"{booster.steps[-1][0]}__sample_weight": weights})
