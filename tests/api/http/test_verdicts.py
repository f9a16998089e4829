"""Verdicts and attachments: what visits found, kept for good, amended only by another entry."""

from __future__ import annotations

from typing import Any

import pytest
from serving import Served, is_problem
from worked import opened, with_screening

FOUND = {
    "outcome": "fraud_confirmed", "kind": "bypass", "visited_on": "2024-05-03", "visited_by": "crew 3",
    "kwh_recovered": 2400.0, "money_recovered": 610.5, "currency": "EUR",
}  # fmt: skip
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 50


def report(served: Served, case: dict[str, Any], role: str = "analyst", **given: Any) -> Any:
    return served.post(f"/v1/cases/{case['case_key']}/verdicts", role, json=FOUND | given)


def test_a_verdict_is_amended_by_another_only(served_on_both: Served) -> None:
    served = served_on_both
    with_screening(served)
    case = opened(served)
    first = report(served, case)
    assert (first.status_code, first.json()["new"]) == (201, True)
    again = report(served, case)
    assert (again.status_code, again.json()) == (200, {**first.json(), "new": False})
    key = first.json()["feedback_key"]
    better = report(served, case, amends=key, kwh_recovered=1800.0)
    assert better.status_code == 201
    is_problem(report(served, case, amends=key, notes="another"), 409)
    now = served.get(f"/v1/cases/{case['case_key']}/verdicts").json()["entries"]
    assert [(e["kwh_recovered"], e["amends"], e["meter_id"]) for e in now] == [(1800.0, key, "M000")]
    everything = served.get(f"/v1/cases/{case['case_key']}/verdicts?amended=true").json()["entries"]
    assert [e["kwh_recovered"] for e in everything] == [2400.0, 1800.0]
    place = f"/v1/cases/{case['case_key']}/verdicts?amended=true&limit=1"
    page = served.get(place).json()
    rest = served.get(f"{place}&cursor={page['next']}").json()
    assert (page["entries"] + rest["entries"], rest["next"]) == (everything, None)
    history = served.get(f"/v1/cases/{case['case_key']}/history").json()["entries"]
    assert [e["what"] for e in history].count("reported") == 2
    incident = opened(served, "M003")
    is_problem(report(served, incident), 422)
    is_problem(report(served, incident, meter_id="M000"), 404)
    assert report(served, incident, meter_id="M004").status_code == 201
    page = served.get("/v1/feedback?limit=1").json()
    rest = served.get(f"/v1/feedback?limit=5&cursor={page['next']}").json()
    assert [e["meter_id"] for e in page["entries"] + rest["entries"]] == ["M000", "M004"]
    assert len(served.get("/v1/feedback?meter_id=M004").json()["entries"]) == 1


@pytest.mark.parametrize(
    "given",
    [
        {"outcome": "guilty"}, {"kind": None}, {"cause": "maintenance"}, {"kwh_recovered": -1},
        {"kwh_recovered": True}, {"kwh_recovered": "5"}, {"currency": None}, {"currency": "euro"},
        {"visited_on": "3 May"}, {"visited_on": "2199-01-01"}, {"visited_by": ""}, {"more": 1},
        {"outcome": "other_cause_confirmed", "kind": None}, {"notes": "\0"},
    ],
)  # fmt: skip
def test_what_is_no_verdict(served: Served, given: dict[str, Any]) -> None:
    with_screening(served)
    is_problem(report(served, opened(served), **given), 422)


def test_a_batch_says_what_became_of_each_row(served_on_both: Served) -> None:
    served = served_on_both
    with_screening(served)
    case = opened(served, "M001")
    text = (
        "meter_id,outcome,visited_on,visited_by,cause,kind,kwh_recovered,kwh_recoverd\n"
        "M001,other_cause_confirmed,2024-05-03,crew 1,maintenance,phase lost,120.5,7\n"
        "M007,nothing_found,2024-05-03,crew 1,,,,\n"
        "nowhere,nothing_found,2024-05-03,crew 1,,,,\n"
        "M008,nothing_found,03/05/2024,crew 1,,,,\n"
        "M009,fraud_confirmed,2024-05-03,crew 1,,,inf,\n"
    )
    csv = {"content": text, "headers": {"content-type": "text/csv"}}
    done = served.post("/v1/feedback", **csv).json()
    assert (done["read"], done["accepted"], done["repeated"], done["rejected"]) == (5, 2, 0, 3)
    assert [r["row"] for r in done["reasons"]] == [3, 4, 5]
    assert done["ignored"] == ["kwh_recoverd"]
    assert served.post("/v1/feedback", **csv).json()["repeated"] == 2
    (entry,) = served.get(f"/v1/cases/{case['case_key']}/verdicts").json()["entries"]
    assert (entry["cause"], entry["kwh_recovered"]) == ("maintenance", 120.5)
    row = {"meter_id": "M007", "outcome": "nothing_found", "visited_on": "2024-05-03", "visited_by": "crew 1"}
    assert served.post("/v1/feedback", json={"verdicts": [row]}).json()["repeated"] == 1
    for wrong in ({"verdicts": []}, {"verdicts": [1]}, {"verdicts": [{"meter_id": [1]}]}, {}):
        is_problem(served.post("/v1/feedback", json=wrong), 422)
    is_problem(served.post("/v1/feedback", json={"verdicts": [{"meter_id": "M007"}]}), 422)
    odd = '{"verdicts": [{"meter_id": "M007", "outcome": "no_access", "kwh_recovered": NaN}]}'
    is_problem(served.post("/v1/feedback", content=odd, headers={"content-type": "application/json"}), 422)
    broken = {"content": b"\xff\xfe\x00", "headers": {"content-type": "text/csv"}}
    assert 400 < served.post("/v1/feedback", **broken).status_code < 500


def test_a_batch_comes_as_spreadsheets_write_it(served: Served) -> None:
    with_screening(served)
    text = (
        "meter_id;outcome;visited_on;visited_by;kind;kwh_recovered;notes\r\n"
        'M006;fraud_confirmed;2024-05-04;Jürgen;bypass;1200,5;"Zähler ölig;\r\nzweite Zeile"\r\n'
        "M007;nothing_found;2024-05-04;Jürgen;;1.200;\r\n"
    )
    for encoding in ("cp1252", "utf-16", "utf-8-sig"):
        done = served.post(
            "/v1/feedback", content=text.encode(encoding), headers={"content-type": "text/csv"}
        ).json()
        assert done["accepted"] + done["repeated"] == 1, (encoding, done)
        assert "1.200 among decimal commas" in done["reasons"][0]["reason"], "1200 or 1.2"
    entries = served.get("/v1/feedback?meter_id=M006").json()["entries"]
    (entry,) = [e for e in entries if e["visited_on"] == "2024-05-04"]
    assert (entry["kwh_recovered"], entry["visited_by"]) == (1200.5, "Jürgen")
    assert entry["notes"].splitlines() == ["Zähler ölig;", "zweite Zeile"]
    long = {"content": b"x," * (9 << 20), "headers": {"content-type": "text/csv"}}
    is_problem(served.post("/v1/feedback", **long), 413, "too-large")


def attach(
    served: Served, case: dict[str, Any], name: str, kind: str, content: bytes, role: str = "analyst"
) -> Any:
    return served.post(
        f"/v1/cases/{case['case_key']}/attachments", role, params={"name": name}, content=content,
        headers={"content-type": kind},
    )  # fmt: skip


def test_files_come_back_as_they_were(served_on_both: Served) -> None:
    served = served_on_both
    with_screening(served)
    case = opened(served)
    entry = report(served, case).json()["feedback_key"]
    name = "Zähler 1.png"
    made = served.post(
        f"/v1/cases/{case['case_key']}/attachments", params={"name": name, "feedback_key": entry},
        content=PNG, headers={"content-type": "image/png"},
    )  # fmt: skip
    assert made.status_code == 201
    key = made.json()["attachment_key"]
    assert (made.json()["feedback_key"], made.json()["bytes"]) == (entry, len(PNG))
    assert attach(served, case, "other name.png", "image/png", PNG).json()["attachment_key"] == key
    listed = served.get(f"/v1/cases/{case['case_key']}/attachments").json()["attachments"]
    assert [row["name"] for row in listed] == [name]
    got = served.get(f"/v1/attachments/{key}")
    assert (got.content, got.headers["content-type"]) == (PNG, "image/png")
    assert got.headers["content-disposition"].startswith("attachment;")
    assert got.headers["x-content-type-options"] == "nosniff"
    is_problem(served.get(f"/v1/attachments/{key}", "field"), 404)
    is_problem(served.get("/v1/attachments/999"), 404)


@pytest.mark.parametrize(
    ("name", "kind", "content", "status"),
    [
        ("a.html", "text/html", b"<script>", 415), ("a.png", "image/png", b"<svg>", 422),
        ("../a.png", "image/png", PNG, 422), ("a.png", "", PNG, 415), ("a.txt", "text/plain", b"\xff\0", 422),
        ("a.txt", "text/plain", b"", 422), ("a.txt", "text/plain", b"x" * 2_000_001, 413),
    ],
)  # fmt: skip
def test_files_that_are_not_taken(
    served: Served, monkeypatch: pytest.MonkeyPatch, name: str, kind: str, content: bytes, status: int
) -> None:
    with_screening(served)
    smaller = served.service.settings.model_copy(update={"max_attachment": 2_000_000})
    monkeypatch.setattr(type(served.service), "settings", smaller, raising=False)
    is_problem(attach(served, opened(served), name, kind, content), status)
