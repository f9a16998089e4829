from __future__ import annotations

import numpy as np
import pytest

from loadprofile.features.index_runs import INDEX, index_runs

SLOTS = 24


def home(seed: int = 0, days: int = 60) -> np.ndarray:
    return np.round(np.random.default_rng(seed).gamma(1.5, 0.3, days * SLOTS), 3)


def found(kwh: np.ndarray) -> dict[str, float]:
    values = index_runs(kwh.reshape(1, -1, SLOTS).astype(np.float32))[0]
    return dict(zip(INDEX, values.tolist(), strict=True))


def as_index(kwh: np.ndarray, first: int, last: int, start: float) -> np.ndarray:
    y = kwh.copy()
    y[first:last] = start + np.cumsum(kwh[first:last])
    return y


@pytest.mark.parametrize("start", [0.0, 250.0, 9000.0])
def test_an_index_is_found_slot_for_slot(start: float) -> None:
    kwh = home()
    seen = found(as_index(kwh, 20 * SLOTS, 33 * SLOTS, start))
    # the first slot after the last of energy belongs to the run if it is no smaller than that
    assert seen["when.index_last"] == 33
    assert 19.9 <= seen["when.index_first"] <= 20
    assert seen["index_days"] == pytest.approx(13, abs=0.1)
    assert seen["index_rises"] > 0.95


def test_an_index_from_the_first_day_to_the_last() -> None:
    seen = found(as_index(home(), 0, 60 * SLOTS, 77.0))
    assert seen["index_days"] == 60
    assert (seen["when.index_first"], seen["when.index_last"]) == (0, 60)


def test_missing_slots_do_not_end_it() -> None:
    kwh = as_index(home(), 20 * SLOTS, 33 * SLOTS, 500.0)
    kwh[25 * SLOTS : 27 * SLOTS + 5] = np.nan
    seen = found(kwh)
    assert (np.floor(seen["when.index_first"] + 0.1), seen["when.index_last"]) == (20, 33)
    assert seen["index_days"] == pytest.approx(13 - 2 - 5 / SLOTS, abs=0.1)


def straight(kwh: np.ndarray) -> np.ndarray:
    kwh[300:420] = np.round(np.linspace(0.2, 3.0, 120), 3)
    return kwh


def sorted_days(kwh: np.ndarray) -> np.ndarray:
    return np.sort(kwh.reshape(-1, SLOTS), axis=1).ravel()


def stuck(kwh: np.ndarray) -> np.ndarray:
    kwh[300:600] = 0.4
    return kwh


@pytest.mark.parametrize("change", [lambda kwh: kwh, straight, sorted_days, stuck])
def test_what_is_no_index(change) -> None:
    assert found(change(home()))["index_days"] == 0


def test_a_line_all_over_is_no_index() -> None:
    assert found(np.linspace(5.0, 90.0, 60 * SLOTS))["index_days"] == 0


def test_without_readings_nothing_can_be_told() -> None:
    assert np.isnan(index_runs(np.full((1, 5, 24), np.nan, dtype=np.float32))).all()
