"""Holidays and weather: checked rows, impossible values, another unit; every row is accounted for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadprofile.errors import MissingColumnsError, UnreadableFileError
from loadprofile.ingest.context import read_holidays, read_weather


def put(folder: Path, text: str) -> Path:
    path = folder / "given.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_holidays(tmp_path: Path) -> None:
    got = read_holidays(put(
        tmp_path,
        "date,name\n2013-12-25,Christmas\n2013-12-26,\n2013-12-25,again\n2013-12-31 12:00,noon\nsoon,x\n,y\n",
    ))  # fmt: skip
    assert got.frame["date"].tolist() == [pd.Timestamp("2013-12-25"), pd.Timestamp("2013-12-26")]
    assert got.frame["name"].tolist() == ["Christmas", ""]
    assert sorted((r.line, r.reason) for r in got.rejects) == [
        (4, "the date stands there already"), (5, "a time of day in place of a date"),
        (6, "not a time stamp"), (7, "no time stamp"),
    ]  # fmt: skip
    assert read_holidays(put(tmp_path, "date\n2013-12-25\n")).frame["name"].tolist() == [""]
    with pytest.raises(MissingColumnsError, match="date"):
        read_holidays(put(tmp_path, "day\n2013-12-25\n"))


def test_weather(tmp_path: Path) -> None:
    rows = "".join(f"2013-01-{1 + h // 24:02d}T{h % 24:02d}:00,{h % 24 - 5},{h}\n" for h in range(400))
    odd = (
        "2013-02-01T01:00,99,0\n2013-02-01T02:00,3,5000\n2013-01-01T00:00,-5,0\n2013-01-01T01:00,9,1\n"
        "2013-02-01T03:00,,1\n2013-02-01T04:00,4,\n2012-12-31T23:00,2,-3\n"
    )
    got = read_weather(put(tmp_path, "timestamp,temperature_c,irradiance\n" + rows + odd))
    assert (got.read, got.rejected, len(got.frame)) == (407, 5, 402)
    assert sorted(r.reason for r in got.rejects) == [
        "a temperature outside -60 to 60 degrees Celsius", "an empty cell",
        "an irradiance outside -20 to 1600 W/m2", "conflicts with an earlier row", "stands there twice",
    ]  # fmt: skip
    assert got.frame["timestamp"].is_monotonic_increasing
    assert got.frame["irradiance"].iloc[0] == 0.0
    assert np.isnan(got.frame["irradiance"].iloc[-1])


def test_weather_without_irradiance_and_with_a_zone(tmp_path: Path) -> None:
    text = "timestamp,temperature_c\n2013-07-01T10:00Z,20\n2013-07-02T10:00Z,21\n"
    got = read_weather(put(tmp_path, text), "Europe/London")
    assert got.frame["timestamp"].iloc[0] == pd.Timestamp("2013-07-01 11:00")
    assert got.frame["irradiance"].isna().all()


@pytest.mark.parametrize("shift", [pytest.param(273.15, id="kelvin"), pytest.param(45.0, id="fahrenheit")])
def test_another_unit_is_refused(tmp_path: Path, shift: float) -> None:
    rows = "".join(f"2013-01-01T{h:02d}:00,{shift + h}\n" for h in range(24))
    with pytest.raises(UnreadableFileError, match="Fahrenheit or kelvin"):
        read_weather(put(tmp_path, "timestamp,temperature_c\n" + rows))


def test_weekly_weather_is_refused(tmp_path: Path) -> None:
    rows = "".join(f"2013-01-{d:02d},5\n" for d in range(1, 29, 7))
    with pytest.raises(UnreadableFileError, match="one row every 7 days"):
        read_weather(put(tmp_path, "timestamp,temperature_c\n" + rows))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.integers(0, 400),
            st.one_of(st.floats(-70, 70).map(lambda x: f"{x:.2f}"), st.sampled_from(["", "warm", "nan"])),
            st.one_of(st.integers(-40, 1700).map(str), st.sampled_from(["", "dim"])),
        ),
        min_size=1,
        max_size=60,
    )
)
def test_every_row_of_weather_is_kept_or_told(tmp_path: Path, rows: list[tuple[int, str, str]]) -> None:
    start = np.datetime64("2013-03-01T00:00")
    lines = [f"{start + np.timedelta64(h, 'h')},{t},{light}" for h, t, light in rows]
    path = put(tmp_path, "\n".join(["timestamp,temperature_c,irradiance", *lines]) + "\n")
    try:
        got = read_weather(path)
    except UnreadableFileError:  # too many impossible temperatures, or too far apart: told as a whole
        return
    assert got.read == len(rows) == len(got.frame) + got.rejected
    assert got.frame["temperature_c"].between(-60, 60).all()
    assert not got.frame["timestamp"].duplicated().any()
    assert {r.line for r in got.rejects} <= set(range(2, len(rows) + 2))
