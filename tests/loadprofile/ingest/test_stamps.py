"""Time stamps as people and spreadsheets write them."""

from __future__ import annotations

import numpy as np
import pytest

from loadprofile.ingest.clock import clock_of
from loadprofile.ingest.readings import EITHER_PASS, FIRST_PASS, ORDINARY, SECOND_PASS
from loadprofile.ingest.stamps import StampReader, dayfirst_of, is_ambiguous, looks_like_time


def read(text: str, zone: str = "Europe/London", dayfirst: bool | None = None) -> tuple[str, int]:
    stamps = StampReader(clock_of(zone), dayfirst).read([text])
    if not stamps.good[0]:
        return stamps.reason[0], int(stamps.fold[0])
    assert stamps.reason[0] == ""
    return str(np.datetime64(int(stamps.wall[0]), "m")), int(stamps.fold[0])


@pytest.mark.parametrize(
    ("text", "wall"),
    [
        pytest.param("2013-02-01 00:30:00", "2013-02-01T00:30", id="iso"),
        pytest.param("2013-02-01T00:30", "2013-02-01T00:30", id="iso_T"),
        pytest.param("2013-02-01", "2013-02-01T00:00", id="date"),
        pytest.param("2013-02-01 00:30:00.0000000", "2013-02-01T00:30", id="fraction"),
        pytest.param("2013/2/1 0:30", "2013-02-01T00:30", id="slashes_year_first"),
        pytest.param("01.02.2013 00:30", "2013-02-01T00:30", id="dots_are_day_first"),
        pytest.param("20130201 0030", "2013-02-01T00:30", id="compact"),
        pytest.param("201302010030", "2013-02-01T00:30", id="more_compact"),
        pytest.param("1 Feb 2013 12:30 AM", "2013-02-01T00:30", id="month_name"),
        pytest.param("01-FEB-13", "2013-02-01T00:00", id="oracle"),
        pytest.param('"2013-02-01 00:30"', "2013-02-01T00:30", id="quoted"),
        pytest.param("2013-02-01 00:29:59", "2013-02-01T00:30", id="spreadsheet_rounding"),
        pytest.param("2013-07-01T00:30Z", "2013-07-01T01:30", id="utc_in_summer"),
        pytest.param("2013-07-01T00:30:00+02:00", "2013-06-30T23:30", id="offset"),
        pytest.param("2013-07-01 00:30 -0500", "2013-07-01T06:30", id="offset_without_colon"),
    ],
)
def test_readable(text: str, wall: str) -> None:
    assert read(text) == (wall, ORDINARY)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "no time stamp", id="empty"),
        pytest.param("soon", "not a time stamp", id="words"),
        pytest.param("41275.5", "not a time stamp", id="excel_serial"),
        pytest.param("2013-02-01 24:00", "end of an interval", id="end_of_day"),
        pytest.param("2013-02-30", "no such date", id="30_february"),
        pytest.param("2013-02-01 00:30:17", "whole minute", id="seconds"),
        pytest.param("1970-01-01", "year outside", id="epoch"),
        pytest.param("2013-03-31 01:30", "skipped", id="skipped_hour"),
        pytest.param("2013-02-01 00:00+99:00", "offset", id="absurd_offset"),
        pytest.param("31/13/2013", "no such date", id="month_13"),
    ],
)
def test_unreadable_says_why(text: str, reason: str) -> None:
    assert reason in read(text, dayfirst=True)[0]


def test_the_repeated_hour() -> None:
    assert read("2013-10-27 01:30") == ("2013-10-27T01:30", EITHER_PASS)
    assert read("2013-10-27T00:30Z") == ("2013-10-27T01:30", FIRST_PASS)
    assert read("2013-10-27T01:30Z") == ("2013-10-27T01:30", SECOND_PASS)
    assert read("2013-10-27T01:30+01:00") == ("2013-10-27T01:30", FIRST_PASS)
    assert read("2013-10-27 01:30", zone="UTC") == ("2013-10-27T01:30", ORDINARY)


def test_day_first_or_month_first() -> None:
    assert read("03/04/2013", dayfirst=True)[0] == "2013-04-03T00:00"
    assert read("03/04/2013", dayfirst=False)[0] == "2013-03-04T00:00"
    assert dayfirst_of(["03/04/2013", "13/04/2013"]) is True
    assert dayfirst_of(["03/04/2013", "03/14/2013 00:30"]) is False
    assert dayfirst_of(["03/04/2013"]) is None
    assert dayfirst_of(["13/04/2013", "04/13/2013"]) is None
    assert is_ambiguous(["x", "03-04-2013 01:00"])
    assert not is_ambiguous(["2013-04-03", "03.04.2013"])


def test_what_looks_like_a_time() -> None:
    assert all(looks_like_time(t) for t in ("2013-01-01", "1/2/2013 00:30", "20130101", "2013-01-01T00:00Z"))
    assert not any(looks_like_time(t) for t in ("0.5", "12345678", "a", "", "17520"))


def test_texts_are_read_once_and_kept() -> None:
    reader = StampReader(clock_of("UTC"))
    first = reader.read(["2013-01-01", None, "2013-01-01"])
    again = reader.read([None, "2013-01-01"])
    assert first.wall[0] == first.wall[2] == again.wall[1]
    assert first.reason.tolist() == ["", "no time stamp", ""]
