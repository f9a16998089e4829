"""Where to cut the list: by the visits a crew can make, by value, or by a wished precision.

Never at 0.5: with 2 % thefts a probability of 0.3 may be worth a visit and 0.6 may not be.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loadprofile.classify.proportions import wilson_low
from loadprofile.errors import OptionError, ShapeError

ANYTHING = math.ulp(0.0)
"""The smallest positive number: the threshold of "whatever pays at all"."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A threshold and what it means.

    Attributes:
        quantity: what is compared with the threshold: ``"score"`` or ``"net value"``.
        threshold: meters at or above it are visited; infinity = nobody.
        visits: how many of the meters it was made on are visited.
        precision: share of them that is expected (or was found) to be right; NaN where unknown.
        precision_low: its one-sided lower bound where it was counted; NaN else.
        value: expected net value of the visits, in the unit of the visit cost; NaN where unknown.
        why: one sentence.
    """

    quantity: str
    threshold: float
    visits: int
    precision: float
    precision_low: float
    value: float
    why: str

    def selects(self, quantity: ArrayLike) -> NDArray[np.bool_]:
        """``(n,)`` which meters are visited; one that cannot be judged (NaN) is not."""
        found = np.asarray(quantity, dtype=np.float64)
        return np.asarray(found >= self.threshold)  # NaN compares as False


def by_visits(scores: ArrayLike, visits: int, probability: ArrayLike | None = None) -> Cut:
    """The lowest threshold that sends the crew to at most ``visits`` meters.

    Meters with equal scores are taken together or not at all, so that the answer does not depend on
    the order of the meters; then fewer than ``visits`` are selected.

    Args:
        scores: ``(n,)``, higher = more urgent, NaN = cannot be judged.
        visits: how many visits the crew can make, 0 or more.
        probability: ``(n,)`` calibrated, for the expected precision.
    """
    s = _one_dimensional("scores", scores)
    if visits < 0:
        raise OptionError("visits", visits, "must not be negative")
    known = np.sort(s[~np.isnan(s)])[::-1]
    if visits >= len(known):
        threshold = float(known[-1]) if len(known) else math.inf
    else:
        above = known[known > known[visits]]
        threshold = float(above[-1]) if len(above) else math.inf
    chosen = s >= threshold
    precision = math.nan
    if probability is not None and chosen.any():
        precision = float(np.mean(_one_dimensional("probability", probability, len(s))[chosen]))
    count = int(chosen.sum())
    why = f"the {count} highest of {len(known)} meters; the crew can make {visits} visits"
    return Cut("score", threshold, count, precision, math.nan, math.nan, why)


def net_value(
    probability: ArrayLike, recoverable_kwh: ArrayLike, value_per_kwh: float, visit_cost: float
) -> NDArray[np.float64]:
    """``(n,)`` what a visit is expected to bring: ``probability * kwh * value_per_kwh - visit_cost``."""
    p = _one_dimensional("probability", probability)
    kwh = _one_dimensional("recoverable_kwh", recoverable_kwh, len(p))
    known = p[~np.isnan(p)]
    if known.size and (known.min() < 0 or known.max() > 1):
        raise OptionError("probability", (known.min(), known.max()), "must lie in 0..1: calibrate first")
    return np.asarray(p * kwh * value_per_kwh - visit_cost)


def by_value(
    probability: ArrayLike,
    recoverable_kwh: ArrayLike,
    value_per_kwh: float,
    visit_cost: float,
    visits: int | None = None,
) -> Cut:
    """Visit where the expected recovery pays for the visit, and no more often than the crew can.

    Args:
        probability: ``(n,)`` calibrated.
        recoverable_kwh: ``(n,)`` energy that a found case brings back.
        value_per_kwh: what a recovered kWh is worth, not negative.
        visit_cost: what a visit costs in the same currency, not negative.
        visits: the crew's limit (None = none).

    Returns:
        A cut on the *net value* of each meter (see ``net_value``), not on its score.
    """
    if visit_cost < 0 or value_per_kwh < 0:
        raise OptionError("visit_cost, value_per_kwh", (visit_cost, value_per_kwh), "must not be negative")
    net = net_value(probability, recoverable_kwh, value_per_kwh, visit_cost)
    paying = int((net > 0).sum())
    threshold = ANYTHING
    if visits is not None and visits < paying:
        threshold = by_visits(np.where(net > 0, net, np.nan), visits).threshold
    chosen = net >= threshold
    p = _one_dimensional("probability", probability)[chosen]
    return Cut(
        quantity="net value",
        threshold=threshold,
        visits=len(p),
        precision=float(p.mean()) if len(p) else math.nan,
        precision_low=math.nan,
        value=float(net[chosen].sum()),
        why=f"{len(p)} of {paying} meters whose expected recovery exceeds the visit cost of {visit_cost:g}",
    )


def by_precision(
    scores: ArrayLike,
    truth: ArrayLike,
    wished: float,
    confidence: float | None = 0.95,
    least_visits: int = 1,
) -> Cut:
    """The lowest threshold at which the share of right calls was at least ``wished``.

    Learned on held-out meters with known outcomes. With ``confidence`` the one-sided lower Wilson
    bound must reach the wish, so that three lucky visits do not set the rule; the bound is for one
    threshold, and as the best of many is taken it is a little optimistic.

    Args:
        scores: ``(n,)``; NaN = cannot be judged, never visited.
        truth: ``(n,)`` bool.
        wished: precision in (0, 1].
        confidence: of the lower bound; None = take the precision as counted.
        least_visits: thresholds that select fewer meters are not considered.

    Returns:
        A cut; its threshold is infinite (nobody is visited) when no threshold keeps the wish.
    """
    if not 0 < wished <= 1:
        raise OptionError("wished", wished, "must lie in (0, 1]")
    s = _one_dimensional("scores", scores)
    t = np.asarray(truth).astype(np.bool_)
    if t.shape != s.shape:
        raise ShapeError("truth", t.shape, s.shape)
    known = ~np.isnan(s)
    order = np.argsort(-s[known], kind="stable")
    ranked, hits = s[known][order], np.cumsum(t[known][order]).astype(np.float64)
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if len(ranked) else np.empty(0, np.intp)
    count = (last + 1).astype(np.float64)
    found = hits[last]
    bound = wilson_low(found, count, confidence if confidence is not None else 0.95)
    judged = bound if confidence is not None else found / count
    good = np.flatnonzero((judged >= wished) & (count >= least_visits))
    asked = f"precision {wished:g}" + (f" with {confidence:.0%} confidence" if confidence is not None else "")
    if not good.size:
        why = f"no threshold keeps a {asked} on {len(ranked)} known meters"
        return Cut("score", math.inf, 0, math.nan, math.nan, math.nan, why)
    at = int(good[-1])
    why = f"the lowest threshold with {asked}: {found[at]:.0f} of {count[at]:.0f} known meters were right"
    precision = float(found[at] / count[at])
    return Cut("score", float(ranked[last[at]]), int(count[at]), precision, float(bound[at]), math.nan, why)


def _one_dimensional(name: str, values: ArrayLike, length: int | None = None) -> NDArray[np.float64]:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1 or (length is not None and len(found) != length):
        raise ShapeError(name, found.shape, (length if length is not None else "n",))
    return found
