"""The additive half: terms sum to the log odds; curves see bends, blanks and rare codes."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from loadprofile.bills.additive import KNOTS, AdditiveOdds, _curve


def made(n: int = 1500) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=n), rng.exponential(size=n), rng.integers(-1, 3, n).astype(float)])
    X[rng.random(n) < 0.1, 1] = np.nan
    odds = np.abs(X[:, 0]) * 2 - 2 + np.where(np.isnan(X[:, 1]), 1.5, 0.0) + np.where(X[:, 2] == 2, 1.5, 0.0)
    return X, rng.random(n) < 1 / (1 + np.exp(-odds))


def test_terms_and_base_sum_to_the_decision() -> None:
    X, y = made()
    model = AdditiveOdds([2]).fit(X, y)
    terms, base = model.contributions(X)
    np.testing.assert_allclose(terms.sum(axis=1) + base, model.decision_function(X), atol=1e-9)
    np.testing.assert_allclose(terms.mean(axis=0), 0.0, atol=1e-9)


def test_it_learns_a_valley_a_blank_and_a_code() -> None:
    X, y = made()
    model = AdditiveOdds([2]).fit(X, y)
    assert roc_auc_score(y, model.decision_function(X)) > 0.75
    probe = np.array(
        [[0.0, 1.0, 0.0], [2.0, 1.0, 0.0], [-2.0, 1.0, 0.0], [0.0, np.nan, 0.0], [0.0, 1.0, 2.0]]
    )
    middle, *others = model.decision_function(probe)
    assert all(other > middle + 0.5 for other in others)


def test_a_code_never_seen_is_read_as_a_rare_one() -> None:
    X, y = made()
    model = AdditiveOdds([2]).fit(X, y)
    strange, rare = (np.array([[0.0, 1.0, code]]) for code in (77.0, -1.0))
    assert model.decision_function(strange) == pytest.approx(model.decision_function(rare))


def test_a_curve_is_a_partition_of_one() -> None:
    grid = np.quantile(np.array([0.0] * 50 + list(range(50))), np.linspace(0, 1, 201))
    x = np.array([0.0, -5.0, 3.3, 49.0, 1e9, np.nan])
    part = _curve(x, grid)
    np.testing.assert_allclose(part.sum(axis=1), 1.0)
    assert part[-1, -1] == 1.0
    assert part[1, 0] == 1.0
    assert part[4, len(KNOTS) - 1] == 1.0
    # half of the rows are 0: their score is not the lowest
    assert part[0, 0] == 0.0


def test_of_many_numbers_those_that_tell_most_enter() -> None:
    X, y = made()
    noise = np.random.default_rng(1).normal(size=(len(X), 6))
    wide = np.column_stack([noise, X])
    model = AdditiveOdds([8], most=2).fit(wide, y)
    assert np.flatnonzero(model.kept_).tolist() == [6, 7, 8]
    terms, base = model.contributions(wide)
    assert not terms[:, :6].any()
    np.testing.assert_allclose(terms.sum(axis=1) + base, model.decision_function(wide), atol=1e-9)
    np.testing.assert_allclose(
        model.decision_function(wide), AdditiveOdds([2]).fit(X, y).decision_function(X)
    )
