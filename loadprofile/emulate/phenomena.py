"""The registry of all phenomena, and what one of them did to a population.

``happen`` is the only way a phenomenon is applied: it hands the function a scene it cannot alter,
keeps the promises of its contract (what was missing stays missing, no negative energy, float32), and
measures onset, end, unbilled energy and strength from the readings before and after.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadprofile.emulate import (
    benign,
    faults,
    incidents,
    increase,
    load_attacks,
    mismatch,
    neighbourhood,
    published_kinds,
    purchases,
    tampering,
    transfer,
)
from loadprofile.emulate.scene import Change, Loss, Mask, Phenomenon, Scene
from loadprofile.errors import OptionError, ShapeError
from loadprofile.profiles import frozen
from loadprofile.verdicts import Cause

__all__ = ["CLEAR", "PHENOMENA", "Change", "Effect", "Loss", "Phenomenon", "Scene", "happen", "named"]

PHENOMENA: tuple[Phenomenon, ...] = (
    *benign.KINDS,
    *purchases.KINDS,
    *neighbourhood.KINDS,
    *mismatch.KINDS,
    *transfer.KINDS,
    *faults.KINDS,
    *incidents.KINDS,
    *load_attacks.KINDS,
    *increase.KINDS,
    *tampering.KINDS,
    *published_kinds.KINDS,
)
"""Every kind of thing that can be emulated; the names are unique."""


CLEAR = 2.0
"""Clarity below which an effect is lost in the meter's own day-to-day spread."""

SHAPES = 0.08
"""How far apart the shapes of ordinary homes are that a peer group would still call alike, relative."""

DRIFT = 0.025
"""How far the level of an ordinary home wanders from one season to the next by itself, relative."""

BLOCKS = 6
"""Parts of the day in which an effect is looked for."""


def named(name: str) -> Phenomenon:
    """The phenomenon of that name; OptionError if there is none."""
    for phenomenon in PHENOMENA:
        if phenomenon.name == name:
            return phenomenon
    raise OptionError("kind", name, "no such phenomenon")


@dataclass(frozen=True, eq=False, slots=True)
class Effect:
    """What one phenomenon did to ``m`` meters.

    Attributes:
        cause, kind: the right answer and the phenomenon's name.
        meters: ``(m,)`` rows of the population.
        first, last: ``(m,)`` datetime64[m], start of the first and of the last slot that differ; NaT where
            not one reading differs.
        lost_kwh: ``(m,)`` float64, used and not billed by the kind's definition (``Loss``); negative = billed
            too much.
        cohort: id shared by all meters of one incident, "" if it happened to a single meter.
        params: what was drawn.
        visible: ``(m,)`` float64, relative strength: the energy that was moved, added, removed or made
            missing, over the energy used on the days it touched; at least half of the same for the four hours
            of the day where most was, or for the day's highest reading, and at least how far a new maximum
            exceeds the old one, up to 1.
        clarity: ``(m,)`` float64, that strength against the meter's own day-to-day spread over as many days
            as were touched, as many as were not, and a slow drift of its own; times the root of the cohort's
            size. Taken from the day, from the four hours of it where it shows best, or from the day's highest
            reading. About the z-value of the best possible test that knows when and where to look. What was
            there from the first reading on has no before: there only a shape unlike the meter's own tells,
            against the spread of shapes among homes.
        faint: ``(m,)`` bool, nothing changed, or ``visible`` below the kind's floor, or ``clarity`` below
            ``CLEAR``; kinds whose trace is exact (floor 0) are never faint once a reading differs.
        touched: ``(d,)`` bool, days on which a reading of any of the meters differs.
        made, sent: ``(m, d, s)`` float32 kWh generated behind the meters, and what of it neither load nor
            storage took up; None where nothing was generated.
        sky: ``(d,)`` share of the clear sky's light, where there was generation.
    """

    cause: Cause
    kind: str
    meters: NDArray[np.intp]
    first: NDArray[np.datetime64]
    last: NDArray[np.datetime64]
    lost_kwh: NDArray[np.float64]
    cohort: str
    params: Mapping[str, float]
    visible: NDArray[np.float64]
    clarity: NDArray[np.float64]
    faint: NDArray[np.bool_]
    touched: NDArray[np.bool_]
    made: NDArray[np.float32] | None = None
    sent: NDArray[np.float32] | None = None
    sky: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        for name in ("meters", "first", "last", "lost_kwh", "visible", "clarity", "faint"):
            value = getattr(self, name)
            if value.shape != (len(self.meters),):
                raise ShapeError(f"effect.{name}", value.shape, (len(self.meters),))
            object.__setattr__(self, name, frozen(value))


def happen(
    phenomenon: Phenomenon,
    kwh: NDArray[np.float32],
    meters: NDArray[np.intp],
    days: NDArray[np.datetime64],
    step_minutes: int,
    rng: np.random.Generator,
    *,
    population: NDArray[np.float32] | None = None,
    exists: NDArray[np.bool_] | None = None,
    cohort: str = "",
) -> tuple[NDArray[np.float32], Effect]:
    """Let a phenomenon happen to some meters.

    Args:
        phenomenon: what happens.
        kwh: ``(m, d, s)`` the readings of those meters, not altered.
        meters: ``(m,)`` their rows in the population.
        days: ``(d,)``.
        step_minutes: 15, 30 or 60.
        rng: source of chance.
        population: ``(n, d, s)`` all meters as they were, for donors; ``kwh`` itself if None.
        exists: ``(d, s)`` slots that the clock has; the others stay missing whatever happens.
        cohort: id of the incident, "" for a single meter.

    Raises:
        ShapeError: for a meter without any reading.

    Returns:
        The new readings ``(m, d, s)`` float32, and what was done.
    """
    m, d, s = kwh.shape
    if not np.isfinite(kwh).any(axis=(1, 2)).all():
        raise ShapeError("kwh", "a meter without any reading", "readings to alter")
    before = np.asarray(kwh, dtype=np.float64).reshape(m, d * s)
    if population is None:
        population, others = kwh, np.empty(0, dtype=np.intp)
    else:
        others = np.setdiff1d(np.arange(len(population)), meters)
    change = phenomenon.function(Scene(before, days, step_minutes, population, others, rng))
    after = np.array(change.kwh, dtype=np.float32)
    gone = ~np.isfinite(before)
    if not phenomenon.moves_gaps:
        after[gone] = np.nan
    if not phenomenon.makes_gaps:
        after = np.where(np.isnan(after) & ~gone, before.astype(np.float32), after)
    if exists is not None:
        after[:, ~exists.reshape(-1)] = np.nan
    if not phenomenon.negative:
        after = np.where((after < 0) & (before >= 0), np.float32(0), after)
    effect = _measured(
        phenomenon, before, after.astype(np.float64), meters, days, step_minutes, cohort, change
    )
    return after.reshape(m, d, s), effect


def _measured(
    phenomenon: Phenomenon,
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    meters: NDArray[np.intp],
    days: NDArray[np.datetime64],
    step_minutes: int,
    cohort: str,
    change: Change,
) -> Effect:
    differs = (before != after) & ~(np.isnan(before) & np.isnan(after))
    any_ = differs.any(axis=1)
    start = days[0].astype("datetime64[m]")
    length = before.shape[1]
    nat = np.datetime64("NaT", "m")
    moment = start + (np.arange(length) * step_minutes).astype("timedelta64[m]")
    first = np.where(any_, moment[differs.argmax(axis=1)], nat)
    last = np.where(any_, moment[length - 1 - differs[:, ::-1].argmax(axis=1)], nat)
    known, still = np.isfinite(before), np.isfinite(after)
    used = np.where(known, before, 0.0)
    billed = np.where(still, after, 0.0)
    lost = np.zeros(len(before))
    if phenomenon.loss is Loss.METERED:
        lost = np.where(known & still, used - billed, 0.0).sum(axis=1)
    elif phenomenon.loss is Loss.GAPS_TOO:
        lost = np.where(known, used - billed, 0.0).sum(axis=1)
    visible, clarity = _strength(used, billed, differs, len(days))
    clarity = clarity * np.sqrt(len(before))
    for row in np.flatnonzero(_from_the_first(known, differs, len(days))):
        shape = _odd_shape(before[row], after[row], len(days))
        visible[row] = min(visible[row], shape)
        clarity[row] = min(clarity[row], shape / SHAPES)
    faint = ~any_ | ((phenomenon.floor > 0) & ((visible < phenomenon.floor) | (clarity < CLEAR)))
    made: NDArray[np.float32] | None = None
    sent: NDArray[np.float32] | None = None
    if change.made is not None:
        grid = (len(before), len(days), before.shape[1] // len(days))
        made = np.where(known & still, change.made, 0.0).reshape(grid).astype(np.float32)
        over = made - np.where(known & still, before - after, 0.0).reshape(grid)
        sent = np.where(made > 0, np.maximum(over, 0), 0).astype(np.float32)
    return Effect(
        cause=phenomenon.cause, kind=phenomenon.name, meters=np.asarray(meters, dtype=np.intp),
        first=first, last=last, lost_kwh=lost, cohort=cohort, params=dict(change.params),
        visible=visible, clarity=clarity, faint=faint,
        touched=np.asarray(differs.reshape(len(before), len(days), -1).any(axis=(0, 2))),
        made=made, sent=sent, sky=change.sky,
    )  # fmt: skip


def _strength(
    used: NDArray[np.float64], billed: NDArray[np.float64], differs: NDArray[np.bool_], days: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """``Effect.visible`` and, for one meter alone, ``Effect.clarity``; missing readings are zeros here."""
    m = len(used)
    daily = used.reshape(m, days, -1).sum(axis=2)
    touched = differs.reshape(m, days, -1).sum(axis=2) > 0
    moved = np.abs(used - billed).reshape(m, days, -1).sum(axis=2)
    mean = np.abs(used).sum(axis=1) / max(days, 1)
    there = np.maximum(np.where(touched, np.abs(daily), 0.0).sum(axis=1), 1e-3 * mean)
    there = np.maximum(there, 1e-9)
    visible = np.where(touched, moved, 0.0).sum(axis=1) / there
    top = np.maximum(used.max(axis=1), 1e-9)
    visible = np.maximum(visible, np.clip((billed.max(axis=1) - top) / top, 0.0, 1.0))
    count = np.maximum(touched.sum(axis=1), 1)
    spread = np.array([_day_spread(row[row > 0]) for row in daily])
    outside = np.maximum((used.reshape(m, days, -1) != 0).any(axis=2).sum(axis=1) - count, 1)
    chance = 1.0 / count + 1.0 / outside
    clarity = visible / np.sqrt(spread**2 * chance + DRIFT**2)
    old, new = used.reshape(m, days, BLOCKS, -1), billed.reshape(m, days, BLOCKS, -1)
    # the four-hour parts of each day and, as one more, its highest reading
    parts = np.dstack([old.sum(axis=3), old.max(axis=(2, 3))])
    moved_parts = np.dstack(
        [np.abs(old - new).sum(axis=3), np.abs(old.max(axis=(2, 3)) - new.max(axis=(2, 3)))]
    )
    moved_part = np.where(touched[..., None], moved_parts, 0.0).sum(axis=1)
    for row, part in np.ndindex(m, BLOCKS + 1):
        series = parts[row, :, part]
        # an empty night is no measure: there a fifth of the mean stands in
        level = max(float(np.median(series)), 0.2 * float(mean[row]) / BLOCKS, 1e-9)
        in_part = moved_part[row, part] / count[row] / level
        visible[row] = max(visible[row], 0.5 * in_part)
        own = max(0.1, _day_spread(series[series > 0]))
        clarity[row] = max(clarity[row], in_part / np.sqrt(own**2 * chance[row] + 4 * DRIFT**2))
    return visible, clarity


def _from_the_first(known: Mask, differs: Mask, days: int) -> Mask:
    """``(m,)`` whether the effect is there from the first to the last day with readings."""
    there = known.reshape(len(known), days, -1).sum(axis=2) > 0
    touched = differs.reshape(len(known), days, -1).sum(axis=2) > 0
    first, last = there.argmax(axis=1), days - 1 - there[:, ::-1].argmax(axis=1)
    begun = touched.argmax(axis=1) <= first + 0.03 * days
    lasts = days - 1 - touched[:, ::-1].argmax(axis=1) >= last - 0.03 * days
    return np.asarray(begun & lasts & (touched.sum(axis=1) > 0), dtype=np.bool_)


def _odd_shape(before: NDArray[np.float64], after: NDArray[np.float64], days: int) -> float:
    """How far readings differ from a multiple of themselves: nobody knows the size a meter should have.

    The largest relative difference, after making the totals alike, of the mean day, of the quantiles of
    slots and of days, and of how much the readings move from slot to slot, or of how much was known. A
    level under a quarter or over four times is odd beside the peers, whatever the shape.
    """
    known = np.isfinite(before) & np.isfinite(after)
    lost = 1.0 - known.sum() / max(int(np.isfinite(before).sum()), 1)
    x, y = np.where(known, before, 0.0), np.where(known, after, 0.0)
    total = float(np.abs(x).sum())
    ratio = float(y.sum()) / max(total, 1e-9)
    if total <= 0 or not 0.25 <= ratio <= 4.0:
        return 1.0
    x = x * ratio
    a, b = x.reshape(days, -1), y.reshape(days, -1)
    grid = np.linspace(0, 1, 51)
    pairs = [
        (a.mean(axis=0), b.mean(axis=0)),
        (np.quantile(x[known], grid), np.quantile(y[known], grid)),
        (np.quantile(a.sum(axis=1), grid), np.quantile(b.sum(axis=1), grid)),
    ]
    odd = [float(np.abs(p - q).sum() / max(np.abs(p).sum(), 1e-9)) for p, q in pairs]
    rough = [float(np.abs(np.diff(v)).sum()) for v in (x, y)]
    odd.append(abs(rough[1] - rough[0]) / max(rough[0], 1e-9))
    return float(max(*odd, lost))


def _day_spread(daily: NDArray[np.float64]) -> float:
    """Relative spread of daily sums from one day to the next (seasons left out), at least 5 %."""
    if len(daily) < 3:
        return 0.3
    step = np.median(np.abs(np.diff(daily))) / 0.954  # median |difference| of two normal draws
    return float(max(0.05, step / max(float(np.median(daily)), 1e-9)))
