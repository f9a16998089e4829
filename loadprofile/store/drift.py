"""Whether what comes in still looks like what came in before: the population stability index (PSI)."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray

from loadprofile.store.columns import day_number
from loadprofile.store.loading import Day, as_known
from loadprofile.store.meter_tables import CUSTOMER, METERS, READING_DAYS

BINS = 10
LEAST = 1e-4
"""Share that an empty bin counts as, or its logarithm would be infinite."""

Floats = NDArray[np.float64]


def psi(before: Floats, after: Floats, bins: int = BINS) -> float:
    """Sum of (share after - share before) x ln(share after / share before) over quantile bins of ``before``.

    Rule of thumb among users of the index: below 0.1 little changed, above 0.25 much. NaN where either is
    empty; NaNs are left out.
    """
    old, new = before[~np.isnan(before)], after[~np.isnan(after)]
    if not len(old) or not len(new):
        return float("nan")
    edges = np.unique(np.quantile(old, np.linspace(0.0, 1.0, bins + 1)[1:-1]))
    shares = [
        np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1) / len(values)
        for values in (old, new)
    ]
    was, now = np.maximum(shares[0], LEAST), np.maximum(shares[1], LEAST)
    return float(((now - was) * np.log(now / was)).sum())


def daily_means(
    connection: sa.Connection, first: Day, last: Day, as_of: datetime | None = None
) -> pd.DataFrame:
    """``meter_key, kwh_per_day, known`` over a span, days included; ``known``: share of the span's hours."""
    days = READING_DAYS.c
    hours = sa.func.sum(days.known_slots * days.step) / 60.0
    rows = connection.execute(
        sa.select(days.meter_key, sa.func.sum(days.total_kwh), hours)
        .join(METERS, METERS.c.meter_key == days.meter_key)
        .where(
            METERS.c.kind == CUSTOMER,
            days.day.between(day_number(first), day_number(last)),
            as_known(READING_DAYS, as_of),
        )
        .group_by(days.meter_key)
        .order_by(days.meter_key)
    ).all()
    span = 24.0 * (day_number(last) - day_number(first) + 1)
    key = np.array([row[0] for row in rows], dtype=np.int64)
    total = np.array([row[1] for row in rows], dtype=np.float64)
    known = np.array([float(row[2]) for row in rows], dtype=np.float64)
    return pd.DataFrame({"meter_key": key, "kwh_per_day": total / known * 24.0, "known": known / span})


def input_drift(
    connection: sa.Connection,
    before: tuple[Day, Day],
    after: tuple[Day, Day],
    as_of: datetime | None = None,
) -> pd.DataFrame:
    """PSI of the meters' mean use and of the share of readings that is there, between two spans of days.

    Spans of the same season are to be compared, or the season is what is found.

    Returns:
        ``quantity, psi, meters_before, meters_after``.
    """
    old, new = daily_means(connection, *before, as_of), daily_means(connection, *after, as_of)
    names = ["kwh_per_day", "known"]
    return pd.DataFrame(
        {
            "quantity": names,
            "psi": [psi(old[name].to_numpy(), new[name].to_numpy()) for name in names],
            "meters_before": len(old),
            "meters_after": len(new),
        }
    )
