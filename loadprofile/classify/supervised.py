"""The named classifiers: the paper's six, and boosting.

Calamaro et al. 2021 (Sustainability 13(19), 10696) compare random forest, decision tree, KNN,
logistic regression, ridge and SVM on the same features; they give no settings, so these are ours.
Departures: classes are weighted (thefts are 1-8 % of meters), the SVM uses a Nystroem map of its
RBF kernel (time grows with the number of meters and not with its square), and no model stops early
on a random part of its rows, because that part would hold meters it also learns from.

Scores order meters; they are no probabilities until they are calibrated on held-out meters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.validation import check_is_fitted, validate_data

from loadprofile.errors import OptionError
from loadprofile.space.scaling import RobustScaling


@dataclass(frozen=True, slots=True)
class Classifier:
    """One row of the table.

    Attributes:
        make: seed -> an unfitted scikit-learn classifier that reads ``(n, k)`` values with NaN.
        good_at: when to take it.
    """

    make: Callable[[int], Any]
    good_at: str


@dataclass(frozen=True, slots=True)
class Made:
    """What was really made: ``used`` is not ``name`` where a stand-in took its place; ``note`` says why."""

    name: str
    used: str
    estimator: Any
    note: str = ""


class KernelMap(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Nystroem's map of the RBF kernel on at most ``landmarks`` training meters, fewer if there are fewer.

    Attributes:
        map_: the fitted ``sklearn.kernel_approximation.Nystroem``.
    """

    def __init__(self, landmarks: int = 300, seed: int = 0) -> None:
        self.landmarks = landmarks
        self.seed = seed

    def fit(self, X: ArrayLike, y: object = None) -> KernelMap:  # noqa: ARG002
        """Choose the landmarks among ``(n, k)`` finite training values."""
        values = validate_data(self, X)
        count = min(self.landmarks, len(values))
        self.map_ = Nystroem("rbf", n_components=count, random_state=self.seed).fit(values)
        return self

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """``(n, landmarks)`` similarities to the landmarks, whitened."""
        check_is_fitted(self)
        return np.asarray(self.map_.transform(validate_data(self, X, reset=False)))


def _scaled(*steps: tuple[str, Any]) -> Pipeline:
    return Pipeline([("scaling", RobustScaling()), *steps])


def _random_forest(seed: int) -> Any:
    return RandomForestClassifier(
        300, min_samples_leaf=3, class_weight="balanced_subsample", random_state=seed, n_jobs=1
    )


def _decision_tree(seed: int) -> Any:
    return DecisionTreeClassifier(
        criterion="entropy", min_samples_leaf=20, class_weight="balanced", random_state=seed
    )


def _knn(seed: int) -> Any:  # noqa: ARG001
    # Nothing to weight by class: the order of the scores is what is used, then calibration.
    return _scaled(("model", KNeighborsClassifier(15, weights="distance")))


def _logistic_regression(seed: int) -> Any:
    return _scaled(
        ("model", LogisticRegression(C=0.05, class_weight="balanced", max_iter=3000, random_state=seed))
    )


def _ridge(seed: int) -> Any:
    return _scaled(("model", RidgeClassifier(alpha=10.0, class_weight="balanced", random_state=seed)))


def _svm(seed: int) -> Any:
    return _scaled(
        ("kernel", KernelMap(seed=seed)),
        ("model", LinearSVC(C=1.0, class_weight="balanced", dual=False, max_iter=5000, random_state=seed)),
    )


def _hist_gradient_boosting(seed: int) -> Any:
    return HistGradientBoostingClassifier(
        learning_rate=0.08, max_iter=200, max_leaf_nodes=15, min_samples_leaf=15, l2_regularization=1.0,
        early_stopping=False, class_weight="balanced", random_state=seed,
    )  # fmt: skip


def _lightgbm(seed: int) -> Any:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(
        n_estimators=200, learning_rate=0.08, num_leaves=15, min_child_samples=15, reg_lambda=1.0,
        max_bin=63, class_weight="balanced", random_state=seed, n_jobs=1, deterministic=True,
        force_row_wise=True, verbose=-1,
    )  # fmt: skip


CLASSIFIERS: Mapping[str, Classifier] = MappingProxyType(
    {
        "random_forest": Classifier(_random_forest, "about 200 labelled meters and more; wild features"),
        "decision_tree": Classifier(_decision_tree, "a rule that can be read aloud"),
        "knn": Classifier(_knn, "few components, many like cases"),
        "logistic_regression": Classifier(_logistic_regression, "from about 20 labelled meters on"),
        "ridge": Classifier(_ridge, "many correlated columns, few labels"),
        "svm": Classifier(_svm, "a few hundred labels, smooth borders"),
        "hist_gradient_boosting": Classifier(_hist_gradient_boosting, "thousands of labels, missing values"),
        "lightgbm": Classifier(_lightgbm, "the same, faster on very many meters (extra 'boost')"),
    }
)
"""Name -> classifier. The first six are the paper's."""

PAPER_SIX = tuple(CLASSIFIERS)[:6]


def make_classifier(name: str, seed: int = 0) -> Made:
    """The named classifier, not yet fitted.

    LightGBM is an extra and needs the system library libgomp1; where it cannot be loaded,
    HistGradientBoosting stands in and the note says so.

    Raises:
        OptionError: no such name.
    """
    if name not in CLASSIFIERS:
        raise OptionError("classifier", name, f"known are {', '.join(CLASSIFIERS)}")
    try:
        return Made(name, name, CLASSIFIERS[name].make(seed))
    except (ImportError, OSError) as reason:
        stand_in = "hist_gradient_boosting"
        note = f"{name} cannot be loaded ({reason}); {stand_in} stands in"
        return Made(name, stand_in, CLASSIFIERS[stand_in].make(seed), note)


def class_scores(model: Any, X: ArrayLike) -> NDArray[np.float64]:
    """``(n, c)`` scores of every class, higher = more of that class, for a fitted classifier.

    ``predict_proba`` where the model has it, else the decision function (two columns, -f and f,
    for two classes). Not probabilities until calibrated.
    """
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(X), dtype=np.float64)
    found = np.asarray(model.decision_function(X), dtype=np.float64)
    return np.stack([-found, found], axis=1) if found.ndim == 1 else found


def score_of(model: Any, X: ArrayLike, positive: object = 1) -> NDArray[np.float64]:
    """``(n,)`` scores of one class, higher = more of it.

    Raises:
        OptionError: the model was not trained on that class.
    """
    at = np.flatnonzero(np.asarray(model.classes_) == positive)
    if not at.size:
        raise OptionError("positive", positive, f"the model knows {list(model.classes_)}")
    return class_scores(model, X)[:, int(at[0])]
