from __future__ import annotations

import numpy as np
import pytest

from loadprofile.features.gap_clock import CLOCK, gap_clock

DAYS, SLOTS = 40, 48
ALL = np.ones((DAYS, SLOTS), dtype=np.bool_)


def found(kwh: np.ndarray, exists: np.ndarray = ALL) -> dict[str, float]:
    return dict(zip(CLOCK, gap_clock(kwh[None].astype(np.float32), exists)[0].tolist(), strict=True))


def test_cut_evenings() -> None:
    kwh = np.ones((DAYS, SLOTS))
    kwh[10:30, 44:] = np.nan
    seen = found(kwh)
    assert (seen["gap_clock_days"], seen["gap_same_clock"], seen["gap_to_midnight"]) == (20, 1, 1)
    assert (seen["when.gap_clock_first"], seen["when.gap_clock_last"]) == (10, 30)


def test_gaps_here_and_there_share_no_clock_time() -> None:
    kwh = np.ones((DAYS, SLOTS))
    rng = np.random.default_rng(0)
    for day in range(DAYS):
        at = int(rng.integers(0, SLOTS))
        kwh[day, at : at + 3] = np.nan
    seen = found(kwh)
    assert seen["gap_clock_days"] == DAYS
    assert seen["gap_same_clock"] < 0.3
    assert seen["gap_to_midnight"] < 0.3


@pytest.mark.parametrize("lost", [slice(0, 0), slice(5, 9)], ids=["none", "whole days"])
def test_whole_days_are_no_part_of_a_day(lost: slice) -> None:
    kwh = np.ones((DAYS, SLOTS))
    kwh[lost] = np.nan
    seen = found(kwh)
    assert seen["gap_clock_days"] == 0
    assert np.isnan(seen["gap_same_clock"])


def test_the_hour_that_the_clock_skipped_is_not_missing() -> None:
    kwh, exists = np.ones((DAYS, SLOTS)), ALL.copy()
    exists[12, 2:4] = False
    kwh[12, 2:4] = np.nan
    assert found(kwh, exists)["gap_clock_days"] == 0


def test_without_readings_nothing_can_be_told() -> None:
    assert np.isnan(found(np.full((DAYS, SLOTS), np.nan))["gap_clock_days"])
