"""Synthetic homes and the populations made of them, for the tests of the sub-detectors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from loadprofile.features.change import change_features
from loadprofile.features.cohorts import find_cohorts
from loadprofile.features.daily import daily_blocks
from loadprofile.features.extract import describe
from loadprofile.features.peer_differences import peers_features
from loadprofile.features.peers import group_peers
from loadprofile.features.population import Context, Population
from loadprofile.features.slots import count_slots
from loadprofile.features.table import beside
from loadprofile.profiles import LoadProfiles


def make_homes(
    meters: int = 40, days: int = 84, step: int = 30, seed: int = 7, start: str = "2013-04-01"
) -> LoadProfiles:
    """Homes with a fridge cycle, morning and evening use, own level and habits, weather in common."""
    rng = np.random.default_rng(seed)
    slots = 1440 // step
    hour = (np.arange(slots) + 0.5) * 24 / slots
    level = rng.lognormal(-1.0, 0.45, meters)[:, None, None]
    wake = rng.normal(7.3, 0.8, meters)[:, None, None]
    dine = rng.normal(19.0, 1.0, meters)[:, None, None]
    shape = (
        0.35
        + 0.8 * np.exp(-0.5 * ((hour - wake) / 1.0) ** 2)
        + 1.6 * np.exp(-0.5 * ((hour - dine) / 2.0) ** 2)
        + 0.3 * ((hour > 9) & (hour < 17))
    )
    weather = np.exp(0.08 * np.sin(np.arange(days) / 9.0) + rng.normal(0, 0.03, days))[None, :, None]
    mood = np.exp(rng.normal(0, 0.12, (meters, days, 1)))
    use = level * shape * weather * mood * rng.gamma(2.5, 1 / 2.5, (meters, days, slots))
    fridge = 0.03 + 0.05 * (np.sin(np.arange(days * slots) * 1.7).reshape(1, days, slots) > 0.2)
    kwh = np.round((use + fridge) * step / 60 + rng.uniform(0, 0.004, use.shape), 3)
    first = np.datetime64(start, "D")
    ids = np.array([f"m{i:03d}" for i in range(meters)])
    return LoadProfiles(ids, np.arange(first, first + days), kwh.astype(np.float32), step)


def make_population(profiles: LoadProfiles, context: Context | None = None) -> Population:
    """The population with every feature group that rests on the profiles."""
    described = describe(profiles)
    blocks = daily_blocks(profiles)
    groups = group_peers(blocks, described)
    tables = [
        described,
        peers_features(groups),
        change_features(profiles, blocks, groups.expected(slice(None))),
    ]
    table = beside(tables)
    cohorts = find_cohorts(table, count_slots(profiles), [profiles], blocks)
    features = beside([table, cohorts.features])
    return Population(profiles, features, len(profiles), context or Context(), cohorts.incident)


@pytest.fixture(scope="session")
def homes() -> Callable[..., LoadProfiles]:
    return make_homes


@pytest.fixture(scope="session")
def population_of() -> Callable[..., Population]:
    return make_population


@pytest.fixture(scope="session")
def ordinary() -> Population:
    return make_population(make_homes())
