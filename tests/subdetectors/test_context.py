"""What other meters and the optional inputs do to a finding."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from loadprofile.features.population import Context, Population
from loadprofile.profiles import LoadProfiles
from subdetectors import examine_all

Homes = Callable[..., LoadProfiles]
Build = Callable[..., Population]
SLOT = 50 * 48 + 21


def signal(population: Population, name: str) -> np.ndarray:
    for found in examine_all(population):
        if name in found.signals.names:
            return np.nan_to_num(found.signals.column(name).astype(np.float64))
    raise KeyError(name)


@pytest.fixture(scope="module")
def harmed(homes: Homes) -> LoadProfiles:
    profiles = homes(90, 84, 30, 5)
    kwh = profiles.kwh.copy().reshape(90, -1)
    kwh[0, SLOT:] = 0  # one dead meter
    for row in range(1, 9):  # many go to zero in one slot and return at different times
        kwh[row, SLOT - 300 : SLOT - 280 + 5 * row] = 0
    kwh[10:18, 30 * 48 : 34 * 48] = np.nan  # whole days that several lack
    rng = np.random.default_rng(1)
    for row in (20, 21):  # long gaps of single meters, nothing carried over
        for first in range(600, 3800, 450):
            at = first + int(rng.integers(0, 90))
            kwh[row, at : at + 37] = np.nan
    for row in (30, 31):
        kwh[row, SLOT:] = np.round(kwh[row, SLOT:] * 0.42, 3)
    kwh[32, SLOT + 480 :] = np.round(kwh[32, SLOT + 480 :] * 0.34, 3)
    kwh[40:47, SLOT + 96 :] *= np.float32(0.625)  # one odd factor, one slot
    return profiles.with_kwh(kwh.reshape(90, 84, 48))


@pytest.fixture(scope="module")
def alone(harmed: LoadProfiles, population_of: Build) -> Population:
    return population_of(harmed)


def given(population: Population, **inputs: pd.DataFrame) -> Population:
    return Population(
        population.profiles,
        population.features,
        population.population_size,
        Context(**inputs),
        population.incident,
    )


def at(slot: int) -> pd.Timestamp:
    return pd.Timestamp("2013-04-01") + pd.Timedelta(minutes=30 * slot)


def test_a_known_outage_excuses_zeros_and_gaps(alone: Population) -> None:
    rows = [("m000", at(SLOT), at(84 * 48))]
    rows += [(f"m{row:03d}", at(SLOT - 300), at(SLOT - 280 + 5 * row)) for row in range(1, 9)]
    known = given(alone, outages=pd.DataFrame(rows, columns=["meter_id", "start", "end"]))
    other = given(alone, outages=pd.DataFrame([("m050", at(0), at(9))], columns=["meter_id", "start", "end"]))
    assert signal(alone, "maintenance.dead_register")[0] > 0.7
    assert signal(known, "maintenance.dead_register")[0] < 0.1
    assert signal(known, "cyber_attack.mass_disconnect")[1:9].max() < 0.1
    assert signal(alone, "cyber_attack.mass_disconnect")[1:9].min() > 0.3
    # a list of outages without these zeros makes the attack more plausible than no list at all
    assert (signal(other, "cyber_attack.mass_disconnect") > signal(alone, "cyber_attack.mass_disconnect"))[
        1:9
    ].all()


def test_gaps_shared_by_many_are_data_and_not_theft(alone: Population) -> None:
    assert signal(alone, "data_mismatch.shared_gap")[10:18].min() > 0.7
    assert signal(alone, "fraud.pulled_meter")[10:18].max() < 0.1
    assert signal(alone, "data_mismatch.shared_gap")[20:22].max() < 0.1


def test_the_register_tells_a_pulled_meter_from_a_failed_link(alone: Population) -> None:
    rows = []
    kwh = alone.profiles.kwh.reshape(len(alone.profiles), -1)
    for row, counted in ((20, False), (21, True)):
        energy = np.nan_to_num(kwh[row], nan=float(np.nanmean(kwh[row])) if counted else 0.0)
        total = np.concatenate([[0.0], np.cumsum(energy)])
        rows += [(f"m{row:03d}", at(48 * day), total[48 * day]) for day in range(0, 85, 2)]
    registers = pd.DataFrame(rows, columns=["meter_id", "timestamp", "register_kwh"])
    known = given(alone, registers=registers)
    before, now = signal(alone, "fraud.pulled_meter"), signal(known, "fraud.pulled_meter")
    assert before[[20, 21]].min() > 0.25
    assert now[20] > before[20] + 0.2
    assert now[21] < 0.1
    assert signal(known, "maintenance.sum_after_gap")[21] > signal(alone, "maintenance.sum_after_gap")[21]
    said = examine_all(known)[-1].evidence[20][0]
    assert "register advanced only" in said.sentence
    link = [e for f in examine_all(known) for e in f.evidence[21] if e.name == "maintenance.sum_after_gap"]
    assert [e.sentence.split(" advanced ")[0] for e in link] == ["The register"], (
        "no word of gaps without a sum"
    )


def test_a_register_that_counts_otherwise_is_a_data_fault(alone: Population) -> None:
    total = np.concatenate([[0.0], np.cumsum(alone.profiles.kwh[60].astype(np.float64))])
    rows = [("m060", at(48 * day), 2.0 * total[48 * day]) for day in range(85)]
    known = given(alone, registers=pd.DataFrame(rows, columns=["meter_id", "timestamp", "register_kwh"]))
    assert signal(known, "data_mismatch.register_sum")[60] == 1.0


def test_events_strengthen_a_trace_and_never_make_one(alone: Population) -> None:
    def log(meter: str, meaning: str, slot: int) -> pd.DataFrame:
        return pd.DataFrame({"meter_id": [meter], "timestamp": [at(slot)], "code": [0], "meaning": [meaning]})

    opened = given(
        alone, events=pd.concat([log("m030", "cover_open", SLOT), log("m070", "cover_open", SLOT)])
    )
    before, now = signal(alone, "fraud.drop"), signal(opened, "fraud.drop")
    assert now[30] > before[30] > 0.3
    assert now[31] == before[31]
    assert now[70] <= before[70] + 0.05
    phase = given(alone, events=log("m032", "missing_voltage", SLOT + 480))
    assert signal(phase, "maintenance.lost_phase")[32] > signal(alone, "maintenance.lost_phase")[32] > 0.3
    remote = given(alone, events=log("m003", "remote_disconnect", SLOT - 300))
    assert (
        signal(remote, "cyber_attack.mass_disconnect")[3] > signal(alone, "cyber_attack.mass_disconnect")[3]
    )


def test_a_lost_phase_and_a_one_phase_bypass_stand_in_both(alone: Population) -> None:
    assert signal(alone, "maintenance.lost_phase")[32] > 0.3
    assert signal(alone, "fraud.drop")[32] > 0.3


def test_one_odd_factor_in_one_slot_is_an_attack_with_one_incident(alone: Population) -> None:
    found = {f.cause: f for f in examine_all(alone)}
    attack = found["cyber_attack"]
    assert attack.score[40:47].min() > 0.7
    assert (attack.score[40:47] > np.nan_to_num(found["fraud"].score[40:47])).mean() > 0.7
    incident = attack.incident[40:47]
    assert (incident == incident[0]).mean() > 0.7
    assert incident[0] >= 0
