"""Meters, transformers and terminals that fail by themselves: cause ``maintenance``.

What the fault leaves is still counted by the meter's own register, in its own pulses.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from loadprofile.emulate.physics import phases_left, quiet_hours, reclocked, register, wander
from loadprofile.emulate.scene import Change, Energies, Loss, Phenomenon, Scene
from loadprofile.verdicts import Cause


def _scaled(scene: Scene, span: slice, left: Energies) -> Energies:
    y = scene.kwh.copy()
    y[:, span] = y[:, span] * left[span]
    return scene.registered(y, span)


def _phases(scene: Scene, lost: int) -> Change:
    span = scene.span(least=3, lasting=0.7)
    imbalance, jitter = scene.pick(0, 0.12), scene.pick(0.0, 0.2)
    left = phases_left(scene.length, scene.per_day, lost, imbalance, jitter, scene.rng)
    return Change(
        _scaled(scene, span, left),
        {"imbalance": imbalance, "jitter": jitter, "left": float(left[span].mean())},
    )


def phase_lost(scene: Scene) -> Change:
    """A fuse, wire or sensor of one phase of three fails: about 2/3 left at every hour."""
    return _phases(scene, 1)


def two_phases_lost(scene: Scene) -> Change:
    """Two phases of three fail: about 1/3 left at every hour."""
    return _phases(scene, 2)


def slow_register(scene: Scene) -> Change:
    """Bearings, sensor or current transformer wear: the meter slows down smoothly over months."""
    span = scene.span(least=28, lasting=1.0, from_first=0.15)
    left, bend = scene.pick(0.2, 0.82), scene.scale(0.3, 1.4)
    through = np.clip((np.arange(scene.length) - span.start) / max(1, span.stop - span.start), 0, 1)
    noise = np.exp(scene.pick(0, 0.03) * wander(scene.length, 5 * scene.per_day, scene.rng))
    return Change(
        _scaled(scene, span, (1 - (1 - left) * through**bend) * noise), {"left": left, "bend": bend}
    )


def fast_register(scene: Scene) -> Change:
    """Gain drifts up or jumps: the meter counts more than was used."""
    span = scene.span(least=10, lasting=0.9, from_first=0.1)
    gain, smooth = scene.scale(1.1, 2.0), scene.chance(0.6)
    through = np.clip((np.arange(scene.length) - span.start) / max(1, span.stop - span.start), 0, 1)
    rise = through if smooth else np.ones(scene.length)
    return Change(_scaled(scene, span, 1 + (gain - 1) * rise), {"gain": gain, "smooth": float(smooth)})


def stuck_register(scene: Scene) -> Change:
    """The register or its reading sticks: the same increment over and over, or none at all."""
    span = scene.span(least=1, lasting=0.45)
    y = scene.kwh.copy()
    zero, times = scene.chance(0.35), int(scene.rng.integers(1, 5))
    at = span.start
    for _ in range(times):
        stop = min(span.stop, at + scene.slots((span.stop - span.start) / scene.per_day / times))
        for row in range(scene.meters):
            before = scene.kwh[row, max(0, at - scene.per_day) : at + 1]
            known = before[np.isfinite(before) & (before > 0)]
            # it repeats the last increment it took
            value = 0.0 if zero or not len(known) else float(known[-1])
            y[row, at:stop] = np.where(np.isfinite(y[row, at:stop]), value, np.nan)
        at = stop + (scene.slots(scene.pick(0.5, 10)) if scene.chance(0.7) else 0)
        if at >= span.stop:
            break
    return Change(y, {"zero": float(zero), "times": times})


def dead_meter(scene: Scene) -> Change:
    """The meter or its modem dies at any time of day: zeros or nothing to the end, and no sum ever."""
    span = scene.span(least=2, lasting=0.85, from_first=0.1)
    missing = scene.chance(0.35)
    y = scene.kwh.copy()
    y[:, span] = np.where(np.isfinite(y[:, span]), np.nan if missing else 0.0, np.nan)
    return Change(y, {"missing": float(missing)})


def _carry(kwh: Energies, begin: int, stop: int) -> None:
    """Make the slots missing and add their energy to the first reading after them, in place."""
    held = float(np.nansum(kwh[begin:stop]))
    kwh[begin:stop] = np.nan
    if stop < len(kwh) and np.isfinite(kwh[stop]):
        kwh[stop] += held


def dying_meter(scene: Scene) -> Change:
    """A failing modem, battery or supply: gaps come more and more often and get longer.

    The register counts on, and for most gaps the first reading afterwards carries the sum.
    """
    span = scene.span(least=14, lasting=1.0, from_first=0.15)
    rate, carried = scene.scale(0.05, 6), scene.one_of(1.0, 1.0, 0.8, 0.5, 0.0)
    length = span.stop - span.start
    y = scene.kwh.copy()
    for row in range(scene.meters):
        count = max(3, int(scene.rng.poisson(rate * length / scene.per_day)))
        for place in np.sort(np.sqrt(scene.rng.random(count))):  # density grows linearly with time
            begin = span.start + int(place * length)
            hours = scene.rng.exponential(scene.scale(0.5, 8) / max(1, rate)) * (0.3 + place * 1.7)
            stop = min(scene.length, begin + scene.slots(hours / 24))
            if scene.chance(carried):
                _carry(y[row], begin, stop)
            else:
                y[row, begin:stop] = np.nan
    return Change(y, {"gaps_per_day": rate, "carried": carried})


def frozen_display(scene: Scene) -> Change:
    """The register is not read out for hours or days (zeros, or nothing), then the sum comes at once."""
    span = scene.span(least=5, lasting=0.6)
    times, missing = int(scene.rng.integers(1, 9)), scene.chance(0.3)
    y = scene.kwh.copy()
    for row in range(scene.meters):
        for begin in scene.rng.integers(span.start, max(span.start + 1, span.stop - 1), times):
            stop = min(scene.length - 1, int(begin) + scene.slots(scene.scale(0.08, 4)))
            known = np.isfinite(y[row, begin:stop])
            held = float(np.nansum(y[row, begin:stop]))
            y[row, begin:stop] = np.where(known, np.nan if missing else 0.0, np.nan)
            if np.isfinite(y[row, stop]):
                y[row, stop] += held
    return Change(y, {"times": times, "missing": float(missing)})


def clock_drift(scene: Scene) -> Change:
    """The meter's clock runs fast or slow by minutes a day; some are set right now and then."""
    span = scene.span(least=14, lasting=0.9, from_first=0.15)
    minutes, sign = scene.scale(0.5, 20), scene.one_of(-1, 1)
    reset = scene.slots(scene.pick(20, 90)) if scene.chance(0.4) else scene.length
    since = np.clip(np.arange(scene.length + 1) - span.start, 0, None)
    since = np.where(np.arange(scene.length + 1) >= span.stop, 0, since) % reset
    # a clock never gets further off than half a day before somebody notices
    ahead = np.clip(minutes * since / scene.per_day, 0, 720) / scene.step_minutes * sign
    y = scene.kwh.copy()
    for row in range(scene.meters):
        drifted = reclocked(scene.kwh[row], ahead)
        y[row] = np.where(ahead[:-1] != 0, drifted, y[row])
    return Change(scene.registered(y, span), {"minutes_a_day": minutes * sign})


def coarse_pulses(scene: Scene) -> Change:
    """A divider or display fault: energy comes in lumps of many pulses; the sum is right."""
    span = scene.span(least=3, lasting=0.8)
    lump = scene.scale(0.3, 30)
    y = scene.kwh.copy()
    for row in range(scene.meters):
        fine = scene.pulses[row] or 0.001
        pulse = max(2.0, round(lump * scene.mean()[row] / fine)) * fine
        y[row, span] = register(y[row, span], pulse)
    return Change(y, {"lump_over_mean": lump})


def lost_pulses(scene: Scene) -> Change:
    """A worn pulse contact: each pulse has a chance to be missed, the more the faster they come."""
    span = scene.span(least=5, lasting=0.85, from_first=0.12)
    missed, speed = scene.pick(0.12, 0.75), scene.pick(0, 1)
    y = scene.kwh.copy()
    for row in range(scene.meters):
        mean = max(scene.mean()[row], 1e-9)
        pulse = max(scene.pulses[row], mean / 50)
        known = np.isfinite(y[row, span])
        pulses = np.where(known, np.maximum(y[row, span], 0), 0) / pulse
        busy = pulses * pulse / mean
        caught = np.clip(1 - missed * (1 - speed + speed * busy / (1 + busy)), 0, 1)
        kept = scene.rng.binomial(np.maximum(np.floor(pulses), 0).astype(np.int64), caught)
        y[row, span] = np.where(known, (kept + (pulses % 1) * caught) * pulse, np.nan)
    return Change(scene.registered(y, span), {"missed": missed, "speed": speed})


def saturation(scene: Scene) -> Change:
    """A current transformer saturates: high load is compressed softly, low load is right."""
    span = scene.span(least=5, lasting=0.9, from_first=0.25)
    quantile, hard = scene.pick(0.15, 0.82), scene.pick(1, 8)
    y = scene.kwh.copy()
    for row in range(scene.meters):
        knee = max(float(np.nanquantile(scene.kwh[row], quantile)), 1e-6)
        over = np.maximum(y[row, span] - knee, 0)
        y[row, span] = np.minimum(y[row, span], knee) + knee / hard * np.log1p(hard * over / knee)
    return Change(scene.registered(y, span), {"quantile": quantile, "hardness": hard})


def starting_current(scene: Scene) -> Change:
    """The meter no longer starts at low load: what lies under its threshold is counted as exactly zero.

    IEC 62053 limits the starting current to a few thousandths of the rated current; a worn or faulty
    meter needs far more. Standby vanishes and only the humps of fridge, kettle and oven are left. Some such
    meters sit in homes where hardly anybody lives: then little but the cycles of one appliance is counted.
    """
    span = scene.span(least=5, lasting=0.9, from_first=0.5)
    quantile, quiet = scene.pick(0.35, 0.9), scene.chance(0.3)
    y = scene.kwh.copy()
    for row in range(scene.meters):
        part = y[row, span]
        if quiet:
            cycles = quiet_hours(scene.kwh[row], scene.per_day, len(part), scene.rng)
            part = np.where(np.isfinite(part), cycles, np.nan)
        known = part[np.isfinite(part)]
        threshold = max(float(np.quantile(known, quantile)), 1e-6) if len(known) else 1e-6
        y[row, span] = np.where(part < threshold, np.where(np.isfinite(part), 0.0, np.nan), part)
    return Change(y, {"quantile": quantile, "quiet": float(quiet)})


def loose_terminal(scene: Scene) -> Change:
    """A terminal loses contact in bursts, more and more: to zero or to a part of the load."""
    span = scene.span(least=7, lasting=1.0, from_first=0.15)
    left, rate = scene.one_of(0, 0, 1 / 3, 2 / 3), scene.scale(0.3, 15)
    long = scene.scale(0.6, 6) / max(1.0, rate / 5)
    length = span.stop - span.start
    y = scene.kwh.copy()
    off = np.ones(scene.length)
    count = max(3, int(scene.rng.poisson(rate * length / scene.per_day)))
    for place in np.sqrt(scene.rng.random(count)):
        begin = span.start + int(place * length)
        # contact comes and goes within slots: the first one is met in part
        minutes = scene.rng.exponential(60 * long) * (0.3 + 2 * place)
        stop = min(span.stop, begin + int(np.ceil(minutes / scene.step_minutes)))
        off[begin:stop] = left
        part = min(1.0, minutes / scene.step_minutes)
        off[begin] = min(off[begin], 1 - part * (1 - left))
    y[:, span] = y[:, span] * off[span]
    return Change(scene.registered(y, span), {"left": left, "bursts_per_day": rate})


def clock_reset(scene: Scene) -> Change:
    """The backup battery is flat: after a power cut the clock starts wrong, until somebody sets it.

    An odd number of minutes off, up to half a day, after a gap of minutes to hours; some are set right after
    days or weeks, and the next power cut begins it again. Energy moves between slots and is kept.
    """
    span = scene.span(least=5, lasting=0.8, from_first=0.0)
    y = scene.kwh.copy()
    at, times = span.start, 0
    while at < span.stop and times < 8:
        lasting = scene.slots(scene.scale(2, 60)) if scene.chance(0.5) else span.stop - at
        stop = min(span.stop, at + max(lasting, scene.slots(1)))
        minutes = scene.scale(15, 720) * scene.one_of(-1, 1)
        ahead = np.zeros(scene.length + 1)
        ahead[at : stop + 1] = minutes / scene.step_minutes
        dark = slice(at, min(stop, at + int(scene.scale(1, 6.99))))
        for row in range(scene.meters):
            y[row, at:stop] = reclocked(scene.kwh[row], ahead)[at:stop]
            y[row, dark] = np.nan
        at = stop + scene.slots(scene.scale(3, 60))
        times += 1
    return Change(scene.registered(y, span), {"times": times})


def unsteady_register(scene: Scene) -> Change:
    """The measuring element scatters: each slot too high or too low by chance, more and more or at once.

    The mean is about right; the scatter lies far above the class limit of 1 or 2 % (IEC 62053).
    """
    span = scene.span(least=5, lasting=0.85)
    spread, smooth = scene.scale(0.08, 0.9), scene.chance(0.5)
    through = np.linspace(0, 1, span.stop - span.start) if smooth else np.ones(span.stop - span.start)
    y = scene.kwh.copy()
    sigma = spread * through
    noise = scene.rng.standard_normal((scene.meters, len(sigma)))
    y[:, span] *= np.exp(sigma * noise - sigma * sigma / 2)
    return Change(scene.registered(y, span), {"spread": spread, "smooth": float(smooth)})


def bouncing_contact(scene: Scene) -> Change:
    """A pulse contact bounces: some pulses are counted twice or three times."""
    span = scene.span(least=5, lasting=0.85)
    again, bounces = scene.pick(0.08, 1.0), int(scene.one_of(1, 1, 2))
    y = scene.kwh.copy()
    for row in range(scene.meters):
        pulse = max(scene.pulses[row], scene.mean()[row] / 50, 1e-9)
        known = np.isfinite(y[row, span])
        energy = np.where(known, np.maximum(y[row, span], 0), 0)
        extra = scene.rng.binomial(bounces * np.floor(energy / pulse).astype(np.int64), again)
        y[row, span] = np.where(known, energy + extra * pulse, np.nan)
    return Change(scene.registered(y, span), {"again": again * bounces})


def transformer_exchanged(scene: Scene) -> Change:
    """A current transformer of another ratio or class is put in and never entered: a constant wrong ratio.

    During the work the supply is off for a part of an hour to some hours. Ratios of common transformers
    (200/5 for 150/5 and the like) times the class error of one or two per cent.
    """
    span = scene.span(least=5, lasting=0.9, from_first=0.05)
    ratio = scene.one_of(0.4, 0.5, 0.6, 2 / 3, 0.75, 0.8, 1.25, 4 / 3, 1.5, 5 / 3, 2.0, 2.5)
    error = float(np.exp(scene.rng.normal(0, 0.012)))
    y = scene.kwh.copy()
    y[:, span] *= ratio * error
    if scene.chance(0.7) and span.start > 0:
        dark = slice(span.start, min(span.stop, span.start + scene.slots(scene.scale(0.5, 5) / 24)))
        y[:, dark] = np.where(np.isfinite(y[:, dark]), 0.0, np.nan)
    return Change(scene.registered(y, span), {"ratio": ratio * error})


_kind = partial(Phenomenon, cause=Cause.MAINTENANCE, source="meter maintenance practice")

KINDS: tuple[Phenomenon, ...] = (
    _kind("phase_lost", phase_lost, "one phase of three unmetered, at every hour"),
    _kind("two_phases_lost", two_phases_lost, "two phases of three unmetered, at every hour"),
    _kind("slow_register", slow_register, "smooth decline over months", days=42),
    _kind("fast_register", fast_register, "gain above one, drifting or at once", days=28),
    _kind("stuck_register", stuck_register, "one increment repeated, or zero"),
    _kind("dead_meter", dead_meter, "zeros or nothing to the end", loss=Loss.GAPS_TOO, makes_gaps=True),
    _kind(
        "dying_meter",
        dying_meter,
        "gaps grow; the sum comes after them",
        days=28,
        loss=Loss.GAPS_TOO,
        makes_gaps=True,
        floor=0.0,
    ),
    _kind(
        "frozen_display",
        frozen_display,
        "no readout for a time, then the sum",
        loss=Loss.GAPS_TOO,
        makes_gaps=True,
        floor=0.0,
    ),
    _kind(
        "clock_drift",
        clock_drift,
        "slots move by minutes a day; energy is kept",
        days=28,
        loss=Loss.NONE,
        makes_gaps=True,
        moves_gaps=True,
    ),
    _kind("coarse_pulses", coarse_pulses, "energy in lumps, the sum is right"),
    _kind("lost_pulses", lost_pulses, "pulses missed at random, more at high load"),
    _kind("saturation", saturation, "soft compression of high load"),
    _kind("starting_current", starting_current, "low load is not counted; high load is", weight=1.5),
    _kind(
        "clock_reset",
        clock_reset,
        "odd minutes off after a power cut; energy is kept",
        days=14,
        loss=Loss.NONE,
        makes_gaps=True,
        moves_gaps=True,
    ),
    _kind("unsteady_register", unsteady_register, "each slot too high or too low by chance"),
    _kind("bouncing_contact", bouncing_contact, "pulses counted more than once"),
    _kind("transformer_exchanged", transformer_exchanged, "a wrong ratio after works", weight=0.6),
    _kind("loose_terminal", loose_terminal, "growing bursts of lost contact", days=14),
)
