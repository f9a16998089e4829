from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from loadprofile.errors import OptionError
from loadprofile.space.scaling import RobustScaling


@parametrize_with_checks([RobustScaling()])
def test_keeps_the_scikit_learn_contract(estimator, check):
    check(estimator)


def test_a_normal_column_comes_out_standard_and_the_tail_is_cut(rng):
    x = rng.normal(5, 3, size=(20_000, 1))
    x[0] = 1e9
    z = RobustScaling(clip=8).fit_transform(x)
    assert np.median(z) == pytest.approx(0, abs=1e-9)
    assert z[1:].std() == pytest.approx(1, abs=0.03)
    assert z[0, 0] == 8


def test_missing_becomes_the_median_and_is_flagged_once_for_each_pattern(rng):
    frame = pd.DataFrame(rng.normal(size=(200, 4)), columns=["a", "w1", "w2", "rare"])
    frame.loc[:49, ["w1", "w2"]] = np.nan
    frame.loc[100, "rare"] = np.nan
    fitted = RobustScaling().fit(frame)
    assert fitted.get_feature_names_out().tolist() == ["a", "w1", "w2", "rare", "missing(w1)"]
    z = fitted.transform(frame)
    assert np.isfinite(z).all()
    assert (z[:50, 1:3] == 0).all()
    flag = z[:, 4]
    assert flag.mean() == pytest.approx(0, abs=1e-9)
    assert (flag[:50] > 0).all()
    assert (flag[50:] < 0).all()


@pytest.mark.parametrize(
    "column",
    [
        pytest.param([np.nan] * 6, id="empty"),
        pytest.param([2.0] * 6, id="constant"),
        pytest.param([0, 0, 0, 0, 0, 9.0], id="equal_middle_half"),
    ],
)
def test_columns_without_a_spread_stay_finite(column):
    values = np.array([column, np.arange(6)], dtype=float).T
    z = RobustScaling().fit_transform(values)
    assert np.isfinite(z).all()


def test_a_value_missing_only_later_has_no_flag_but_is_read(rng):
    fitted = RobustScaling().fit(rng.normal(size=(50, 2)))
    assert fitted.transform([[np.nan, 0.0]])[0, 0] == 0
    assert fitted.transform([[np.nan, 0.0]]).shape == (1, 2)


def test_float32_stays_float32(rng):
    values = rng.normal(size=(50, 2)).astype(np.float32)
    values[:9, 0] = np.nan
    assert RobustScaling().fit_transform(values).dtype == np.float32


def test_clip_must_be_positive(rng):
    with pytest.raises(OptionError):
        RobustScaling(clip=0).fit(rng.normal(size=(5, 2)))
