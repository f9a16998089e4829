"""Simulated homes look like homes."""

from __future__ import annotations

import numpy as np
import pytest

from loadprofile.emulate.households import simulate_homes
from loadprofile.errors import OptionError
from loadprofile.profiles import LoadProfiles


@pytest.fixture(scope="module")
def homes() -> LoadProfiles:
    return simulate_homes(80, 365, 30, np.random.default_rng(1))


def test_shape_names_and_grid(homes: LoadProfiles):
    assert homes.kwh.shape == (80, 365, 48)
    assert homes.meter_ids[0] == "SIM0001"
    assert homes.days[0] == np.datetime64("2013-01-01")
    assert np.isfinite(homes.kwh).all()
    assert (homes.kwh >= 0).all()
    counts = homes.kwh.astype(np.float64) * 1000
    np.testing.assert_allclose(counts, np.rint(counts), atol=2e-3)


def test_levels_are_those_of_homes(homes: LoadProfiles):
    annual = homes.kwh.sum(axis=(1, 2))
    assert 2000 < np.median(annual) < 6000
    assert annual.min() > 500
    assert annual.max() < 25_000
    peak_kw = homes.kwh.max(axis=(1, 2)) * 2
    assert np.median(peak_kw) > 2.5
    assert peak_kw.max() < 40


def test_evenings_weekends_and_seasons(homes: LoadProfiles):
    by_hour = homes.kwh.mean(axis=(0, 1)).reshape(24, 2).sum(axis=1)
    assert by_hour[18:21].mean() > 1.8 * by_hour[2:5].mean()
    weekend = (homes.days.astype(np.int64) + 3) % 7 >= 5
    noon = homes.kwh[:, :, 24:30].mean(axis=2)
    assert noon[:, weekend].mean() > 1.1 * noon[:, ~weekend].mean()
    winter, summer = homes.kwh[:, :60].mean(), homes.kwh[:, 160:220].mean()
    assert winter > 1.1 * summer
    southern = simulate_homes(80, 365, 60, np.random.default_rng(1), southern=True).kwh
    assert southern[:, :60].mean() < southern[:, 160:220].mean()


def test_the_fridge_goes_on_when_nobody_is_there(homes: LoadProfiles):
    daily = homes.kwh.sum(axis=2)
    quiet = daily < 0.5 * np.median(daily, axis=1, keepdims=True)
    assert 0.005 < quiet.mean() < 0.15
    away = homes.kwh[quiet]
    assert (away.sum(axis=1) > 0).all()


def test_homes_differ_from_each_other(homes: LoadProfiles):
    shape = homes.kwh.mean(axis=1)
    shape = shape / shape.sum(axis=1, keepdims=True)
    distance = np.abs(shape[:, None] - shape[None]).sum(axis=2)
    assert np.median(distance[np.triu_indices(80, 1)]) > 0.25


@pytest.mark.parametrize("step", [15, 60])
def test_other_steps_have_the_same_energy_in_the_mean(step: int):
    other = simulate_homes(40, 60, step, np.random.default_rng(3)).kwh.sum() / 40 / 60
    half = simulate_homes(40, 60, 30, np.random.default_rng(3)).kwh.sum() / 40 / 60
    assert 0.6 < other / half < 1.6


def test_same_seed_same_homes():
    one, two = (simulate_homes(3, 20, 60, np.random.default_rng(4)).kwh for _ in range(2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(("n", "days", "step"), [(0, 5, 30), (5, 0, 30), (5, 5, 20)])
def test_senseless_options_are_refused(n: int, days: int, step: int):
    with pytest.raises(OptionError):
        simulate_homes(n, days, step, np.random.default_rng(1))
