"""Meters and their readings out of the record: pages, kinds of answers, what was known when."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from serving import Served, is_problem

PARQUET = "application/vnd.apache.parquet"
ARROW = "application/vnd.apache.arrow.stream"


def submit(served: Served, meter: str, values: list[float | None], query: str = "", **entry: Any) -> None:
    row = {"meter_id": meter, "start": "2024-01-01", "step_minutes": 60, "kwh": values} | entry
    response = served.post(f"/v1/readings{query}", json={"readings": [row]})
    assert response.status_code == 200, response.text


def test_meters_come_in_pages_by_id(served_on_both: Served) -> None:
    served = served_on_both
    names = ["b/1", "B 2", "a", "Ä", "10", "9", "~"]
    for name in names:
        submit(served, name, [0.1] * 24)
    found, cursor = [], ""
    while True:
        page = served.get(f"/v1/meters?limit=2{cursor}").json()
        found += [meter["meter_id"] for meter in page["meters"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found == sorted(names)
    for name in names:
        assert served.get(f"/v1/meters/{name}").json()["meter_id"] == name
        assert served.get(f"/v1/meters/{name}/readings").json()["meter_id"] == name


def test_readings_as_json_by_day_and_slot(served: Served) -> None:
    submit(served, "J", [0.1, None, *[0.25] * 45, -1.5])
    body = served.get("/v1/meters/J/readings").json()
    (series,) = body["series"]
    assert (series["step_minutes"], series["timezone"], body["next"]) == (60, "UTC", None)
    assert series["days"] == ["2024-01-01", "2024-01-02"]
    assert series["kwh"][0][:3] == [0.1, None, 0.25]
    assert series["kwh"][1][-1] == -1.5


def test_readings_come_in_pages_of_days(served: Served) -> None:
    submit(served, "P", [0.1] * 24 * 5)
    submit(served, "P", [0.2] * 24, start="2024-03-01")
    days, cursor, pages = [], "", 0
    while True:
        response = served.get(f"/v1/meters/P/readings?limit=2&from=2024-01-02{cursor}")
        days += [d for series in response.json()["series"] for d in series["days"]]
        pages += 1
        assert response.headers.get("next-cursor") == response.json()["next"]
        if response.json()["next"] is None:
            break
        cursor = f"&cursor={response.json()['next']}"
    assert days == ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-03-01"]
    assert pages == 3, "weeks without a day cost no page"


@pytest.mark.parametrize("kind", [PARQUET, ARROW])
def test_tables_can_be_submitted_again_as_they_are(served: Served, kind: str) -> None:
    meter = f"again {kind[-7:]}"
    values = [round(0.01 * i, 2) for i in range(72)]
    submit(served, meter, values, "?timezone=Europe/London")  # type: ignore[arg-type]
    answer = served.get(f"/v1/meters/{meter}/readings", headers={"Accept": kind})
    assert answer.headers["content-type"] == kind
    raw = io.BytesIO(answer.content)
    table = pq.read_table(raw) if kind == PARQUET else pa.ipc.open_stream(raw).read_all()
    assert np.array(table["kwh"][0].as_py()) == pytest.approx(values)
    given = {"content": answer.content, "headers": {"content-type": kind}}
    again = served.post("/v1/readings?timezone=Europe/London", **given).json()
    assert (again["read"], again["repeated"]) == (72, 72)


def test_what_was_known_then(served: Served) -> None:
    submit(served, "K", [0.1] * 24)
    between = datetime.now(UTC).isoformat()
    submit(served, "K", [0.2] * 24, "?correct=true")
    then = served.get("/v1/meters/K/readings", params={"as_of": between}).json()
    assert then["series"][0]["kwh"][0][0] == 0.1
    assert served.get("/v1/meters/K/readings").json()["series"][0]["kwh"][0][0] == 0.2
    long_ago = {"as_of": "2001-01-01T00:00:00Z"}
    assert served.get("/v1/meters/K/readings", params=long_ago).json()["series"] == []


def test_what_was_submitted_beside_readings_is_read_again(served: Served) -> None:
    is_problem(served.get("/v1/meters/B/timeline"), 404)
    submit(served, "B", [0.5] * 48)
    bill = {"meter_id": "B", "first_day": "2024-01-01", "last_day": "2024-01-02", "kwh": 24.0}
    event = {"meter_id": "B", "timestamp": "2024-01-01T10:00Z", "code": "40"}
    served.post("/v1/invoices", json={"invoices": [bill]})
    served.post("/v1/events", json={"events": [event]})
    between = datetime.now(UTC).isoformat()
    served.post("/v1/invoices?correct=true", json={"invoices": [bill | {"kwh": 9.0}]})
    seen = {"meter_id": "B", "outcome": "nothing_found", "visited_on": "2024-01-02", "visited_by": "crew 1"}
    served.post("/v1/feedback", json={"verdicts": [seen]})
    now = served.get("/v1/meters/B/timeline").json()["entries"]
    assert [(e["kind"], e["odd"]) for e in now] == [("bill", True), ("event", False), ("visit", False)]
    assert "billed 9 kWh; intervals sum to 24 kWh" in now[0]["words"]
    then = served.get("/v1/meters/B/timeline", params={"as_of": between}).json()["entries"]
    assert [(e["kind"], e["odd"]) for e in then] == [("bill", False), ("event", False)]


def test_a_meter_tells_the_span_of_its_readings(served: Served) -> None:
    submit(served, "S", [0.1] * 48)
    assert served.get("/v1/meters/S").json()["readings"] == [
        {"step_minutes": 60, "first_day": "2024-01-01", "last_day": "2024-01-02"}
    ]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 422), ("limit=100000", 422), ("from=yesterday", 422), ("as_of=2024-01-01T00:00", 422),
        ("as_of=0001-01-01T00:00:00%2B14:00", 422), ("cursor=rubbish", 422), ("cursor=WzFd", 422),
        ("cursor=WyJ4Il0", 404), ("kind=robot", 422),
    ],
)  # fmt: skip
def test_questions_that_make_no_sense(served: Served, query: str, status: int) -> None:
    submit(served, "Q", [0.1] * 24)
    is_problem(served.get(f"/v1/meters/Q/readings?{query}"), status)


def test_answers_of_other_kinds_there_are_none(served: Served) -> None:
    submit(served, "N", [0.1] * 24)
    is_problem(served.get("/v1/meters/N/readings", headers={"Accept": "text/html"}), 406, "not-acceptable")
    for accept in ("*/*", "text/html, application/json;q=0.9", ""):
        assert served.get("/v1/meters/N/readings", headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize("name", ["none", "a%00b", "%2e%2e/%2e%2e/etc/passwd", "x" * 300])
def test_meters_that_are_not_there(served: Served, name: str) -> None:
    response = served.get(f"/v1/meters/{name}")
    is_problem(response, 422 if len(name) == 300 else 404)
