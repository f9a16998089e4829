"""Far more is metered than before, and rightly: cause ``super_consumption``.

The energy is used and metered, so nothing is lost to the utility. Who uses it may be someone else
(a third party tapped into the customer's installation). Calamaro 2021 names the third party, the solar
customer who draws as the sun sets and the second active cycle at night; very large new loads (growing under
lamps, mining, a business behind a home's meter) are of their kind. What people ordinarily buy is honest
life (``purchases``), and so is one more person. Registers count in pulses.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from loadprofile.emulate.physics import deposit, standby, wander
from loadprofile.emulate.purchases import generation, solar_import
from loadprofile.emulate.scene import Change, Energies, Loss, Phenomenon, Scene
from loadprofile.verdicts import Cause


def _added(scene: Scene, span: slice, more: Energies) -> Energies:
    """Readings plus ``more`` ``(m, length)`` in the span, counted in pulses."""
    y = scene.kwh.copy()
    y[:, span] += more[:, span]
    return scene.registered(y, span)


def _pace(scene: Scene, spread: float, hours: float = 1.0) -> Energies:
    return np.stack(
        [
            np.exp(spread * wander(scene.length, hours * 60 / scene.step_minutes, scene.rng))
            for _ in range(scene.meters)
        ]
    )


def _in(scene: Scene) -> Energies:
    return scene.mean()[:, None]


def sustained_increase(scene: Scene) -> Change:
    """Many more people or machines: half again to four times as much at all hours, at once or over weeks."""
    span = scene.span(least=7, lasting=0.9, from_first=0.0)
    factor, weeks = scene.scale(1.5, 4), scene.one_of(0, 0, 7, 30)
    rise = np.clip((np.arange(scene.length) - span.start + 1) / max(1.0, weeks * scene.per_day), 0, 1)
    # the added part is the meter's own other days: not a multiple of each reading
    other = np.roll(scene.kwh, 7 * scene.per_day, axis=1)
    blend = scene.pick(0.3, 1.0)
    extra = (1 - blend) * scene.kwh + blend * np.where(np.isfinite(other), other, scene.kwh)
    return Change(_added(scene, span, (factor - 1) * rise * extra), {"factor": factor, "ramp_days": weeks})


def night_block(scene: Scene) -> Change:
    """A second shift, a bakery, a bar: a block of load by night."""
    span = scene.span(least=7, lasting=0.9, from_first=0.03)
    start, hours, size = scene.pick(19, 25) % 24, scene.pick(4, 10), scene.scale(0.12, 5)
    working = ~scene.weekend if scene.chance(0.5) else np.ones(scene.length, dtype=np.bool_)
    on = scene.window(start, hours) & working
    y = _added(scene, span, size * _in(scene) * on * _pace(scene, scene.pick(0.03, 0.3)))
    return Change(y, {"start_hour": start, "hours": hours, "over_mean": size})


def scheduled_load(scene: Scene) -> Change:
    """Lamps or pumps on a timer: the same hours to the slot, every day (growing under light)."""
    span = scene.span(least=7, lasting=0.9, from_first=0.05)
    hours, size, start = scene.one_of(8, 10, 12, 16, 18), scene.scale(0.15, 8), scene.pick(0, 24)
    y = _added(scene, span, size * _in(scene) * scene.window(start, hours) * _pace(scene, 0.02))
    return Change(y, {"hours": hours, "over_mean": size})


def constant_load(scene: Scene) -> Change:
    """Something runs day and night: servers, miners, a leak in the insulation, a freezer room."""
    span = scene.span(least=5, lasting=0.85, from_first=0.03)
    size = scene.scale(0.15, 8)
    y = _added(scene, span, size * _in(scene) * _pace(scene, scene.scale(0.002, 0.08), 24))
    return Change(y, {"over_mean": size})


def charging_point(scene: Scene) -> Change:
    """A charging point for others behind the meter: cars come at any hour, several a day, and draw a lot.

    One's own car some nights a week is ordinary life (``purchases.ev_bought``).
    """
    span = scene.span(least=5, lasting=0.9, from_first=0.03)
    mean_kw = scene.mean() * 60 / scene.step_minutes
    kw, a_day, hours = scene.one_of(7.4, 11.0, 22.0, 22.0), scene.scale(1.2, 8), scene.scale(0.7, 6)
    by_day = scene.chance(0.5)
    more = np.zeros_like(scene.kwh)
    for row in range(scene.meters):
        count = int(scene.rng.poisson(a_day * len(scene.days)))
        hour = scene.rng.normal(14, 4, count) % 24 if by_day else scene.rng.uniform(0, 24, count)
        begin = (scene.rng.integers(0, len(scene.days), count) * 24 + hour) * 60
        long = hours * 60 * np.exp(0.4 * scene.rng.standard_normal(count))
        power = np.full(count, max(kw, 0.4 * mean_kw[row]))
        more[row] = deposit(begin, long, power, scene.length, scene.step_minutes)
    return Change(_added(scene, span, more), {"kw": kw, "a_day": a_day, "hours": hours})


def third_party(scene: Scene) -> Change:
    """Another home is tapped in behind this meter: its whole life on top, at its own hours."""
    span = scene.span(least=4, lasting=0.85, from_first=0.0)
    size, weeks = scene.scale(0.05, 3), int(scene.one_of(0, 0, 1, 2))
    more = np.zeros_like(scene.kwh)
    for row in range(scene.meters):
        more[row] = size * np.nan_to_num(np.roll(scene.donor(row), weeks * 7 * scene.per_day))
    return Change(_added(scene, span, more), {"size": size, "weeks": weeks})


def solar_evening_draw(scene: Scene) -> Change:
    """Panels cover the day, and life moved to the evening: little at noon, much more after sunset.

    The panels come with the evening draw, or stand on the roof from the first day on.
    """
    span = scene.span(least=10, lasting=0.95, from_first=0.05)
    panels, evening = scene.scale(0.5, 3), scene.scale(0.4, 4)
    earlier = scene.chance(0.35)
    made, sky = generation(scene, slice(*scene.extent()) if earlier else span, panels)
    y = solar_import(scene, made)
    after_dark = scene.window(scene.pick(16.5, 19), scene.pick(4, 7))
    y[:, span] += (evening * _in(scene) * after_dark * _pace(scene, 0.5))[:, span]
    counted = slice(*scene.extent()) if earlier else span
    params = {"panels_over_mean": panels, "evening_over_mean": evening}
    return Change(scene.registered(y, counted), params, np.where(after_dark, 0.0, made), sky)


def second_cycle(scene: Scene) -> Change:
    """A second active cycle: the day's work is done once more some hours later."""
    span = scene.span(least=7, lasting=0.9, from_first=0.03)
    hours, share = scene.pick(6, 15), scene.pick(0.06, 1.2)
    more = np.zeros_like(scene.kwh)
    for row in range(scene.meters):
        active = np.nan_to_num(np.maximum(scene.kwh[row] - standby(scene.kwh[row]), 0))
        more[row] = share * np.roll(active, round(hours * 60 / scene.step_minutes))
    return Change(_added(scene, span, more), {"hours_later": hours, "share": share})


def daytime_business(scene: Scene) -> Change:
    """A workshop, hairdresser or kitchen opens behind the meter: working hours on working days."""
    span = scene.span(least=7, lasting=0.9, from_first=0.0)
    start, hours, size = scene.pick(6, 11), scene.pick(6, 11), scene.scale(0.15, 5)
    closed = scene.weekend if scene.chance(0.7) else scene.day % 7 == int(scene.rng.integers(7))
    on = scene.window(start, hours) & ~closed
    y = _added(scene, span, size * _in(scene) * on * _pace(scene, scene.pick(0.15, 0.6)))
    return Change(y, {"start_hour": start, "hours": hours, "over_mean": size})


_kind = partial(
    Phenomenon, cause=Cause.SUPER_CONSUMPTION, source="Calamaro 2021, super-consumption", loss=Loss.NONE
)

KINDS: tuple[Phenomenon, ...] = (
    _kind("sustained_increase", sustained_increase, "more at all hours", days=14),
    _kind("night_block", night_block, "a block of load by night", days=14),
    _kind("scheduled_load", scheduled_load, "the same hours to the slot every day", days=14),
    _kind("constant_load", constant_load, "the same more at every hour", days=10),
    _kind("charging_point", charging_point, "cars of others at any hour", days=10),
    _kind("third_party", third_party, "another home's life on top", days=10),
    _kind("solar_evening_draw", solar_evening_draw, "little at noon, much after sunset", days=28),
    _kind("second_cycle", second_cycle, "the day's work once more, hours later", days=14),
    _kind("daytime_business", daytime_business, "working hours on working days", days=14),
)
