"""Energy lost, with an 80 % interval, from estimates whose errors are known on planted thefts.

Two ways to foresee what was used. *Drop*: the customer's own level before it fell; the error is a factor,
and its width comes from ``SpreadTable``. *Peers*: nothing fell, so only the place among the peers speaks;
what was used is a multiple of what was billed, and the multiples that planted thefts had at that place are
kept as quantiles. So an estimate stays on the customer's own scale: who is billed a million is not thought
to have used many millions because an average home would have been a poor guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadprofile.classify.spreads import SpreadTable
from loadprofile.errors import NothingToLearnError
from loadprofile.verdicts import CAUSES, Cause

DROP, PEERS = CAUSES.index(Cause.FRAUD), CAUSES.index(Cause.NORMAL)
"""Groups of the spreads: estimates from a drop, and from peers."""

SHARE = 0.8
PLACES = 10
"""Places among the peers, by quantiles, that each have multiples of their own."""

GONE = 0.05
"""Who is billed less than this share of a typical peer is measured by the peer, not by the own bills."""

REACH = 4.0
"""Times a typical peer's use that is thought possible without having been billed so much in any month. Who
stands higher still is thought to have used no more than in the own highest month: that a steel works hides
two more of its size behind one meter is no estimate."""

LEAST = 25


@dataclass(frozen=True, eq=False, slots=True)
class Foreseen:
    """What was billed and what should have been, of ``n`` customers, in kWh of the months looked at.

    Attributes:
        dropped: ``(n,)`` whether a drop tells it.
        sure: ``(n,)`` how clear the change of level is, any unit.
        by_drop: ``(n,)`` use since the drop, foreseen from before it; of no meaning elsewhere.
        since: ``(n,)`` billed since the drop.
        billed: ``(n,)`` billed in all months; NaN = nothing is known.
        typical: ``(n,)`` billed to a typical peer in as many.
        highest: ``(n,)`` what the own highest month would make of them.
    """

    dropped: NDArray[np.bool_]
    sure: NDArray[np.float64]
    by_drop: NDArray[np.float64]
    since: NDArray[np.float64]
    billed: NDArray[np.float64]
    typical: NDArray[np.float64]
    highest: NDArray[np.float64]

    @property
    def gone(self) -> NDArray[np.bool_]:
        """``(n,)`` next to nothing is billed."""
        return np.asarray(self.billed < GONE * self.typical)

    def place(self) -> NDArray[np.float64]:
        """``(n,)`` logarithm of what is billed over what a typical peer is billed."""
        return np.asarray(np.log1p(self.billed) - np.log1p(self.typical))

    def most(self) -> NDArray[np.float64]:
        """``(n,)`` the most that is thought to have been used: own highest month, or what peers may use."""
        return np.fmax(self.highest, REACH * self.typical)

    def of_reference(self) -> NDArray[np.float64]:
        """``(n,)`` what multiples are of."""
        return np.where(self.gone, self.typical, self.billed) + 1.0


def fit_energy(seen: Foreseen, used_since: NDArray[np.float64], used: NDArray[np.float64]) -> dict[str, Any]:
    """Widths and multiples from planted thefts.

    Args:
        seen: as it looks from the bills.
        used_since: ``(n,)`` what was really used since the drop that is seen.
        used: ``(n,)`` the same of all months.

    Returns:
        ``lost_spread``, ``places`` and ``multiples``, for ``energy_lost``.

    Raises:
        NothingToLearnError: too few to learn from.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        off = np.log(used_since / seen.by_drop)
        multiple = np.log((used + 1.0) / seen.of_reference())
    off[~np.isfinite(off) | ~seen.dropped] = np.nan
    known = np.isfinite(multiple) & ~seen.dropped
    normal = known & ~seen.gone
    if np.isfinite(off).sum() < LEAST or normal.sum() < LEAST:
        raise NothingToLearnError(len(used), "too few ordinary histories to learn errors from")
    place = seen.place()
    edges = np.quantile(place[normal], np.arange(1, PLACES) / PLACES)
    at = _rows(seen, place, edges)
    multiples = np.array([_three(multiple[known & (at == k)], multiple[known]) for k in range(PLACES + 1)])
    group = np.full(len(used), DROP)
    return {
        "lost_spread": SpreadTable(share=SHARE, bins=3).fit(group, seen.sure, off),
        "places": edges,
        "multiples": multiples,
    }


def energy_lost(
    seen: Foreseen, parts: Mapping[str, Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """``(n,)`` kWh used and not billed, and the ends of its 80 % interval; NaN where nothing is known."""
    width = parts["lost_spread"].predict(np.full(len(seen.billed), DROP), seen.sure)
    multiples = parts["multiples"][_rows(seen, seen.place(), parts["places"])]
    # where the upper end is more than is thought possible, all of the interval is drawn in
    top = seen.of_reference() * np.exp(multiples[:, 2]) - 1.0 - seen.billed
    with np.errstate(invalid="ignore", divide="ignore"):
        within = np.where(top > 0, np.clip((seen.most() - seen.billed) / top, 0.0, 1.0), 1.0)
    out = []
    for by, column in ((0.0, 1), (-1.0, 0), (1.0, 2)):
        from_drop = seen.by_drop * np.exp(by * width) - seen.since
        from_peers = within * (seen.of_reference() * np.exp(multiples[:, column]) - 1.0 - seen.billed)
        lost = np.maximum(np.where(seen.dropped, from_drop, from_peers), 0.0)
        out.append(np.where(np.isfinite(seen.billed), lost, np.nan))
    return out[0], out[1], out[2]


def _rows(seen: Foreseen, place: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.intp]:
    """Row of ``multiples`` of each customer; the last one is of those who are billed next to nothing."""
    return np.where(seen.gone, PLACES, np.searchsorted(edges, np.nan_to_num(place), side="right"))


def _three(own: NDArray[np.float64], everybody: NDArray[np.float64]) -> NDArray[np.float64]:
    """Low, middle and high multiple, the outer ones one rank further out (split conformal)."""
    values = np.sort(own if len(own) >= LEAST else everybody)
    n, tail = len(values), (1.0 - SHARE) / 2.0
    low = max(int(np.floor(tail * (n + 1))) - 1, 0)
    return np.array([values[low], np.median(values), values[n - 1 - low]])
