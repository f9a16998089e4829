"""Idempotency keys: the same call twice changes nothing and gets the same answer.

``once`` is asked first, in the transaction that does the work; ``answered`` keeps the answer in the same one.
So a crash in between leaves neither the work nor the key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from loadprofile.errors import ConflictError, RefusedError
from loadprofile.store.access_tables import IDEMPOTENCY
from loadprofile.store.columns import now

LONGEST_KEY = 200
KEPT = timedelta(days=7)
"""How long answers are kept, by default."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was given: HTTP ``status``, ``media_type`` and body."""

    status: int
    media_type: str
    response: bytes


def once(
    connection: sa.Connection, key: str, caller: str, request_hash: str, *, at: datetime | None = None
) -> Answer | None:
    """None the first time: do the work, then call ``answered``. Else the answer that was given.

    A second call at the same time waits for the first one's transaction.

    Raises:
        ConflictError: the key was used for another request, or a call with it was never finished.
        RefusedError: an empty or too long key.
    """
    if not key.strip() or len(key) > LONGEST_KEY:
        raise RefusedError("idempotency key", key[:40], f"is empty or longer than {LONGEST_KEY}")
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    values = {"caller": caller, "key": key, "request_hash": request_hash, "created_at": now(at)}
    new = insert(IDEMPOTENCY).values(**values).on_conflict_do_nothing().returning(IDEMPOTENCY.c.key)
    if connection.execute(new).first() is not None:
        return None
    mine = sa.and_(IDEMPOTENCY.c.caller == caller, IDEMPOTENCY.c.key == key)
    row = connection.execute(sa.select(IDEMPOTENCY).where(mine)).one()
    if row.request_hash != request_hash:
        raise ConflictError("idempotency key", key, "was used for another request")
    if row.status is None:
        raise ConflictError("idempotency key", key, "belongs to a call that is not finished")
    return Answer(row.status, row.media_type, bytes(row.response))


def answered(connection: sa.Connection, key: str, caller: str, answer: Answer) -> None:
    """Keep the answer of the call that ``once`` let through."""
    mine = sa.and_(IDEMPOTENCY.c.caller == caller, IDEMPOTENCY.c.key == key, IDEMPOTENCY.c.status.is_(None))
    done = connection.execute(
        sa.update(IDEMPOTENCY)
        .where(mine)
        .values(status=answer.status, media_type=answer.media_type, response=answer.response)
    )
    if done.rowcount != 1:
        raise ConflictError("idempotency key", key, "is not waiting for an answer")


def forget_answers(connection: sa.Connection, *, kept: timedelta = KEPT, at: datetime | None = None) -> int:
    """Delete keys older than ``kept``; how many."""
    gone = connection.execute(IDEMPOTENCY.delete().where(IDEMPOTENCY.c.created_at < now(at) - kept))
    return int(gone.rowcount)
