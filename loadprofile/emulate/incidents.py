"""Attacks through the network on many meters at once: cause ``cyber_attack``.

False readings are written by software (nothing is rounded to a pulse); attacks on the load itself
(switching, disconnecting) are real use and go through the registers. The sign of them all is that
meters with nothing in common do the same in the same slots.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from loadprofile.emulate.physics import standby
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


def _pulses(scene: Scene) -> tuple[list[slice], float]:
    low, high = scene.extent()
    times = int(scene.scale(1, 40))
    hours = scene.scale(0.25, 6)
    starts = np.sort(scene.rng.integers(low, max(low + 1, high - 1), times))
    length = max(1, round(hours * 60 / scene.step_minutes))
    return [slice(int(at), min(int(at) + length, high)) for at in starts], hours


def load_switched_on(scene: Scene) -> Change:
    """Boilers, heaters and chargers are switched on by remote in the same slots, at odd times."""
    spans, hours = _pulses(scene)
    kw = scene.scale(0.5, 4.0)
    y = scene.kwh.copy()
    scale = np.maximum(1.0, scene.mean() * 60 / scene.step_minutes / 0.5)
    for span in spans:
        for row in range(scene.meters):
            added = kw * scale[row] * scene.rng.uniform(0.6, 1.3) * scene.step_minutes / 60
            y[row, span] += added
        y = scene.registered(y, span)
    return Change(y, {"times": len(spans), "hours": hours, "kw": kw})


def load_switched_off(scene: Scene) -> Change:
    """Flexible load is shed by remote in the same slots, and comes back all at once."""
    spans, hours = _pulses(scene)
    share = scene.pick(0.4, 1.0)
    y = scene.kwh.copy()
    for span in spans:
        length = span.stop - span.start
        for row in range(scene.meters):
            base = standby(scene.kwh[row])
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
    scale = np.maximum(1.0, scene.mean() * 60 / scene.step_minutes / 0.5)
    for row in range(scene.meters):
        strength = kw * scale[row] * scene.rng.uniform(0.6, 1.3) * scene.step_minutes / 60
        y[row, span] += strength * wave[span] * scene.rng.uniform(0.85, 1.1, span.stop - span.start)
    return Change(scene.registered(y, span), {"kw": kw, "slots": every})


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


_kind = partial(
    Phenomenon, cause=Cause.CYBER_ATTACK, source="smart-grid security literature", smallest=2, largest=300
)

KINDS: tuple[Phenomenon, ...] = (
    _kind("replay", replay, "recorded days sent again", days=14, makes_gaps=True),
    _kind("scaled_readings", scaled_readings, "one odd factor for all from one slot"),
    _kind("coordinated_ramp", coordinated_ramp, "one slow ramp for all", days=21),
    _kind("noise_injected", noise_injected, "noise with the day sums put right"),
    _kind("price_reorder", price_reorder, "dear and cheap hours change places"),
    _kind("sorted_readings", sorted_readings, "the day's readings in an order that suits the price"),
    _kind("load_switched_on", load_switched_on, "load jumps up in the same slots", loss=Loss.NONE),
    _kind("load_switched_off", load_switched_off, "load is shed in the same slots", loss=Loss.NONE),
    _kind("load_oscillated", load_oscillated, "load on and off slot by slot", loss=Loss.NONE),
    _kind("mass_disconnect", mass_disconnect, "exact zeros on scattered meters", loss=Loss.NONE, floor=0.0),
    _kind(
        "slots_dropped",
        slots_dropped,
        "chosen slots never get through",
        loss=Loss.GAPS_TOO,
        makes_gaps=True,
        floor=0.0,
    ),
    _kind("common_readings", common_readings, "one forged series for all", others=1),
)
