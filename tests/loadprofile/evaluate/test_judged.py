from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from loadprofile.cases import Source, emulated_cases
from loadprofile.evaluate.judged import Judged, gathered, judged_cases
from loadprofile.models.model import Model
from loadprofile.profiles import LoadProfiles
from loadprofile.verdicts import CAUSES, SubDetector

PRIOR = np.array([0.5, 0.1, 0.1, 0.1, 0.1, 0.1])


@pytest.fixture(scope="module")
def source(simulated_homes: LoadProfiles) -> Source:
    return Source("simulated", simulated_homes)


@pytest.fixture(scope="module")
def judged(source: Source, detectors: Sequence[SubDetector], small_model: Model) -> Judged:
    return judged_cases(source, detectors, {"small": small_model}, PRIOR, populations=2, seed=9)


def test_rows_are_those_that_training_would_see(
    judged: Judged, source: Source, detectors: Sequence[SubDetector]
) -> None:
    cases = emulated_cases([source], detectors, populations=2, seed=9)
    assert judged.cases.kind.tolist() == cases.kind.tolist()
    assert np.array_equal(judged.cases.table.values, cases.table.values, equal_nan=True)


def test_the_odds_are_the_models(judged: Judged, small_model: Model) -> None:
    p = small_model.probabilities(judged.cases.table, PRIOR)
    # meters with too little to judge keep the prior
    enough = ~np.isclose(judged.said["small"].probabilities, PRIOR).all(axis=1)
    assert enough.mean() > 0.9
    assert judged.said["small"].probabilities[enough] == pytest.approx(p[enough])


def test_the_same_prior_changes_nothing(judged: Judged) -> None:
    p, said = judged.at_prior("small", PRIOR)
    assert p == pytest.approx(judged.said["small"].probabilities)
    assert (said == judged.said["small"].cause).mean() > 0.95  # a meter with too little data is left out here


def test_a_prior_of_no_fraud_names_no_fraud(judged: Judged) -> None:
    prior = np.array([0.9, 0.04, 0.03, 0.02, 0.01, 0.0])
    p, said = judged.at_prior("small", prior)
    assert not p[:, CAUSES.index("fraud")].any()  # type: ignore[arg-type]
    assert "fraud" not in set(said.tolist())


def test_parts_are_put_below_each_other(judged: Judged) -> None:
    twice = gathered([judged, replace(judged)])
    assert len(twice.cases) == 2 * len(judged.cases)
    assert twice.said["small"].onset.shape == (len(twice.cases),)
