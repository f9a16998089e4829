"""Readings go in once, conflicts are turned away, corrections keep what was known before."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadprofile.errors import ConflictError, RefusedError, ShapeError
from loadprofile.ingest.clock import clock_of
from loadprofile.profiles import TALLY, LoadProfiles
from loadprofile.store.audit import audit_log
from loadprofile.store.database import Database
from loadprofile.store.loading import load_profiles, profile_batches, stored_groups
from loadprofile.store.readings import PARTS, record_readings

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAN = np.float32(np.nan)


def cube(kwh, ids=None, first="2024-01-01", step=60, **others) -> LoadProfiles:
    kwh = np.asarray(kwh, dtype=np.float32)
    names = np.array([f"M{i}" for i in range(len(kwh))] if ids is None else ids, dtype=np.str_)
    days = np.arange(kwh.shape[1]) + np.datetime64(first, "D")
    return LoadProfiles(names, days, kwh, step, **others)


def test_what_is_recorded_is_loaded_bit_for_bit(database: Database, rng: np.random.Generator) -> None:
    kwh = rng.normal(0.4, 0.4, (3, 40, 48)).astype(np.float32)
    kwh[rng.random(kwh.shape) < 0.2] = np.nan
    kwh[1, 10:20] = np.nan
    tally = np.zeros((3, len(TALLY)), dtype=np.int64)
    tally[:, TALLY.index("used")] = (~np.isnan(kwh)).sum(axis=(1, 2))
    tally[:, TALLY.index("folded")] = 2
    tally[:, TALLY.index("rejected")] = [0, 1, 2]
    tally[:, TALLY.index("negative")] = (kwh < 0).sum(axis=(1, 2))
    given_ = cube(
        kwh, ["b", "a", "c"], "2024-10-10", 30, timezone="Europe/Dublin", row_tally=tally,
        folded_kwh=np.array([0.25, 0.0, 0.75]),
    )  # fmt: skip
    with database.writing() as connection:
        told = record_readings(connection, given_)
    assert told.accepted == (~np.isnan(kwh)).sum()
    assert (told.folded, told.rejected, told.days) == (6, 3, 110)
    with database.reading() as connection:
        (got,) = load_profiles(connection)
        (part,) = load_profiles(connection, ["c", "unknown"], np.datetime64("2024-10-12"), NOON.date().max)
    order = [1, 0, 2]
    assert got.meter_ids.tolist() == ["a", "b", "c"]
    assert np.array_equal(got.kwh, kwh[order], equal_nan=True)
    assert np.array_equal(got.days, given_.days)
    assert np.array_equal(got.row_tally, tally[order])
    assert np.allclose(got.folded_kwh, given_.folded_kwh[order], rtol=1e-12)
    assert (got.timezone, got.step_minutes) == ("Europe/Dublin", 30)
    days = clock_of("Europe/Dublin").exists(int(given_.days[0].astype(int)), 40, 30)
    assert np.array_equal(got.exists, days)
    assert np.array_equal(part.kwh, kwh[2:, 2:], equal_nan=True)


def test_the_same_again_changes_nothing(database: Database, rng: np.random.Generator) -> None:
    given_ = cube(rng.random((2, 5, 24)))
    with database.writing() as connection:
        record_readings(connection, given_, NOON)
        told = record_readings(connection, given_, NOON + HOUR, correct=True)
        (got,) = load_profiles(connection)
    assert (told.accepted, told.repeated, told.corrected, told.days) == (0, 240, 0, 0)
    assert got.row_tally[:, TALLY.index("used")].tolist() == [120, 120]


def test_another_value_is_turned_away_and_told(database: Database) -> None:
    first = np.full((1, 1, 24), 0.5)
    second = first.copy()
    second[0, 0, 7] = 0.75
    with database.writing() as connection:
        record_readings(connection, cube(first), NOON)
        told = record_readings(connection, cube(second), NOON + HOUR)
        (got,) = load_profiles(connection)
    assert (told.conflicting, told.repeated, told.days) == (1, 23, 0)
    (conflict,) = told.conflicts
    assert (conflict.meter_id, conflict.minute, conflict.known, conflict.given) == ("M0", 420, 0.5, 0.75)
    assert np.array_equal(got.kwh, first.astype(np.float32))
    assert got.row_tally[0, TALLY.index("conflicting")] == 1


def test_a_correction_keeps_what_was_known(database: Database) -> None:
    first, second = np.full((1, 2, 24), 0.5), np.full((1, 2, 24), np.nan)
    first[0, 1, 20:] = np.nan
    second[0, 0, 7], second[0, 1, 20] = 0.75, 0.25
    with database.writing() as connection:
        record_readings(connection, cube(first), NOON)
        told = record_readings(connection, cube(second), NOON + HOUR, correct=True, who="ann", source="late")
    assert (told.corrected, told.accepted, told.days) == (1, 1, 2)
    with database.reading() as connection:
        assert load_profiles(connection, as_of=NOON - HOUR) == ()
        (then,) = load_profiles(connection, as_of=NOON)
        (later,) = load_profiles(connection, as_of=NOON + HOUR)
        (now,) = load_profiles(connection)
        log = audit_log(connection, subject="readings")
    assert np.array_equal(then.kwh, first.astype(np.float32), equal_nan=True)
    assert np.array_equal(later.kwh, now.kwh, equal_nan=True)
    assert (now.kwh[0, 0, 7], now.kwh[0, 1, 20], now.kwh[0, 0, 8]) == (0.75, 0.25, 0.5)
    assert (log.who[0], log.after[0]) == ("ann", {"source": "late", "meters": ["M0"], "readings": 1})


def test_a_repeated_hour_is_left_out_once_whatever_is_corrected(database: Database) -> None:
    kwh = np.ones((1, 3, 24))
    folded = {"timezone": "Europe/Dublin", "folded_kwh": np.array([0.5])}
    late = np.full((1, 3, 24), np.nan)
    late[0, 1, 12] = 2.0  # on the long day, but not in its repeated hour
    with database.writing() as connection:
        record_readings(connection, cube(kwh, first="2024-10-26", **folded), NOON)
        corrected = cube(late, first="2024-10-26", timezone="Europe/Dublin")
        record_readings(connection, corrected, NOON + HOUR, correct=True)
        for as_of in (NOON, NOON + HOUR, None):  # one version even at the very moment of the correction
            (got,) = load_profiles(connection, as_of=as_of)
            assert got.folded_kwh.tolist() == [0.5]
        (long_day,) = load_profiles(
            connection, first=np.datetime64("2024-10-27"), last=np.datetime64("2024-10-27")
        )
        (other,) = load_profiles(connection, last=np.datetime64("2024-10-26"))
    assert (long_day.folded_kwh.tolist(), other.folded_kwh.tolist()) == ([0.5], [0.0])


def test_a_version_is_never_known_before_the_one_it_follows(database: Database) -> None:
    with database.writing() as connection:
        record_readings(connection, cube(np.full((1, 1, 24), 0.5)), NOON)
        record_readings(connection, cube(np.full((1, 1, 24), 0.75)), NOON - HOUR, correct=True)
        (got,) = load_profiles(connection)
        assert load_profiles(connection, as_of=NOON - HOUR) == ()
    assert got.kwh[0, 0, 0] == 0.75


def test_a_day_on_another_grid_conflicts_and_may_be_corrected(database: Database) -> None:
    with database.writing() as connection:
        record_readings(connection, cube(np.ones((1, 2, 24))), NOON)
        told = record_readings(connection, cube(np.ones((1, 1, 48)), step=30), NOON + HOUR)
        assert (told.conflicting, told.days) == (48, 0)
        assert np.isnan(told.conflicts[0].known)
        told = record_readings(connection, cube(np.ones((1, 1, 48)), step=30), NOON + HOUR, correct=True)
        assert (told.corrected, told.days) == (48, 1)
        fine, coarse = load_profiles(connection)
    assert (fine.step_minutes, fine.kwh.shape) == (30, (1, 1, 48))
    assert (coarse.step_minutes, coarse.days[0]) == (60, np.datetime64("2024-01-02"))


def test_zones_infinities_and_names_are_checked(database: Database) -> None:
    with database.writing() as connection:
        record_readings(connection, cube(np.ones((1, 1, 24)), timezone="Europe/Dublin"))
    for wrong, error in (
        (cube(np.ones((1, 1, 24)), timezone="UTC"), ConflictError),
        (cube(np.ones((1, 1, 24)), ["x"], timezone="Europe/Nowhere"), RefusedError),
        (cube(np.full((1, 1, 24), np.inf)), ShapeError),
        (cube(np.ones((1, 1, 24)), ["a\nb"]), RefusedError),
        (cube(np.ones((1, 1, 24)), [" "]), RefusedError),
    ):
        with pytest.raises(error), database.writing() as connection:
            record_readings(connection, wrong)


def test_fleets_come_in_batches_over_the_same_days(database: Database, rng: np.random.Generator) -> None:
    early, late = cube(rng.random((3, 2, 24))), cube(rng.random((2, 2, 24)), ["X", "Y"], "2024-01-05")
    with database.writing() as connection:
        record_readings(connection, early)
        record_readings(connection, late)
    with database.reading() as connection:
        (group,) = stored_groups(connection)
        batches = list(profile_batches(connection, group, size=2))
        (whole,) = load_profiles(connection)
    assert [len(b) for b in batches] == [2, 2, 1]
    assert np.array_equal(np.concatenate([b.kwh for b in batches]), whole.kwh, equal_nan=True)
    assert all(np.array_equal(b.days, whole.days) for b in batches)


def test_writers_and_readers_at_once_lose_no_row(database: Database, rng: np.random.Generator) -> None:
    rounds, own = 3, rng.random((8, 4, 2, 24)).astype(np.float32)
    shared = rng.random((1, 8 * 3, 24)).astype(np.float32)
    failed: list[BaseException] = []

    def write(writer: int) -> None:
        try:
            for k in range(rounds):
                with database.writing() as connection:
                    record_readings(connection, cube(own[writer], [f"{writer}-{k}-{i}" for i in range(4)]))
                    day = writer * rounds + k  # every writer adds its days to the same meter
                    first = str(np.datetime64("2024-01-01") + day)
                    record_readings(connection, cube(shared[:, day : day + 1], ["everybody's"], first))
        except BaseException as error:  # noqa: BLE001 - to be shown by the test
            failed.append(error)

    def read(_: int) -> None:
        try:
            for _k in range(4):
                with database.reading() as connection:
                    for got in load_profiles(connection):
                        assert not np.isnan(got.kwh[got.meter_ids != "everybody's", :2]).any()
        except BaseException as error:  # noqa: BLE001 - to be shown by the test
            failed.append(error)

    threads = [threading.Thread(target=write, args=(i,)) for i in range(8)]
    threads += [threading.Thread(target=read, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with database.reading() as connection:
        (got,) = load_profiles(connection)
    assert len(got) == 8 * rounds * 4 + 1
    row = got.meter_ids.tolist().index("everybody's")
    assert np.array_equal(got.kwh[row], shared[0])
    for i, name in enumerate(got.meter_ids.tolist()):
        if i != row:
            writer, _k, meter = (int(part) for part in name.split("-"))
            assert np.array_equal(got.kwh[i, :2], own[writer, meter])


VALUES = st.sampled_from([np.nan, 0.0, -0.5, 0.25, 1.5])
SUBMISSION = st.tuples(
    st.sampled_from(["A", "B"]),
    st.integers(0, 3),
    st.dictionaries(st.integers(0, 47), VALUES, min_size=1, max_size=6),
    st.booleans(),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(submissions=st.lists(SUBMISSION, min_size=1, max_size=6))
def test_a_dictionary_of_slots_says_the_same(database: Database, submissions) -> None:
    known: dict[tuple[str, int, int], float] = {}
    history = []
    with database.engine.connect() as connection:  # never committed: each example begins with nothing
        for at, (meter, day, cells, correct) in enumerate(submissions):
            kwh = np.full((1, 2, 24), np.nan, dtype=np.float32)
            counts = dict.fromkeys(PARTS, 0)
            for cell, value in cells.items():
                kwh[0, cell // 24, cell % 24] = value
                slot = (meter, day + cell // 24, cell % 24)
                if np.isnan(value):
                    continue
                if slot not in known:
                    counts["accepted"] += 1
                    known[slot] = value
                elif known[slot] == value:
                    counts["repeated"] += 1
                elif correct:
                    counts["corrected"] += 1
                    known[slot] = value
                else:
                    counts["conflicting"] += 1
            submitted = cube(kwh, [meter], str(np.datetime64("2024-01-01") + day))
            told = record_readings(connection, submitted, NOON + at * HOUR, correct=correct)
            assert {part: getattr(told, part) for part in PARTS} == counts
            history.append((NOON + at * HOUR, dict(known)))
        for as_of, expected in [*history, (None, known)]:
            found = {}
            for got in load_profiles(connection, as_of=as_of):
                start = int((got.days[0] - np.datetime64("2024-01-01")).astype(int))
                for i, j, k in np.argwhere(~np.isnan(got.kwh)).tolist():
                    found[str(got.meter_ids[i]), start + j, k] = float(got.kwh[i, j, k])
            assert found == expected
        connection.rollback()
