from __future__ import annotations

import numpy as np
import pytest

from loadprofile.features.dead_band import BAND, dead_band

DAYS, SLOTS = 60, 48


def home(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    hour = np.arange(SLOTS) / 2
    shape = 0.1 + 0.8 * np.exp(-(((hour - 19) / 3) ** 2))
    return np.round(shape * rng.gamma(3.0, 1 / 3, (DAYS, SLOTS)) + 0.02, 3)


def found(kwh: np.ndarray, step: float = 0.001) -> dict[str, float]:
    values = dead_band(kwh[None].astype(np.float32), np.array([step]))[0]
    return dict(zip(BAND, values.tolist(), strict=True))


def not_started(kwh: np.ndarray, threshold: float, first: int) -> np.ndarray:
    y = kwh.copy()
    y[first:] = np.where(y[first:] < threshold, 0.0, y[first:])
    return y


@pytest.mark.parametrize("first", [0, 25])
def test_the_threshold_and_its_days(first: int) -> None:
    seen = found(not_started(home(), 0.15, first))
    assert seen["band_surprise"] > 20
    assert seen["band_kwh"] == pytest.approx(0.15, abs=0.01)
    assert seen["when.band_first"] == first
    assert seen["when.band_last"] == DAYS
    assert seen["band_multiples"] < 0.4
    assert seen["band_edges"] < 0.9


def test_lumps_are_whole_multiples() -> None:
    flat = np.cumsum(home().ravel())
    lumps = np.round(np.diff(np.floor(flat / 0.5), prepend=0) * 0.5, 3)
    seen = found(lumps.reshape(DAYS, SLOTS))
    assert seen["band_multiples"] == 1
    assert seen["band_surprise"] > 8


def test_zeros_that_cut_high_load_leave_the_readings_beside_them_high() -> None:
    kwh = home()
    rng = np.random.default_rng(4)
    for day in range(20, DAYS):
        at = int(rng.integers(0, SLOTS - 6))
        kwh[day, at : at + 6] = 0.0
    seen = found(kwh)
    assert not seen["band_surprise"] > 2.5 or seen["band_edges"] > 0.9


def subtracted(kwh: np.ndarray) -> np.ndarray:
    return np.maximum(kwh - 0.15, 0.0)


def emptied(kwh: np.ndarray) -> np.ndarray:
    kwh[30:40] = 0.0
    return kwh


@pytest.mark.parametrize("change", [lambda kwh: kwh, subtracted, emptied])
def test_use_leaves_no_band(change) -> None:
    assert found(change(home()))["band_surprise"] < 2.5


def test_the_counting_step_is_no_threshold() -> None:
    kwh = np.round(home() / 0.1) * 0.1
    assert found(kwh, 0.1)["band_surprise"] == 0


def test_without_readings_nothing_can_be_told() -> None:
    assert np.isnan(dead_band(np.full((1, 9, 24), np.nan, dtype=np.float32), np.array([np.nan]))).all()
