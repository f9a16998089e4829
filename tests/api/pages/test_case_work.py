"""Work on a case from its page: versions, roles, verdicts, hostile texts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from serving import is_problem
from town import Town, Visitor

from loadprofile.store.cases import case, history
from loadprofile.store.feedback import feedback

HOSTILE = "<img src=x onerror=alert(1)>\"'}{{7*7}}</script>"


def version(visitor: Visitor, key: int) -> int:
    with visitor.served.service.database.reading() as connection:
        return int(case(connection, key)["version"])


def form(visitor: Visitor, key: int, **more: Any) -> dict[str, Any]:
    with visitor.served.service.database.reading() as connection:
        meter = case(connection, key)["meter_ids"][0]
    return {"version": version(visitor, key), "meter": meter} | more


def test_a_stale_write_changes_nothing(ada: Visitor) -> None:
    old = form(ada, 2, assignee="me")
    assert "assigned" in ada.post("/cases/2/assign", old).text
    is_problem(ada.post("/cases/2/assign", old | {"assignee": "bob"}), 412, "stale")
    with ada.served.service.database.reading() as connection:
        assert case(connection, 2)["assignee"] == "ada"


def test_a_write_needs_the_token_of_the_session(ada: Visitor) -> None:
    given = form(ada, 3, assignee="me")
    is_problem(ada.post("/cases/3/assign", given, headers={"X-CSRF-Token": "wrong"}), 403, "forbidden")


def test_a_case_goes_its_way(ada: Visitor) -> None:
    key = 3
    ada.post(f"/cases/{key}/assign", form(ada, key, assignee="me"))
    assert "in field" in ada.post(f"/cases/{key}/move", form(ada, key, state="in_field")).text
    ada.post(f"/cases/{key}/move", form(ada, key, state="waiting_for_data"))
    asleep = ada.post(f"/cases/{key}/snooze", form(ada, key, until="2199-01-01", reason="holidays"))
    assert "asleep until" in asleep.text
    assert "asleep until" not in ada.post(f"/cases/{key}/wake", form(ada, key)).text
    is_problem(ada.post(f"/cases/{key}/move", form(ada, key, state="closed")), 422)
    done = ada.post(f"/cases/{key}/move", form(ada, key, state="closed", comment="meter exchanged"))
    assert "meter exchanged" in done.text
    with ada.served.service.database.reading() as connection:
        assert case(connection, key)["state"] == "closed"


def test_a_verdict_is_recorded_and_amended_by_another(ada: Visitor) -> None:
    given = form(ada, 1, outcome="fraud_confirmed", kind="bypass", visited_on="2024-03-05",
                 visited_by="team 4", kwh_recovered="1200.5", notes=HOSTILE)  # fmt: skip
    first = ada.post("/cases/1/verdict", given)
    assert "fraud confirmed" in first.text
    is_problem(ada.post("/cases/1/verdict", given | {"kind": ""}), 422)
    is_problem(ada.post("/cases/1/verdict", given | {"kwh_recovered": "nan"}), 422)
    with ada.served.service.database.reading() as connection:
        key = int(feedback(connection, case_key=1)["feedback_key"].iloc[0])
    again = given | {"amends": key, "outcome": "nothing_found", "kind": "", "kwh_recovered": ""}
    assert "amended later" in ada.post("/cases/1/verdict", again).text
    with ada.served.service.database.reading() as connection:
        assert feedback(connection, case_key=1)["outcome"].tolist() == ["nothing_found"]
        assert len(feedback(connection, case_key=1, amended=True)) == 2


def test_texts_of_people_are_texts(ada: Visitor) -> None:
    answer = ada.post("/cases/2/comment", form(ada, 2, comment=HOSTILE))
    for text in (answer.text, ada.see("/cases/2")):
        assert "<img src=x" not in text
        assert "&lt;img src=x onerror=alert(1)&gt;" in text
        assert "49" not in re.findall(r"notes\">(.*?)</p>", text, re.DOTALL)[0]


def test_a_field_team_reports_and_does_not_close(ada: Visitor, fay: Visitor) -> None:
    fay.give(2, "fay")
    fay.sign_in()
    is_problem(fay.post("/cases/2/move", form(fay, 2, state="closed", comment="done")), 403)
    is_problem(fay.post("/cases/2/assign", form(fay, 2, assignee="me")), 403)
    is_problem(fay.post("/cases/1/comment", form(fay, 1, comment="not mine")), 404)
    assert fay.post("/cases/2/move", form(fay, 2, state="in_field")).status_code == 200
    given = form(fay, 2, outcome="no_access", visited_on="2024-03-05", visited_by="fay")
    assert "no access" in fay.post("/cases/2/verdict", given).text


@pytest.mark.parametrize(
    ("name", "kind", "content", "status"),
    [
        ("meter.png", "image/png", b"\x89PNG\r\n\x1a\n rest", 200),
        ("page.html", "text/html", b"<script>alert(1)</script>", 422),
        ("fake.png", "image/png", b"<script>alert(1)</script>", 422),
        ("../up.txt", "text/plain", b"text", 422),
    ],
)
def test_attachments(ada: Visitor, name: str, kind: str, content: bytes, status: int) -> None:
    ada.sign_in()
    given = {"data": form(ada, 1), "files": {"file": (name, content, kind)}}
    answer = ada.post("/cases/1/attachments", **given)
    assert answer.status_code == status, answer.text
    if status == 200:
        key = re.findall(r"/cases/1/attachments/(\d+)", answer.text)[0]
        file = ada.get(f"/cases/1/attachments/{key}")
        assert file.content == content
        assert "attachment" in file.headers["content-disposition"]
        assert "sandbox" in file.headers["content-security-policy"]
        assert ada.get(f"/cases/2/attachments/{key}").status_code == 404


def test_what_was_done_is_the_history(ada: Visitor, town: Town) -> None:
    with ada.served.service.database.reading() as connection:
        log = history(connection, 1)
    assert log["what"].tolist()[0] == "opened"
    assert {"reported", "attached"} <= set(log["what"])
    assert set(log["who"]) <= {"key nightly", "user:ada"}
    assert town.path.exists()
