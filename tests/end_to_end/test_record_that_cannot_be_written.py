"""A record that can only be read, and a disk without room: said clearly, and nothing is half written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from serving import Served, is_problem, served_on

from api.http.app import create_app
from api.http.settings import Settings
from loadprofile.store.database import Database


def readings(meter: str, days: int) -> dict[str, Any]:
    """Noise: it cannot be packed small."""
    kwh = np.random.default_rng(days).random(48 * days).round(6).tolist()
    one = {"meter_id": meter, "start": "2024-01-01", "step_minutes": 30, "kwh": kwh}
    return {"readings": [one]}


@pytest.fixture
def alone(blank_file: Path, tmp_path: Path) -> Iterator[Served]:
    shutil.copy(blank_file, tmp_path / "record.db")
    for served in served_on(str(tmp_path / "record.db")):
        assert served.post("/v1/readings", json=readings("A", 20)).status_code == 200
        yield served


def writes(served: Served) -> list[Any]:
    """Writes of several kinds, each larger than a page."""
    feeders = [{"meter_id": f"{k:0200d}", "feeder_id": "F"} for k in range(400)]
    csv = "meter_id,timestamp,kwh\n" + "".join(
        f"B{k:0180d},2024-01-01T{k % 24:02d}:00,0.{k:03d}\n" for k in range(400)
    )
    return [
        served.post("/v1/readings", json=readings("B", 300)),
        served.post("/v1/readings", content=csv, headers={"content-type": "text/csv"}),
        served.post("/v1/topology", json={"topology": feeders}),
        served.post("/v1/topology", json={"topology": feeders}, headers={"Idempotency-Key": "once"}),
    ]


def limit_pages(database: Database, more: int | None) -> None:
    """SQLite's own picture of a full disk: the file may grow by so many pages, None = as it likes."""

    def limit(raw: Any, _: object) -> None:
        pages = raw.execute("PRAGMA page_count").fetchone()[0]
        raw.execute(f"PRAGMA max_page_count = {2**31 - 2 if more is None else pages + more}")

    sa.event.listen(database.engine, "connect", limit)
    database.engine.dispose()


def content(database: Database) -> dict[str, int]:
    """Rows of every table, and that the file is whole."""
    with database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        tables = sa.inspect(connection).get_table_names()
        return {
            name: connection.exec_driver_sql(f'SELECT count(*) FROM "{name}"').scalar_one() for name in tables
        }


def test_a_full_disk(alone: Served) -> None:
    database = alone.service.database
    before = content(database)
    limit_pages(database, 2)
    for answer in writes(alone):
        body = is_problem(answer, 507, "no-room")
        assert str(database.place) not in answer.text  # where the record lies is nobody's business
        assert "nothing was written" in body["detail"]
    assert alone.get("/v1/meters").json()["meters"][0]["meter_id"] == "A"  # reading goes on
    assert content(database) == before
    limit_pages(database, None)  # somebody made room: the same calls succeed
    assert [answer.status_code for answer in writes(alone)] == [200] * 4
    after = content(database)
    assert after["meters"] > before["meters"]


def test_a_record_that_can_only_be_read(alone: Served) -> None:
    path = alone.service.database.place
    before = content(alone.service.database)
    settings = Settings(database=f"sqlite:///file:{path}?mode=ro&uri=true", rate="100000/minute")
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        reader = Served(client, client.app.state.service, alone.keys)  # type: ignore[attr-defined]
        assert reader.get("/v1/meters").json()["meters"][0]["meter_id"] == "A"
        for answer in writes(reader):
            is_problem(answer, 503, "read-only")
            assert path not in answer.text
        is_problem(reader.client.get("/readyz"), 503, "read-only")
        assert reader.client.get("/healthz").status_code == 200
        assert "loadprofile_jobs{" in reader.get("/metrics", "operator").text
    assert content(alone.service.database) == before
