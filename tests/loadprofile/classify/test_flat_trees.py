from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from loadprofile.classify.flat_trees import flat_trees, probabilities
from loadprofile.classify.known_columns import KnownColumns
from loadprofile.errors import ShapeError
from loadprofile.models.store import load_model, save_model


def fitted(rng: np.random.Generator, answers: int, rounds: int = 12) -> tuple[Pipeline, np.ndarray]:
    X = rng.normal(size=(400, 7)).astype(np.float32)
    y = (np.digitize(X[:, 0] + 0.5 * X[:, 2] ** 2, np.linspace(-1, 2, answers - 1))).astype(np.int64)
    X[rng.random(X.shape) < 0.15] = np.nan
    X[:, 3] = np.nan  # dropped: the columns of the trees are not those of the rows
    model = HistGradientBoostingClassifier(max_iter=rounds, max_leaf_nodes=9, random_state=0)
    return make_pipeline(KnownColumns(), model).fit(X, y), X


@pytest.mark.parametrize("answers", [2, 3, 6])
def test_equal_to_scikit_learn_to_the_last_bit(rng: np.random.Generator, answers: int) -> None:
    booster, X = fitted(rng, answers)
    model = booster[-1]
    flat = flat_trees(model, booster[0].known_)
    far = np.where(np.abs(X) > 1.5, np.inf * X, X)
    for rows in (X, far):
        np.testing.assert_array_equal(flat.raw(rows), model._raw_predict(rows[:, booster[0].known_]))
    np.testing.assert_array_equal(probabilities(booster, X), booster.predict_proba(X))
    np.testing.assert_array_equal(probabilities(booster, X[5:6]), booster.predict_proba(X[5:6]))


def test_a_value_at_the_threshold_goes_left(rng: np.random.Generator) -> None:
    booster, X = fitted(rng, 3)
    flat = flat_trees(booster[-1], booster[0].known_)
    for at in np.flatnonzero(flat.column >= 0)[:40]:
        row = np.where(np.isnan(X[:1]), 0, X[:1]).astype(np.float64)
        row[0, flat.column[at]] = flat.number[at]
        np.testing.assert_array_equal(flat.raw(row), booster[-1]._raw_predict(row[:, booster[0].known_]))


def test_a_model_that_was_saved_or_fitted_again_is_laid_out_anew(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    booster, X = fitted(rng, 3)
    before = probabilities(booster, X)
    save_model(tmp_path / "m.lpm", {"booster": booster}, {})
    loaded = load_model(tmp_path / "m.lpm")[0]["booster"]
    np.testing.assert_array_equal(probabilities(loaded, X), before)
    booster.fit(X[::-1], rng.integers(3, size=len(X)))
    np.testing.assert_array_equal(probabilities(booster, X), booster.predict_proba(X))
    assert not np.array_equal(probabilities(booster, X), before)


def test_many_threads_get_the_same(rng: np.random.Generator) -> None:
    booster, X = fitted(rng, 6)
    expected = booster.predict_proba(X)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: probabilities(booster, X), range(16)):
            np.testing.assert_array_equal(found, expected)


def test_rows_and_models_of_another_shape_are_refused(rng: np.random.Generator) -> None:
    booster, X = fitted(rng, 3)
    with pytest.raises(ShapeError):
        probabilities(booster, X[:, :-1])  # the loop would read beside the row
    with pytest.raises(ShapeError):
        flat_trees(booster[-1], np.ones(7, dtype=np.bool_))  # it was fitted on six
    sorts = np.column_stack([rng.integers(4, size=200), rng.normal(size=200)])
    by_sort = HistGradientBoostingClassifier(max_iter=2, categorical_features=[0])
    with pytest.raises(ShapeError):
        flat_trees(by_sort.fit(sorts, sorts[:, 0] == 2))
