"""Files on their way: what is moved is not made, and what comes late comes whole."""

from __future__ import annotations

import numpy as np
import pytest

from loadprofile.emulate.households import simulate_homes
from loadprofile.emulate.phenomena import happen, named
from loadprofile.profiles import LoadProfiles


@pytest.fixture(scope="module")
def homes() -> LoadProfiles:
    return simulate_homes(6, 120, 30, np.random.default_rng(31), "2021-02-01")


def run(name: str, homes: LoadProfiles, seed: int, m: int):
    rows = np.arange(m)
    rng = np.random.default_rng(seed)
    out, effect = happen(named(name), homes.kwh[rows], rows, homes.days, 30, rng, population=homes.kwh)
    return homes.kwh[rows].astype(np.float64), out.astype(np.float64), effect


@pytest.mark.parametrize(("name", "m"), [("swapped", 2), ("columns_shifted", 5)])
def test_exchanged_meters_keep_their_total(name, m, homes):
    for seed in range(6):
        old, new, _ = run(name, homes, seed, m)
        np.testing.assert_allclose(new.sum(axis=0), old.sum(axis=0), rtol=1e-6)
        assert (new != old).any(axis=(1, 2)).all()


def test_days_that_come_late_come_as_one_sum_at_a_midnight(homes):
    for seed in range(8):
        old, new, effect = run("days_accumulated", homes, seed, 2)
        np.testing.assert_allclose(np.nansum(new, axis=(1, 2)), old.sum(axis=(1, 2)), rtol=1e-5)
        np.testing.assert_allclose(effect.lost_kwh, 0, atol=1e-3)
        bigger = np.nan_to_num(new) > old + 1e-6
        assert not bigger[:, :, 1:].any(), "a sum may stand in the first slot of a day only"


def test_lost_rows_are_lost_alike_or_each_by_itself(homes):
    alike = set()
    for seed in range(12):
        old, new, effect = run("rows_lost", homes, seed, 3)
        hit = new != old
        same = bool((hit == hit[:1]).all())
        assert same == bool(effect.params["alike"])
        alike.add(same)
    assert alike == {True, False}


def test_day_and_month_change_places_up_to_the_twelfth(homes):
    seen = 0
    for seed in range(6):
        old, new, _ = run("day_month_swapped", homes, seed, 1)
        for i, day in enumerate(homes.days.astype(object)):
            if day.day > 12:
                np.testing.assert_array_equal(new[0, i], old[0, i])
                continue
            other = np.datetime64(f"{day.year}-{day.day:02d}-{day.month:02d}")
            at = int((other - homes.days[0]).astype(int))
            if (new[0, i] != old[0, i]).any() and 0 <= at < len(homes.days):
                np.testing.assert_array_equal(new[0, i], old[0, at])
                seen += 1
    assert seen > 10


def test_a_file_that_stops_mostly_stops_at_midnight_and_a_dead_meter_at_any_time(homes):
    def slots_past_midnight(name: str) -> np.ndarray:
        first = np.array([run(name, homes, seed, 1)[2].first[0] for seed in range(30)])
        return (first - first.astype("datetime64[D]")) // np.timedelta64(homes.step_minutes, "m")

    stopped, died = slots_past_midnight("delivery_stopped"), slots_past_midnight("dead_meter")
    assert np.mean(stopped <= 1) > 0.8  # readings stamped at their end reach one slot into the next day
    assert 0.1 < np.mean(stopped == 1) < 0.7
    assert np.mean(died <= 1) < 0.4
