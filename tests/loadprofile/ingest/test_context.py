"""Events, registers, outages and topology: checked frames, and rejects that are counted."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from loadprofile.errors import MissingColumnsError, UnreadableFileError
from loadprofile.ingest.context import (
    read_events,
    read_invoices,
    read_meters,
    read_outages,
    read_registers,
    read_topology,
)


def put(folder: Path, text: str) -> Path:
    path = folder / "context.csv"
    path.write_text(text)
    return path


def test_events(tmp_path: Path) -> None:
    got = read_events(put(
        tmp_path,
        "meter_id,timestamp,code,vocabulary\na,2013-01-01 00:07:00,44,dlms\nb,never,1,dlms\n,2013-01-01,1,\n"
        "a,2013-07-01T00:00Z,251,\na,2013-01-01,,dlms\na,2013-01-01\n",
    ), "Europe/London")  # fmt: skip
    assert got.frame.to_dict("list") == {
        "meter_id": ["a", "a"],
        "timestamp": [pd.Timestamp("2013-01-01 00:07"), pd.Timestamp("2013-07-01 01:00")],
        "code": ["44", "251"],
        "vocabulary": ["dlms", ""],
    }
    assert (got.read, got.rejected) == (6, 4)
    assert {r.reason for r in got.rejects} == {
        "not a time stamp", "an empty cell", "2 fields in place of 4",
    }  # fmt: skip
    assert {r.line for r in got.rejects} == {3, 4, 6, 7}


def test_registers_with_and_without_multiplier(tmp_path: Path) -> None:
    plain = read_registers(
        put(tmp_path, "meter_id,timestamp,register_kwh\na,2013-01-01,100.5\na,2013-02-01,x\n")
    )
    assert plain.frame["multiplier"].tolist() == [1.0]
    assert plain.rejects[0].reason == "not a number"
    full = read_registers(
        put(tmp_path, "Zähler,timestamp,register_kwh,multiplier\na,2013-01-01,100.5,40\nb,2013-01-01,7,\n"),
        column_map={"meter_id": "Zähler"},
    )
    assert full.frame["multiplier"].tolist() == [40.0, 1.0]
    assert full.frame["register_kwh"].tolist() == [100.5, 7.0]


def test_outages(tmp_path: Path) -> None:
    got = read_outages(put(
        tmp_path, "meter_id,start,end\na,2013-01-01,2013-01-02\nb,2013-01-03,2013-01-02\nc,2013-01-03,\n"
    ))  # fmt: skip
    assert got.frame["meter_id"].tolist() == ["a", "c"]
    assert pd.isna(got.frame["end"].iloc[1])
    assert [(r.line, r.reason) for r in got.rejects] == [(3, "ends before it starts")]


def test_topology(tmp_path: Path) -> None:
    frame = pd.DataFrame({"meter_id": [1, 2, 1, 2], "feeder_id": ["f", "f", "g", "f"]})
    frame.to_parquet(tmp_path / "t.parquet")
    got = read_topology(tmp_path / "t.parquet")
    assert got.frame.to_dict("list") == {"meter_id": ["1", "2"], "feeder_id": ["f", "f"]}
    assert [(r.line, r.reason) for r in got.rejects] == [
        (3, "the meter is on another feeder already"), (4, "stands there twice"),
    ]  # fmt: skip
    assert got.read == 4


def test_wrong_files(tmp_path: Path) -> None:
    with pytest.raises(MissingColumnsError) as caught:
        read_topology(put(tmp_path, "meter_id,other\na,b\n"))
    assert caught.value.missing == ("feeder_id",)
    with pytest.raises(UnreadableFileError, match="no such file"):
        read_events(tmp_path / "absent.csv")
    with pytest.raises(UnreadableFileError, match="empty"):
        read_events(put(tmp_path, ""))


def test_invoices_need_days_in_order_and_little_else(tmp_path: Path) -> None:
    got = read_invoices(put(
        tmp_path,
        "meter_id,first_day,last_day,kwh,amount\na,2024-01-01,2024-01-31,310.5,92.1\nb,2024-01-01,2024-01-31,,\n"
        "a,2024-03-01,2024-02-01,1,1\na,2024-02-30,2024-03-01,1,1\na,2024-04-01,2024-04-30,much,1\n",
    ))  # fmt: skip
    assert got.frame["meter_id"].tolist() == ["a", "b"]
    assert got.frame["kwh"].tolist()[0] == 310.5
    assert got.frame["kwh"].isna().tolist() == [False, True]
    assert got.frame["currency"].tolist() == ["", ""]
    assert (got.read, [r.line for r in got.rejects]) == (5, [5, 6, 4])


def test_facts_of_meters_lie_on_the_globe(tmp_path: Path) -> None:
    got = read_meters(put(tmp_path, "meter_id,latitude,longitude\na,53.3,-6.2\nb,91,0\nc,0,-181\nd,,\n"))
    assert got.frame["meter_id"].tolist() == ["a", "d"]
    assert {r.reason for r in got.rejects} == {"not on the globe: degrees north and east are needed"}
