"""Screenings and jobs over HTTP: asked for, watched, listened to, cancelled; the worker stands in here."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from serving import Served, is_problem

from api.http.routes import jobs as routes
from api.jobs import screening as job_kind
from api.jobs.kinds import KINDS
from api.jobs.running import Attempt, Kind, run_job
from loadprofile.models.model import Model
from loadprofile.profiles import LoadProfiles
from loadprofile.store.jobs import report_progress, start_job
from loadprofile.store.readings import record_readings


def taken(served: Served) -> int | None:
    return served.service.queue.take()


def emptied(served: Served) -> None:
    while taken(served) is not None:
        pass


def test_a_screening_is_asked_for_done_and_read(
    served_on_both: Served, small_model: Model, simulated_homes: LoadProfiles, tmp_path: Path
) -> None:
    served = served_on_both
    emptied(served)
    small_model.save(str(tmp_path / "small.lpm"))
    settings = served.service.settings.model_copy(update={"model": str(tmp_path / "small.lpm")})
    object.__setattr__(served.service, "settings", settings)
    is_problem(served.post("/v1/meters/H/screen"), 404)
    with served.service.database.writing() as connection:
        record_readings(connection, simulated_homes, who="test", source="test")
    headers = {"Idempotency-Key": "one"}
    started = served.post("/v1/screenings", json={"open_cases": 2}, headers=headers)
    assert started.status_code == 202
    again = served.post("/v1/screenings", json={"open_cases": 2}, headers=headers)
    assert again.json() == started.json()
    key, of = started.json()["screening"], started.json()["job"]
    assert served.get(f"/v1/jobs/{of}").json()["state"] == "queued"
    assert served.get(f"/v1/screenings/{key}").json()["state"] == "running"
    is_problem(served.get("/v1/worklist"), 404)
    assert [taken(served), taken(served)] == [of, None], "it was queued once"
    run_job(served.service.database, settings, of, KINDS)
    done = served.get(f"/v1/jobs/{of}").json()
    assert (done["state"], done["progress"], done["result"]["meters"]) == ("done", 1.0, 70)
    shown = served.get("/v1/screenings").json()["screenings"][0]
    assert (shown["state"], shown["meters"], shown["model_name"]) == ("done", 70, settings.model)
    first = served.get("/v1/worklist?limit=1").json()["rows"][0]
    one = served.post(f"/v1/meters/{first['meter_id']}/screen").json()
    assert one["as_screened"]
    assert one["screening"] == key
    assert one["finding"]["p_fraud"] == pytest.approx(first["p_fraud"], abs=1e-4)
    assert [e["name"] for e in one["finding"]["evidence"]] == [e["name"] for e in first["evidence"]]
    is_problem(served.post(f"/v1/meters/{first['meter_id']}/screen?model=77"), 404)
    is_problem(served.post("/v1/screenings", json={"model": 77}), 404)
    is_problem(served.post("/v1/screenings", json={"from": "2024-02-01", "to": "2024-01-01"}), 422)
    few = served.post("/v1/screenings", json={"meters": ["nowhere"]}).json()
    run_job(served.service.database, settings, few["job"], KINDS)
    failed = served.get(f"/v1/jobs/{few['job']}").json()
    assert (failed["state"], failed["result"]) == ("failed", None)
    assert failed["arguments"]["meters"] == 1


def test_jobs_are_listed_and_cancelled(served_on_both: Served) -> None:
    served = served_on_both
    made = [served.post("/v1/screenings", json={}).json() for _ in range(3)]
    page = served.get("/v1/jobs?limit=2").json()
    rest = served.get(f"/v1/jobs?limit=2&cursor={page['next']}").json()
    assert [j["job_key"] for j in page["jobs"] + rest["jobs"]] == [m["job"] for m in reversed(made)]
    gone = served.post(f"/v1/jobs/{made[0]['job']}/cancel").json()
    assert gone["state"] == "cancelled"
    assert served.get(f"/v1/screenings/{made[0]['screening']}").json()["state"] == "cancelled"
    is_problem(served.post(f"/v1/jobs/{made[0]['job']}/cancel"), 409)
    with served.service.database.writing() as connection:
        start_job(connection, made[1]["job"])
    asked = served.post(f"/v1/jobs/{made[1]['job']}/cancel").json()
    assert (asked["state"], asked["cancel_requested"]) == ("running", True)
    assert [j["job_key"] for j in served.get("/v1/jobs?state=queued").json()["jobs"]] == [made[2]["job"]]
    is_problem(served.get("/v1/jobs/999"), 404)
    is_problem(served.get("/v1/jobs/999/events"), 404)
    emptied(served)


def test_listeners_hear_every_step_and_the_end(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "ASKED_EVERY", 0.02)
    of = served.post("/v1/screenings", json={}).json()["job"]
    database = served.service.database

    def work(attempt: Attempt) -> Any:
        for share in (0.25, 0.5):
            time.sleep(0.15)
            attempt.say(share, "measuring")
        time.sleep(0.15)
        return lambda _: {"meters": 0}

    kinds = {"screening": Kind(work, job_kind.ended)}
    worker = threading.Timer(0.15, run_job, (database, served.service.settings, of, kinds))
    worker.start()
    answer = served.get(f"/v1/jobs/{of}/events")
    worker.join()
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [block.split("\n") for block in answer.text.strip().split("\n\n")]
    told = [(block[0], json.loads(block[1].removeprefix("data: "))) for block in events]
    shares = [row["progress"] for _, row in told]
    assert shares == sorted(shares)
    assert {0.25, 0.5} & set(shares), "a busy machine may let it miss one"
    assert [name for name, _ in told] == ["event: progress"] * (len(told) - 1) + ["event: end"]
    assert told[-1][1]["result"] == {"meters": 0}
    emptied(served)


def test_a_quiet_worker_shows_signs_of_life(served: Served) -> None:
    """So that a long step is not taken for a dead worker."""
    of = served.post("/v1/screenings", json={}).json()["job"]
    settings = served.service.settings.model_copy(update={"silence": 0.5})
    seen: list[Any] = []

    def work(_: Attempt) -> Any:
        for _ in range(2):
            time.sleep(0.3)
            seen.append(served.get(f"/v1/jobs/{of}").json()["heartbeat_at"])
        return lambda _: {}

    run_job(served.service.database, settings, of, {"screening": Kind(work, job_kind.ended)})
    assert seen[0] < seen[1]
    emptied(served)


def test_progress_belongs_to_who_has_the_job(served: Served) -> None:
    of = served.post("/v1/screenings", json={}).json()["job"]
    with served.service.database.writing() as connection:
        start_job(connection, of)
        assert report_progress(connection, of, 0.4, "judging")
    assert served.get(f"/v1/jobs/{of}").json()["progress"] == 0.4
    emptied(served)
