"""What a utility knows beside the readings of an emulated population.

Feeders, registers, events and outages by ``surroundings``; holidays, weather, export and reactive energy by
``further``.

Everything follows from what was truly used and counted (``Scenario.used``, ``Scenario.counted``), with the
faults such records have: meters listed on the wrong feeder, unmetered lamps, noise, totals that lack
readings, events that nobody recorded and events that mean nothing, outages that nobody wrote down.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadprofile.emulate.climate import Climate, holiday_table, weather_table
from loadprofile.emulate.meter_channels import meter_channels
from loadprofile.emulate.phenomena import Effect
from loadprofile.emulate.scenario import Scenario, coarsen
from loadprofile.errors import OptionError
from loadprofile.features.population import Context
from loadprofile.profiles import LoadProfiles

Array = NDArray[np.float64]

SMALLEST, LARGEST = 13, 118
"""Customers of a low-voltage feeder (SimBench low-voltage grids)."""

INPUTS = ("events", "registers", "outages", "topology")

MEANINGS: dict[str, tuple[tuple[str, ...], float]] = {
    "phase_lost": (("missing_voltage", "asymmetry"), 0.6),
    "two_phases_lost": (("missing_voltage", "asymmetry"), 0.7),
    "one_phase_bypass": (("asymmetry", "terminal_cover_open"), 0.3),
    "dead_meter": (("battery", "measurement_error", "watchdog"), 0.4),
    "dying_meter": (("battery", "power_down", "power_up"), 0.5),
    "stuck_register": (("measurement_error", "watchdog"), 0.3),
    "clock_drift": (("clock_set", "clock_invalid"), 0.5),
    "loose_terminal": (("power_down", "power_up"), 0.5),
    "pulled_meter": (("power_down", "terminal_cover_open", "power_up"), 0.5),
    "outage_then_drop": (("power_down", "cover_open", "terminal_cover_open"), 0.5),
    "outage": (("power_down", "power_up"), 0.8),
    "mass_disconnect": (("remote_disconnect",), 0.7),
    "replay": (("replay", "failed_authentication"), 0.4),
    "load_switched_off": (("switch",), 0.3),
    "load_switched_on": (("switch",), 0.3),
}
"""Kind -> meanings of fitting events and the chance that one is recorded."""

BY_CAUSE: dict[str, tuple[tuple[str, ...], float]] = {
    "fraud": (("magnet", "strong_field", "cover_open", "terminal_cover_open", "current_reversed"), 0.3),
    "maintenance": (("measurement_error", "battery", "watchdog"), 0.15),
    "cyber_attack": (("failed_authentication", "configuration", "firmware"), 0.25),
    "data_mismatch": (("configuration",), 0.1),
    "super_consumption": ((), 0.0),
    "normal": ((), 0.0),
}
"""The same for kinds that ``MEANINGS`` does not name."""

FALSE_ALARMS = (
    "cover_open", "terminal_cover_open", "magnet", "strong_field", "power_down", "power_up", "battery",
    "clock_set", "configuration", "asymmetry", "missing_voltage", "measurement_error", "switch",
    "failed_authentication",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Feeders:
    """How the feeders of a neighbourhood are drawn.

    Attributes:
        wrong: share of meters that the topology lists on another feeder than theirs.
        loss: technical loss at mean load, as a share of the energy.
        lamps: constant or nightly unmetered use, as a share of the mean energy.
        noise: relative error of one reading of a total.
        missing: share of the totals' readings that are absent.
        step_minutes: of the totals; None = the meters'.
    """

    wrong: float = 0.0
    loss: float = 0.05
    lamps: float = 0.0
    noise: float = 0.005
    missing: float = 0.0
    step_minutes: int | None = None


def drawn_feeders(rng: np.random.Generator, step_minutes: int) -> Feeders:
    """Feeders as a utility may have them."""
    steps = [step for step in (15, 30, 60) if step >= step_minutes and rng.random() < 0.3]
    return Feeders(
        wrong=float(rng.uniform(0.02, 0.06)) if rng.random() < 0.3 else 0.0,
        loss=float(rng.uniform(0.02, 0.08)),
        lamps=float(rng.uniform(0.003, 0.03)) if rng.random() < 0.3 else 0.0,
        noise=float(np.exp(rng.uniform(np.log(0.001), np.log(0.01)))),
        missing=float(rng.uniform(0, 0.02)) if rng.random() < 0.3 else 0.0,
        step_minutes=steps[-1] if steps else None,
    )


def surroundings(scenario: Scenario, rng: np.random.Generator, share: float = 0.6) -> Context:
    """Optional inputs of an emulated population, each given with probability ``share``.

    Args:
        scenario: from ``draw``.
        rng: source of all chance.
        share: of each input by itself; topology and feeder totals come together.
    """
    given = {name: bool(rng.random() < share) for name in INPUTS}
    place = on_feeders(scenario, rng)
    topology = feeders = None
    if given["topology"]:
        drawn = drawn_feeders(rng, scenario.profiles.step_minutes)
        topology, feeders = feeder_records(scenario.profiles, scenario.used, place, drawn, rng)
    return Context(
        events=events(scenario, rng) if given["events"] else None,
        registers=registers(scenario, rng) if given["registers"] else None,
        outages=outages(scenario, rng) if given["outages"] else None,
        topology=topology,
        feeders=feeders,
    )


FURTHER = {"holidays": 0.6, "export": 0.5, "reactive": 0.5}
"""Chance of each of these inputs, by itself; weather comes with its climate."""


def further(
    scenario: Scenario, known: Context | None, climate: Climate | None, rng: np.random.Generator, share: float
) -> Context | None:
    """``known`` with holidays, weather and channels beside it; None where nothing at all is known.

    Args:
        scenario: from ``draw``.
        known: from ``surroundings``.
        climate: what the meters answered to, None = the weather is not known.
        rng: source of all chance.
        share: chance that the utility hands over any of holidays and channels.
    """
    some = rng.random() < share
    given = {name: some and bool(rng.random() < chance) for name, chance in FURTHER.items()}
    if climate is None and not any(given.values()):
        return known
    context = known or Context()
    if climate is not None:
        context = replace(context, weather=weather_table(scenario, climate, rng))
    if given["holidays"]:
        context = replace(context, holidays=holiday_table(scenario, rng))
    if given["export"] or given["reactive"]:
        both = meter_channels(scenario, rng)
        context = replace(
            context,
            export=both.export if given["export"] else None,
            reactive=both.reactive if given["reactive"] else None,
        )
    return context


def on_feeders(scenario: Scenario, rng: np.random.Generator) -> NDArray[np.int64]:
    """``(n,)`` feeder of each meter; the meters of one outage hang together."""
    n = len(scenario.profiles)
    key = rng.random(n)
    for effect in scenario.effects:
        if effect.kind == "outage":
            key[effect.meters] = rng.random() + 1e-6 * rng.random(len(effect.meters))
    order = np.argsort(key, kind="stable")
    place, at, feeder = np.zeros(n, dtype=np.int64), 0, 0
    while at < n:
        size = int(np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST + 1))))
        if n - at - size < SMALLEST:  # what is left over joins the last feeder
            size = n - at
        place[order[at : at + size]] = feeder
        at, feeder = at + size, feeder + 1
    return place


def feeder_records(
    profiles: LoadProfiles,
    used: NDArray[np.float32],
    place: NDArray[np.int64],
    drawn: Feeders,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, LoadProfiles]:
    """The topology as the utility has it, and the readings of the feeder meters.

    Args:
        profiles: ids, days and slots of the meters.
        used: ``(n, d, s)`` kWh truly used; NaN is taken as the meter's mean.
        place: ``(n,)`` the true feeder of each meter, 0, 1, ...
        drawn: what to draw.
        rng: source of chance.

    Raises:
        OptionError: when a step is asked for that the meters' is not a part of.
    """
    step = drawn.step_minutes or profiles.step_minutes
    if step % profiles.step_minutes:
        raise OptionError("step_minutes", step, f"not a multiple of {profiles.step_minutes}")
    truth = coarsen(profiles.with_kwh(_whole(used)), step)
    count = int(place.max()) + 1
    totals = np.stack([truth.kwh[place == f].sum(axis=0, dtype=np.float64) for f in range(count)])
    counted = np.stack([_at_transformer(total, drawn, rng) for total in totals])
    counted[:, ~truth.exists] = np.nan
    listed = place.copy()
    if count > 1 and drawn.wrong > 0:
        off = rng.random(len(place)) < drawn.wrong
        listed[off] = (place[off] + rng.integers(1, count, int(off.sum()))) % count
    names = np.array([f"F{f:03d}" for f in range(count)])
    topology = pd.DataFrame({"meter_id": profiles.meter_ids.astype(object), "feeder_id": names[listed]})
    feeders = LoadProfiles(
        names, profiles.days, counted.astype(np.float32), step, profiles.timezone, truth.exists
    )
    return topology, feeders


def _at_transformer(total: Array, drawn: Feeders, rng: np.random.Generator) -> Array:
    """Customers' energy -> what the transformer counted: losses, lamps, its own error, lost readings."""
    days, slots = total.shape
    mean = max(float(total.mean()), 1e-9)
    iron = rng.uniform(0.1, 0.4)  # of the loss at mean load is there at any load; copper goes with its square
    copper = (1 - iron) * drawn.loss * total**2 / max(float((total**2).mean()), 1e-12) * mean
    hour = np.arange(slots) * 24.0 / slots
    night = ((hour < 6) | (hour >= 18)) * 2.0
    lamps = drawn.lamps * mean * (night if rng.random() < 0.5 else np.ones(slots))
    exact = total + iron * drawn.loss * mean + copper * (1 + 0.1 * rng.standard_normal(total.shape)) + lamps
    read = exact * (1 + drawn.noise * rng.standard_normal(total.shape))
    grid = 10.0 ** np.floor(np.log10(mean) - 3)
    read = np.rint(np.maximum(read, 0) / grid) * grid
    read[rng.random(total.shape) < drawn.missing] = np.nan
    if drawn.missing and days > 10:
        read[int(rng.integers(days))] = np.nan
    return np.asarray(read)


def _whole(used: NDArray[np.float32]) -> NDArray[np.float32]:
    """Energy where the original reading is missing: it was used all the same, as a week before or after."""
    out = used
    for weeks in (1, -1, 2, -2):
        out = np.where(np.isnan(out), np.roll(used, 7 * weeks, axis=1), out)
    gone = np.isnan(out)
    seen = np.maximum((~gone).sum(axis=1, keepdims=True), 1)
    usual = np.where(gone, 0, out).sum(axis=1, keepdims=True, dtype=np.float64) / seen
    return np.where(gone, usual, out).astype(np.float32)


def registers(scenario: Scenario, rng: np.random.Generator) -> pd.DataFrame:
    """Readings of the meters' own registers at midnight: daily, weekly or monthly, some never read."""
    profiles = scenario.profiles
    every = int(rng.choice([1, 1, 7, 30]))
    daily = _whole(scenario.counted).sum(axis=2, dtype=np.float64)
    at = np.arange(int(rng.integers(min(every, 5))), len(profiles.days) + 1, every)
    grid = float(rng.choice([0.001, 0.01, 0.1]))
    parts = []
    for row in np.flatnonzero(rng.random(len(profiles)) < rng.choice([1.0, 0.9, 0.5])):
        total = rng.uniform(0, 40_000) + np.concatenate(([0.0], np.cumsum(daily[row])))[at]
        kept = rng.random(len(at)) < 0.97
        parts.append(
            pd.DataFrame(
                {
                    "meter_id": str(profiles.meter_ids[row]),
                    "timestamp": (profiles.days[0] + at[kept]).astype("datetime64[s]"),
                    "register_kwh": np.floor(total[kept] / grid) * grid,
                    "multiplier": 1.0,
                }
            )
        )
    names = ["meter_id", "timestamp", "register_kwh", "multiplier"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)


def events(scenario: Scenario, rng: np.random.Generator) -> pd.DataFrame:
    """Meter events with their meanings: fitting ones with some probability, among false alarms."""
    profiles = scenario.profiles
    start, days = profiles.days[0].astype("datetime64[m]"), len(profiles.days)
    rows: list[tuple[str, np.datetime64, str]] = []
    for effect in scenario.effects:
        meanings, chance = MEANINGS.get(effect.kind, BY_CAUSE[str(effect.cause)])
        for at, row in enumerate(effect.meters.tolist()):
            if not meanings or np.isnat(effect.first[at]) or rng.random() >= chance:
                continue
            for _ in range(int(rng.integers(1, 4))):
                late = np.timedelta64(round(float(rng.normal(0, 90))), "m")
                meaning = meanings[int(rng.integers(len(meanings)))]
                rows.append((str(profiles.meter_ids[row]), effect.first[at] + late, meaning))
    per_month = float(np.exp(rng.uniform(np.log(0.01), np.log(0.5))))
    for row in range(len(profiles)):
        for _ in range(int(rng.poisson(per_month * days / 30))):
            moment = start + np.timedelta64(int(rng.integers(days * 1440)), "m")
            meaning = FALSE_ALARMS[int(rng.integers(len(FALSE_ALARMS)))]
            rows.append((str(profiles.meter_ids[row]), moment, meaning))
    frame = pd.DataFrame(rows, columns=["meter_id", "timestamp", "meaning"])
    stamps = np.array([moment for _, moment, _ in rows], dtype="datetime64[s]")
    return frame.assign(timestamp=stamps, code=0, vocabulary="emulated")


def outages(scenario: Scenario, rng: np.random.Generator) -> pd.DataFrame:
    """Supply interruptions that somebody wrote down: most of the real ones, a little before or after."""
    profiles = scenario.profiles
    start = profiles.days[0].astype("datetime64[m]")
    rows: list[tuple[str, np.datetime64, np.datetime64]] = []
    for effect in scenario.effects:
        if effect.kind != "outage":
            continue
        for first, last in _dark(scenario, effect):
            if rng.random() >= 0.75:
                continue
            slack = [np.timedelta64(int(rng.integers(-20, 21)), "m") for _ in range(2)]
            begin = start + np.timedelta64(first * profiles.step_minutes, "m") + slack[0]
            stop = start + np.timedelta64(last * profiles.step_minutes, "m") + slack[1]
            known = effect.meters[rng.random(len(effect.meters)) < 0.95]
            rows += [(str(profiles.meter_ids[row]), begin, max(stop, begin)) for row in known.tolist()]
    frame = pd.DataFrame(rows, columns=["meter_id", "start", "end"])
    stamps = {
        name: np.array([row[k] for row in rows], dtype="datetime64[s]")
        for k, name in ((1, "start"), (2, "end"))
    }
    return frame.assign(**stamps)


def _dark(scenario: Scenario, effect: Effect) -> list[tuple[int, int]]:
    """First and past-last slot of each stretch in which nothing was used at all meters of an outage."""
    used = scenario.used[effect.meters].reshape(len(effect.meters), -1)
    off = (np.nan_to_num(used) == 0).all(axis=0).astype(np.int8)
    edges = np.diff(np.concatenate(([0], off, [0])))
    return list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True))
