"""Real homes on SimBench feeders: thieves named with numbers, real changes and wrong lines told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from low_voltage import Neighbourhood, neighbourhood

from loadprofile.emulate.surroundings import Feeders, feeder_records
from loadprofile.features.population import Context
from loadprofile.profiles import LoadProfiles
from loadprofile.screening import Survey, examine, survey
from loadprofile.verdicts import Findings
from subdetectors import ORDERED

DAY = 50


@pytest.fixture(scope="module")
def near(shared_data: Path) -> Neighbourhood:
    return neighbourhood(shared_data, np.random.default_rng(7), feeders=3, largest=45)


@pytest.fixture(scope="module")
def rows(near: Neighbourhood) -> dict[str, int]:
    """Customers of ordinary size, each with something of its own."""
    mean = np.nanmean(near.profiles.kwh, axis=(1, 2))
    out = {}
    for name, feeder, quantile in (
        ("thief", 0, 0.7), ("from day one", 1, 0.6), ("saver", 1, 0.8),
        ("tapped", 2, 0.55), ("forged", 2, 0.7), ("misplaced", 2, 0.9),
    ):  # fmt: skip
        members = np.flatnonzero(near.place == feeder)
        out[name] = int(members[np.argsort(mean[members])[int(quantile * len(members))]])
    return out


@pytest.fixture(scope="module")
def given(near: Neighbourhood, rows: dict[str, int]) -> tuple[LoadProfiles, Context]:
    used, shown = near.profiles.kwh.copy(), near.profiles.kwh.copy()
    shown[rows["thief"], DAY:] *= 0.35
    shown[rows["from day one"]] *= 0.5
    for kwh in (used, shown):
        kwh[rows["saver"], DAY:] *= np.float32(0.47)
        kwh[rows["tapped"], DAY:] += 0.8 * np.roll(kwh[rows["saver"]], 14, axis=0)[DAY:]
    shown[rows["forged"], DAY + 20 :] *= 2.3
    shown = np.round(shown, 3)
    profiles = near.profiles.with_kwh(shown)
    drawn = Feeders(loss=0.06, lamps=0.01, noise=0.003, missing=0.01)
    topology, totals = feeder_records(profiles, used, near.place, drawn, np.random.default_rng(3))
    topology.loc[rows["misplaced"], "feeder_id"] = "F000"
    return profiles, Context(topology=topology, feeders=totals)


@pytest.fixture(scope="module")
def seen(given: tuple[LoadProfiles, Context]) -> tuple[Survey, dict[str, Findings]]:
    measured = survey(*given)
    return measured, {str(f.cause): f for f in examine(measured, [kind() for kind in ORDERED])}


def said(found: Findings, row: int, name: str) -> str:
    return next((e.sentence for e in found.evidence[row] if e.name == f"{found.cause}.{name}"), "")


@pytest.mark.parametrize(
    ("who", "name"),
    [
        pytest.param("thief", "feeder_lacks", id="a_fall"),
        pytest.param("from day one", "in_the_residual", id="no_before"),
    ],
)
def test_the_thief_is_first_of_the_feeder(
    near: Neighbourhood, rows: dict[str, int], seen: tuple[Survey, dict[str, Findings]], who: str, name: str
) -> None:
    measured, findings = seen
    row = rows[who]
    mates = np.flatnonzero(near.place == near.place[row])
    evidence = measured.features.column("balance.evidence")[mates]
    assert mates[np.nanargmax(evidence)] == row
    fraud = findings["fraud"]
    assert fraud.signals.column(f"fraud.{name}")[row] > 0.6
    assert any(character.isdigit() for character in said(fraud, row, name))


def test_the_date_of_the_lack(
    rows: dict[str, int], given: tuple[LoadProfiles, Context], seen: tuple[Survey, dict[str, Findings]]
) -> None:
    onset = seen[0].features.column("when.balance")[rows["thief"]]
    assert onset == pytest.approx(DAY, abs=3)
    assert "explains" in said(seen[1]["fraud"], rows["thief"], "feeder_lacks")
    assert len(given[0].days) == 91


def test_nobody_else_is_made_a_thief(rows: dict[str, int], seen: tuple[Survey, dict[str, Findings]]) -> None:
    signals = seen[1]["fraud"].signals
    strength = np.fmax(signals.column("fraud.feeder_lacks"), signals.column("fraud.in_the_residual"))
    honest = np.ones(len(strength), dtype=np.bool_)
    honest[[rows["thief"], rows["from day one"]]] = False
    assert (np.nan_to_num(strength[honest]) < 0.5).mean() > 0.97
    assert np.nan_to_num(strength[[rows[n] for n in ("saver", "tapped", "misplaced")]]).max() < 0.25


def test_real_changes_are_told_from_false_ones(
    rows: dict[str, int], seen: tuple[Survey, dict[str, Findings]]
) -> None:
    findings = seen[1]
    matched = findings["super_consumption"].signals.column("super_consumption.matched_by_feeder")
    assert matched[rows["tapped"]] > 0.5
    assert "rose with it" in said(findings["super_consumption"], rows["tapped"], "matched_by_feeder")
    assert findings["data_mismatch"].signals.column("data_mismatch.unfollowed_rise")[rows["forged"]] > 0.4
    assert abs(seen[0].features.column("balance.step_share")[rows["saver"]]) < 0.3


def test_the_wrong_line_is_reported_with_the_right_feeder(
    rows: dict[str, int], seen: tuple[Survey, dict[str, Findings]]
) -> None:
    found = seen[1]["data_mismatch"]
    strength = found.signals.column("data_mismatch.wrong_feeder")
    assert np.flatnonzero(strength > 0.5).tolist() == [rows["misplaced"]]
    sentence = said(found, rows["misplaced"], "wrong_feeder")
    assert "F000" in sentence
    assert "F002" in sentence


def test_a_known_saving_excuses_what_looks_like_theft(
    given: tuple[LoadProfiles, Context], rows: dict[str, int], seen: tuple[Survey, dict[str, Findings]]
) -> None:
    blind = {str(f.cause): f for f in examine(survey(given[0]), [kind() for kind in ORDERED])}
    before, now = (f["fraud"].signals.column("fraud.drop")[rows["saver"]] for f in (blind, seen[1]))
    assert before > 0.3
    assert now < 0.4 * before
