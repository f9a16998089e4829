"""The emulated climate: what homes make of it, and what was made to happen in the tables."""

from __future__ import annotations

import numpy as np
import pytest

from loadprofile.emulate.climate import Climate, drawn_climate, holiday_table, weather_table
from loadprofile.emulate.households import simulate_homes
from loadprofile.emulate.scenario import Scenario, draw
from loadprofile.features.weather import daily_weather
from loadprofile.profiles import LoadProfiles


@pytest.fixture(scope="module")
def homes() -> LoadProfiles:
    return simulate_homes(40, 120, 60, np.random.default_rng(3), start=np.datetime64("2022-11-01"))


def happened(homes: LoadProfiles, kind: str, share: float = 0.8) -> Scenario:
    return draw(homes, np.random.default_rng(2), kinds=[kind], confusable_share=share, area_chance=1.0)


def test_climates_are_plausible_and_seeded(homes: LoadProfiles) -> None:
    made = [drawn_climate(homes.days, np.random.default_rng(seed)) for seed in range(40)]
    daily = np.array([c.daily for c in made])
    assert (np.abs(daily) < 50).all()
    assert 5 < daily.mean() < 22
    again = drawn_climate(homes.days, np.random.default_rng(7))
    np.testing.assert_array_equal(again.daily, made[7].daily)
    np.testing.assert_allclose(made[0].hourly().mean(axis=1), made[0].daily)


def test_some_homes_answer_and_none_uses_less(homes: LoadProfiles) -> None:
    cold = Climate(homes.days, 4 + 6 * np.sin(np.arange(120) / 5), 4.0)
    warm = cold.felt_by(homes, np.random.default_rng(1))
    more = (warm.kwh.astype(np.float64) - homes.kwh).sum(axis=2)
    answer = more.sum(axis=1) > 1.0
    assert 0.05 < answer.mean() < 0.95
    for row in np.flatnonzero(answer):
        assert np.corrcoef(more[row], cold.daily)[0, 1] < -0.6
    assert more.sum(axis=1).min() > -0.01
    assert homes.kwh.flags.writeable is False


def test_a_cold_spell_and_the_sky_are_in_the_table(homes: LoadProfiles) -> None:
    scenario = happened(homes, "weather", 0.01)
    (spell,) = scenario.effects
    flat = Climate(homes.days, np.full(120, 10.0), 3.0)
    table = weather_table(scenario, flat, np.random.default_rng(4))
    air = daily_weather(table, homes.days).temperature
    usual = np.nanmedian(air[~spell.touched])
    moved = np.nanmean(air[spell.touched]) - usual
    assert moved < -2 if spell.params["cold"] else moved > 2
    solar = happened(homes, "solar_saving")
    sky = np.mean([e.sky for e in solar.effects if e.sky is not None], axis=0)
    likeness = []
    for seed in range(8):
        light = daily_weather(weather_table(solar, flat, np.random.default_rng(seed)), homes.days).irradiance
        known = np.isfinite(light)
        if known.any():
            likeness.append(np.corrcoef(light[known], sky[known])[0, 1])
    assert min(likeness) > 0.25
    assert len(likeness) < 8  # not every station measures light


def test_feasts_are_among_the_days_off(homes: LoadProfiles) -> None:
    scenario = happened(homes, "festival")
    feasts = np.any([e.touched for e in scenario.effects], axis=0)
    known = [
        np.isin(homes.days, holiday_table(scenario, np.random.default_rng(s))["date"].to_numpy()
                .astype("datetime64[D]")) for s in range(20)
    ]  # fmt: skip
    assert np.mean([k[feasts].mean() for k in known]) > 0.6
    assert 0 < np.mean([k[~feasts].mean() for k in known]) < 0.08
