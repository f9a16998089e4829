"""Visits: why each is proposed and how likely it was, no two crews to one door, and what became of them."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

import openpyxl
import pandas as pd
import pytest
from recorded import NOON, made_worklist, screened
from serving import Served, is_problem

from loadprofile.store.facts import record_facts
from loadprofile.store.visits import proposed_visits


def test_visits_say_why_and_how_likely_they_were(served_on_both: Served) -> None:
    served = served_on_both
    causes = ["fraud"] * 40 + ["normal"] * 160
    with served.service.database.writing() as connection:
        key = screened(connection, made_worklist(causes))
    shown = served.get("/v1/worklist?visits=25").json()
    again = served.get("/v1/worklist?visits=25").json()
    assert shown == again, "a reader draws nothing"
    assert len(shown["rows"]) == 25
    drawn = [row for row in shown["rows"] if row["why"]["reason"] == "exploration"]
    assert len(drawn) in {1, 2}, "5 % of 25"
    assert all(0 < row["why"]["probability"] < 1 for row in drawn)
    assert shown["rows"][0]["why"] == {
        "reason": "ranked", "probability": 1.0,
        "sentence": "among the first of the queue field inspection, by expected recovery",
    }  # fmt: skip
    table = list(csv.DictReader(io.StringIO(served.get("/v1/worklist/export?visits=25").text)))
    assert [row["meter_id"] for row in table] == [row["meter_id"] for row in shown["rows"]]
    assert [row["reason"] for row in table] == [row["why"]["reason"] for row in shown["rows"]]
    assert float(table[-1]["probability"]) == pytest.approx(shown["rows"][-1]["why"]["probability"])
    assert int(table[0]["rank"]) == 1
    sheet = openpyxl.load_workbook(io.BytesIO(served.get("/v1/worklist/export?visits=3&format=xlsx").content))
    assert next(iter(sheet["worklist"].values))[-2:] == ("reason", "probability")
    made = served.post("/v1/visits", json={"visits": 25})
    assert made.status_code == 201
    visits = made.json()["visits"]
    assert [v["meter_id"] for v in visits] == [row["meter_id"] for row in shown["rows"]]
    assert all(v["case_key"] is not None for v in visits)
    twice = served.post("/v1/visits", json={"visits": 25}).json()["visits"]
    assert [v["visit_key"] for v in twice] == [v["visit_key"] for v in visits]
    with served.service.database.reading() as connection:
        kept = proposed_visits(connection, key)
    assert set(kept["share"]) == {0.05}
    wanted = {row["meter_id"]: row["why"]["probability"] for row in shown["rows"]}
    assert dict(zip(kept["meter_id"], kept["propensity"], strict=True)) == pytest.approx(wanted)
    assert len(served.get("/v1/worklist/export?visits=5&cause=cyber_attack").text.splitlines()) == 1
    region = served.get("/v1/worklist?visits=5&cause=normal").json()["rows"]
    assert {row["why"]["reason"] for row in region} <= {"exploration"}
    for wrong in ({"visits": 0}, {"visits": 1, "causes": ["x"]}, {"visits": 1, "rest_days": -1}):
        is_problem(served.post("/v1/visits", json=wrong), 422)


def proposed(served: Served, **given: Any) -> list[dict[str, Any]]:
    made = served.post("/v1/visits", json={"visits": 3} | given)
    assert made.status_code == 201, made.text
    return list(made.json()["visits"])


def test_the_next_crew_is_sent_elsewhere(served_on_both: Served) -> None:
    served, today = served_on_both, datetime.now(UTC).date().isoformat()
    lines = pd.DataFrame({"meter_id": ["M006", "M007", "M008"], "feeder_id": "F1"})
    with served.service.database.writing() as connection:
        record_facts(connection, "topology", lines, NOON)
        key = screened(connection, made_worklist(["fraud"] * 9))
    first = proposed(served, rest_days=30)
    second = proposed(served, rest_days=30)
    near = proposed(served, rest_days=30, feeder="F1", causes=["fraud"])
    doors = [visit["meter_id"] for visit in (*first, *second, *near)]
    assert len(set(doors)) == 9, "nobody is sent where another crew goes"
    assert {visit["meter_id"] for visit in near} == {"M006", "M007", "M008"}
    assert proposed(served, rest_days=30) == []
    assert served.get("/v1/worklist?rest_days=30").json()["rows"] == []
    found = {"visited_on": today, "visited_by": "crew 1"}
    said = [
        {"meter_id": doors[0], "outcome": "no_access"},
        {"meter_id": doors[1], "outcome": "nothing_found"},
    ]
    report = {"verdicts": [row | found for row in said]}
    assert served.post("/v1/feedback", json=report).json()["accepted"] == 2
    again = [row["meter_id"] for row in served.get("/v1/worklist?rest_days=30").json()["rows"]]
    assert again == [doors[0]], "nobody was at home there"
    assert [visit["meter_id"] for visit in proposed(served, rest_days=30)] == [doors[0]]
    assert len(served.get("/v1/worklist").json()["rows"]) == 9, "the list itself leaves nobody out"
    drawn_again = {v["visit_key"]: v["why"] for v in proposed(served, seed=5, feeder="F1", visits=2)}
    recorded = {v["visit_key"]: v["why"] for v in served.get("/v1/visits").json()["visits"]}
    assert drawn_again.items() <= recorded.items(), "what was said first is what counts"
    page = served.get(f"/v1/visits?screening={key}&limit=5").json()
    rest = served.get(f"/v1/visits?screening={key}&limit=5&cursor={page['next']}").json()
    kept = page["visits"] + rest["visits"]
    assert [row["visit_key"] for row in kept] == sorted((row["visit_key"] for row in kept), reverse=True)
    outcomes = {row["meter_id"]: row["outcome"] for row in kept}
    assert (outcomes[doors[0]], outcomes[doors[1]], outcomes[doors[2]]) == (
        "no_access",
        "nothing_found",
        None,
    )
    assert kept[-1]["why"]["reason"] in {"ranked", "exploration"}
    assert len(served.get("/v1/visits?reported=true").json()["visits"]) == 2
    assert len(served.get("/v1/visits?reported=false").json()["visits"]) == 7
    (one,) = served.get(f"/v1/visits?meter_id={doors[1]}").json()["visits"]
    entry = served.get(f"/v1/feedback?meter_id={doors[1]}").json()["entries"][0]
    assert (one["feedback_key"], one["visit_key"]) == (entry["feedback_key"], entry["visit_key"])
    is_problem(served.get("/v1/visits", "field"), 403)
