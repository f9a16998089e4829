from __future__ import annotations

import builtins
import importlib.util

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from loadprofile.classify.supervised import (
    CLASSIFIERS,
    PAPER_SIX,
    class_scores,
    make_classifier,
    score_of,
)
from loadprofile.errors import OptionError

NAMES = [pytest.param(name, id=name) for name in CLASSIFIERS]


def _quick(name: str, seed: int = 0):
    """The named classifier with fewer trees: the settings, not their number, are under test."""
    model = make_classifier(name, seed).estimator
    fewer = {
        "random_forest": "n_estimators",
        "lightgbm": "n_estimators",
        "hist_gradient_boosting": "max_iter",
    }
    return model.set_params(**{fewer[name]: 25}) if name in fewer else model


def _meters(rng: np.random.Generator, n: int = 400, causes: int = 2) -> tuple[np.ndarray, np.ndarray]:
    truth = (rng.random(n) < 0.15).astype(int) if causes == 2 else rng.integers(0, causes, n)
    values = rng.normal(size=(n, 8)).astype(np.float32)
    for cause in range(1, causes):
        values[truth == cause, cause] += 2.5
    values[rng.random(values.shape) < 0.1] = np.nan
    return values, truth


def test_the_papers_six_come_first():
    assert PAPER_SIX == ("random_forest", "decision_tree", "knn", "logistic_regression", "ridge", "svm")


@pytest.mark.parametrize("name", NAMES)
def test_ranks_unseen_meters_reads_gaps_and_repeats_itself(name, rng):
    values, truth = _meters(rng)
    unseen, answer = _meters(rng)
    scores = score_of(_quick(name, seed=3).fit(values, truth), unseen)
    assert scores.shape == (400,)
    assert np.isfinite(scores).all()
    assert roc_auc_score(answer, scores) > 0.8
    again = _quick(name, seed=3).fit(values, truth)
    np.testing.assert_array_equal(scores, score_of(again, unseen))
    one = np.concatenate([score_of(again, unseen[at : at + 1]) for at in range(5)])
    np.testing.assert_allclose(one, scores[:5], atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_several_causes_each_have_a_column(name, rng):
    values, truth = _meters(rng, 300, causes=3)
    labels = np.array(["normal", "fraud", "maintenance"])[truth]
    model = _quick(name).fit(values, labels)
    scores = class_scores(model, values)
    assert scores.shape == (300, 3)
    at = list(model.classes_).index("fraud")
    np.testing.assert_array_equal(score_of(model, values, "fraud"), scores[:, at])
    assert roc_auc_score(labels == "fraud", scores[:, at]) > 0.8


@pytest.mark.parametrize("name", [pytest.param(n, id=n) for n in CLASSIFIERS if n != "knn"])
def test_class_weights_raise_the_rare_class(name, rng):
    """With 3 % thefts an unweighted model calls almost nobody; a weighted one calls a fair share."""
    values, _ = _meters(rng, 1000)
    truth = (rng.random(1000) < 0.03).astype(int)
    values[truth == 1, 1] += 1.2
    called = _quick(name).fit(np.nan_to_num(values), truth).predict(np.nan_to_num(values))
    assert called[truth == 1].mean() > 0.3


@pytest.mark.parametrize("name", NAMES)
def test_twenty_labelled_meters_are_enough_to_begin(name, rng):
    values, _ = _meters(rng, 20)
    truth = np.arange(20) % 3 == 0
    assert np.isfinite(score_of(_quick(name).fit(values, truth), values, positive=True)).all()


def test_unknown_name_and_class_are_named(rng):
    with pytest.raises(OptionError, match="known are random_forest"):
        make_classifier("oracle")
    model = make_classifier("ridge").estimator.fit(*_meters(rng))
    with pytest.raises(OptionError) as caught:
        score_of(model, np.zeros((1, 8)), "fraud")
    assert caught.value.value == "fraud"


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(ImportError("No module named 'lightgbm'"), id="not_installed"),
        pytest.param(OSError("libgomp.so.1: cannot open shared object file"), id="no_libgomp"),
    ],
)
def test_without_lightgbm_another_stands_in_and_says_so(monkeypatch, failure):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.split(".")[0] == "lightgbm":
            raise failure
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    made = make_classifier("lightgbm")
    assert (made.name, made.used) == ("lightgbm", "hist_gradient_boosting")
    assert str(failure) in made.note
    assert type(made.estimator).__name__ == "HistGradientBoostingClassifier"


@pytest.mark.skipif(importlib.util.find_spec("lightgbm") is None, reason="extra 'boost' is not installed")
def test_lightgbm_is_used_where_it_is_there():
    made = make_classifier("lightgbm")
    assert (made.used, made.note) == ("lightgbm", "")
