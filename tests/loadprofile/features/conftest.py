"""Made-up homes for the tests of change, peers and cohorts: cheap, seeded, with known truth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from loadprofile.features.daily import daily_blocks
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import LoadProfiles


def homes(n: int = 40, days: int = 91, slots: int = 48, noise: float = 0.25, seed: int = 0) -> LoadProfiles:
    """Two kinds of homes (evening and day use) under one weather, each with its own size and luck."""
    rng = np.random.default_rng(seed)
    hour = np.arange(slots) * 24 / slots
    evening = 0.15 + 0.6 * np.exp(-(((hour - 19) / 2.5) ** 2)) + 0.2 * np.exp(-(((hour - 8) / 1.5) ** 2))
    daytime = 0.2 + 0.5 * np.exp(-(((hour - 13) / 3.0) ** 2))
    shape = np.where(rng.random((n, 1)) < 0.5, evening, daytime)
    weather = np.exp(0.3 * np.cos(2 * np.pi * np.arange(days) / 365) + 0.05 * rng.standard_normal(days))
    day = np.exp(0.5 * noise * rng.standard_normal((n, days)))
    slot = np.exp(noise * rng.standard_normal((n, days, slots)) - noise**2 / 2)
    size = np.exp(0.5 * rng.standard_normal(n))
    kwh = size[:, None, None] * shape[:, None, :] * weather[None, :, None] * day[:, :, None] * slot
    return LoadProfiles(
        meter_ids=np.array([f"m{i:04d}" for i in range(n)]),
        days=np.datetime64("2010-01-04") + np.arange(days),
        kwh=(kwh * 12 / slots).astype(np.float32),
        step_minutes=1440 // slots,
    )


def no_features(profiles: LoadProfiles) -> FeatureTable:
    """A table without columns: groups are then made from the daily blocks."""
    return FeatureTable(profiles.meter_ids, (), np.empty((len(profiles), 0), dtype=np.float32))


def changed(profiles: LoadProfiles, alone: bool = False) -> FeatureTable:
    """Change features with peers found in the same population, or without any."""
    from loadprofile.features.change import change_features
    from loadprofile.features.peers import group_peers

    blocks = daily_blocks(profiles)
    expected = None if alone else group_peers(blocks, no_features(profiles)).expected(slice(None))
    return change_features(profiles, blocks, expected)


@pytest.fixture(scope="session")
def make_homes() -> Callable[..., LoadProfiles]:
    return homes


@pytest.fixture(scope="session")
def bare() -> Callable[[LoadProfiles], FeatureTable]:
    return no_features


@pytest.fixture(scope="session")
def changes_of() -> Callable[..., FeatureTable]:
    return changed


@pytest.fixture(scope="session")
def real_homes(shared_data) -> Callable[[str], LoadProfiles]:  # type: ignore[no-untyped-def]
    """Real half-hourly homes by file stem."""

    def read(stem: str, most: int | None = None) -> LoadProfiles:
        frame = pd.read_parquet(shared_data / "halfhourly" / f"{stem}.parquet")
        frame = frame.iloc[:, :most]
        days = len(frame) // 48
        kwh = frame.to_numpy(np.float32)[: days * 48].T.reshape(frame.shape[1], days, 48)
        first = frame.index[0].to_datetime64().astype("datetime64[D]")
        ids = frame.columns.to_numpy().astype(str)
        return LoadProfiles(ids, first + np.arange(days), np.ascontiguousarray(kwh), 30)

    return read
