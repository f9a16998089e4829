"""Readings that are wrong though the meter is right: cause ``data_mismatch``.

Files, units, factors, clocks and fillers, done by software: nothing is rounded to a pulse afterwards,
boundaries are those of files and days, and mostly several meters are hit on one date.
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
SENTINELS = (*_OVERFLOWS, 99999.0, 9999.0, 999.999, -1.0)
"""Values that stand for "no value" or an overflow in some system, in kWh as they arrive."""


def wrong_factor(scene: Scene) -> Change:
    """A transformer ratio or multiplier set wrong in the meter-data system, from one date on."""
    span = scene.span(least=1, lasting=0.65, midnight=scene.chance(0.85))
    factor = scene.one_of(*FACTORS)
    y = scene.kwh.copy()
    y[:, span] = y[:, span] * factor
    return Change(scene.stored(y), {"factor": factor})


def unit_mix(scene: Scene) -> Change:
    """Wh read as kWh, or kW as kWh, for some files among the right ones."""
    span = scene.span(least=1, lasting=0.5, midnight=True)
    factor = scene.one_of(
        1000.0, 1000.0, 1 / 1000, 60.0 / scene.step_minutes if scene.step_minutes < 60 else 4.0
    )
    files = scene.one_of(1.0, 1.0, 0.5, 0.2)
    length = int(scene.one_of(1, 1, 7, 30))
    wrong = (scene.rng.random(len(scene.days) // length + 2) < files)[scene.day // length]
    wrong[span.start] = True
    y = scene.kwh.copy()
    y[:, span] = np.where(wrong[span], y[:, span] * factor, y[:, span])
    return Change(scene.stored(y), {"factor": factor, "files": files})


def block_gaps(scene: Scene) -> Change:
    """Files that never arrived: whole days (or quarters of days) missing, the same for all of the cohort."""
    low, high = scene.extent()
    blocks = int(scene.scale(1, 6.99))
    unit = max(1, int(scene.per_day * scene.one_of(1, 1, 1, 0.25, 0.5)))
    y = scene.kwh.copy()
    for _ in range(blocks):
        length = unit * int(scene.scale(1, 14.99))
        begin = int(scene.rng.integers(low, max(low + 1, high - length // 2)))
        begin -= begin % unit
        y[:, begin : begin + length] = np.nan
    return Change(y, {"blocks": blocks, "hours": unit * scene.step_minutes / 60})


def zero_filled(scene: Scene) -> Change:
    """Days that never arrived, written as exact zeros by the export."""
    low, high = scene.extent()
    blocks = int(scene.scale(1, 8.99))
    y = scene.kwh.copy()
    for _ in range(blocks):
        length = scene.per_day * int(scene.scale(1, 10.99))
        begin = int(scene.rng.integers(low, max(low + 1, high - length // 2)))
        begin -= begin % scene.per_day
        y[:, begin : begin + length] = 0.0
    return Change(y, {"blocks": blocks})


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
    """Rows of half the interval read under the whole one's header: days at half speed and half height."""
    span = scene.span(least=1, most=40, lasting=0.4, midnight=True)
    length = span.stop - span.start
    y = scene.kwh.copy()
    for row in range(scene.meters):
        whole = scene.kwh[row, span.start : span.start + -(-length // 2)]
        split = scene.rng.uniform(0.35, 0.65, len(whole))
        halves = np.stack([whole * split, whole * (1 - split)], axis=1).reshape(-1)[:length]
        y[row, span] = halves
    return Change(scene.stored(y), {})


def double_interval(scene: Scene) -> Change:
    """Rows of twice the interval in this grid: every other slot carries two, the one between none."""
    span = scene.span(least=1, lasting=0.6, midnight=True)
    zero = scene.chance(0.4)
    even = np.arange(scene.length) % 2 == 0
    y = scene.kwh.copy()
    pair = scene.kwh + np.roll(scene.kwh, -1, axis=1)
    y[:, span] = np.where(even, pair, 0.0 if zero else np.nan)[:, span]
    return Change(y, {"zero": float(zero)})


def duplicated_days(scene: Scene) -> Change:
    """A file loaded again under a later date: days equal bit for bit to earlier ones."""
    low, high = scene.extent()
    first, last = -(-low // scene.per_day), high // scene.per_day
    length = int(min(scene.scale(1, 21.99), max(1, (last - first) // 4)))
    repeats = int(scene.scale(1, 4.99))
    y = scene.kwh.copy().reshape(scene.meters, -1, scene.per_day)
    source = int(scene.rng.integers(first, max(first + 1, last - 2 * length + 1)))
    target = (
        source + length
        if scene.chance(0.5)
        else int(scene.rng.integers(source + length, max(source + length + 1, last - length + 1)))
    )
    for _ in range(repeats):
        stop = min(target + length, last)
        if stop > target:
            y[:, target:stop] = y[:, source : source + stop - target]
        target += length
    return Change(y.reshape(scene.meters, -1), {"days": length, "repeats": repeats})


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


def filled(scene: Scene) -> Change:
    """Gaps filled by a rule: a constant, a straight line, or the same typical day again and again."""
    low, high = scene.extent()
    rule, times = int(scene.rng.integers(3)), int(scene.scale(1, 8.99))
    inside = _stretches(scene, times, 0.3, 12, high, low)
    y = scene.kwh.copy()
    for row in range(scene.meters):
        if rule == 0:
            value = np.full(scene.length, np.round(scene.mean()[row], 3))
        elif rule == 1:
            value = _line(scene.kwh[row], inside)
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


def swapped(scene: Scene) -> Change:
    """Two meters exchanged in the books from one date on: each continues the other's life."""
    span = scene.span(least=5, lasting=0.9, from_first=0.0, midnight=scene.chance(0.8))
    y = scene.kwh.copy()
    y[:, span] = scene.kwh[::-1, span]
    return Change(y, {})


def _clock_change(scene: Scene) -> slice | None:
    """From the first last Sunday of March or October in the window to the next one (or the end)."""
    month = scene.days.astype("datetime64[M]")
    of_month = (scene.days - month).astype(np.int64) + 1
    in_year = month.astype(np.int64) % 12
    sunday = (scene.days.astype(np.int64) + 3) % 7 == 6
    changes = np.flatnonzero(sunday & (of_month >= 25) & ((in_year == 2) | (in_year == 9)))
    changes = changes[(changes > 3) & (changes < len(scene.days) - 3)]
    if not len(changes):
        return None
    stop = changes[1] if len(changes) > 1 else len(scene.days)
    return slice(int(changes[0]) * scene.per_day, int(stop) * scene.per_day)


def time_shift(scene: Scene) -> Change:
    """UTC for local time, or stamps at the interval's end: all moves by whole hours or by one slot."""
    span = scene.span(least=4, lasting=0.75, midnight=True)
    one_slot = scene.chance(0.1)
    hours = scene.one_of(-12, -8, -7, -6, -5, -3, -2, -1, 1, 2, 3, 5, 6, 8, 10, 12)
    summer = _clock_change(scene) if scene.chance(0.25) else None
    if summer is not None:  # from one clock change to the next, an hour off
        span, one_slot, hours = summer, False, scene.one_of(-1, 1)
    shift = 1 if one_slot else round(hours * 60 / scene.step_minutes)
    y = scene.kwh.copy()
    moved = np.full_like(y, np.nan)
    if shift > 0:
        moved[:, shift:] = scene.kwh[:, :-shift]
    else:
        moved[:, :shift] = scene.kwh[:, -shift:]
    y[:, span] = moved[:, span]
    return Change(y, {"hours": shift * scene.step_minutes / 60})


def incomplete_transfer(scene: Scene) -> Change:
    """The move to the warehouse stops early: the tail of the period, or of every day, is absent."""
    span = scene.span(least=2, lasting=0.8, midnight=True)
    tail = scene.chance(0.5)
    y = scene.kwh.copy()
    lost = np.zeros(scene.length, dtype=np.bool_)
    if tail:
        lost[span] = True
    else:
        last_hour = scene.one_of(12, 16, 18, 20, 22, 23)
        lost[span] = (scene.hour >= last_hour)[span]
    zero = scene.chance(0.25)
    y[:, lost] = np.where(np.isfinite(y[:, lost]), 0.0 if zero else np.nan, np.nan)
    return Change(y, {"whole_tail": float(tail), "zero": float(zero)})


def delivery_stopped(scene: Scene) -> Change:
    """From one moment on nothing reaches the warehouse: a line left out of the export, a contract moved."""
    span = scene.span(least=2, lasting=1.0, from_first=0.0)
    y = scene.kwh.copy()
    y[:, span.start :] = np.nan
    return Change(y, {"days": (scene.length - span.start) / scene.per_day})


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
    places = 10.0 ** -np.ceil(-np.log10(max(float(np.median(scene.mean())), 1e-6)) - scene.one_of(0, 0, 1))
    cut = scene.chance(0.4)
    y = scene.kwh.copy()
    y[:, span] = (np.floor(y[:, span] / places + 1e-6) if cut else np.rint(y[:, span] / places)) * places
    return Change(y, {"grid_kwh": float(places), "cut": float(cut)})


_kind = partial(Phenomenon, cause=Cause.DATA_MISMATCH, source="VEE practice; Calamaro 2021")

KINDS: tuple[Phenomenon, ...] = (
    _kind("wrong_factor", wrong_factor, "an exact rational factor from one date", largest=300),
    _kind("unit_mix", unit_mix, "some files in another unit", largest=200),
    _kind(
        "block_gaps",
        block_gaps,
        "whole files missing for a cohort",
        smallest=2,
        largest=400,
        floor=0.0,
        makes_gaps=True,
        loss=Loss.NONE,
    ),
    _kind("zero_filled", zero_filled, "missing days written as zeros", largest=300, floor=0.0),
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
        "duplicated_days",
        duplicated_days,
        "days loaded again under a later date",
        largest=150,
        makes_gaps=True,
        moves_gaps=True,
        floor=0.0,
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
        "swapped",
        swapped,
        "two meters exchanged in the books",
        smallest=2,
        largest=2,
        makes_gaps=True,
        moves_gaps=True,
    ),
    _kind(
        "time_shift",
        time_shift,
        "all moves by whole hours from one date",
        largest=300,
        days=14,
        makes_gaps=True,
        moves_gaps=True,
        loss=Loss.NONE,
    ),
    _kind(
        "incomplete_transfer",
        incomplete_transfer,
        "the tail of period or day absent",
        largest=300,
        makes_gaps=True,
        loss=Loss.NONE,
    ),
    _kind(
        "delivery_stopped",
        delivery_stopped,
        "nothing delivered any more",
        largest=40,
        makes_gaps=True,
        loss=Loss.NONE,
    ),
    _kind(
        "negative_rows",
        negative_rows,
        "the sign lost, or export in the import column",
        largest=40,
        negative=True,
        floor=0.0,
    ),
    _kind("coarse_export", coarse_export, "fewer decimals from one date", largest=300),
)
