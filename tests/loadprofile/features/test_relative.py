from __future__ import annotations

import numpy as np

from loadprofile.features.relative import LEAST_METERS, relative_features
from loadprofile.features.table import FeatureTable


def table_of(values: np.ndarray) -> FeatureTable:
    ids = np.array([f"m{i:03d}" for i in range(len(values))])
    return FeatureTable(ids, ("change.z", "g1.skew"), values.astype(np.float32))


def test_values_stand_beside_the_population_and_keep_their_sign() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(0, 5, (41, 2))
    values[3, 0] = np.nan
    found = relative_features(table_of(values))
    assert found.names == ("relative.change.z",)
    usual = np.median(np.abs(values[np.isfinite(values[:, 0]), 0]))
    np.testing.assert_allclose(found.values[:, 0], values[:, 0] / usual, rtol=1e-5)
    again = relative_features(table_of(10 * values))
    np.testing.assert_allclose(again.values, found.values, rtol=1e-5)


def test_the_order_of_meters_does_not_matter() -> None:
    values = np.random.default_rng(1).normal(0, 5, (30, 2))
    order = np.random.default_rng(2).permutation(30)
    whole, mixed = relative_features(table_of(values)), relative_features(table_of(values[order]))
    np.testing.assert_array_equal(whole.values[order], mixed.values)


def test_a_handful_of_meters_is_no_yardstick() -> None:
    values = np.random.default_rng(3).normal(0, 5, (LEAST_METERS - 1, 2))
    assert np.isnan(relative_features(table_of(values)).values).all()
