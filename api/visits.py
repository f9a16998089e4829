"""How far down the list a crew should go: by its visits, by what a visit costs, or by a wished hit rate."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loadprofile.classify.threshold import by_value, by_visits, net_value
from loadprofile.errors import OptionError


def plan(
    worklist: pd.DataFrame, *, visits: int | None, visit_cost: float | None, precision: float | None
) -> tuple[str, ...]:
    """One sentence on the visits to make; empty if nothing was asked.

    Args:
        worklist: as written, rank order.
        visits: how many visits the crew can make.
        visit_cost: what one visit costs, in kWh.
        precision: share of visits that should find fraud, by the calibrated probabilities.

    Raises:
        OptionError: more than one of them, or a value out of range.
    """
    asked = {"visits": visits, "visit-cost": visit_cost, "precision": precision}
    given = [name for name, value in asked.items() if value is not None]
    if not given:
        return ()
    if len(given) > 1:
        raise OptionError(given[1], asked[given[1]], f"give either this or --{given[0]}")
    p = worklist["p_fraud"].to_numpy(dtype=np.float64)
    recovery = worklist["expected_recovery"].to_numpy(dtype=np.float64)
    column = "p_fraud" if precision is not None else "expected_recovery"
    if visits is not None:
        worth = np.where(recovery > 0, recovery, np.nan)  # where nothing can be recovered nobody drives
        cut = by_visits(worth, visits, p)
        chosen, why = cut.selects(worth), f"the crew can make {visits} visits"
    elif visit_cost is not None:
        lost = np.divide(recovery, p, out=np.zeros_like(p), where=p > 0)
        net = net_value(p, lost, 1.0, visit_cost)
        chosen = by_value(p, lost, 1.0, visit_cost).selects(net)
        why = f"each expected to bring back more than the {visit_cost:g} kWh that it costs"
    else:
        wished = float(precision or 0.0)
        if not 0.0 < wished < 1.0:
            raise OptionError("precision", precision, "a share strictly between 0 and 1")
        order = np.argsort(-p, kind="stable")
        enough = np.cumsum(p[order]) / np.arange(1, len(p) + 1) >= wished
        chosen = np.zeros(len(p), dtype=np.bool_)
        chosen[order[: int(enough.sum())]] = True  # the mean of a falling sequence falls
        why = f"on average at least {100 * wished:g} % likely to be fraud"
    count = int(chosen.sum())
    if not count:
        return (f"visits: none is worth making ({why})",)
    first = ", ".join(worklist.loc[chosen, "meter_id"].astype(str).head(5))
    outcome = f"{p[chosen].sum():.1f} expected to find fraud, {recovery[chosen].sum():,.0f} kWh expected back"
    least = worklist.loc[chosen, column].min()
    rows = f"the rows with {column} of {least:.10g} or more"
    return (f"visits: {count} ({why}), {outcome}; {rows}, first {first}",)
