"""What keeps jobs going when workers do not: abandoned ones are put back, forgotten ones queued again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import sqlalchemy as sa
import structlog

from api.http.settings import Settings
from api.jobs.queue import Queue
from api.jobs.running import Kind, end_without_result
from loadprofile.store.access_tables import JOBS
from loadprofile.store.columns import now
from loadprofile.store.database import Database
from loadprofile.store.jobs import abandoned, job, requeue

MOST_ATTEMPTS = 5
"""A job that brought down its worker so often is given up."""

FORGOTTEN = timedelta(seconds=5)
"""A job that waits for so long while the queue is empty was lost on its way."""

log = structlog.get_logger("loadprofile.jobs")


def tend(database: Database, settings: Settings, queue: Queue, kinds: Mapping[str, Kind]) -> list[int]:
    """Put back what dead workers left and queue what the queue lost; the jobs that were queued now."""
    again: list[int] = []
    silent = timedelta(seconds=settings.silence)
    with database.reading() as connection:
        found = abandoned(connection, silent=silent)
    for key in found:
        with database.writing() as connection:
            if key not in abandoned(connection, silent=silent):
                continue  # another worker was faster, or it lives
            row = job(connection, key)
            if row["cancel_requested"]:
                end_without_result(
                    connection, key, row["arguments"], kinds.get(row["kind"]), "cancelled", None
                )
            elif row["attempts"] >= MOST_ATTEMPTS:
                reason = f"given up: {MOST_ATTEMPTS} workers died at it"
                kind = kinds.get(row["kind"])
                end_without_result(connection, key, row["arguments"], kind, "failed", reason)
            else:
                requeue(connection, key)
                again.append(key)
        log.warning("job was abandoned", job=key, attempt=row["attempts"])
    if not queue.size():
        again += [key for key in _waiting(database) if key not in again]
    for key in again:
        queue.put(key)
    return again


def _waiting(database: Database) -> list[int]:
    asked = (
        sa.select(JOBS.c.job_key)
        .where(JOBS.c.state == "queued", JOBS.c.created_at < now() - FORGOTTEN)
        .order_by(JOBS.c.job_key)
    )
    with database.reading() as connection:
        return list(connection.execute(asked).scalars())
