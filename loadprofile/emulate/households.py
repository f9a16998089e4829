"""Simulated homes for the demo and for tests: benign, plausible, and named as what they are (``SIM0001``).

Not a load model to size a grid by. What matters here is what a detector sees: standby and fridge
cycles at every hour, people who get up, leave, come back and sleep, cooking spikes, weekends, seasons
shared by all homes through one weather, vacations, and for some homes electric heat, cooling, boiler,
car or panels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadprofile.emulate.physics import deposit, register, wander
from loadprofile.errors import OptionError
from loadprofile.profiles import STEPS, LoadProfiles

Energies = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class _Time:
    """The calendar all homes share: slots, sun and one weather."""

    step: int
    days: int
    hour: Energies
    weekend: NDArray[np.bool_]
    dark: Energies
    sun: Energies
    outdoors: Energies

    @property
    def length(self) -> int:
        return len(self.hour)


def simulate_homes(
    n: int,
    days: int,
    step_minutes: int,
    rng: np.random.Generator,
    start: np.datetime64 | str = "2013-01-01",
    *,
    southern: bool = False,
) -> LoadProfiles:
    """Simulate ``n`` homes over ``days`` days from ``start``.

    Energies are kWh per interval in whole watt-hours, without a gap. The clock has no summer time. Seasons
    are those of 50 degrees of latitude (north, or south with ``southern``); all homes share one weather.

    Raises:
        OptionError: for an interval length that cubes do not have, or no homes or days.
    """
    if step_minutes not in STEPS:
        raise OptionError("step_minutes", step_minutes, f"must be one of {STEPS}")
    if n < 1 or days < 1:
        raise OptionError("n, days", (n, days), "at least one home and one day")
    first = np.datetime64(start).astype("datetime64[D]")
    calendar = first + np.arange(days)
    time = _calendar(calendar, step_minutes, rng, southern=southern)
    homes = np.stack([register(_home(time, rng), 0.001) for _ in range(n)])
    ids = np.array([f"SIM{at + 1:04d}" for at in range(n)])
    return LoadProfiles(
        ids, calendar, homes.reshape(n, days, 1440 // step_minutes).astype(np.float32), step_minutes
    )


def _calendar(days: NDArray[np.datetime64], step: int, rng: np.random.Generator, *, southern: bool) -> _Time:
    per_day = 1440 // step
    hour = np.tile(np.arange(per_day) * step / 60, len(days))
    weekday = (days.astype(np.int64) + 3) % 7
    of_year = (days - days.astype("datetime64[Y]")).astype(np.int64) + 1.0
    angle = 2 * np.pi * (of_year - (355 if not southern else 172)) / 365.25
    half_day = 6.0 - 2.1 * np.cos(angle)  # 8 to 16 hours of light
    half = np.repeat(half_day, per_day)
    height = np.cos(np.pi * (hour - 12.5) / (2 * half))
    sun = np.clip(height, 0, None) * np.repeat(0.62 - 0.38 * np.cos(angle), per_day)
    dark = np.clip(np.abs(hour - 12.5) - half + 0.5, 0, 1)
    season = 10.5 - 8.0 * np.cos(angle - 0.45)  # the air lags behind the sun by a month
    air = season + 3.0 * wander(len(days), 4.0, rng)
    outdoors = np.repeat(air, per_day) - 2.5 * np.cos(2 * np.pi * (hour - 3) / 24)
    sky = np.repeat(np.clip(rng.beta(1.5, 1.1, len(days)), 0.1, 1), per_day)
    return _Time(step, len(days), hour, np.repeat(weekday >= 5, per_day), dark, sun * sky, outdoors)


def _at_home(time: _Time, rng: np.random.Generator) -> tuple[Energies, Energies]:
    """``(length,)`` awake-and-in share and ``(days,)`` 1 on days at home, 0 on vacation."""
    days = time.days
    day = np.repeat(np.arange(days), time.length // days)
    works = rng.random() < 0.65
    wake = rng.normal(6.8, 0.7) + rng.normal(0, 0.3, days)
    sleep = rng.normal(22.9, 0.8) + rng.normal(0, 0.4, days)
    leave, back = (
        rng.normal(8.2, 0.5) + rng.normal(0, 0.3, days),
        rng.normal(17.2, 0.9) + rng.normal(0, 0.6, days),
    )
    weekend = time.weekend[:: time.length // days]
    wake = wake + weekend * rng.uniform(0.3, 2.0)
    sleep = sleep + weekend * rng.uniform(0.0, 1.0)
    out = rng.random(days) < np.where(weekend, 0.25, 0.92 if works else 0.25)
    hour = time.hour
    awake = _ramp(hour - wake[day]) * _ramp(sleep[day] - hour) + _ramp(sleep[day] - 24 - hour)
    left = rng.uniform(0.0, 0.35)
    gone = out[day] * _ramp(hour - leave[day]) * _ramp(back[day] - hour) * (1 - left)
    there = np.ones(days)
    for _ in range(rng.poisson(1.6 * days / 365)):
        begin = int(rng.integers(0, days))
        there[begin : begin + int(rng.integers(3, 18))] = 0
    return awake * (1 - gone) * there[day], there


def _ramp(hours: Energies) -> Energies:
    """0 to 1 over half an hour."""
    return np.clip(hours * 2 + 0.5, 0, 1)


def _fridge(time: _Time, rng: np.random.Generator) -> Energies:
    """Energy per slot of a compressor that runs part of every hour or so, its phase wandering."""
    period, share, watts = rng.uniform(40, 95), rng.uniform(0.25, 0.5), rng.uniform(60, 160)
    warmth = np.concatenate([[1.0], 1 + 0.012 * (time.outdoors - 12)])
    phase = np.cumsum(time.step / period * np.clip(warmth, 0.7, 1.4)) + 0.15 * wander(
        time.length + 1, 40, rng
    )
    phase = np.maximum.accumulate(phase)
    ran = np.floor(phase) * share + np.minimum(phase % 1.0, share)
    return np.asarray(np.diff(ran) * period * watts / 60_000)


def _events(
    time: _Time,
    rng: np.random.Generator,
    there: Energies,
    *,
    per_day: float,
    at: float,
    spread: float,
    minutes: tuple[float, float],
    kw: tuple[float, float],
    weekend: float = 1.0,
) -> Energies:
    """Appliances that run around an hour of the day on days at home."""
    busy = np.where(time.weekend[:: time.length // time.days], weekend, 1.0)
    count = rng.poisson(per_day * there * busy)
    day = np.repeat(np.arange(time.days), count)
    start = (day * 24 + at + rng.normal(0, spread, len(day))) * 60
    long, power = rng.uniform(*minutes, len(day)), rng.uniform(*kw, len(day))
    return deposit(start, long, power, time.length, time.step)


def _home(time: _Time, rng: np.random.Generator) -> Energies:
    """One home, kWh per slot, not yet counted in pulses."""
    hours = time.step / 60
    size = float(np.exp(rng.normal(0.0, 0.4)))
    present, there = _at_home(time, rng)
    slow = np.exp(0.25 * wander(time.length, 2.5 / hours, rng))
    kwh = np.full(time.length, rng.uniform(0.03, 0.12) * size * hours) * np.exp(
        0.02 * wander(time.length, 8, rng)
    )
    kwh += _fridge(time, rng)
    if rng.random() < 0.4:
        kwh += _fridge(time, rng)
    kwh += present * slow * hours * size * (rng.uniform(0.05, 0.22) + rng.uniform(0.05, 0.25) * time.dark)
    evening = (time.hour >= 18) & (time.hour < 23.5)
    kwh += evening * present * slow * rng.uniform(0.05, 0.3) * size * hours
    kwh += _events(time, rng, there, per_day=0.7, at=7.3, spread=0.6, minutes=(3, 15), kw=(0.8, 2.4))
    kwh += _events(
        time,
        rng,
        there,
        per_day=1.2 * size,
        at=rng.normal(18.6, 0.6),
        spread=0.8,
        minutes=(8, 50),
        kw=(0.6, 2.6),
        weekend=1.2,
    )
    kwh += _events(
        time, rng, there, per_day=0.3, at=12.6, spread=0.9, minutes=(5, 40), kw=(0.6, 2.2), weekend=2.2
    )
    kwh += _events(
        time,
        rng,
        there,
        per_day=0.35 * size,
        at=rng.uniform(9, 20),
        spread=2.5,
        minutes=(40, 110),
        kw=(0.4, 1.1),
        weekend=1.7,
    )
    kwh += _events(time, rng, there, per_day=1.5, at=15, spread=5, minutes=(2, 6), kw=(1.2, 2.6))
    if rng.random() < 0.25:
        kwh += _boiler(time, rng, there)
    if rng.random() < 0.16:
        kwh += _climate(time, rng, there, present)
    if rng.random() < 0.07:
        a_week, kw = rng.uniform(2, 6), float(rng.choice([2.3, 3.7, 7.4]))
        kwh += _events(
            time,
            rng,
            there,
            per_day=a_week / 7,
            at=rng.uniform(18, 25),
            spread=0.7,
            minutes=(60, 240),
            kw=(kw, kw),
        )
    if rng.random() < 0.07:
        made = rng.uniform(1.5, 4.5) * time.sun * np.clip(1 - 0.3 * np.abs(wander(time.length, 2, rng)), 0, 1)
        kwh = np.maximum(kwh - made * hours, 0.03 * kwh)
    return np.asarray(kwh * np.exp(0.03 * rng.standard_normal(time.length)))


def _boiler(time: _Time, rng: np.random.Generator, there: Energies) -> Energies:
    """Electric hot water: heated by night on a timer, or after mornings and evenings."""
    kw = rng.uniform(1.8, 3.2)
    if rng.random() < 0.4:
        return _events(
            time, rng, there, per_day=1.0, at=rng.uniform(23, 26), spread=0.05, minutes=(60, 150), kw=(kw, kw)
        )
    morning = _events(time, rng, there, per_day=0.9, at=7.5, spread=0.7, minutes=(15, 60), kw=(kw, kw))
    return morning + _events(
        time, rng, there, per_day=0.8, at=20.5, spread=1.0, minutes=(15, 60), kw=(kw, kw)
    )


def _climate(time: _Time, rng: np.random.Generator, there: Energies, present: Energies) -> Energies:
    """Electric heating, cooling or both, by outdoor temperature; set back when nobody is in."""
    set_back = 0.35 + 0.65 * np.clip(present, 0, 1)
    home = np.repeat(0.15 + 0.85 * there, time.length // time.days)
    pace = np.exp(0.3 * wander(time.length, 90 / time.step, rng))
    heat = np.clip(16 - time.outdoors, 0, None) * rng.uniform(0.03, 0.12) * (rng.random() < 0.75)
    cool = np.clip(time.outdoors - 19, 0, None) * rng.uniform(0.05, 0.2) * (rng.random() < 0.5)
    return np.asarray((heat + cool) * set_back * home * pace * time.step / 60)
