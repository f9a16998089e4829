from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from api.context import feeders_apart, read_context
from loadprofile.cube import Intake, read_profiles
from loadprofile.ingest.options import ReadOptions
from loadprofile.spool.reading import Spooled, spool_intake


def test_moments_are_local_to_the_zone_of_the_readings(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("meter_id,timestamp,code\nA,2024-07-01T10:00Z,44\nA,yesterday,44\n")
    context, notes = read_context(path, None, None, None, None, tmp_path / "w.csv", "Europe/Dublin")
    assert context.events is not None
    assert context.events["timestamp"].tolist() == [pd.Timestamp("2024-07-01T11:00")]
    assert context.events["meaning"].tolist() != [""]
    assert context.registers is None
    assert "1 rejected" in notes[0]
    assert (tmp_path / "w.csv.events.rejects.csv").is_file()


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    from loadprofile.errors import InputError

    with pytest.raises(InputError):
        read_context(None, None, tmp_path / "none.csv", None, None, tmp_path / "w.csv", "UTC")


def long_table(path: Path, ids: list[str]) -> Path:
    stamps = pd.date_range("2024-01-01", periods=96, freq="30min")
    rows = [(name, str(t), 0.5) for name in ids for t in stamps]
    pd.DataFrame(rows, columns=["meter_id", "timestamp", "kwh"]).to_csv(path, index=False)
    return path


def test_feeder_totals_among_the_readings_are_nobodys_meter(tmp_path: Path) -> None:
    topology = tmp_path / "topology.csv"
    topology.write_text("meter_id,feeder_id\nA,F1\nB,F1\nC,F2\n")
    intake = read_profiles([long_table(tmp_path / "r.csv", ["A", "B", "C", "F1", "F2"])], ReadOptions())
    context, _ = read_context(None, None, None, topology, None, tmp_path / "w.csv", "UTC")
    meters, known, notes = feeders_apart(intake, context)
    assert isinstance(meters, Intake)
    assert meters.profiles[0].meter_ids.tolist() == ["A", "B", "C"]
    assert known.feeders is not None
    assert known.feeders.meter_ids.tolist() == ["F1", "F2"]
    assert notes == ("feeders: 2 totals among the readings",)
    assert meters.counts is intake.counts  # their rows were read like all others


def test_feeder_totals_are_set_apart_in_a_spooled_fleet_too(tmp_path: Path) -> None:
    topology = tmp_path / "topology.csv"
    topology.write_text("meter_id,feeder_id\nA,F1\nB,F1\nC,F2\n")
    intake = read_profiles([long_table(tmp_path / "r.csv", ["F1", "A", "B", "F2", "C"])], ReadOptions())
    (tmp_path / "spool").mkdir()
    spooled = spool_intake(intake, tmp_path / "spool")
    context, _ = read_context(None, None, None, topology, None, tmp_path / "w.csv", "UTC")
    meters, known, notes = feeders_apart(spooled, context)
    assert isinstance(meters, Spooled)
    assert meters.spools[0].meter_ids.tolist() == ["A", "B", "C"]
    assert known.feeders is not None
    assert known.feeders.meter_ids.tolist() == ["F1", "F2"]
    assert notes == ("feeders: 2 totals among the readings",)
    whole = dict(zip(intake.profiles[0].meter_ids.tolist(), intake.profiles[0].kwh, strict=True))
    for cube in (meters.spools[0].take(slice(None)), known.feeders):
        for name, kwh in zip(cube.meter_ids.tolist(), cube.kwh, strict=True):
            np.testing.assert_array_equal(kwh, whole[name])


def test_feeder_totals_of_their_own_file_go_first(tmp_path: Path) -> None:
    topology = tmp_path / "topology.csv"
    topology.write_text("meter_id,feeder_id\nA,F1\n")
    totals = long_table(tmp_path / "f.csv", ["F1"])
    context, notes = read_context(None, None, None, topology, totals, tmp_path / "w.csv", "UTC")
    assert context.feeders is not None
    assert "feeders: 1 totals" in notes
    intake = read_profiles([long_table(tmp_path / "r.csv", ["A", "F1"])], ReadOptions())
    assert feeders_apart(intake, context)[0] is intake


def test_a_topology_without_totals_says_so(tmp_path: Path) -> None:
    topology = tmp_path / "topology.csv"
    topology.write_text("meter_id,feeder_id\nA,F1\n")
    intake = read_profiles([long_table(tmp_path / "r.csv", ["A", "B"])], ReadOptions())
    context, _ = read_context(None, None, None, topology, None, tmp_path / "w.csv", "UTC")
    same, known, notes = feeders_apart(intake, context)
    assert same is intake
    assert known.feeders is None
    assert "no totals" in notes[0]
