"""What is known beside readings: JSON and CSV end up in the record alike, bad rows are listed."""

from __future__ import annotations

import gzip
import io
from typing import Any

import pyarrow as pa
import pytest
from serving import Served, is_problem

from api.http.routes.facts import EXAMPLES
from loadprofile.store.contexts import contexts, invoices

CSV = {"content-type": "text/csv"}
KINDS = tuple(EXAMPLES)
PARTS = ("accepted", "corrected", "repeated", "conflicting", "rejected")


def submit(served: Served, kind: str, query: str = "", **given: Any) -> dict[str, Any]:
    response = served.post(f"/v1/{kind}{query}", **given)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    assert answer["read"] == sum(answer[part] for part in PARTS)
    return answer


@pytest.mark.parametrize("kind", KINDS)
def test_examples_are_taken_and_repeated_when_they_come_again(served_on_both: Served, kind: str) -> None:
    served = served_on_both
    rows, text = EXAMPLES[kind]
    for given in ({"json": {kind: rows}}, {"content": text, "headers": CSV}):
        first, again = submit(served, kind, **given), submit(served, kind, **given)
        assert first["accepted"] == first["read"] > 0
        assert again["repeated"] == first["read"]
    table = pa.Table.from_pylist(rows)
    into = io.BytesIO()
    with pa.ipc.new_stream(into, table.schema) as stream:
        stream.write_table(table)
    for content, media in (
        (into.getvalue(), "vnd.apache.arrow.stream"),
        (gzip.compress(text.encode()), "gzip"),
    ):
        given = {"content": content, "headers": {"content-type": f"application/{media}"}}
        assert submit(served, kind, **given)["repeated"] > 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_makes_the_answer_the_same(served: Served, kind: str) -> None:
    given = {"json": {kind: EXAMPLES[kind][0]}, "headers": {"Idempotency-Key": f"fact-{kind}"}}
    first, second = (served.post(f"/v1/{kind}", **given) for _ in range(2))
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"


def test_moments_are_local_to_the_zone_of_the_request(served: Served) -> None:
    rows = [{"meter_id": "Z1", "timestamp": "2024-07-01T10:00", "code": "1"},
            {"meter_id": "Z1", "timestamp": "2024-07-01T10:00Z", "code": "2"}]  # fmt: skip
    submit(served, "events", "?timezone=Europe/London", json={"events": rows})
    with served.service.database.reading() as connection:
        events = contexts(connection, ["Z1"], timezone="UTC").events
    assert events is not None
    assert [str(t) for t in events["timestamp"]] == ["2024-07-01 09:00:00", "2024-07-01 10:00:00"]


def test_other_values_conflict_unless_they_correct(served: Served) -> None:
    row = {"meter_id": "K1", "timestamp": "2024-01-01T00:00Z", "register_kwh": 10.0}
    submit(served, "registers", json={"registers": [row]})
    other = {"registers": [row | {"register_kwh": 11.0}]}
    answer = submit(served, "registers", json=other)
    assert (answer["conflicting"], answer["conflicts"][0]["row"]) == (1, 1)
    assert answer["conflicts"][0]["reason"] == (
        "K1, 2024-01-01T00:00:00+00:00: register_kwh is known as 10.0, given as 11.0"
    )
    assert submit(served, "registers", "?correct=true", json=other)["corrected"] == 1
    log = served.get("/v1/audit?subject=registers&subject_key=K1", "operator").json()["entries"]
    assert [entry["what"] for entry in log] == ["submitted", "corrected"]
    assert log[1]["after"] == {"corrected": 1, "meters": ["K1"]}
    assert log[1]["who"].startswith("key lp_")


def test_bad_rows_are_listed_and_the_others_are_taken(served: Served) -> None:
    text = (
        "meter_id,first_day,last_day,kwh\nI1,2024-01-01,2024-01-31,10\nI1,2024-03-01,2024-02-01,10\n"
        f"I1,2024-04-31,2024-05-01,10\n,2024-01-01,2024-01-31,10\n{'x' * 300},2024-01-01,2024-01-31,10\n"
        "I1,2024-05-01,2024-05-31,ten\nI2,2024-05-01,2024-05-31,\n"
    )
    answer = submit(served, "invoices", content=text, headers=CSV)
    assert (answer["accepted"], answer["rejected"]) == (2, 5)
    assert all(row["reason"] for row in answer["reasons"])
    with served.service.database.reading() as connection:
        bills = invoices(connection, ["I1", "I2"])
    assert bills["meter_id"].tolist() == ["I1", "I2"]


def test_a_meter_moves_to_another_feeder_on_a_day(served: Served) -> None:
    submit(served, "topology", json={"topology": [{"meter_id": "T1", "feeder_id": "F1"}]})
    moved = {"topology": [{"meter_id": "T1", "feeder_id": "F2"}]}
    assert submit(served, "topology", "?since=2024-06-01", json=moved)["accepted"] == 1
    assert served.get("/v1/meters/T1").json()["feeder_id"] == "F2"


def test_facts_of_meters_stay_where_they_are_left_out(served: Served) -> None:
    submit(served, "meters", json={"meters": [{"meter_id": "M1", "tariff": "domestic", "latitude": 1.5}]})
    submit(served, "meters", content="meter_id,category\nM1,home\n", headers=CSV)
    meter = served.get("/v1/meters/M1").json()
    assert (meter["tariff"], meter["category"], meter["latitude"]) == ("domestic", "home", 1.5)


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("events", {"meter_id": "A", "timestamp": "2024-01-01", "code": 7}),
        ("events", {"meter_id": "A\0", "timestamp": "2024-01-01", "code": "7"}),
        ("registers", {"meter_id": "A", "timestamp": "2024-01-01", "register_kwh": True}),
        ("registers", {"meter_id": "A", "timestamp": "2024-01-01", "register_kwh": "1"}),
        ("registers", {"meter_id": "A", "timestamp": "2024-01-01"}),
        ("meters", {"meter_id": "A", "latitude": 91.0}), ("meters", {"meter_id": "A", "colour": "red"}),
        ("topology", {"meter_id": "A", "feeder_id": ""}),
    ],
)  # fmt: skip
def test_types_are_strict(served: Served, kind: str, row: dict[str, object]) -> None:
    assert is_problem(served.post(f"/v1/{kind}", json={kind: [row]}), 422)["errors"][0]["where"]


def test_columns_that_are_not_there_are_named(served: Served) -> None:
    response = served.post("/v1/events", content="meter,when\nA,2024\n", headers=CSV)
    body = is_problem(response, 422)
    assert "timestamp" in body["detail"]
    assert "tmp" not in response.text


def test_a_zone_that_is_none(served: Served) -> None:
    given = {"json": {"events": EXAMPLES["events"][0]}}
    is_problem(served.post("/v1/events?timezone=Mars", **given), 422)
    row = {"meters": [{"meter_id": "A9", "timezone": "Mars"}]}
    is_problem(served.post("/v1/meters", json=row), 422)
