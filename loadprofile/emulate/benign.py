"""Honest life of one household or business: cause ``normal``.

These are what a detector must leave alone: drops, rises, moved hours and short gaps with an
ordinary reason. All of it is real use, so nothing is lost and the register counts it in pulses.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from loadprofile.emulate.physics import deposit, quiet_hours, standby, wander
from loadprofile.emulate.scene import Change, Energies, Loss, Phenomenon, Scene
from loadprofile.verdicts import Cause


def _blank(scene: Scene) -> Energies:
    return scene.kwh.copy()


def vacation(scene: Scene) -> Change:
    """Nobody home for some days, once or a few times: the fridge goes on, the rest stops."""
    y = _blank(scene)
    low, high = scene.extent()
    times = int(scene.rng.integers(1, 4))
    left = scene.pick(0.6, 1.0)
    for _ in range(times):
        length = min(scene.slots(scene.scale(2.5, 24.0)), max(1, (high - low) // 4))
        begin = int(scene.rng.integers(low, high - length + 1))
        inside = slice(begin, begin + length)
        for row in range(scene.meters):
            quiet = left * quiet_hours(scene.kwh[row], scene.per_day, length, scene.rng)
            y[row, inside] = quiet
        y = scene.registered(y, inside)
    return Change(y, {"times": times, "left": left})


def empty_home(scene: Scene) -> Change:
    """The home stands empty for weeks or for good; with some the main breaker is off: exact zero."""
    span = scene.span(least=14, lasting=0.5, from_first=0.05)
    # most empty homes keep a fridge, a boiler or an alarm: an exact zero for weeks is the exception
    breaker_off = scene.chance(0.15)
    y = _blank(scene)
    for row in range(scene.meters):
        length = span.stop - span.start
        y[row, span] = (
            0.0 if breaker_off else 0.9 * quiet_hours(scene.kwh[row], scene.per_day, length, scene.rng)
        )
    return Change(scene.registered(y, span), {"breaker_off": float(breaker_off)})


def new_tenant(scene: Scene) -> Change:
    """Other people move in: another home's rhythm and another level, often after an empty time."""
    span = scene.span(least=21, lasting=0.95, from_first=0.0)
    ratio = float(np.exp(scene.rng.normal(0.0, 0.5)))
    empty = scene.slots(scene.scale(1, 45)) if scene.chance(0.6) else 0
    blend = scene.pick(0.4, 1.0)
    weeks = int(scene.rng.integers(1, max(2, len(scene.days) // 14)))
    y = _blank(scene)
    for row in range(scene.meters):
        # the donor's weeks are moved: new tenants resemble somebody, they are not somebody's copy
        people = np.roll(scene.donor(row), weeks * 7 * scene.per_day)
        mixed = blend * people + (1 - blend) * scene.kwh[row]
        mixed = np.where(np.isfinite(mixed), mixed, scene.kwh[row]) * ratio
        y[row, span] = mixed[span]
        gone = slice(span.start, min(span.start + empty, span.stop))
        y[row, gone] = quiet_hours(scene.kwh[row], scene.per_day, gone.stop - gone.start, scene.rng)
    return Change(scene.registered(y, span), {"ratio": ratio, "empty_days": empty / scene.per_day})


def baby(scene: Scene) -> Change:
    """A child is born: washing, heating and light at odd hours, a little more all day."""
    span = scene.span(least=21, lasting=0.95, from_first=0.0)
    more = scene.scale(0.08, 0.35)
    per_day = scene.pick(0.5, 4.0)
    y = _blank(scene)
    length = span.stop - span.start
    for row in range(scene.meters):
        count = int(scene.rng.poisson(per_day * length / scene.per_day))
        start = scene.rng.uniform(0, length * scene.step_minutes, count)
        kw = scene.rng.uniform(0.3, 1.2, count) * max(scene.mean()[row] * 120 / scene.step_minutes, 0.1)
        odd = deposit(start, scene.rng.uniform(5, 40, count), kw, length, scene.step_minutes)
        y[row, span] = y[row, span] * (1 + more * 0.6) + odd * more
    return Change(scene.registered(y, span), {"more": more})


def home_office(scene: Scene) -> Change:
    """Someone works at home some weekdays: screens, kettle and warmth from nine to five."""
    span = scene.span(least=14, lasting=0.8, from_first=0.0)
    kw = scene.scale(0.08, 0.6) * max(1.0, float(scene.mean().max()) * 60 / scene.step_minutes)
    days_a_week = scene.pick(1.0, 5.0)
    start, hours = scene.pick(7.5, 9.5), scene.pick(6.0, 9.5)
    home = (scene.rng.random(len(scene.days)) < days_a_week / 5.0).repeat(scene.per_day) & ~scene.weekend
    at_work = home & scene.window(start, hours)
    y = _blank(scene)
    for row in range(scene.meters):
        pace = np.exp(0.35 * wander(scene.length, scene.per_day / 24, scene.rng))
        y[row] += at_work * pace * kw * scene.step_minutes / 60
    y[:, : span.start] = scene.kwh[:, : span.start]
    y[:, span.stop :] = scene.kwh[:, span.stop :]
    return Change(scene.registered(y, span), {"kw": kw, "days_a_week": days_a_week})


def refurbishment(scene: Scene) -> Change:
    """New windows, boiler or lights: some weeks of builders by day, then lower use for good."""
    span = scene.span(least=28, lasting=1.0, from_first=0.0)
    left = scene.pick(0.6, 0.97)
    works = scene.slots(scene.scale(2, 30))
    ease = np.clip(np.arange(span.stop - span.start) / works, 0, 1)
    # what goes is above standby; insulation saves more in the evening, lights too
    evening = np.where(scene.window(16, 8)[span], scene.pick(0.85, 1.0), 1.0)
    y = _blank(scene)
    for row in range(scene.meters):
        base = standby(scene.kwh[row])
        above = np.maximum(y[row, span] - base, 0)
        y[row, span] = np.minimum(y[row, span], base) + above * (1 - (1 - left * evening) * ease)
        tools = (ease < 1) & scene.window(8, 8)[span] & ~scene.weekend[span]
        y[row, span] += tools * scene.rng.exponential(0.5 * scene.mean()[row], len(tools))
    return Change(scene.registered(y, span), {"left": left, "works_days": works / scene.per_day})


def appliance_replaced(scene: Scene) -> Change:
    """An old fridge or pump goes: part of the standby is gone at every hour, the rest is as before."""
    span = scene.span(least=14, lasting=0.95, from_first=0.0)
    share = scene.pick(0.15, 0.7)
    y = _blank(scene)
    for row in range(scene.meters):
        less = share * standby(scene.kwh[row])
        y[row, span] -= np.minimum(less, share * y[row, span])
    return Change(scene.registered(y, span), {"share_of_standby": share})


def resident_leaving(scene: Scene) -> Change:
    """One of several residents moves out: less above standby, most of it in the evening."""
    span = scene.span(least=21, lasting=0.95, from_first=0.0)
    left = scene.pick(0.35, 0.85)
    y = _blank(scene)
    for row in range(scene.meters):
        base = standby(scene.kwh[row])
        hourly = np.where(scene.window(17, 6), left * 0.93, left * 1.05)[span]
        pace = np.clip(hourly * np.exp(0.25 * wander(len(hourly), scene.per_day / 8, scene.rng)), 0, 1)
        y[row, span] = np.minimum(y[row, span], base) + pace * np.maximum(y[row, span] - base, 0)
    return Change(scene.registered(y, span), {"left": left})


def resident_arriving(scene: Scene) -> Change:
    """Somebody moves in with them: more above standby, the other rhythm laid over the own one."""
    span = scene.span(least=21, lasting=0.95, from_first=0.0)
    more, shift = scene.pick(0.15, 0.7), int(scene.rng.integers(1, 5)) * 7 * scene.per_day
    y = _blank(scene)
    for row in range(scene.meters):
        active = np.maximum(scene.kwh[row] - standby(scene.kwh[row]), 0)
        other = np.roll(active, shift + int(scene.pick(-2, 2) * 60 / scene.step_minutes))
        y[row, span] += more * np.where(np.isfinite(other), other, active)[span]
    return Change(scene.registered(y, span), {"more": more})


def guests(scene: Scene) -> Change:
    """Visitors for some days: more of the same, with later evenings."""
    span = scene.span(least=1, most=14, lasting=0.0, from_first=0.0)
    more = scene.pick(1.15, 1.9)
    y = _blank(scene)
    for row in range(scene.meters):
        base = standby(scene.kwh[row])
        pace = more * np.exp(0.3 * wander(span.stop - span.start, scene.per_day / 12, scene.rng))
        y[row, span] = np.minimum(y[row, span], base) + pace * np.maximum(y[row, span] - base, 0)
    return Change(scene.registered(y, span), {"more": more})


def weekend_home(scene: Scene) -> Change:
    """From now on the home is used at weekends only (or left for them)."""
    span = scene.span(least=21, lasting=0.8, from_first=0.1)
    only_weekends = scene.chance(0.6)
    leave = scene.weekend | (np.roll(scene.weekend, -scene.per_day // 4))
    away = ~leave if only_weekends else leave
    away = away & (np.arange(scene.length) >= span.start) & (np.arange(scene.length) < span.stop)
    y = _blank(scene)
    for row in range(scene.meters):
        y[row, away] = quiet_hours(scene.kwh[row], scene.per_day, int(away.sum()), scene.rng)
    return Change(scene.registered(y, span), {"only_weekends": float(only_weekends)})


def shift_work(scene: Scene) -> Change:
    """New working hours: what people do moves by hours, within days, while standby stays put."""
    span = scene.span(least=14, lasting=0.7, from_first=0.0)
    hours = scene.pick(1.0, 10.0) * scene.one_of(-1, 1)
    moved_share = scene.pick(0.5, 1.0)
    shift = round(hours * 60 / scene.step_minutes)
    y = _blank(scene)
    for row in range(scene.meters):
        base = np.minimum(scene.kwh[row], standby(scene.kwh[row]))
        active = np.nan_to_num(scene.kwh[row] - base) * moved_share
        jitter = int(scene.rng.integers(-1, 2))
        moved = np.roll(active, shift + jitter)
        y[row, span] = (scene.kwh[row] - active + moved)[span]
    return Change(scene.registered(y, span), {"hours": hours, "moved_share": moved_share})


def tariff_shift(scene: Scene) -> Change:
    """A time-of-use tariff: washing, boiler and the like move into the cheap hours of the same day.

    One customer's choice, or many customers on the date on which the tariff begins.
    """
    span = scene.span(least=14, lasting=0.9, from_first=0.0, midnight=scene.chance(0.7))
    share = scene.pick(0.25, 0.9)
    dear, dear_hours = scene.pick(6, 18), scene.pick(4, 12)
    cheap, cheap_hours = scene.one_of(0, 1, 2, 11, 22, 23), scene.pick(2, 6)
    y = _blank(scene)
    inside = (np.arange(scene.length) >= span.start) & (np.arange(scene.length) < span.stop)
    from_slots = scene.window(dear, dear_hours) & ~scene.window(cheap, cheap_hours) & inside
    to_slots = scene.window(cheap, cheap_hours) & inside
    for row in range(scene.meters):
        above = np.maximum(np.nan_to_num(y[row]) - 1.1 * standby(scene.kwh[row]), 0)
        taken = np.where(from_slots, above * share * scene.rng.uniform(0.3, 1.0, scene.length), 0.0)
        by_day = taken.reshape(-1, scene.per_day).sum(axis=1)
        # runs of an hour or so at irregular times in the cheap window, as appliances start
        weight = to_slots * np.exp(1.2 * wander(scene.length, scene.per_day / 24, scene.rng))
        weight = np.where(np.isfinite(y[row]), weight, 0).reshape(-1, scene.per_day)
        total = weight.sum(axis=1, keepdims=True)
        given = np.where(total > 0, weight / np.maximum(total, 1e-12), 0) * by_day[:, None]
        able = (total[:, 0] > 0).repeat(scene.per_day)
        y[row] = y[row] - np.where(able, taken, 0) + given.reshape(-1)
    return Change(scene.registered(y, span), {"share": share, "cheap_hour": cheap})


def seasonal_business(scene: Scene) -> Change:
    """A shop, school or hotel closes for the season: a fraction of the load for weeks, then as before."""
    span = scene.span(least=14, most=150, lasting=0.3, from_first=0.15, midnight=scene.chance(0.5))
    left = scene.pick(0.08, 0.6)
    y = _blank(scene)
    for row in range(scene.meters):
        base = standby(scene.kwh[row])
        above = np.maximum(y[row, span] - base, 0)
        y[row, span] = np.minimum(y[row, span], base) * scene.pick(0.8, 1.0) + left * above
    return Change(scene.registered(y, span), {"left": left})


def efficient_heating(scene: Scene) -> Change:
    """A heat pump in place of electric heaters: the cold months' excess falls to a third or so."""
    span = scene.span(least=21, lasting=1.0, from_first=0.0)
    left = scene.pick(0.25, 0.6)
    y = _blank(scene)
    for row in range(scene.meters):
        daily = np.nan_to_num(scene.kwh[row]).reshape(-1, scene.per_day).mean(axis=1)
        usual = np.quantile(daily, 0.2)
        heat = np.clip((daily - usual) / np.maximum(daily, 1e-9), 0, 0.8).repeat(scene.per_day)
        y[row, span] *= (1 - (1 - left) * heat)[span]
    return Change(scene.registered(y, span), {"left": left})


def short_gaps(scene: Scene) -> Change:
    """A poor radio link: single slots to some hours missing now and then, the register counted on."""
    y = _blank(scene)
    low, high = scene.extent()
    per_month = scene.scale(0.5, 12)
    count = max(1, int(scene.rng.poisson(per_month * (high - low) / scene.per_day / 30)))
    for row in range(scene.meters):
        for begin in scene.rng.integers(low, high, count):
            y[row, begin : begin + int(scene.scale(1, 8.99))] = np.nan
    return Change(y, {"per_month": per_month})


_kind = partial(Phenomenon, cause=Cause.NORMAL, source="common experience", loss=Loss.NONE)

KINDS: tuple[Phenomenon, ...] = (
    _kind("vacation", vacation, "standby and fridge only, for days, once or a few times"),
    _kind("empty_home", empty_home, "standby only, or exact zero with the breaker off, for weeks", days=28),
    _kind("new_tenant", new_tenant, "another level and another daily shape after an empty time", days=42),
    _kind("baby", baby, "a little more at every hour and short loads at odd hours", days=42),
    _kind("home_office", home_office, "more from nine to five on some weekdays", days=28),
    _kind("refurbishment", refurbishment, "builders by day for weeks, then lower above standby", days=56),
    _kind("appliance_replaced", appliance_replaced, "part of the standby gone at every hour", days=28),
    _kind("resident_leaving", resident_leaving, "less above standby, standby unchanged", days=42),
    _kind("resident_arriving", resident_arriving, "more above standby for good", days=42),
    _kind("guests", guests, "more above standby for days", days=14),
    _kind("weekend_home", weekend_home, "standby only on weekdays, or only at weekends", days=42),
    _kind("shift_work", shift_work, "what people do moves by hours, standby stays", days=28),
    _kind(
        "tariff_shift",
        tariff_shift,
        "part of the dear hours moves to cheap ones of the day",
        days=28,
        largest=100,
    ),
    _kind("seasonal_business", seasonal_business, "closed for a season", days=28),
    _kind(
        "efficient_heating", efficient_heating, "the cold days' excess shrinks, warm days as before", days=56
    ),
    _kind("short_gaps", short_gaps, "single slots to hours missing at random", makes_gaps=True, floor=0.0),
)
