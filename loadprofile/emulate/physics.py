"""Registers, pulses, phases, clocks and quiet hours: the physics that several phenomena share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Energies = NDArray[np.float64]

PULSES = (
    10.0,
    5.0,
    2.0,
    1.0,
    0.5,
    0.25,
    0.2,
    0.1,
    0.05,
    0.025,
    0.02,
    0.0125,
    0.01,
    0.005,
    0.0025,
    0.002,
    0.00125,
    0.001,
)
"""Pulse energies of common registers in kWh, coarse to fine (whole kWh: behind current transformers)."""


def own_pulse(kwh: Energies) -> float:
    """Energy of one pulse of the register behind these readings, in kWh; 0 if they lie on no grid.

    The coarsest of ``PULSES`` on which 99 % of the (non-zero, at most 4,096 evenly chosen) readings
    lie within the rounding of float32.
    """
    values = np.abs(kwh[np.isfinite(kwh) & (kwh != 0)])
    if len(values) < 10:
        return 0.0
    values = values[:: max(1, len(values) // 4096)]
    for pulse in PULSES:
        counts = values / pulse
        tolerance = 1e-4 + np.minimum(2e-7 * counts, 0.05)
        if float(np.mean(np.abs(counts - np.rint(counts)) <= tolerance)) >= 0.99:
            return pulse
    return 0.0


def register(kwh: Energies, pulse: float) -> Energies:
    """Interval energies of a register that counts whole pulses: what is left over waits for the next slot.

    The sum over any span is kept to within one pulse. Missing slots stay missing and the energy in
    them is not carried over. ``pulse`` 0 returns the energies as they are.
    """
    if pulse <= 0:
        return kwh
    known = np.isfinite(kwh)
    per_kwh = 1.0 / pulse
    # exact inverses (1000 pulses per kWh) give the same float32 as a parsed decimal
    per_kwh = round(per_kwh) if abs(per_kwh - round(per_kwh)) < 1e-9 else per_kwh
    counted = np.floor(np.cumsum(np.where(known, kwh, 0.0), axis=-1) * per_kwh + 1e-4)
    out = np.diff(counted, axis=-1, prepend=0.0) / per_kwh
    return np.asarray(np.where(known, out, np.nan))


def quiet_hours(kwh: Energies, per_day: int, length: int, rng: np.random.Generator) -> Energies:
    """``length`` slots of the home's own standby and fridge cycles.

    Joins stretches of three hours drawn from the quietest eighth of the meter's own such stretches, so
    cycles, grid and noise stay the meter's own.
    """
    block = max(1, per_day // 8)
    blocks = kwh[: len(kwh) // block * block].reshape(-1, block)
    blocks = blocks[np.isfinite(blocks).all(axis=1)]
    lively = blocks[blocks.sum(axis=1) > 0]
    blocks = lively if len(lively) >= 8 else blocks
    if not len(blocks):
        return np.zeros(length)
    order = np.argsort(blocks.sum(axis=1), kind="stable")[: max(1, len(blocks) // 8)]
    chosen = rng.choice(order, size=length // block + 1)
    return np.asarray(blocks[chosen].reshape(-1)[:length])


def standby(kwh: Energies) -> float:
    """Energy per slot that hardly ever is undercut: the meter's own 8 % quantile."""
    known = kwh[np.isfinite(kwh)]
    return float(np.quantile(known, 0.08)) if len(known) else 0.0


def wander(length: int, memory: float, rng: np.random.Generator) -> Energies:
    """A stationary random walk back to zero (AR(1)) of unit spread that forgets over ``memory`` slots."""
    keep = float(np.exp(-1.0 / max(memory, 1e-3)))
    noise = rng.standard_normal(length + 64) * np.sqrt(1.0 - keep * keep)
    noise[0] = rng.standard_normal()
    return np.asarray(lfilter([1.0], [1.0, -keep], noise))[64:]


def phases_left(
    length: int, per_day: int, lost: int, imbalance: float, jitter: float, rng: np.random.Generator
) -> Energies:
    """``(length,)`` share of a three-phase supply that is still metered with ``lost`` phases dead.

    Each phase carries a third, times a lasting imbalance (log-normal, spread ``imbalance``) and a
    slot-to-slot one (spread ``jitter``, an hour or two of memory) as single-phase appliances run.
    """
    lasting = imbalance * rng.standard_normal(3)
    moving = jitter * np.stack([wander(length, per_day / 16, rng) for _ in range(3)])
    weight = np.exp(lasting[:, None] + moving)
    return np.asarray(weight[lost:].sum(axis=0) / weight.sum(axis=0))


def reclocked(kwh: Energies, ahead: Energies) -> Energies:
    """Readings of a meter whose clock is ``ahead`` slots fast (float, per slot edge, ``length + 1``).

    The register at each wrong instant is read off the true cumulated energy, linearly within a slot, so
    energy is moved between slots and never made. A slot that touches a missing one is missing.
    """
    length = len(kwh)
    known = np.isfinite(kwh)
    total = np.concatenate([[0.0], np.cumsum(np.where(known, kwh, 0.0))])
    holes = np.concatenate([[0.0], np.cumsum(~known)])
    edges = np.clip(np.arange(length + 1) - ahead, 0.0, length)
    moved = np.diff(np.interp(edges, np.arange(length + 1), total))
    touched = np.diff(np.interp(edges, np.arange(length + 1), holes)) > 1e-6
    return np.where(touched, np.nan, moved)


def deposit(start: Energies, minutes: Energies, kw: Energies, length: int, step_minutes: int) -> Energies:
    """``(length,)`` kWh per slot of appliances on from ``start`` (minutes) for ``minutes`` at ``kw``."""
    out = np.zeros(length)
    if not len(start):
        return out
    end = start + minutes
    first = np.floor(start / step_minutes).astype(np.int64)
    for ahead in range(int(np.ceil(float(minutes.max()) / step_minutes)) + 1):
        slot = first + ahead
        inside = np.minimum(end, (slot + 1.0) * step_minutes) - np.maximum(start, slot * float(step_minutes))
        use = (inside > 0) & (slot >= 0) & (slot < length)
        out += np.bincount(slot[use], weights=(kw * inside / 60.0)[use], minlength=length)[:length]
    return out
