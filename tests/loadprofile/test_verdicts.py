from __future__ import annotations

import numpy as np
import pytest

from loadprofile.features.population import Context, Population
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import LoadProfiles
from loadprofile.verdicts import Cause, Signature, findings_from, sign

IDS = np.array(["a", "b"])
DAYS = np.datetime64("2013-01-01") + np.arange(30)
PROFILES = LoadProfiles(IDS, DAYS, np.ones((2, 30, 24), dtype=np.float32), 60)
POPULATION = Population(PROFILES, FeatureTable(IDS, (), np.empty((2, 0), np.float32)), 2, Context())


def trace(name: str, strength: list[float], day: int, speaks: float = 1.0) -> Signature:
    onset = np.full(2, DAYS[day].astype("datetime64[m]"))
    found = np.asarray(strength)
    return sign(
        Cause.MAINTENANCE, name, found, lambda i: f"{name} {found[i]}.", quantity=name, found=found,
        onset=onset, speaks=speaks,
    )  # fmt: skip


def test_the_telling_trace_is_said_before_a_stronger_side_effect() -> None:
    signs = [trace("side", [0.9, 0.9], 3, speaks=0.8), trace("own", [0.8, 0.05], 7, speaks=1.3)]
    found = findings_from(Cause.MAINTENANCE, POPULATION, signs)
    said = [[one.name.split(".")[1] for one in evidence] for evidence in found.evidence]
    assert said == [["own", "side"], ["side"]], "what is too weak to be spoken of is never lifted"
    assert [one.strength for one in found.evidence[0]] == pytest.approx([0.8, 0.9])
    assert [str(moment)[:10] for moment in found.onset] == [str(DAYS[7]), str(DAYS[3])]
    np.testing.assert_allclose(found.score, [1 - 0.1 * 0.2, 1 - 0.1 * 0.95])


def test_weak_signs_together_let_the_strongest_speak() -> None:
    signs = [trace("a", [0.06, 0.0], 3, speaks=0.5), trace("b", [0.05, 0.0], 7, speaks=2.0)]
    found = findings_from(Cause.MAINTENANCE, POPULATION, signs)
    assert [[one.name for one in evidence] for evidence in found.evidence] == [["maintenance.a"], []]
