"""Keys and roles: who gets in, how far, and for how long."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from serving import Served, is_problem, served_on

from api.http import keys as keyring
from api.http.callers import Caller
from loadprofile.store.access import API_KEYS, issue_key, list_keys

PUBLIC = {"/healthz", "/readyz", "/v1/session"}
ROLES_OF = {
    "/v1/keys": {"operator"}, "/v1/keys/{prefix}": {"operator"}, "/v1/audit": {"operator"},
    "/metrics": {"operator"}, "/v1/models/files": {"operator"}, "/v1/models/rollback": {"operator"},
    "/v1/models/{model_key}/promotion": {"operator"},
}  # fmt: skip
EVERYBODY = {
    ("get", "/v1/cases"), ("get", "/v1/cases/{case_key}"), ("get", "/v1/cases/{case_key}/history"),
    ("get", "/v1/cases/{case_key}/evidence"),
    ("post", "/v1/cases/{case_key}/move"), ("post", "/v1/cases/{case_key}/comments"),
    ("get", "/v1/cases/{case_key}/verdicts"), ("post", "/v1/cases/{case_key}/verdicts"),
    ("get", "/v1/cases/{case_key}/attachments"), ("post", "/v1/cases/{case_key}/attachments"),
    ("get", "/v1/attachments/{attachment_key}"),
}  # fmt: skip
"""Calls that a field team may make too, about the cases assigned to it."""


def test_each_route_is_for_its_roles_only(served: Served) -> None:
    for path, calls in served.client.app.openapi()["paths"].items():  # type: ignore[attr-defined]
        if path in PUBLIC:
            continue
        for method in calls:
            allowed = ROLES_OF.get(path, {"analyst", "operator"})
            allowed |= {"field"} if (method, path) in EVERYBODY else set()
            for role in ("analyst", "field", "operator"):
                place = (
                    path.replace("{prefix}", "0000")
                    .replace("{meter_id}", "none")
                    .replace("{model_key}", "999")
                )
                status = served.call(method.upper(), place, role).status_code
                assert (status != 403) == (role in allowed), (method, path, role, status)


@pytest.mark.parametrize(
    "secret", ["", "lp_", "lp_abc_def", "x" * 5000, "lp_aaaaaaaaaaaa_" + "A" * 43, "a b", "ü"]
)
def test_what_is_no_key(served: Served, secret: str) -> None:
    headers = {"Authorization": f"Bearer {secret}".encode("latin-1")}
    is_problem(served.client.get("/v1/meters", headers=headers), 401, "unauthorized")  # type: ignore[arg-type]


def test_another_scheme_is_no_key(served: Served) -> None:
    headers = {"Authorization": "Basic " + served.keys["operator"]}
    is_problem(served.client.get("/v1/meters", headers=headers), 401)


def test_a_prefix_with_another_secret_is_no_key(served: Served) -> None:
    wrong = served.keys["analyst"][:-1] + ("A" if served.keys["analyst"][-1] != "A" else "B")
    is_problem(served.client.get("/v1/meters", headers={"Authorization": f"Bearer {wrong}"}), 401)


def test_the_record_holds_no_key(served: Served) -> None:
    with served.service.database.reading() as connection:
        rows = [str(row) for row in connection.execute(API_KEYS.select())]
    assert not any(key in row or key.split("_", 2)[2] in row for key in served.keys.values() for row in rows)


def test_a_revoked_key_is_out_at_once(served: Served) -> None:
    made = served.post("/v1/keys", "operator", json={"name": "short-lived", "role": "analyst"})
    assert made.status_code == 201
    headers = {"Authorization": f"Bearer {made.json()['key']}"}
    assert served.client.get("/v1/meters", headers=headers).status_code == 200
    assert served.call("DELETE", f"/v1/keys/{made.json()['prefix']}", "operator").status_code == 204
    is_problem(served.client.get("/v1/meters", headers=headers), 401)
    is_problem(served.call("DELETE", f"/v1/keys/{made.json()['prefix']}", "operator"), 404)


def test_a_key_ends(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    until = datetime.now(UTC) + timedelta(seconds=0.4)
    with served.service.database.writing() as connection:
        secret = issue_key(connection, "ends", "analyst", who="test", expires_at=until)
    headers = {"Authorization": f"Bearer {secret}"}
    monkeypatch.setattr(keyring, "FRESH_SECONDS", 0.0)
    assert served.client.get("/v1/meters", headers=headers).status_code == 200
    time.sleep(0.45)
    is_problem(served.client.get("/v1/meters", headers=headers), 401)


def test_a_key_in_use_costs_no_question_to_the_record(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.get("/v1/session")
    asked = []
    monkeypatch.setattr(served.service.keys, "ask", asked.append)
    for _ in range(5):
        assert served.get("/v1/session").status_code == 200
    assert not asked


def test_the_last_use_is_noted_beside_the_request(served: Served) -> None:
    served.get("/v1/session", "field")
    for _ in range(100):
        with served.service.database.reading() as connection:
            frame = list_keys(connection).set_index("role")
        if frame.loc["field", "last_used_at"] is not None:
            break
        time.sleep(0.02)
    assert abs((datetime.now(UTC) - frame.loc["field", "last_used_at"]).total_seconds()) < 60


def test_the_record_is_closed_after_the_last_note(
    blank_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A note that came later would open it again, and leave that connection to nobody."""
    running = served_on(str(shutil.copy(blank_file, tmp_path / "record.db")))
    served = next(running)
    note = served.service.keys.note_use

    def late(caller: Caller) -> None:
        time.sleep(0.2)
        note(caller)

    monkeypatch.setattr(served.service.keys, "note_use", late)
    served.get("/v1/session")
    assert list(running) == []
    assert served.service.database.engine.pool.checkedin() == 0
    assert served.service.probe.database.engine.pool.checkedin() == 0


def test_a_key_does_not_revoke_itself(served: Served) -> None:
    own = served.keys["operator"].split("_")[1]
    is_problem(served.call("DELETE", f"/v1/keys/{own}", "operator"), 409)


def test_keys_are_listed_in_pages_and_without_secrets(served: Served) -> None:
    found, cursor = [], ""
    while True:
        page = served.get(f"/v1/keys?limit=2{cursor}", "operator").json()
        assert len(page["keys"]) <= 2
        found += page["keys"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert len({key["prefix"] for key in found}) == len(found) >= 3
    assert not any("sha256" in key or "key" in key for key in found)


def test_what_operators_do_is_in_the_log(served: Served) -> None:
    made = served.post("/v1/keys", "operator", json={"name": "logged", "role": "field"}).json()
    entries = served.get("/v1/audit?subject=api key&limit=1000", "operator").json()["entries"]
    (entry,) = [e for e in entries if e["subject_key"] == made["prefix"]]
    assert entry["who"].startswith("key lp_")
    assert entry["after"]["name"] == "logged"
    assert made["key"] not in str(entries)


@pytest.mark.parametrize(
    "body",
    [
        {"name": "", "role": "analyst"}, {"name": "x", "role": "root"}, {"name": "x"}, {"role": "field"},
        {"name": "a\0b", "role": "field"}, {"name": "x", "role": "field", "expires_at": "2024-01-01"},
        {"name": "x", "role": "field", "expires_at": "0001-01-01T00:00:00+14:00"},
        {"name": "x", "role": "field", "more": 1},
    ],
)  # fmt: skip
def test_what_is_no_new_key(served: Served, body: dict[str, object]) -> None:
    is_problem(served.post("/v1/keys", "operator", json=body), 422)


def test_so_many_requests_and_no_more(tmp_path, blank_file) -> None:  # type: ignore[no-untyped-def]
    import shutil

    shutil.copy(blank_file, tmp_path / "r.db")
    for served in served_on(str(tmp_path / "r.db"), stranger_rate="3/minute"):
        object.__setattr__(served.service.requests, "rate", served.service.strangers.rate)
        for _ in range(3):
            assert served.get("/v1/session").status_code == 200
        body = is_problem(response := served.get("/v1/session"), 429, "too-many-requests")
        assert 1 <= int(response.headers["retry-after"]) <= 60
        assert "3 per 1 minute" in body["detail"]
        assert served.get("/v1/session", "operator").status_code == 200, "another key has a limit of its own"
        wrong = {"Authorization": "Bearer lp_aaaaaaaaaaaa_" + "A" * 43}
        assert [served.client.get("/v1/session", headers=wrong).status_code for _ in range(4)] == [
            401
        ] * 3 + [429]


def test_the_log_names_prefixes_only(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    import io
    import json

    import structlog

    from api.http.watch import configure_logs

    stream = io.StringIO()
    configure_logs(stream)
    try:
        entry = {"meter_id": "PERSONAL-7", "start": "2024-01-01", "step_minutes": 30, "kwh": [1.0]}
        served.post("/v1/readings", json={"readings": [entry]})
        served.get("/v1/meters/PERSONAL-7")
    finally:
        structlog.reset_defaults()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["route"] for line in lines] == ["/v1/readings", "/v1/meters/{meter_id:path}"]
    assert {line["caller"] for line in lines} == {"_".join(served.keys["analyst"].split("_")[:2])}
    assert "PERSONAL" not in stream.getvalue()
    assert served.keys["analyst"] not in stream.getvalue()
    assert "the analyst" not in stream.getvalue()
