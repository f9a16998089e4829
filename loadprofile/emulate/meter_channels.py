"""Export and reactive energy of emulated meters, beside their import.

Export: what own generation made beyond load and storage; where a phase is lost or bypassed, now and then its
current runs backwards and the register of export counts it; a few meters count a trace of export that nobody
sent. Reactive energy follows from the true load by a curve of each customer: a part of its own that is always
there (fridges, pumps, supplies of electronics) and one that grows more slowly than the active energy, since
the largest loads of homes are resistive. Generation brings none (inverters run at a power factor of one).
What the meter shows of it depends on where the active energy goes missing: a sensor that is bypassed or dead
loses both; a fault or fraud of the active register alone, a resistive load moved before the meter, or a data
chain that altered only the kWh leaves the reactive energy as it was. How often each happens (``ALONE``) is an
assumption of ours: nobody has published it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loadprofile.emulate.physics import wander
from loadprofile.emulate.scenario import Scenario
from loadprofile.profiles import LoadProfiles
from loadprofile.verdicts import Cause

Array = NDArray[np.float64]

BACKWARDS = {"phase_lost": 0.3, "one_phase_bypass": 0.15, "two_phases_lost": 0.15}
"""Kinds whose missing current may run backwards, and how often."""

ALONE: dict[str, float] = {
    "full_bypass": 0.1, "pulled_meter": 0.0, "private_meter": 0.0, "outage_then_drop": 0.2,
    "appliance_before_meter": 0.9, "heavy_days": 0.6, "magnet": 0.5,
    "dead_meter": 0.0, "dying_meter": 0.0, "frozen_display": 0.3, "phase_lost": 0.05,
    "two_phases_lost": 0.05, "loose_terminal": 0.05, "stuck_register": 0.7, "slow_register": 0.6,
    "fast_register": 0.6, "lost_pulses": 0.8, "bouncing_contact": 0.8, "coarse_pulses": 0.7,
    "transformer_exchanged": 0.05, "saturation": 0.05, "starting_current": 0.4,
    "block_gaps": 0.1, "rows_lost": 0.1, "delivery_stopped": 0.1, "time_shift": 0.1,
    "day_month_swapped": 0.1, "duplicated_days": 0.2, "replay": 0.3, "slots_dropped": 0.2,
}  # fmt: skip
"""Kind -> chance that the active energy alone is touched; the others by cause below."""

ALONE_BY_CAUSE = {
    Cause.FRAUD: 0.35, Cause.MAINTENANCE: 0.4, Cause.DATA_MISMATCH: 0.6, Cause.CYBER_ATTACK: 0.6,
}  # fmt: skip


class Channels(NamedTuple):
    """Both channels, each in cubes as ``Context`` has them."""

    export: tuple[LoadProfiles, ...]
    reactive: tuple[LoadProfiles, ...]


def meter_channels(scenario: Scenario, rng: np.random.Generator) -> Channels:
    """Export and reactive energy of some or all meters of a scenario."""
    profiles = scenario.profiles
    rows = np.flatnonzero(rng.random(len(profiles)) < rng.choice([1.0, 0.9, 0.6]))
    some = profiles.take(rows)
    made, sent = _generated(scenario)
    export = _export(scenario, sent, rng)[rows]
    reactive = _reactive(scenario, made - sent, rng)[rows]
    grid = float(rng.choice([0.001, 0.001, 0.01]))
    return Channels(
        (some.with_kwh((np.rint(export / grid) * grid).astype(np.float32)),),
        (some.with_kwh((np.rint(reactive / grid) * grid).astype(np.float32)),),
    )


def _generated(scenario: Scenario) -> tuple[Array, Array]:
    """``(n, d, s)`` kWh generated and sent out, of all that happened together."""
    made = np.zeros(scenario.profiles.kwh.shape)
    sent = np.zeros_like(made)
    for effect in scenario.effects:
        if effect.made is not None and effect.sent is not None:
            made[effect.meters] += effect.made
            sent[effect.meters] += effect.sent
    return made, sent


def _export(scenario: Scenario, sent: Array, rng: np.random.Generator) -> Array:
    out = sent.copy()
    shown = scenario.profiles.kwh.astype(np.float64)
    for effect in scenario.effects:
        if rng.random() < BACKWARDS.get(effect.kind, 0.0):
            missing = scenario.used[effect.meters].astype(np.float64) - shown[effect.meters]
            out[effect.meters] += rng.uniform(0.8, 1.0) * np.maximum(np.nan_to_num(missing), 0)
    for row in np.flatnonzero(rng.random(len(out)) < 0.05):
        out[row] += (rng.random(out[row].shape) < 0.002) * 0.001
    out[np.isnan(shown)] = np.nan
    return out


def _reactive(scenario: Scenario, held: Array, rng: np.random.Generator) -> Array:
    """What the meters show of it; ``held`` is what own generation gave to the load ``(n, d, s)``."""
    shown = scenario.profiles.kwh.astype(np.float64)
    used = scenario.used.astype(np.float64)
    load = np.maximum(used + held, 0)
    n, d, s = load.shape
    out = np.empty_like(load)
    for row in range(n):
        mean = max(float(np.nanmean(load[row])) if np.isfinite(load[row]).any() else 0.0, 1e-9)
        always, rising = _between(rng, 0.02, 0.25), _between(rng, 0.05, 0.5)
        curve = always + rising * (load[row] / mean) ** rng.uniform(0.5, 1.0)
        slow = np.exp(0.1 * wander(d * s, 2.0 * s, rng) + 0.1 * rng.standard_normal(d * s)).reshape(d, s)
        out[row] = mean * curve * slow
    alike = np.ones(n, dtype=np.bool_)
    for effect in scenario.effects:
        if effect.cause in ALONE_BY_CAUSE:
            chance = ALONE.get(effect.kind, ALONE_BY_CAUSE[effect.cause])
            alike[effect.meters] = rng.random() >= chance
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.where(used > 0, np.clip(shown / used, 0, 10), 1.0)
    out[alike] = (out * np.nan_to_num(part, nan=1.0))[alike]
    out[np.isnan(shown) & alike[:, None, None]] = np.nan
    out[np.isnan(used)] = np.nan
    return out


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
