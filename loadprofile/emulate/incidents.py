"""Forged readings, sent for many meters at once through the network: cause ``cyber_attack``.

False readings are written by software (nothing is rounded to a pulse). The sign of them all is that
meters with nothing in common do the same in the same slots. Attacks on the load itself stand in
``load_attacks``.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from loadprofile.emulate.physics import reclocked
from loadprofile.emulate.scene import Change, Energies, Loss, Phenomenon, Scene
from loadprofile.verdicts import Cause


def replay(scene: Scene) -> Change:
    """Recorded days are sent again and again in place of the readings: bit for bit, never zero."""
    span = scene.span(least=3, lasting=0.6, from_first=0.0, midnight=scene.chance(0.5))
    period = min(scene.per_day * int(scene.one_of(1, 1, 1, 2, 3, 7, 7, 14)), max(1, span.start))
    y = scene.kwh.copy()
    quiet = scene.chance(0.5)
    for row in range(scene.meters):
        begin = span.start - period
        if quiet and span.start > 2 * period:  # the attacker recorded a quiet time
            starts = np.arange(span.start % scene.per_day, span.start - period + 1, scene.per_day)
            sums = np.array([np.sum(scene.kwh[row, at : at + period]) for at in starts])
            if np.isfinite(sums).any():
                begin = int(
                    starts[np.nanargmin(np.where(sums > 0, sums, np.nan) if (sums > 0).any() else sums)]
                )
        tape = scene.kwh[row, begin : begin + period]
        length = span.stop - span.start
        y[row, span] = np.tile(tape, -(-length // period))[:length]
    return Change(y, {"days": period / scene.per_day, "quiet": float(quiet)})


def scaled_readings(scene: Scene) -> Change:
    """All readings of the cohort are multiplied by the same odd factor from the same slot on."""
    span = scene.span(least=1, lasting=0.6, from_first=0.03)
    factor = scene.pick(0.25, 0.95) if scene.chance(0.75) else scene.pick(1.06, 1.9)
    y = scene.kwh.copy()
    y[:, span] = y[:, span] * factor
    return Change(scene.stored(y), {"factor": factor})


def coordinated_ramp(scene: Scene) -> Change:
    """The same slow ramp for all of the cohort, too slow for a step detector."""
    span = scene.span(least=7, lasting=0.85, from_first=0.05)
    left = scene.pick(0.3, 0.9) if scene.chance(0.8) else scene.pick(1.1, 1.8)
    through = np.linspace(0, 1, span.stop - span.start)
    y = scene.kwh.copy()
    y[:, span] = y[:, span] * (1 - (1 - left) * np.minimum(1, through * scene.pick(1, 3)))
    return Change(scene.stored(y), {"left": left})


def noise_injected(scene: Scene) -> Change:
    """Noise on every reading, with each day's sum put right so that bills agree."""
    span = scene.span(least=2, lasting=0.6, midnight=True)
    spread = scene.scale(0.15, 1.5)
    y = scene.kwh.copy()
    days = y.reshape(scene.meters, -1, scene.per_day)
    noisy = days * np.exp(spread * scene.rng.standard_normal(days.shape))
    before = np.nansum(days, axis=2, keepdims=True)
    after = np.nansum(noisy, axis=2, keepdims=True)
    noisy = np.where(after > 0, noisy * before / np.where(after > 0, after, 1), days)
    y[:, span] = noisy.reshape(scene.meters, -1)[:, span]
    return Change(y, {"spread": spread})


def price_reorder(scene: Scene) -> Change:
    """Readings of the dear hours change places with those of the cheap hours: each day's sum is exact."""
    span = scene.span(least=2, lasting=0.7, midnight=True)
    width = int(scene.pick(2, 7) * 60 / scene.step_minutes)
    dear = int(scene.pick(15, 24 - width * scene.step_minutes / 60) * 60 / scene.step_minutes)
    cheap = int(scene.pick(0, 5) * 60 / scene.step_minutes)
    y = scene.kwh.copy().reshape(scene.meters, -1, scene.per_day)
    days = slice(span.start // scene.per_day, -(-span.stop // scene.per_day))
    here = y[:, days]
    a, b = here[..., dear : dear + width].copy(), here[..., cheap : cheap + width].copy()
    # only where both are known: a gap must not move
    both = np.isfinite(a) & np.isfinite(b)
    here[..., dear : dear + width] = np.where(both, b, a)
    here[..., cheap : cheap + width] = np.where(both, a, b)
    return Change(y.reshape(scene.meters, -1), {"dear_hour": dear * scene.step_minutes / 60})


def sorted_readings(scene: Scene) -> Change:
    """Each day's readings are put in the order that suits the price: the largest in the cheapest hours."""
    span = scene.span(least=2, lasting=0.7, midnight=True)
    price = np.cos((np.arange(scene.per_day) * scene.step_minutes / 60 - scene.pick(16, 20)) / 24 * 2 * np.pi)
    rank = np.argsort(price, kind="stable")
    y = scene.kwh.copy().reshape(scene.meters, -1, scene.per_day)
    for day in range(span.start // scene.per_day, -(-span.stop // scene.per_day)):
        for row in range(scene.meters):
            values = y[row, day]
            if np.isfinite(values).all():
                y[row, day, rank] = np.sort(values)[::-1]
    return Change(y.reshape(scene.meters, -1), {})


def slots_dropped(scene: Scene) -> Change:
    """Chosen slots (the dear ones, the peak) never get through, day after day, for all of the cohort."""
    span = scene.span(least=3, lasting=0.7)
    start, hours, zero = scene.pick(6, 20), scene.pick(0.5, 4), scene.chance(0.4)
    chosen = scene.window(start, hours) & (scene.rng.random(len(scene.days)) < scene.pick(0.5, 1)).repeat(
        scene.per_day
    )
    y = scene.kwh.copy()
    drop = np.zeros(scene.length, dtype=np.bool_)
    drop[span] = chosen[span]
    y[:, drop] = np.where(np.isfinite(y[:, drop]), 0.0 if zero else np.nan, np.nan)
    return Change(y, {"start_hour": start, "hours": hours, "zero": float(zero)})


def common_readings(scene: Scene) -> Change:
    """One forged series is sent for all of the cohort, each at its own size."""
    span = scene.span(least=2, lasting=0.6)
    donor = scene.donor(0)
    y: Energies = scene.kwh.copy()
    for row in range(scene.meters):
        size = scene.mean()[row] / max(scene.mean()[0], 1e-9) * scene.pick(0.4, 1.0)
        y[row, span] = np.where(np.isfinite(donor), donor * size, y[row])[span]
    return Change(scene.stored(y), {})


def window_falsified(scene: Scene) -> Change:
    """False data in the same hours of every day: scaled, cut off, lowered by a step or overwritten.

    Evening peaks to spare money, or any hours to disturb a forecast; on all days or on days drawn by the
    attacker, for all of the cohort alike.
    """
    span = scene.span(least=2, lasting=0.65, from_first=0.03, midnight=scene.chance(0.5))
    start, hours = scene.pick(0, 24) if scene.chance(0.4) else scene.pick(15, 20), scene.scale(1.5, 9)
    form, strength = int(scene.rng.integers(4)), scene.pick(0.05, 0.7)
    days = scene.rng.random(len(scene.days)) < (1.0 if scene.chance(0.6) else scene.pick(0.2, 0.9))
    on = np.zeros(scene.length, dtype=np.bool_)
    on[span] = (scene.window(start, hours) & days.repeat(scene.per_day))[span]
    y = scene.kwh.copy()
    mean = scene.mean()[:, None]
    part = scene.kwh[:, on]
    if form == 0:
        part = part * strength
    elif form == 1:
        part = np.minimum(part, strength * mean)
    elif form == 2:
        part = np.where(np.isfinite(part), np.maximum(part - strength * mean, 0), np.nan)
    else:  # raised: a false peak
        part = part * (1 + 2 * strength)
    y[:, on] = part
    return Change(scene.stored(y), {"form": form, "start_hour": start, "hours": hours, "strength": strength})


def fleet_frozen(scene: Scene) -> Change:
    """Meters are locked at one moment, by ransomware or a bad image: the last value, zeros or nothing.

    It begins at any time of day for all of them; they are brought back one after the other, and nothing is
    known of what was used meanwhile.
    """
    span = scene.span(least=0.5, most=45, lasting=0.35, from_first=0.0)
    form = int(scene.one_of(0, 0, 0, 1, 2))
    apart = scene.one_of(0.0, 0.0, 0.3, 2.0)
    y = scene.kwh.copy()
    for row in range(scene.meters):
        stop = min(scene.length, span.stop + int(scene.rng.exponential(apart) * scene.per_day))
        before = scene.kwh[row, max(0, span.start - scene.per_day) : span.start + 1]
        known = before[np.isfinite(before) & (before > 0)]
        value = (float(known[-1]) if len(known) else scene.mean()[row]) if form == 0 else 0.0
        held = np.full(stop - span.start, np.nan if form == 2 else value)
        y[row, span.start : stop] = np.where(np.isfinite(y[row, span.start : stop]), held, np.nan)
    return Change(y, {"form": form})


def clocks_set_off(scene: Scene) -> Change:
    """Clocks are set wrong by a forged time source: all of the cohort by the same odd minutes at one slot."""
    span = scene.span(least=2, lasting=0.6, from_first=0.0)
    minutes = scene.scale(20, 720) * scene.one_of(-1, 1)
    ahead = np.zeros(scene.length + 1)
    ahead[span.start : span.stop + 1] = minutes / scene.step_minutes
    y = scene.kwh.copy()
    for row in range(scene.meters):
        y[row, span] = reclocked(scene.kwh[row], ahead)[span]
    return Change(scene.stored(y), {"minutes": minutes})


def slots_shuffled(scene: Scene) -> Change:
    """Each day's readings are sent in a random order: each day's sum is exact and its shape is gone."""
    span = scene.span(least=2, lasting=0.65, midnight=True)
    alike = scene.chance(0.4)
    y = scene.kwh.copy().reshape(scene.meters, -1, scene.per_day)
    for day in range(span.start // scene.per_day, -(-span.stop // scene.per_day)):
        order = scene.rng.permutation(scene.per_day)
        for row in range(scene.meters):
            values = y[row, day].copy()
            if np.isfinite(values).all():
                y[row, day] = values[order if alike else scene.rng.permutation(scene.per_day)]
    return Change(y.reshape(scene.meters, -1), {"alike": float(alike)})


def random_readings(scene: Scene) -> Change:
    """Random numbers of about the right size are added to or put in place of the readings (random attack)."""
    span = scene.span(least=2, lasting=0.6, from_first=0.03)
    level, spread, added = scene.pick(0.4, 1.3), scene.pick(0.2, 1.0), scene.chance(0.5)
    shape = (scene.meters, span.stop - span.start)
    number = scene.mean()[:, None] * level * scene.rng.uniform(1 - spread, 1 + spread, shape)
    part = scene.kwh[:, span]
    y = scene.kwh.copy()
    y[:, span] = np.maximum(part + number - level * scene.mean()[:, None], 0) if added else number
    y = np.where(np.isfinite(scene.kwh), y, np.nan)
    return Change(scene.stored(y), {"level": level, "spread": spread, "added": float(added)})


_kind = partial(
    Phenomenon, cause=Cause.CYBER_ATTACK, source="smart-grid security literature", smallest=2, largest=300
)

KINDS: tuple[Phenomenon, ...] = (
    _kind("replay", replay, "recorded days sent again", days=14, makes_gaps=True, smallest=1),
    _kind("scaled_readings", scaled_readings, "one odd factor for all from one slot"),
    _kind("coordinated_ramp", coordinated_ramp, "one slow ramp for all", days=21),
    _kind("noise_injected", noise_injected, "noise with the day sums put right"),
    _kind("price_reorder", price_reorder, "dear and cheap hours change places"),
    _kind("sorted_readings", sorted_readings, "the day's readings in an order that suits the price"),
    _kind(
        "slots_dropped",
        slots_dropped,
        "chosen slots never get through",
        loss=Loss.GAPS_TOO,
        makes_gaps=True,
        floor=0.0,
    ),
    _kind(
        "window_falsified",
        window_falsified,
        "false data in the same hours of the day",
        source="Sridhar & Govindarasu 2014, scaling and pulse attacks",
    ),
    _kind(
        "fleet_frozen",
        fleet_frozen,
        "locked at one moment, brought back one by one",
        loss=Loss.GAPS_TOO,
        makes_gaps=True,
        floor=0.0,
    ),
    _kind(
        "clocks_set_off",
        clocks_set_off,
        "clocks off by the same odd minutes from one slot",
        loss=Loss.NONE,
        makes_gaps=True,
        moves_gaps=True,
    ),
    _kind("slots_shuffled", slots_shuffled, "each day in a random order"),
    _kind(
        "random_readings",
        random_readings,
        "random numbers added or in place",
        source="Sridhar & Govindarasu 2014, random attack",
    ),
    _kind("common_readings", common_readings, "one forged series for all", others=1),
)
