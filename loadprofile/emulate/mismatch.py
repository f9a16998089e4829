"""Values that are wrong though the meter is right: cause ``data_mismatch``.

Units, factors, interval lengths and fillers, done by software: nothing is rounded to a pulse afterwards,
boundaries are those of files and days, and mostly several meters are hit on one date. Files that are lost,
doubled or mixed up stand in ``transfer``.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from loadprofile.emulate.scene import Change, Energies, Loss, Mask, Phenomenon, Scene
from loadprofile.verdicts import Cause

_LESS = (1 / 1000, 1 / 100, 1 / 120, 1 / 80, 1 / 40, 1 / 10, 1 / 4, 1 / 2)
_MORE = (2.0, 4.0, 10.0, 40.0, 80.0, 100.0, 120.0, 1000.0)
FACTORS = (0.0, *_LESS, *_MORE)
"""Multiplication factors that configuration errors lose, add or apply twice."""

_OVERFLOWS = (2147483.647, 4294967.295, 2147.483647, 4294.967295, 16777.215, 8590.0, 65535.0, 65.535)
SENTINELS = (*_OVERFLOWS, 16777215.0, 8589.934592, 99999.0, 9999.0, 999.999, 999.0, -1.0, -9999.0)
"""Values that stand for "no value" or an overflow in some system, in kWh as they arrive."""


def wrong_factor(scene: Scene) -> Change:
    """A transformer ratio or multiplier set wrong in the meter-data system, from one date on."""
    span = scene.span(least=1, lasting=0.65, midnight=scene.chance(0.85))
    factor = scene.one_of(*FACTORS)
    y = scene.kwh.copy()
    y[:, span] = y[:, span] * factor
    return Change(scene.stored(y), {"factor": factor})


def unit_mix(scene: Scene) -> Change:
    """Wh read as kWh, or kW as kWh (or the other way round), for some files among the right ones.

    The Irish trial's readings are the standing example: kW by their level, kWh by their manifest.
    """
    span = scene.span(least=1, lasting=0.5, midnight=True)
    per_hour = 60.0 / scene.step_minutes if scene.step_minutes < 60 else 4.0
    factor = scene.one_of(1000.0, 1000.0, 1 / 1000, per_hour, 1 / per_hour)
    files = scene.one_of(1.0, 1.0, 0.5, 0.2)
    length = int(scene.one_of(1, 1, 7, 30))
    wrong = (scene.rng.random(len(scene.days) // length + 2) < files)[scene.day // length]
    wrong[span.start] = True
    y = scene.kwh.copy()
    y[:, span] = np.where(wrong[span], y[:, span] * factor, y[:, span])
    return Change(scene.stored(y), {"factor": factor, "files": files})


def sentinels(scene: Scene) -> Change:
    """A code for "no value" or an overflow read as energy, in single slots or short runs."""
    low, high = scene.extent()
    value, count = scene.one_of(*SENTINELS), int(scene.scale(1, 40))
    y = scene.kwh.copy()
    for row in range(scene.meters):
        for begin in scene.rng.integers(low, high, count):
            length = 1 if scene.chance(0.7) else int(scene.scale(2, 48))
            y[row, begin : min(begin + length, high)] = value
    return Change(y, {"value": value, "count": count})


def spikes(scene: Scene) -> Change:
    """Single intervals far above anything the home ever drew, with ordinary neighbours."""
    low, high = scene.extent()
    count = int(scene.scale(1, 15))
    y = scene.kwh.copy()
    for row in range(scene.meters):
        top = float(np.nanmax(scene.kwh[row]))
        for at in scene.rng.integers(low, high, count):
            y[row, at] = top * scene.scale(2.5, 2000)
    return Change(y, {"count": count})


def half_interval(scene: Scene) -> Change:
    """Rows of half the interval read under the whole one's header.

    Either all rows are taken, and days run at half speed and half height, or the later of two rows under
    one stamp wins, and about half of each interval is left. Where the finer rows were themselves made from
    the longer ones, both halves are equal to the last digit.
    """
    span = scene.span(least=1, lasting=0.5, midnight=True)
    length = span.stop - span.start
    overwritten, uneven = scene.chance(0.4), scene.one_of(0.0, 0.05, 0.15)
    y = scene.kwh.copy()
    for row in range(scene.meters):
        split = scene.rng.uniform(0.5 - uneven, 0.5 + uneven, length)
        if overwritten:
            y[row, span] *= split
            continue
        whole = scene.kwh[row, span.start : span.start + -(-length // 2)]
        split = split[: len(whole)]
        y[row, span] = np.stack([whole * split, whole * (1 - split)], axis=1).reshape(-1)[:length]
    return Change(scene.stored(y), {"overwritten": float(overwritten), "uneven": uneven})


def double_interval(scene: Scene) -> Change:
    """Rows of twice the interval in this grid: every other slot carries two, the one between none."""
    span = scene.span(least=1, lasting=0.6, midnight=True)
    zero = scene.chance(0.4)
    even = np.arange(scene.length) % 2 == 0
    y = scene.kwh.copy()
    pair = scene.kwh + np.roll(scene.kwh, -1, axis=1)
    y[:, span] = np.where(even, pair, 0.0 if zero else np.nan)[:, span]
    return Change(y, {"zero": float(zero)})


def _stretches(scene: Scene, times: int, shortest: float, longest: float, row_high: int, low: int) -> Mask:
    inside = np.zeros(scene.length, dtype=np.bool_)
    for _ in range(times):
        length = scene.slots(scene.scale(shortest, longest))
        begin = int(scene.rng.integers(low, max(low + 1, row_high - length)))
        inside[begin : min(begin + length, row_high)] = True
    return inside


def _line(kwh: Energies, inside: Mask) -> Energies:
    edge = np.where(inside | ~np.isfinite(kwh), np.nan, kwh)
    known = np.flatnonzero(np.isfinite(edge))
    return np.interp(np.arange(len(kwh)), known, edge[known]) if len(known) else kwh


def _held(kwh: Energies, inside: Mask) -> Energies:
    """The last known value before each filled slot (the first known one where there is none before)."""
    known = np.isfinite(kwh) & ~inside
    if not known.any():
        return kwh
    last = np.maximum.accumulate(np.where(known, np.arange(len(kwh)), 0))
    first = kwh[int(known.argmax())]
    return np.where(known[last], kwh[last], first)


def filled(scene: Scene) -> Change:
    """Gaps filled by a rule: a constant, a straight line, a typical day again and again, the last value."""
    low, high = scene.extent()
    rule, times = int(scene.rng.integers(4)), int(scene.scale(1, 8.99))
    inside = _stretches(scene, times, 0.3, scene.one_of(3, 12, 40), high, low)
    y = scene.kwh.copy()
    for row in range(scene.meters):
        if rule == 0:
            value = np.full(scene.length, np.round(scene.mean()[row], 3))
        elif rule == 1:
            value = _line(scene.kwh[row], inside)
        elif rule == 2:
            value = _held(scene.kwh[row], inside)
        else:
            days = scene.kwh[row].reshape(-1, scene.per_day)
            count = np.maximum(np.isfinite(days).sum(axis=0), 1)
            value = np.tile(np.round(np.nansum(days, axis=0) / count, 3), len(scene.days))
        y[row, inside] = value[inside]
    return Change(y, {"rule": rule, "times": times})


def estimated(scene: Scene) -> Change:
    """A long run of substitute values: the average weekday and weekend day, scaled, for weeks."""
    span = scene.span(least=7, lasting=0.5, midnight=True)
    scale = scene.pick(0.6, 1.4)
    y = scene.kwh.copy()
    for row in range(scene.meters):
        value = np.zeros(scene.length)
        for weekend in (False, True):
            days = scene.kwh[row].reshape(-1, scene.per_day)[scene.weekend[:: scene.per_day] == weekend]
            typical = np.nansum(days, axis=0) / np.maximum(np.isfinite(days).sum(axis=0), 1)
            value[scene.weekend == weekend] = np.tile(np.round(scale * typical, 3), len(days))
        y[row, span] = value[span]
    return Change(y, {"scale": scale})


def negative_rows(scene: Scene) -> Change:
    """Rows of the export register, or with the sign lost, in the import column."""
    low, high = scene.extent()
    inside = _stretches(scene, int(scene.scale(1, 10)), 0.05, 6, high, low)
    y = scene.kwh.copy()
    y[:, inside] = -y[:, inside]
    return Change(y, {})


def coarse_export(scene: Scene) -> Change:
    """After a migration values are written with fewer decimals, each rounded or cut by itself."""
    span = scene.span(least=3, lasting=0.8, midnight=True)
    finer = scene.one_of(1, 1, 0, 0, 0, -1)
    places = 10.0 ** -np.ceil(-np.log10(max(float(np.median(scene.mean())), 1e-6)) + finer)
    cut = scene.chance(0.4)
    y = scene.kwh.copy()
    y[:, span] = (np.floor(y[:, span] / places + 1e-6) if cut else np.rint(y[:, span] / places)) * places
    return Change(y, {"grid_kwh": float(places), "cut": float(cut)})


def spread_over_slots(scene: Scene) -> Change:
    """Readings of a longer interval are spread evenly over the slots of this one: stairs of equal values.

    The energy of each stair is kept. Stairs that hold a missing slot stay as they are.
    """
    span = scene.span(least=2, lasting=0.6, midnight=True)
    width = int(scene.one_of(2, 2, 4, 6, 8, 12)) * (2 if scene.step_minutes == 15 else 1)
    stairs = scene.kwh.reshape(scene.meters, -1, width)
    mean = stairs.mean(axis=2, keepdims=True)
    level = np.where(np.isfinite(mean), mean, stairs).reshape(scene.meters, -1)
    y = scene.kwh.copy()
    y[:, span] = level[:, span]
    return Change(scene.stored(y), {"hours": width * scene.step_minutes / 60})


def index_for_energy(scene: Scene) -> Change:
    """The register's index is delivered where the interval's energy belongs: it only ever rises."""
    span = scene.span(least=1, most=90, lasting=0.3, midnight=True)
    y = scene.kwh.copy()
    for row in range(scene.meters):
        part = scene.kwh[row, span]
        start = round(scene.mean()[row] * scene.per_day * 365 * scene.pick(0.05, 8), 1)
        y[row, span] = np.where(np.isfinite(part), start + np.nancumsum(part), np.nan)
    return Change(y, {})


def field_overflow(scene: Scene) -> Change:
    """A field too narrow for the value: what is above its largest number wraps round, or is cut to it.

    Limits are those of fields, of two or three digits or of 7, 8, 15 or 16 bits, times a power of ten; the
    largest that lies below the meters' high readings is taken.
    """
    span = scene.span(least=5, lasting=0.8, from_first=0.15, midnight=True)
    wraps = scene.chance(0.6)
    top = float(np.nanquantile(scene.kwh, scene.pick(0.75, 0.995)))
    field = scene.one_of(1.0, 1.0, 1.28, 2.56, 3.2768, 6.5536)
    limit = field * 10.0 ** np.floor(np.log10(max(top, 1e-9) / field))
    part = scene.kwh[:, span]
    y = scene.kwh.copy()
    y[:, span] = np.where(part >= limit, np.mod(part, limit) if wraps else 0.999 * limit, part)
    return Change(y, {"limit": limit, "wraps": float(wraps)})


_kind = partial(Phenomenon, cause=Cause.DATA_MISMATCH, source="VEE practice; Calamaro 2021")

KINDS: tuple[Phenomenon, ...] = (
    _kind("wrong_factor", wrong_factor, "an exact rational factor from one date", largest=300),
    _kind("unit_mix", unit_mix, "some files in another unit", largest=200),
    _kind("sentinels", sentinels, "a code read as energy", largest=50, negative=True, floor=0.0),
    _kind("spikes", spikes, "single impossible intervals", largest=30, floor=0.0),
    _kind(
        "half_interval",
        half_interval,
        "half the interval under a whole one's header",
        largest=60,
        makes_gaps=True,
        moves_gaps=True,
    ),
    _kind(
        "double_interval",
        double_interval,
        "twice the interval in this grid",
        largest=60,
        makes_gaps=True,
        loss=Loss.GAPS_TOO,
    ),
    _kind(
        "filled",
        filled,
        "gaps filled by constant, line or typical day",
        largest=60,
        moves_gaps=True,
        floor=0.0,
    ),
    _kind("estimated", estimated, "long runs of substitute values", days=21, largest=60, moves_gaps=True),
    _kind(
        "negative_rows",
        negative_rows,
        "the sign lost, or export in the import column",
        largest=40,
        negative=True,
        floor=0.0,
    ),
    _kind("coarse_export", coarse_export, "fewer decimals from one date", largest=300, floor=0.0),
    _kind(
        "spread_over_slots",
        spread_over_slots,
        "a longer interval's energy spread evenly over these slots",
        largest=200,
        floor=0.0,
        loss=Loss.NONE,
    ),
    _kind("index_for_energy", index_for_energy, "the index in place of the energy", largest=60, floor=0.0),
    _kind("field_overflow", field_overflow, "wrapped or cut at a field's largest number", largest=100),
)
