from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loadprofile.cube import read_profiles
from loadprofile.errors import MissingColumnsError, UnreadableFileError
from loadprofile.ingest.options import ReadOptions
from loadprofile.ingest.parts import parts_of
from loadprofile.ingest.readings import RejectLog
from loadprofile.ingest.series import read_series
from loadprofile.ingest.sniff import sources_of
from loadprofile.profiles import LoadProfiles
from loadprofile.spool.reading import Spooled, must_be_spooled, spool_intake, spool_profiles

START = dt.date(2024, 3, 1)


def series(path: Path, rows: list[dict[str, Any]]) -> Path:
    wh = {} if "kwh" in rows[0] else {"wh": pa.binary()}
    kwh = {"kwh": pa.list_(pa.float64())} if "kwh" in rows[0] else {}
    kinds = {"meter_id": pa.string(), "start": pa.date32(), "step_minutes": pa.int16(), **wh, **kwh}
    pq.write_table(pa.table({n: pa.array([r[n] for r in rows], k) for n, k in kinds.items()}), path)
    return path


def row(name: str | None, cells: Any, step: int = 60, start: dt.date | None = START) -> dict[str, Any]:
    values = np.asarray(cells)
    key, packed = (
        ("wh", values.astype("<u2").tobytes()) if values.dtype.kind in "iu" else ("kwh", list(cells))
    )
    return {"meter_id": name, "start": start, "step_minutes": step, key: packed}


def by_meter(spooled: Spooled) -> dict[str, LoadProfiles]:
    return {
        name: spool.take(np.array([at]))
        for spool in spooled.spools
        for at, name in enumerate(spool.meter_ids.tolist())
    }


def long_file(path: Path, meters: int, days: int, *, group: int, shuffled: bool = False) -> pd.DataFrame:
    stamps = pd.date_range("2024-01-01", periods=days * 24, freq="h")
    values = np.random.default_rng(3).integers(0, 3000, (meters, len(stamps))) / 1000.0
    frame = pd.DataFrame(
        {
            "meter_id": np.repeat([f"M{k:03d}" for k in range(meters)], len(stamps)),
            "timestamp": np.tile(stamps, meters),
            "kwh": values.ravel(),
        }
    )
    written = frame.sample(frac=1.0, random_state=1) if shuffled else frame
    written.to_parquet(path, index=False, row_group_size=group)
    return frame


def test_series_of_watt_hours_and_of_kwh_read_alike(tmp_path: Path) -> None:
    cells = np.random.default_rng(0).integers(0, 4000, 72)
    cells[10:20] = 65535
    kwh = [None if c == 65535 else c / 1000.0 for c in cells.tolist()]
    a = by_meter(
        spool_profiles([series(tmp_path / "a.parquet", [row("A", cells)])], ReadOptions(), _in(tmp_path, "a"))
    )
    b = by_meter(
        spool_profiles([series(tmp_path / "b.parquet", [row("A", kwh)])], ReadOptions(), _in(tmp_path, "b"))
    )
    assert np.array_equal(a["A"].kwh, b["A"].kwh, equal_nan=True)
    assert a["A"].kwh.shape == (1, 3, 24)
    assert np.isnan(a["A"].kwh.ravel()[10:20]).all()


def _in(path: Path, name: str) -> Path:
    folder = path / f"spool-{name}"
    folder.mkdir()
    return folder


def test_bad_rows_of_a_series_file_are_counted_and_listed(tmp_path: Path) -> None:
    good = np.arange(24)
    rows = [
        row("A", good), row(None, good), row("B", good[:23]), row("C", good, step=7),
        row("D", good, start=None), row("A", good), row("E", np.arange(48), step=30), row("F", np.arange(0)),
    ]  # fmt: skip
    spooled = spool_profiles([series(tmp_path / "s.parquet", rows)], ReadOptions(), _in(tmp_path, "s"))
    assert sorted(by_meter(spooled)) == ["A", "E"]
    assert [spool.step_minutes for spool in spooled.spools] == [30, 60]
    assert sorted(reject.line for reject in spooled.rejects) == [2, 3, 4, 5, 6, 8]
    assert spooled.counts.used == 24 + 48
    assert spooled.counts.rejected == 24 + 23 + 24 + 24 + 24 + 1
    assert spooled.counts.read == spooled.counts.used + spooled.counts.rejected


def test_a_series_file_is_recognised_and_must_have_its_columns(tmp_path: Path) -> None:
    path = series(tmp_path / "s.parquet", [row("A", np.arange(24))])
    assert must_be_spooled([path], ReadOptions())
    table = pq.read_table(path).drop_columns(["step_minutes"])
    pq.write_table(table, path)
    with pytest.raises(MissingColumnsError, match="step_minutes"):
        spool_profiles([path], ReadOptions(), _in(tmp_path, "a"))
    spooled = spool_profiles([path], ReadOptions(step=60), _in(tmp_path, "b"))
    assert list(by_meter(spooled)) == ["A"]
    pq.write_table(table.slice(0, 0), path)
    with pytest.raises(UnreadableFileError):
        spool_profiles([path], ReadOptions(step=60), _in(tmp_path, "c"))


@pytest.mark.parametrize("group", [24, 50, 1000])
def test_a_long_file_read_in_parts_is_the_file_read_whole(tmp_path: Path, group: int) -> None:
    path = tmp_path / "long.parquet"
    long_file(path, 12, 3, group=group)
    options = ReadOptions()
    parts = parts_of(sources_of([path], options), options, aim=150)
    assert (len(parts) > 2) == (group < 1000)
    whole = read_profiles([path], options)
    spooled = spool_profiles([path], options, _in(tmp_path, "s"), part_readings=150)
    assert spooled.counts == whole.counts
    found = by_meter(spooled)
    for at, name in enumerate(whole.profiles[0].meter_ids.tolist()):
        assert np.array_equal(found[name].kwh[0], whole.profiles[0].kwh[at])


def test_a_long_file_without_order_is_one_part(tmp_path: Path) -> None:
    path = tmp_path / "long.parquet"
    long_file(path, 12, 3, group=50, shuffled=True)
    options = ReadOptions()
    assert len(parts_of(sources_of([path], options), options, aim=150)) == 1
    assert len(by_meter(spool_profiles([path], options, _in(tmp_path, "s"), part_readings=150))) == 12


def test_lines_of_rejects_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "long.parquet"
    frame = long_file(path, 12, 3, group=24)
    frame["kwh"] = frame["kwh"].astype(str)
    frame.loc[500, "kwh"] = "broken"
    frame.to_parquet(path, index=False, row_group_size=24)
    spooled = spool_profiles([path], ReadOptions(), _in(tmp_path, "s"), part_readings=150)
    assert [reject.line for reject in spooled.rejects] == [501]
    assert spooled.counts.rejected == 1


def test_wide_files_are_read_some_columns_at_a_time(tmp_path: Path) -> None:
    stamps = pd.date_range("2024-01-01", periods=72, freq="h")
    values = np.random.default_rng(4).integers(0, 3000, (72, 9)) / 1000.0
    frame = pd.DataFrame(
        values, index=pd.Index(stamps, name="timestamp"), columns=[f"M{k}" for k in range(9)]
    )
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    frame.iloc[:48].to_parquet(paths[0])
    frame.iloc[48:].to_parquet(paths[1])
    options = ReadOptions()
    assert len(parts_of(sources_of(paths, options), options, aim=150)) > 2
    spooled = spool_profiles(paths, options, _in(tmp_path, "s"), part_readings=150)
    whole = read_profiles(paths, options)
    assert spooled.counts == whole.counts
    found = by_meter(spooled)
    for at, name in enumerate(whole.profiles[0].meter_ids.tolist()):
        assert np.array_equal(found[name].kwh[0], whole.profiles[0].kwh[at])


def test_cubes_in_memory_can_be_spooled_too(tmp_path: Path) -> None:
    path = tmp_path / "long.parquet"
    long_file(path, 5, 3, group=1000)
    intake = read_profiles([path])
    spooled = spool_intake(intake, _in(tmp_path, "s"))
    again = spooled.intake()
    assert again.counts == intake.counts
    assert np.array_equal(again.profiles[0].kwh, intake.profiles[0].kwh)
    assert np.array_equal(again.profiles[0].row_tally, intake.profiles[0].row_tally)


def test_what_was_read_of_a_series_file_does_not_stay_in_memory(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    rows = [row(f"M{k}", rng.integers(0, 60_000, 24 * 400)) for k in range(1200)]
    path = series(tmp_path / "s.parquet", rows)
    table = pq.read_table(path)
    pq.write_table(table, path, row_group_size=50, compression="none")
    size = table.nbytes
    del table
    held, before = 0, pa.total_allocated_bytes()
    for _ in read_series(path, ReadOptions(), RejectLog()):
        held = max(held, pa.total_allocated_bytes() - before)
    assert size > 20e6
    assert held < 0.75 * size
