"""The contest: champion and challenger on the same cases, and whether one is better beyond the noise.

What is compared is the log loss of the six odds: a strictly proper score, so that a model cannot win it by
being bold. Intervals are percentiles of 95 % over resampled meters, the same resamples for both models.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadprofile.classify.calibration import MARGIN_FLOOR
from loadprofile.evaluate.estimates import Estimate, Meters
from loadprofile.evaluate.metrics import Ranked
from loadprofile.verdicts import CAUSES, Cause

LEAST_METERS = 20
"""Cases of fewer meters do not tell who is better: resamples of so few do not show the noise."""

FIGURES = ("log loss", "right", "AUC of fraud", "average precision of fraud")
RESAMPLES = 1000

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Contest:
    """Two models on the same cases.

    Attributes:
        cases: how many.
        meters: of how many meters.
        champion, challenger: figure -> what it is, with its interval (see ``FIGURES``).
        gain: log loss of the champion less that of the challenger; above 0 = the challenger is better.
    """

    cases: int
    meters: int
    champion: Mapping[str, Estimate]
    challenger: Mapping[str, Estimate]
    gain: Estimate

    @property
    def tells(self) -> bool:
        """Whether there are enough meters to tell who is better."""
        return self.meters >= LEAST_METERS and not math.isnan(self.gain.low)

    def plain(self) -> dict[str, Any]:
        """As values for JSON; what cannot be told is None."""
        return {
            "cases": self.cases,
            "meters": self.meters,
            "champion": {name: _plain(value) for name, value in self.champion.items()},
            "challenger": {name: _plain(value) for name, value in self.challenger.items()},
            "gain": _plain(self.gain),
            "tells": self.tells,
        }


def _plain(estimate: Estimate) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in asdict(estimate).items()
    }


def contest(
    champion: Floats,
    challenger: Floats,
    truth: NDArray[np.int64],
    meters: NDArray[np.str_],
    weights: Floats | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Contest:
    """Score both.

    Args:
        champion: ``(m, 6)`` odds, in the order of ``CAUSES``.
        challenger: ``(m, 6)`` odds of the other.
        truth: ``(m,)`` index into ``CAUSES``.
        meters: ``(m,)`` ids; rows of one meter are resampled together.
        weights: ``(m,)`` how much each case counts (None = all the same).
        resamples: of the intervals.
        seed: of the resamples.
    """
    m = len(truth)
    counts = np.ones(m) if weights is None else weights
    groups = Meters(meters, m, resamples, seed)
    fraud = truth == CAUSES.index(Cause.FRAUD)
    both = [_ready(odds, truth, fraud) for odds in (champion, challenger)]
    k = len(FIGURES)

    def figures(drawn: Floats) -> Floats:
        w = drawn * counts
        found = np.array([value for one in both for value in _figures(one, w)])
        return np.append(found, found[0] - found[k])

    estimates = groups.estimates(figures, [groups.count] * (2 * k + 1))
    first, second = (dict(zip(FIGURES, estimates[at : at + k], strict=True)) for at in (0, k))
    return Contest(m, groups.count, first, second, estimates[-1])


@dataclass(frozen=True, eq=False, slots=True)
class _Ready:
    loss: Floats
    right: NDArray[np.bool_]
    ranked: Ranked


def _ready(odds: Floats, truth: NDArray[np.int64], fraud: NDArray[np.bool_]) -> _Ready:
    rows = np.arange(len(truth))
    return _Ready(
        loss=-np.log(np.clip(odds[rows, truth], MARGIN_FLOOR, 1.0)),
        right=odds.argmax(axis=1) == truth,
        ranked=Ranked(odds[:, CAUSES.index(Cause.FRAUD)], fraud),
    )


def _figures(one: _Ready, w: Floats) -> tuple[float, float, float, float]:
    total = float(w.sum())
    if total <= 0:
        return (math.nan,) * 4
    curve = one.ranked.curve(w)
    loss, right = float(np.sum(w * one.loss)) / total, float(np.sum(w * one.right)) / total
    return loss, right, curve.auc(), curve.average_precision()


def is_better(contests: Mapping[str, Contest]) -> tuple[bool, str]:
    """Whether the challenger is better beyond the noise, and why (not).

    It is where its gain lies above 0 with the whole interval on one of the sets of cases, and on none of
    them with the whole interval below 0. Sets of fewer than ``LEAST_METERS`` meters have no say.
    """
    told = {name: found for name, found in contests.items() if found.tells}
    silent = [
        f"{name} are of {found.meters} meters only" for name, found in contests.items() if not found.tells
    ]
    worse = [name for name, found in told.items() if found.gain.high < 0]
    better = [name for name, found in told.items() if found.gain.low > 0]
    figures = [
        f"on {name} its log loss lies {-f.gain.value:+.4f} ({-f.gain.high:+.4f} to {-f.gain.low:+.4f}) "
        f"from the champion's, {f.meters} meters"
        for name, f in told.items()
    ]
    if worse:
        verdict = f"worse on {' and '.join(worse)}"
    elif better:
        verdict = f"better on {' and '.join(better)}" + (" and not worse elsewhere" if len(told) > 1 else "")
    elif told:
        verdict = "not better beyond the noise"
    else:
        verdict = "nothing to score it on"
    return bool(better and not worse), "; ".join([verdict, *figures, *silent])
