"""Attacks on the load itself, through switches that a utility or a maker can reach: ``cyber_attack``.

What is switched is real use, so it goes through the registers and the bill is right. The sign of it is
that meters with nothing in common change in the same slots, at hours that no habit explains.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from loadprofile.emulate.physics import standby
from loadprofile.emulate.scene import Change, Energies, Loss, Phenomenon, Scene
from loadprofile.verdicts import Cause


def _pulses(scene: Scene) -> tuple[list[slice], float]:
    """When the attacker switches: at odd times, or at one clock time on some days in a row."""
    low, high = scene.extent()
    times = int(scene.scale(2, 60))
    hours = scene.scale(0.5, 6)
    starts = np.sort(scene.rng.integers(low, max(low + 1, high - 1), times))
    if scene.chance(0.4):
        days = np.arange(times)[scene.rng.random(times) < scene.pick(0.4, 1.0)]
        starts = int(scene.rng.integers(low, max(low + 1, high - 1))) + days * scene.per_day
        starts = starts[starts < high - 1] if (starts < high - 1).any() else np.array([high - 2])
    length = max(1, round(hours * 60 / scene.step_minutes))
    return [slice(int(at), min(int(at) + length, high)) for at in starts], hours


def _switchable(scene: Scene, kw: float) -> Energies:
    """``(m,)`` kWh per slot of the load that can be switched: ``kw`` in a home, a share of a building's."""
    mean_kw = scene.mean() * 60 / scene.step_minutes
    return np.asarray(np.maximum(kw, mean_kw * scene.scale(0.15, 1.2)) * scene.step_minutes / 60)


def load_switched_on(scene: Scene) -> Change:
    """Boilers, heaters and chargers are switched on by remote in the same slots, at odd times."""
    spans, hours = _pulses(scene)
    kw = scene.scale(0.5, 4.0)
    size = _switchable(scene, kw)
    y = scene.kwh.copy()
    for span in spans:
        for row in range(scene.meters):
            added = size[row] * scene.rng.uniform(0.6, 1.3)
            y[row, span] += added
        y = scene.registered(y, span)
    return Change(y, {"times": len(spans), "hours": hours, "kw": kw})


def load_switched_off(scene: Scene) -> Change:
    """Flexible load is shed by remote in the same slots, and comes back all at once."""
    spans, hours = _pulses(scene)
    share, deep = scene.pick(0.6, 1.0), scene.pick(0.0, 0.8)
    y = scene.kwh.copy()
    for span in spans:
        length = span.stop - span.start
        for row in range(scene.meters):
            # a part of standby is heat and cold too
            base = deep * standby(scene.kwh[row])
            cut = share * np.maximum(y[row, span] - base, 0)
            y[row, span] -= cut
            back = slice(span.stop, min(span.stop + max(1, length // 2), scene.length))
            if back.stop > back.start:
                y[row, back] += 0.8 * np.nansum(cut) / (back.stop - back.start)
        y = scene.registered(y, slice(span.start, min(span.stop + length, scene.length)))
    return Change(y, {"times": len(spans), "hours": hours, "share": share})


def load_oscillated(scene: Scene) -> Change:
    """Load is switched on and off slot by slot in step, to shake the grid."""
    span = scene.span(least=0.25, most=6, lasting=0.0, from_first=0.0)
    kw, every = scene.scale(0.5, 4.0), int(scene.one_of(1, 1, 2, 4))
    wave = (np.arange(scene.length) // every % 2 == 0).astype(np.float64)
    y = scene.kwh.copy()
    size = _switchable(scene, kw)
    for row in range(scene.meters):
        strength = size[row] * scene.rng.uniform(0.6, 1.3)
        y[row, span] += strength * wave[span] * scene.rng.uniform(0.85, 1.1, span.stop - span.start)
    return Change(scene.registered(y, span), {"kw": kw, "slots": every})


def false_price(scene: Scene) -> Change:
    """A forged price makes real load run at once: washing, heat and cars move into one false cheap window.

    Some days to two weeks, all of the cohort in the same hours; most of it is taken from the other hours
    of the day, some is used on top.
    """
    span = scene.span(least=1, most=14, lasting=0.1, from_first=0.0, midnight=True)
    start, hours = scene.pick(0, 24), scene.scale(0.5, 4)
    share, on_top = scene.pick(0.15, 0.7), scene.pick(0.0, 0.5)
    into = np.zeros(scene.length, dtype=np.bool_)
    into[span] = scene.window(start, hours)[span]
    out_of = np.zeros(scene.length, dtype=np.bool_)
    out_of[span] = ~into[span]
    y = scene.kwh.copy()
    for row in range(scene.meters):
        above = np.where(out_of, np.maximum(np.nan_to_num(y[row]) - standby(scene.kwh[row]), 0), 0)
        taken = share * scene.rng.uniform(0.5, 1.0) * above
        by_day = (1 + on_top) * taken.reshape(-1, scene.per_day).sum(axis=1)
        room = (into & np.isfinite(y[row])).reshape(-1, scene.per_day)
        given = np.where(room, by_day[:, None] / np.maximum(room.sum(axis=1, keepdims=True), 1), 0)
        able = room.any(axis=1).repeat(scene.per_day)
        y[row] = y[row] + given.reshape(-1) - np.where(able, taken, 0)
    return Change(scene.registered(y, span), {"start_hour": start, "hours": hours, "share": share})


def mass_disconnect(scene: Scene) -> Change:
    """Remote switches open on scattered meters in the same slot: exact zero, then life as before.

    No one is supplied and nothing is used, so nothing is lost; unlike a feeder outage the first slot is cut
    within seconds for meters all over the grid, and they come back by hand, at different times.
    """
    times = 1 if scene.chance(0.6) else int(scene.rng.integers(2, 6))
    hours, spread = scene.scale(0.5, 72), scene.pick(0, 0.5)
    low, high = scene.extent()
    y = scene.kwh.copy()
    for _ in range(times):
        begin = int(scene.rng.integers(low, max(low + 1, high - 2)))
        for row in range(scene.meters):
            length = scene.slots(hours * np.exp(spread * scene.rng.standard_normal()) / 24)
            stop = min(begin + length, high)
            y[row, begin:stop] = np.where(np.isfinite(y[row, begin:stop]), 0.0, np.nan)
    return Change(y, {"times": times, "hours": hours})


_kind = partial(
    Phenomenon,
    cause=Cause.CYBER_ATTACK,
    source="smart-grid security literature",
    smallest=2,
    largest=300,
    loss=Loss.NONE,
)

KINDS: tuple[Phenomenon, ...] = (
    _kind("load_switched_on", load_switched_on, "load jumps up in the same slots"),
    _kind("load_switched_off", load_switched_off, "load is shed in the same slots"),
    _kind("load_oscillated", load_oscillated, "load on and off slot by slot"),
    _kind("false_price", false_price, "real load moved into one false cheap window"),
    _kind("mass_disconnect", mass_disconnect, "exact zeros on scattered meters", floor=0.0),
)
