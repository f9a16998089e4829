"""The evidence pack: one page whatever is in it, and texts of people stay texts."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from town import Town, Visitor

from api.evidence.case_view import CaseView, case_view
from api.evidence.pack import as_html, as_json, as_pdf, contents, for_page, html_policy
from loadprofile.store.database import open_database

NOON = datetime(2024, 3, 2, 12, tzinfo=UTC)
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>\"'",
    '#panic("evaluated")',
    '] #read("pack.css") [',
    '$ x $ *bold* _em_ `raw` = head // /* @label <tag> \\ ~ --- "',
    '#import "@preview/x:1.0.0": y',
    "{{ 7 * 7 }}{% raw %}",
    "\u202eright to left \U0001f4a3 \u0627\u0644 漢字",
)


@pytest.fixture(scope="module")
def view(town: Town) -> CaseView:
    database = open_database(town.path)
    with database.reading() as connection:
        found = case_view(connection, 1)
    database.close()
    return found


@pytest.fixture(scope="module")
def body(town: Town, view: CaseView) -> dict[str, Any]:
    database = open_database(town.path)
    with database.reading() as connection:
        made = contents(connection, view, NOON)
    database.close()
    return made


def pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def test_the_same_case_on_one_page_and_as_data(view: CaseView, body: dict[str, Any]) -> None:
    page = for_page(view, body)
    pdf = as_pdf(page)
    assert pdf.startswith(b"%PDF-")
    assert pages(pdf) == 1
    told = orjson.loads(as_json(body))
    assert told["meter"]["meter_id"] == view.meter_id
    assert told["finding"]["p_fraud"] == view.finding["p_fraud"]
    assert told["charts"]["hours"][0]["mean"][20] > 0
    assert "pictures" not in told
    html = as_html(page)
    assert html.count("data:image/svg+xml;base64,") == 4
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert "script" not in html
    assert html_policy() in html.replace("&#39;", "'")


def hostile(view: CaseView) -> CaseView:
    """The view with such texts wherever people or their systems put texts."""
    text = " ".join(HOSTILE)
    said = [
        {**one, "sentence": text * 9, "name": f"fraud.{text[:60]}"} for one in view.finding["evidence"]
    ] * 9
    evidence = tuple(replace(e, sentence=text * 9) for e in view.verdict.evidence[0]) * 9
    entry = {
        "feedback_key": 1, "meter_id": text[:200], "outcome": "nothing_found", "cause": None, "kind": text,
        "visited_on": NOON.date(), "visited_by": text, "notes": text * 200, "present": True,
    }  # fmt: skip
    meter = {**view.meter, "tariff": text, "category": text, "feeder_id": text}
    case = {**(view.case or {}), "assignee": text}
    members = tuple(replace(view.members[0], meter_id=f"{i} {text}") for i in range(80))
    return replace(
        view, meter_id=text[:200], meter=meter, case=case, finding={**view.finding, "evidence": said},
        verdict=replace(view.verdict, evidence=(evidence,)), summary=(text,) * 9, would_decide=text,
        how_lost=(text,), members=members, companions=79, feedback=(entry,) * 40,
    )  # fmt: skip


def test_texts_cannot_break_out(view: CaseView, body: dict[str, Any]) -> None:
    bad = hostile(view)
    entries = [{"kind": "event", "from": "2024-01-01 00:00", "to": "", "words": HOSTILE[0] * 50, "odd": True}]
    page = for_page(bad, body | {"timeline": entries * 30, "meter": bad.meter})
    pdf = as_pdf(page)  # a text that were markup would raise here
    assert pages(pdf) == 1
    html = as_html(page)
    assert "<script" not in html
    assert "<img src=x" not in html
    assert "&lt;script&gt;" in html
    assert "{{ 7 * 7 }}" in html
    assert set(re.findall(r"<([a-z0-9]+)[ >]", html)) <= {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "b", "img", "div", "section",
        "table", "tr", "td", "meter", "ol", "li", "small", "footer",
    }  # fmt: skip


def test_the_template_of_the_page_would_have_noticed(view: CaseView, body: dict[str, Any]) -> None:
    """The same text as markup does raise: the test above can fail."""
    import typst

    with pytest.raises(Exception, match="evaluated"):
        typst.compile(HOSTILE[1].encode(), format="pdf")


def test_a_meter_without_readings_has_a_pack_too(view: CaseView, body: dict[str, Any]) -> None:
    bare = {name: value for name, value in body.items() if name != "pictures"} | {"charts": None}
    page = for_page(view, bare)
    assert pages(as_pdf(page)) == 1
    assert "<img" not in as_html(page)


def test_over_http_in_three_forms_and_only_for_those_who_may(ada: Visitor, fay: Visitor) -> None:
    ada.sign_in()
    kinds = {"json": "application/json", "html": "text/html; charset=utf-8", "pdf": "application/pdf"}
    for form, kind in kinds.items():
        answer = ada.get(f"/v1/cases/1/evidence?format={form}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
        assert answer.headers["cache-control"] == "no-store"
    policy = ada.get("/v1/cases/1/evidence?format=html").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert ada.get("/v1/cases/1/evidence?meter_id=other").status_code == 404
    fay.sign_in()
    assert fay.get("/v1/cases/1/evidence").status_code == 404


def test_what_was_known_at_the_opening_is_shown_again(ada: Visitor) -> None:
    place = "/v1/cases/2/evidence"
    then = ada.get(f"{place}?as_opened=true").json()
    meter, served = then["meter"]["meter_id"], ada.served
    day = {"meter_id": meter, "start": "2023-06-01", "step_minutes": 30, "kwh": [9.0] * 48}
    assert served.post("/v1/readings?correct=true", json={"readings": [day]}).json()["corrected"] > 40
    event = {"meter_id": meter, "timestamp": "2023-06-01T10:00Z", "code": "40"}
    assert served.post("/v1/events", json={"events": [event]}).json()["accepted"] == 1
    for tariff in ("two rates", "one rate"):
        told = {"meter_id": meter, "tariff": tariff, "latitude": 53.3}
        assert served.post("/v1/meters", json={"meters": [told]}).json()["accepted"] == 1
    now, again = ada.get(place).json(), ada.get(f"{place}?as_opened=true").json()
    for name in ("meter", "charts", "timeline", "finding", "readings_as_of"):
        assert again[name] == then[name], name
    assert again["readings_as_of"] == again["case"]["as_of"] < now["readings_as_of"]
    assert (then["meter"]["tariff"], now["meter"]["tariff"]) == (None, "one rate")
    assert now["charts"]["seasons"] != then["charts"]["seasons"]
    assert len(now["timeline"]) == len(then["timeline"]) + 1
    known = f"/v1/meters/{meter}?as_of={then['readings_as_of'].replace('+00:00', 'Z')}"
    assert served.get(known).json()["tariff"] is None
    assert served.get(f"/v1/meters/{meter}").json()["latitude"] == 53.3
