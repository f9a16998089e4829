"""Theft by the customer, done to the meter or its supply: cause ``fraud``.

The energy is used and not metered; the register that is left counts in its own pulses, so every
altered span goes through it. Published theft functions stand in ``published`` and are made into
phenomena in ``published_kinds``.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from loadprofile.emulate.physics import phases_left, standby, wander
from loadprofile.emulate.scene import Change, Energies, Loss, Mask, Phenomenon, Scene
from loadprofile.verdicts import Cause


def _scaled(scene: Scene, span: slice, left: Energies) -> Energies:
    """Readings times ``left`` ``(length,)`` in the span, counted in pulses."""
    y = scene.kwh.copy()
    y[:, span] = y[:, span] * left[span]
    return scene.registered(y, span)


def _contact(scene: Scene, left: float) -> Energies:
    """A shunt's share: it wanders by a per cent or so as contacts warm up and load moves."""
    return np.clip(left * np.exp(scene.pick(0, 0.02) * wander(scene.length, scene.per_day, scene.rng)), 0, 1)


def full_bypass(scene: Scene) -> Change:
    """All of the supply goes round the meter: nothing or a few per cent is left."""
    span = scene.span(least=2, lasting=0.65)
    left = 0.0 if scene.chance(0.4) else scene.scale(0.002, 0.05)
    return Change(_scaled(scene, span, _contact(scene, left)), {"left": left})


def partial_bypass(scene: Scene) -> Change:
    """A shunt takes part of the current at all hours."""
    span = scene.span(least=2, lasting=0.7)
    left = scene.pick(0.05, 0.95)
    return Change(_scaled(scene, span, _contact(scene, left)), {"left": left})


def one_phase_bypass(scene: Scene) -> Change:
    """One phase (now and then two) goes round the meter: near two thirds left, not exactly, at all hours."""
    span = scene.span(least=3, lasting=0.75)
    lost = 1 if scene.chance(0.8) else 2
    left = phases_left(
        scene.length, scene.per_day, lost, scene.pick(0.05, 0.35), scene.pick(0.05, 0.4), scene.rng
    )
    return Change(_scaled(scene, span, left), {"phases": lost, "left": float(left[span].mean())})


def _windowed(scene: Scene, span: slice, stolen: Mask, left: float) -> Energies:
    return _scaled(scene, span, np.where(stolen, _contact(scene, left), 1.0))


def night_bypass(scene: Scene) -> Change:
    """The bypass is on by night, most nights, switched by hand at about the same hours."""
    span = scene.span(least=5, lasting=0.75)
    start, hours = scene.pick(18, 25) % 24, scene.pick(3, 10)
    left, nights = scene.pick(0, 0.7), scene.pick(0.5, 1.0)
    late = scene.rng.normal(0, scene.pick(0, 0.7), len(scene.days)).repeat(scene.per_day)
    # a night belongs to the day on which it began
    night = np.floor((np.arange(scene.length) * scene.step_minutes / 60 - start) / 24).astype(np.int64)
    chosen = scene.rng.random(len(scene.days) + 2) < nights
    on = ((scene.hour - start - late) % 24 < hours) & chosen[night + 1]
    return Change(_windowed(scene, span, on, left), {"start_hour": start, "hours": hours, "left": left})


def weekend_bypass(scene: Scene) -> Change:
    """The bypass is on at weekends (inspectors work on weekdays), from Friday evening on or from Saturday."""
    span = scene.span(least=14, lasting=0.8)
    left, early = scene.pick(0, 0.8), int(scene.pick(0, 8) * 60 / scene.step_minutes)
    on = scene.weekend | np.roll(scene.weekend, -early)
    return Change(_windowed(scene, span, on, left), {"left": left})


def on_off_bypass(scene: Scene) -> Change:
    """A hidden switch: on and off for hours or days at a time, at no fixed hours."""
    span = scene.span(least=5, lasting=0.75)
    left, on_days, off_days = scene.pick(0, 0.5), scene.scale(0.15, 6), scene.scale(0.15, 6)
    on = np.zeros(scene.length, dtype=np.bool_)
    at, state = span.start, True
    while at < span.stop:
        length = 1 + int(scene.rng.exponential(on_days if state else off_days) * scene.per_day)
        on[at : at + length] = state
        at, state = at + length, not state
    return Change(_windowed(scene, span, on, left), {"left": left, "on_days": on_days, "off_days": off_days})


def daily_window(scene: Scene) -> Change:
    """The same hours of every day go (nearly) unmetered: heating, cooling or cooking on the bypass."""
    span = scene.span(least=5, lasting=0.75)
    start, hours = scene.pick(0, 24), scene.pick(2, 12)
    left = 0.0 if scene.chance(0.6) else scene.pick(0, 0.4)
    late = scene.rng.normal(0, scene.one_of(0, 0, 0.5, 1), len(scene.days)).repeat(scene.per_day)
    on = (scene.hour - start - late) % 24 < hours
    return Change(_windowed(scene, span, on, left), {"start_hour": start, "hours": hours, "left": left})


def peak_cap(scene: Scene) -> Change:
    """What is above a limit is not metered: a limiter, or heavy loads wired before the meter."""
    span = scene.span(least=5, lasting=0.8, from_first=0.2)
    quantile = scene.pick(0.4, 0.995)
    soft = 0.0 if scene.chance(0.5) else scene.pick(0.02, 0.2)
    y = scene.kwh.copy()
    for row in range(scene.meters):
        top = float(np.nanquantile(scene.kwh[row], quantile))
        y[row, span] = np.minimum(y[row, span], top + soft * np.maximum(y[row, span] - top, 0))
    return Change(scene.registered(y, span), {"quantile": quantile, "leak": soft})


def ramp_bypass(scene: Scene) -> Change:
    """The stolen share grows over weeks, so that no bill shows a step."""
    span = scene.span(least=10, lasting=0.85, from_first=0.05)
    left, days = scene.pick(0.05, 0.8), scene.scale(4, 90)
    slope = np.clip((np.arange(scene.length) - span.start) / scene.slots(days), 0, 1)
    if scene.chance(0.3):  # in a few small steps
        slope = np.ceil(slope * 4) / 4
    return Change(_scaled(scene, span, 1 - (1 - left) * slope), {"left": left, "days": days})


def constant_subtraction(scene: Scene) -> Change:
    """A fixed amount is taken off every interval, never below zero."""
    span = scene.span(least=4, lasting=0.75, from_first=0.12)
    share = scene.scale(0.06, 1.2)
    y = scene.kwh.copy()
    y[:, span] = np.where(
        np.isfinite(y[:, span]), np.maximum(y[:, span] - share * scene.mean()[:, None], 0), np.nan
    )
    return Change(scene.registered(y, span), {"share_of_mean": share})


def appliance_before_meter(scene: Scene) -> Change:
    """A heater, boiler or cooler is wired before the meter: the load above standby is cut by one size."""
    span = scene.span(least=5, lasting=0.85, from_first=0.1)
    share, hours = scene.pick(0.5, 1.0), scene.pick(8, 24)
    size = scene.scale(0.8, 6.0)
    on = scene.window(scene.pick(0, 24), hours)[span]
    y = scene.kwh.copy()
    for row in range(scene.meters):
        kwh, base = y[row, span], standby(scene.kwh[row])
        # no larger than what the site draws at its busiest: a building has no load of six times its mean
        most = min(size * scene.mean()[row], float(np.nanquantile(scene.kwh[row], 0.99)) - base)
        heavy = on & (kwh > base + 0.3 * most)
        taken = np.minimum(share * (kwh - base), most)
        y[row, span] = np.where(heavy, kwh - taken, kwh)
    return Change(scene.registered(y, span), {"share": share, "size_over_mean": size})


def flattened(scene: Scene) -> Change:
    """The days are reported flat, at the mean or a part of it: peak hours are stolen, or price."""
    span = scene.span(least=3, lasting=0.75, midnight=True)
    noise, left = scene.pick(0, 0.3), 1.0 if scene.chance(0.35) else scene.pick(0.2, 0.95)
    y = scene.kwh.copy()
    for row in range(scene.meters):
        days = y[row].reshape(-1, scene.per_day)
        known = np.isfinite(days)
        mean = np.where(known, days, 0).sum(1, keepdims=True) / np.maximum(known.sum(1, keepdims=True), 1)
        flat = left * mean * np.exp(noise * scene.rng.standard_normal(days.shape))
        y[row, span] = np.where(known, flat, np.nan).reshape(-1)[span]
    return Change(scene.registered(y, span), {"left": left, "noise": noise})


def price_dodge(scene: Scene) -> Change:
    """Dear hours are reported low and cheap hours high: the day is right and the bill is not."""
    span = scene.span(least=3, lasting=0.75, midnight=True)
    share = scene.pick(0.2, 0.9)
    dear, cheap = scene.window(scene.pick(15, 19), scene.pick(3, 6)), scene.window(scene.pick(0, 3), 5)
    y = scene.kwh.copy()
    for row in range(scene.meters):
        days = y[row].reshape(-1, scene.per_day).copy()
        into = cheap.reshape(days.shape) & np.isfinite(days)
        taken = np.where(dear.reshape(days.shape) & np.isfinite(days), share * days, 0)
        count = into.sum(axis=1, keepdims=True)
        moved = days - taken + np.where(into, taken.sum(axis=1, keepdims=True) / np.maximum(count, 1), 0)
        y[row, span] = np.where(count > 0, moved, days).reshape(-1)[span]
    return Change(scene.registered(y, span), {"share": share})


def outage_then_drop(scene: Scene) -> Change:
    """A short isolated outage while the meter is opened, then lower readings for good."""
    span = scene.span(least=4, lasting=0.95, from_first=0.0)
    hours, left, missing = scene.scale(0.5, 12), scene.pick(0.05, 0.9), scene.chance(0.3)
    y = _scaled(scene, span, _contact(scene, left))
    stop = min(span.stop, span.start + scene.slots(hours / 24))
    y[:, span.start : stop] = np.where(
        np.isfinite(scene.kwh[:, span.start : stop]), np.nan if missing else 0.0, np.nan
    )
    return Change(y, {"hours": hours, "left": left, "missing": float(missing)})


def pulled_meter(scene: Scene) -> Change:
    """The meter is pulled for days at a time: a gap or zeros, and no sum afterwards."""
    span = scene.span(least=4, lasting=0.6)
    away, home, missing = scene.scale(0.3, 8), scene.scale(1.0, 25), scene.chance(0.5)
    y = scene.kwh.copy()
    at, times = span.start, 0
    while at < span.stop:
        stop = min(span.stop, at + scene.slots(scene.scale(0.6, 1.6) * away))
        y[:, at:stop] = np.where(np.isfinite(y[:, at:stop]), np.nan if missing else 0.0, np.nan)
        at = stop + scene.slots(scene.rng.exponential(home) + 0.3)
        times += 1
    return Change(y, {"away_days": away, "times": times, "missing": float(missing)})


def meter_swapped_cheap(scene: Scene) -> Change:
    """A second, private meter takes turns: for part of every month the readings all but stop."""
    span = scene.span(least=20, lasting=0.85, from_first=0.2)
    days_in, every = scene.pick(3, 15), scene.pick(25, 35)
    phase, left = scene.pick(0, 30), scene.scale(0.005, 0.3)
    on = (scene.day + phase) % every < days_in
    return Change(_windowed(scene, span, on, left), {"days": days_in, "every_days": every, "left": left})


def magnet(scene: Scene) -> Change:
    """A magnet on the meter slows or stops it; it is taken off around each monthly reading.

    A strong direct field saturates the current transformers: nearly nothing is counted, or a part that
    wanders as the magnet slips. On all day, or in the hours of heavy use.
    """
    span = scene.span(least=7, lasting=0.8)
    left = 0.0 if scene.chance(0.3) else scene.pick(0.05, 0.7)
    every, off_days, phase = scene.pick(28, 31), scene.pick(1, 6), scene.pick(0, 30)
    on = (scene.day + phase) % every >= off_days
    if scene.chance(0.5):
        on &= scene.window(scene.pick(0, 24), scene.pick(4, 16))
    slips = np.exp(scene.pick(0, 0.4) * wander(scene.length, scene.pick(0.5, 5) * scene.per_day, scene.rng))
    share = np.where(on, np.clip(left * slips, 0, 1), 1.0)
    return Change(_scaled(scene, span, share), {"left": left, "every_days": every, "off_days": off_days})


def heavy_days(scene: Scene) -> Change:
    """The bypass is used when it pays: on days of much use (cold, washing, cooking), not on the others."""
    span = scene.span(least=10, lasting=0.8)
    left, share = scene.pick(0, 0.7), scene.pick(0.2, 0.6)
    y = scene.kwh.copy()
    for row in range(scene.meters):
        daily = np.nansum(scene.kwh[row].reshape(-1, scene.per_day), axis=1)
        on = (daily > np.quantile(daily, 1 - share)).repeat(scene.per_day)
        y[row, span] = np.where(on, y[row] * left, y[row])[span]
    return Change(scene.registered(y, span), {"left": left, "share_of_days": share})


def stolen_from_first_day(scene: Scene) -> Change:
    """Wired for theft when the house was built: no "before", only a strange shape or level."""
    low, high = scene.extent()
    span = slice(low, high)
    left, form = scene.pick(0, 0.5), int(scene.rng.integers(5))
    if form == 0:
        on = scene.window(scene.pick(0, 24), scene.pick(5, 12))
        y = _windowed(scene, span, on, left)
    elif form == 1:
        y = _scaled(
            scene,
            span,
            phases_left(scene.length, scene.per_day, 1 + int(scene.chance(0.5)), 0.2, 0.3, scene.rng),
        )
    elif form == 2:  # nearly all of it: only the level beside the peers tells
        y = _scaled(scene, span, _contact(scene, scene.scale(0.01, 0.25)))
    elif form == 3:
        on = scene.weekend if scene.chance(0.5) else (scene.day + 3) % 30 < scene.pick(6, 20)
        y = _windowed(scene, span, np.asarray(on), left)
    else:
        top = np.nanquantile(scene.kwh, scene.pick(0.3, 0.85), axis=1)[:, None]
        y = scene.kwh.copy()
        y[:, span] = np.minimum(y[:, span], top + 0.05 * np.maximum(y[:, span] - top, 0))
        y = scene.registered(y, span)
    return Change(y, {"left": left, "form": form})


_kind = partial(Phenomenon, cause=Cause.FRAUD, source="reports of utilities")

KINDS: tuple[Phenomenon, ...] = (
    _kind("full_bypass", full_bypass, "all current goes round the meter"),
    _kind("partial_bypass", partial_bypass, "a shunt takes a nearly constant share"),
    _kind("one_phase_bypass", one_phase_bypass, "one phase in three goes round the meter"),
    _kind("night_bypass", night_bypass, "a bypass switched on by night", days=14),
    _kind("weekend_bypass", weekend_bypass, "a bypass switched on at weekends", days=28),
    _kind("on_off_bypass", on_off_bypass, "a bypass on and off at no fixed hours", days=14),
    _kind("daily_window", daily_window, "the same hours of each day unmetered", days=14),
    _kind(
        "peak_cap",
        peak_cap,
        "load above a limit is not metered",
        source="Calamaro 2021, peak shaving",
        days=14,
    ),
    _kind(
        "ramp_bypass", ramp_bypass, "the stolen share grows over weeks", source="after Altamimi 2025", days=28
    ),
    _kind(
        "constant_subtraction", constant_subtraction, "a fixed amount off each interval", source="after FDI2"
    ),
    _kind("appliance_before_meter", appliance_before_meter, "a heavy load wired before the meter", days=14),
    _kind("flattened", flattened, "days reported flat", source="after Jokar 2016 h4, h5", days=10),
    _kind(
        "price_dodge",
        price_dodge,
        "dear hours low, cheap hours high",
        source="after Jokar 2016 h5, h6",
        days=10,
    ),
    _kind(
        "outage_then_drop",
        outage_then_drop,
        "opened in a short outage, then lower",
        loss=Loss.GAPS_TOO,
        makes_gaps=True,
    ),
    _kind(
        "pulled_meter",
        pulled_meter,
        "pulled for days, register stands still",
        loss=Loss.GAPS_TOO,
        makes_gaps=True,
    ),
    _kind("private_meter", meter_swapped_cheap, "part of each month on another meter", days=56),
    _kind("magnet", magnet, "slowed by a magnet between the monthly readings", days=28),
    _kind("heavy_days", heavy_days, "bypassed on days of much use only", days=28, weight=0.7),
    _kind("stolen_from_first_day", stolen_from_first_day, "tampered from construction on", days=14),
)
