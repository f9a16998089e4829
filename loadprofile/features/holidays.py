"""Days off that are known: which days they are, and how a meter's change lies to them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Days = NDArray[np.datetime64]

NAMES = ("context.holiday_share", "context.holiday_distance", "context.holiday_effect")
"""``holiday_share``: share of the days of the meter's change that are days off. ``holiday_distance``: days
from its onset to the nearest day off, at most ``FAR``. ``holiday_effect``: median log ratio of use on days
off to the median of the same weekday within three weeks."""

FAR = 15.0
SUNDAY = 6
LEAST_HOLIDAYS = 2
REACH = 21


def holiday_mask(holidays: pd.DataFrame | None, days: Days) -> NDArray[np.bool_]:
    """``(d,)`` which of the days are days off; all False where nothing was given."""
    if holidays is None:
        return np.zeros(len(days), dtype=np.bool_)
    dates = pd.to_datetime(holidays["date"]).to_numpy().astype("datetime64[D]")
    return np.isin(days.astype("datetime64[D]"), dates)


def weekdays(days: Days, holidays: pd.DataFrame | None = None) -> NDArray[np.int64]:
    """``(d,)`` 0 = Monday .. 6 = Sunday; a day off on a working day counts as a Sunday."""
    weekday: NDArray[np.int64] = (days.astype("datetime64[D]").astype(np.int64) + 3) % 7
    return np.where(holiday_mask(holidays, days) & (weekday < 5), SUNDAY, weekday)


def holiday_features(
    daily: NDArray[np.float32], days: Days, onset: Floats, end: Floats, holidays: pd.DataFrame
) -> Floats:
    """Columns ``NAMES`` of ``(m, d)`` daily means; onset and end in days since the first, NaN = none."""
    off = holiday_mask(holidays, days)
    out = np.full((len(daily), len(NAMES)), np.nan)
    at = np.flatnonzero(off)
    first = np.where(np.isfinite(onset), np.floor(onset), 0).astype(np.int64)
    last = np.where(np.isfinite(end), np.ceil(end), len(days)).astype(np.int64)
    for row in np.flatnonzero(np.isfinite(onset)):
        inside = off[first[row] : max(last[row], first[row] + 1)]
        out[row, 0] = inside.mean() if len(inside) else np.nan
        out[row, 1] = min(FAR, np.abs(at - first[row]).min()) if len(at) else FAR
    out[:, 2] = _effect(daily.astype(np.float64), days, off)
    return out


def _effect(daily: Floats, days: Days, off: NDArray[np.bool_]) -> Floats:
    """See ``holiday_effect``."""
    weekday = (days.astype("datetime64[D]").astype(np.int64) + 3) % 7
    at = np.flatnonzero(off)
    logs = np.full((len(daily), len(at)), np.nan)
    for k, day in enumerate(at):
        like = np.flatnonzero(
            (weekday == weekday[day]) & ~off & (np.abs(np.arange(len(days)) - day) <= REACH)
        )
        if len(like) < 2:
            continue
        usual = _median(daily[:, like])
        with np.errstate(invalid="ignore", divide="ignore"):
            logs[:, k] = np.log(np.maximum(daily[:, day], 0.02 * usual) / usual)
    logs[~np.isfinite(logs)] = np.nan
    known = np.isfinite(logs).sum(axis=1)
    return np.where(known >= LEAST_HOLIDAYS, _median(logs), np.nan)


def _median(values: Floats) -> Floats:
    """Median of the known values of each row, NaN where there is none."""
    out = np.full(len(values), np.nan)
    some = np.isfinite(values).any(axis=1)
    if values.shape[1]:
        out[some] = np.nanmedian(values[some], axis=1)
    return out
