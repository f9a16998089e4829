"""Triggers that refuse to alter or delete what is append-only, on both databases.

Called by migrations only; what one of them made is never changed here, a later one makes its own.
"""

from __future__ import annotations

import sqlalchemy as sa

_SQLITE = """
CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, 'append-only table {table}'); END
"""
_FUNCTION = """
CREATE FUNCTION refuse_to_alter() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'append-only table %', TG_TABLE_NAME; END $$
"""
_POSTGRES = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION refuse_to_alter()
"""
_TRUNCATE = """
CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_alter()
"""


def make_append_only(connection: sa.Connection, table: str) -> None:
    """Let rows of ``table`` be added, and nothing else."""
    if connection.dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            connection.exec_driver_sql(_SQLITE.format(table=table, verb=verb))
        return
    there = connection.exec_driver_sql("SELECT 1 FROM pg_proc WHERE proname = 'refuse_to_alter'").first()
    if there is None:
        connection.exec_driver_sql(_FUNCTION.replace("%", "%%"))
    connection.exec_driver_sql(_POSTGRES.format(table=table))
    connection.exec_driver_sql(_TRUNCATE.format(table=table))
