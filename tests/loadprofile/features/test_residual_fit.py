"""Regressions of a residual on the meters of its feeder."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from loadprofile.features.feeders import Balance, balance
from loadprofile.features.residual_fit import TRACES, as_z, fit, found_in

DAYS, SLOTS = 56, 24
ZERO, TOP, GAP = (TRACES.index(name) for name in ("zero", "top", "gap"))


def feeder(rng: np.random.Generator, m: int = 20, loss: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """What ``m`` customers used, and the noise of their total."""
    course = 1 + np.cos((np.arange(SLOTS) - 19) / 24 * 2 * np.pi) ** 2
    used = rng.gamma(0.8, 0.4, (m, DAYS, SLOTS)) * course
    return used, used.sum(axis=0) * (1 + loss + 0.003 * rng.standard_normal((DAYS, SLOTS)))


def held(shown: np.ndarray, total: np.ndarray) -> Balance:
    return balance(shown, total, np.arange(DAYS) % 7 >= 5)


def test_honest_meters_have_coefficients_near_zero(rng: np.random.Generator) -> None:
    used, total = feeder(rng)
    found = fit(held(used, total))
    assert found is not None
    assert found.loss == pytest.approx(0.05, abs=0.01)
    assert np.abs(found.coefficient[:, 0]).max() < 0.03
    assert np.nanmax(np.abs(found.z[:, :GAP])) < 5
    assert np.isnan(found.coefficient[:, GAP]).all()  # nobody has gaps


@pytest.mark.parametrize("left", [0.3, 0.6, 0.9])
def test_a_share_that_goes_round_the_meter_is_found_in_size(rng: np.random.Generator, left: float) -> None:
    used, total = feeder(rng)
    shown = used.copy()
    shown[7] *= left
    found = fit(held(shown, total))
    assert found is not None
    assert found.coefficient[7, 0] == pytest.approx((1 / left - 1) * 1.05, rel=0.15, abs=0.02)
    assert found.z[:, 0].argmax() == 7
    assert found.z[7, 0] > 6


def test_use_at_zero_readings_and_at_a_cap(rng: np.random.Generator) -> None:
    used, total = feeder(rng)
    shown = used.copy()
    off = np.zeros((DAYS, SLOTS), dtype=np.bool_)
    off[rng.random(DAYS) < 0.5, 18:] = True
    shown[4, off] = 0.0
    shown[9] = np.minimum(used[9], np.quantile(used[9], 0.7))
    idle = used.copy()
    idle[2, off] = 0.0  # nobody at home: not used, not metered
    found = fit(held(shown, total))
    assert found is not None
    assert found.coefficient[4, ZERO] == pytest.approx(1.0, abs=0.35)
    assert found.z[4, ZERO] > 4
    assert np.nanargmax(found.z[:, TOP]) == 9
    real = fit(held(idle, total - used[2] * off))
    assert real is not None
    assert abs(real.coefficient[2, ZERO]) < 0.15


def test_a_gap_in_which_energy_went_on_and_one_in_which_it_did_not(rng: np.random.Generator) -> None:
    used, total = feeder(rng)
    shown = used.copy()
    shown[3, 20:34] = np.nan
    went_on = fit(held(shown, total))
    lost = total.copy()
    lost[20:34] -= used[3, 20:34]
    stood = fit(held(shown, lost))
    assert went_on is not None
    assert stood is not None
    assert went_on.coefficient[3, GAP] == pytest.approx(0.0, abs=0.4)
    assert stood.coefficient[3, GAP] == pytest.approx(-1.0, abs=0.2)


def test_a_meter_that_is_not_there_and_the_feeder_that_has_it(rng: np.random.Generator) -> None:
    used, total = feeder(rng)
    other, other_total = feeder(rng)
    found = fit(held(used, total - used[5]))
    assert found is not None
    assert found.coefficient[5, 0] + found.loss == pytest.approx(-1.0, abs=0.05)
    assert found.z[5, 0] < -10
    there = held(other, other_total + used[5])
    nowhere = held(other, other_total)
    residuals = np.stack([there.residual, nowhere.residual])
    coefficient, z = found_in(used[[5, 6]], residuals, np.stack([there.usable, nowhere.usable]))
    assert coefficient[0, 0] == pytest.approx(1.0, abs=0.2)
    assert z[0, 0] > 8
    assert np.abs(np.delete(z.ravel(), 0)).max() < 5


def test_too_few_slots_for_so_many_meters_say_nothing(rng: np.random.Generator) -> None:
    used, total = feeder(rng)
    assert fit(held(used, total), np.arange(DAYS) < 5) is None


def test_student_t_becomes_a_normal_z_of_the_same_tail() -> None:
    for freedom in (8, 30, 90):
        for t in (0.5, 2.0, 5.0, -4.0):
            exact = np.sign(t) * stats.norm.isf(stats.t.sf(abs(t), freedom))
            assert as_z(np.array([t]), freedom)[0] == pytest.approx(exact, rel=0.02, abs=0.02)
