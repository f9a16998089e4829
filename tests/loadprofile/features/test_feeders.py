"""Residuals of feeders: grids, missing readings, what demeaning takes away."""

from __future__ import annotations

import numpy as np
import pytest

from loadprofile.features.feeders import MOST_MISSING, balance, common_grid, daily, demeaned
from loadprofile.profiles import LoadProfiles

DAY = np.datetime64("2021-03-01")


def cube(kwh: np.ndarray, first: int = 0) -> LoadProfiles:
    ids = np.array([f"m{i}" for i in range(len(kwh))])
    days = DAY + np.arange(first, first + kwh.shape[1])
    return LoadProfiles(ids, days, kwh.astype(np.float32), 1440 // kwh.shape[2])


@pytest.mark.parametrize(
    ("meters", "feeder", "slots"),
    [(48, 48, 48), (96, 48, 48), (48, 24, 24), (24, 48, 24), (24, 96, 24)],
)
def test_the_coarser_grid_and_the_days_in_common(meters: int, feeder: int, slots: int) -> None:
    own = np.arange(3 * 10 * meters, dtype=np.float64).reshape(3, 10, meters)
    total = np.arange(12 * feeder, dtype=np.float64).reshape(1, 12, feeder)
    grid = common_grid(cube(own), cube(total, first=4))
    assert grid is not None
    assert (grid.first, grid.days, grid.slots) == (4, 6, slots)
    x = grid.of(cube(own), np.array([2, 0]))
    assert x.shape == (2, 6, slots)
    assert x[0].sum() == own[2, 4:].sum()
    assert grid.totals["m0"].sum() == total[0, :6].sum()
    assert grid.totals["m0"][0, 0] == total[0, 0, : feeder // slots].sum()


def test_no_day_in_common_is_no_grid() -> None:
    kwh = np.ones((1, 5, 24))
    assert common_grid(cube(kwh), cube(kwh, first=5)) is None


def test_a_missing_reading_is_bounded_and_many_leave_the_slot_out(rng: np.random.Generator) -> None:
    x = rng.gamma(2.0, 0.2, (12, 21, 24))
    total = x.sum(axis=0)
    gone = x.copy()
    gone[3, 10] = np.nan  # one of twelve
    gone[:4, 15, 6] = np.nan  # a third of all
    weekend = np.zeros(21, dtype=np.bool_)
    held = balance(gone, total, weekend)
    assert not held.usable[15, 6]
    assert held.usable.sum() == 21 * 24 - 1
    untouched = held.usable & ~np.isnan(gone).any(axis=0)
    np.testing.assert_allclose(held.residual[untouched], 0.0, atol=1e-12)
    # what the missing meter used is off by what it differed from its usual, not by all of it
    assert abs(held.residual[10].sum()) < 0.5 * x[3, 10].sum()
    assert x[3, 10].sum() / total[10].sum() < MOST_MISSING


def test_readings_above_the_feeders_total_are_false(rng: np.random.Generator) -> None:
    x = rng.gamma(2.0, 0.2, (12, 21, 24))
    total = x.sum(axis=0)
    x[5, 4:6] *= 1000
    held = balance(x, total, np.zeros(21, dtype=np.bool_))
    assert held.impossible[5] == pytest.approx(2 / 21)
    assert np.delete(held.impossible, 5).max() == 0
    assert np.abs(held.residual).max() < 0.5 * total.max()


def test_demeaning_takes_courses_and_weekly_steps_and_keeps_the_rest(rng: np.random.Generator) -> None:
    usable = rng.random((28, 24)) < 0.9
    course, weeks = rng.normal(size=24), np.repeat(rng.normal(size=4), 7)[:, None]
    assert (
        np.abs(demeaned(np.ones((28, 24)) * course + weeks, np.ones((28, 24), dtype=np.bool_))).max() < 1e-9
    )
    noise = rng.normal(size=(2, 28, 24))
    left = demeaned(noise + course + weeks, usable)
    assert (left[:, ~usable] == 0).all()
    twin = demeaned(noise, usable)
    assert np.abs(left - twin).max() < 0.2 * np.abs(noise).max()  # two rounds do not finish uneven tables
    assert np.corrcoef(left[0][usable], noise[0][usable])[0, 1] > 0.9


def test_daily_sums_do_not_mind_which_hours_are_absent(rng: np.random.Generator) -> None:
    z = np.tile(np.arange(24.0), (10, 1))
    usable = np.ones((10, 24), dtype=np.bool_)
    usable[2, 16:] = False
    usable[5, :12] = False
    sums = daily(z, usable)
    assert np.isnan(sums[5])
    np.testing.assert_allclose(np.delete(sums, 5), sums[0])
    del rng
