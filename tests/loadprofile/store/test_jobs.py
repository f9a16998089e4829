"""Jobs and repeated calls: each is done once, whoever was killed in between."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from recorded import DAY, HOUR, NOON

from loadprofile.errors import ConflictError, NotFoundError, RefusedError, TransitionError
from loadprofile.store.database import Database
from loadprofile.store.idempotency import Answer, answered, forget_answers, once
from loadprofile.store.jobs import (
    SILENT,
    abandoned,
    add_job,
    cancel_job,
    finish_job,
    job,
    jobs,
    report_progress,
    requeue,
    start_job,
)
from loadprofile.store.meters import ensure_meters, keys_of

DONE = Answer(201, "application/json", b'{"accepted":1}')


def test_the_same_call_gets_the_same_answer(database: Database) -> None:
    with database.writing() as connection:
        assert once(connection, "k", "crew", "hash", at=NOON) is None
        with pytest.raises(ConflictError):  # while the first is at work
            once(connection, "k", "crew", "hash")
        answered(connection, "k", "crew", DONE)
    with database.writing() as connection:
        assert once(connection, "k", "crew", "hash") == DONE
        assert once(connection, "k", "other", "else") is None
        with pytest.raises(ConflictError):
            once(connection, "k", "crew", "another request")
        with pytest.raises(ConflictError):
            answered(connection, "k", "crew", DONE)
        for wrong in ("", " ", "x" * 201):
            with pytest.raises(RefusedError):
                once(connection, wrong, "crew", "hash")
        assert forget_answers(connection, at=NOON + 8 * DAY) == 1
        assert once(connection, "k", "crew", "anything") is None


def test_a_call_that_was_cut_off_leaves_nothing(database: Database) -> None:
    def cut_off(connection) -> None:
        once(connection, "k", "crew", "hash")
        ensure_meters(connection, ["A"])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), database.writing() as connection:
        cut_off(connection)
    with database.writing() as connection:
        assert once(connection, "k", "crew", "hash") is None
        assert keys_of(connection, ["A"]) == {}


def test_the_same_call_at_once_is_done_once(database: Database) -> None:
    did, got = [], []

    def call(caller: int) -> None:
        with database.writing() as connection:
            answer = once(connection, "k", "crew", "hash")
            if answer is None:
                did.append(caller)
                answered(connection, "k", "crew", DONE)
                answer = DONE
            got.append(answer)

    threads = [threading.Thread(target=call, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(did) == 1
    assert got == [DONE] * 6


def test_a_job_runs_reports_and_ends(database: Database) -> None:
    with database.writing() as connection:
        key = add_job(connection, "screen", {"all": True}, who="ann", at=NOON)
        assert start_job(connection, key, at=NOON)["arguments"] == {"all": True}
        with pytest.raises(TransitionError):
            start_job(connection, key)  # by another worker
        assert report_progress(connection, key, 0.5, "features", at=NOON + HOUR)
        assert (job(connection, key)["progress"], job(connection, key)["stage"]) == (0.5, "features")
        finish_job(connection, key, result={"screening": 3}, at=NOON + HOUR)
        ended = job(connection, key)
        assert (ended["state"], ended["progress"], ended["result"]) == ("done", 1.0, {"screening": 3})
        for late in (cancel_job, start_job, requeue):
            with pytest.raises(TransitionError):
                late(connection, key)
        with pytest.raises(NotFoundError):
            job(connection, 99)


def test_jobs_are_cancelled_fail_and_begin_again(database: Database) -> None:
    with database.writing() as connection:
        waiting, running, failing = (add_job(connection, "screen", {}, who="ann") for _ in range(3))
        assert cancel_job(connection, waiting) == "cancelled"
        start_job(connection, running, at=NOON)
        assert cancel_job(connection, running) == "running"
        assert not report_progress(connection, running, 2.0, at=NOON)
        finish_job(connection, running, cancelled=True)
        start_job(connection, failing, at=NOON)
        assert abandoned(connection, at=NOON + SILENT) == ()
        assert abandoned(connection, at=NOON + SILENT + timedelta(seconds=1)) == (failing,)
        requeue(connection, failing)
        assert start_job(connection, failing)["attempts"] == 2
        finish_job(connection, failing, error="no readings")
        assert jobs(connection)["state"].tolist() == ["failed", "cancelled", "cancelled"]
        assert jobs(connection, state="failed")["error"].tolist() == ["no readings"]
