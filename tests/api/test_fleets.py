from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from same_list import assert_same_list

from api.cli import main
from api.demo import write_wide
from loadprofile.emulate.scenario import draw
from loadprofile.models.model import Model
from loadprofile.profiles import LoadProfiles
from loadprofile.worklist import COLUMNS


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fleet is more than 15 meters, and is worked on in this process."""
    monkeypatch.setattr("api.fleets.PART", 15)
    monkeypatch.setattr("api.fleets.MOST_WORKERS", 1)


@pytest.fixture(scope="module")
def homes(simulated_homes: LoadProfiles) -> LoadProfiles:
    return draw(simulated_homes, np.random.default_rng(4), prevalence=0.3).profiles.take(slice(0, 40))


def series_file(path: Path, homes: LoadProfiles) -> Path:
    n = len(homes)
    cells = [[None if np.isnan(x) else float(x) for x in row] for row in homes.kwh.reshape(n, -1)]
    table = pa.table(
        {
            "meter_id": homes.meter_ids.tolist(),
            "start": pa.array([homes.days[0].astype(dt.date)] * n),
            "step_minutes": pa.array([homes.step_minutes] * n, pa.int16()),
            "kwh": pa.array(cells, pa.list_(pa.float32())),
        }
    )
    pq.write_table(table, path)
    return path


def screened(
    monkeypatch: pytest.MonkeyPatch, model: Model, path: Path, out: Path, *more: object
) -> pd.DataFrame:
    saved = out.with_suffix(".lpm")
    model.save(str(saved))
    words = ["loadprofile", "screen", path, "--model", saved, "--out", out, "--quiet", *more]
    monkeypatch.setattr("sys.argv", [str(word) for word in words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    return pd.read_csv(out)


def test_a_fleet_gets_one_worklist_and_a_report_of_its_top(
    homes: LoadProfiles, small_model: Model, few: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, report = series_file(tmp_path / "fleet.parquet", homes), tmp_path / "report"
    frame = screened(
        monkeypatch, small_model, path, tmp_path / "w.csv", "--report", report, "--pages", 2
    )  # fmt: skip
    assert tuple(frame.columns) == COLUMNS
    assert frame["rank"].tolist() == list(range(1, 41))
    assert sorted(frame["meter_id"]) == sorted(homes.meter_ids.tolist())
    assert len(list((report / "meters").glob("*.html"))) == 2
    assert not list(tmp_path.glob(".loadprofile-*"))


def test_a_fleet_in_a_text_file_is_the_same_fleet(
    homes: LoadProfiles, small_model: Model, few: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wide(homes, tmp_path / "fleet.csv")
    text = screened(monkeypatch, small_model, tmp_path / "fleet.csv", tmp_path / "a.csv")
    path = series_file(tmp_path / "fleet.parquet", homes)
    series = screened(monkeypatch, small_model, path, tmp_path / "b.csv")
    assert_same_list(text, series)


def test_small_series_files_are_judged_in_memory_and_can_be_cut(
    homes: LoadProfiles, small_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = series_file(tmp_path / "fleet.parquet", homes)
    last = homes.days[40]
    frame = screened(monkeypatch, small_model, path, tmp_path / "w.csv", "--to", last)
    assert len(frame) == 40
    onset = pd.to_datetime(frame["onset"].dropna())
    assert (onset <= pd.Timestamp(last.astype(dt.date)) + pd.Timedelta(days=1)).all()
