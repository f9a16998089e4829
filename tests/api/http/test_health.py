"""Whoever keeps the service running hears the truth about it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Served, is_problem, served_on

from loadprofile.errors import FullStoreError, ReadOnlyStoreError, UnreachableStoreError
from loadprofile.store.cases import open_case
from loadprofile.store.database import Database, open_database
from loadprofile.store.jobs import add_job, start_job
from loadprofile.store.meters import ensure_meters


@pytest.fixture
def alone(blank_file: Path, tmp_path: Path) -> Iterator[Served]:
    shutil.copy(blank_file, tmp_path / "record.db")
    yield from served_on(str(tmp_path / "record.db"))


def test_alive_and_ready(served_on_both: Served) -> None:
    assert served_on_both.client.get("/healthz").json() == {"status": "alive"}
    assert served_on_both.client.get("/readyz").json() == {"status": "ready"}


def test_not_ready_when_the_tables_are_of_another_version(alone: Served) -> None:
    with alone.service.database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    is_problem(alone.client.get("/readyz"), 503, "not-migrated")
    assert alone.client.get("/healthz").status_code == 200


def test_not_ready_when_nothing_can_be_written(alone: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for error, status, kind in (
        (ReadOnlyStoreError("x"), 503, "read-only"),
        (FullStoreError("x"), 507, "no-room"),
    ):

        def fail(*_: object, error: Exception = error) -> None:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(Database, "writing", fail)
            is_problem(alone.client.get("/readyz"), status, kind)
            answer = alone.post("/v1/topology", json={"topology": [{"meter_id": "A", "feeder_id": "F"}]})
            is_problem(answer, status, kind)
    assert alone.client.get("/readyz").status_code == 200


def test_a_writer_at_work_does_not_make_it_unready(alone: Served) -> None:
    other = open_database(alone.service.database.url)
    with other.writing():
        assert alone.client.get("/readyz").status_code == 200
    other.close()


def test_a_record_that_stays_locked_is_told_with_a_time_to_try_again(alone: Served) -> None:
    other = open_database(alone.service.database.url)
    impatient = open_database(alone.service.database.url, wait_seconds=0.05)
    alone.service.writer.database = impatient
    with other.writing():
        answer = alone.post("/v1/topology", json={"topology": [{"meter_id": "A", "feeder_id": "F"}]})
        assert is_problem(answer, 503, "busy")
        assert answer.headers["retry-after"] == "1"
    assert (
        alone.post("/v1/topology", json={"topology": [{"meter_id": "A", "feeder_id": "F"}]}).status_code
        == 200
    )
    other.close()
    impatient.close()


def test_metrics_are_for_operators(alone: Served) -> None:
    alone.get("/v1/meters")
    text = alone.get("/metrics", "operator").text
    assert 'loadprofile_http_requests_total{method="GET",route="/v1/meters",status="200"} 1.0' in text
    assert "meter_id=" not in text
    is_problem(alone.get("/metrics", "analyst"), 403)
    is_problem(alone.client.get("/metrics"), 401)


def test_metrics_count_jobs_and_cases_of_the_record(alone: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 'loadprofile_jobs{state="queued"} 0.0' in alone.get("/metrics", "operator").text
    with alone.service.database.writing() as connection:
        ensure_meters(connection, ["A", "B"])
        for meter in ("A", "B"):
            open_case(connection, [meter], "fraud", who="test")
        start_job(connection, add_job(connection, "screening", {}, who="test"))
    text = alone.get("/metrics", "operator").text
    assert 'loadprofile_cases{state="new"} 0.0' in text  # counted a moment ago
    alone.service.count.every = 0.0
    text = alone.get("/metrics", "operator").text
    assert 'loadprofile_cases{state="new"} 2.0' in text
    assert 'loadprofile_cases{state="closed"} 0.0' in text
    assert 'loadprofile_jobs{state="running"} 1.0' in text
    assert 'loadprofile_jobs{state="queued"} 0.0' in text

    def gone(*_: object) -> None:
        raise UnreachableStoreError("x", "gone")

    monkeypatch.setattr("api.http.routes.health.cases_by_state", gone)
    text = alone.get("/metrics", "operator").text
    assert "loadprofile_cases{" not in text  # an old number would pass for a new one
    assert "loadprofile_http_requests_total{" in text


def test_metrics_may_be_open_to_this_machine_only(blank_file: Path, tmp_path: Path) -> None:
    shutil.copy(blank_file, tmp_path / "record.db")
    for served in served_on(str(tmp_path / "record.db"), open_metrics=True):
        is_problem(served.client.get("/metrics"), 401)  # the test client is not on this machine
        served.client._transport.client = ("127.0.0.1", 5000)  # type: ignore[attr-defined]
        assert served.client.get("/metrics").status_code == 200


def test_methods_made_up_by_strangers_make_no_series(alone: Served) -> None:
    for number in range(5):
        alone.client.request(f"M{number}", "/healthz")
    text = alone.get("/metrics", "operator").text
    assert 'method="other"' in text
    assert 'method="M1"' not in text
