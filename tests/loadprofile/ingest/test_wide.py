"""Wide tables: one row per time, one column per meter, as text and as Parquet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from loadprofile.cube import ReadOptions, read_profiles
from loadprofile.errors import MissingColumnsError, OptionError, UnreadableFileError


@pytest.fixture
def frame(rng: np.random.Generator) -> pd.DataFrame:
    """Three days of four meters; one starts late, one has blanks, one is hourly."""
    index = pd.date_range("2013-01-01", periods=144, freq="30min", name="datetime")
    values = rng.gamma(1, 0.3, (144, 4)).round(3)
    values[:50, 1] = np.nan
    values[rng.random(144) < 0.2, 2] = np.nan
    values[1::2, 3] = np.nan
    return pd.DataFrame(values, index=index, columns=["10", "9", "b", "hourly"])


def check(frame: pd.DataFrame, path: Path, options: ReadOptions | None = None) -> None:
    intake = read_profiles([path], options or ReadOptions())
    fine, hourly = intake.profiles
    assert (fine.step_minutes, hourly.step_minutes) == (30, 60)
    assert fine.meter_ids.tolist() == ["9", "10", "b"]
    want = frame[["9", "10", "b"]].to_numpy(np.float32).T.reshape(3, 3, 48)
    np.testing.assert_array_equal(fine.kwh, want)
    np.testing.assert_array_equal(hourly.kwh[0].ravel(), frame["hourly"].to_numpy(np.float32)[::2])
    assert intake.counts.read == frame.size
    assert intake.counts.missing == int(frame.isna().to_numpy().sum())
    assert intake.counts.used == int(frame.notna().to_numpy().sum())


def test_parquet_with_index_csv_and_spreadsheet_csv_agree(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.to_parquet(tmp_path / "index.parquet")
    frame.reset_index().to_parquet(tmp_path / "column.parquet", index=False)
    frame.tz_localize("UTC").to_parquet(tmp_path / "aware.parquet")
    frame.to_csv(tmp_path / "plain.csv")
    frame.to_csv(tmp_path / "plain.csv.gz")
    frame.to_csv(
        tmp_path / "german.csv", sep=";", decimal=",", date_format="%d.%m.%Y %H:%M", encoding="utf-8-sig"
    )
    frame.to_csv(tmp_path / "british.csv", date_format="%d/%m/%Y %H:%M", lineterminator="\r\n", na_rep="NULL")
    frame.to_csv(tmp_path / "unicode.txt", sep="\t", encoding="utf-16")
    for path in sorted(tmp_path.iterdir()):
        options = ReadOptions(dayfirst=True) if path.name == "british.csv" else ReadOptions()
        check(frame, path, options)


def test_ambiguous_dates_are_settled_by_the_file_or_by_the_user(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.to_csv(tmp_path / "ambiguous.csv", date_format="%d/%m/%Y %H:%M")
    with pytest.raises(OptionError, match="dayfirst") as caught:
        read_profiles([tmp_path / "ambiguous.csv"])
    assert caught.value.exit_code == 2
    check(frame, tmp_path / "ambiguous.csv", ReadOptions(dayfirst=True))
    later = frame.set_axis(frame.index + pd.Timedelta(days=11))  # 12, 13 and 14 January
    later.to_csv(tmp_path / "shown.csv", date_format="%m/%d/%Y %H:%M")
    check(later, tmp_path / "shown.csv")


def test_text_among_numbers_and_bad_times(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text(
        "time,a,b\n2013-01-01 00:00,1,2\n2013-01-01 01:00,oops,2\nlater,1,2\n2013-01-01 02:00,-1,\n"
        "2013-01-01 02:00,-1,5\n2013-01-01 03:00,1\n"
    )
    intake = read_profiles([tmp_path / "w.csv"])
    counts = intake.counts
    assert (counts.read, counts.used, counts.missing, counts.duplicate, counts.rejected) == (12, 5, 1, 1, 5)
    told = {(r.line, r.reason, r.text, r.readings) for r in intake.rejects}
    assert told == {
        (3, "not a number (column a)", "oops", 1),
        (4, "not a time stamp (2 readings)", "later", 2),
        (7, "2 fields in place of 3", "2013-01-01 03:00,1", 2),
    }
    assert intake.profiles[0].row_tally[:, 5].tolist() == [1, 0]
    assert intake.profiles[0].row_tally[:, 6].tolist() == [1, 0]


def test_row_numbers_need_a_start(tmp_path: Path, rng: np.random.Generator) -> None:
    values = pd.DataFrame(rng.random((48, 2)).round(3), columns=["x", "y"])
    values.to_parquet(tmp_path / "range.parquet")
    values.to_csv(tmp_path / "range.csv")
    for name in ("range.parquet", "range.csv"):
        with pytest.raises(OptionError, match="row numbers"):
            read_profiles([tmp_path / name], ReadOptions(format="wide"))
        intake = read_profiles([tmp_path / name], ReadOptions(start="2018-01-01", step=60))
        np.testing.assert_array_equal(
            intake.profiles[0].kwh.reshape(2, 48), values.to_numpy(np.float32).T, err_msg=name
        )
    timed = values.set_axis(pd.date_range("2018-01-01", periods=48, freq="h"))
    timed.to_parquet(tmp_path / "timed.parquet")
    with pytest.raises(OptionError, match="time stamps of its own"):
        read_profiles([tmp_path / "timed.parquet"], ReadOptions(start="2018-01-01", step=60))


def test_counted_rows_pass_over_a_clock_change(tmp_path: Path) -> None:
    pd.DataFrame({"x": np.arange(49.0)}).to_parquet(tmp_path / "r.parquet")
    options = ReadOptions(start="2013-10-27", step=60, timezone="Europe/London")
    intake = read_profiles([tmp_path / "r.parquet"], options)
    assert intake.counts.folded == 1
    assert intake.profiles[0].kwh[0, 0, :4].tolist() == [0.0, 1.5, 3.0, 4.0]
    assert intake.profiles[0].kwh[0, 1, -1] == 48.0


def test_one_file_per_meter_takes_its_name(tmp_path: Path) -> None:
    for name in ("m1", "m2"):
        times = pd.date_range("2013-01-01", periods=48, freq="30min")
        table = pd.DataFrame({"timestamp": times, "kWh": 0.25 if name == "m1" else 0.5})
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    (cube,) = read_profiles([tmp_path]).profiles
    assert cube.meter_ids.tolist() == ["m1", "m2"]
    assert cube.kwh[:, 0, 0].tolist() == [0.25, 0.5]


def test_thousands_of_columns(tmp_path: Path, rng: np.random.Generator) -> None:
    index = pd.date_range("2013-01-01", periods=24, freq="h")
    frame = pd.DataFrame(rng.random((24, 3000)).round(3), index, [f"m{i:04}" for i in range(3000)])
    frame.to_csv(tmp_path / "many.csv")
    frame.to_parquet(tmp_path / "many.parquet")
    one, two = (read_profiles([tmp_path / n]).profiles[0] for n in ("many.csv", "many.parquet"))
    np.testing.assert_array_equal(one.kwh, two.kwh)
    np.testing.assert_array_equal(one.kwh[:, 0], frame.to_numpy(np.float32).T)


def test_parquet_columns_of_other_types(tmp_path: Path) -> None:
    times = pd.date_range("2013-01-01", periods=24, freq="h")
    table = pd.DataFrame({
        "time": times.astype(str), "whole": np.arange(24), "text": [*map(str, range(23)), "n/a"],
        "endless": [np.inf, *range(1, 24)],
    })  # fmt: skip
    table.to_parquet(tmp_path / "t.parquet", index=False)
    intake = read_profiles([tmp_path / "t.parquet"])
    cube = intake.profiles[0]
    assert cube.meter_ids.tolist() == ["endless", "text", "whole"]
    assert cube.kwh[2, 0].tolist() == list(map(float, range(24)))
    assert np.isnan(cube.kwh[1, 0, 23])
    assert (intake.counts.missing, intake.counts.rejected) == (1, 1)
    assert intake.rejects[0].reason == "not a finite number (column endless)"


@pytest.mark.parametrize(
    ("content", "error", "reason"),
    [
        pytest.param(b"", UnreadableFileError, "empty", id="empty"),
        pytest.param(b"\n\n\n", UnreadableFileError, "only empty lines", id="blank_lines"),
        pytest.param(b"just words\n", UnreadableFileError, "not a table", id="prose"),
        pytest.param(b"a,b\n1,2\n3,5\n", MissingColumnsError, "timestamp", id="no_times"),
        pytest.param(b"timestamp,a\n", MissingColumnsError, "timestamp", id="header_only"),
        pytest.param(b"time,a\n2013-01-01x,2\nx,3\n", MissingColumnsError, "timestamp", id="no_real_times"),
        pytest.param(b"\x00" * 5000, UnreadableFileError, "binary", id="zeros"),
        pytest.param(b"%PDF-1.7 ...", UnreadableFileError, "PDF", id="pdf"),
        pytest.param(b"\x1f\x8b\x08 broken", UnreadableFileError, "archive", id="half_a_gzip"),
        pytest.param(
            b"PAR1 and then nothing", UnreadableFileError, "not a whole Parquet", id="half_a_parquet"
        ),
    ],
)
def test_wrong_files(tmp_path: Path, content: bytes, error: type[Exception], reason: str) -> None:
    (tmp_path / "file.csv").write_bytes(content)
    with pytest.raises(error, match=reason) as caught:
        read_profiles([tmp_path / "file.csv"])
    assert caught.value.exit_code == 3  # type: ignore[attr-defined]
    assert "\n" not in str(caught.value)


def test_cut_off_parquet_and_workbook(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.to_parquet(tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    (tmp_path / "half.parquet").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "nothing.parquet").write_bytes(b"")
    frame.to_excel(tmp_path / "book.xlsx")
    (tmp_path / "hole.parquet").write_bytes(whole[:200] + b"\xff" * 2000 + whole[2200:])
    for name, reason in (("half", "cut off"), ("nothing", "empty"), ("hole", "damaged")):
        with pytest.raises(UnreadableFileError, match=reason):
            read_profiles([tmp_path / f"{name}.parquet"])
    with pytest.raises(UnreadableFileError, match="Excel"):
        read_profiles([tmp_path / "book.xlsx"])
    with pytest.raises(UnreadableFileError, match="no such file"):
        read_profiles([tmp_path / "absent.csv"])


def test_real_wide_files(shared_data: Path) -> None:
    """The cube of a real Parquet file is its table, cell for cell."""
    for name in ("halfhourly/london", "halfhourly/edrp_scotland"):
        path = shared_data / f"{name}.parquet"
        frame = pd.read_parquet(path)
        intake = read_profiles([path])
        (cube,) = intake.profiles
        want = frame[list(cube.meter_ids)].to_numpy(np.float32).T
        np.testing.assert_array_equal(cube.kwh.reshape(len(cube), -1), want)
        assert intake.counts.used == int(frame.notna().to_numpy().sum())
        assert intake.counts.read == frame.size
    with pytest.raises(OptionError, match="--format steg"):
        read_profiles([shared_data / "steg/invoices_train_Client_0.csv"])
    with pytest.raises(OptionError, match="--format monthly"):
        read_profiles([shared_data / "monthly/energizados_inspections.parquet"])
