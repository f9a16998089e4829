"""Honest events that many meters share: cause ``normal``.

Weather, festivals, outages of a feeder and the clock change make many meters do the same in the
same slots, which is what a search for attacks and file faults must not mistake.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from loadprofile.emulate.physics import standby, wander
from loadprofile.emulate.scene import Change, Loss, Phenomenon, Scene
from loadprofile.verdicts import Cause


def weather(scene: Scene) -> Change:
    """A cold spell or heat wave: everybody uses more for days, each as their heating or cooling answers."""
    span = scene.span(least=3, most=18, lasting=0.0, from_first=0.0)
    length = span.stop - span.start
    peak = scene.pick(0.1, 0.9)
    cold = scene.chance(0.6)
    rise = np.sin(np.linspace(0, np.pi, length)) ** 0.7
    hours = scene.window(5, 18) if cold else scene.window(11, 13)
    hourly = np.where(hours, 1.0, 0.45)[span]
    y = scene.kwh.copy()
    for row in range(scene.meters):
        answer = peak * scene.rng.gamma(2.0, 0.5)
        pace = np.exp(0.2 * wander(length, scene.per_day / 12, scene.rng))
        y[row, span] += answer * rise * hourly * pace * scene.mean()[row]
    return Change(scene.registered(y, span), {"peak": peak, "cold": float(cold)})


def festival(scene: Scene) -> Change:
    """Feast days: late, rich evenings for many homes on the same dates, or an empty neighbourhood."""
    low, high = scene.extent()
    count = int(scene.rng.integers(1, 4))
    away = scene.chance(0.3)
    y = scene.kwh.copy()
    for _ in range(count):
        length = scene.slots(int(scene.rng.integers(1, 4)))
        begin = int(scene.rng.integers(low, max(low + 1, high - length)))
        begin -= begin % scene.per_day
        span = slice(max(begin, 0), min(begin + length, scene.length))
        for row in range(scene.meters):
            base = standby(scene.kwh[row])
            factor = scene.pick(0.3, 0.9) if away else scene.pick(1.05, 2.2)
            hourly = np.where(scene.window(16, 9), factor, 1 + 0.4 * (factor - 1))[span]
            above = np.maximum(y[row, span] - base, 0)
            y[row, span] = np.minimum(y[row, span], base) + hourly * above
        y = scene.registered(y, span)
    return Change(y, {"dates": count, "away": float(away)})


def outage(scene: Scene) -> Change:
    """A feeder is out, once or several times: exact zero in the same slots, then a recovery peak.

    The first and last slot are part supplied; heating and cooling catch up over one to four hours
    (cold-load pick-up), part of the energy of the outage comes back in them.
    """
    low, high = scene.extent()
    times = 1 if scene.chance(0.7) else int(scene.rng.integers(2, 9))
    y = scene.kwh.copy()
    hours_out = 0.0
    for _ in range(times):
        minutes = scene.scale(20, 720)
        start = scene.pick(low, max(low + 1, high - 8 * scene.per_day / 24)) * scene.step_minutes
        edges = np.arange(scene.length + 1) * float(scene.step_minutes)
        off = np.clip(np.minimum(edges[1:], start + minutes) - np.maximum(edges[:-1], start), 0, None)
        supplied = 1.0 - off / scene.step_minutes
        hours_out += minutes / 60
        touched = np.flatnonzero(supplied < 1)
        back = scene.scale(0.1, 0.7)
        memory = scene.pick(1.0, 4.0) * 60 / scene.step_minutes
        after = np.clip(np.arange(scene.length) - touched[-1], 0, None)
        tail = np.where((after > 0) & (after < 6 * memory), np.exp(-after / memory), 0.0)
        tail[touched[-1]] = supplied[touched[-1]]
        for row in range(scene.meters):
            unserved = float(np.nansum(y[row] * (1 - supplied)))
            y[row] = y[row] * supplied
            if tail.sum() > 0:
                y[row] += back * scene.pick(0.5, 1.5) * unserved * tail / tail.sum()
        y = scene.registered(y, slice(int(touched[0]), min(scene.length, int(touched[-1] + 8 * memory) + 1)))
    return Change(y, {"times": times, "hours": hours_out})


def clock_habits(scene: Scene) -> Change:
    """The week after a clock change, or a changed school hour: habits are early or late and drift back."""
    span = scene.span(least=4, most=14, lasting=0.0, from_first=0.0, midnight=True)
    length = span.stop - span.start
    late = scene.one_of(-1, 1) * 60 / scene.step_minutes
    y = scene.kwh.copy()
    for row in range(scene.meters):
        base = np.minimum(scene.kwh[row], standby(scene.kwh[row]))
        active = np.nan_to_num(scene.kwh[row] - base)
        fade = np.linspace(scene.pick(0.5, 1.0), 0.0, length)
        moved = np.roll(active, round(late))
        y[row, span] = (base + active)[span] * 1.0
        y[row, span] += fade * (moved - active)[span]
        y[row, span] = np.where(np.isfinite(scene.kwh[row, span]), y[row, span], np.nan)
    return Change(scene.registered(y, span), {"slots": late})


def lockdown(scene: Scene) -> Change:
    """A public order, strike or school closure: many are home by day (or businesses close) for weeks."""
    span = scene.span(least=7, most=90, lasting=0.4, from_first=0.0, midnight=True)
    length = span.stop - span.start
    by_day = scene.window(9, 8)[span] & ~scene.weekend[span]
    strength = scene.pick(0.1, 0.5)
    y = scene.kwh.copy()
    for row in range(scene.meters):
        own = strength * scene.rng.normal(0.8, 0.5)
        pace = np.exp(0.3 * wander(length, scene.per_day / 12, scene.rng))
        y[row, span] = np.where(
            by_day,
            np.maximum(y[row, span] + own * pace * scene.mean()[row], np.minimum(y[row, span], 1e-3)),
            y[row, span],
        )
    return Change(scene.registered(y, span), {"strength": strength})


def holidays(scene: Scene) -> Change:
    """Schools, universities and works close on the same dates: a part of what is above standby for weeks.

    Terms and company holidays come back: once or several times in the data, and before and after it is as
    ever. Homes with children are away on the same dates or at home by day.
    """
    low, high = scene.extent()
    times = int(scene.rng.integers(1, 4))
    left, spread = scene.pick(0.15, 0.85), scene.pick(0.03, 0.25)
    y = scene.kwh.copy()
    for _ in range(times):
        length = min(scene.per_day * int(scene.scale(4, 60)), max(scene.per_day, (high - low) // 4))
        begin = int(scene.rng.integers(low, max(low + 1, high - length + 1)))
        begin -= begin % scene.per_day
        inside = slice(max(begin, 0), min(begin + length, scene.length))
        for row in range(scene.meters):
            base = standby(scene.kwh[row])
            own = float(np.clip(left * np.exp(scene.rng.normal(0, spread)), 0.05, 1.3))
            above = np.maximum(y[row, inside] - base, 0)
            y[row, inside] = np.minimum(y[row, inside], base) + own * above
        y = scene.registered(y, inside)
    return Change(y, {"times": times, "left": left})


_kind = partial(Phenomenon, cause=Cause.NORMAL, source="common experience", smallest=3, loss=Loss.NONE)

KINDS: tuple[Phenomenon, ...] = (
    _kind(
        "weather", weather, "more for days, each meter by its own heating or cooling", days=28, largest=1000
    ),
    _kind("holidays", holidays, "closed or away on the same dates for weeks", days=28, largest=300),
    _kind("festival", festival, "other evenings on the same dates", days=14, largest=1000),
    _kind(
        "outage", outage, "zero in the same slots of one feeder, then a recovery peak", largest=400, floor=0.0
    ),
    _kind("clock_habits", clock_habits, "habits an hour off that drift back in days", days=21, largest=500),
    _kind("lockdown", lockdown, "more by day on weekdays for weeks, from one date", days=28, largest=1000),
)
