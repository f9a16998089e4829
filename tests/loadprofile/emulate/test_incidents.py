"""Attacks on many meters: what all of the cohort share, and what stays exact."""

from __future__ import annotations

import numpy as np
import pytest

from loadprofile.emulate.households import simulate_homes
from loadprofile.emulate.phenomena import happen, named
from loadprofile.profiles import LoadProfiles


@pytest.fixture(scope="module")
def homes() -> LoadProfiles:
    return simulate_homes(8, 90, 30, np.random.default_rng(51))


def run(name: str, homes: LoadProfiles, seed: int):
    rng = np.random.default_rng(seed)
    out, effect = happen(named(name), homes.kwh, np.arange(8), homes.days, 30, rng)
    return homes.kwh.astype(np.float64), out.astype(np.float64), effect


def test_shuffled_days_hold_the_same_values(homes):
    for seed in range(5):
        old, new, _ = run("slots_shuffled", homes, seed)
        np.testing.assert_array_equal(np.sort(new, axis=2), np.sort(old, axis=2))
        assert (new != old).any()


def test_a_frozen_fleet_stops_in_one_slot_and_comes_back_apart(homes):
    apart = []
    for seed in range(10):
        old, new, effect = run("fleet_frozen", homes, seed)
        # a reading may by chance equal the frozen one
        assert (effect.first.max() - effect.first.min()) <= np.timedelta64(120, "m")
        apart.append(len(set(effect.last.tolist())) > 2)
        if effect.params["form"] == 0:
            for row in range(8):
                hit = new[row][new[row] != old[row]]
                assert len(np.unique(hit)) == 1
                assert hit[0] > 0
    assert 0 < np.mean(apart) < 1


def test_falsified_windows_touch_the_same_hours_for_all(homes):
    for seed in range(8):
        old, new, effect = run("window_falsified", homes, seed)
        hours = (new != old).any(axis=(0, 1)).nonzero()[0] / 2
        since = (hours - effect.params["start_hour"]) % 24
        assert (since < effect.params["hours"]).all()


def test_clocks_set_off_keep_the_energy_inside(homes):
    for seed in range(5):
        old, new, effect = run("clocks_set_off", homes, seed)
        assert len(set(effect.first.tolist())) <= 3
        gone = abs(effect.params["minutes"]) / 30 * old.max()
        assert (np.abs(np.nansum(new, axis=(1, 2)) - old.sum(axis=(1, 2))) <= 2 * gone + 0.1).all()


def test_a_false_price_moves_load_into_one_window(homes):
    for seed in range(6):
        old, new, effect = run("false_price", homes, seed)
        change = (new - old).sum(axis=(0, 1))
        hour = np.arange(48) / 2
        into = (hour - effect.params["start_hour"]) % 24 < effect.params["hours"]
        assert change[into].sum() > 0
        # a register may count a pulse one slot later
        assert (change[~into] < 0.02 * len(homes.days)).all()


def test_load_is_switched_at_odd_times_or_at_one_clock_time(homes):
    at_one_time = []
    for seed in range(30, 70):
        old, new, effect = run("load_switched_on", homes, seed)
        more = (new - old).sum(axis=0).reshape(-1)
        starts = np.flatnonzero(np.diff((more > 0.3 * more.max()).astype(int), prepend=0) == 1)
        if effect.params["times"] >= 4:
            at_one_time.append(len(set((starts % 48).tolist())) == 1)
    assert 0.1 < np.mean(at_one_time) < 0.8
