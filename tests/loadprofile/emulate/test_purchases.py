"""What honest customers buy: real use, counted right."""

from __future__ import annotations

import numpy as np
import pytest

from loadprofile.emulate.households import simulate_homes
from loadprofile.emulate.phenomena import happen, named
from loadprofile.profiles import LoadProfiles
from loadprofile.verdicts import Cause


@pytest.fixture(scope="module")
def homes() -> LoadProfiles:
    return simulate_homes(6, 120, 30, np.random.default_rng(61))


def run(name: str, homes: LoadProfiles, seed: int):
    rng = np.random.default_rng(seed)
    row = np.array([seed % len(homes)])
    out, effect = happen(named(name), homes.kwh[row], row, homes.days, 30, rng, population=homes.kwh)
    return homes.kwh[row][0].astype(np.float64), out[0].astype(np.float64), effect


def test_an_ordinary_purchase_is_normal_and_somebody_elses_is_not():
    for name in ("ev_bought", "heating_bought", "new_appliance", "home_battery", "meter_exchanged"):
        assert named(name).cause is Cause.NORMAL
    for name in ("charging_point", "third_party", "solar_evening_draw", "second_cycle"):
        assert named(name).cause is Cause.SUPER_CONSUMPTION


def test_a_car_charges_in_blocks_of_its_power(homes):
    for seed in range(6):
        old, new, effect = run("ev_bought", homes, seed)
        more = (new - old).reshape(-1)
        assert more.max() <= effect.params["kw"] * 0.5 * 2.01  # one night may run into the next
        assert more.max() > 0.9 * effect.params["kw"] * 0.5
        assert (more > 0.01).mean() < 0.5


def test_a_battery_gives_back_a_little_less_than_it_took(homes):
    for seed in range(8):
        old, new, effect = run("home_battery", homes, seed)
        inside = (new != old).any(axis=1)
        extra = (new - old)[inside].sum()
        given = np.maximum(old - new, 0)[inside].sum()
        assert 0 < extra < (effect.params["loss"] - 1) * given * 1.3 + 0.5


def test_a_new_meter_counts_the_same_energy_in_other_pulses(homes):
    coarser = 0
    for seed in range(10):
        old, new, _ = run("meter_exchanged", homes, seed)
        before = new.reshape(-1) == old.reshape(-1)
        since = int(np.flatnonzero(~before)[0])
        late = slice(since + 96, None)
        a, b = old.reshape(-1)[late], new.reshape(-1)[late]
        if len(b) > 480:
            assert abs(np.nansum(b) / np.nansum(a) - 1) < 0.05
        coarser += len(np.unique(b)) < 0.7 * len(np.unique(a))
    assert coarser >= 2


def test_panels_take_nothing_by_night(homes):
    for seed in range(6):
        old, new, _ = run("solar_saving", homes, seed)
        # pulses may come a slot later
        assert np.abs((new - old)[:, :4].sum(axis=1)).max() < 0.003
        assert (new - old)[:, 20:28].sum() < 0
