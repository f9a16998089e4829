"""The worker process: it does what was asked, and ends with whoever started it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from api.http.settings import Settings
from api.jobs import worker
from api.jobs.queue import Plain, Queue
from api.jobs.screening import ask
from loadprofile.store.database import Database, open_database
from loadprofile.store.jobs import job

ROOT = Path(__file__).resolve().parents[3]


def until(true: Callable[[], bool], seconds: float = 90.0) -> None:
    for _ in range(int(seconds / 0.05)):
        if true():
            return
        time.sleep(0.05)
    pytest.fail("it did not come about")


def state(database: Database, key: int) -> str:
    with database.reading() as connection:
        return str(job(connection, key)["state"])


def test_workers_do_jobs_and_end_with_the_server(
    blank_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(blank_file, tmp_path / "r.db")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    settings = Settings(database=str(tmp_path / "r.db"), workers=1, silence=2.0)
    database, queue = open_database(settings.database), Queue(settings.database)
    with database.writing() as connection:
        _, key = ask(connection, settings, who="ann")
    workers = worker.Workers(settings)
    workers.start()
    queue.put(key)
    (process,) = workers._processes
    try:
        until(lambda: state(database, key) == "failed")  # there is nothing to screen
        assert process.poll() is None
        assert process.stdin is not None
        process.stdin.close()  # as when the server is killed
        assert process.wait(60) == 0
    finally:
        workers._over.set()
        workers.stop()
        queue.close()
        database.close()


def test_a_worker_that_cannot_work_is_started_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [worker.pause_before(1, last, 3.0) for last in (1.0, 2.0, 40.0)] == [2.0, 4.0, 60.0]
    assert worker.pause_before(-9, 32.0, 3.0) == 1.0, "a killed one has no fault to wait for"
    assert worker.pause_before(1, 32.0, 3600.0) == 1.0, "one that worked for long begins anew"
    monkeypatch.setattr(worker, "RESTART_AFTER", 0.02)
    started: list[subprocess.Popen[bytes]] = []

    def one(_: worker.Workers) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(["false"], stdin=subprocess.PIPE))
        return started[-1]

    monkeypatch.setattr(worker.Workers, "_one", one)
    workers = worker.Workers(Settings(workers=1))
    workers.start()
    time.sleep(1.0)
    workers.stop()
    assert 2 <= len(started) <= 7, "each pause is twice the one before"


def test_messages_name_a_job_and_nothing_more(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = Queue(database.url)
    sent: list[bytes] = []
    monkeypatch.setattr(queue.huey.storage, "enqueue", lambda data, *_: sent.append(bytes(data)))
    queue.put(41)
    (raw,) = sent
    assert b"[41]" in raw
    assert b"pickle" not in raw
    assert raw.startswith(b"{")
    with pytest.raises(ValueError):  # noqa: PT011 - JSON's own, of whatever kind
        Plain().deserialize(b"\x80\x04\x95")
    done: list[int] = []
    huey = queue.handled_by(done.append)
    queue.put(42)
    huey.execute(huey.deserialize_task(sent[-1]))
    assert done == [42]
    queue.close()


def test_a_queue_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    Queue(str(tmp_path / "nowhere" / "r.db")).put(1)


def test_a_worker_that_is_told_to_stop_hands_its_job_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the next batch, so that another one has it at once."""
    import threading

    from api.jobs.running import Attempt, Kind, run_job

    settings = Settings(database=database.url)
    with database.writing() as connection:
        _, key = ask(connection, settings, who="ann")
    stopping = threading.Event()

    def work(attempt: Attempt) -> object:
        stopping.set()
        attempt.say(0.5, "measuring")
        pytest.fail("it went on")

    run_job(database, settings, key, {"screening": Kind(work, lambda *_: None)}, stopping)  # type: ignore[arg-type]
    assert state(database, key) == "queued"


def test_the_consumer_hears_a_signal_at_once(database: Database) -> None:
    import threading

    stopping = threading.Event()
    queue = Queue(database.url)
    consumer = worker._Consumer(queue.huey, stopping, workers=1, periodic=False, graceful_signal="TERM")
    consumer._handle_signal(signal.SIGTERM, None)
    assert stopping.is_set()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    queue.close()
