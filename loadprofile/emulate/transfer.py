"""Files that are lost, cut, doubled, mixed up or stamped wrong on their way: cause ``data_mismatch``.

The meter is right and so is every value; rows are missing or stand in the wrong place. Boundaries are
those of files and days, and mostly several meters are hit on one date.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from loadprofile.emulate.scene import Change, Loss, Phenomenon, Scene
from loadprofile.verdicts import Cause


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


def swapped(scene: Scene) -> Change:
    """Two meters exchanged in the books from one date on: each continues the other's life."""
    span = scene.span(least=5, lasting=0.9, from_first=0.0, midnight=scene.chance(0.8))
    y = scene.kwh.copy()
    y[:, span] = scene.kwh[::-1, span]
    return Change(y, {})


def columns_shifted(scene: Scene) -> Change:
    """A column is lost or added in a wide table: each meter is given its neighbour's readings."""
    span = scene.span(least=3, lasting=0.8, from_first=0.0, midnight=True)
    y = scene.kwh.copy()
    y[:, span] = np.roll(scene.kwh, 1, axis=0)[:, span]
    return Change(y, {})


def day_month_swapped(scene: Scene) -> Change:
    """Day and month change places in some files: the readings of 3 May stand under 5 March and back.

    Only the first twelve days of a month have another date to go to; those whose other date lies outside
    the data are missing, or are left where they are.
    """
    month = scene.days.astype("datetime64[M]")
    of_month = (scene.days - month).astype(np.int64)
    year = scene.days.astype("datetime64[Y]")
    other = (year.astype("datetime64[M]") + of_month % 12).astype("datetime64[D]") + (
        (month - year).astype(np.int64)
    )
    source = (other - scene.days[0]).astype(np.int64)
    span = scene.span(least=30, lasting=0.6, from_first=0.5, midnight=True)
    within = np.zeros(scene.length, dtype=np.bool_)
    within[span] = True
    hit = (of_month < 12) & within[:: scene.per_day]
    inside = (source >= 0) & (source < len(scene.days)) & hit
    missing = scene.chance(0.5)
    days = scene.kwh.reshape(scene.meters, -1, scene.per_day)
    y = days.copy()
    y[:, inside] = days[:, source[inside]]
    if missing:
        y[:, hit & ~inside] = np.nan
    return Change(y.reshape(scene.meters, -1), {"missing": float(missing)})


def rows_lost(scene: Scene) -> Change:
    """Single rows get lost on the way, the same for the cohort or each meter by itself: no rest, no sum."""
    span = scene.span(least=3, lasting=0.7, midnight=scene.chance(0.8))
    share, alike = scene.scale(0.03, 0.7), scene.chance(0.5)
    lost = scene.rng.random((1 if alike else scene.meters, scene.length)) < share
    y = scene.kwh.copy()
    zero = scene.chance(0.2)
    y[:, span] = np.where(lost, 0.0 if zero else np.nan, y)[:, span]
    return Change(y, {"share": share, "alike": float(alike), "zero": float(zero)})


def days_accumulated(scene: Scene) -> Change:
    """Whole days come late and as one sum: missing or zero, and their energy in the next slot delivered."""
    low, high = scene.extent()
    times, zero = int(scene.scale(1, 8.99)), scene.chance(0.3)
    y = scene.kwh.copy()
    for _ in range(times):
        length = scene.per_day * int(scene.scale(1, 7.99))
        begin = int(scene.rng.integers(low, max(low + 1, high - length)))
        begin -= begin % scene.per_day
        stop = begin + length
        if stop >= scene.length:
            continue
        for row in range(scene.meters):
            if np.isfinite(y[row, stop]):
                y[row, stop] += np.nansum(y[row, begin:stop])
                y[row, begin:stop] = np.where(np.isfinite(y[row, begin:stop]) & zero, 0.0, np.nan)
    return Change(y, {"times": times, "zero": float(zero)})


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
    """From one date on nothing reaches the warehouse: a line left out of the export, a contract moved.

    A file ends at a midnight; a meter or modem that dies does so at any time (``faults.dead_meter``). Where
    the source stamps readings at their end, the file's last one falls into the first slot after midnight.
    """
    span = scene.span(least=2, lasting=1.0, from_first=0.0, midnight=scene.chance(0.9))
    late = int(scene.chance(0.35))
    y = scene.kwh.copy()
    y[:, span.start + late :] = np.nan
    return Change(y, {"days": (scene.length - span.start) / scene.per_day, "late": float(late)})


_kind = partial(Phenomenon, cause=Cause.DATA_MISMATCH, source="VEE practice; Calamaro 2021")

KINDS: tuple[Phenomenon, ...] = (
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
        "swapped",
        swapped,
        "two meters exchanged in the books",
        smallest=2,
        largest=2,
        makes_gaps=True,
        moves_gaps=True,
    ),
    _kind(
        "columns_shifted",
        columns_shifted,
        "each meter is given its neighbour's readings",
        smallest=3,
        largest=60,
        makes_gaps=True,
        moves_gaps=True,
        loss=Loss.NONE,
        weight=0.6,
    ),
    _kind(
        "day_month_swapped",
        day_month_swapped,
        "day and month change places in dates up to the twelfth",
        days=45,
        largest=200,
        makes_gaps=True,
        moves_gaps=True,
        loss=Loss.NONE,
        weight=0.6,
    ),
    _kind(
        "rows_lost",
        rows_lost,
        "single rows lost, no sum afterwards",
        largest=300,
        makes_gaps=True,
        floor=0.0,
    ),
    _kind(
        "days_accumulated",
        days_accumulated,
        "whole days late, their sum in the next slot",
        largest=200,
        makes_gaps=True,
        loss=Loss.GAPS_TOO,
        floor=0.0,
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
    ),
    _kind(
        "delivery_stopped",
        delivery_stopped,
        "nothing delivered any more",
        largest=200,
        makes_gaps=True,
        loss=Loss.NONE,
    ),
)
