"""Theft functions exactly as published, on arrays of days ``(..., n)``: n slots of one day.

Leading axes are days (and meters); every day draws its own parameters. Where a function needs the
day before, the axis before the last is the axis of days, and its first day is returned unaltered.
Means are taken of the day as it was, before anything is altered: a well-known public implementation
altered the day while it read the mean.

Jokar, Arianpoo, Leung 2016 (IEEE Trans. Smart Grid 7): ``h1`` .. ``h6``.
Hu 2019, Shi 2023, MFFTD 2025 (IEEE TIM): ``fdi1`` .. ``fdi6``.
Altamimi 2025: ``capped``, ``ramped``, ``peak_spread``, ``small_consumer``, ``on_off``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.float64]


def _each_day(x: Days, low: float, high: float, rng: np.random.Generator) -> Days:
    return rng.uniform(low, high, size=(*x.shape[:-1], 1))


def _each_slot(x: Days, low: float, high: float, rng: np.random.Generator) -> Days:
    return rng.uniform(low, high, size=x.shape)


def _mean(x: Days) -> Days:
    known = np.isfinite(x)
    count = known.sum(axis=-1, keepdims=True)
    total = np.where(known, x, 0.0).sum(axis=-1, keepdims=True)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _largest(x: Days) -> Days:
    known = np.isfinite(x)
    top = np.where(known, x, -np.inf).max(axis=-1, keepdims=True)
    return np.where(np.isfinite(top), top, np.nan)


def _keeping_gaps(y: Days, x: Days) -> Days:
    return np.where(np.isfinite(x), y, np.nan)


def _zero_window(x: Days, shortest: int, longest: int, rng: np.random.Generator) -> Days:
    n = x.shape[-1]
    lead = (*x.shape[:-1], 1)
    duration = rng.integers(shortest, longest + 1, size=lead)
    begin = np.floor(rng.random(lead) * (n - duration + 1)).astype(np.int64)
    slot = np.arange(n)
    inside = (slot >= begin) & (slot < begin + duration)
    return _keeping_gaps(np.where(inside, 0.0, x), x)


def h1(x: Days, rng: np.random.Generator) -> Days:
    """Jokar h1: ``alpha x``, one alpha ~ U(0.1, 0.8) for the day."""
    return _each_day(x, 0.1, 0.8, rng) * x


def h2(x: Days, rng: np.random.Generator) -> Days:
    """Jokar h2: zero in one window of at least 4 hours, else ``x``."""
    n = x.shape[-1]
    return _zero_window(x, max(1, n // 6), n, rng)


def h3(x: Days, rng: np.random.Generator) -> Days:
    """Jokar h3: ``gamma_t x_t``, gamma_t ~ U(0.1, 0.8) anew in every slot."""
    return _each_slot(x, 0.1, 0.8, rng) * x


def h4(x: Days, rng: np.random.Generator) -> Days:
    """Jokar h4: ``gamma_t mean(x)``, gamma_t ~ U(0.1, 0.8)."""
    return _keeping_gaps(_each_slot(x, 0.1, 0.8, rng) * _mean(x), x)


def h5(x: Days, rng: np.random.Generator) -> Days:  # noqa: ARG001 - one signature for all
    """Jokar h5: ``mean(x)`` in every slot; the day's energy is kept."""
    return _keeping_gaps(np.broadcast_to(_mean(x), x.shape), x)


def h6(x: Days, rng: np.random.Generator) -> Days:  # noqa: ARG001 - one signature for all
    """Jokar h6: the day reversed in time; the day's energy is kept. Gaps are reversed with it."""
    return x[..., ::-1].copy()


def fdi1(x: Days, rng: np.random.Generator) -> Days:
    """FDI1: ``alpha_t x_t``, alpha_t ~ U(0.2, 0.8) anew in every slot."""
    return _each_slot(x, 0.2, 0.8, rng) * x


def fdi2(x: Days, rng: np.random.Generator) -> Days:
    """FDI2: ``max(x - gamma, 0)``; gamma, free in the papers, is U(0, 1) times the day's largest value."""
    return _keeping_gaps(np.maximum(x - rng.uniform(0, 1, (*x.shape[:-1], 1)) * _largest(x), 0.0), x)


def fdi3(x: Days, rng: np.random.Generator) -> Days:
    """FDI3: ``min(x, gamma)``, gamma drawn as in ``fdi2``."""
    return _keeping_gaps(np.minimum(x, rng.uniform(0, 1, (*x.shape[:-1], 1)) * _largest(x)), x)


def fdi4(x: Days, rng: np.random.Generator) -> Days:
    """FDI4: zero in one window a day, its length U(0.2, 0.8) of the day."""
    n = x.shape[-1]
    return _zero_window(x, int(np.ceil(0.2 * n)), int(0.8 * n), rng)


def fdi5(x: Days, rng: np.random.Generator) -> Days:
    """FDI5: ``alpha_t`` times the mean of the day before, alpha_t ~ U(0.2, 0.8)."""
    y = x.copy()
    y[..., 1:, :] = (_each_slot(x, 0.2, 0.8, rng)[..., 1:, :]) * _mean(x)[..., :-1, :]
    # a day after a day without readings stays as it was, like the first
    return _keeping_gaps(np.where(np.isfinite(y), y, x), x)


def fdi6(x: Days, rng: np.random.Generator) -> Days:  # noqa: ARG001 - one signature for all
    """FDI6: the day before, reversed in time (its gaps come along)."""
    y = x.copy()
    y[..., 1:, :] = x[..., :-1, ::-1]
    return y


def capped(x: Days, rng: np.random.Generator) -> Days:  # noqa: ARG001 - one signature for all
    """Altamimi: cap at 0.6 of the day's largest value."""
    return _keeping_gaps(np.minimum(x, 0.6 * _largest(x)), x)


def ramped(x: Days, rng: np.random.Generator) -> Days:
    """Altamimi: the stolen share grows linearly over the days up to ``i_max`` ~ U(0.3, 1).

    The axis before the last is the axis of days; one ``i_max`` for each series of days.
    """
    top = rng.uniform(0.3, 1.0, size=(*x.shape[:-2], 1, 1))
    return (1.0 - top * np.linspace(0.0, 1.0, x.shape[-2])[:, None]) * x


def peak_spread(x: Days, rng: np.random.Generator) -> Days:  # noqa: ARG001 - one signature for all
    """Altamimi: 30 % of the peak slots' energy spread evenly over the rest; the day's energy is kept.

    The paper leaves the width of the peak open: here the slots above 0.7 of the day's largest value.
    """
    peak = x >= 0.7 * _largest(x)
    rest = np.isfinite(x) & ~peak
    moved = np.where(peak, 0.3 * x, 0.0)
    count = rest.sum(axis=-1, keepdims=True)
    moved = np.where(count > 0, moved, 0.0)
    share = moved.sum(axis=-1, keepdims=True) / np.maximum(count, 1)
    return _keeping_gaps(np.where(rest, x + share, x - moved), x)


def small_consumer(x: Days, small: Days) -> Days:
    """Altamimi: another, smaller consumer's readings in place of one's own."""
    return np.broadcast_to(small, x.shape).copy()


def on_off(x: Days, rng: np.random.Generator) -> Days:
    """Altamimi: the meter is switched off in random slots (each day with its own share ~ U(0.1, 0.8))."""
    return _keeping_gaps(np.where(rng.random(x.shape) < _each_day(x, 0.1, 0.8, rng), 0.0, x), x)
