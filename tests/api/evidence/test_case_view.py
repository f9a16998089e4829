"""The assembled view of a case or meter."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from town import Town

from api.evidence.case_view import case_view, evidence_of, meter_view, verdict_of
from loadprofile.errors import NotFoundError
from loadprofile.store.database import open_database
from loadprofile.verdicts import CAUSES


def test_a_case_and_its_meter_tell_the_same(town: Town) -> None:
    database = open_database(town.path)
    with database.reading() as connection:
        one, other = case_view(connection, 1), meter_view(connection, town.suspects[0])
        with pytest.raises(NotFoundError):
            case_view(connection, 1, "none-such")
        with pytest.raises(NotFoundError):
            case_view(connection, 99)
    database.close()
    assert one.meter_id == other.meter_id == town.suspects[0]
    assert one.summary == other.summary
    assert other.case is not None
    assert other.case["case_key"] == 1


def test_odds_are_sorted_and_hold_every_statement_once(town: Town) -> None:
    database = open_database(town.path)
    with database.reading() as connection:
        views = [meter_view(connection, meter) for meter in town.suspects]
    database.close()
    for view in views:
        shares = [one.probability for one in view.odds]
        assert shares == sorted(shares, reverse=True)
        assert math.isclose(sum(shares), 1.0, abs_tol=1e-5)
        numbers = sorted(s.number for one in view.odds for s in one.statements)
        assert numbers == list(range(1, len(view.finding["evidence"]) + 1))
    below = [view.how_lost[-1] for view in views if (view.finding["lost_kwh"] or 0) < 0]
    assert below, "one of them shows more than its past foretold"
    assert all("nothing to recover" in said or "no energy is reckoned" in said for said in below)


def test_a_row_of_the_worklist_survives_as_a_verdict(town: Town) -> None:
    for row in town.worklist.to_dict("records"):
        said = json.loads(row["evidence"])
        verdict = verdict_of({**row, "evidence": said})
        assert str(verdict.onset[0])[: len(row["onset"])] == (row["onset"] or "NaT"[:0])
        np.testing.assert_allclose(verdict.probabilities[0], [row[f"p_{c}"] for c in CAUSES], atol=1e-5)
        assert [e.as_dict() for e in verdict.evidence[0]] == said


def test_evidence_of_an_older_record_lacks_what_it_lacks() -> None:
    (one,) = evidence_of([{"name": "fraud.sign", "sentence": "words", "found": None}])
    assert (one.first, one.strength, math.isnan(one.found)) == ("", 0.0, True)


def test_an_incident_lists_its_meters(town: Town) -> None:
    rows = town.worklist[town.worklist["incident_id"] != ""]
    database = open_database(town.path)
    with database.reading() as connection:
        view = meter_view(connection, rows["meter_id"].iloc[0])
    database.close()
    assert view.case is None
    assert {m.meter_id for m in view.members} == set(rows["meter_id"])
    assert view.companions == len(rows) - 1
