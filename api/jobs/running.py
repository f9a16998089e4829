"""One attempt at a job: how it reports, how it hears that it shall stop, and when its writes count.

A worker that was silent for long may find its job in other hands. So everything that an attempt writes goes
through ``Attempt.writing``, which looks first, in the same transaction, whether the job is still its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
import structlog

from api.http.settings import Settings
from api.jobs.compiling import Compiling, listening
from loadprofile.errors import LoadProfileError, NotFoundError, StoreError, TransitionError
from loadprofile.store.access_tables import JOBS
from loadprofile.store.database import Database
from loadprofile.store.jobs import finish_job, report_progress, requeue, start_job

log = structlog.get_logger("loadprofile.jobs")

NOTICED = 1.0
"""Seconds after which compiling is told, at most."""

INTERNAL = "an error on our side; the log has it under this job's number"


class JobStoppedError(Exception):
    """The job shall not go on."""


class JobCancelledError(JobStoppedError):
    """Somebody wants it cancelled."""


class JobLostError(JobStoppedError):
    """Another worker has it by now, or it has ended."""


class JobPutBackError(JobStoppedError):
    """This worker is being stopped; another one shall do it."""


LastWrite = Callable[[sa.Connection], Mapping[str, Any]]
"""What a job writes at its end, in the transaction that ends it; it returns the job's result."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind of job is.

    Attributes:
        work: does the work and returns the last write.
        ended: told, in the transaction that ends a job without a result, its arguments, the state
            (``failed`` or ``cancelled``) and the reason: closes what belongs to the job.
    """

    work: Callable[[Attempt], LastWrite]
    ended: Callable[[sa.Connection, Mapping[str, Any], str, str | None], None]


@dataclass(frozen=True, eq=False, slots=True)
class Attempt:
    """A job that this worker has taken.

    Attributes:
        database: the record.
        settings: of the service.
        job_key: which job.
        number: the how manieth attempt at it this is.
        arguments: of the job.
        who: who asked for it.
        stopping: set when this worker is to stop.
    """

    database: Database
    settings: Settings
    job_key: int
    number: int
    arguments: Mapping[str, Any]
    who: str
    stopping: threading.Event = field(default_factory=threading.Event)

    def say(self, share: float, stage: str) -> None:
        """Report how far the job is (0..1). To be called between batches.

        Raises:
            JobStoppedError: it shall not go on.
        """
        if self.stopping.is_set():
            raise JobPutBackError
        with self.writing() as connection:
            if not report_progress(connection, self.job_key, share, stage):
                raise JobCancelledError

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that comes about only if the job is still this attempt's.

        Raises:
            JobLostError: it is not.
        """
        with self.database.writing() as connection:
            self._hold(connection)
            yield connection

    def _hold(self, connection: sa.Connection) -> None:
        mine = sa.select(JOBS.c.state, JOBS.c.attempts).where(JOBS.c.job_key == self.job_key)
        row = connection.execute(mine.with_for_update()).first()
        if row is None or row.state != "running" or row.attempts != self.number:
            raise JobLostError

    def beat(self, compiling: Compiling) -> None:
        """A sign of life, beside the work; with what is being compiled, for that has no stages."""
        with suppress(StoreError, JobLostError), self.writing() as connection:
            mine = JOBS.c.job_key == self.job_key
            stage = connection.execute(sa.select(JOBS.c.stage).where(mine)).scalar_one()
            connection.execute(
                sa.update(JOBS)
                .where(mine)
                .values(
                    heartbeat_at=sa.bindparam("now", _now(), type_=JOBS.c.heartbeat_at.type),
                    stage=compiling.beside(stage),
                )
            )


def _now() -> Any:
    from loadprofile.store.columns import now

    return now()


def run_job(
    database: Database,
    settings: Settings,
    job_key: int,
    kinds: Mapping[str, Kind],
    stopping: threading.Event | None = None,
) -> None:
    """Take a job and do it; nothing happens where somebody else has it or it has ended."""
    with suppress(TransitionError, NotFoundError):
        with database.writing() as connection:
            row = start_job(connection, job_key)
        attempt = Attempt(
            database, settings, job_key, row["attempts"], row["arguments"], row["created_by"],
            stopping or threading.Event(),
        )  # fmt: skip
        log.info("job begins", job=job_key, kind=row["kind"], attempt=attempt.number)
        with _alive(attempt):
            state = _done(attempt, kinds.get(row["kind"]))
        log.info("job ends", job=job_key, kind=row["kind"], state=state)


def _done(attempt: Attempt, kind: Kind | None) -> str:
    """Do the work; how it ended."""
    if kind is None:
        return _ended(attempt, None, "failed", "a kind of job that this version does not know")
    try:
        last = kind.work(attempt)
        with attempt.writing() as connection:
            result = last(connection)
            finish_job(connection, attempt.job_key, result=result)
    except JobCancelledError:
        return _ended(attempt, kind, "cancelled", None)
    except JobPutBackError:
        with suppress(StoreError, JobLostError), attempt.writing() as connection:
            requeue(connection, attempt.job_key)
        return "put back"
    except JobLostError:
        return "lost"
    except LoadProfileError as error:
        # the words may name a meter: they stand with the job, and the log has the kind only
        log.warning("job failed", job=attempt.job_key, reason=type(error).__name__)
        return _ended(attempt, kind, "failed", str(error))
    except Exception:
        log.exception("job failed", job=attempt.job_key)
        return _ended(attempt, kind, "failed", INTERNAL)
    return "done"


def _ended(attempt: Attempt, kind: Kind | None, state: str, reason: str | None) -> str:
    try:
        with attempt.writing() as connection:
            end_without_result(connection, attempt.job_key, attempt.arguments, kind, state, reason)
    except (StoreError, JobLostError) as error:
        log.warning("end not recorded", job=attempt.job_key, reason=str(error))  # it will be taken up again
        return "lost"
    return state


def end_without_result(
    connection: sa.Connection,
    job_key: int,
    arguments: Mapping[str, Any],
    kind: Kind | None,
    state: str,
    reason: str | None,
) -> None:
    """End a running job as ``failed`` or ``cancelled``, with all that belongs to it."""
    if kind is not None:
        kind.ended(connection, arguments, state, reason)
    finish_job(connection, job_key, error=reason, cancelled=state == "cancelled")


@contextmanager
def _alive(attempt: Attempt) -> Iterator[None]:
    """Signs of life from a thread of their own, for as long as the work lasts."""
    over = threading.Event()
    quiet = attempt.settings.silence / 5

    def beat(compiling: Compiling) -> None:
        last, told = time.monotonic(), (0, False)
        while not over.wait(min(quiet, NOTICED)):
            now = (compiling.kernels, compiling.open > 0)
            if now != told or time.monotonic() - last >= quiet:
                if not told[0] and now[0]:
                    log.info("job compiles kernels, once on this machine", job=attempt.job_key)
                attempt.beat(compiling)
                last, told = time.monotonic(), now

    with listening() as compiling:
        thread = threading.Thread(target=beat, args=(compiling,), name=f"job {attempt.job_key}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()  # a beat waits for the record no longer than any write
