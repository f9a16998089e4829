"""A job that waits for the compiler says so, for whoever asks, and stops saying so."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from numba import njit
from numba.core.event import end_event, start_event

from api.http.settings import Settings
from api.jobs import running
from api.jobs.compiling import NOTE, Compiling, listening
from api.jobs.running import Attempt, Kind, run_job
from loadprofile.store.database import Database
from loadprofile.store.jobs import add_job, job


def until(stage: Callable[[], str], true: Callable[[str], bool]) -> str:
    for _ in range(400):
        if true(stage()):
            return stage()
        time.sleep(0.01)
    pytest.fail(f"it still says {stage()!r}")


def test_a_job_tells_that_it_waits_for_the_compiler(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "NOTICED", 0.02)
    with database.writing() as connection:
        key = add_job(connection, "made", {}, who="ann")
    heard: list[str] = []

    def stage() -> str:
        with database.reading() as connection:
            return str(job(connection, key)["stage"])

    def work(attempt: Attempt) -> Any:
        attempt.say(0.2, "measuring")
        start_event("numba:compile")
        heard.append(until(stage, lambda said: "kernel 1" in said))
        start_event("numba:compile")  # one that the first calls
        heard.append(until(stage, lambda said: "kernel 2" in said))
        end_event("numba:compile")
        end_event("numba:compile")
        heard.append(until(stage, lambda said: NOTE not in said))
        return lambda _: {}

    kind = Kind(work, lambda _connection, _arguments, _state, _reason: None)
    run_job(database, Settings(database=database.url), key, {"made": kind})
    note = "measuring; compiling, once on this machine: kernel {}"
    assert heard == [note.format(1), note.format(2), "measuring"]
    with database.reading() as connection:
        assert job(connection, key)["state"] == "done"


def test_numba_tells_of_what_it_compiles_and_not_of_what_it_has() -> None:
    @njit
    def twice(x: Any) -> Any:
        return x + x

    with listening() as compiling:
        twice(1)
        assert (compiling.kernels, compiling.open) == (1, 0)
        twice(2)
        assert compiling.kernels == 1
    twice(2.0)
    assert compiling.kernels == 1, "nobody listens any more"
    assert Compiling().beside("judging") == "judging"
