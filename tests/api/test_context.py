from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from api.context import read_context


def test_moments_are_local_to_the_zone_of_the_readings(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("meter_id,timestamp,code\nA,2024-07-01T10:00Z,44\nA,yesterday,44\n")
    context, notes = read_context(path, None, None, None, tmp_path / "w.csv", "Europe/Dublin")
    assert context.events is not None
    assert context.events["timestamp"].tolist() == [pd.Timestamp("2024-07-01T11:00")]
    assert context.events["meaning"].tolist() != [""]
    assert context.registers is None
    assert "1 rejected" in notes[0]
    assert (tmp_path / "w.csv.events.rejects.csv").is_file()


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    from loadprofile.errors import InputError

    with pytest.raises(InputError):
        read_context(None, None, tmp_path / "none.csv", None, tmp_path / "w.csv", "UTC")
