"""Kill -9 of workers at random moments of screenings: the job ends, and the list is what it would have been.

Not part of the quick tests: ``make soak``. LOADPROFILE_SOAK_KILLS says how many kills (20 if not set), and
LOADPROFILE_SOAK_DATABASE which record (a new SQLite file if not set).
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from api.http.settings import Settings
from api.jobs import worker
from api.jobs.kinds import KINDS
from api.jobs.queue import Queue
from api.jobs.running import run_job
from api.jobs.screening import ask
from loadprofile.emulate.households import simulate_homes
from loadprofile.emulate.scenario import draw
from loadprofile.store.database import Database, open_database
from loadprofile.store.findings import whole_worklist
from loadprofile.store.jobs import job
from loadprofile.store.migrating import migrate
from loadprofile.store.readings import record_readings

KILLS = int(os.environ.get("LOADPROFILE_SOAK_KILLS", "20"))
ROOT = Path(__file__).resolve().parents[2]


def row(database: Database, key: int) -> dict[str, Any]:
    with database.reading() as connection:
        return job(connection, key)


def test_lists_are_the_same_however_often_workers_are_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    url = os.environ.get("LOADPROFILE_SOAK_DATABASE", f"sqlite:///{tmp_path / 'record.db'}")
    migrate(url)
    settings = Settings(database=url, workers=1, silence=2.0)
    database, queue = open_database(url), Queue(url)
    rng = np.random.default_rng(7)
    homes = draw(simulate_homes(1200, 91, 30, rng), rng).profiles
    with database.writing() as connection:
        record_readings(connection, homes, who="soak", source="soak")
        expected_key, plain = ask(connection, settings, who="soak")
    begun = time.monotonic()
    run_job(database, settings, plain, KINDS)
    seconds = time.monotonic() - begun
    with database.reading() as connection:
        expected = whole_worklist(connection, expected_key)
    workers = worker.Workers(settings)
    workers.start()
    kills = 0
    try:
        while kills < KILLS:
            with database.writing() as connection:
                key, of = ask(connection, settings, who="soak")
            queue.put(of)
            for _ in range(2):  # a job that brings down five workers is given up, on purpose
                while row(database, of)["state"] == "queued":
                    time.sleep(0.05)
                time.sleep(float(rng.uniform(0, 0.8 * seconds)))
                if row(database, of)["state"] != "running":
                    break
                workers._processes[0].send_signal(signal.SIGKILL)
                kills += 1
                attempts = row(database, of)["attempts"]
                while (now := row(database, of))["state"] == "running" and now["attempts"] == attempts:
                    time.sleep(0.1)
            while row(database, of)["state"] in {"queued", "running"}:
                time.sleep(0.1)
            found = row(database, of)
            assert (found["state"], found["error"]) == ("done", None)
            with database.reading() as connection:
                again = whole_worklist(connection, key)
            pd.testing.assert_frame_equal(again, expected)
    finally:
        workers.stop()
        queue.close()
        database.close()
    assert kills >= KILLS
