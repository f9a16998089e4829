from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from loadprofile.errors import OptionError
from loadprofile.space.projection import PrincipalPlanes


@parametrize_with_checks([PrincipalPlanes()])
def test_keeps_the_scikit_learn_contract(estimator, check):
    check(estimator)


def _plane(rng: np.random.Generator, n: int = 600, k: int = 12, noise: float = 0.01) -> np.ndarray:
    values = rng.normal(size=(n, 2)) @ rng.normal(size=(2, k))
    return values + noise * rng.normal(size=(n, k))


def test_two_directions_are_found_and_a_meter_off_the_plane_is_far(rng):
    values = _plane(rng)
    fitted = PrincipalPlanes(0.95).fit(values)
    assert fitted.n_components_ == 2
    assert fitted.get_feature_names_out().tolist() == ["space.pc01", "space.pc02", "space.distance"]
    off = values[:1] + 3 * rng.normal(size=(1, 12))
    assert fitted.distance(off)[0] > 10 * fitted.distance(values).max()


def test_distance_equals_the_slow_twin(rng):
    values = _plane(rng, noise=0.5)
    values[rng.random(values.shape) < 0.1] = np.nan
    fitted = PrincipalPlanes(0.8).fit(values)
    z = fitted.scaling_.transform(values)
    middle, axes = fitted.pca_.mean_, fitted.pca_.components_
    for row in (0, 17, 599):
        point = z[row] - middle
        foot = sum(float(point @ axis) * axis for axis in axes)
        expected = np.sqrt(np.mean((point - foot) ** 2))
        assert fitted.distance(values)[row] == pytest.approx(expected, rel=1e-9)
        # the residual is at right angles to every axis of the plane
        np.testing.assert_allclose(axes @ (point - foot), 0, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batches_and_order_make_no_difference(rng, dtype, monkeypatch):
    values = _plane(rng, noise=0.5).astype(dtype)
    values[rng.random(values.shape) < 0.1] = np.nan
    fitted = PrincipalPlanes(0.8).fit(values)
    whole = fitted.transform(values)
    assert whole.dtype == dtype
    one = np.concatenate([fitted.transform(values[at : at + 1]) for at in range(40)])
    order = rng.permutation(len(values))
    tolerance = 2e-5 if dtype == np.float32 else 1e-10
    np.testing.assert_allclose(one, whole[:40], atol=tolerance)
    np.testing.assert_allclose(fitted.transform(values[order]), whole[order], atol=tolerance)
    monkeypatch.setattr("loadprofile.space.projection.CHUNK_ROWS", 7)
    np.testing.assert_allclose(fitted.transform(values), whole, atol=tolerance)


def test_explains_at_least_the_share_asked_for(rng):
    values = rng.normal(size=(500, 20))
    fitted = PrincipalPlanes(0.7).fit(values)
    assert 0.7 <= fitted.explained_ < 0.8
    assert PrincipalPlanes(0.7, max_components=3).fit(values).n_components_ == 3


def test_a_missing_meter_is_finite(rng):
    fitted = PrincipalPlanes().fit(_plane(rng, noise=0.2))
    assert np.isfinite(fitted.transform(np.full((1, 12), np.nan))).all()


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"explained_variance": 1.0}, id="all_variance"),
        pytest.param({"max_components": 0}, id="no_components"),
    ],
)
def test_options_out_of_range_are_named(rng, options):
    with pytest.raises(OptionError) as caught:
        PrincipalPlanes(**options).fit(rng.normal(size=(9, 3)))
    assert caught.value.option in options


def test_constant_columns_alone_make_no_plane():
    with pytest.raises(ValueError, match="no column varies"):
        PrincipalPlanes().fit(np.ones((9, 3)))
