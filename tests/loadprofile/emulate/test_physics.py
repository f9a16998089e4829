"""Registers, pulses, phases and clocks against slow, obvious twins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.emulate import physics


def slow_register(kwh: list[float], pulse: float) -> list[float]:
    """Count pulses one by one; the rest waits."""
    rest, out = 0.0, []
    for energy in kwh:
        if np.isnan(energy):
            out.append(np.nan)
            continue
        rest += energy
        count = 0
        while rest >= pulse * (1 - 1e-4):
            rest -= pulse
            count += 1
        out.append(count * pulse)
    return out


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(st.floats(0, 2), st.just(float("nan"))), min_size=1, max_size=40))
def test_register_counts_whole_pulses(kwh: list[float]):
    got = physics.register(np.array(kwh), 0.05)
    # the same sums up to one pulse at every slot (ties at a pulse's edge may fall on either side)
    slow = np.nancumsum(slow_register(kwh, 0.05))
    np.testing.assert_allclose(np.nancumsum(got), slow, atol=0.0501)
    assert abs(np.nansum(got) - np.nansum(kwh)) <= 0.0501
    np.testing.assert_array_equal(np.isnan(got), np.isnan(kwh))
    counts = got[~np.isnan(got)] / 0.05
    np.testing.assert_allclose(counts, np.rint(counts), atol=1e-9)


def test_register_leaves_readings_on_its_grid_bit_for_bit():
    kwh = (np.random.default_rng(1).integers(0, 900, 500) / 1000).astype(np.float32)
    again = physics.register(kwh.astype(np.float64), 0.001).astype(np.float32)
    np.testing.assert_array_equal(again, kwh)


@pytest.mark.parametrize("pulse", [0.001, 0.0025, 0.01, 0.1, 0.5])
def test_own_pulse_is_found(pulse: float):
    counts = np.random.default_rng(2).integers(0, 400, 3000)
    assert physics.own_pulse((counts * pulse).astype(np.float32).astype(np.float64)) == pulse


def test_no_pulse_where_readings_lie_on_no_grid():
    assert physics.own_pulse(np.random.default_rng(2).gamma(2, 0.2, 3000)) == 0.0
    assert physics.own_pulse(np.full(100, np.nan)) == 0.0


def test_quiet_hours_are_the_meters_own():
    kwh = np.random.default_rng(3).gamma(2, 0.2, 48 * 20)
    kwh[::48] = np.nan
    quiet = physics.quiet_hours(kwh, 48, 200, np.random.default_rng(1))
    assert len(quiet) == 200
    assert set(np.round(quiet, 12)) <= set(np.round(kwh[np.isfinite(kwh)], 12))
    assert quiet.mean() < 0.8 * np.nanmean(kwh)


def test_quiet_hours_without_readings_are_zero():
    assert (physics.quiet_hours(np.full(96, np.nan), 48, 10, np.random.default_rng(1)) == 0).all()


@pytest.mark.parametrize(
    ("lost", "share"), [pytest.param(1, 2 / 3, id="one"), pytest.param(2, 1 / 3, id="two")]
)
def test_phases_left(lost: int, share: float):
    even = physics.phases_left(1000, 48, lost, 0.0, 0.0, np.random.default_rng(1))
    np.testing.assert_allclose(even, share)
    uneven = physics.phases_left(5000, 48, lost, 0.1, 0.1, np.random.default_rng(1))
    assert abs(uneven.mean() - share) < 0.1
    assert 0.01 < uneven.std() < 0.15


def test_wander_has_unit_spread_and_the_wished_memory():
    walk = physics.wander(200_000, 10, np.random.default_rng(1))
    assert abs(walk.std() - 1) < 0.05
    assert abs(np.corrcoef(walk[:-10], walk[10:])[0, 1] - np.exp(-1)) < 0.05


def test_reclocked_by_whole_slots_is_a_shift_and_keeps_energy():
    kwh = np.random.default_rng(1).gamma(2, 0.2, 300)
    np.testing.assert_allclose(physics.reclocked(kwh, np.full(301, 2.0))[2:], kwh[:-2])
    drift = np.linspace(0, 5, 301)
    moved = physics.reclocked(kwh, drift)
    np.testing.assert_allclose(moved.sum(), kwh[:295].sum())
    kwh[100] = np.nan
    assert np.isnan(physics.reclocked(kwh, np.full(301, 0.5))[100:102]).all()


def slow_deposit(start, minutes, kw, length, step):
    per_minute = np.zeros(length * step)
    for s, m, p in zip(start, minutes, kw, strict=True):
        for minute in range(int(s), int(s + m)):
            if 0 <= minute < len(per_minute):
                per_minute[minute] += p / 60
    return per_minute.reshape(length, step).sum(axis=1)


@pytest.mark.parametrize("step", [15, 30, 60])
def test_deposit(step: int):
    rng = np.random.default_rng(1)
    start, minutes = rng.integers(-50, 1500, 40).astype(float), rng.integers(1, 300, 40).astype(float)
    kw = rng.uniform(1, 3, 40)
    got = physics.deposit(start, minutes, kw, 1440 // step, step)
    np.testing.assert_allclose(got, slow_deposit(start, minutes, kw, 1440 // step, step), atol=1e-12)


def test_deposit_of_nothing():
    nothing = np.array([])
    assert (physics.deposit(nothing, nothing, nothing, 4, 30) == 0).all()
