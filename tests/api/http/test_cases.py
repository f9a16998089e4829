"""Cases: one for a meter and cause, nobody overwrites another, nobody takes what another has."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from serving import Served, is_problem
from worked import opened, with_screening


def act(served: Served, case: dict[str, Any], what: str, body: Any = None, role: str = "analyst") -> Any:
    headers = {"If-Match": f'"{case["version"]}"'}
    return served.post(f"/v1/cases/{case['case_key']}/{what}", role, json=body, headers=headers)


def test_a_case_for_a_meter_and_one_for_an_incident(served_on_both: Served) -> None:
    served = served_on_both
    with_screening(served)
    first = served.post("/v1/cases", json={"meter_id": "M000"})
    assert (first.status_code, first.json()["state"], first.json()["meter_ids"]) == (201, "new", ["M000"])
    again = served.post("/v1/cases", json={"meter_id": "M000"})
    assert (again.status_code, again.json()) == (200, first.json())
    assert opened(served, "M003")["meter_ids"] == ["M003", "M004"]
    assert opened(served, "M004")["case_key"] == opened(served, "M003")["case_key"]
    is_problem(served.post("/v1/cases", json={"meter_id": "nowhere"}), 404)
    done = served.post("/v1/cases/first", json={"rows": 6})
    assert done.json() == {"opened": 3}, "of six rows one had a case, and two share one"
    page = served.get("/v1/cases?limit=2").json()
    rest = served.get(f"/v1/cases?limit=1000&cursor={page['next']}").json()
    listed = [*page["cases"], *rest["cases"]]
    assert (rest["next"], len(listed)) == (None, 5)
    assert listed == sorted(listed, key=lambda row: -row["priority"])
    only = served.get("/v1/cases?cause=maintenance&state=new").json()["cases"]
    assert [row["cause"] for row in only] == ["maintenance"]
    assert len(served.get("/v1/cases?min_age_days=0").json()["cases"]) == 5
    assert served.get("/v1/cases?min_age_days=1").json()["cases"] == []


def test_a_case_goes_its_way_and_remembers_it(served: Served) -> None:
    with_screening(served)
    case = opened(served)
    got = served.get(f"/v1/cases/{case['case_key']}")
    assert got.headers["etag"] == f'"{got.json()["version"]}"'
    case = act(served, case, "assign", {"assignee": "crew"}).json()
    case = act(served, case, "move", {"state": "in_field", "comment": "van 3"}).json()
    assert (case["state"], case["assignee"]) == ("in_field", "crew")
    is_problem(act(served, case, "move", {"state": "new"}), 409)
    until = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    case = act(served, case, "snooze", {"until": until, "reason": "on holiday"}).json()
    assert case["case_key"] not in {c["case_key"] for c in served.get("/v1/cases").json()["cases"]}
    asleep = served.get("/v1/cases?snoozed=true").json()["cases"]
    assert case["case_key"] in {c["case_key"] for c in asleep}
    case = act(served, case, "wake").json()
    case = act(served, case, "suppress", {"reason": "known vacancy"}).json()
    assert case["case_key"] not in {c["case_key"] for c in served.get("/v1/cases").json()["cases"]}
    assert opened(served)["case_key"] == case["case_key"], "no new one comes in its place"
    case = act(served, case, "unsuppress").json()
    said = served.post(f"/v1/cases/{case['case_key']}/comments", json={"comment": "gate code 7"})
    assert (said.status_code, said.json()["version"]) == (201, case["version"])
    case = act(served, case, "move", {"state": "closed", "comment": "repaired"}).json()
    assert (case["state"], case["resolution"]) == ("closed", "repaired")
    path = f"/v1/cases/{case['case_key']}/history"
    page = served.get(f"{path}?limit=4").json()
    entries = page["entries"] + served.get(f"{path}?cursor={page['next']}").json()["entries"]
    told = [
        "opened",
        "assigned",
        "moved",
        "snoozed",
        "woke",
        "suppressed",
        "unsuppressed",
        "commented",
        "closed",
    ]
    assert [entry["what"] for entry in entries] == told
    assert all(entry["who"].startswith("key lp_") for entry in entries)
    past = {"until": "2001-01-01T00:00:00Z", "reason": "x"}
    is_problem(act(served, opened(served), "snooze", past), 422)
    odd = {"until": "2199-01-01T00:00:00Z", "reason": "a\0b"}  # PostgreSQL takes no NUL
    is_problem(act(served, opened(served), "snooze", odd), 422)
    is_problem(act(served, opened(served), "move", {"state": "waiting_for_data", "comment": "\0"}), 422)
    is_problem(served.post(f"/v1/cases/{case['case_key']}/comments", json={"comment": "a\x1bb"}), 422)


def test_who_was_slower_overwrites_nothing(served: Served) -> None:
    with_screening(served)
    case = opened(served, "M001")
    assert act(served, case, "assign", {"assignee": "ada"}).status_code == 200
    is_problem(act(served, case, "assign", {"assignee": "bob"}), 412, "stale")
    now = served.get(f"/v1/cases/{case['case_key']}").json()
    assert now["assignee"] == "ada"
    place = f"/v1/cases/{case['case_key']}/assign"
    is_problem(served.post(place, json={"assignee": "bob"}), 428, "version-needed")
    for wrong in ("1", '"x"', "nonsense"):
        is_problem(served.post(place, json={"assignee": "bob"}, headers={"If-Match": wrong}), 412)
    whatever = served.post(place, json={"assignee": "bob"}, headers={"If-Match": "*"})
    assert whatever.json()["assignee"] == "bob"


def test_a_field_team_sees_its_own_cases_only(served: Served) -> None:
    with_screening(served)
    mine, other = opened(served, "M002"), opened(served, "M006")
    mine = act(served, mine, "assign", {"assignee": "the field"}).json()
    seen = served.get("/v1/cases?assignee=somebody", "field").json()["cases"]
    assert {row["case_key"] for row in seen} == {mine["case_key"]}
    place = f"/v1/cases/{other['case_key']}"
    for path in (place, f"{place}/history", f"{place}/verdicts", f"{place}/attachments"):
        is_problem(served.get(path, "field"), 404)
    is_problem(served.post(f"{place}/comments", "field", json={"comment": "?"}), 404)
    is_problem(act(served, other, "move", {"state": "waiting_for_data"}, "field"), 404)
    mine = act(served, mine, "move", {"state": "in_field"}, "field").json()
    assert mine["state"] == "in_field"
    is_problem(act(served, mine, "move", {"state": "closed"}, "field"), 403)


def test_two_analysts_never_take_the_same_case(served_on_both: Served) -> None:
    served = served_on_both
    with_screening(served)
    served.post("/v1/cases/first", json={"rows": 10})

    def take(role: str) -> list[int]:
        got = []
        while (answer := served.post("/v1/cases/next", role, json={})).status_code == 200:
            got.append(answer.json()["case_key"])
        assert answer.status_code == 204
        return got

    with ThreadPoolExecutor(6) as pool:
        taken = list(pool.map(take, ["analyst", "operator"] * 3))
    keys = [key for some in taken for key in some]
    assert len(keys) == len(set(keys)) == 6
    for row in served.get("/v1/cases").json()["cases"]:
        assert (row["state"], row["assignee"] in {"the analyst", "the operator"}) == ("assigned", True)


def test_the_same_take_again_gives_the_same_case(served_on_both: Served) -> None:
    served = served_on_both
    with_screening(served)
    served.post("/v1/cases/first", json={"rows": 10})
    headers = {"Idempotency-Key": "once"}
    first = served.post("/v1/cases/next", json={"causes": ["maintenance"]}, headers=headers)
    again = served.post("/v1/cases/next", json={"causes": ["maintenance"]}, headers=headers)
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert first.json()["cause"] == "maintenance"


@pytest.mark.parametrize("query", ["state=lost", "cause=bad", "queue=x", "cursor=WzFd", "limit=0"])
def test_questions_that_make_no_sense(served: Served, query: str) -> None:
    is_problem(served.get(f"/v1/cases?{query}"), 422)
