"""Bringing a record's tables to the version of this program, from nothing or from any older version.

Migrations go forwards only: the way back is a backup. One process migrates, others wait for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from loadprofile.errors import SchemaVersionError
from loadprofile.store.database import Database, open_database
from loadprofile.store.failures import spoken

_FOLDER = Path(__file__).with_name("migrations")
_TURN = 5_021_977
"""Number of PostgreSQL's advisory lock that migrations take turns by."""


def _config(connection: sa.Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def newest_version() -> str:
    """The version of the tables that this program works with."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def known_versions() -> tuple[str, ...]:
    """All versions that this program can bring a record to, newest first."""
    return tuple(step.revision for step in ScriptDirectory.from_config(_config()).walk_revisions())


def version_of(connection: sa.Connection) -> str | None:
    """The version of a record's tables; None where there are none."""
    return MigrationContext.configure(connection).get_current_revision()


def migrate(url: str | Path | Database, version: str = "head") -> str:
    """Bring a record to a version, by default the newest; a SQLite file that is not there is made.

    All or nothing: when a step fails the record stays as it was.

    Returns:
        The version it has now.

    Raises:
        SchemaVersionError: it was made by a newer program.
        StoreError: it cannot be reached or written.
    """
    if not isinstance(url, Database):
        database = open_database(url, create=True)
        try:
            return migrate(database, version)
        finally:
            database.close()
    wanted = newest_version() if version == "head" else version
    with url.writing() as connection, spoken(url.place):
        if not url.is_sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_TURN)))
        found = version_of(connection)
        known = known_versions()
        if wanted not in known or (found is not None and found not in known):
            raise SchemaVersionError(url.place, found, wanted)
        if found != wanted:
            command.upgrade(_config(connection), wanted)
        return version_of(connection) or ""


def check_version(database: Database) -> None:
    """Nothing, if the record's tables are of this program's version.

    Raises:
        SchemaVersionError: they are older, newer or not there.
    """
    newest = newest_version()
    with database.reading() as connection:
        found = version_of(connection)
    if found != newest:
        raise SchemaVersionError(database.place, found, newest)


def differences(database: Database, metadata: sa.MetaData) -> list[Any]:
    """What the migrated tables lack of the declared ones, and the other way round (for tests)."""
    from alembic.autogenerate import compare_metadata

    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))
