"""Contributions of trees: they sum to the score, and are what the definition says."""

from __future__ import annotations

from itertools import combinations, pairwise
from math import factorial

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from loadprofile.bills.shapley import TABLED, contributions, leaves_of


def fitted(rounds: int, leaves: int, columns: int = 4) -> tuple[HistGradientBoostingClassifier, np.ndarray]:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(400, columns))
    X[rng.random(X.shape) < 0.1] = np.nan
    y = np.nan_to_num(X[:, 0]) * np.nan_to_num(X[:, 1], nan=1.0) + np.nan_to_num(X[:, 2]) > 0.3
    model = HistGradientBoostingClassifier(
        max_iter=rounds, max_leaf_nodes=leaves, min_samples_leaf=5, early_stopping=False, random_state=0
    )
    return model.fit(X, y), X


def known_value(nodes: np.ndarray, row: np.ndarray, known: frozenset[int], at: int = 0) -> float:
    """Value of a tree when only some columns are known: the others go both ways, as the training rows did."""
    node = nodes[at]
    if node["is_leaf"]:
        return float(node["value"])
    left, right = int(node["left"]), int(node["right"])
    if int(node["feature_idx"]) in known:
        x = row[node["feature_idx"]]
        goes = bool(node["missing_go_to_left"]) if np.isnan(x) else x <= node["num_threshold"]
        return known_value(nodes, row, known, left if goes else right)
    share = nodes[left]["count"] / node["count"]
    return float(
        share * known_value(nodes, row, known, left) + (1 - share) * known_value(nodes, row, known, right)
    )


@pytest.mark.parametrize(("rounds", "leaves"), [(1, 2), (5, 6), (40, 15)])
def test_contributions_and_base_sum_to_the_log_odds(rounds: int, leaves: int) -> None:
    model, X = fitted(rounds, leaves)
    found, base = contributions(leaves_of(model), X)
    np.testing.assert_allclose(found.sum(axis=1) + base, model.decision_function(X), atol=1e-9)


def test_paths_with_more_columns_than_are_tabled() -> None:
    model, X = fitted(6, 60, columns=14)
    leaves = leaves_of(model)
    paths = [leaves.column[a:b] for a, b in pairwise(leaves.start)]
    assert max(len(set(path.tolist())) for path in paths) > TABLED
    found, base = contributions(leaves, X)
    np.testing.assert_allclose(found.sum(axis=1) + base, model.decision_function(X), atol=1e-9)


def test_each_contribution_is_the_mean_over_all_orders() -> None:
    model, X = fitted(3, 8)
    found, _ = contributions(leaves_of(model), X[:12])
    k = X.shape[1]
    for row in range(12):
        for column in range(k):
            others = [c for c in range(k) if c != column]
            want = sum(
                factorial(size) * factorial(k - 1 - size) / factorial(k)
                * (
                    known_value(p.nodes, X[row], frozenset({*s, column}))
                    - known_value(p.nodes, X[row], frozenset(s))
                )
                for (p,) in model._predictors for size in range(k) for s in combinations(others, size)
            )  # fmt: skip
            assert found[row, column] == pytest.approx(want, abs=1e-9)
