"""Drift is 0 for the same meters, large for others, and counts what is there only."""

from __future__ import annotations

import numpy as np
import pytest

from loadprofile.profiles import LoadProfiles
from loadprofile.store.database import Database
from loadprofile.store.drift import LEAST, QUANTITIES, _compared, input_drift, of_meters, psi
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


def test_a_value_of_many_meters_is_a_bin_of_its_own() -> None:
    """Nearly every meter has every reading and no day of zeros; the index has to see when that ends."""
    before = np.repeat([0.0, 0.1], [95, 5])
    for after in (np.repeat([0.0, 0.1], [60, 40]), 1.0 - np.repeat([0.0, 0.1], [60, 40])):
        assert psi(before if after[0] == 0.0 else 1.0 - before, after) > 0.25
    assert psi(before, before) == 0.0


def test_chance_exceeds_the_noise_once_in_twenty(rng: np.random.Generator) -> None:
    found = [_compared(rng.gamma(2.0, size=400), rng.gamma(2.0, size=300)) for _ in range(400)]
    share = np.mean([index > noise for index, noise in found])
    assert 0.02 < share < 0.09


def test_means_count_known_slots(database: Database, rng: np.random.Generator) -> None:
    kwh = rng.random((30, 20, 24)).astype(np.float32)
    kwh[:, 10:] *= 3.0
    kwh[0, :10, 12:] = np.nan
    days = np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-01-21"))
    cube = LoadProfiles(np.array([f"M{i:02d}" for i in range(30)]), days, kwh, 60)
    with database.writing() as connection:
        record_readings(connection, cube)
        record_readings(connection, cube.take(slice(0, 1)).with_kwh(kwh[:1] * 0.5), kind="feeder")
        means = of_meters(connection, days[0], days[9])
        same = input_drift(connection, (days[0], days[4]), (days[5], days[9]))
        drift = input_drift(connection, (days[0], days[9]), (days[10], days[19]))
        daily = np.nanmean(kwh[:, :10], axis=2) * 24
        assert np.allclose(means["variation"], daily.std(axis=1) / daily.mean(axis=1), rtol=1e-4)
        weekend = daily[:, [5, 6]].mean(axis=1)  # the first day was a Monday
        assert np.allclose(means["weekend"], weekend / daily.mean(axis=1), rtol=1e-4)
        assert means["zero_days"].tolist() == [0.0] * 30
        kwh[3:9, 10:18] = 0.0
        record_readings(connection, cube.with_kwh(kwh), correct=True)
        pulled = of_meters(connection, days[10], days[19])
        seen = input_drift(connection, (days[0], days[9]), (days[10], days[19]))
    assert pulled["zero_days"].tolist() == [0.0] * 3 + [0.8] * 6 + [0.0] * 21
    row = seen.set_index("quantity").loc["zero_days"]
    assert row["psi"] > row["noise"] > 0.0
    assert np.allclose(means["kwh_per_day"], np.nanmean(kwh[:, :10], axis=(1, 2)) * 24, rtol=1e-5)
    assert means["known"].tolist() == [0.5] + [1.0] * 29
    assert drift["psi"].iloc[0] > 5.0 > same["psi"].iloc[0]
    assert drift["meters_after"].tolist() == [30] * len(QUANTITIES)
