"""Both databases are opened, read and written in the same way, and complain in the same words."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from loadprofile.errors import (
    DamagedStoreError,
    FullStoreError,
    LockedStoreError,
    OptionError,
    ReadOnlyStoreError,
    UnreachableStoreError,
)
from loadprofile.store.audit import audit, audit_log
from loadprofile.store.database import Database, insert_rows, open_database
from loadprofile.store.meter_tables import METERS
from loadprofile.store.meters import ensure_meters, keys_of


def test_an_exception_undoes_the_whole_transaction(database: Database) -> None:
    def half(connection: sa.Connection) -> None:
        ensure_meters(connection, ["A"])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), database.writing() as connection:
        half(connection)
    with database.reading() as connection:
        assert keys_of(connection, ["A"]) == {}


def test_what_reads_cannot_write(database: Database) -> None:
    with pytest.raises(ReadOnlyStoreError), database.reading() as connection:
        ensure_meters(connection, ["A"])
    with database.writing() as connection:  # and the same connection writes afterwards
        ensure_meters(connection, ["A"])


def test_a_view_stays_as_it_was_while_others_write(database: Database) -> None:
    with database.reading() as view:
        assert keys_of(view, ["A"]) == {}
        with database.writing() as connection:
            ensure_meters(connection, ["A"])
        assert keys_of(view, ["A"]) == {}
    with database.reading() as view:
        assert list(keys_of(view, ["A"])) == ["A"]


def test_who_waits_too_long_hears_that_the_record_is_locked(database: Database) -> None:
    impatient = open_database(database.url, wait_seconds=0.05)
    with database.writing() as connection:
        key = ensure_meters(connection, ["A"])["A"]
    with database.writing() as connection:
        row = sa.update(METERS).where(METERS.c.meter_key == key)
        connection.execute(row.values(tariff="T1"))
        with pytest.raises(LockedStoreError), impatient.writing() as second:
            second.execute(row.values(tariff="T2"))
    impatient.close()


def test_writers_wait_for_their_turn(database: Database) -> None:
    failed: list[BaseException] = []

    def write(writer: int) -> None:
        try:
            for k in range(5):
                with database.writing() as connection:
                    ensure_meters(connection, [f"{writer}-{k}", "everybody's"])
                    audit(connection, f"w{writer}", "made", "meter", k)
        except BaseException as error:  # noqa: BLE001 - to be shown by the test
            failed.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with database.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(METERS)) == 41
        assert len(audit_log(connection)) == 40


def test_a_read_only_file_is_read_and_not_written(blank_file: Path) -> None:
    opened = open_database(f"sqlite:///file:{blank_file}?mode=ro&uri=true")
    with opened.reading() as connection:
        assert keys_of(connection, ["A"]) == {}
    with pytest.raises(ReadOnlyStoreError) as caught, opened.writing() as connection:
        ensure_meters(connection, ["A"])
    assert caught.value.place == str(blank_file)
    opened.close()


def test_a_full_disk_is_said_and_leaves_the_record_whole(tmp_path: Path, blank_file: Path) -> None:
    path = tmp_path / "full.db"
    path.write_bytes(blank_file.read_bytes())
    opened = open_database(path)
    with opened.writing() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 3}")  # stays with it in the pool
    with pytest.raises(FullStoreError), opened.writing() as connection:
        ensure_meters(connection, [f"{k:0200d}" for k in range(1000)])
    opened.close()
    opened = open_database(path)
    with opened.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        assert connection.scalar(sa.select(sa.func.count()).select_from(METERS)) == 0
    opened.close()


def test_what_is_no_database_is_refused(tmp_path: Path, postgres: object) -> None:
    with pytest.raises(UnreachableStoreError):
        open_database(tmp_path / "nowhere.db")
    (tmp_path / "text.db").write_text("meter_id,timestamp,kwh\n" * 500)
    opened = open_database(tmp_path / "text.db")
    with pytest.raises(DamagedStoreError), opened.reading():
        pass
    opened.close()
    opened = open_database(f"postgresql://nobody@/nothing?host={tmp_path}")
    with pytest.raises(UnreachableStoreError), opened.reading():
        pass
    opened.close()
    for url in ("mysql://host/name", "sqlite://", "sqlite:///:memory:", "postgresql://host:port/name"):
        with pytest.raises(OptionError):
            open_database(url)


def test_a_password_is_not_spoken() -> None:
    opened = open_database("postgresql://user:secret@host/name")
    assert "secret" not in opened.place
    assert "secret" in opened.url
    opened.close()


def test_many_rows_go_in_with_their_types(database: Database) -> None:
    from datetime import UTC, datetime, timedelta, timezone

    noon = datetime(2024, 6, 1, 12, 30, 15, 123456, tzinfo=timezone(timedelta(hours=2)))
    names = ("meter_id", "latitude", "created_at", "kind", "tariff")
    rows = [("a\tb\\N", None, noon, "customer", "x'\""), ("b", 1.5, noon, "feeder", None)]
    with database.writing() as connection:
        insert_rows(connection, METERS, names, rows)
        insert_rows(connection, METERS, names, [])
        found = connection.execute(
            sa.select(*(METERS.c[n] for n in names)).order_by(METERS.c.meter_key)
        ).all()
    assert [tuple(row) for row in found] == rows
    assert found[0].created_at.tzinfo == UTC


def test_values_stay_out_of_messages(database: Database) -> None:
    """They go to the log, and may be what a field team wrote about a customer."""
    asked, given = sa.text("SELECT x FROM nowhere WHERE a = :note"), {"note": "the neighbour said"}
    with pytest.raises(sa.exc.SQLAlchemyError) as told, database.reading() as connection:
        connection.execute(asked, given)
    assert "nowhere" in str(told.value)
    assert "neighbour" not in str(told.value)
