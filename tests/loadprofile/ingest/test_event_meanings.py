"""Event codes mean what the table of their vocabulary says, and nothing where it says nothing."""

from __future__ import annotations

import pandas as pd

from loadprofile.ingest.event_meanings import code_table, with_meanings


def test_codes_follow_their_vocabulary() -> None:
    events = pd.DataFrame(
        {
            "meter_id": ["a", "b", "c", "d", "e"],
            "code": [44, 51, 51, 9999, 201],
            "vocabulary": [None, "IS15959", "dlms", "dlms", "IS15959"],
        }
    )
    assert with_meanings(events)["meaning"].tolist() == ["cover_open", "current_reversed", "", "", "magnet"]
    assert "meaning" not in events.columns


def test_without_a_vocabulary_codes_are_dlms() -> None:
    assert with_meanings(pd.DataFrame({"code": [62, 82]}))["meaning"].tolist() == [
        "remote_disconnect",
        "missing_voltage",
    ]


def test_no_events_at_all() -> None:
    assert with_meanings(pd.DataFrame({"code": [], "vocabulary": []}))["meaning"].tolist() == []


def test_an_own_table_and_its_newest_version_count() -> None:
    table = pd.DataFrame(
        {"vocabulary": ["own", "own"], "version": [2, 1], "code": [7, 7], "meaning": ["magnet", "battery"]}
    )
    events = pd.DataFrame({"code": [7], "vocabulary": ["own"]})
    assert with_meanings(events, table)["meaning"].tolist() == ["magnet"]


def test_the_packaged_table_is_well_formed() -> None:
    table = code_table()
    assert list(table.columns) == ["vocabulary", "version", "code", "meaning"]
    assert not table.duplicated(["vocabulary", "version", "code"]).any()
    assert table["meaning"].str.fullmatch(r"[a-z_]+").all()
