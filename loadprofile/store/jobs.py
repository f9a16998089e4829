"""Jobs: what was asked of the worker, how far it is, and whether it should stop.

The queue hands a job's key around; the truth about the job is here. A worker that was killed leaves a job
``running`` whose heartbeat stops; ``abandoned`` finds it and ``requeue`` puts it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from loadprofile.errors import NotFoundError, TransitionError
from loadprofile.store.access_tables import JOB_STATES, JOBS
from loadprofile.store.columns import now

SILENT = timedelta(minutes=2)
"""A running job without a heartbeat for so long is taken for abandoned."""


def add_job(
    connection: sa.Connection,
    kind: str,
    arguments: Mapping[str, Any],
    *,
    who: str,
    at: datetime | None = None,
) -> int:
    """Note a job that is to be done; its key."""
    made = connection.execute(
        JOBS.insert().values(
            kind=kind, arguments=dict(arguments), state="queued", created_at=now(at), created_by=who
        )
    )
    return int(made.inserted_primary_key[0])  # type: ignore[index]


def job(connection: sa.Connection, job_key: int) -> dict[str, Any]:
    """A job's row.

    Raises:
        NotFoundError: there is none.
    """
    row = connection.execute(sa.select(JOBS).where(JOBS.c.job_key == job_key)).mappings().first()
    if row is None:
        raise NotFoundError("job", job_key)
    return dict(row)


def jobs(connection: sa.Connection, *, state: str | None = None, limit: int = 100) -> pd.DataFrame:
    """Jobs, newest first."""
    asked = sa.select(JOBS).order_by(JOBS.c.job_key.desc()).limit(limit)
    if state is not None:
        asked = asked.where(JOBS.c.state == state)
    return pd.DataFrame(connection.execute(asked).mappings().all(), columns=list(JOBS.c.keys()))


def jobs_by_state(connection: sa.Connection) -> dict[str, int]:
    """How many jobs are in each state; a state that none is in counts 0."""
    asked = sa.select(JOBS.c.state, sa.func.count()).group_by(JOBS.c.state)
    return dict.fromkeys(JOB_STATES, 0) | {state: int(n) for state, n in connection.execute(asked)}


def _step(connection: sa.Connection, job_key: int, found: tuple[str, ...], values: Mapping[str, Any]) -> None:
    done = connection.execute(
        sa.update(JOBS).where(JOBS.c.job_key == job_key, JOBS.c.state.in_(found)).values(**values)
    )
    if done.rowcount != 1:
        raise TransitionError("job", job_key, job(connection, job_key)["state"], values["state"], found)


def start_job(connection: sa.Connection, job_key: int, *, at: datetime | None = None) -> dict[str, Any]:
    """Take a queued job; of two workers one gets ``TransitionError``."""
    moment = now(at)
    _step(
        connection, job_key, ("queued",),
        {"state": "running", "started_at": moment, "heartbeat_at": moment, "attempts": JOBS.c.attempts + 1},
    )  # fmt: skip
    return job(connection, job_key)


def report_progress(
    connection: sa.Connection, job_key: int, progress: float, stage: str = "", *, at: datetime | None = None
) -> bool:
    """Say how far a running job is (0..1); whether it shall go on (False: somebody wants it cancelled)."""
    share = min(max(float(progress), 0.0), 1.0)
    _step(
        connection, job_key, ("running",),
        {"state": "running", "progress": share, "stage": stage, "heartbeat_at": now(at)},
    )  # fmt: skip
    return not job(connection, job_key)["cancel_requested"]


def finish_job(
    connection: sa.Connection,
    job_key: int,
    *,
    result: Mapping[str, Any] | None = None,
    error: str | None = None,
    cancelled: bool = False,
    at: datetime | None = None,
) -> None:
    """End a running job: done, failed (with ``error``) or cancelled."""
    state = "cancelled" if cancelled else "done" if error is None else "failed"
    values: dict[str, Any] = {"state": state, "error": error, "finished_at": now(at)}
    values["result"] = None if result is None else dict(result)
    if state == "done":
        values["progress"] = 1.0
    _step(connection, job_key, ("running",), values)


def cancel_job(connection: sa.Connection, job_key: int, *, at: datetime | None = None) -> str:
    """Ask a job to stop; its state: a queued one is cancelled at once, a running one at its next report."""
    state = str(job(connection, job_key)["state"])
    if state == "queued":
        _step(connection, job_key, ("queued",), {"state": "cancelled", "finished_at": now(at)})
        return "cancelled"
    _step(connection, job_key, ("running",), {"state": "running", "cancel_requested": True})
    return "running"


def abandoned(
    connection: sa.Connection, *, silent: timedelta = SILENT, at: datetime | None = None
) -> tuple[int, ...]:
    """Running jobs whose worker gave no sign of life for so long."""
    rows = connection.execute(
        sa.select(JOBS.c.job_key)
        .where(JOBS.c.state == "running", JOBS.c.heartbeat_at < now(at) - silent)
        .order_by(JOBS.c.job_key)
    )
    return tuple(rows.scalars())


def requeue(connection: sa.Connection, job_key: int) -> None:
    """Put a running job that was abandoned back to where it can be taken."""
    _step(connection, job_key, ("running",), {"state": "queued", "progress": 0.0, "stage": "begins again"})
