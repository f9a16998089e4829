from __future__ import annotations

import numpy as np
import pytest

from loadprofile.features import shape_change
from loadprofile.features.aligned import QUANTILES


def two_profiles(after: np.ndarray) -> np.ndarray:
    before = (
        1 + np.exp(-(((np.arange(24) - 19) / 2.0) ** 2)) * 3 + np.exp(-(((np.arange(24) - 7) / 1.0) ** 2))
    )
    return np.stack([before, after if after.ndim else before * after])[None]


BEFORE = two_profiles(np.array(1.0))[0, 0]


def test_hours_all_by_one_factor_have_no_spread() -> None:
    found = shape_change.hour_changes(two_profiles(np.array(0.5)), np.full((1, 2, 24), 0.01))
    assert found["b3"][0] == pytest.approx(np.log(0.52 / 1.02), abs=0.02)
    assert found["hour_spread"][0] < 0.01
    assert found["hour_misfit"][0] < 0.6
    night = BEFORE.copy()
    night[:6] = 0
    found = shape_change.hour_changes(two_profiles(night), np.full((1, 2, 24), 0.01))
    assert found["night_log_ratio"][0] < -3
    assert found["evening_log_ratio"][0] == pytest.approx(0)
    assert found["window_share"][0] == pytest.approx(-1)
    assert found["window_hour"][0] == 0
    assert found["hour_misfit"][0] > 5


@pytest.mark.parametrize("lag", [-6, -2, 0, 1, 5])
def test_shift_is_the_lag_of_best_correlation(lag: int) -> None:
    found = shape_change.profile_changes(two_profiles(np.roll(BEFORE, lag)))
    assert found["shift_hours"][0] == lag
    assert (found["shift_gain"][0] > 0.05) == (lag != 0)


def test_mirror_and_flat() -> None:
    found = shape_change.profile_changes(two_profiles(BEFORE[::-1].copy()))
    assert found["mirror_gain"][0] > 0.5
    found = shape_change.profile_changes(two_profiles(np.full(24, BEFORE.mean()) + 1e-3 * BEFORE))
    assert found["profile_flatter"][0] < -1
    assert found["shape_distance"][0] > 0.1


@pytest.mark.parametrize(("gain", "offset"), [(0.5, 0.0), (1.0, 0.4), (2.0, 0.1)])
def test_gain_and_offset_of_quantiles(gain: float, offset: float) -> None:
    before = np.quantile(np.random.default_rng(0).gamma(2, 0.5, 1000), QUANTILES)
    found = shape_change.quantile_changes(np.stack([before, gain * before + offset])[None])
    assert found["gain"][0] == pytest.approx(gain)
    assert found["offset_rel"][0] == pytest.approx(offset / before.mean(), rel=0.3)
    assert found["gain_r2"][0] == pytest.approx(1)


def test_a_cap_cuts_the_reach_of_the_top() -> None:
    before = np.quantile(np.random.default_rng(0).gamma(2, 0.5, 1000), QUANTILES)
    found = shape_change.quantile_changes(np.stack([before, np.minimum(before, before[9])])[None])
    assert found["top_reach"][0] == 0
    assert found["top_reach_diff"][0] < -0.2
    assert found["base_log_ratio"][0] == 0


def test_cells_known_on_one_side_only_are_left_out() -> None:
    clock = np.zeros((1, 2, 2, 24, 3))
    clock[..., 0], clock[..., 1], clock[..., 2] = 10.0, 20.0, 10
    clock[0, 1, 1] = 0  # no weekend after the change
    clock[0, 0, 1, :, 0] = 1000.0
    mean, error = shape_change.clock_means(clock)
    hours, _ = shape_change.weighted_hours(mean, error)
    np.testing.assert_allclose(hours, 1.0)


def test_row_mean_of_nothing_is_nan() -> None:
    np.testing.assert_array_equal(
        shape_change.row_mean(np.array([[np.nan, np.nan], [1, np.nan]])), [np.nan, 1]
    )
