"""What an honest customer buys: cause ``normal``.

A car, panels, a battery, a heat pump, air conditioning, a freezer: ordinary life, however much it adds or
takes. Only what is very large, or somebody else's, is super-consumption (``increase``). All of it is real
use, so nothing is lost and the register counts it in pulses.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from loadprofile.emulate.physics import deposit, register, wander
from loadprofile.emulate.scene import Change, Energies, Loss, Phenomenon, Scene
from loadprofile.verdicts import Cause


def _blank(scene: Scene) -> Energies:
    return scene.kwh.copy()


def solar_saving(scene: Scene) -> Change:
    """Panels on the roof, nothing else changed: midday import falls to little or zero on bright days."""
    span = scene.span(least=21, lasting=0.97, from_first=0.05)
    size = scene.scale(0.4, 3.0)
    made, sky = generation(scene, span, size)
    y = solar_import(scene, made)
    return Change(scene.registered(y, span), {"peak_over_mean": size}, made, sky)


def solar_import(scene: Scene, made: Energies) -> Energies:
    """Import left after own generation ``made``: within a slot load and sun do not match exactly."""
    return np.where(made > 0, np.maximum(scene.kwh - made, 0.04 * scene.kwh), scene.kwh)


def generation(scene: Scene, span: slice, size: float) -> tuple[Energies, Energies]:
    """``(m, length)`` own generation of ``size`` times the mean load at noon, and ``(d,)`` the day's sky.

    A half sine around noon whose length and height follow the season of one drawn latitude (north or
    south), with one cloud cover for each day and gusts of cloud within it.
    """
    out = np.zeros_like(scene.kwh)
    season = scene.pick(0.0, 0.65) * (1 if scene.chance(0.8) else -1)
    year_day = (scene.days - scene.days.astype("datetime64[Y]")).astype(np.int64)
    summer = season * np.cos(2 * np.pi * (year_day - 172) / 365.25).repeat(scene.per_day)
    half_day = 6.0 * (1.0 + 0.5 * summer)
    noon = scene.pick(11.8, 13.2)  # longitude within the zone, and summer time
    sun = (1.0 + summer) * np.clip(np.cos(0.5 * np.pi * (scene.hour - noon) / half_day), 0, None)
    sun = np.where(np.abs(scene.hour - noon) < half_day, sun, 0.0)
    sky = np.clip(scene.rng.beta(1.6, 1.0, len(scene.days)), 0.08, 1)
    for row in range(scene.meters):
        gusts = np.clip(1 - 0.25 * np.abs(wander(scene.length, scene.per_day / 24, scene.rng)), 0, 1)
        made = size * np.pi * scene.mean()[row] * sun * sky.repeat(scene.per_day) * gusts
        out[row, span] = made[span]
    return out, sky


def ev_bought(scene: Scene) -> Change:
    """An electric car charges at home some nights a week: rectangular blocks of kilowatts for hours.

    Powers of common wallboxes and sockets. At a building's meter a few chargers for staff: a share of its
    mean load by day.
    """
    span = scene.span(least=10, lasting=0.97, from_first=0.03)
    mean_kw = scene.mean() * 60 / scene.step_minutes
    kw, a_week = scene.one_of(1.8, 2.3, 3.7, 3.7, 7.4, 7.4, 11.0), scene.pick(1.0, 7)
    hours, start = scene.scale(0.8, 7.0), scene.pick(16, 26)
    timed, share = scene.pick(0.02, 1.5), scene.pick(0.05, 0.6)
    more = np.zeros_like(scene.kwh)
    for row in range(scene.meters):
        building = mean_kw[row] > 8
        days = np.flatnonzero(scene.rng.random(len(scene.days)) < a_week / 7)
        begin = (days * 24 + (start if not building else 8.5) + scene.rng.normal(0, timed, len(days))) * 60
        long = hours * 60 * np.exp(0.4 * scene.rng.standard_normal(len(days)))
        power = np.full(len(days), max(kw, share * mean_kw[row]) if building else kw)
        more[row] = deposit(begin, long, power, scene.length, scene.step_minutes)
    y = _blank(scene)
    y[:, span] += more[:, span]
    return Change(scene.registered(y, span), {"kw": kw, "a_week": a_week, "hours": hours})


def heating_bought(scene: Scene) -> Change:
    """A heat pump, electric heater or air conditioner of one's own: it follows season, weather and hours."""
    span = scene.span(least=14, lasting=0.97, from_first=0.0)
    size, cooling = scene.scale(0.15, 2.5), scene.chance(0.4)
    year_day = (scene.days - scene.days.astype("datetime64[Y]")).astype(np.int64)
    peak = (200 if cooling else 17) + (182 if scene.chance(0.2) else 0)
    season = np.clip(0.35 + 0.75 * np.cos(2 * np.pi * (year_day - peak) / 365.25), 0.03, None)
    weather = np.clip(season * np.exp(0.4 * wander(len(scene.days), 4, scene.rng)), 0, None)
    hourly = np.where(scene.window(11, 12) if cooling else scene.window(5, 17), 1.0, scene.pick(0.2, 0.9))
    y = _blank(scene)
    for row in range(scene.meters):
        pace = np.exp(scene.pick(0.1, 0.6) * wander(scene.length, 60 / scene.step_minutes, scene.rng))
        more = size * scene.mean()[row] * weather.repeat(scene.per_day) * hourly * pace
        y[row, span] += more[span]
    return Change(scene.registered(y, span), {"over_mean": size, "cooling": float(cooling)})


def new_appliance(scene: Scene) -> Change:
    """A freezer, aquarium, dehumidifier or server of one's own: a little more at every hour, in cycles."""
    span = scene.span(least=10, lasting=0.95, from_first=0.0)
    size, cycle = scene.scale(0.06, 0.3), scene.scale(0.5, 6) * 60 / scene.step_minutes
    duty = scene.pick(0.3, 1.0)
    y = _blank(scene)
    for row in range(scene.meters):
        phase = (np.arange(scene.length) / cycle + scene.rng.random()) % 1.0
        on = np.where(phase < duty, 1.0 / duty, 0.0)
        pace = np.exp(0.1 * wander(scene.length, scene.per_day, scene.rng))
        y[row, span] += (size * scene.mean()[row] * on * pace)[span]
    return Change(scene.registered(y, span), {"over_mean": size, "duty": duty})


def home_battery(scene: Scene) -> Change:
    """A battery charges by night (or at noon) and carries the evening: import then is near zero.

    It is filled by what it gave, over 85 to 95 % round-trip efficiency; the day's energy rises a little.
    """
    span = scene.span(least=10, lasting=0.97, from_first=0.0)
    size, loss = scene.pick(0.1, 0.6), scene.pick(1.05, 1.18)
    carried = scene.window(scene.pick(15, 18), scene.pick(4, 8))
    filled = scene.window(scene.one_of(0, 1, 2, 11, 12, 23), scene.pick(2, 5)) & ~carried
    y = _blank(scene)
    days = (len(scene.days), scene.per_day)
    for row in range(scene.meters):
        most = size * scene.mean()[row] * scene.per_day
        use = np.where(carried & np.isfinite(y[row]), np.maximum(y[row], 0), 0).reshape(days)
        before = np.cumsum(use, axis=1) - use
        given = np.clip(most - before, 0, 0.97 * use)  # the inverter lets a little through
        room = filled.reshape(days) & np.isfinite(y[row]).reshape(days)
        into = loss * given.sum(axis=1, keepdims=True) / np.maximum(room.sum(axis=1, keepdims=True), 1)
        able = room.any(axis=1, keepdims=True)
        changed = np.where(able, np.where(room, into, 0) - given, 0).reshape(-1)
        y[row, span] += changed[span]
    return Change(scene.registered(y, span), {"size_over_day": size, "loss": loss})


def meter_exchanged(scene: Scene) -> Change:
    """A new meter: an hour or a day without readings, other pulses from then on, one or two per cent off.

    Both meters are within their class (IEC 62053: 1 or 2 %), so nothing is billed wrong.
    """
    span = scene.span(least=5, lasting=1.0, from_first=0.0)
    span = slice(span.start, scene.length)
    error = float(np.exp(scene.rng.normal(0, 0.008)))
    pulse = scene.one_of(0.001, 0.00125, 0.002, 0.01, 0.01, 0.1)
    work = scene.slots(scene.scale(0.5, 30) / 24)
    zero = scene.chance(0.3)
    y = _blank(scene)
    for row in range(scene.meters):
        most = max(0.05 * scene.mean()[row], 0.001)
        own = pulse if pulse < most else float(10.0 ** np.floor(np.log10(most)))
        y[row, span] = register(y[row, span] * error, own)
        dark = slice(span.start, span.start + work)
        y[row, dark] = np.where(np.isfinite(y[row, dark]), 0.0 if zero else np.nan, np.nan)
    return Change(y, {"pulse": pulse, "error": error})


_kind = partial(Phenomenon, cause=Cause.NORMAL, source="common experience", loss=Loss.NONE)

KINDS: tuple[Phenomenon, ...] = (
    _kind("ev_bought", ev_bought, "rectangular blocks some nights a week", days=21, weight=1.5),
    _kind("heating_bought", heating_bought, "follows the season, the weather and the hours", days=28),
    _kind("new_appliance", new_appliance, "a little more at every hour, in cycles"),
    _kind("home_battery", home_battery, "evenings near zero, nights higher, the day about the same", days=21),
    _kind("meter_exchanged", meter_exchanged, "a short gap, then other pulses", makes_gaps=True, floor=0.0),
    _kind("solar_saving", solar_saving, "midday import falls with the day's sky", days=42),
)
