from __future__ import annotations

import numpy as np
import pytest

from loadprofile.features.late_days import LATE, late_days

DAYS, SLOTS = 50, 24


def found(kwh: np.ndarray) -> dict[str, float]:
    return dict(zip(LATE, late_days(kwh[None].astype(np.float32))[0].tolist(), strict=True))


def home() -> np.ndarray:
    return np.random.default_rng(0).gamma(2.0, 0.25, (DAYS, SLOTS))


def late(kwh: np.ndarray, first: int, last: int, left: float) -> np.ndarray:
    y = kwh.copy()
    y[last, 0] += y[first:last].sum()
    y[first:last] = left
    return y


@pytest.mark.parametrize("left", [np.nan, 0.0])
def test_the_sum_of_whole_days_in_one_reading(left: float) -> None:
    kwh = late(late(home(), 10, 17, left), 30, 31, left)
    seen = found(kwh)
    assert (seen["late_days"], seen["late_asked"]) == (2, 2)
    assert seen["late_ratio"] == pytest.approx(1.0, abs=0.2)
    assert (seen["when.late_first"], seen["when.late_last"]) == (10, 31)


def lost(kwh: np.ndarray) -> np.ndarray:
    kwh[10:17] = np.nan
    return kwh


def away(kwh: np.ndarray) -> np.ndarray:
    kwh[10:17] = 0.0
    return kwh


@pytest.mark.parametrize("change", [lost, away])
def test_days_whose_energy_never_came(change) -> None:
    seen = found(change(home()))
    assert (seen["late_days"], seen["late_asked"]) == (0, 1)


def test_a_stretch_at_either_end_has_nothing_after_or_before_it() -> None:
    kwh = home()
    kwh[:4] = np.nan
    kwh[-4:] = np.nan
    assert found(kwh)["late_asked"] == 0


def test_without_readings_nothing_can_be_told() -> None:
    assert np.isnan(found(np.full((DAYS, SLOTS), np.nan))["late_days"])
