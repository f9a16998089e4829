"""Drift is 0 for the same meters, large for others, and counts what is there only."""

from __future__ import annotations

import numpy as np
import pytest

from loadprofile.profiles import LoadProfiles
from loadprofile.store.database import Database
from loadprofile.store.drift import LEAST, daily_means, input_drift, psi
from loadprofile.store.readings import record_readings


def test_psi_by_hand() -> None:
    before, after = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 1.0, 1.0, 4.0])
    expected = (0.75 - 0.5) * np.log(0.75 / 0.5) + (0.25 - 0.5) * np.log(0.25 / 0.5)
    assert psi(before, after, bins=2) == pytest.approx(expected)
    assert psi(before, before) == 0.0
    assert psi(np.append(before, np.nan), after, bins=2) == pytest.approx(expected)
    gone = (LEAST - 0.5) * np.log(LEAST / 0.5) + 0.5 * np.log(2.0)
    assert psi(before, np.array([9.0]), bins=2) == pytest.approx(gone)
    assert np.isnan(psi(before, np.array([np.nan])))


def test_means_count_known_slots(database: Database, rng: np.random.Generator) -> None:
    kwh = rng.random((30, 20, 24)).astype(np.float32)
    kwh[:, 10:] *= 3.0
    kwh[0, :10, 12:] = np.nan
    days = np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-01-21"))
    cube = LoadProfiles(np.array([f"M{i:02d}" for i in range(30)]), days, kwh, 60)
    with database.writing() as connection:
        record_readings(connection, cube)
        record_readings(connection, cube.take(slice(0, 1)).with_kwh(kwh[:1] * 0.5), kind="feeder")
        means = daily_means(connection, days[0], days[9])
        same = input_drift(connection, (days[0], days[4]), (days[5], days[9]))
        drift = input_drift(connection, (days[0], days[9]), (days[10], days[19]))
    assert np.allclose(means["kwh_per_day"], np.nanmean(kwh[:, :10], axis=(1, 2)) * 24, rtol=1e-5)
    assert means["known"].tolist() == [0.5] + [1.0] * 29
    assert drift["psi"].iloc[0] > 5.0 > same["psi"].iloc[0]
    assert drift["meters_after"].tolist() == [30, 30]
