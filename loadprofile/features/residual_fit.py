"""Whose energy is in a feeder's residual: regression on the profiles of its own meters.

Energy that goes round one meter follows that customer's life, so the residual follows that meter's
readings within the week: ``residual ~ loss * everybody + a * x``. An honest meter has ``a = 0``, one that
counts a share ``k`` of its energy has ``a = 1 / k - 1``, and one whose load is not on this feeder at all
has ``a = -1``. More traces stand beside it, for theft that is not proportional: residual while the meter
reads far less than usual, while it reads zero, and while it reads its own maximum (a cap). All meters of the
feeder are fitted at once; errors are clustered by day (Liang & Zeger 1986), so that a noisy day counts
as one observation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadprofile.features.feeders import WEEK, Balance, demeaned

Array = NDArray[np.float64]

TRACES = ("x", "low", "zero", "top", "gap")
RIDGE = 1e-4
MOST_LOSS = 0.15
CHUNK = 64
LEAST_SLOTS = 4
"""Slots for each meter of the feeder below which too little is known to tell them apart."""
LOW = 0.35
TOP = 0.97


@dataclass(frozen=True, eq=False, slots=True)
class Fit:
    """What the residual of one feeder says of each of its meters.

    Attributes:
        loss: technical loss of one more kWh, the weighted median of all meters' coefficients.
        squared: loss beyond that which grows with the square of the load, kWh per kWh².
        coefficient: ``(m, 5)`` for ``TRACES``, beyond the loss: unmetered kWh per metered kWh, per kWh
            below usual, per usual kWh of a slot that reads zero (1 = used all the same), per kWh read at
            the own maximum, and per usual kWh of a missing slot (0 = used as usual, -1 = nothing used);
            NaN where the trace does not occur.
        z: ``(m, 5)`` each over its clustered standard error.
    """

    loss: float
    squared: float
    coefficient: Array
    z: Array


def fit(balance: Balance, within: NDArray[np.bool_] | None = None) -> Fit | None:
    """Fit one feeder; None where there are too few slots for its number of meters.

    Args:
        balance: its residual.
        within: ``(d,)`` the days to fit; None = all.
    """
    m, days, slots = balance.x.shape
    usable = balance.usable if within is None else balance.usable & within[:, None]
    if usable.sum() < max(LEAST_SLOTS * (m + 2), 7 * slots):
        return None
    target = demeaned(balance.residual, usable).reshape(-1)
    middle = balance.metered[usable].mean()
    square = demeaned((balance.metered - middle) ** 2, usable).reshape(1, -1)
    x = demeaned(balance.x, usable).reshape(m, -1)
    columns = np.concatenate([x, square])
    size = np.sqrt((columns**2).sum(axis=1))
    size[size < 1e-9] = np.inf
    columns = columns / size[:, None]
    gram = columns @ columns.T
    gram[np.diag_indices_from(gram)] += RIDGE
    solved = np.linalg.solve(gram, columns @ target)
    left = target - solved @ columns
    weeks = -(-days // WEEK)
    spent = m + 1 + slots + weeks
    free = float(usable.sum()) / max(float(usable.sum()) - spent, 1.0)
    counted = int(usable.any(axis=1).sum())
    each = solved / size
    loss = float(
        np.clip(_weighted_median(each[:m], np.where(np.isfinite(size[:m]), size[:m], 0)), 0, MOST_LOSS)
    )
    coefficient, z = np.full((m, len(TRACES)), np.nan), np.full((m, len(TRACES)), np.nan)
    for start in range(0, m, CHUNK):
        rows = slice(start, min(start + CHUNK, m))
        shown = [demeaned(t, usable).reshape(len(t), -1) for t in _traces(balance, rows)]
        own = left + (each[rows] - loss)[:, None] * x[rows]
        coefficient[rows], t = _own_fit(np.stack(shown, axis=1), own, days)
        z[rows] = as_z(t / np.sqrt(free), counted - 1)
    return Fit(loss, float(each[m]), coefficient, z)


def _traces(balance: Balance, rows: slice) -> tuple[Array, ...]:
    x, usual, missing = balance.x[rows], balance.usual[rows], balance.missing[rows]
    lacking = usual - x
    low = np.where((x < LOW * usual) & (x != 0) & ~missing, lacking, 0.0)
    nothing = (x == 0) & ~missing
    lively = np.maximum(1.0 - nothing.mean(axis=1, keepdims=True), 0.1)  # the usual, had it not read zero
    zero = np.where(nothing, usual / lively, 0.0)
    high = np.quantile(x, 0.998, axis=(1, 2))[:, None, None]
    top = np.where((x >= TOP * high) & ~missing, x, 0.0)
    return x, low, zero, top, np.where(missing, usual, 0.0)


def _own_fit(traces: Array, own: Array, days: int) -> tuple[Array, Array]:
    """Least squares of each meter's target on its own traces, with errors clustered by day."""
    size = np.sqrt((traces**2).sum(axis=2))
    there = size > 1e-6 * np.maximum(size[:, :1], 1e-9)
    scaled = traces / np.where(there, size, 1.0)[..., None] * there[..., None]
    gram = np.einsum("mkt,mlt->mkl", scaled, scaled, optimize=True)
    at = np.arange(gram.shape[1])
    gram[:, at, at] += np.where(there, RIDGE, 1.0)
    inverse = np.linalg.inv(gram)
    solved = np.einsum("mkl,mlt,mt->mk", inverse, scaled, own, optimize=True)
    left = own - np.einsum("mk,mkt->mt", solved, scaled, optimize=True)
    m, k, t = scaled.shape
    score = (scaled * left[:, None]).reshape(m, k, days, t // days).sum(axis=3)
    spread = np.sqrt((np.einsum("mkl,mld->mkd", inverse, score, optimize=True) ** 2).sum(axis=2))
    spread *= np.sqrt(days / max(days - 1, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(there, np.clip(solved / np.maximum(spread, 1e-12), -1e3, 1e3), np.nan)
        return np.where(there, solved / size, np.nan), z


def as_z(t: Array, freedom: int) -> Array:
    """Student's t with so many degrees of freedom as a normal z of (nearly) the same tail (Wallace 1959)."""
    df = max(freedom, 1)
    out: Array = np.sign(t) * np.sqrt(df * np.log1p(t * t / df)) * (8 * df + 1) / (8 * df + 3)
    return out


def found_in(x: Array, residuals: Array, usable: NDArray[np.bool_]) -> tuple[Array, Array]:
    """How much of each foreign meter is in each feeder's residual: coefficients and z, ``(m, f)`` each.

    Args:
        x: ``(m, d, s)`` readings, usual values in missing slots.
        residuals: ``(f, d, s)``.
        usable: ``(f, d, s)``.
    """
    m, days, _ = x.shape
    coefficient, z = np.full((m, len(residuals)), np.nan), np.full((m, len(residuals)), np.nan)
    for at, (residual, mask) in enumerate(zip(residuals, usable, strict=True)):
        if not mask.any():
            continue
        target = demeaned(residual, mask)
        mine = demeaned(x, mask)
        size = (mine**2).sum(axis=(1, 2))
        slope = np.divide((mine * target).sum(axis=(1, 2)), size, out=np.zeros(m), where=size > 1e-12)
        score = (mine * (target - slope[:, None, None] * mine)).sum(axis=2)
        spread = np.sqrt((score**2).sum(axis=1)) * np.sqrt(days / max(days - 1, 1))
        coefficient[:, at] = slope
        t = np.clip(slope * size / np.maximum(spread, 1e-12), -1e3, 1e3)
        z[:, at] = as_z(t, int(mask.any(axis=1).sum()) - 1)
    return coefficient, z


def _weighted_median(values: Array, weights: Array) -> float:
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    if total[-1] <= 0:
        return 0.0
    return float(values[order[np.searchsorted(total, 0.5 * total[-1])]])
