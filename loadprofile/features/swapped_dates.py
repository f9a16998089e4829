"""Day and month exchanged: the readings of 3 May stand under 5 March.

Only the first twelve days of a month have another date to go to. Where that lies outside of the data, the day
is absent: gaps on the first to the twelfth, and nowhere else. Days that found another date inside the data
are no sign by themselves: a home's days differ more from each other than from those of another season.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DATES = ("date_gap_months", "when.date_first", "when.date_last")
"""Months that lack every day whose other date lies outside the data and no other day; the first such day and
the end of the last."""

FEWEST = 3
"""Days that a month must lack to count."""

Array = NDArray[np.float64]


def other_dates(days: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """``(d,)`` place in ``days`` of the date with day and month exchanged.

    The same day for those that have no such date, -1 where it lies outside of ``days``.
    """
    month = days.astype("datetime64[M]")
    of_month = (days - month).astype(np.int64)
    year = days.astype("datetime64[Y]")
    other = (year.astype("datetime64[M]") + of_month % 12).astype("datetime64[D]") + (
        (month - year).astype(np.int64)
    )
    place = (other - days[:1]).astype(np.int64)
    place = np.where((place >= 0) & (place < len(days)), place, -1)
    out: NDArray[np.int64] = np.where(of_month < 12, place, np.arange(len(days)))
    return out


def swapped_dates(kwh: NDArray[np.float32], days: NDArray[np.datetime64]) -> Array:
    """``(n, 3)`` columns ``DATES``; 0 months where there are none, NaN for meters without readings.

    Args:
        kwh: ``(n, d, s)`` float32, NaN = missing.
        days: ``(d,)`` consecutive.
    """
    n = len(kwh)
    out = np.full((n, len(DATES)), np.nan)
    away = other_dates(days) < 0
    months = days.astype("datetime64[M]").astype(np.int64)
    present = np.asarray(np.isfinite(kwh).any(axis=2), dtype=np.bool_)
    out[:, 0] = np.where(present.any(axis=1), 0.0, np.nan)
    for month in np.unique(months[away]):
        here = np.flatnonzero(months == month)
        gone, stays = here[away[here]], here[~away[here]]
        if len(gone) < FEWEST or len(stays) == 0:
            continue
        rows = np.flatnonzero(~present[:, gone].any(axis=1) & present[:, stays].all(axis=1))
        out[rows, 0] += 1
        out[rows, 1] = np.fmin(out[rows, 1], gone[0])
        out[rows, 2] = np.fmax(out[rows, 2], gone[-1] + 1)
    return out
