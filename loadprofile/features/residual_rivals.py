"""Which meters' changes a feeder's residual needs, when several changed at about the same time.

On the first warm day many customers use less; one thief among them is told apart by date, size and hours:
what a thief's meter stopped showing appears in the residual on the same days, in the same hours and in
full. Suspects compete by matching pursuit (Mallat & Zhang 1993): the one whose shortfall lowers the
residual most is taken out with it, and the others must live on what is left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from loadprofile.features.residual_steps import LEAST, Step

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

BLOCKS = 8
"""Parts of the day in which shortfall and residual are compared."""

MOST_SUSPECTS = 16
MOST_TAKEN = 4
FULL = (0.4, 1.6)
"""Share of a shortfall that may be found in the residual: about all of it, losses and guesses allowed for."""


def in_blocks(z: Array) -> Array:
    """``(..., d, s)`` kWh per slot -> ``(..., d, 8)`` kWh per part of the day."""
    *front, slots = z.shape
    return np.asarray(z.reshape(*front, BLOCKS, slots // BLOCKS).sum(axis=-1))


def rivals(
    x: Array,
    residual: Array,
    known: Mask,
    suspects: Array,
    steps: tuple[Step, ...],
    onset: Array,
    end: Array,
    floor: float,
) -> tuple[Array, Array]:
    """How much of the residual's course each suspect's shortfall explains that no better suspect does.

    Args:
        x: ``(m, d, 8)`` kWh of each meter, usual values where missing.
        residual: ``(d, 8)`` beyond losses.
        known: ``(d,)`` days that count.
        suspects: ``(m,)`` how suspicious each is by itself (0 = not); the ``MOST_SUSPECTS`` first compete.
        steps: the feeder's own.
        onset: ``(m,)`` of each meter's own change in days; NaN = none.
        end: ``(m,)`` of its end.
        floor: least error of one block, kWh.

    Returns:
        ``(m,)`` the share of the shortfall found (0 = none, else in ``FULL``), and the z of what it explains;
        NaN for meters that did not compete.
    """
    m = len(x)
    share, z = np.full(m, np.nan), np.full(m, np.nan)
    rows = np.argsort(-suspects, kind="stable")[:MOST_SUSPECTS]
    rows = rows[suspects[rows] > 1.0]
    if not len(rows) or known.sum() < 2 * LEAST:
        return share, z
    spans = [(s.onset, s.end) for s in steps if np.isfinite(s.onset)]
    metered = x.sum(axis=0)
    weight = _weights(residual, known, floor)
    columns: list[Array] = []
    owner: list[int] = []
    for i in rows.tolist():
        mine = [(float(onset[i]), float(end[i]))] if np.isfinite(onset[i]) else []
        for first, last in [*spans, *mine]:
            shapes = _shapes(x[i], metered, known, first, last)
            columns += [_centred(shape, known) * weight for shape in shapes]
            owner += [i] * len(shapes)
    if not columns:
        return share, z
    table, of = np.stack(columns).reshape(len(columns), -1), np.array(owner)
    target = (_centred(residual, known) * weight).reshape(-1)
    size = np.maximum((table**2).sum(axis=1), 1e-12)
    share[rows], z[rows] = 0.0, 0.0
    free = np.ones(len(of), dtype=np.bool_)
    for _ in range(MOST_TAKEN):
        inner = table @ target
        found = np.where(inner > 0, np.clip(inner / size, *FULL), 0.0)
        gain = np.where(free, 2 * found * inner - found**2 * size, -np.inf)
        for i in rows.tolist():  # what is left for those who were not taken
            mine = (of == i) & free
            if mine.any():
                best = int(np.argmax(np.where(mine, gain, -np.inf)))
                share[i] = found[best] if gain[best] > 0 else 0.0
                z[i] = np.sqrt(max(float(gain[best]), 0.0))
        best = int(np.argmax(gain))
        if gain[best] <= 0:
            break
        target = target - found[best] * table[best]
        free &= of != of[best]
        if not free.any():
            break
    return share, np.minimum(z, 1e3)


def _weights(residual: Array, known: Mask, floor: float) -> Array:
    """``(8,)`` one over the robust spread of the residual in each part of the day."""
    steps = np.abs(np.diff(residual[known], axis=0))
    spread = 1.4826 * np.median(steps, axis=0) / np.sqrt(2.0)
    return np.asarray(1.0 / np.maximum(spread, max(floor, 1e-9)))


def _centred(z: Array, known: Mask) -> Array:
    mean = z[known].mean(axis=0)
    return np.where(known[:, None], z - mean, 0.0)


def _shapes(x: Array, metered: Array, known: Mask, first: float, last: float) -> list[Array]:
    """``(d, 8)`` each: what a meter may have used unseen inside its change (or outside, if it rose).

    The same every day; its usual day less what it showed; in proportion to what it showed.
    """
    day = np.arange(len(x))
    inside = (day >= np.floor(first)) & (day < (np.ceil(last) if np.isfinite(last) else len(x)))
    if (known & inside).sum() < LEAST or (known & ~inside).sum() < LEAST:
        return []
    rest = np.maximum(metered - x, 1e-9).sum(axis=1, keepdims=True)
    movement = np.clip(rest / rest[known].mean(), 0.6, 1.6)  # season and weather, from the others
    relative = x / movement
    within, outside = relative[known & inside].mean(axis=0), relative[known & ~inside].mean(axis=0)
    where = inside if within.sum() < outside.sum() else ~inside
    high, low = (outside, within) if within.sum() < outside.sum() else (within, outside)
    fall = np.maximum(high - low, 0.0)
    total = float(fall.sum())
    if total <= 0.02 * float(high.sum()):
        return []
    part = np.where(where, 1.0, 0.0)[:, None]
    out = [fall * part, (high * movement - x) * part]
    if low.sum() > 0.05 * high.sum():
        out.append(x * (total / float(low.sum())) * part)
    return out
