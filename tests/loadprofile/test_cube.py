"""From files to cubes: every layout, every mess, and an account that adds up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadprofile.cube import Intake, ReadOptions, read_profiles
from loadprofile.errors import MissingColumnsError, OptionError, UnreadableFileError

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(text: str | bytes, name: str = "readings.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return put


def stamps(step: int, count: int, start: str = "2013-01-07") -> list[str]:
    return [str(t) for t in pd.date_range(start, periods=count, freq=f"{step}min")]


def long_lines(meter: str, times: list[str], values: list[object]) -> list[str]:
    return [f"{meter},{time},{value}" for time, value in zip(times, values, strict=True)]


def long_text(*lines: str) -> str:
    return "\n".join(["meter_id,timestamp,kwh", *lines]) + "\n"


def cell(intake: Intake, meter: str, time: str) -> float:
    """The value of a meter at a local time, looked up the slow way."""
    for cube in intake.profiles:
        if meter in cube.meter_ids.tolist():
            when = np.datetime64(time, "m")
            day = when.astype("datetime64[D]")
            slot = int((when - day).astype(int)) // cube.step_minutes
            row = cube.meter_ids.tolist().index(meter)
            return float(cube.kwh[row, int((day - cube.days[0]).astype(int)), slot])
    raise KeyError(meter)


def counts(intake: Intake) -> dict[str, int]:
    names = ("read", "used", "folded", "duplicate", "conflicting", "missing", "rejected", "left_out")
    return {name: value for name in names if (value := getattr(intake.counts, name))}


@pytest.mark.parametrize("step", [pytest.param(s, id=f"{s}min") for s in (15, 30, 60)])
def test_long_csv_gives_the_step_of_the_meter(write: Write, step: int) -> None:
    times = stamps(step, 2880 // step)
    values = [round(0.1 + 0.01 * i, 3) for i in range(len(times))]
    intake = read_profiles([write(long_text(*long_lines("a", times, values)))])
    (cube,) = intake.profiles
    assert cube.step_minutes == step
    assert cube.kwh.shape == (1, 2, 1440 // step)
    np.testing.assert_array_equal(cube.kwh.ravel(), np.array(values, dtype=np.float32))
    assert counts(intake) == {"read": len(times), "used": len(times)}


def test_every_mess_is_accounted_for(write: Write) -> None:
    times = stamps(30, 12)
    text = long_text(
        *long_lines("a", times, [0.5] * 12),
        "a,2013-01-07 00:00:00,0.5",  # duplicate
        "a,2013-01-07 00:30:00,0.75",  # conflict
        "b,2013-01-07 00:00:00,",  # blank
        "b,2013-01-07 00:30:00,-0.25",  # negative, kept
        "b,2013-01-07 01:00:00,broken",
        "b,yesterday,1",
        ",2013-01-07 01:00:00,1",
        "b,2013-01-07 01:30:00",
        "b,2013-01-07 24:00,1",
        "a,2013-01-07 06:10:00,1",  # off the half-hour grid
        "",
    )
    seen = []
    intake = read_profiles([write(text)], on_reject=seen.append)
    assert counts(intake) == {
        "read": 22, "used": 13, "duplicate": 1, "conflicting": 1, "missing": 1, "rejected": 6,
    }  # fmt: skip
    reasons = {reject.line: reject.reason for reject in intake.rejects}
    assert reasons[15] == "conflicts with 0.5 kWh, already read for this meter and time"
    assert "0.75" in next(reject.text for reject in intake.rejects if reject.line == 15)
    assert reasons[18] == "not a number"
    assert reasons[19] == "not a time stamp"
    assert reasons[20] == "no meter id"
    assert reasons[21] == "2 fields in place of 3"
    assert reasons[22].startswith("24:00 is the end")
    assert reasons[23] == "off the 30-minute grid of this meter"
    assert len(seen) == 7
    assert cell(intake, "a", "2013-01-07T00:30") == 0.5
    assert cell(intake, "b", "2013-01-07T00:30") == -0.25
    cube = intake.profiles[0]
    tally = dict(zip(cube.meter_ids.tolist(), cube.row_tally.tolist(), strict=True))
    assert tally == {"a": [12, 0, 0, 1, 1, 1, 0], "b": [1, 0, 1, 0, 0, 3, 1]}


def test_meters_of_different_steps_come_in_separate_cubes(write: Write) -> None:
    lines = [
        *long_lines("hourly", stamps(60, 24), [1.0] * 24),
        *long_lines("quarter", stamps(15, 96), [0.25] * 96),
        *long_lines("few", stamps(15, 3), [0.25] * 3),
    ]
    intake = read_profiles([write(long_text(*lines))])
    assert [(c.step_minutes, c.meter_ids.tolist()) for c in intake.profiles] == [
        (15, ["few", "quarter"]), (60, ["hourly"]),
    ]  # fmt: skip
    assert "different intervals" in intake.warnings[0]


def test_a_meter_with_mixed_steps_keeps_the_one_of_most_of_its_time(write: Write) -> None:
    fine = long_lines("m", stamps(30, 48, "2013-01-07"), [0.5] * 48)
    coarse = long_lines("m", stamps(60, 72, "2013-01-08"), [1.0] * 72)
    intake = read_profiles([write(long_text(*fine, *coarse))])
    assert intake.profiles[0].step_minutes == 60
    assert counts(intake) == {"read": 120, "used": 96, "rejected": 24}


def test_late_start_and_early_end_leave_nan(write: Write) -> None:
    lines = [
        *long_lines("a", stamps(60, 72), [1.0] * 72),
        *long_lines("b", stamps(60, 24, "2013-01-08"), [2.0] * 24),
    ]
    (cube,) = read_profiles([write(long_text(*lines))]).profiles
    assert np.isnan(cube.kwh[1]).all(axis=1).tolist() == [True, False, True]


def test_a_stray_date_does_not_stretch_the_cube(write: Write) -> None:
    lines = [*long_lines("a", stamps(60, 24 * 60), [1.0] * 24 * 60), "a,2031-01-01 00:00,9"]
    intake = read_profiles([write(long_text(*lines))])
    assert len(intake.profiles[0].days) == 60
    assert intake.counts.rejected == 1
    assert intake.rejects[0].reason == "a date more than a year away from all others"


LONDON = ReadOptions(timezone="Europe/London")


def test_the_long_day_in_naive_local_time(write: Write) -> None:
    walls = ["00:00", "00:30", "01:00", "01:30", "01:00", "01:30", "02:00", "02:30"]
    lines = [f"a,2013-10-27 {wall},{i}" for i, wall in enumerate(walls)]
    intake = read_profiles([write(long_text(*lines))], LONDON)
    assert counts(intake) == {"read": 8, "used": 6, "folded": 2}
    assert intake.profiles[0].kwh[0, 0, :6].tolist() == [0.0, 1.0, 3.0, 4.0, 6.0, 7.0]
    assert intake.profiles[0].folded_kwh.tolist() == [7.0]


def test_naive_local_and_utc_and_offset_stamps_give_the_same_cube(write: Write) -> None:
    instants = pd.date_range("2013-03-30", "2013-04-01", freq="30min", tz="Europe/London").append(
        pd.date_range("2013-10-26", "2013-10-29", freq="30min", tz="Europe/London")
    )
    values = [round(0.001 * i, 3) for i in range(len(instants))]
    texts = {
        "naive": [str(t.tz_localize(None)) for t in instants],
        "utc": [t.tz_convert("UTC").strftime("%Y-%m-%dT%H:%MZ") for t in instants],
        "offset": [t.isoformat() for t in instants],
    }
    cubes = []
    for name, times in texts.items():
        intake = read_profiles(
            [write(long_text(*long_lines("a", times, list(values))), f"{name}.csv")], LONDON
        )
        cubes.append(intake.profiles[0])
        assert intake.counts.folded == 2, name
    for cube in cubes[1:]:
        np.testing.assert_array_equal(cube.kwh, cubes[0].kwh)
        np.testing.assert_array_equal(cube.exists, cubes[0].exists)
    spring = int((np.datetime64("2013-03-31") - cubes[0].days[0]).astype(int))
    assert np.flatnonzero(~cubes[0].exists[spring]).tolist() == [2, 3]
    assert (~cubes[0].exists).sum() == 2


def test_a_skipped_local_time_is_rejected(write: Write) -> None:
    lines = long_lines("a", stamps(30, 48, "2013-03-31"), [0.5] * 48)
    intake = read_profiles([write(long_text(*lines))], LONDON)
    assert counts(intake) == {"read": 48, "used": 46, "rejected": 2}
    assert "skipped" in intake.rejects[0].reason


MESSY = st.tuples(
    st.sampled_from(["a", "b", "7", "", "x y"]),
    st.sampled_from([
        "2013-10-27 01:00", "2013-10-27 01:30", "2013-10-27 02:00", "2013-03-31 01:30", "2013-10-27T00:00Z",
        "2013-10-26 23:30", "2013-10-26 23:10", "nonsense", "", "2013-10-26 24:00", "26/10/2013 22:00",
    ]),
    st.sampled_from(["0.5", "0.25", "-1", "", "NULL", "1e400", "text", "0.5,9"]),
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(MESSY, min_size=1, max_size=40))
def test_counts_add_up_for_any_mess(write: Write, rows: list[tuple[str, str, str]]) -> None:
    text = long_text("anchor,2013-10-26 12:00,1", *(",".join(row) for row in rows))
    intake = read_profiles([write(text)], LONDON)
    assert intake.counts.read == len(rows) + 1  # RowCounts itself checks that the parts add up
    by_meter = sum(int(cube.row_tally[:, :6].sum()) for cube in intake.profiles)
    assert by_meter <= intake.counts.read
    listed = intake.counts.rejected + intake.counts.conflicting
    assert len(intake.rejects) == listed


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_order_of_rows_does_not_matter(write: Write, data: st.DataObject) -> None:
    """Without conflicts, any order gives the same cube and the same counts."""
    times = [str(t) for t in pd.date_range("2013-10-26 22:00", periods=16, freq="30min")]
    value = {(m, t): (i * 7 + ord(m)) % 11 / 8 for m in "ab" for i, t in enumerate(times)}
    keys = data.draw(st.lists(st.sampled_from(sorted(value)), min_size=8, max_size=40))
    repeat = ["a,2013-10-27 01:00:00,9.5"] * data.draw(st.integers(0, 2))
    lines = [f"{m},{t},{value[m, t]}" for m, t in keys] + repeat
    shuffled = data.draw(st.permutations(lines))
    first, second = (
        read_profiles([write(long_text(*order), f"{i}.csv")], LONDON)
        for i, order in enumerate((lines, shuffled))
    )
    assert first.counts == second.counts
    assert len(first.profiles) == len(second.profiles)
    for one, two in zip(first.profiles, second.profiles, strict=True):
        np.testing.assert_array_equal(one.kwh, two.kwh)
        np.testing.assert_array_equal(one.row_tally, two.row_tally)
        np.testing.assert_array_equal(one.meter_ids, two.meter_ids)
        np.testing.assert_array_equal(one.folded_kwh, two.folded_kwh)


def test_only_the_meters_asked_for(write: Write) -> None:
    lines = [*long_lines("a", stamps(60, 24), [1.0] * 24), *long_lines("b", stamps(60, 24), [1.0] * 24)]
    path = write(long_text(*lines))
    intake = read_profiles([path], ReadOptions(meters=frozenset({"b"})))
    assert intake.profiles[0].meter_ids.tolist() == ["b"]
    assert counts(intake) == {"read": 48, "used": 24, "left_out": 24}
    with pytest.raises(UnreadableFileError, match="none of the meters"):
        read_profiles([path], ReadOptions(meters=frozenset({"c"})))


@pytest.mark.parametrize(
    ("unit", "step", "factor"),
    [
        pytest.param("kW", 30, 0.5, id="kW_half_hour"),
        pytest.param("kW", 15, 0.25, id="kW_quarter"),
        pytest.param("Wh", 60, 0.001, id="Wh"),
    ],
)
def test_units(write: Write, unit: str, step: int, factor: float) -> None:
    path = write(long_text(*long_lines("a", stamps(step, 48), [2.0] * 48)))
    (cube,) = read_profiles([path], ReadOptions(unit=unit)).profiles
    assert np.nanmax(np.abs(cube.kwh - 2.0 * factor)) < 1e-6


def test_daily_totals_are_refused(write: Write) -> None:
    path = write(long_text(*long_lines("a", [f"2013-01-{d:02}" for d in range(1, 29)], [9.0] * 28)))
    with pytest.raises(UnreadableFileError, match="one reading a day"):
        read_profiles([path])


def test_layouts_do_not_mix(write: Write) -> None:
    long = write(long_text(*long_lines("a", stamps(60, 24), [1.0] * 24)))
    cer = write("1000 19501 0.5\n1000 19502 0.5\n", "File1.txt")
    wide = write("timestamp,a\n2013-01-01 00:00,1\n", "wide.csv")
    for pair in ([long, cer], [long, wide]):
        with pytest.raises(OptionError, match="input"):
            read_profiles(pair)


def test_missing_columns_and_maps(write: Write) -> None:
    text = long_text(*long_lines("a", stamps(60, 24), [1.0] * 24)).replace("meter_id", "Zähler Nr")
    path = write(text.replace("kwh", " Arbeit "))
    with pytest.raises(MissingColumnsError) as caught:
        read_profiles([path], ReadOptions(format="long"))
    assert caught.value.missing == ("meter_id", "kwh")
    mapped = ReadOptions(column_map={"meter_id": "zähler nr", "kwh": "Arbeit"})
    assert read_profiles([path], mapped).counts.used == 24


def test_more_than_may_be_read_is_refused_before_room_is_made(write: Write) -> None:
    lines = [line for m in "ab" for line in long_lines(m, stamps(30, 48), [0.1] * 48)]
    path = write(long_text(*lines))
    assert read_profiles([path], ReadOptions(most_meters=2, most_cells=96)).counts.used == 96
    for options in (ReadOptions(most_meters=1), ReadOptions(most_cells=95)):
        with pytest.raises(OptionError, match="at most"):
            read_profiles([path], options)
