"""The main job on real meters: every meter a row, real faults named, ordinary people left alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from command_line import screened

from loadprofile.verdicts import CAUSES

CALLED = {"cause", "meter_id"}


def check(frame: pd.DataFrame, meters: int) -> None:
    assert len(frame) == meters
    assert frame["meter_id"].is_unique
    assert frame[[f"p_{c}" for c in CAUSES]].sum(axis=1).to_numpy() == pytest.approx(1.0, abs=1e-6)
    assert (frame["cause"] == "fraud").mean() <= 0.02


@pytest.fixture(scope="module")
def london(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    with pytest.MonkeyPatch.context() as patch:
        out = tmp_path_factory.mktemp("london") / "w.csv"
        return screened(patch, out, shared_data / "halfhourly" / "london.parquet")


def test_london_every_meter_and_hardly_a_false_theft(london: pd.DataFrame) -> None:
    check(london, 60)


@pytest.mark.parametrize(
    "meter",
    [
        pytest.param("MAC000071", id="stops_in_april"),
        pytest.param("MAC000080", id="stops_in_may"),
        pytest.param("MAC000095", id="stops_in_september"),
        pytest.param("MAC000028", id="falls_to_zeros_and_stops"),
    ],
)
def test_london_real_faults_are_not_called_fraud(london: pd.DataFrame, meter: str) -> None:
    row = london.set_index("meter_id").loc[meter]
    assert row["cause"] in {"data_mismatch", "maintenance"}
    assert row["evidence"] != "[]"


def test_london_a_meter_that_reads_zero_nearly_all_year(london: pd.DataFrame) -> None:
    """One thermostat's load and nothing below it: a worn meter or an empty home; it is not passed over."""
    row = london.set_index("meter_id").loc["MAC000004"]
    assert row["cause"] in {"maintenance", "undecided"}
    assert row["p_maintenance"] > 3 * row["p_fraud"]
    assert row["evidence"] != "[]"
    assert row["cause"] == "maintenance" or "register" in row["would_decide"]


def test_scotland_every_meter_and_hardly_a_false_theft(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(
        screened(monkeypatch, tmp_path / "w.csv", shared_data / "halfhourly" / "edrp_scotland.parquet"), 400
    )


def test_one_year_of_cambridge(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = screened(
        monkeypatch, tmp_path / "w.csv", shared_data / "hourly" / "cambridge_estates.parquet",
        "--from", "2018-01-01", "--to", "2018-12-31",
    )  # fmt: skip
    check(frame, 72)
    stuck = frame.set_index("meter_id").loc["b78"]
    assert stuck["cause"] in {"data_mismatch", "maintenance"}
