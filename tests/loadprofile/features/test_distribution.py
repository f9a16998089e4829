from __future__ import annotations

import numpy as np
import pytest

from loadprofile.features.distribution import BINS, NAMES, distribution_features
from loadprofile.profiles import LoadProfiles


def features(kwh, step=30):
    """One meter's group 1 as a dict, from readings in any order and number of whole days."""
    cube = np.asarray(kwh, dtype=np.float32).reshape(1, -1, 1440 // step)
    days = np.datetime64("2013-01-01") + np.arange(cube.shape[1])
    table = distribution_features(LoadProfiles(np.array(["a"]), days, cube, step))
    return {name.removeprefix("g1."): float(v) for name, v in zip(table.names, table.values[0], strict=True)}


def bins(found):
    return np.array([found[f"bin{b:02d}"] for b in range(BINS)])


def test_a_flat_meter_is_one_tall_narrow_peak():
    found = features(np.full(480, 0.25))
    assert found["peak_height"] == found["bin23"] == found["near_peak_share"] == 1.0
    assert found["half_height_width"] < 1.5 / BINS
    assert found["rule1"] > 2.5
    assert found["modes"] == 1
    assert found["entropy"] == found["zero_share"] == 0.0
    assert found["peak_to_mean"] == found["q05_rel"] == found["q95_rel"] == 1.0
    assert np.isnan(found["skew"])
    assert np.isnan(found["kurtosis"])


def test_a_uniform_meter_is_wider_than_tall(rng):
    found = features(rng.permutation(np.linspace(0.001, 1.0, 48 * 200)))
    assert found["half_height_width"] == pytest.approx(1.0)
    assert found["peak_height"] == pytest.approx(1 / BINS, rel=0.1)
    assert found["rule1"] < -2.5
    assert found["entropy"] > 0.95
    assert found["skew"] == pytest.approx(0.0, abs=0.01)
    assert found["kurtosis"] == pytest.approx(-1.2, abs=0.01)  # that of the uniform distribution
    assert found["modes"] == 1


def test_two_habits_are_two_modes(rng):
    two = np.concatenate([rng.normal(0.3, 0.03, 4800), rng.normal(1.2, 0.05, 4800)])
    assert features(two)["modes"] == 2
    assert features(np.concatenate([two, rng.normal(0.75, 0.04, 4800)]))["modes"] == 3


def test_normal_readings_have_the_width_of_a_normal_distribution(rng):
    spread, middle = 0.12, 0.7
    kwh = rng.normal(middle, spread, 48 * 365)
    found = features(kwh)
    scale = np.quantile(kwh, 0.99)
    full_width = 2 * np.sqrt(2 * np.log(2)) * spread / scale
    assert found["half_height_width"] == pytest.approx(full_width, rel=0.06)
    assert found["peak_height"] == pytest.approx(scale / BINS / (spread * np.sqrt(2 * np.pi)), rel=0.06)
    assert found["skew"] == pytest.approx(0.0, abs=0.06)
    assert found["kurtosis"] == pytest.approx(0.0, abs=0.12)


def test_shaving_the_peak_lowers_rule_1(rng):
    honest = rng.normal(0.7, 0.08, 48 * 365)
    shaved = honest.copy()
    shaved[::2] *= rng.uniform(0.2, 1.0, len(shaved[::2]))
    assert features(shaved)["rule1"] < features(honest)["rule1"] - 0.5


def test_bins_are_on_the_own_99_percent_quantile():
    # 12 halves of the scale exactly on the middle edge, which belongs to the upper bin
    kwh = np.repeat([0.0, 0.5, 1.0], [12, 36, 48])
    found = features(kwh)
    expected = np.zeros(BINS)
    expected[[0, BINS // 2, BINS - 1]] = 12 / 96, 36 / 96, 48 / 96
    np.testing.assert_allclose(bins(found), expected)
    assert found["zero_share"] == 0.125
    assert found["over"] == found["under"] == 0.0


def test_one_wild_reading_does_not_move_the_scale():
    kwh = np.tile([0.1, 0.2, 0.4], 3200).astype(float)
    calm = features(kwh)
    kwh[17] = 4_294_967.0
    wild = features(kwh)
    np.testing.assert_allclose(bins(wild), bins(calm), atol=2e-4)
    assert wild["over"] == pytest.approx(1 / 9600)
    assert wild["near_peak_share"] == pytest.approx(calm["near_peak_share"], abs=2e-4)
    assert wild["kurtosis"] > 1000


def test_exports_count_as_under():
    found = features(np.repeat([-0.5, 0.5], [24, 72]))
    assert found["under"] == 0.25
    assert bins(found).sum() == 0.75
    assert found["q05_rel"] == -1.0


def test_bins_under_and_over_sum_to_one(rng):
    found = features(rng.gamma(1.0, 0.4, 48 * 30) - 0.1)
    assert bins(found).sum() + found["under"] + found["over"] == pytest.approx(1.0, abs=1e-6)
    assert found["over"] == pytest.approx(0.01, abs=0.002)


def test_a_meter_dead_nearly_all_year_keeps_a_scale():
    kwh = np.zeros(48 * 300)
    kwh[:40] = 0.5
    found = features(kwh)
    assert found["bin00"] == pytest.approx(1 - 40 / len(kwh))
    assert found["bin23"] == pytest.approx(40 / len(kwh))
    assert found["zero_share"] == found["bin00"]


@pytest.mark.parametrize(
    ("kwh", "known"),
    [
        pytest.param(np.zeros(480), {"zero_share"}, id="all-zero"),
        pytest.param(np.full(480, np.nan), set(), id="all-missing"),
        pytest.param(np.r_[np.full(95, 0.3), np.full(385, np.nan)], set(), id="one-reading-short"),
    ],
)
def test_what_cannot_be_told_is_nan(kwh, known):
    found = features(kwh)
    assert {name for name, value in found.items() if not np.isnan(value)} == known


def test_two_days_of_readings_are_enough_at_any_step():
    for step in (15, 30, 60):
        enough = 2 * 1440 // step
        assert features(np.full(enough, 0.2), step)["peak_height"] == 1.0
        short = np.full(enough, 0.2)
        short[0] = np.nan
        assert np.isnan(features(short, step)["peak_height"])


def test_missing_readings_change_nothing_but_their_number(rng):
    kwh = rng.gamma(1.0, 0.4, 48 * 30)
    holes = np.full(2 * len(kwh), np.nan)
    holes[np.sort(rng.permutation(len(holes))[: len(kwh)])] = kwh
    assert features(holes) == features(kwh)


def test_watt_hours_and_kilowatt_hours_fall_into_the_same_bins(rng):
    kwh = np.round(rng.gamma(1.2, 0.3, 48 * 60), 2)  # many readings on the edges of bins
    a, b = features(kwh), features(kwh * 1000)
    assert bins(a).tolist() == bins(b).tolist()
    assert a["near_peak_share"] == b["near_peak_share"]


def test_names_are_recipes():
    assert NAMES[0] == "g1.peak_height"
    assert NAMES[-1] == "g1.bin23"
    assert len(set(NAMES)) == len(NAMES) == 15 + BINS
