"""The queue: keys of jobs in the database of the record, on SQLite or PostgreSQL.

Nothing but the key of a job is in it, written as JSON: a message from somebody else can name a job, and
nothing more. What a job is stands in the record.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import structlog
from huey import Huey
from huey.registry import Message
from huey.serializer import Serializer
from huey.storage import BaseSqlStorage, PostgresStorage, SqliteStorage
from sqlalchemy import URL

from loadprofile.store.database import full_url

NAME = "loadprofile"
SCHEMA = "loadprofile_queue"
"""On PostgreSQL the queue's tables have a schema of their own, beside the record's."""

WAIT_SECONDS = 30

log = structlog.get_logger("loadprofile.jobs")


class Plain(Serializer):  # type: ignore[misc]
    """Messages as JSON: which task, and its arguments. No pickle."""

    def _serialize(self, data: Any) -> bytes:
        return json.dumps({"id": data.id, "name": data.name, "args": list(data.args)}).encode()

    def _deserialize(self, data: bytes) -> Message:
        found = json.loads(bytes(data))
        return Message(found["id"], found["name"], None, 0, 0, None, tuple(found["args"]), {})


class Queue:
    """The queue of a record; nothing is opened before it is needed."""

    def __init__(self, database: str) -> None:
        self._url = full_url(database)
        self._huey: Huey | None = None
        self._work: Callable[[int], None] | None = None
        self._task: Any = None

    @property
    def huey(self) -> Huey:
        """The queue itself."""
        if self._huey is None:
            made = Huey(
                NAME, results=False, serializer=Plain(), storage_class=_storage(self._url),
                **_arguments(self._url),
            )  # fmt: skip
            self._task = made.task(name="work")(self._do)
            self._huey = made
        return self._huey

    def _do(self, job_key: int) -> None:
        if self._work is not None:
            self._work(int(job_key))

    def put(self, job_key: int) -> None:
        """Hand a job to whoever is free.

        A queue that cannot take it now does no harm: workers look for jobs that nobody handed out.
        """
        try:
            huey = self.huey
            huey.enqueue(self._task.s(int(job_key)))
        except Exception as error:  # noqa: BLE001 - the drivers' own, and the job is safe in the record
            log.warning("not queued", job=job_key, reason=str(error)[:200])

    def size(self) -> int:
        """How many keys wait."""
        return int(self.huey.storage.queue_size())

    def handled_by(self, work: Callable[[int], None]) -> Huey:
        """The queue, whose jobs this function does (in the process of a worker)."""
        self._work = work
        return self.huey

    def take(self) -> int | None:
        """The next key, taken out; None where none waits now."""
        self.huey.storage.blocking = False
        task = self.huey.dequeue()
        return None if task is None else int(task.args[0])

    def close(self) -> None:
        """Give the connection back."""
        if self._huey is not None:
            self._huey.storage.close()
            self._huey = None


def _storage(url: URL) -> type[BaseSqlStorage]:
    return SqliteStorage if url.get_backend_name() == "sqlite" else _OwnSchema  # type: ignore[no-any-return]


def _arguments(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        # workers and server share the file with the record, and wait for it as the record's writers do
        return {"filename": url.database, "timeout": WAIT_SECONDS}
    dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return {"dsn": dsn, "options": f"-c search_path={SCHEMA}", "table_prefix": "queue"}


@cache
def _ends_with_its_thread() -> Any:
    """A connection of psycopg that closes itself; the driver is needed with PostgreSQL only."""
    from psycopg import Connection

    class EndsWithItsThread(Connection[Any]):
        def __del__(self) -> None:  # type: ignore[override]
            with suppress(Exception):
                self.close()

    return EndsWithItsThread


class _OwnSchema(PostgresStorage):  # type: ignore[misc]
    """Tables in a schema of their own, made by whoever comes first.

    Each thread has connections of its own, which end with the thread: they close themselves then.
    """

    def _connect(self) -> Any:
        return _ends_with_its_thread().connect(self.dsn, autocommit=True, **self.connection_params)

    _create_connection = _connect

    def initialize_schema(self) -> None:
        """Make schema and tables; two that do so at once do not disturb each other."""
        from psycopg import errors

        for last in (False, False, False, False, True):
            try:
                with self.db(commit=True, close=True) as cursor:
                    for words in (f"create schema if not exists {SCHEMA}", *self.ddl):
                        cursor.execute(words)
            except (errors.UniqueViolation, errors.DuplicateTable, errors.DuplicateSchema):
                if last:
                    raise
                time.sleep(0.1)
            else:
                return
