"""What export and reactive energy say beside the import: generation, wiring, and loads that went unmetered.

A meter's export and reactive readings are put on the grid of its import first (``on_grid``): finer intervals
are summed, longer ones are left out. "Before" and "after" are the two sides of the meter's change.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from loadprofile.features.weather import sides
from loadprofile.profiles import LoadProfiles

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

EXPORT_NAMES = (
    "context.export_share", "context.export_night_share", "context.export_began", "context.export_covers",
    "context.export_like_import", "context.export_with_import", "context.export_for_negative", "when.export",
)  # fmt: skip
"""``export_share``: energy sent out / energy taken, at most 10. ``export_night_share``: share of it sent
between 22 and 4 h. ``export_began``: days from the change to the first day of lasting export, -60..60.
``export_covers``: share of the fall in use in the hours of the day in or next to which energy is sent out.
``export_like_import``: correlation over the hours of the day of the energy sent out after the change with
that taken before. ``export_with_import``: share of the slots of strong export in which more than the mean is
taken as well. ``export_for_negative``: share of the slots with negative import in which export counts.
``when.export``: first day of lasting export; before and after are the sides of it where there is one."""

REACTIVE_NAMES = (
    "context.power_factor", "context.power_factor_change", "context.reactive_log_ratio",
    "context.reactive_kept", "context.reactive_excess", "context.reactive_alone",
)  # fmt: skip
"""``power_factor``: active over apparent energy. ``power_factor_change``: of the sums after, less before.
``reactive_log_ratio``: log ratio of reactive energy after and before. ``reactive_kept``: 1 where it stayed
while the active energy moved, 0 where it moved alike (-2..3). ``reactive_excess``: log of reactive energy
after over what the meter drew at the same active energy before. ``reactive_alone``: share of the slots with
no active energy at all in which reactive energy flows as usual."""

TRACE = 0.02
"""Export below this share of the mean daily import is the counting error of a meter without generation."""

LEAST_DAYS = 5
LASTING, STRAY = 0.3, 0.05
"""Export has begun where at most ``STRAY`` of the days before and ``LASTING`` of those since have some."""

BINS = 8


def on_grid(profiles: LoadProfiles, cubes: Sequence[LoadProfiles]) -> NDArray[np.float32]:
    """``(n, d, s)`` a channel on the grid of ``profiles``; NaN where it is unknown.

    Cubes of finer intervals are summed (unknown where any part is), of longer ones left out.
    """
    n, d, s = profiles.kwh.shape
    out = np.full((n, d, s), np.nan, dtype=np.float32)
    place = {meter: row for row, meter in enumerate(profiles.meter_ids.tolist())}
    for cube in cubes:
        pairs = [(place[m], k) for k, m in enumerate(cube.meter_ids.tolist()) if m in place]
        if not pairs or profiles.step_minutes % cube.step_minutes:
            continue
        first = int((profiles.days[0] - cube.days[0]).astype(np.int64))
        theirs = np.arange(max(first, 0), min(first + d, len(cube.days)))
        if not len(theirs):
            continue
        rows, at = (np.array(side) for side in zip(*pairs, strict=True))
        values = cube.kwh[at][:, theirs].reshape(len(at), len(theirs), s, -1)
        skipped = ~cube.exists[theirs].reshape(len(theirs), s, -1)
        values = np.where(skipped[None], np.float32(0), values).sum(axis=3)
        values[:, skipped.all(axis=2)] = np.nan
        out[np.ix_(rows, theirs - first)] = values
    return out


def longer_than(meter_ids: NDArray[np.str_], step_minutes: int, cubes: Sequence[LoadProfiles]) -> int:
    """How many of the meters have a channel whose intervals are no whole part of theirs."""
    ids = set(meter_ids.tolist())
    return sum(len(ids & set(cube.meter_ids.tolist())) for cube in cubes if step_minutes % cube.step_minutes)


def export_features(
    profiles: LoadProfiles, export: NDArray[np.float32], onset: Floats, end: Floats
) -> Floats:
    """``(n, len(EXPORT_NAMES))``; ``onset`` and ``end`` of the change in days since the first, NaN = none."""
    n, d, s = profiles.kwh.shape
    hour = np.arange(s) * 24.0 / s
    night = (hour >= 22) | (hour < 4)
    out = np.full((n, len(EXPORT_NAMES)), np.nan)
    for row in range(n):
        taken, sent = profiles.kwh[row].astype(np.float64), export[row].astype(np.float64)
        known: Mask = np.isfinite(taken) & np.isfinite(sent)
        if known.sum() < LEAST_DAYS * s:
            continue
        total, given = np.maximum(taken[known], 0).sum(), sent[known].sum()
        out[row, 0] = min(given / max(total, 1e-9), 10.0)
        below = known & (taken < 0)
        if below.any():
            out[row, 6] = (sent[below] > 0).mean()
        if given <= 0:
            continue
        strong: Mask = known & (sent > given / (known & (sent > 0)).sum())
        if out[row, 0] > TRACE:
            out[row, 1] = sent[known & night].sum() / given
            if strong.any():
                out[row, 5] = (taken[strong] > total / known.sum()).mean()
        began = _lasting_since(sent, known, total / known.sum() * s)
        out[row, 7] = began
        out[row, 2] = np.clip(began - onset[row], -60, 60)
        when = began if np.isfinite(began) else onset[row]
        if not np.isfinite(when):
            continue
        until = d if np.isfinite(began) or not np.isfinite(end[row]) else end[row]
        (after,), (whole,) = sides(d, np.array([when]), np.array([until]))
        old: Mask = known & (whole & ~after)[:, None]
        new: Mask = known & (whole & after)[:, None]
        if old.sum() < LEAST_DAYS * s or new.sum() < LEAST_DAYS * s:
            continue
        was, now, out_now = _clock(taken, old), _clock(taken, new), _clock(sent, new)
        fall = was - now
        if fall.sum() > 0.03 * was.sum():
            hours = _around(out_now > 0.02 * out_now.max(), max(s // 24, 1))
            out[row, 3] = np.clip(fall[hours].sum() / fall.sum(), -2, 3) if out_now.max() > 0 else 0.0
        if np.ptp(was) > 0 and np.ptp(out_now) > 0:
            out[row, 4] = np.corrcoef(was, out_now)[0, 1]
    return out


def _lasting_since(sent: Floats, known: Mask, usual: float) -> float:
    """First day of lasting export after days without; NaN where there is none or it was there all along."""
    daily = np.where(known, sent, 0.0).sum(axis=1)
    there = np.flatnonzero(known.any(axis=1))
    active = daily[there] > TRACE * max(usual, 1e-9)
    for at in range(LEAST_DAYS, len(there)):
        if active[at] and active[:at].mean() <= STRAY and active[at:].mean() >= LASTING:
            return float(there[at])
    return np.nan


def _around(slots: Mask, reach: int) -> Mask:
    """The slots and as many before and after: there generation takes from the load without leaving any."""
    out = slots.copy()
    for shift in range(1, reach + 1):
        out |= np.roll(slots, shift) | np.roll(slots, -shift)
    return out


def _clock(values: Floats, which: Mask) -> Floats:
    """Mean of each slot of the day over the chosen cells, 0 where there is none."""
    count = which.sum(axis=0)
    return np.asarray(np.where(which, values, 0.0).sum(axis=0) / np.maximum(count, 1))


def reactive_features(
    profiles: LoadProfiles, reactive: NDArray[np.float32], onset: Floats, end: Floats
) -> Floats:
    """``(n, len(REACTIVE_NAMES))``; arguments as of ``export_features``."""
    n, d, s = profiles.kwh.shape
    after, whole = sides(d, onset, end)
    out = np.full((n, len(REACTIVE_NAMES)), np.nan)
    for row in range(n):
        active, swung = profiles.kwh[row].astype(np.float64), reactive[row].astype(np.float64)
        known: Mask = np.isfinite(active) & np.isfinite(swung)
        if known.sum() < LEAST_DAYS * s:
            continue
        out[row, 0] = _power_factor(active[known], swung[known])
        idle = known & (active == 0)
        out[row, 5] = (idle & (swung > 0.3 * swung[known].mean()) & (swung > 0)).sum() / known.sum()
        old: Mask = known & (whole[row] & ~after[row])[:, None]
        new: Mask = known & (whole[row] & after[row])[:, None]
        if not np.isfinite(onset[row]) or min(old.sum(), new.sum()) < LEAST_DAYS * s:
            continue
        out[row, 1] = _power_factor(active[new], swung[new]) - _power_factor(active[old], swung[old])
        was, now = swung[old].mean(), swung[new].mean()
        if was <= 0:
            continue
        out[row, 2] = np.clip(np.log(max(now, 1e-3 * was) / was), -7, 7)
        p_was, p_now = active[old].mean(), active[new].mean()
        moved = np.log(max(p_now, 1e-3 * p_was) / p_was) if p_was > 0 else 0.0
        if abs(moved) > 0.05:
            out[row, 3] = np.clip(1.0 - out[row, 2] / moved, -2, 3)
        expected = _at_like_load(active[old], swung[old], active[new]).mean()
        if expected > 0:
            out[row, 4] = np.clip(np.log(max(now, 1e-3 * expected) / expected), -7, 7)
    return out


def _power_factor(active: Floats, reactive: Floats) -> float:
    p, q = float(np.maximum(active, 0).sum()), float(reactive.sum())
    return p / np.hypot(p, q) if p + q > 0 else np.nan


def _at_like_load(active: Floats, reactive: Floats, now: Floats) -> Floats:
    """Mean reactive energy that was drawn at the active energies ``now``, by eighths of what was drawn."""
    edges = np.unique(np.quantile(active, np.linspace(0, 1, BINS + 1)[1:-1]))
    was, at = np.searchsorted(edges, active, side="right"), np.searchsorted(edges, now, side="right")
    count = np.bincount(was, minlength=len(edges) + 1)
    total = np.bincount(was, weights=reactive, minlength=len(edges) + 1)
    means = np.where(count > 0, total / np.maximum(count, 1), reactive.mean())
    return np.asarray(means[at])
