from __future__ import annotations

import numpy as np
import pytest

from loadprofile.features.hourly import hourly_features, weekend_days
from loadprofile.profiles import LoadProfiles


def features(power, step=60, first="2013-01-07"):
    """One meter's group 2 as a dict, from ``(d, 24)`` kW; the first day is a Monday."""
    power = np.asarray(power, dtype=np.float32)
    kwh = np.repeat(power, 60 // step, axis=1)[None] * np.float32(step / 60)
    days = np.datetime64(first) + np.arange(len(power))
    table = hourly_features(LoadProfiles(np.array(["a"]), days, kwh, step))
    return {name.removeprefix("g2."): float(v) for name, v in zip(table.names, table.values[0], strict=True)}


def column(found, name):
    return np.array([found[f"h{h:02d}.{name}"] for h in range(24)])


@pytest.mark.parametrize("step", [15, 30, 60])
def test_a_flat_meter_has_level_but_no_spread_trend_or_shape(step):
    found = features(np.full((60, 24), 0.7), step)
    np.testing.assert_allclose(column(found, "mean"), 1.0, rtol=1e-6)
    np.testing.assert_allclose(column(found, "std"), 0.0, atol=1e-6)
    np.testing.assert_allclose(column(found, "slope"), 0.0, atol=1e-6)
    assert found["level_kw"] == pytest.approx(0.7)
    assert found["night_share"] == pytest.approx(6 / 24)
    assert found["evening_share"] == pytest.approx(5 / 24)
    assert found["load_factor"] == found["weekend_ratio"] == pytest.approx(1.0)
    assert np.isnan(found["stability"])  # nothing that could be alike


@pytest.mark.parametrize(
    "days",
    [
        pytest.param(28, id="month"),
        pytest.param(90, id="quarter"),
        pytest.param(365, id="year"),
        pytest.param(536, id="cer"),
    ],
)
def test_a_planted_trend_gives_its_slope(days):
    power = np.full((days, 24), 2.0)
    power[:, 5] += 0.01 * np.arange(days)  # kW a day
    found = features(power)
    expected = np.zeros(24)
    expected[5] = 0.01 * 30 / power.mean()
    np.testing.assert_allclose(column(found, "slope"), expected, rtol=1e-4, atol=1e-6)


def test_slope_survives_a_quarter_of_wild_days(rng):
    power = np.full((200, 24), 1.0) - 0.002 * np.arange(200)[:, None]
    power += rng.normal(0, 0.01, power.shape)
    clean = features(power)
    wild = power.copy()
    wild[rng.permutation(200)[:40]] += 0.5
    np.testing.assert_allclose(column(clean, "slope"), -0.06 / power.mean(), rtol=0.1)
    np.testing.assert_allclose(column(features(wild), "slope"), -0.06 / wild.mean(), rtol=0.25)


def test_seasons_cancel_in_the_trend_of_a_long_series():
    days = np.arange(536)
    power = np.tile((2 + np.cos(2 * np.pi * days / 364))[:, None], 24)
    np.testing.assert_allclose(column(features(power), "slope"), 0.0, atol=1e-6)


def test_mean_and_std_of_a_planted_hour():
    power = np.ones((60, 24))
    power[:, 18] = np.where(np.arange(60) % 2, 4.0, 2.0)
    found = features(power)
    own = power.mean()
    assert found["h18.mean"] == pytest.approx(3.0 / own)
    assert found["h18.std"] == pytest.approx(1.0 / own)
    assert found["h03.mean"] == pytest.approx(1.0 / own)


def test_night_and_evening_hours():
    night, evening = np.zeros((30, 24)), np.zeros((30, 24))
    night[:, 0:6] = 1.0
    evening[:, 17:22] = 1.0
    assert features(night)["night_share"] == 1.0
    assert features(night)["evening_share"] == 0.0
    assert features(evening)["evening_share"] == 1.0


def test_night_share_is_not_bent_by_missing_nights():
    power = np.tile(np.r_[np.full(6, 0.5), np.full(18, 1.5)], (60, 1))
    whole = features(power)["night_share"]
    power[::2, 0:6] = np.nan
    assert features(power)["night_share"] == pytest.approx(whole) == pytest.approx(3 / 30)


def test_load_factor_is_of_the_day_not_of_the_year():
    power = np.ones((60, 24))
    power[:, 12] = 2.0
    power[::2] *= 5.0  # days differ, their form does not
    assert features(power)["load_factor"] == pytest.approx(25 / 24 / 2.0)


def test_weekend_ratio_knows_its_days():
    power = np.ones((28, 24))
    power[weekend_days(np.datetime64("2013-01-07") + np.arange(28))] = 1.5
    assert features(power)["weekend_ratio"] == pytest.approx(1.5)
    assert features(power, first="2013-01-09")["weekend_ratio"] < 1.2  # the same on other days


def test_weekend_days_are_saturday_and_sunday():
    week = np.datetime64("2013-01-07") + np.arange(7)
    assert weekend_days(week).tolist() == [False] * 5 + [True] * 2
    assert weekend_days(np.array(["1969-12-27"], dtype="datetime64[D]")).tolist() == [True]


def test_stability_tells_a_fixed_day_from_a_random_one(rng):
    shape = 1 + np.sin(np.arange(24) / 24 * 2 * np.pi)
    fixed = shape * rng.uniform(0.5, 2.0, (90, 1))
    assert features(fixed)["stability"] == pytest.approx(1.0, abs=1e-6)
    assert abs(features(rng.gamma(1.0, 1.0, (90, 24)))["stability"]) < 0.4


@pytest.mark.parametrize(
    ("days", "known"),
    [
        pytest.param(6, set(), id="6-days"),
        pytest.param(7, {"mean", "std"}, id="7-days"),
        pytest.param(28, {"mean", "std", "slope"}, id="28-days"),
    ],
)
def test_few_days_are_nan(days, known, rng):
    found = features(rng.gamma(1.0, 1.0, (days, 24)))
    assert {name for name in ("mean", "std", "slope") if not np.isnan(found[f"h09.{name}"])} == known
    assert np.isnan(found["level_kw"]) == (days < 7)


def test_days_with_few_known_hours_do_not_count_as_days(rng):
    power = rng.gamma(2.0, 1.0, (40, 24))
    power[:, 0:7] = np.nan  # 17 known hours on each day
    found = features(power)
    assert np.isnan(
        [found["stability"], found["load_factor"], found["weekend_ratio"], found["night_share"]]
    ).all()
    assert not np.isnan(found["h12.mean"])
    assert np.isnan(found["h03.mean"])


def test_half_an_hour_speaks_for_its_hour_but_a_quarter_does_not():
    quarters = np.full((1, 30, 96), np.nan, dtype=np.float32)
    quarters[0, :, 0::4] = 0.25
    days = np.datetime64("2013-01-07") + np.arange(30)
    one = hourly_features(LoadProfiles(np.array(["a"]), days, quarters, 15))
    quarters[0, :, 1::4] = 0.75
    two = hourly_features(LoadProfiles(np.array(["a"]), days, quarters, 15))
    assert np.isnan(one.values).all()
    assert two.column("g2.level_kw")[0] == pytest.approx(2.0)


def test_a_meter_of_zeros_has_a_level_and_nothing_else():
    found = features(np.zeros((60, 24)))
    assert found.pop("level_kw") == 0.0
    assert np.isnan(list(found.values())).all()


def test_an_exporting_meter_keeps_its_sign():
    found = features(np.tile(np.r_[np.full(12, 1.0), np.full(12, -2.0)], (30, 1)))
    assert found["level_kw"] == pytest.approx(-0.5)
    assert found["h00.mean"] == pytest.approx(1 / 1.5)
    assert found["h12.mean"] == pytest.approx(-2 / 1.5)
    assert np.isnan(found["night_share"])  # a share of a negative day means nothing
