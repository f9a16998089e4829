"""The published theft functions as phenomena: applied to whole days from an onset on, nothing rounded.

The functions themselves are in ``published``. Papers write false data straight into the readings, so no
register rounds them. Kinds are named after the paper, so that results can be given separately.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from loadprofile.emulate import published
from loadprofile.emulate.scene import Change, Phenomenon, Scene
from loadprofile.verdicts import Cause

Days = NDArray[np.float64]


def _on_days(function: Callable[[Days, np.random.Generator], Days], before: int) -> Callable[[Scene], Change]:
    def happen(scene: Scene) -> Change:
        span = scene.span(least=2, lasting=0.75, midnight=True)
        first, last = span.start // scene.per_day, -(-span.stop // scene.per_day)
        y = scene.kwh.reshape(scene.meters, len(scene.days), scene.per_day).copy()
        early = max(0, first - before)  # functions that need the day before are given it
        done = function(y[:, early:last], scene.rng)
        y[:, first:last] = done[:, first - early :]
        return Change(y.reshape(scene.meters, -1), {"days": last - first})

    return happen


def _one_alpha(low: float, high: float) -> Callable[[Days, np.random.Generator], Days]:
    def constant(x: Days, rng: np.random.Generator) -> Days:
        return rng.uniform(low, high, size=(x.shape[0], 1, 1)) * x

    return constant


def small_consumer(scene: Scene) -> Change:
    """Altamimi: the readings of a smaller consumer in place of one's own."""
    span = scene.span(least=2, lasting=0.75, midnight=True)
    left = scene.pick(0.2, 0.8)
    y = scene.kwh.copy()
    for row in range(scene.meters):
        small = left * scene.donor(row)
        y[row, span] = np.where(np.isfinite(small), small, left * y[row])[span]
    return Change(y, {"left": left})


def _kind(name: str, function: Callable[[Scene], Change], physics: str, source: str) -> Phenomenon:
    # reversing a day takes its gaps along
    moves = name in {"jokar_h6", "fdi_6"}
    return Phenomenon(
        name, function, physics, Cause.FRAUD, source, days=10, moves_gaps=moves, makes_gaps=moves, weight=0.5
    )


_JOKAR = "Jokar, Arianpoo, Leung 2016"
_FDI = "Hu 2019; Shi 2023; MFFTD 2025"
_ALTAMIMI = "Altamimi 2025"

KINDS: tuple[Phenomenon, ...] = (
    _kind("jokar_h1", _on_days(_one_alpha(0.1, 0.8), 0), "alpha x, one alpha for all days", _JOKAR),
    _kind("jokar_h2", _on_days(published.h2, 0), "zero in a window of at least 4 hours", _JOKAR),
    _kind("jokar_h3", _on_days(published.h3, 0), "gamma_t x_t", _JOKAR),
    _kind("jokar_h4", _on_days(published.h4, 0), "gamma_t times the day's mean", _JOKAR),
    _kind("jokar_h5", _on_days(published.h5, 0), "the day's mean in every slot", _JOKAR),
    _kind("jokar_h6", _on_days(published.h6, 0), "the day reversed", _JOKAR),
    _kind("fdi_1", _on_days(published.fdi1, 0), "alpha_t x_t", _FDI),
    _kind("fdi_2", _on_days(published.fdi2, 0), "max(x - gamma, 0)", _FDI),
    _kind("fdi_3", _on_days(published.fdi3, 0), "min(x, gamma)", _FDI),
    _kind("fdi_4", _on_days(published.fdi4, 0), "zero in one window a day", _FDI),
    _kind("fdi_5", _on_days(published.fdi5, 1), "alpha_t times the mean of the day before", _FDI),
    _kind("fdi_6", _on_days(published.fdi6, 1), "the day before, reversed", _FDI),
    _kind("altamimi_cap", _on_days(published.capped, 0), "cap at 0.6 of the day's maximum", _ALTAMIMI),
    _kind("altamimi_ramp", _on_days(published.ramped, 0), "stolen share grows to 0.3..1", _ALTAMIMI),
    _kind("altamimi_spread", _on_days(published.peak_spread, 0), "peak less 30 %, spread", _ALTAMIMI),
    _kind("altamimi_swap", small_consumer, "a small consumer's readings", _ALTAMIMI),
    _kind("altamimi_on_off", _on_days(published.on_off, 0), "switched off in random slots", _ALTAMIMI),
)
