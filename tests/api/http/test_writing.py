"""Writes that share a transaction: each stands or falls alone, and none is answered before the commit."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from api.http import writing
from api.http.writing import Writer
from loadprofile.errors import FullStoreError
from loadprofile.store.database import Database, open_database
from loadprofile.store.meters import ensure_meters, keys_of


def all_at_once(writer: Writer, works: list[Any]) -> list[Any]:
    """Run works so that they wait together: the first holds the pen until the others are in the queue."""
    inside, go_on = threading.Event(), threading.Event()

    def first(_: sa.Connection) -> None:
        inside.set()
        go_on.wait(10)

    def outcome(work: Any) -> Any:
        try:
            return writer.run(work)
        except Exception as error:  # noqa: BLE001
            return error

    with ThreadPoolExecutor(len(works) + 1) as pool:
        held = pool.submit(outcome, first)
        inside.wait(10)
        results = [pool.submit(outcome, work) for work in works]
        while writer.database.is_sqlite and len(writer._waiting) < len(works):
            time.sleep(0.002)
        go_on.set()
        assert held.result() is None
        return [result.result() for result in results]


def adds(name: str) -> Any:
    return lambda connection: ensure_meters(connection, [name])[name]


def fails(name: str, error: Exception) -> Any:
    def work(connection: sa.Connection) -> None:
        ensure_meters(connection, [name])
        raise error

    return work


def names(database: Database) -> set[str]:
    with database.reading() as connection:
        return set(keys_of(connection, ["A", "B", "C", "D"]))


def test_one_that_fails_undoes_only_itself(database: Database) -> None:
    results = all_at_once(Writer(database), [adds("A"), fails("B", ZeroDivisionError("mine")), adds("C")])
    assert isinstance(results[1], ZeroDivisionError)
    assert names(database) == {"A", "C"}
    assert all(isinstance(results[at], int) for at in (0, 2))


@pytest.fixture
def sqlite(blank_file: Path, tmp_path: Path) -> Iterator[Database]:
    opened = open_database(shutil.copy(blank_file, tmp_path / "record.db"))
    yield opened
    opened.close()


def test_waiting_writes_share_a_transaction_on_sqlite(sqlite: Database) -> None:
    database = sqlite
    seen: list[int] = []
    writer = Writer(database)
    all_at_once(writer, [lambda c: seen.append(id(c.get_transaction())) for _ in range(5)])
    assert len(seen) == 5
    assert len(set(seen)) == 1


def test_when_sqlite_undoes_everything_the_others_are_written_anew(sqlite: Database) -> None:
    database = sqlite

    def full(connection: sa.Connection) -> None:
        connection.exec_driver_sql("ROLLBACK")  # as SQLite does by itself when the disk is full
        raise FullStoreError("here")

    results = all_at_once(Writer(database), [adds("A"), full, adds("C")])
    assert isinstance(results[1], Exception)
    assert names(database) == {"A", "C"}


def test_more_than_fit_in_one_transaction_are_written_all(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MOST_TOGETHER", 2)
    works = [adds(name) for name in ("A", "B", "C", "D")] * 3
    results = all_at_once(Writer(database), works)
    assert not [r for r in results if isinstance(r, Exception)]
    assert names(database) == {"A", "B", "C", "D"}
