"""Whether what comes in still looks like what came in before: the population stability index (PSI)."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray
from scipy.stats import chi2

from loadprofile.store.columns import day_number
from loadprofile.store.loading import Day, as_known
from loadprofile.store.meter_tables import CUSTOMER, METERS, READING_DAYS

BINS = 10
LEAST = 1e-4
"""Share that an empty bin counts as, or its logarithm would be infinite."""

QUANTITIES = ("kwh_per_day", "known", "variation", "zero_days", "weekend")
"""Of each meter over a span, see ``of_meters``."""

Floats = NDArray[np.float64]


def psi(before: Floats, after: Floats, bins: int = BINS) -> float:
    """Sum of (share after - share before) x ln(share after / share before) over quantile bins of ``before``.

    A value that many meters have (every reading there, no day of zeros) is a bin of its own. Rule of thumb
    among users of the index: below 0.1 little changed, above 0.25 much. NaN where either is empty; NaNs are
    left out.
    """
    return _compared(before, after, bins)[0]


def _compared(before: Floats, after: Floats, bins: int = BINS) -> tuple[float, float]:
    """The index, and what chance alone exceeds in one of twenty comparisons of meters that did not change.

    Without a change the index times n m / (n + m) is about chi-square with one degree of freedom less than
    there are bins (Yurdakul 2018, Western Michigan University).
    """
    old, new = before[~np.isnan(before)], after[~np.isnan(after)]
    if not len(old) or not len(new):
        return float("nan"), float("nan")
    cuts = np.quantile(old, np.linspace(0.0, 1.0, bins + 1)[1:-1])
    atoms = cuts[[float((old == cut).mean()) >= 1.0 / bins for cut in cuts]]
    edges = np.unique(np.concatenate([cuts, np.nextafter(atoms, np.inf)]))
    shares = [
        np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1) / len(values)
        for values in (old, new)
    ]
    was, now = np.maximum(shares[0], LEAST), np.maximum(shares[1], LEAST)
    noise = float(chi2.ppf(0.95, len(edges))) * (1.0 / len(old) + 1.0 / len(new))
    return float(((now - was) * np.log(now / was)).sum()), noise


def of_meters(
    connection: sa.Connection, first: Day, last: Day, as_of: datetime | None = None
) -> pd.DataFrame:
    """``meter_key`` and ``QUANTITIES`` over a span, days included; days without a known reading do not count.

    Returns:
        ``kwh_per_day``: mean use; ``known``: share of the span's hours that is there; ``variation``: standard
        deviation of the daily means over their mean; ``zero_days``: share of days that add up to 0;
        ``weekend``: mean of Saturdays and Sundays over that of all days. NaN where it cannot be told.
    """
    days = READING_DAYS.c
    minutes = days.known_slots * days.step
    mean = days.total_kwh * 1440.0 / minutes
    weekend = (days.day + 3) % 7 >= 5  # day 0 was a Thursday
    rows = connection.execute(
        sa.select(
            days.meter_key,
            sa.func.sum(days.total_kwh),
            sa.func.sum(minutes) / 60.0,
            sa.func.count(),
            sa.func.sum(mean),
            sa.func.sum(mean * mean),
            sa.func.count(sa.case((days.total_kwh == 0.0, 1))),
            sa.func.avg(sa.case((weekend, mean))),
        )
        .join(METERS, METERS.c.meter_key == days.meter_key)
        .where(
            METERS.c.kind == CUSTOMER,
            days.day.between(day_number(first), day_number(last)),
            days.known_slots > 0,
            as_known(READING_DAYS, as_of),
        )
        .group_by(days.meter_key)
        .order_by(days.meter_key)
    ).all()
    span = 24.0 * (day_number(last) - day_number(first) + 1)
    table = np.array([[np.nan if v is None else float(v) for v in row] for row in rows], dtype=np.float64)
    key, total, known, count, sums, squares, zeros, weekend_mean = table.reshape(-1, 8).T
    centre = sums / count
    spread = np.sqrt(np.maximum(squares / count - centre**2, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = [np.where(centre > 0.0, value / centre, np.nan) for value in (spread, weekend_mean)]
    return pd.DataFrame(
        {
            "meter_key": key.astype(np.int64), "kwh_per_day": total / known * 24.0, "known": known / span,
            "variation": relative[0], "zero_days": zeros / count, "weekend": relative[1],
        }
    )  # fmt: skip


def input_drift(
    connection: sa.Connection,
    before: tuple[Day, Day],
    after: tuple[Day, Day],
    as_of: datetime | None = None,
) -> pd.DataFrame:
    """PSI of quantities of the meters (``QUANTITIES``) between two spans of days.

    Spans of the same season are to be compared, or the season is what is found.

    Returns:
        ``quantity, psi, noise, meters_before, meters_after``; a ``psi`` below ``noise`` may be chance.
    """
    old, new = of_meters(connection, *before, as_of), of_meters(connection, *after, as_of)
    found = [_compared(old[name].to_numpy(), new[name].to_numpy()) for name in QUANTITIES]
    return pd.DataFrame(
        {
            "quantity": list(QUANTITIES),
            "psi": [index for index, _ in found],
            "noise": [noise for _, noise in found],
            "meters_before": len(old),
            "meters_after": len(new),
        }
    )
