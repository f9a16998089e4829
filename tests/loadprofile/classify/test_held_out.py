from __future__ import annotations

import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from loadprofile.classify.held_out import HeldOutCalibrated, _positive
from loadprofile.errors import ShapeError


def data(rng: np.random.Generator, m: int = 600) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    X = rng.normal(size=(m, 3))
    y = rng.random(m) < 1 / (1 + np.exp(-X[:, 0]))
    return X, y, np.arange(m) // 5


def test_an_overfitting_classifier_is_brought_down_to_what_it_knows(rng: np.random.Generator) -> None:
    X, y, groups = data(rng)
    fresh, truth, _ = data(rng)
    tree = DecisionTreeClassifier(random_state=0)
    raw = tree.fit(X, y).predict_proba(fresh)[:, 1]
    ours = HeldOutCalibrated(DecisionTreeClassifier(random_state=0)).fit(X, y, groups=groups)
    brier = lambda p: np.mean((p - truth) ** 2)  # noqa: E731
    assert brier(ours.predict_proba(fresh)[:, 1]) < 0.27 < brier(raw)


def test_prior_is_bayes(rng: np.random.Generator) -> None:
    X, y, groups = data(rng)
    model = HeldOutCalibrated(LogisticRegression()).fit(X, y, groups=groups)
    p, q = model.predict_proba(X)[:, 1], model.predict_proba(X, 0.01)[:, 1]
    factor = (0.01 / model.prior_) / (0.99 / (1 - model.prior_))
    assert q / (1 - q) == pytest.approx(factor * p / (1 - p))


@pytest.mark.parametrize(
    ("y", "groups"),
    [
        pytest.param(np.ones(10, bool), np.arange(10), id="one_class"),
        pytest.param(np.arange(10) % 2 == 0, np.zeros(10), id="one_group"),
    ],
)
def test_refuses_what_cannot_be_calibrated(y: np.ndarray, groups: np.ndarray) -> None:
    with pytest.raises(ShapeError):
        HeldOutCalibrated(LogisticRegression()).fit(np.zeros((10, 2)), y, groups=groups)


def test_a_curve_over_filled_gaps_is_what_scikit_learn_says(rng: np.random.Generator) -> None:
    X, y, _ = data(rng)
    X = X.astype(np.float32)
    X[rng.random(X.shape) < 0.3] = np.nan
    for filling in (
        SimpleImputer(strategy="constant", fill_value=0.25, keep_empty_features=True),
        SimpleImputer(strategy="mean"),
        SimpleImputer(strategy="constant", fill_value=0.25, add_indicator=True),
    ):
        fitted = make_pipeline(filling, LogisticRegression()).fit(X, y)
        np.testing.assert_array_equal(_positive(fitted, X), fitted.predict_proba(X)[:, 1])
        np.testing.assert_array_equal(_positive(fitted, X[:1]), fitted.predict_proba(X[:1])[:, 1])
