"""Temperature and sun against planted responses; the batched fit against one meter at a time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loadprofile.features.weather import (
    NAMES,
    PRIOR,
    DailyWeather,
    daily_weather,
    degree_days,
    weather_features,
)
from loadprofile.features.weather import _fit as fit  # the twin below is of this inner step

DAYS = np.arange(np.datetime64("2013-01-01"), np.datetime64("2013-07-20"))
D = len(DAYS)
WEEKEND = (DAYS.astype(np.int64) + 3) % 7 >= 5


def air(rng: np.random.Generator) -> np.ndarray:
    return 12 - 9 * np.cos(2 * np.pi * np.arange(D) / 365) + rng.normal(0, 2.5, D)


def column(values: np.ndarray, name: str) -> np.ndarray:
    return values[:, NAMES.index(f"context.{name}")]


def found(daily: np.ndarray, temperature: np.ndarray, onset: float = np.nan, sun: np.ndarray | None = None,
          power: np.ndarray | None = None) -> np.ndarray:  # fmt: skip
    m = len(daily)
    light = np.full(D, np.nan) if sun is None else sun
    power = np.repeat(daily[:, :, None], 8, axis=2) if power is None else power
    return weather_features(
        power.astype(np.float32), daily.astype(np.float32), DailyWeather(temperature, light),
        np.full(m, onset), np.full(m, np.nan), WEEKEND,
    )  # fmt: skip


@pytest.mark.parametrize("step", [30, 60, 180, 360, 1440])
def test_day_means_of_any_step(step: int) -> None:
    stamps = pd.date_range("2013-01-01", "2013-01-06", freq=f"{step}min", inclusive="left")
    frame = pd.DataFrame({"timestamp": stamps, "temperature_c": stamps.day + 0.0})
    got = daily_weather(frame, DAYS[1:8])
    assert got.temperature[:4].tolist() == [2, 3, 4, 5]
    assert np.isnan(got.temperature[4:]).all()
    assert np.isnan(got.irradiance).all()


def test_a_day_half_missing_is_unknown() -> None:
    stamps = pd.date_range("2013-01-01", periods=72, freq="h")
    frame = pd.DataFrame({"timestamp": stamps, "temperature_c": 1.0, "irradiance": 100.0})
    got = daily_weather(frame.drop(index=range(26, 40)), DAYS[:3])
    assert np.isfinite(got.temperature).tolist() == [True, False, True]
    assert got.irradiance[2] == 100.0


def test_a_planted_response_is_found_again(rng: np.random.Generator) -> None:
    outdoors = air(rng)
    heat = 0.06 * degree_days(outdoors, 16.0)
    cool = 0.08 * degree_days(outdoors, 20.0, heating=False)
    daily = 1.0 + np.stack([heat, cool, np.zeros(D)]) + rng.normal(0, 0.05, (3, D))
    got = found(daily, outdoors)
    level = daily.mean(axis=1)
    assert column(got, "heating_slope")[0] == pytest.approx(0.06 / level[0], rel=0.15)
    assert column(got, "cooling_slope")[1] == pytest.approx(0.08 / level[1], rel=0.25)
    assert np.abs(column(got, "heating_slope")[2]) < 0.005
    assert column(got, "weather_r2")[0] > 0.8
    assert column(got, "weather_r2")[2] < 0.1
    assert np.isnan(column(got, "weather_explains")).all()  # nothing changed: there are no sides


def test_the_season_explains_a_difference_and_a_theft_does_not(rng: np.random.Generator) -> None:
    outdoors = air(rng)
    heated = 0.5 + 0.07 * degree_days(outdoors, 16.0)
    flat = np.ones(D)
    stolen = np.where(np.arange(D) >= 110, 0.4, 1.0)
    daily = np.stack([heated, flat * stolen, heated * stolen]) * np.exp(rng.normal(0, 0.06, (3, D)))
    got = found(daily, outdoors, 110.0)
    explains, left, z = (column(got, n) for n in ("weather_explains", "weather_log_ratio", "weather_step_z"))
    assert explains[0] == pytest.approx(1.0, abs=0.15)
    assert abs(left[0]) < 0.15
    assert abs(explains[1]) < 0.15
    assert z[1] < -8
    assert left[1] == pytest.approx(np.log(0.4), abs=0.15)
    assert explains[2] < 0.95
    assert column(got, "heating_change")[2] == pytest.approx(np.log(0.4), abs=0.5)


def test_scale_does_not_matter(rng: np.random.Generator) -> None:
    outdoors = air(rng)
    daily = (0.6 + 0.05 * degree_days(outdoors, 15.0) + rng.normal(0, 0.05, D))[None]
    one, many = found(daily, outdoors, 90.0), found(1000 * daily, outdoors, 90.0)
    np.testing.assert_allclose(one, many, rtol=1e-3, atol=1e-4)


def test_unknown_days_are_left_out_and_few_days_say_nothing(rng: np.random.Generator) -> None:
    outdoors = air(rng)
    daily = (0.6 + 0.05 * degree_days(outdoors, 15.0) + rng.normal(0, 0.05, D))[None]
    holes = daily.copy()
    holes[0, rng.random(D) < 0.3] = np.nan
    gone = np.where(rng.random(D) < 0.2, np.nan, outdoors)
    assert column(found(holes, gone), "heating_slope")[0] == pytest.approx(
        column(found(daily, outdoors), "heating_slope")[0], rel=0.15
    )
    short = np.full((1, D), np.nan)
    short[0, :20] = daily[0, :20]
    assert np.isnan(found(short, outdoors)).all()


def test_panels_answer_to_the_sun(rng: np.random.Generator) -> None:
    sun = rng.uniform(20, 300, D)
    power = np.full((2, D, 8), 0.5) * np.exp(rng.normal(0, 0.05, (2, D, 8)))
    power[0, 100:, 3:5] *= 1 - sun[100:, None] / 400  # panels from day 100
    power[1, 100:, 3:5] *= 0.6  # a bypass at noon, whatever the sky
    got = found(power.mean(axis=2), air(rng), 100.0, sun, power)
    z, since = column(got, "sun_change_z"), column(got, "sun_after")
    assert z[0] < -5
    assert since[0] == pytest.approx(-0.25, abs=0.08)
    assert abs(z[1]) < 4
    dull = found(power.mean(axis=2), air(rng), 100.0, np.full(D, 55.0), power)
    assert np.isnan(column(dull, "sun_change_z")).all()


def test_the_batched_fit_is_the_plain_one(rng: np.random.Generator) -> None:
    outdoors = air(rng)
    known = rng.random((4, D)) < 0.9
    after = np.zeros((4, D), dtype=np.bool_)
    after[:, 80:150] = True
    y = np.where(known, 1 + 0.03 * degree_days(outdoors, 16.0) - 0.3 * after + rng.normal(0, 0.2, (4, D)), 0)
    shared = np.stack(
        [WEEKEND * 1.0, degree_days(outdoors, 16.0), degree_days(outdoors, 20.0, heating=False)]
    )
    got = fit(y, shared, after, known)[0]
    for row in range(4):
        x = np.column_stack([np.ones(D), after[row], *shared])[known[row]]
        target, weight = y[row][known[row]], np.ones(known[row].sum())
        sigma, coefficient = target.std(), np.zeros(5)
        for _ in range(2):
            ridge = np.diag([1e-6, 1e-6, 1e-6, (sigma / PRIOR) ** 2, (sigma / PRIOR) ** 2])
            coefficient = np.linalg.solve(x.T @ (weight[:, None] * x) + ridge, x.T @ (weight * target))
            rest = target - x @ coefficient
            sigma = rest.std()
            weight = np.minimum(1, 1.5 * sigma / np.abs(rest))
        np.testing.assert_allclose(got[row], coefficient, rtol=1e-6, atol=1e-9)
