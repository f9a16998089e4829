"""What the field found: appended, amended only by new entries, known as of any moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest
from recorded import DAY, HOUR, NOON, made_worklist, screened

from loadprofile.errors import ConflictError, MissingColumnsError, NotFoundError, RefusedError
from loadprofile.store.case_work import close
from loadprofile.store.cases import history, open_for_finding
from loadprofile.store.database import Database
from loadprofile.store.feedback import Visit, feedback, labels, record_feedback, record_feedback_frame
from loadprofile.store.visits import propose_visits, record_visits

LIST = made_worklist(["fraud", "maintenance", "fraud", "normal"])
FOUND = Visit("M000", "fraud_confirmed", date(2024, 5, 1), "bob", kind="bypass", kwh_recovered=1200.0,
              money_recovered=300.5, currency="EUR", notes="behind the panel")  # fmt: skip


def test_an_entry_finds_its_case_and_its_proposal(database: Database) -> None:
    with database.writing() as connection:
        key = screened(connection, LIST)
        case_key, _ = open_for_finding(connection, "M000", who="ann")
        record_visits(connection, key, propose_visits(LIST, 2, 0.0), who="ann", share=0.0, seed=0, at=NOON)
        entry, new = record_feedback(connection, FOUND, who="ann", at=NOON + HOUR)
        assert new
        assert record_feedback(connection, FOUND, who="ann", at=NOON + DAY) == (entry, False)
        (row,) = feedback(connection, meter_ids=["M000"]).to_dict("records")
        log = history(connection, case_key)
        close(connection, case_key, "billed", who="ann")
        right, _ = record_feedback(connection, replace(FOUND, notes="at the pole"), who="ann", amends=entry)
        later = replace(FOUND, outcome="nothing_found", kind=None, visited_on=date(2024, 6, 5))
        another, _ = record_feedback(connection, later, who="ann")
        links = feedback(connection).set_index("feedback_key")[["case_key", "visit_key"]]
    assert links.loc[right].tolist() == [row["case_key"], row["visit_key"]], "of what it amends"
    assert links.loc[another].isna().all(), "the proposal was answered, the case is closed"
    assert (row["case_key"], row["reason"], row["propensity"]) == (case_key, "ranked", 1.0)
    assert (row["visited_on"], row["kwh_recovered"], row["kind"]) == (date(2024, 5, 1), 1200.0, "bypass")
    assert log["after"].iloc[-1] == {"feedback_key": entry, "outcome": "fraud_confirmed", "amends": None}


def test_an_amendment_points_at_what_it_replaces(database: Database) -> None:
    later = replace(FOUND, outcome="nothing_found", kind=None, kwh_recovered=None)
    with database.writing() as connection:
        screened(connection, LIST)
        first, _ = record_feedback(connection, FOUND, who="ann", at=NOON)
        second, _ = record_feedback(connection, later, who="bob", amends=first, at=NOON + DAY)
        third, _ = record_feedback(
            connection, replace(later, notes="x"), who="eve", amends=second, at=NOON + 2 * DAY
        )
        with pytest.raises(ConflictError):
            record_feedback(connection, replace(later, notes="y"), who="eve", amends=first, at=NOON + DAY)
        with pytest.raises(ConflictError):
            record_feedback(
                connection, replace(later, meter_id="M001"), who="eve", amends=third, at=NOON + DAY
            )
        with pytest.raises(NotFoundError):
            record_feedback(connection, later, who="eve", amends=99, at=NOON + DAY)
        assert record_feedback(connection, FOUND, who="ann", at=NOON + 3 * DAY) == (first, False)
        assert feedback(connection)["feedback_key"].tolist() == [third]
        assert feedback(connection, amended=True)["feedback_key"].tolist() == [first, second, third]
        assert feedback(connection, as_of=NOON - HOUR).empty
        for as_of, key, cause in ((NOON, first, "fraud"), (NOON + DAY, second, "normal")):
            assert feedback(connection, as_of=as_of)["feedback_key"].tolist() == [key]
            assert labels(connection, as_of)["cause"].tolist() == [cause]


def test_labels_come_from_visits_that_told_a_cause(database: Database) -> None:
    with database.writing() as connection:
        screened(connection, LIST)
        for visit in (
            FOUND,
            Visit("M001", "other_cause_confirmed", date(2024, 5, 1), "bob", cause="maintenance"),
            Visit("M002", "right_to_raise", date(2024, 5, 1), "bob"),
            Visit("M002", "no_access", date(2024, 5, 1), "bob"),
            Visit("M003", "nothing_found", date(2024, 5, 1), "bob"),
        ):
            record_feedback(connection, visit, who="ann", at=NOON)
        got = labels(connection)
    assert dict(zip(got["meter_id"], got["cause"], strict=True)) == {
        "M000": "fraud", "M001": "maintenance", "M003": "normal",
    }  # fmt: skip
    assert got["known_at"].tolist() == [NOON] * 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"outcome": "guilty"}, {"kind": None}, {"cause": "maintenance"}, {"visited_by": " "},
        {"outcome": "other_cause_confirmed", "cause": "fraud"}, {"outcome": "other_cause_confirmed"},
        {"kwh_recovered": -1.0}, {"kwh_recovered": float("nan")}, {"currency": None}, {"currency": "euro"},
        {"notes": "x" * 10_001}, {"meter_id": ""}, {"notes": "a\0b"}, {"kind": "by\x1bpass"},
        {"kwh_recovered": 1e13}, {"visited_by": "x" * 201}, {"currency": "eur"},
    ],
)  # fmt: skip
def test_entries_that_contradict_themselves_are_refused(wrong) -> None:
    with pytest.raises(RefusedError):
        replace(FOUND, **wrong)


def test_what_is_not_there_cannot_be_reported_on(database: Database) -> None:
    with database.writing() as connection:
        screened(connection, LIST)
        case_key, _ = open_for_finding(connection, "M001", who="ann")
        for wrong, error in (
            ({"meter_id": "nobody"}, NotFoundError),
            ({"case_key": case_key}, NotFoundError),  # of another meter
            ({"visit_key": 99}, NotFoundError),
            ({"visited_on": date(2024, 5, 3)}, RefusedError),
        ):
            with pytest.raises(error):
                record_feedback(connection, replace(FOUND, **wrong), who="ann", at=NOON)
        # at this moment it is the next day already in Auckland
        there = replace(FOUND, visited_on=date(2024, 5, 2), notes="first line\n\tsecond, 👷🏽\u200d♀️ said so")
        key, _ = record_feedback(connection, there, who="ann", at=NOON)
        assert feedback(connection).set_index("feedback_key").loc[key, "notes"] == there.notes


def test_a_batch_keeps_its_good_rows(database: Database) -> None:
    batch = pd.DataFrame(
        {
            "meter_id": ["M000", "M001", "M002", "nobody", "M003", "M000"],
            "outcome": ["fraud_confirmed", "other_cause_confirmed", "guilty", "no_access", "no_access", ""],
            "visited_on": ["2024-04-30"] * 4 + ["yesterday", "2024-04-30"],
            "visited_by": ["bob"] * 6,
            "kind": ["bypass", "", "", "", "", ""],
            "cause": [None, "maintenance", None, None, None, None],
            "kwh_recovered": ["12.5", None, None, None, None, None],
            "remark": ["not ours"] * 6,
        }
    )
    with database.writing() as connection:
        screened(connection, LIST)
        told = record_feedback_frame(connection, batch, who="ann", at=NOON)
        again = record_feedback_frame(connection, batch, who="ann", at=NOON)
        assert len(feedback(connection)) == 2
        with pytest.raises(MissingColumnsError):
            record_feedback_frame(connection, batch.drop(columns="outcome"), who="ann")
    assert (told.accepted, told.repeated, [row for row, _ in told.rejected]) == (2, 0, [3, 4, 5, 6])
    assert told.ignored == ("remark",)
    assert (again.accepted, again.repeated) == (0, 2)
    assert "guilty" in told.rejected[0][1]
    assert told.rejected[3][1] == "no outcome"


def test_days_that_could_mean_two_things_are_refused(database: Database) -> None:
    """3 May or 5 March; and a number is no count of nanoseconds since 1970."""
    days = ["03/05/2024", "3.5.2024", "2024-05", 20240430, 45412.0, "2024-04-30", date(2024, 4, 30)]
    batch = pd.DataFrame({"meter_id": "M000", "outcome": "no_access", "visited_on": days})
    batch["visited_by"] = [f"crew {row}" for row in range(len(days))]
    batch["currency"] = "eur"
    with database.writing() as connection:
        screened(connection, LIST)
        told = record_feedback_frame(connection, batch.astype({"visited_on": object}), who="ann", at=NOON)
        kept = feedback(connection)
    assert [row for row, _ in told.rejected] == [1, 2, 3, 4, 5]
    assert "visited_on" in told.rejected[0][1]
    assert set(kept["visited_on"]) == {date(2024, 4, 30)}
    assert set(kept["currency"]) == {"EUR"}
