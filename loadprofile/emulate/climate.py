"""An emulated climate, what homes make of it, and the weather and holiday tables of a utility.

The temperature is made by a program: a yearly cosine, a daily one, and days that remember each other
(AR(1)). No real weather is in it. So that it means something for the readings beside it, some of the meters
get electric heating or cooling that answers to it (``Climate.felt_by``) before anything else happens to them;
what real homes once did about their own, unknown weather stays in their readings as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadprofile.emulate.physics import own_pulse, register, wander
from loadprofile.emulate.scenario import Scenario
from loadprofile.profiles import LoadProfiles

Array = NDArray[np.float64]

SUN = 900.0
"""W/m2 of a clear noon at the height of summer."""


@dataclass(frozen=True, eq=False, slots=True)
class Climate:
    """One place's weather.

    Attributes:
        days: ``(d,)`` datetime64[D].
        daily: ``(d,)`` mean temperature of each day, degrees Celsius.
        swing: kelvins between the day's mean and its coldest hour.
    """

    days: NDArray[np.datetime64]
    daily: Array
    swing: float

    def hourly(self) -> Array:
        """``(d, 24)`` degrees Celsius at each hour; coldest at 4 h, warmest at 16 h."""
        wave = -np.cos(2 * np.pi * (np.arange(24) - 4) / 24)
        return np.asarray(self.daily[:, None] + self.swing * wave)

    def felt_by(self, profiles: LoadProfiles, rng: np.random.Generator) -> LoadProfiles:
        """The same meters, some of them with electric heating or cooling that answers to this climate.

        Heating: so many kW per kelvin below a base of 12 to 18 degrees, 0.5 to 8 % of the meter's mean load
        (log-uniform), less by night; cooling above 19 to 24 degrees, 0.5 to 10 %. Both waver from slot to
        slot by a fifth or so, and are counted in the meter's own pulses.
        """
        n, d, s = profiles.kwh.shape
        kwh = profiles.kwh.astype(np.float64)
        air = np.repeat(self.hourly(), s // 24, axis=1)
        hour = np.arange(s) * 24.0 / s
        by_day = np.where((hour >= 5) & (hour < 23), 1.0, rng.uniform(0.3, 1.0))
        heated = np.asarray(rng.random(n) < rng.uniform(0.1, 0.9))
        cooled = np.asarray(rng.random(n) < rng.uniform(0.0, 0.5))
        for row in np.flatnonzero(heated | cooled):
            mean = float(np.nanmean(kwh[row])) if np.isfinite(kwh[row]).any() else 0.0
            more = np.zeros((d, s))
            if heated[row]:
                more += _slope(rng, 0.08) * np.maximum(rng.uniform(12, 18) - air, 0)
            if cooled[row]:
                more += _slope(rng, 0.10) * np.maximum(air - rng.uniform(19, 24), 0)
            pace = np.exp(0.2 * wander(d * s, s / 12, rng)).reshape(d, s)
            whole = (kwh[row] + mean * more * by_day * pace).reshape(-1)
            kwh[row] = register(whole, own_pulse(profiles.kwh[row].reshape(-1).astype(np.float64))).reshape(
                d, s
            )
        return profiles.with_kwh(kwh.astype(np.float32))


def _slope(rng: np.random.Generator, most: float) -> float:
    return float(np.exp(rng.uniform(np.log(0.005), np.log(most))))


def drawn_climate(days: NDArray[np.datetime64], rng: np.random.Generator) -> Climate:
    """A climate anywhere people live: 5 to 24 degrees in the mean of the year, 3 to 14 kelvins of season.

    Coldest in late January (the population's own calendar, north or south, is the caller's: a fifth are
    coldest in late July); days scatter by 2 to 4.5 kelvins and remember each other for about four days.
    """
    mean, season, scatter = rng.uniform(5, 24), rng.uniform(3, 14), rng.uniform(2, 4.5)
    of_year = (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.float64)
    coldest = 24 if rng.random() < 0.8 else 206
    daily = mean - season * np.cos(2 * np.pi * (of_year - coldest) / 365.25)
    daily = daily + scatter * wander(len(days), 4.0, rng)
    return Climate(days, np.clip(daily, -40, 45), float(rng.uniform(2, 6)))


def weather_table(scenario: Scenario, climate: Climate, rng: np.random.Generator) -> pd.DataFrame:
    """The weather as a utility may hold it: hourly, three-hourly or daily, some of it missing.

    Cold spells and heat waves of the scenario are in it, and the sky over emulated panels, smoothed by what
    clouds differ from place to place. A station is not the customer's garden: it is off by up to two kelvins
    and by half a kelvin of noise. Half of the tables have irradiance.
    """
    days = climate.days
    air = climate.hourly()
    for effect in scenario.effects:
        if effect.kind == "weather":
            at = np.flatnonzero(effect.touched)
            rise = np.zeros(len(days))
            rise[at[0] : at[-1] + 1] = np.sin(np.linspace(0, np.pi, at[-1] - at[0] + 1)) ** 0.7
            size = 4.0 + 12.0 * effect.params["peak"]
            air = air + (size * rise * (-1 if effect.params["cold"] else 1))[:, None]
    skies = [effect.sky for effect in scenario.effects if effect.sky is not None]
    sky = np.mean(skies, axis=0) if skies else np.clip(rng.beta(1.6, 1.0, len(days)), 0.08, 1)
    sky = np.clip(sky * np.exp(0.15 * rng.standard_normal(len(days))), 0.03, 1.05)
    of_year = (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.float64)
    high = 0.6 - 0.4 * np.cos(2 * np.pi * (of_year - 355) / 365.25) * (1 if rng.random() < 0.8 else -1)
    height = np.clip(np.cos(np.pi * (np.arange(24) - 12) / 14), 0, None)
    light = SUN * (high * sky)[:, None] * height
    air = air + rng.uniform(-2, 2) + 0.5 * rng.standard_normal(air.shape)
    every = int(rng.choice([1, 1, 3, 24]))
    moments = days.astype("datetime64[h]")[:, None] + np.arange(0, 24, every)
    table = pd.DataFrame(
        {
            "timestamp": moments.reshape(-1).astype("datetime64[s]"),
            "temperature_c": np.clip(np.round(_every(air, every), 1), -60, 60),
            "irradiance": np.round(_every(light, every)) if rng.random() < 0.5 else np.nan,
        }
    )
    kept = rng.random(len(table)) >= rng.uniform(0, 0.03)
    return table[kept].reset_index(drop=True)


def _every(hourly: Array, hours: int) -> Array:
    """Means over so many hours, one after another."""
    return np.asarray(hourly.reshape(len(hourly), -1, hours).mean(axis=2).reshape(-1))


def holiday_table(scenario: Scenario, rng: np.random.Generator) -> pd.DataFrame:
    """The days off that a utility knows: most of the scenario's feasts, half of its closures, and others.

    Eight to fourteen days a year are off on which nothing special was made to happen.
    """
    days = scenario.profiles.days
    off = rng.random(len(days)) < rng.uniform(8, 14) / 365
    for effect in scenario.effects:
        if (effect.kind == "festival" and rng.random() < 0.9) or (
            effect.kind == "holidays" and rng.random() < 0.5
        ):
            off |= effect.touched & (rng.random(len(days)) < 0.97)
    return pd.DataFrame({"date": days[off].astype("datetime64[s]"), "name": ""})
