from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from loadprofile.errors import OptionError
from loadprofile.space.correlation import CorrelationFilter, column_correlations


@parametrize_with_checks([CorrelationFilter()])
def test_keeps_the_scikit_learn_contract(estimator, check):
    check(estimator)


def _twin(values: np.ndarray, clip: float | None, min_common: int) -> np.ndarray:
    """The slow obvious way: one pair at a time with pandas."""
    frame = pd.DataFrame(values, dtype=float)
    if clip is not None:
        for name in frame:
            iqr = (frame[name].quantile(0.75) - frame[name].quantile(0.25)) / 1.349
            spread = iqr if iqr > 0 else frame[name].std(ddof=0)
            middle = frame[name].median()
            frame[name] = frame[name].clip(middle - clip * spread, middle + clip * spread)
    return frame.corr(min_periods=min_common).to_numpy()


@pytest.mark.parametrize("clip", [pytest.param(None, id="plain"), pytest.param(3.0, id="cut_tails")])
@pytest.mark.parametrize("missing", [pytest.param(0.0, id="complete"), pytest.param(0.4, id="gaps")])
def test_correlations_equal_the_twin(rng, clip, missing):
    values = rng.normal(size=(300, 9)) @ rng.normal(size=(9, 9)) + 50
    values[rng.random(values.shape) < missing] = np.nan
    values[5, 2] = 4000.0
    found = column_correlations(values, clip, min_common=20)
    np.testing.assert_allclose(found, _twin(values, clip, 20), atol=2e-5)


def test_chunks_make_no_difference(rng, monkeypatch):
    values = rng.normal(size=(500, 6)).astype(np.float32)
    values[rng.random(values.shape) < 0.2] = np.nan
    whole = column_correlations(values)
    monkeypatch.setattr("loadprofile.space.correlation.CHUNK_ROWS", 37)
    np.testing.assert_allclose(column_correlations(values), whole, atol=1e-6)


def _frame(rng: np.random.Generator, n: int = 400) -> pd.DataFrame:
    a, b = rng.normal(size=n), rng.normal(size=n)
    return pd.DataFrame(
        {
            "a": a,
            "nothing": np.nan,
            "a_again": 3 * a + 7,
            "same": 2.5,
            "b": b,
            "a_reversed": -a + 0.01 * rng.normal(size=n),
            "mix": a + b,
        }
    )


def test_names_every_dropped_column(rng):
    fitted = CorrelationFilter(0.95).fit(_frame(rng))
    assert fitted.get_feature_names_out().tolist() == ["a", "b", "mix"]
    assert fitted.representative_ == {"a_again": "a", "a_reversed": "a"}
    assert fitted.resemblance_["a_again"] == pytest.approx(1.0, abs=1e-4)
    assert fitted.resemblance_["a_reversed"] == pytest.approx(-1.0, abs=1e-3)
    assert (fitted.empty_, fitted.constant_) == (["nothing"], ["same"])


def test_frames_and_arrays_and_meter_order_agree(rng):
    frame = _frame(rng)
    fitted = CorrelationFilter().fit(frame)
    shuffled = CorrelationFilter().fit(frame.sample(frac=1, random_state=3))
    array = CorrelationFilter().fit(frame.to_numpy())
    assert fitted.kept_.tolist() == shuffled.kept_.tolist() == array.kept_.tolist()
    np.testing.assert_array_equal(fitted.transform(frame), array.transform(frame.to_numpy()))
    assert fitted.transform(frame).shape == (400, 3)


def test_the_better_known_column_stands_for_the_other(rng):
    frame = _frame(rng)[["a", "a_again", "b"]].copy()
    frame.loc[:150, "a"] = np.nan
    assert CorrelationFilter().fit(frame).representative_ == {"a": "a_again"}


def test_one_wild_meter_does_not_marry_two_columns(rng):
    values = rng.normal(size=(300, 2))
    values[7] = 1e5
    assert CorrelationFilter().fit(values).kept_.tolist() == [True, True]
    assert CorrelationFilter(clip=None).fit(values).kept_.tolist() == [True, False]


def test_missing_values_stay_missing(rng):
    frame = _frame(rng)
    frame.loc[3, "b"] = np.nan
    assert np.isnan(CorrelationFilter().fit(frame).transform(frame)[3, 1])


def test_too_few_common_meters_decide_nothing(rng):
    a = rng.normal(size=60)
    values = np.stack([a, a], axis=1)
    values[:25, 0] = np.nan
    values[35:, 1] = np.nan
    assert CorrelationFilter().fit(values).kept_.all()
    assert np.isnan(column_correlations(values)[0, 1])


def test_heat_maps_put_like_beside_like(rng):
    frame = _frame(rng)
    maps = CorrelationFilter().fit(frame).heat_maps(frame)
    at = [maps.names_before.index(name) for name in ("a", "a_again", "a_reversed")]
    assert max(at) - min(at) == 2
    assert set(maps.names_after) == {"a", "b", "mix"}
    assert maps.before.shape == (5, 5)
    off = maps.after[~np.eye(3, dtype=bool)]
    assert np.abs(off).max() < 0.95
    row, col = maps.names_before.index("a"), maps.names_before.index("mix")
    assert maps.before[row, col] == pytest.approx(frame["a"].corr(frame["mix"]), abs=1e-4)


def test_threshold_out_of_range_is_named(rng):
    with pytest.raises(OptionError) as caught:
        CorrelationFilter(threshold=1.2).fit(rng.normal(size=(5, 2)))
    assert caught.value.option == "threshold"


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.floats(0.3, 0.99))
def test_no_kept_pair_is_alike_and_every_dropped_one_has_its_like(seed, threshold):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(60, 4)) @ rng.normal(size=(4, 12)) + 0.2 * rng.normal(size=(60, 12))
    fitted = clone(CorrelationFilter(threshold)).fit(values)
    strength = np.abs(column_correlations(values))
    kept = np.flatnonzero(fitted.kept_)
    pairs = strength[np.ix_(kept, kept)][~np.eye(len(kept), dtype=bool)]
    assert (pairs < threshold).all()
    for dropped, by in fitted.representative_.items():
        assert fitted.kept_[int(by[1:])]
        assert strength[int(dropped[1:]), int(by[1:])] >= threshold
