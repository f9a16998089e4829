"""A backup holds everything, goes from either database to either, and is refused where it would do harm."""

from __future__ import annotations

import json
import zipfile
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from recorded import DAY, HOUR, NOON, made_worklist, screened

from loadprofile.errors import ArchiveError, ConflictError, SchemaVersionError
from loadprofile.profiles import LoadProfiles
from loadprofile.store.access import issue_key
from loadprofile.store.archive import backup, restore
from loadprofile.store.attachments import attach
from loadprofile.store.cases import open_for_finding
from loadprofile.store.columns import METADATA
from loadprofile.store.database import Database, open_database
from loadprofile.store.facts import record_facts
from loadprofile.store.feedback import Visit, record_feedback
from loadprofile.store.idempotency import Answer, answered, once
from loadprofile.store.jobs import add_job
from loadprofile.store.meters import ensure_meters
from loadprofile.store.migrating import migrate, newest_version
from loadprofile.store.model_register import add_model, promote
from loadprofile.store.readings import record_readings
from loadprofile.store.screening_parts import keep_part
from loadprofile.store.visits import propose_visits, record_visits


def contents(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.reading() as connection:
        return {
            table.name: [
                tuple(row)
                for row in connection.execute(sa.select(table).order_by(*table.primary_key.columns))
            ]
            for table in METADATA.sorted_tables
        }


def fill(database: Database, rng: np.random.Generator) -> None:
    """At least one row in every table."""
    frame = made_worklist(["fraud", "maintenance", "fraud"], lost=[1.0, np.nan, 3.0])
    kwh = rng.random((3, 4, 24)).astype(np.float32)
    kwh[0, 1, 5] = np.nan
    days = np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-01-05"))
    cube = LoadProfiles(frame["meter_id"].to_numpy(dtype=np.str_), days, kwh, 60)
    moment = pd.to_datetime(["2024-01-02 10:00"])
    with database.writing() as connection:
        record_readings(connection, cube, NOON)
        record_readings(connection, cube.with_kwh(kwh * 2), NOON + HOUR, correct=True)
        for kind, rows in {
            "events": {"timestamp": moment, "code": ["ä\t1"]},
            "registers": {"timestamp": moment, "register_kwh": [1.5]},
            "outages": {"start": moment, "end": pd.to_datetime([None])},
            "topology": {"feeder_id": ["F"]},
            "invoices": {"first_day": ["2024-01-01"], "last_day": ["2024-01-31"], "kwh": [31.0]},
        }.items():
            record_facts(connection, kind, pd.DataFrame({"meter_id": ["M001"]} | rows), NOON)
        model = add_model(connection, "m", {"seed": 1, "name": "ü"}, content=b"\0\xff", who="ann")
        promote(connection, model, "first", who="ann")
        key = screened(connection, frame)
        keep_part(connection, key, "peers", b"\0\1")
        case_key, _ = open_for_finding(connection, "M000", who="ann", at=NOON)
        record_visits(connection, key, propose_visits(frame, 2), who="ann", share=0.05, seed=0, at=NOON)
        visit = Visit("M000", "fraud_confirmed", date(2024, 5, 1), "bob", kind="bypass")
        entry, _ = record_feedback(connection, visit, who="ann", at=NOON)
        other = Visit("M000", "nothing_found", date(2024, 5, 1), "bob")
        record_feedback(connection, other, who="ann", amends=entry, at=NOON + DAY)
        attach(connection, case_key, "a.txt", "text/plain", b"text", who="bob")
        issue_key(connection, "crew", "field", who="ann")
        once(connection, "k", "crew", "hash")
        answered(connection, "k", "crew", Answer(200, "text/plain", b"\0"))
        add_job(connection, "screen", {"all": True}, who="ann")
        users = METADATA.tables["users"].insert()
        connection.execute(users, {"name": "eve", "role": "field", "password": "x", "created_at": NOON})
        session = {"sha256": "ab", "user_key": 1, "csrf": "c", "created_at": NOON, "expires_at": NOON}
        connection.execute(METADATA.tables["sessions"].insert(), session)


def test_everything_comes_back_on_either_database(
    database: Database, empty_url: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    fill(database, rng)
    before = contents(database)
    assert all(before.values()), [name for name, rows in before.items() if not rows]
    rows = backup(database, tmp_path / "record.lpb")
    assert rows == {name: len(found) for name, found in before.items()}
    assert restore(tmp_path / "record.lpb", empty_url) == rows
    copy = open_database(empty_url)
    assert contents(copy) == before
    with copy.writing() as connection:  # numbers go on after those that were restored
        assert ensure_meters(connection, ["new"])["new"] > max(row[0] for row in before["meters"])
        assert add_job(connection, "screen", {}, who="ann") == len(before["jobs"]) + 1
    with pytest.raises(ConflictError):
        restore(tmp_path / "record.lpb", empty_url)
    backup(copy, tmp_path / "record.lpb")  # over the one that is there
    copy.close()
    assert not list(tmp_path.glob(".record.lpb.*"))


@pytest.fixture
def archived(blank_file: Path, tmp_path: Path) -> Path:
    opened = open_database(blank_file)
    backup(opened, tmp_path / "record.lpb")
    opened.close()
    return tmp_path / "record.lpb"


def rewritten(path: Path, change) -> Path:
    """The same backup with its members changed by ``change(name -> bytes)``."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def in_manifest(key: str, value: object):
    def change(members: dict[str, bytes]) -> None:
        members["manifest.json"] = json.dumps(json.loads(members["manifest.json"]) | {key: value}).encode()

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda members: members.update({"meters.parquet": members["jobs.parquet"]}),
        lambda members: members.update({"more.parquet": b""}),
        lambda members: members.pop("meters.parquet"),
        lambda members: members.pop("manifest.json"),
        lambda members: members.update({"manifest.json": b"[]"}),
        in_manifest("layout", 2),
        in_manifest("tables", {"strangers": {"rows": 1, "sha256": ""}}),
    ],
)
def test_an_altered_backup_is_refused(archived: Path, tmp_path: Path, change) -> None:
    with pytest.raises(ArchiveError):
        restore(rewritten(archived, change), tmp_path / "new.db")
    assert not (tmp_path / "new.db").exists()


def test_what_is_no_backup_is_refused(tmp_path: Path, archived: Path) -> None:
    (tmp_path / "text.lpb").write_text("no zip")
    for path in (tmp_path / "text.lpb", tmp_path / "nowhere.lpb"):
        with pytest.raises(ArchiveError):
            restore(path, tmp_path / "new.db")
    with pytest.raises(SchemaVersionError):
        restore(rewritten(archived, in_manifest("version", "9999")), tmp_path / "new.db")


def test_a_backup_of_older_tables_is_restored_and_migrated(tmp_path: Path) -> None:
    migrate(tmp_path / "old.db", "0001")
    opened = open_database(tmp_path / "old.db")
    with opened.writing() as connection:
        ensure_meters(connection, ["A"], at=NOON)
    backup(opened, tmp_path / "old.lpb")
    opened.close()
    assert restore(tmp_path / "old.lpb", tmp_path / "new.db")["meters"] == 1
    assert migrate(tmp_path / "new.db") == newest_version()


def test_a_backup_that_cannot_be_written_is_said(blank_file: Path, tmp_path: Path) -> None:
    opened = open_database(blank_file)
    with pytest.raises(ArchiveError):
        backup(opened, tmp_path / "no such folder" / "record.lpb")
    opened.close()
