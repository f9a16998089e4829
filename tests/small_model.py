"""A small model for tests of everything around models: right in shape, poor in skill, made in seconds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from loadprofile.cases import Cases, Source, emulated_cases
from loadprofile.emulate.households import simulate_homes
from loadprofile.models.model import Model
from loadprofile.profiles import LoadProfiles
from loadprofile.training import fit_model
from loadprofile.verdicts import SubDetector
from subdetectors import ORDERED


@pytest.fixture(scope="session")
def detectors() -> Sequence[SubDetector]:
    return tuple(kind() for kind in ORDERED)


@pytest.fixture(scope="session")
def simulated_homes() -> LoadProfiles:
    return simulate_homes(70, 91, 30, np.random.default_rng(5), start=np.datetime64("2022-02-01"))


@pytest.fixture(scope="session")
def small_cases(simulated_homes: LoadProfiles, detectors: Sequence[SubDetector]) -> Cases:
    source = Source("simulated", simulated_homes)
    return emulated_cases([source], detectors, populations=5, seed=3, windows=(58, 91))


@pytest.fixture(scope="session")
def small_model(small_cases: Cases) -> Model:
    return fit_model(small_cases, seed=1, iterations=6, manifest={"name": "small"})
