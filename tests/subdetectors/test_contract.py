"""What every sub-detector in the registry must keep, whatever its question is."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from loadprofile.features.population import Context, Population
from loadprofile.profiles import LoadProfiles
from loadprofile.verdicts import CAUSES, SPOKEN, Cause, Findings, SubDetector
from subdetectors import ORDERED, examine_all

ISO = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2})?$")
Homes = Callable[..., LoadProfiles]
Build = Callable[..., Population]


def harmed(profiles: LoadProfiles) -> LoadProfiles:
    """Homes with enough trouble that every sub-detector has something to say."""
    kwh = profiles.kwh.copy()
    half = kwh.shape[1] // 2
    kwh[0, half:] *= 0.4
    kwh[1, half:] *= 40
    kwh[2, half : half + 9] = 0
    kwh[3, half:] = 0.123
    kwh[4, half : half + 6] = kwh[4, half - 14 : half - 8]
    kwh[5, half:] = kwh[5, half:] * 1.2 + 0.4
    kwh[6, half : half + 5] = np.nan
    kwh[7, -9:] = np.nan
    kwh[8, 3, 5] = 2147483.647
    kwh[9:13, half, 20:40] = 0
    kwh[14] = np.nan
    return profiles.with_kwh(kwh)


@pytest.fixture(scope="module")
def troubled(homes: Homes, population_of: Build) -> Population:
    return population_of(harmed(homes()))


@pytest.fixture(
    scope="module", params=["ordinary", "troubled", "missing", "single", "58 days", "hourly", "quarter"]
)
def population(request: pytest.FixtureRequest, homes: Homes, population_of: Build) -> Population:
    made: dict[str, Callable[[], Population]] = {
        "ordinary": lambda: request.getfixturevalue("ordinary"),
        "troubled": lambda: request.getfixturevalue("troubled"),
        "missing": lambda: population_of(homes(3).with_kwh(np.full((3, 84, 48), np.nan, dtype=np.float32))),
        "single": lambda: population_of(homes(1)),
        "58 days": lambda: population_of(harmed(homes(20, 58))),
        "hourly": lambda: population_of(harmed(homes(20, 60, 60))),
        "quarter": lambda: population_of(harmed(homes(16, 30, 15))),
    }
    return made[request.param]()


@pytest.mark.parametrize("detector", ORDERED, ids=lambda d: d.__name__)
def test_findings_keep_the_contract(detector: type[SubDetector], population: Population) -> None:
    found = detector().examine(population)
    assert found.cause == detector().cause
    assert np.array_equal(found.meter_ids, population.profiles.meter_ids)
    known = found.score[~np.isnan(found.score)]
    assert ((known >= 0) & (known <= 1)).all()
    assert np.isnan(found.probability).all(), "a score is no probability before it was calibrated"
    signals = found.signals.values
    assert np.array_equal(np.isnan(signals).all(axis=1), np.isnan(found.score))
    assert not (signals < 0).any()
    assert not (signals > 1).any()
    assert all(name.startswith(f"{found.cause}.") for name in found.signals.names)
    assert not np.isinf(found.affected_kwh).any()


@pytest.mark.parametrize("detector", ORDERED, ids=lambda d: d.__name__)
def test_every_claim_has_evidence_in_plain_words(detector: type[SubDetector], population: Population) -> None:
    found = detector().examine(population)
    for row, said in enumerate(found.evidence):
        assert said or not found.score[row] >= SPOKEN
        assert len({one.name for one in said}) == len(said)
        assert all(one.strength >= SPOKEN for one in said) or len(said) == 1
        for one in said:
            assert re.search(r"\d", one.sentence), one.sentence
            assert not re.search(r"\bnan\b|\bNaT\b|\binf\b|\bunknown\b", one.sentence, re.IGNORECASE), (
                one.sentence
            )
            assert not one.sentence[0].islower()
            assert one.sentence.endswith(".")
            assert not one.first or ISO.match(one.first), one.first
            assert not one.last or ISO.match(one.last), one.last
            assert np.isfinite(one.found), one.name
            assert one.unit
            assert one.name in found.signals.names


@pytest.mark.parametrize("detector", ORDERED, ids=lambda d: d.__name__)
def test_order_and_batches_change_nothing(detector: type[SubDetector], troubled: Population) -> None:
    whole = detector().examine(troubled)
    turned = np.arange(len(whole.meter_ids))[::-1]
    for rows in (turned, np.array([5]), np.arange(3, 11)):
        part = Population(
            troubled.profiles.take(rows),
            troubled.features.take(rows),
            troubled.population_size,
            troubled.context,
        )
        found = detector().examine(part)
        assert np.array_equal(found.signals.values, whole.signals.values[rows], equal_nan=True)
        assert np.array_equal(found.onset, whole.onset[rows], equal_nan=True)
        assert np.array_equal(found.affected_kwh, whole.affected_kwh[rows], equal_nan=True)
        said = [[one.as_dict() for one in meter] for meter in found.evidence]
        assert said == [[one.as_dict() for one in whole.evidence[row]] for row in rows]


def test_registry_answers_every_cause_but_normal_once() -> None:
    causes = [detector().cause for detector in ORDERED]
    assert sorted(causes) == sorted(cause for cause in CAUSES if cause is not Cause.NORMAL)
    assert causes[-1] is Cause.FRAUD, "fraud is asked last"


def test_examine_all_follows_the_registry(ordinary: Population) -> None:
    assert [found.cause for found in examine_all(ordinary)] == [detector().cause for detector in ORDERED]


def test_a_meter_without_readings_cannot_be_judged(troubled: Population) -> None:
    for found in examine_all(troubled):
        assert np.isnan(found.score[14]), found.cause
        assert not found.evidence[14]


def test_missing_inputs_are_named_and_given_ones_are_not(homes: Homes, population_of: Build) -> None:
    bare = {found.cause: found.missed for found in examine_all(population_of(homes(6)))}
    assert "events" in bare[Cause.FRAUD]
    assert "registers" in bare[Cause.DATA_MISMATCH]
    assert "outages" in bare[Cause.CYBER_ATTACK]
    assert bare[Cause.SUPER_CONSUMPTION]
    given = Context(
        events=pd.DataFrame({"meter_id": [], "timestamp": [], "code": [], "meaning": []}),
        outages=pd.DataFrame({"meter_id": [], "start": [], "end": []}),
        registers=pd.DataFrame({"meter_id": [], "timestamp": [], "register_kwh": []}),
    )
    for found in examine_all(population_of(homes(6), given)):
        assert not {"events", "outages", "registers"} & set(found.missed), found.cause


def test_ordinary_homes_are_mostly_quiet(ordinary: Population) -> None:
    for found in examine_all(ordinary):
        loud = np.nan_to_num(found.score) >= 0.5
        assert loud.mean() <= 0.05, (
            found.cause,
            found.meter_ids[loud],
            [found.evidence[i] for i in np.flatnonzero(loud)],
        )


def test_a_column_that_nobody_computed_silences_its_signatures(ordinary: Population) -> None:
    less = Population(
        ordinary.profiles, ordinary.features.group("g1", "g2", "integrity", "when"), ordinary.population_size,
        ordinary.context,
    )  # fmt: skip
    fraud: Findings = ORDERED[-1]().examine(less)
    assert np.isnan(fraud.signals.column("fraud.drop")).all()
    assert not np.isnan(fraud.signals.column("fraud.zero_windows")).any()
