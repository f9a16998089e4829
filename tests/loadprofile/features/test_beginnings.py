from __future__ import annotations

import numpy as np
import pytest

from loadprofile.features.beginnings import BEGINNINGS, beginnings
from loadprofile.features.day_facts import day_facts

SLOTS = 48
DAYS = 30
DAY, SLOT = (part.astype(np.int32) for part in np.divmod(np.arange(DAYS * SLOTS), SLOTS))
EDGES = np.arange(0, DAYS * SLOTS + 1, SLOTS)


def found(kwh: np.ndarray) -> dict[str, float]:
    values = kwh.astype(np.float32).ravel()
    out = beginnings(values, EDGES, day_facts(values, EDGES), DAY, SLOT, SLOTS, 1.0)
    return dict(zip(BEGINNINGS, out, strict=True))


def home() -> np.ndarray:
    return np.random.default_rng(1).uniform(0.1, 0.9, (DAYS, SLOTS))


def gaps(kwh: np.ndarray) -> None:
    kwh[2, 5:8] = np.nan  # three of forty: ordinary
    kwh[7, 10:30] = np.nan
    kwh[20, 0:40] = np.nan


def zeros(kwh: np.ndarray) -> None:
    kwh[3, 0:6] = 0.0  # under four hours
    kwh[9, 12:24] = 0.0
    kwh[21, 8:] = 0.0


def spikes(kwh: np.ndarray) -> None:
    kwh[4, 4] = 2.0  # twice the top is none
    kwh[6, 7] = 9.0
    kwh[25, 40] = 50.0


def negatives(kwh: np.ndarray) -> None:
    kwh[11, 3] = -0.1
    kwh[12, :20] = -0.5


@pytest.mark.parametrize(
    ("name", "alter", "began"),
    [
        pytest.param("when.gap_began", gaps, 7 + 10 / SLOTS, id="gaps"),
        pytest.param("when.zero_began", zeros, 9 + 12 / SLOTS, id="zeros"),
        pytest.param("when.spike_began", spikes, 6 + 7 / SLOTS, id="spikes"),
        pytest.param("when.negative_began", negatives, 11 + 3 / SLOTS, id="negatives"),
    ],
)
def test_the_first_that_counts(name, alter, began) -> None:
    kwh = home()
    assert np.isnan(found(kwh)[name])
    alter(kwh)
    assert found(kwh)[name] == pytest.approx(began)


def test_silence_before_the_first_reading_and_after_the_last_is_no_gap() -> None:
    kwh = home()
    kwh[:5] = np.nan
    kwh[25:] = np.nan
    assert np.isnan(found(kwh)["when.gap_began"])
    assert np.isnan(list(found(np.full((DAYS, SLOTS), np.nan)).values())).all()
