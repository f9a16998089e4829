"""What each family promises about its physics, seen in the readings."""

from __future__ import annotations

import numpy as np
import pytest

from loadprofile.emulate.households import simulate_homes
from loadprofile.emulate.mismatch import FACTORS
from loadprofile.emulate.phenomena import happen, named
from loadprofile.profiles import LoadProfiles


@pytest.fixture(scope="module")
def homes() -> LoadProfiles:
    return simulate_homes(12, 120, 30, np.random.default_rng(21))


def run(name: str, homes: LoadProfiles, seed: int, m: int = 1):
    rows = np.arange(m)
    out, effect = happen(
        named(name), homes.kwh[rows], rows, homes.days, 30, np.random.default_rng(seed), population=homes.kwh
    )
    old, new = homes.kwh[rows].reshape(m, -1).astype(float), out.reshape(m, -1).astype(float)
    slot = ((effect.first - homes.days[0]) // np.timedelta64(30, "m")).astype(int)
    last = ((effect.last - homes.days[0]) // np.timedelta64(30, "m")).astype(int)
    return old, new, slot, last, effect


@pytest.mark.parametrize(("name", "left"), [("phase_lost", 2 / 3), ("two_phases_lost", 1 / 3)])
def test_lost_phases_leave_their_share_at_every_hour(name, left, homes):
    hourly = []
    for seed in range(8):
        old, new, first, last, _ = run(name, homes, seed)
        days = slice(-(-first[0] // 48), last[0] // 48)
        if days.stop - days.start < 5:
            continue
        ratio = new.reshape(120, 48)[days].sum(axis=0) / old.reshape(120, 48)[days].sum(axis=0)
        assert ratio.std() < 0.08
        hourly.append(ratio.mean())
    assert abs(np.mean(hourly) - left) < 0.05


def test_a_wrong_factor_is_exact_and_the_same_for_all(homes):
    for seed in range(10):
        old, new, first, last, effect = run("wrong_factor", homes, seed, m=4)
        assert len(set(first)) == 1
        factor = effect.params["factor"]
        assert factor in FACTORS
        inside = slice(first.min(), last.max() + 1)
        np.testing.assert_allclose(new[:, inside], old[:, inside] * factor, rtol=1e-6, atol=6e-4)


def test_forged_scaling_is_one_odd_factor_at_one_slot(homes):
    old, new, first, last, effect = run("scaled_readings", homes, 1, m=6)
    assert len(set(first)) == 1
    inside = slice(first[0], last[0] + 1)
    np.testing.assert_allclose(new[:, inside], old[:, inside] * effect.params["factor"], atol=6e-4)
    assert min(abs(effect.params["factor"] - f) for f in FACTORS) > 1e-3


def test_the_sum_comes_after_the_gap(homes):
    for name in ("dying_meter", "frozen_display"):
        carried = 0
        for seed in range(6):
            old, new, _, _, _ = run(name, homes, seed)
            if abs(np.nansum(new) - np.nansum(old)) < 1e-3:
                carried += 1
        assert carried >= 2, name


def test_a_pulled_meter_delivers_no_sum(homes):
    for seed in range(6):
        old, new, _, _, effect = run("pulled_meter", homes, seed)
        kept = np.isfinite(new) & (new == old)
        assert ((new[~kept] == 0) | np.isnan(new[~kept])).all()
        assert effect.lost_kwh[0] > 0


def test_replayed_days_repeat_bit_for_bit(homes):
    for seed in range(6):
        _, new, first, last, effect = run("replay", homes, seed, m=2)
        period = round(effect.params["days"] * 48)
        inside = new[:, first.min() : last.max() + 1]
        np.testing.assert_array_equal(inside[:, period:], inside[:, :-period])
        assert (inside > 0).mean() > 0.9


def test_swapped_meters_continue_each_others_life(homes):
    old, new, first, last, _ = run("swapped", homes, 3, m=2)
    inside = slice(first.min(), last.max() + 1)
    np.testing.assert_array_equal(new[0, inside], old[1, inside])
    np.testing.assert_array_equal(new[1, inside], old[0, inside])


def test_an_outage_is_zero_in_the_same_slots_then_a_peak(homes):
    old, new, _, _, _ = run("outage", homes, 4, m=8)
    dark = (new == 0).all(axis=0)
    assert dark.any()
    run_end = int(np.flatnonzero(dark)[-1])
    after = slice(run_end + 2, run_end + 5)
    assert new[:, after].sum() > old[:, after].sum()


def test_benign_life_never_bills_wrong_and_increases_are_metered(homes):
    for name in ("vacation", "solar_saving", "ev_bought", "third_party"):
        _, _, _, _, effect = run(name, homes, 2)
        assert effect.lost_kwh[0] == 0
    added = ("ev_bought", "charging_point", "night_block", "constant_load", "third_party", "second_cycle")
    for name in (*added, "heating_bought", "new_appliance", "resident_arriving"):
        for seed in range(3):
            old, new, _, _, _ = run(name, homes, seed)
            assert new.sum() > old.sum()
            assert (new - old).min() > -0.0011  # one pulse may come a slot later


def test_theft_never_meters_more(homes):
    for name in ("full_bypass", "partial_bypass", "one_phase_bypass", "night_bypass", "weekend_bypass",
                 "on_off_bypass", "daily_window", "peak_cap", "ramp_bypass", "constant_subtraction",
                 "appliance_before_meter", "outage_then_drop", "private_meter"):  # fmt: skip
        for seed in range(3):
            old, new, _, _, effect = run(name, homes, seed)
            assert (new - old).max() < 0.0011, name
            assert effect.lost_kwh[0] > 0, name


def test_a_peak_cap_touches_only_high_load(homes):
    old, new, _, _, effect = run("peak_cap", homes, 6)
    limit = np.quantile(old, effect.params["quantile"])
    low = old < limit - 0.002
    np.testing.assert_allclose(new[low], old[low], atol=0.0011)


def test_weekend_bypass_leaves_weekdays_alone(homes):
    old, new, _, _, _ = run("weekend_bypass", homes, 2)
    weekday = np.repeat((homes.days.astype(np.int64) + 3) % 7, 48)
    midweek = (weekday >= 1) & (weekday <= 3)
    np.testing.assert_allclose(new[0, midweek], old[0, midweek], atol=0.0011)


def test_clock_drift_keeps_energy_and_moves_the_profile(homes):
    old, new, _, _, _ = run("clock_drift", homes, 5)
    assert abs(np.nansum(new) - old.sum()) < 0.01 * old.sum() + 8
    day = new.reshape(120, 48)[-20:]
    assert np.corrcoef(np.nanmean(day, axis=0), old.reshape(120, 48)[-20:].mean(axis=0))[0, 1] < 0.999


def test_coarse_pulses_lie_on_a_coarser_grid(homes):
    old, new, first, last, _ = run("coarse_pulses", homes, 4)
    inside = new[0, first[0] : last[0] + 1]
    lumps = np.unique(inside[inside > 0])
    assert len(lumps) < 0.5 * len(np.unique(old[0, first[0] : last[0] + 1]))
    np.testing.assert_allclose(lumps / lumps[0], np.rint(lumps / lumps[0]), atol=1e-3)


def test_switched_load_jumps_in_the_same_slots(homes):
    old, new, _, _, _ = run("load_switched_on", homes, 2, m=8)
    moved = np.abs(new - old) > 0.05
    assert (moved.any(axis=0) == (moved.sum(axis=0) >= 7)).mean() > 0.99
