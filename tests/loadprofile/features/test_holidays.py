"""Days off: which they are, and how a change lies to them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loadprofile.features.holidays import NAMES, holiday_features, holiday_mask, weekdays

DAYS = np.arange(np.datetime64("2013-03-01"), np.datetime64("2013-06-01"))
EASTER = ("2013-03-29", "2013-03-31", "2013-04-01")


def off(*dates: str) -> pd.DataFrame:
    return pd.DataFrame({"date": pd.to_datetime(list(dates)), "name": ""})


def test_which_days() -> None:
    assert DAYS[holiday_mask(off(*EASTER, "2012-12-25"), DAYS)].astype(str).tolist() == list(EASTER)
    assert not holiday_mask(None, DAYS).any()


def test_a_day_off_is_a_sunday_and_a_weekend_stays() -> None:
    plain, known = weekdays(DAYS), weekdays(DAYS, off(*EASTER, "2013-05-25"))
    assert plain[:7].tolist() == [4, 5, 6, 0, 1, 2, 3]
    changed = np.flatnonzero(plain != known)
    assert DAYS[changed].astype(str).tolist() == ["2013-03-29", "2013-04-01"]  # Friday and Monday
    assert set(known[changed].tolist()) == {6}


def test_changes_on_days_off(rng: np.random.Generator) -> None:
    daily = np.exp(rng.normal(0, 0.05, (4, len(DAYS)))).astype(np.float32)
    daily[:, 28] *= 1.5
    daily[:, 31] *= 1.5
    onset = np.array([28.0, 28.0, 60.0, np.nan])
    end = np.array([32.0, np.nan, 70.0, np.nan])
    got = holiday_features(daily, DAYS, onset, end, off(*EASTER))
    share, far, effect = (
        got[:, NAMES.index(f"context.holiday_{n}")] for n in ("share", "distance", "effect")
    )
    assert share[:3] == pytest.approx([3 / 4, 3 / (len(DAYS) - 28), 0])
    assert far[:3].tolist() == [0, 0, 15]
    assert np.isnan(share[3])
    assert np.isnan(far[3])
    assert effect == pytest.approx(np.log(1.5), abs=0.1)


def test_one_day_off_tells_no_habit() -> None:
    daily = np.ones((1, len(DAYS)), dtype=np.float32)
    got = holiday_features(daily, DAYS, np.array([5.0]), np.array([np.nan]), off("2013-04-01"))
    assert np.isnan(got[0, 2])
    silent = holiday_features(daily * np.nan, DAYS, np.array([5.0]), np.array([np.nan]), off(*EASTER))
    assert np.isnan(silent[0, 2])
