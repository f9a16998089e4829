from __future__ import annotations

import numpy as np
import pytest

from loadprofile.errors import OptionError
from loadprofile.features.kernels import BOX
from loadprofile.features.seasonal import LEAST_DAYS, NAMES, SEASONS, season_numbers, seasonal_features
from loadprofile.profiles import LoadProfiles


def boxes(power, first, hemisphere="north"):
    """``(season, hour) -> dict`` of one meter from ``(d, 24)`` kW."""
    power = np.asarray(power, dtype=np.float32)
    days = np.datetime64(first) + np.arange(len(power))
    table = seasonal_features(LoadProfiles(np.array(["a"]), days, power[None], 60), hemisphere)
    values = table.values.reshape(len(SEASONS), 24, len(BOX))
    return {
        (season, h): dict(zip(BOX, values[s, h].tolist(), strict=True))
        for s, season in enumerate(SEASONS)
        for h in range(24)
    }


@pytest.mark.parametrize(
    ("day", "north", "south"),
    [
        pytest.param("2012-12-01", "winter", "summer", id="first-of-december"),
        pytest.param("2012-02-29", "winter", "summer", id="leap-day"),
        pytest.param("2013-03-01", "spring", "autumn", id="march"),
        pytest.param("2013-08-31", "summer", "winter", id="august"),
        pytest.param("2013-11-30", "autumn", "spring", id="november"),
        pytest.param("1969-12-31", "winter", "summer", id="before-1970"),
    ],
)
def test_seasons_by_hemisphere(day, north, south):
    days = np.array([day], dtype="datetime64[D]")
    assert SEASONS[season_numbers(days)[0]] == north
    assert SEASONS[season_numbers(days, "south")[0]] == south


def test_another_hemisphere_is_refused():
    with pytest.raises(OptionError):
        season_numbers(np.array(["2013-01-01"], dtype="datetime64[D]"), "west")


def test_a_planted_boxplot():
    power = np.ones((30, 24))
    power[:, 18] = [*range(1, 30), 100]  # June: 29 even steps and one reading far out
    found = boxes(power, "2013-06-01")
    own = power.mean()
    q1, median, q3 = np.quantile(power[:, 18], [0.25, 0.5, 0.75])
    box = found["summer", 18]
    assert box["low"] == pytest.approx(1 / own)
    assert [box["q1"], box["median"], box["q3"]] == pytest.approx([q1 / own, median / own, q3 / own])
    assert box["high"] == pytest.approx(29 / own)
    assert box["outliers"] == pytest.approx(1 / 30)
    flat = found["summer", 3]
    assert [flat[name] for name in BOX[:5]] == pytest.approx([1 / own] * 5)
    assert flat["outliers"] == 0.0


def test_a_reading_on_the_fence_is_inside():
    # quartiles 1 and 2, so the fences stand at -0.5 and 3.5
    column = np.repeat([1.0, 2.0], 13)
    for value, outliers in ((3.5, 0), (3.51, 1)):
        power = np.ones((27, 24))
        power[:, 0] = [*column, value]
        box = boxes(power, "2013-06-01")["summer", 0]
        assert box["outliers"] == pytest.approx(outliers / 27)


def test_seasons_do_not_mix():
    days = np.datetime64("2013-01-01") + np.arange(365)
    power = np.repeat(1.0 + season_numbers(days)[:, None], 24, axis=1)
    found = boxes(power, "2013-01-01")
    for s, season in enumerate(SEASONS):
        assert found[season, 12]["median"] == pytest.approx((1 + s) / power.mean())
        assert found[season, 12]["low"] == found[season, 12]["high"]
    assert boxes(power, "2013-01-01", "south")["summer", 12]["median"] == found["winter", 12]["median"]


def test_missing_seasons_are_nan():
    found = boxes(np.ones((60, 24)), "2013-06-01")
    assert not np.isnan(list(found["summer", 0].values())).any()
    for season in ("winter", "spring", "autumn"):
        assert np.isnan([list(found[season, h].values()) for h in range(24)]).all()


def test_few_readings_for_one_hour_are_nan_for_that_hour_only():
    power = np.ones((20, 24))
    power[: 20 - LEAST_DAYS, 4] = np.nan
    power[: 21 - LEAST_DAYS, 5] = np.nan
    found = boxes(power, "2013-06-01")
    assert found["summer", 4]["median"] == pytest.approx(1.0)
    assert np.isnan(list(found["summer", 5].values())).all()


def test_the_same_season_of_two_years_falls_together():
    power = np.ones((2 * 365, 24))
    power[365:] = 3.0
    box = boxes(power, "2013-01-01")["summer", 7]
    assert (box["low"], box["median"], box["high"]) == pytest.approx((0.5, 1.0, 1.5))


def test_names_are_in_the_order_of_the_values():
    assert NAMES[0] == "g3.winter.h00.low"
    assert NAMES[-1] == "g3.autumn.h23.outliers"
    assert len(NAMES) == 4 * 24 * 6
