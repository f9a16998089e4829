from __future__ import annotations

import numpy as np
import pytest

from loadprofile.errors import NothingToJudgeError
from loadprofile.evaluate.weeks import ATTACKS, register_steps, tampered, weeks_of
from loadprofile.profiles import LoadProfiles


def cube(kwh: np.ndarray) -> LoadProfiles:
    days = np.datetime64("2010-01-04") + np.arange(kwh.shape[1])
    ids = np.array([f"m{i}" for i in range(len(kwh))])
    return LoadProfiles(ids, days, kwh.astype(np.float32), 1440 // kwh.shape[2])


@pytest.fixture
def homes(rng: np.random.Generator) -> LoadProfiles:
    return cube(np.round(rng.gamma(2.0, 0.2, size=(3, 23, 48)), 3) + 0.001)


def test_weeks_start_on_the_second_day_and_hold_the_day_before(homes: LoadProfiles) -> None:
    weeks = weeks_of(homes)
    assert weeks.kwh.shape == (9, 8, 48)
    assert weeks.home.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert np.array_equal(weeks.kwh[1], homes.kwh[0, 7:15])
    assert np.array_equal(weeks.kwh[5, 1:], homes.kwh[1, 15:22])


def test_weeks_with_gaps_or_without_any_use_are_left_out(homes: LoadProfiles) -> None:
    kwh = homes.kwh.copy()
    kwh[0, 10] = np.nan
    kwh[1, 1:8] = 0.0
    assert weeks_of(cube(kwh)).home.tolist() == [0, 0, 1, 1, 2, 2, 2]


def test_a_week_needs_eight_days(homes: LoadProfiles) -> None:
    with pytest.raises(NothingToJudgeError):
        weeks_of(homes.take(slice(0, 3)).between(homes.days[0], homes.days[6]))


@pytest.mark.parametrize("step", [0.0005, 0.001, 0.0125, 0.1])
def test_the_step_of_a_register_is_found(step: float, rng: np.random.Generator) -> None:
    readings = (rng.integers(0, 60, (1, 500)) * step).astype(np.float32)
    assert register_steps(readings)[0] == pytest.approx(step)


def test_readings_without_a_step_have_none(rng: np.random.Generator) -> None:
    assert register_steps(rng.random((1, 500)).astype(np.float32))[0] == 0.0


def test_tampering_leaves_the_rest_alone_and_keeps_the_step(homes: LoadProfiles) -> None:
    weeks = weeks_of(homes)
    before = weeks.kwh.copy()
    which = np.array([-1, 0, 1, 2, 3, 4, 5, 6, 11])
    out = tampered(weeks, which, ATTACKS, 0)
    assert np.array_equal(weeks.kwh, before)
    assert np.array_equal(out[0], weeks.kwh[0, 1:].astype(np.float64))
    off = out / 0.001
    assert np.abs(off - np.rint(off)).max() < 1e-3
    assert all(not np.array_equal(out[i], weeks.kwh[i, 1:]) for i in range(1, 9))


def test_functions_of_the_day_before_are_given_it(homes: LoadProfiles) -> None:
    weeks = weeks_of(homes)
    out = tampered(weeks, np.full(9, list(ATTACKS).index("fdi6")), ATTACKS, 0)
    assert out[:, 0] == pytest.approx(weeks.kwh[:, 0, ::-1], abs=1e-6)
