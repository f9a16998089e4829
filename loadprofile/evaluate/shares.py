"""Shares, medians and means over rows, with intervals over homes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from loadprofile.classify.proportions import wilson
from loadprofile.evaluate.estimates import Estimate, Meters, share

RESAMPLES = 200


def share_of(hit: NDArray[np.bool_], homes: NDArray[np.str_]) -> Estimate:
    """Share of the rows that hit, with Wilson's interval for the number of homes."""
    return share(float(hit.sum()), float(len(hit)), len(np.unique(homes)))


def median_of(values: NDArray[np.float64], homes: NDArray[np.str_], resamples: int = RESAMPLES) -> Estimate:
    """Median of the known values, resampled over homes."""
    known = ~np.isnan(values)
    if not known.any():
        return Estimate(math.nan, math.nan, math.nan, 0)
    v, groups = values[known], Meters(homes[known], int(known.sum()), resamples)
    order = np.argsort(v, kind="stable")

    def middle(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        passed = np.cumsum(weights[order])
        half = passed[-1] / 2
        # the mean of both middle values where the weights halve exactly
        low, high = np.searchsorted(passed, half, side="left"), np.searchsorted(passed, half, side="right")
        return np.array([(v[order[low]] + v[order[min(high, len(v) - 1)]]) / 2])

    return groups.estimates(middle, [groups.count])[0]


def weighted_share(
    hit: NDArray[np.bool_],
    among: NDArray[np.bool_],
    weights: NDArray[np.float64],
    homes: NDArray[np.generic],
    resamples: int = RESAMPLES,
) -> Estimate:
    """Weighted share of ``hit`` within ``among``: resampled over homes, at least as wide as Wilson's."""
    groups = Meters(homes, len(hit), resamples)

    def figure(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
        w = drawn * weights * among
        total = w.sum()
        return np.array([(w * hit).sum() / total if total > 0 else math.nan])

    n = groups.among(among)
    (found,) = groups.estimates(figure, [n])
    return found.widened(*wilson(found.value * n, n)) if n and not math.isnan(found.value) else found
