"""Facts beside the readings: once, corrected with a history, and handed out as the screening takes them."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from recorded import HOUR, NOON

from loadprofile.errors import MissingColumnsError, RefusedError
from loadprofile.ingest.clock import clock_of
from loadprofile.profiles import LoadProfiles
from loadprofile.store.audit import audit_log
from loadprofile.store.contexts import contexts, invoices
from loadprofile.store.database import Database
from loadprofile.store.facts import instants, local, record_facts
from loadprofile.store.readings import record_readings


def frame_of(**columns) -> pd.DataFrame:
    return pd.DataFrame(columns)


EVENTS = frame_of(
    meter_id=["A", "B", "A"],
    timestamp=pd.to_datetime(["2024-07-01 10:00:05", "2024-01-01 09:00:00", "2024-07-01 10:00:05"]),
    code=["1", "2", "1"],
    vocabulary=["dlms", "", "dlms"],
)


def test_nothing_recorded_is_nothing_given(database: Database) -> None:
    with database.reading() as connection:
        empty = contexts(connection)
    parts = (empty.events, empty.registers, empty.outages, empty.topology, empty.feeders)
    assert parts == (None,) * 5


def test_events_come_back_in_local_time_with_their_meaning(database: Database) -> None:
    with database.writing() as connection:
        told = record_facts(connection, "events", EVENTS, NOON, timezone="Europe/Dublin")
        again = record_facts(connection, "events", EVENTS, NOON + HOUR, timezone="Europe/Dublin")
    assert (told.accepted, told.repeated, again.accepted, again.repeated) == (2, 1, 0, 3)
    with database.reading() as connection:
        events = contexts(connection, timezone="Europe/Dublin").events
        in_utc = contexts(connection, ["A"]).events
        none = contexts(connection, ["C"]).events
        before = contexts(connection, as_of=NOON - HOUR).events
    assert events["meter_id"].tolist() == ["A", "B"]
    assert events["timestamp"].tolist() == [
        pd.Timestamp("2024-07-01 10:00:05"),
        pd.Timestamp("2024-01-01 09:00"),
    ]
    assert in_utc["timestamp"].tolist() == [pd.Timestamp("2024-07-01 09:00:05")]
    assert events["meaning"].iloc[0] != ""
    assert len(none) == 0  # given, but none of this meter
    assert before is None


def test_a_register_is_corrected_and_kept_as_it_was(database: Database) -> None:
    rows = frame_of(meter_id=["A"], timestamp=pd.to_datetime(["2024-01-01"]), register_kwh=[100.0])
    other = rows.assign(register_kwh=110.0)
    with database.writing() as connection:
        record_facts(connection, "registers", rows, NOON)
        turned = record_facts(connection, "registers", other, NOON + HOUR)
        corrected = record_facts(connection, "registers", other, NOON + HOUR, correct=True, who="ann")
    assert (turned.conflicting, turned.conflicts[0][0], corrected.corrected) == (1, 0, 1)
    with database.reading() as connection:
        then = contexts(connection, as_of=NOON).registers
        now = contexts(connection, as_of=NOON + HOUR).registers  # one version even at that very moment
        log = audit_log(connection, subject="registers")
    assert then["register_kwh"].tolist() == [100.0]
    assert (now["register_kwh"].tolist(), now["multiplier"].tolist()) == ([110.0], [1.0])
    assert log.who.tolist() == ["system", "ann"]


def test_an_outage_that_lasted_gets_its_end(database: Database) -> None:
    start = pd.to_datetime(["2024-01-01 03:00"])
    lasting = frame_of(meter_id=["A"], start=start, end=pd.to_datetime([None]))
    over = frame_of(meter_id=["A"], start=start, end=pd.to_datetime(["2024-01-01 05:00"]))
    with database.writing() as connection:
        record_facts(connection, "outages", lasting, NOON)
        told = record_facts(connection, "outages", over, NOON + HOUR)
        late = record_facts(connection, "outages", lasting, NOON + 2 * HOUR)
    assert (told.accepted, late.repeated) == (1, 1)
    with database.reading() as connection:
        assert contexts(connection, as_of=NOON).outages["end"].isna().tolist() == [True]
        assert contexts(connection).outages["end"].tolist() == [pd.Timestamp("2024-01-01 05:00")]


def test_a_meter_hangs_on_the_feeder_of_the_day(database: Database) -> None:
    since = ["2024-01-01", "2024-03-01", "1970-01-01"]
    lines = frame_of(meter_id=["A", "A", "B"], feeder_id=["F1", "F2", "F1"], since=since)
    totals = LoadProfiles(
        np.array(["F1", "F2"]), np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-01-04")),
        np.ones((2, 3, 24), dtype=np.float32), 60,
    )  # fmt: skip
    with database.writing() as connection:
        record_facts(connection, "topology", lines, NOON)
        record_readings(connection, totals, NOON, kind="feeder")
    with database.reading() as connection:
        early = contexts(connection, last=np.datetime64("2024-02-01"), first=np.datetime64("2024-01-02"))
        late = contexts(connection)
        without = contexts(connection, feeders=False)
    assert dict(early.topology.to_numpy().tolist()) == {"A": "F1", "B": "F1"}
    assert dict(late.topology.to_numpy().tolist()) == {"A": "F2", "B": "F1"}
    assert (early.feeders.meter_ids.tolist(), early.feeders.kwh.shape) == (["F1"], (1, 2, 24))
    assert late.feeders.meter_ids.tolist() == ["F1", "F2"]
    assert without.feeders is None


def test_invoices_keep_their_days(database: Database) -> None:
    bills = frame_of(
        meter_id=["A", "A"], first_day=["2024-02-01", "2024-01-01"], last_day=["2024-02-29", "2024-01-31"],
        kwh=[200.0, np.nan], amount=[50.5, 40.0], currency=["EUR", "EUR"],
    )  # fmt: skip
    with database.writing() as connection:
        record_facts(connection, "invoices", bills, NOON)
        got = invoices(connection)
        assert invoices(connection, ["B"]).empty
    assert got["first_day"].tolist() == [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-02-01")]
    assert got["kwh"].tolist()[1] == 200.0
    assert np.isnan(got["kwh"].astype(float).iloc[0])
    assert got["currency"].tolist() == ["EUR", "EUR"]


@pytest.mark.parametrize(
    ("kind", "frame", "error"),
    [
        ("events", frame_of(meter_id=["A"], code=["1"]), MissingColumnsError),
        ("events", EVENTS.assign(code=""), RefusedError),
        ("registers", frame_of(meter_id=["A"], timestamp=[None], register_kwh=[1.0]), RefusedError),
        ("registers", frame_of(meter_id="A", timestamp=["2024-01-01"], register_kwh=[np.inf]), RefusedError),
        ("registers", frame_of(meter_id="A", timestamp=["2024-01-01"], register_kwh=["a"]), RefusedError),
        ("outages", frame_of(meter_id="A", start=["noon"], end=[None]), RefusedError),
        ("invoices", frame_of(meter_id=["A"], first_day=["2024-02-01"], last_day=["2024-01-01"], kwh=[1.0]),
         RefusedError),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(blank_file, tmp_path, kind, frame, error) -> None:
    import shutil

    from loadprofile.store.database import open_database

    shutil.copy(blank_file, tmp_path / "r.db")
    opened = open_database(tmp_path / "r.db")
    with pytest.raises(error), opened.writing() as connection:
        record_facts(connection, kind, frame)
    opened.close()


def test_wall_clock_time_and_instants_are_the_same_hour() -> None:
    clock = clock_of("Europe/Dublin")
    hours = pd.Series(pd.date_range("2024-01-01", "2025-01-01", freq="h", tz="UTC"))
    moments = instants(hours, "Europe/Dublin")
    wall = local(moments, clock)
    expected = hours.dt.tz_convert("Europe/Dublin").dt.tz_localize(None).to_numpy().astype("datetime64[s]")
    assert np.array_equal(wall, expected)
    back = instants(pd.Series(wall), "Europe/Dublin")
    twice = pd.Series(wall).duplicated(keep="first").to_numpy()
    assert [a for a, t in zip(back, twice, strict=True) if not t] == [
        m for m, t in zip(moments, twice, strict=True) if not t
    ]
    assert instants(pd.Series(["2024-07-01T12:00:00+02:00"]), "UTC") == [datetime(2024, 7, 1, 10, tzinfo=UTC)]
