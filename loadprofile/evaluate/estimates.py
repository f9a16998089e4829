"""A figure is never alone: value, 95 % interval, and the number of cases behind it.

Intervals come from resampling METERS (all rows of a meter together: rows of one meter are not
independent). A resample of a perfect result is perfect again, so such an interval would shrink to a
point, as in the 19 of 19 that were printed as 100 %. Therefore shares are widened to Wilson's interval
and the AUC to Newcombe's, both with the number of meters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import ndtri

from loadprofile.classify.proportions import wilson
from loadprofile.errors import OptionError, ShapeError

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured value with its 95 % interval; NaN where it cannot be told.

    Attributes:
        value: the figure on all cases.
        low: lower end of the interval.
        high: upper end.
        n: meters that the figure rests on (positives for a recall, visited ones for a precision).
    """

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}] n={self.n}"

    def widened(self, low: float, high: float) -> Estimate:
        """The same value with the union of both intervals; NaN ends are left out."""
        lows = [end for end in (self.low, low, self.value) if not math.isnan(end)]
        highs = [end for end in (self.high, high, self.value) if not math.isnan(end)]
        if not lows:
            return self
        return Estimate(self.value, min(lows), max(highs), self.n)


class Meters:
    """Rows grouped by meter, and resamples of the meters.

    The same seed gives the same resamples for every metric and every model, so figures of two models
    on the same rows can be compared resample by resample.
    """

    def __init__(self, ids: ArrayLike | None, rows: int, resamples: int = 400, seed: int = 0) -> None:
        if resamples < 1:
            raise OptionError("resamples", resamples, "must be at least 1")
        names = np.arange(rows) if ids is None else np.asarray(ids)
        if names.shape != (rows,):
            raise ShapeError("meters", names.shape, (rows,))
        self.row_meter = np.unique(names, return_inverse=True)[1]
        self.count = int(self.row_meter.max()) + 1 if rows else 0
        self.resamples = resamples
        self.seed = seed

    def among(self, rows: NDArray[np.bool_]) -> int:
        """How many different meters these rows belong to."""
        return len(np.unique(self.row_meter[rows]))

    def draws(self) -> Iterator[NDArray[np.float64]]:
        """``(rows,)`` weights for each resample: how often the row's meter was drawn."""
        rng = np.random.default_rng(self.seed)
        for _ in range(self.resamples):
            drawn = np.bincount(rng.integers(0, self.count, self.count), minlength=self.count)
            yield drawn[self.row_meter].astype(np.float64)

    def estimates(
        self, statistics: Callable[[NDArray[np.float64]], NDArray[np.float64]], n: ArrayLike
    ) -> list[Estimate]:
        """Several figures at once with percentile intervals.

        Args:
            statistics: row weights -> ``(m,)`` figures (NaN where the resample does not tell).
            n: ``(m,)`` cases behind each.
        """
        counts = np.asarray(n, dtype=np.intp)
        if not self.count:
            return [Estimate(math.nan, math.nan, math.nan, 0) for _ in counts]
        value = statistics(np.ones(len(self.row_meter)))
        drawn = np.array([statistics(weights) for weights in self.draws()])
        found: list[Estimate] = []
        for at in range(len(value)):
            known = drawn[:, at][~np.isnan(drawn[:, at])]
            if math.isnan(value[at]) or not known.size:
                found.append(Estimate(float(value[at]), math.nan, math.nan, int(counts[at])))
                continue
            low, high = np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
            found.append(
                Estimate(
                    float(value[at]),
                    min(float(low), float(value[at])),
                    max(float(high), float(value[at])),
                    int(counts[at]),
                )
            )
        return found


def share(found: float, of: float, meters: int) -> Estimate:
    """``found / of`` with Wilson's interval for ``meters`` cases (rows of one meter count once)."""
    if not of > 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    value = found / of
    low, high = wilson(value * meters, meters, CONFIDENCE)
    return Estimate(value, min(low, value), max(high, value), meters)


def auc_interval(auc: float, positives: int, negatives: int) -> tuple[float, float]:
    """Newcombe's score-type interval for an AUC (Statistics in Medicine 2006, 25, method 5).

    Hanley and McNeil's variance taken at the ends of the interval, with the mean group size in place
    of either; it does not shrink to a point at 1.
    """
    if math.isnan(auc) or positives < 1 or negatives < 1:
        return math.nan, math.nan
    z = float(ndtri((1 + CONFIDENCE) / 2))
    other = (positives + negatives) / 2 - 1

    def outside(at: float) -> float:
        variance = at * (1 - at) * (1 + other * (1 - at) / (2 - at) + other * at / (1 + at))
        return (auc - at) ** 2 - z * z * variance / (positives * negatives)

    low = 0.0 if auc <= 0 else float(brentq(outside, 0.0, auc - 1e-12 if auc == 1 else auc))
    high = 1.0 if auc >= 1 else float(brentq(outside, auc + 1e-12 if auc == 0 else auc, 1.0))
    return low, high
