"""Tables are brought to the newest version from nothing and from filled older ones."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from loadprofile.errors import AppendOnlyError, SchemaVersionError, StoreError
from loadprofile.store.columns import METADATA
from loadprofile.store.database import Database, open_database
from loadprofile.store.migrating import check_version, differences, migrate, newest_version, version_of

MOMENT = "2024-05-01 10:00:00.000000"
METER = f"insert into meters (meter_key, meter_id, created_at) values (7, 'M7', '{MOMENT}')"
MODEL = (
    "insert into models (model_key, name, sha256, manifest, state, created_at, created_by) "
    f"values (3, 'first', 'ab', '{{}}', 'champion', '{MOMENT}', 'ann')"
)
FEEDBACK = (
    "insert into feedback (feedback_key, meter_key, outcome, visited_on, visited_by, recorded_at, "
    f"recorded_by) values (5, 7, 'no_access', '2024-04-30', 'bob', '{MOMENT}', 'ann')"
)
ENTRY = (
    "insert into audit (audit_key, at, who, what, subject, subject_key) "
    f"values (1, '{MOMENT}', 'ann', 'made', 'meter', 'M7')"
)


def test_migrated_tables_are_the_declared_ones(database: Database) -> None:
    assert differences(database, METADATA) == []
    check_version(database)


def test_an_empty_record_is_made_once(empty_url: str) -> None:
    assert migrate(empty_url) == newest_version()
    assert migrate(empty_url) == newest_version()


def test_a_filled_older_record_keeps_what_it_holds(empty_url: str) -> None:
    migrate(empty_url, "0002")
    opened = open_database(empty_url)
    with pytest.raises(SchemaVersionError) as caught:
        check_version(opened)
    assert (caught.value.found, caught.value.expected) == ("0002", newest_version())
    with opened.writing() as connection:
        for words in (METER, MODEL, FEEDBACK):
            connection.exec_driver_sql(words)
    assert migrate(opened) == newest_version()
    with opened.reading() as connection:
        assert connection.execute(sa.text("select meter_id from meters")).scalars().all() == ["M7"]
        assert connection.execute(sa.text("select feedback_key, visit_key from feedback")).all() == [
            (5, None)
        ]
        promoted = connection.execute(sa.text("select who, model_key, previous_key from promotions")).all()
        assert promoted == [("ann", 3, None)]
    with pytest.raises(AppendOnlyError), opened.writing() as connection:
        connection.execute(sa.text("update feedback set notes = 'x'"))
    assert differences(opened, METADATA) == []
    opened.close()


def test_a_newer_record_is_left_alone(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(sa.text("update alembic_version set version_num = '9999'"))
    with pytest.raises(SchemaVersionError):
        migrate(database)
    with pytest.raises(SchemaVersionError):
        check_version(database)


def test_a_migration_that_fails_leaves_nothing_behind(empty_url: str) -> None:
    opened = open_database(empty_url, create=True)
    with opened.writing() as connection:
        connection.execute(
            sa.text("create table findings (x integer)")
        )  # stands in the way of the second step
    with pytest.raises(Exception, match="findings"):
        migrate(opened)
    with opened.reading() as connection:
        assert version_of(connection) is None
        assert sa.inspect(connection).get_table_names() == ["findings"]
    opened.close()


def test_two_programs_that_start_at_once_migrate_once(empty_url: str) -> None:
    failed: list[StoreError] = []

    def start() -> None:
        try:
            migrate(empty_url)
        except StoreError as error:
            failed.append(error)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


@pytest.mark.parametrize("table", ["audit", "feedback"])
def test_append_only_tables_refuse_everything_else(database: Database, table: str) -> None:
    with database.writing() as connection:
        for words in (METER, FEEDBACK, ENTRY):
            connection.exec_driver_sql(words)
    column = "who" if table == "audit" else "notes"
    attempts = [f"update {table} set {column} = 'x'", f"delete from {table}"]
    attempts.append(
        f"truncate {table} cascade"
        if not database.is_sqlite
        else f"replace into {table} select * from {table}"
    )
    for words in attempts:
        with pytest.raises(AppendOnlyError) as caught, database.writing() as connection:
            connection.execute(sa.text(words))
        assert caught.value.table == table
    with database.reading() as connection:
        assert connection.scalar(sa.text(f"select count(*) from {table}")) == 1
