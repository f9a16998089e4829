"""Feeder balances: what the transformer counted minus what its customers' meters counted.

The residual of a feeder is energy that left the transformer and reached no meter: technical losses,
unmetered lamps, theft, faults. It is held in kWh per slot on the coarser of the two grids and on the
days that both cover. A meter's missing slot is bounded by its usual energy at that time of day; where
the meters missing at once usually take more than ``MOST_MISSING`` of the feeder the slot is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadprofile.profiles import LoadProfiles

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

MOST_MISSING = 0.15
"""Share of the feeder's energy that may be usual values of missing meters."""

MOST_OF_FEEDER = 1.2
"""A reading this many times the feeder's total is false, not use: it is taken as missing."""

LIVELY = 0.2
"""Days with less than this share of a meter's busy days (their upper quartile) do not make its usual day."""

LEAST_OF_DAY = 0.6
"""A day's mean is known when this share of its slots is."""

WEEK = 7


@dataclass(frozen=True, eq=False, slots=True)
class Grid:
    """The slots that meters and feeder totals have in common.

    Attributes:
        first: offset of its first day in the meters' days; ``days`` of them follow.
        days: number of days.
        slots: slots per day of the coarser grid.
        join: meters' slots per slot.
        weekend: ``(d,)`` bool.
        totals: feeder id -> ``(d, s)`` float64 kWh, NaN = no reading.
    """

    first: int
    days: int
    slots: int
    join: int
    weekend: Mask
    totals: Mapping[str, Array]

    def of(self, profiles: LoadProfiles, rows: NDArray[np.intp]) -> Array:
        """``(m, d, s)`` float64 readings of some meters on this grid."""
        part = profiles.kwh[rows, self.first : self.first + self.days].astype(np.float64)
        return joined(part, self.join)


def joined(kwh: Array, join: int) -> Array:
    """Sums of ``join`` slots each along the last axis; missing where any part is."""
    *front, slots = kwh.shape
    return kwh if join == 1 else kwh.reshape(*front, slots // join, join).sum(axis=-1)


def common_grid(profiles: LoadProfiles, feeders: LoadProfiles) -> Grid | None:
    """The grid of both; None where no day is in common."""
    low = max(profiles.days[0], feeders.days[0])
    high = min(profiles.days[-1], feeders.days[-1])
    days = int((high - low).astype(np.int64)) + 1
    if days < 1 or len(feeders) == 0:
        return None
    step = max(profiles.step_minutes, feeders.step_minutes)
    first = int((low - profiles.days[0]).astype(np.int64))
    start = int((low - feeders.days[0]).astype(np.int64))
    totals = joined(feeders.kwh[:, start : start + days].astype(np.float64), step // feeders.step_minutes)
    weekend = (profiles.days[first : first + days].astype(np.int64) + 3) % 7 >= 5
    return Grid(
        first, days, 1440 // step, step // profiles.step_minutes, weekend,
        dict(zip(feeders.meter_ids.tolist(), totals, strict=True)),
    )  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class Balance:
    """One feeder's residual.

    Attributes:
        x: ``(m, d, s)`` kWh of its meters, usual values in their missing slots.
        usual: ``(m, d, s)`` usual kWh at that time on that kind of day.
        missing: ``(m, d, s)`` bool.
        metered: ``(d, s)`` sum of ``x``.
        residual: ``(d, s)`` total minus ``metered``; 0 where not usable.
        usable: ``(d, s)`` bool.
        impossible: ``(m,)`` share of each meter's readings that exceed the whole feeder's total.
    """

    x: Array
    usual: Array
    missing: Mask
    metered: Array
    residual: Array
    usable: Mask
    impossible: Array


def balance(x: Array, total: Array, weekend: Mask) -> Balance:
    """The residual of one feeder.

    Args:
        x: ``(m, d, s)`` readings of its meters in kWh, NaN = missing; none without any reading.
        total: ``(d, s)`` what the transformer counted.
        weekend: ``(d,)``.
    """
    known = np.isfinite(x)
    ordinary = float(np.nanmedian(total)) if np.isfinite(total).any() else 0.0
    most = MOST_OF_FEEDER * np.fmax(total, 0.5 * ordinary) if ordinary > 0 else np.full(total.shape, np.inf)
    with np.errstate(invalid="ignore"):
        false = x > most
    missing = ~known | false
    impossible = false.sum(axis=(1, 2)) / np.maximum(known.sum(axis=(1, 2)), 1)
    usual = _usual(x, missing, weekend)
    filled = np.where(missing, usual, x)
    metered = filled.sum(axis=0)
    bounded = np.where(missing, usual, 0.0).sum(axis=0)
    usable = np.isfinite(total) & (bounded <= MOST_MISSING * np.maximum(metered, 1e-12))
    residual = np.where(usable, total - metered, 0.0)
    return Balance(filled, usual, missing, metered, residual, usable, impossible)


def _usual(x: Array, missing: Mask, weekend: Mask) -> Array:
    """``(m, d, s)`` mean of the known readings of that slot on weekdays or weekends (else on all days).

    Days on which the meter all but stands still are left out: they may be what is to be explained.
    """
    by_day = np.where(missing, 0.0, x).sum(axis=2) / np.maximum((~missing).mean(axis=2), 1e-9)
    busy = np.quantile(np.where(missing.all(axis=2), 0.0, by_day), 0.75, axis=1)
    best = by_day.max(axis=1)
    busy = np.where(busy > 0.1 * best, busy, best)
    seen = ~missing & (by_day >= LIVELY * busy[:, None])[:, :, None]
    known = np.where(seen, x, 0.0)
    overall = known.sum(axis=(1, 2)) / np.maximum(seen.sum(axis=(1, 2)), 1)
    count = seen.sum(axis=1)
    slot = np.where(count > 0, known.sum(axis=1) / np.maximum(count, 1), overall[:, None])
    out = np.empty_like(x)
    for kind in (False, True):
        days = weekend == kind
        count = seen[:, days].sum(axis=1)
        # two days' worth of the overall slot mean steadies kinds of day that are seen little
        mean = (known[:, days].sum(axis=1) + 2 * slot) / (count + 2)
        out[:, days] = mean[:, None]
    return out


def demeaned(z: Array, usable: Mask) -> Array:
    """``z`` ``(..., d, s)`` without its mean at each time of day and in each week; 0 where not usable.

    What is left is what happened within a week beyond the daily course: constant lamps, seasons and what
    others began weeks ago are gone from it.
    """
    w = usable.astype(np.float64)
    out = z * w
    days = z.shape[-2]
    starts = np.arange(0, days, WEEK)
    if days % WEEK and len(starts) > 1:
        starts = starts[:-1]  # a last part of a week joins the one before
    week = np.searchsorted(starts, np.arange(days), side="right") - 1
    in_slot = np.maximum(w.sum(axis=0), 1.0)
    in_week = np.maximum(np.add.reduceat(w.sum(axis=1), starts), 1.0)
    for _ in range(2):
        out = (out - (out.sum(axis=-2) / in_slot)[..., None, :]) * w
        mean = np.add.reduceat(out.sum(axis=-1), starts, axis=-1) / in_week
        out = (out - mean[..., week, None]) * w
    return np.asarray(out)


def daily(z: Array, usable: Mask) -> Array:
    """``(d,)`` daily sums, kWh: mean over the usable slots with the daily course of all days evened out."""
    w = usable.astype(np.float64)
    count = w.sum(axis=0)
    course = (z * w).sum(axis=0) / np.maximum(count, 1.0)
    seen = w.sum(axis=1)
    middle = float((z * w).sum() / max(w.sum(), 1.0))
    level = ((z - course) * w).sum(axis=1) / np.maximum(seen, 1.0) + middle
    return np.where(seen >= LEAST_OF_DAY * z.shape[1], level * z.shape[1], np.nan)
