"""Writes of many requests, one after another.

SQLite takes one writer at a time and a commit waits for the disk. So writes that wait at the same moment
share a transaction: each stands in a savepoint of its own, so that one that fails undoes only itself, and
nobody is answered before the common commit. PostgreSQL does the like by itself; there each write is a
transaction.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import sqlalchemy as sa

from loadprofile.store.database import Database
from loadprofile.store.failures import spoken

MOST_TOGETHER = 32
"""Writes that share a transaction, at most; each is answered only when all are done."""

Result = TypeVar("Result")
Work = Callable[[sa.Connection], Any]


@dataclass(slots=True)
class _Turn:
    """One write that waits, or is done."""

    work: Work
    done: bool = False
    value: Any = None
    error: BaseException | None = None


class _UndoneError(Exception):
    """The database gave up the whole transaction."""


class Writer:
    """Runs writes. ``work`` gets a connection and may run twice, so it changes nothing but the record."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._waiting: list[_Turn] = []
        self._queue = threading.Lock()
        self._pen = threading.Lock()

    def run(self, work: Callable[[sa.Connection], Result]) -> Result:
        """The result of ``work``, once it is committed; whatever it raises, once it is undone.

        Raises:
            StoreError: the record could not be written.
        """
        if not self.database.is_sqlite:
            with self.database.writing() as connection:
                return work(connection)
        turn = _Turn(work)
        with self._queue:
            self._waiting.append(turn)
        while not turn.done:
            with self._pen:  # whoever holds it writes for everybody who waits
                if not turn.done:
                    self._write()
        if turn.error is not None:
            raise turn.error
        return cast("Result", turn.value)

    def _write(self) -> None:
        with self._queue:
            turns, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
        try:
            if len(turns) == 1 or not self._together(turns):
                for turn in turns:
                    self._alone(turn)
        finally:
            for turn in turns:
                turn.done = True

    def _together(self, turns: list[_Turn]) -> bool:
        """Whether a common transaction came to its end; if not, nothing of it happened."""
        errors: list[BaseException | None] = []
        values: list[Any] = []
        try:
            with self.database.writing() as connection:
                for turn in turns:
                    value, error = self._in_savepoint(connection, turn.work)
                    values.append(value)
                    errors.append(error)
        except Exception:  # noqa: BLE001 - each is tried again alone, and hears its own error
            return False
        for turn, value, error in zip(turns, values, errors, strict=True):
            turn.value, turn.error = value, error
        return True

    def _in_savepoint(self, connection: sa.Connection, work: Work) -> tuple[Any, BaseException | None]:
        try:
            with spoken(self.database.place), connection.begin_nested():
                return work(connection), None
        except Exception as error:
            if not getattr(connection.connection.driver_connection, "in_transaction", False):
                raise _UndoneError from error  # a full disk undoes more than the savepoint
            return None, error

    def _alone(self, turn: _Turn) -> None:
        try:
            with self.database.writing() as connection:
                turn.value = turn.work(connection)
        except Exception as error:  # noqa: BLE001 - told to the one whose write it was
            turn.error = error
