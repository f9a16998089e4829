"""The light booster of the comparisons: one recipe, so that they differ in what they are fitted on."""

from __future__ import annotations

from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from loadprofile.classify.known_columns import KnownColumns


def light_booster(seed: int, rounds: int, *, learning_rate: float = 0.1, bins: int = 63) -> Pipeline:
    """Boosting with small trees on a fifth of the columns at a time; columns that hold nothing are dropped.

    Args:
        seed: of the columns drawn.
        rounds: of boosting.
        learning_rate: weight of each round.
        bins: into which each column is cut.
    """
    boosting = HistGradientBoostingClassifier(
        max_iter=rounds, learning_rate=learning_rate, max_leaf_nodes=15, min_samples_leaf=20,
        l2_regularization=1.0, max_features=0.2, max_bins=bins, early_stopping=False, random_state=seed,
    )  # fmt: skip
    return make_pipeline(KnownColumns(), boosting)
