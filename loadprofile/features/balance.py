"""Columns ``balance.*``: what the feeder totals say of each meter.

Given the topology (which meter hangs on which feeder) and the feeders' totals, energy that is used and
not metered shows on the feeder, whatever the meter says. Nothing here tells theft from a fault that
loses energy; it tells both from a real change of use, which the feeder total follows. Meters whose load
is not on the feeder that the topology names are found first and moved, so that nobody is made a thief by
a wrong line in a table.

NaN = not given, or cannot be told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadprofile.features.feeders import Balance, Grid, balance, common_grid, daily
from loadprofile.features.population import Context
from loadprofile.features.residual_fit import TRACES, Fit, fit, found_in
from loadprofile.features.residual_rivals import BLOCKS, in_blocks, rivals
from loadprofile.features.residual_steps import (
    STEPS,
    Step,
    day_error,
    falls_at,
    feeder_steps,
    meter_steps,
)
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import LoadProfiles

Array = NDArray[np.float64]

COLUMNS = (
    "excess", "loss", "feeder_step", "feeder_step_kwh", "feeder_step_z", *STEPS,
    "explains", "explains_z", "joint_share", "joint_z",
    "coefficient", "coefficient_z", "low_z", "zero_used", "zero_z", "top_z", "gap_used", "gap_z",
    "link", "margin", "late_coefficient", "late_link", "late_margin", "profile_match", "impossible",
    "evidence", "lead",
    "own_coefficient", "own_z", "other_coefficient", "other_z", "other_feeder", "feeder_size",
)  # fmt: skip
NAMES = (*(f"balance.{name}" for name in COLUMNS), "when.balance")
"""What each column holds (shares and ratios unless a unit is named; z = over its own error).

Of the feeder: ``excess`` residual beyond losses / metered energy over the whole span; ``loss`` of one more
kWh; ``feeder_step`` step of the residual at its own change point / metered energy, the same in kWh a day,
and its z.

Around this meter's change: ``residual_before``, ``residual_after`` relative residual; ``step_share`` part
of the change that the feeder total did not follow (1 theft, fault or false data; 0 real) with its error;
``step_z`` and ``lack_kwh_per_day`` of the residual's step then; ``date_distance_days`` to the nearest of
the feeder's steps. Around the feeder's step: ``explains`` this meter's fall / the step, and the fall's z.
Both together and against the other meters' changes: ``joint_share`` of its shortfall that the residual's
course needs, and the z of that need.

All along: ``coefficient`` unmetered per metered kWh (0 honest); ``low_z`` residual while the meter read
far below its usual; ``zero_used`` energy used while it read zero / its usual (1 used, 0 not) and its z;
``top_z`` residual while it stood at its own maximum; ``gap_used`` as ``zero_used`` for missing slots;
``link`` the strongest of these z, ``margin`` over the next best meter of the feeder; ``late_*`` the same
within the feeder's step alone; ``profile_match`` likeness of the residual's daily course to the hours
that this meter lacks against the others; ``impossible`` share of its readings above the whole feeder's
total; ``evidence`` the strongest reasons (z) to take this meter for what its feeder lacks, ``lead`` over
the next best meter.

Topology: ``own_coefficient`` near -1: the load is not in the total of the feeder that the topology names;
``other_*`` the feeder that holds it instead (its place among the sorted feeder ids).
"""

ROUNDS = 4
"""Moving meters clears the balances in which further ones can be seen; so often it is tried."""

LEAST_ERROR = 1e-3
"""Error of one day's balance, as a share of its energy, that no transformer meter goes below."""

LEAST_LATE = 14
"""Days that a feeder's own step must last to be fitted by itself: days are what errors are counted by."""

ABSENT = (-1.25, -0.75)
"""Coefficients that say that a meter's load is not in the total at all."""
PRESENT = (0.5, 1.6)
SURE = 8.0


@dataclass(frozen=True, eq=False, slots=True)
class _Feeder:
    rows: NDArray[np.intp]
    balance: Balance
    fit: Fit | None


def balance_features(profiles: LoadProfiles, changes: FeatureTable, context: Context | None) -> FeatureTable:
    """What the feeders say of each meter: columns ``balance.*`` and ``when.balance``.

    Args:
        profiles: all meters.
        changes: with ``when.change`` and ``when.change_end`` of the same meters, days since the first.
        context: with ``topology`` and ``feeders``, or without (all NaN then).
    """
    if context is None or not context.has_balances:
        return no_balance(profiles.meter_ids)
    out = np.full((len(profiles), len(NAMES)), np.nan)
    table = _stated(profiles, context)
    if table is not None and context is not None and context.feeders is not None:
        grid = common_grid(profiles, context.feeders)
        if grid is not None:
            _measure(out, profiles, changes, grid, table)
    return FeatureTable(profiles.meter_ids, NAMES, out.astype(np.float32))


def no_balance(meter_ids: NDArray[np.str_]) -> FeatureTable:
    """The same columns where nothing is known of feeders: all NaN."""
    return FeatureTable(meter_ids, NAMES, np.full((len(meter_ids), len(NAMES)), np.nan, dtype=np.float32))


def likelier_feeders(features: FeatureTable, context: Context) -> dict[str, str]:
    """Meters whose load is in another feeder's total than the topology says -> that feeder."""
    if context.feeders is None or "balance.other_feeder" not in features.names:
        return {}
    ids = sorted(context.feeders.meter_ids.tolist())
    at = features.column("balance.other_feeder")
    return {
        str(features.meter_ids[row]): ids[int(at[row])] for row in np.flatnonzero(np.isfinite(at)).tolist()
    }


def stated_feeders(context: Context) -> dict[str, str]:
    """Meter -> feeder as the topology says; the first line counts where a meter stands there twice."""
    if context.topology is None:
        return {}
    lines = context.topology.drop_duplicates("meter_id")
    return dict(zip(lines["meter_id"].astype(str), lines["feeder_id"].astype(str), strict=True))


def _stated(profiles: LoadProfiles, context: Context | None) -> NDArray[np.object_] | None:
    """``(n,)`` feeder id of each meter, "" = none; None where nothing was given."""
    if context is None or context.topology is None or context.feeders is None or not len(profiles):
        return None
    of = stated_feeders(context)
    return np.array([of.get(meter, "") for meter in profiles.meter_ids.tolist()], dtype=object)


def _measure(
    out: Array, profiles: LoadProfiles, changes: FeatureTable, grid: Grid, stated: NDArray[np.object_]
) -> None:
    held = np.where([f in grid.totals for f in stated], stated, "")
    alive = np.asarray(np.isfinite(profiles.kwh).any(axis=(1, 2)))
    place = {name: i for i, name in enumerate(NAMES)}
    feeders: dict[str, _Feeder] = {}
    stale = set(held[alive].tolist()) - {""}
    for round_ in range(ROUNDS):
        for name in sorted(stale):
            feeders.pop(name, None)
            made = _feeder(profiles, grid, np.flatnonzero((held == name) & alive), name)
            if made is not None:
                feeders[name] = made
        if round_ == ROUNDS - 1:
            break
        moved = _misplaced(out, profiles, grid, feeders, held, stated, alive, place)
        stale = {name for pair in moved.values() for name in pair} - {""}
        for row, (_, new) in moved.items():
            held[row] = new
        if not moved:
            break
    onset = changes.column("when.change").astype(np.float64) - grid.first
    end = changes.column("when.change_end").astype(np.float64) - grid.first
    for name in sorted(feeders):
        _describe(out, feeders[name], grid, onset, end, place)


def _feeder(profiles: LoadProfiles, grid: Grid, rows: NDArray[np.intp], name: str) -> _Feeder | None:
    if not len(rows):
        return None
    rows = rows[np.argsort(profiles.meter_ids[rows], kind="stable")]  # sums must not hang on the order
    x = grid.of(profiles, rows)
    seen = np.isfinite(x).any(axis=(1, 2))
    rows, x = rows[seen], x[seen]
    if not len(rows):
        return None
    made = balance(x, grid.totals[name], grid.weekend)
    return _Feeder(rows, made, fit(made))


def _misplaced(
    out: Array,
    profiles: LoadProfiles,
    grid: Grid,
    feeders: dict[str, _Feeder],
    held: NDArray[np.object_],
    stated: NDArray[np.object_],
    alive: NDArray[np.bool_],
    place: dict[str, int],
) -> dict[int, tuple[str, str]]:
    """Meters to move: row -> (feeder now, feeder to be), "" = none that we know."""
    own, own_z = place["balance.own_coefficient"], place["balance.own_z"]
    suspects: list[int] = []
    for feeder in feeders.values():
        if feeder.fit is None:
            continue
        whole = feeder.fit.coefficient[:, 0] + feeder.fit.loss
        fresh = held[feeder.rows] == stated[feeder.rows]
        rows = feeder.rows[fresh]
        out[rows, own], out[rows, own_z] = whole[fresh], feeder.fit.z[fresh, 0]
        gone = (whole > ABSENT[0]) & (whole < ABSENT[1]) & (feeder.fit.z[:, 0] < -SURE)
        suspects += feeder.rows[gone & fresh].tolist()
    homeless = (held == "") & alive & np.isnan(out[:, place["balance.other_feeder"]])
    suspects += np.flatnonzero(homeless).tolist()
    if not suspects:
        return {}
    rows = np.array(sorted(suspects, key=lambda row: str(profiles.meter_ids[row])), dtype=np.intp)
    ids = sorted(feeders)
    every = sorted(grid.totals)
    x = grid.of(profiles, rows)
    ready = np.isfinite(x).any(axis=(1, 2))
    rows, x = rows[ready], x[ready]
    if not len(rows):
        return {}
    filled = balance(x, np.zeros(x.shape[1:]), grid.weekend).x
    coefficient, z = found_in(
        filled,
        np.stack([feeders[f].balance.residual for f in ids]),
        np.stack([feeders[f].balance.usable for f in ids]),
    )
    moved: dict[int, tuple[str, str]] = {}
    for i, row in enumerate(rows.tolist()):
        now = str(held[row])
        others = np.array([f != now for f in ids])
        score = np.where(others & np.isfinite(z[i]), z[i], -np.inf)
        best = int(np.argmax(score))
        there = others.any() and PRESENT[0] < coefficient[i, best] < PRESENT[1] and z[i, best] > SURE
        if others.any():
            out[row, place["balance.other_coefficient"]] = coefficient[i, best]
            out[row, place["balance.other_z"]] = z[i, best]
        if there:
            out[row, place["balance.other_feeder"]] = every.index(ids[best])
        if there or now:  # with no other feeder to be seen it waits aside: this one is cleared of it
            moved[row] = (now, ids[best] if there else "")
    return moved


def _describe(
    out: Array, feeder: _Feeder, grid: Grid, onset: Array, end: Array, place: dict[str, int]
) -> None:
    rows, held = feeder.rows, feeder.balance

    def put(name: str, values: Array | float) -> None:
        out[rows, place[f"balance.{name}"]] = values

    put("feeder_size", len(rows))
    loss, squared = (0.0, 0.0) if feeder.fit is None else (feeder.fit.loss, feeder.fit.squared)
    metered = held.metered
    middle = metered[held.usable].mean() if held.usable.any() else 0.0
    beyond = held.residual - loss * metered - squared * (metered - middle) ** 2
    residual, total = daily(beyond, held.usable), daily(metered, held.usable)
    if not np.isfinite(residual).any() or middle <= 0:
        return
    error = max(day_error(residual), LEAST_ERROR * middle * grid.slots)
    steps = feeder_steps(residual, error)
    step: Step = steps[0]
    put("excess", float(np.nanmedian(residual) / np.nanmedian(total)))
    put("loss", np.nan if feeder.fit is None else loss)
    put("feeder_step", step.kwh / float(np.nanmedian(total)))
    put("feeder_step_kwh", step.kwh)
    put("feeder_step_z", step.z)
    out[rows, place["when.balance"]] = step.onset + grid.first
    x = np.where(held.missing, np.nan, held.x)
    known = np.isfinite(x).mean(axis=2)
    x_day = np.where(known >= 0.6, np.nansum(x, axis=2) / np.maximum(known, 1e-9), np.nan)
    around = meter_steps(x_day, total, residual, onset[rows], end[rows], steps, error)
    for k, name in enumerate(STEPS):
        put(name, around[:, k])
    put("profile_match", _course_match(beyond, held))
    put("impossible", held.impossible)
    explains, fall_z = falls_at(x_day, total, step)
    put("explains", explains)
    put("explains_z", fall_z)
    named = dict(zip(STEPS, around.T, strict=True))
    moves = np.abs(named["step_z"]) * _alike(named["step_share"])
    for one in steps:
        ratio, z = falls_at(x_day, total, one)
        moves = np.fmax(moves, np.fmin(one.z, np.abs(z)) * _alike(ratio))
    moves = np.nan_to_num(moves)
    blocks = in_blocks(np.where(held.usable, beyond, 0.0))
    thin = np.maximum(in_blocks(held.usable.astype(np.float64)), 0.5) / (grid.slots / BLOCKS)
    shared, own = rivals(
        in_blocks(held.x), blocks / thin, np.isfinite(residual), moves, steps, onset[rows], end[rows],
        2 * LEAST_ERROR * middle * grid.slots / BLOCKS,
    )  # fmt: skip
    put("joint_share", shared)
    put("joint_z", own)
    own = np.nan_to_num(own)  # blocks of a day are less independent than its z counts them: half of it
    moves = np.fmax(np.fmin(moves, own), np.fmin(0.5 * own, np.nan_to_num(step.z)))
    links = np.full(len(rows), np.nan)
    if feeder.fit is not None:
        links = _links(put, held, feeder.fit, step)
    evidence = np.hypot(np.fmax(moves, 0.0), np.fmax(np.nan_to_num(links), 0.0))
    put("evidence", evidence)
    put("lead", _lead(evidence))


def _links(put: Callable[[str, Array | float], None], held: Balance, found: Fit, step: Step) -> Array:
    """Columns of the regressions; ``(m,)`` the strongest link of each meter."""
    coefficient, z = (dict(zip(TRACES, part.T, strict=True)) for part in (found.coefficient, found.z))
    put("coefficient", np.clip(coefficient["x"], -3, 30))
    put("coefficient_z", z["x"])
    put("low_z", z["low"])
    put("zero_used", np.clip(coefficient["zero"], -3, 3))
    put("zero_z", z["zero"])
    put("top_z", z["top"])
    put("gap_used", np.clip(1.0 + coefficient["gap"], -3, 3))
    put("gap_z", z["gap"])
    link = _link(found)
    put("link", link)
    put("margin", _lead(link))
    if not (np.isfinite(step.onset) and step.kwh > 0):
        return link
    inside = np.zeros(len(held.usable), dtype=np.bool_)
    inside[int(step.onset) : len(inside) if np.isnan(step.end) else int(step.end)] = True
    late = fit(held, inside) if inside.sum() >= LEAST_LATE else None
    if late is None:
        return link
    recent = _link(late)
    put("late_coefficient", np.clip(late.coefficient[:, 0], -3, 30))
    put("late_link", recent)
    put("late_margin", _lead(recent))
    return np.fmax(link, recent)


def _link(found: Fit) -> Array:
    """``(m,)`` the strongest trace of each meter in the residual (z)."""
    return np.asarray(np.nan_to_num(found.z[:, : len(TRACES) - 1], nan=-99.0).max(axis=1))


def _lead(values: Array) -> Array:
    """``(m,)`` each value less the best of the others; NaN for a single one."""
    if len(values) < 2:
        return np.full(len(values), np.nan)
    two = np.sort(values)[-2:]
    return np.asarray(values - np.where(values == two[1], two[0], two[1]))


def _alike(ratio: Array) -> Array:
    """1 where a change and a step are of one size, falling with the square of their ratio; 0 if opposite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        out: Array = np.where(
            ratio > 0, np.minimum(ratio, 1 / ratio) ** 2, np.where(np.isnan(ratio), np.nan, 0.0)
        )
    return out


def _course_match(beyond: Array, held: Balance) -> Array:
    """``(m,)`` correlation over the day of the residual with what each meter lacks against the others."""
    count = held.usable.sum(axis=0)
    if (count == 0).any():
        return np.full(len(held.x), np.nan)
    course = np.where(held.usable, beyond, 0.0).sum(axis=0) / count
    mine = held.x.mean(axis=1)
    rest = np.maximum(mine.sum(axis=0) - mine, 1e-9)
    relative = mine / rest
    level = np.quantile(relative, 0.75, axis=1)[:, None]
    lacks = np.maximum(level * rest - mine, 0.0)
    a, b = course - course.mean(), lacks - lacks.mean(axis=1, keepdims=True)
    size = np.sqrt((a**2).sum() * (b**2).sum(axis=1))
    out: Array = np.divide((a * b).sum(axis=1), size, out=np.full(len(mine), np.nan), where=size > 1e-12)
    return out
