from __future__ import annotations

import datetime as dt

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from loadprofile.features.swapped_dates import DATES, other_dates, swapped_dates


def slow_other(day: dt.date) -> dt.date | None:
    return day.replace(month=day.day, day=day.month) if day.day <= 12 else None


@given(st.dates(dt.date(1999, 1, 1), dt.date(2030, 1, 1)), st.integers(2, 800))
def test_each_date_finds_the_one_with_day_and_month_exchanged(first: dt.date, count: int) -> None:
    days = np.datetime64(first) + np.arange(count)
    place = other_dates(days)
    for at in np.random.default_rng(0).integers(0, count, 20):
        other = slow_other(days[at].item())
        if other is None:
            assert place[at] == at
        elif place[at] < 0:
            assert not days[0] <= np.datetime64(other) <= days[-1]
        else:
            assert days[place[at]] == np.datetime64(other)


def found(kwh: np.ndarray, days: np.ndarray) -> dict[str, float]:
    return dict(zip(DATES, swapped_dates(kwh[None].astype(np.float32), days)[0].tolist(), strict=True))


def test_gaps_at_exchangeable_dates_are_told_from_other_gaps() -> None:
    days = np.datetime64("2013-03-01") + np.arange(92)
    kwh = np.full((92, 24), 0.5)
    assert found(kwh, days)["date_gap_months"] == 0
    lost = kwh.copy()
    lost[other_dates(days) < 0] = np.nan
    seen = found(lost, days)
    assert seen["date_gap_months"] == 3
    assert (seen["when.date_first"], seen["when.date_last"]) == (0, 61 + 12)  # 1 March to 12 May
    first_half = kwh.copy()
    first_half[:12] = np.nan  # all of the 1st to the 12th: no exchange keeps 3, 4 and 5 March apart
    assert found(first_half, days)["date_gap_months"] == 0
    more = lost.copy()
    more[20] = np.nan
    assert found(more, days)["date_gap_months"] == 2


def test_a_meter_without_readings_cannot_be_judged() -> None:
    days = np.datetime64("2013-03-01") + np.arange(92)
    assert np.isnan(found(np.full((92, 24), np.nan), days)["date_gap_months"])
