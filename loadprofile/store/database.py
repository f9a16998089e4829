"""Database: one record, SQLite or PostgreSQL by its URL, and the two ways to use it.

``reading()`` is one consistent view in which nothing can be written; ``writing()`` is one transaction, all
or nothing. On SQLite a writer begins with ``BEGIN IMMEDIATE``: it waits for its turn at once, instead of
failing half-way. Files are in WAL mode with ``synchronous=FULL``: what was acknowledged survives a power cut.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy import event, exc

from loadprofile.errors import OptionError, UnreachableStoreError
from loadprofile.store.columns import json_text
from loadprofile.store.failures import spoken

WAIT_SECONDS = 30
"""How long a writer waits for its turn, by default."""

MANY = 500
"""Keys that are asked for at once."""


@dataclass(frozen=True, eq=False, slots=True)
class Database:
    """An open record; made by ``open_database``.

    Attributes:
        engine: SQLAlchemy's engine with its pool of connections.
        place: where the record is, without a password: for messages.
    """

    engine: sa.Engine
    place: str

    @property
    def is_sqlite(self) -> bool:
        """Whether this is a SQLite file."""
        return self.engine.dialect.name == "sqlite"

    @property
    def url(self) -> str:
        """The URL that opens it again, password included."""
        return self.engine.url.render_as_string(hide_password=False)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One consistent view; writing in it raises ``ReadOnlyStoreError``."""
        options = (
            {"loadprofile_write": False}
            if self.is_sqlite
            else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        )
        with spoken(self.place), self.engine.execution_options(**options).begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One transaction: committed at the end, undone by an exception.

        Raises:
            LockedStoreError: another writer took longer than is waited.
            StoreError: see ``loadprofile.errors``.
        """
        options = {"loadprofile_write": True} if self.is_sqlite else {}
        with spoken(self.place), self.engine.execution_options(**options).begin() as connection:
            yield connection

    def close(self) -> None:
        """Give all connections back; the record can be opened again."""
        self.engine.dispose()


def full_url(url: str | Path) -> sa.URL:
    """A path or URL as SQLAlchemy's; PostgreSQL is spoken to through psycopg 3.

    Raises:
        OptionError: for another kind of database or a text that is no URL.
    """
    text = str(url)
    if "://" not in text:
        return sa.URL.create("sqlite", database=text)
    scheme = urlsplit(text).scheme.split("+")[0]
    if scheme in {"postgres", "postgresql"}:
        text = "postgresql+psycopg" + text[text.index("://") :]
    elif scheme != "sqlite":
        raise OptionError("database", scheme, "is neither sqlite nor postgresql")
    try:
        made = sa.make_url(text)
    except (exc.ArgumentError, ValueError) as reason:
        raise OptionError("database", scheme, f"is no URL of a database: {reason}") from reason
    if scheme == "sqlite" and made.database in {None, "", ":memory:"}:
        raise OptionError("database", text, "lives in memory only; a file is needed")
    return made


def open_database(
    url: str | Path, *, create: bool = False, wait_seconds: float = WAIT_SECONDS, pool: int = 8
) -> Database:
    """Open a record; nothing is read yet.

    Args:
        url: path of a SQLite file, ``sqlite:///path`` or ``postgresql://user@host/name``.
        create: make the SQLite file if it is not there (``migrate`` does).
        wait_seconds: how long a writer waits for its turn.
        pool: connections that are kept open.

    Raises:
        OptionError: see ``full_url``.
        UnreachableStoreError: no such file.
    """
    made = full_url(url)
    place = made.render_as_string(hide_password=True)
    if made.get_backend_name() == "sqlite":
        name = str(made.database)
        plain = name.removeprefix("file:").split("?")[0]
        place = plain
        if not create and not Path(plain).is_file():
            raise UnreachableStoreError(place, "no such file")
    # Values stay out of error messages: they go to the log, and there may be notes and meters among them.
    engine = sa.create_engine(
        made, json_serializer=json_text, pool_size=pool, max_overflow=pool, pool_timeout=wait_seconds,
        hide_parameters=True,
    )  # fmt: skip
    if made.get_backend_name() == "sqlite":
        _prepare_sqlite(engine, int(wait_seconds * 1000))
    else:
        _prepare_postgres(engine, int(wait_seconds * 1000))
    return Database(engine, place)


def _prepare_sqlite(engine: sa.Engine, wait_ms: int) -> None:
    @event.listens_for(engine, "connect")
    def _(raw: Any, _record: Any) -> None:
        raw.isolation_level = None  # the driver shall not begin transactions by itself
        raw.execute(f"PRAGMA busy_timeout = {wait_ms}")
        raw.execute("PRAGMA foreign_keys = ON")
        raw.execute("PRAGMA recursive_triggers = ON")  # or a REPLACE would delete past the triggers
        with spoken(str(engine.url.database)):
            _write_ahead(raw, wait_ms)
        raw.execute("PRAGMA synchronous = FULL")
        raw.execute("PRAGMA cache_size = -65536")  # KiB

    @event.listens_for(engine, "begin")
    def _(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("loadprofile_write", True)
        connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _write_ahead(raw: sqlite3.Connection, wait_ms: int) -> None:
    """Switch a new file to WAL mode, once; SQLite does not wait for others here, so we do."""
    patience = time.monotonic() + wait_ms / 1000
    while raw.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            raw.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_READONLY:
                return  # such a file is read as it is
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > patience:
                raise
            time.sleep(0.01)


def _prepare_postgres(engine: sa.Engine, wait_ms: int) -> None:
    @event.listens_for(engine, "connect")
    def _(raw: Any, _record: Any) -> None:
        raw.execute(f"SET lock_timeout = {wait_ms}")
        raw.execute("SET TIME ZONE 'UTC'")
        raw.commit()


def insert_rows(
    connection: sa.Connection, table: sa.Table, names: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Put many rows into a table at once; values in the order of ``names``, as Python values."""
    dialect = connection.dialect
    turns = {
        at: turn
        for at, name in enumerate(names)
        if not isinstance(table.c[name].type, sa.LargeBinary)  # both drivers take bytes as they are
        and (turn := table.c[name].type.dialect_impl(dialect).bind_processor(dialect)) is not None
    }
    ready = _turned(rows, turns) if turns else rows
    if dialect.name == "postgresql":
        from psycopg import sql

        words = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, names))
        )
        with connection.connection.cursor() as cursor, cursor.copy(words) as copy:  # type: ignore[attr-defined]
            for row in ready:
                copy.write_row(row)
        return
    given = [tuple(row) for row in ready]
    if given:
        words_ = table.insert().compile(dialect=dialect, column_keys=list(names))
        order = [names.index(name) for name in words_.positiontup or names]  # type: ignore[attr-defined]
        if order != list(range(len(names))):
            given = [tuple(row[at] for at in order) for row in given]
        connection.exec_driver_sql(str(words_), given)


def _turned(rows: Iterable[Sequence[Any]], turns: dict[int, Any]) -> Iterator[list[Any]]:
    """Rows with the values that the driver wants; what stays the same from row to row is turned once."""
    last: dict[int, tuple[Any, Any]] = dict.fromkeys(turns, (None, None))
    for row in rows:
        values = list(row)
        for at, turn in turns.items():
            value = values[at]
            if value is None:
                continue
            if last[at][0] is not value:
                last[at] = (value, turn(value))
            values[at] = last[at][1]
        yield values


def parts_of(keys: Sequence[Any], size: int = MANY) -> Iterator[Sequence[Any]]:
    """Slices of at most ``size`` keys: databases limit how many values one question may name."""
    for start in range(0, len(keys), size):
        yield keys[start : start + size]
