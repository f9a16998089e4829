"""The account of readings, the log of rejects and the file they are written to."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from loadprofile.errors import OptionError, ShapeError
from loadprofile.ingest.options import ReadOptions
from loadprofile.ingest.readings import (
    Readings,
    Reject,
    RejectLog,
    RowCounts,
    Vocabulary,
    rejects_file,
    shorten,
    write_rejects,
)  # fmt: skip


def test_counts_must_add_up() -> None:
    one = RowCounts(read=5, used=2, duplicate=1, missing=1, left_out=1)
    assert one + one == RowCounts(read=10, used=4, duplicate=2, missing=2, left_out=2)
    with pytest.raises(ShapeError, match="rows read"):
        RowCounts(read=5, used=4)


def test_readings_have_one_length() -> None:
    one, two = np.zeros(1), np.zeros(2)
    with pytest.raises(ShapeError, match="kwh"):
        Readings(Vocabulary(), one, one, one, one, two, one, "f")  # type: ignore[arg-type]


def test_the_log_keeps_few_and_passes_on_all(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    with rejects_file(path) as write:
        log = RejectLog(write, keep=2)
        for line in range(5):
            log.add(Reject("f.csv", line, 'bad, "really"', "x\ny", "m", readings=2))
        log.note(Reject("f.csv", 9, "conflict", "z", "m"))
    assert (log.rejected, log.by_meter, len(log.kept)) == (10, {"m": 10}, 2)
    with path.open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["file", "line", "reason", "text"]
    assert rows[1] == ["f.csv", "0", 'bad, "really"', "x\ny"]
    assert len(rows) == 7
    write_rejects(path, log.kept)
    assert path.read_text().count("f.csv") == 2


def test_texts_are_made_fit_for_a_cell() -> None:
    assert shorten("a\x00b\tc\n") == "a b c"
    assert len(shorten("x" * 1000)) == 160


@pytest.mark.parametrize(
    ("setting", "value", "reason"),
    [
        pytest.param("format", "xml", "series; bills: monthly, steg", id="format"),
        pytest.param("format", "steg", "--format steg", id="steg"),
        pytest.param("format", "monthly", "--format monthly", id="monthly"),
        pytest.param("timezone", "Mars/Olympus", "no such time zone", id="timezone"),
        pytest.param("unit", "MJ", "choose one of", id="unit"),
        pytest.param("decimal", "x", "must be", id="decimal"),
        pytest.param("step", 20, "15, 30 or 60", id="step"),
        pytest.param("start", "01/02/2013", "write it as", id="start_format"),
        pytest.param("start", "2013-02-30", "day", id="start_date"),
        pytest.param("start", "2013-02-01", "needs step", id="start_without_step"),
        pytest.param("column_map", {"power": "x"}, "can be mapped", id="map"),
    ],
)
def test_settings_that_make_no_sense(setting: str, value: object, reason: str) -> None:
    with pytest.raises(OptionError, match=reason) as caught:
        ReadOptions(**{setting: value})  # type: ignore[arg-type]
    assert caught.value.exit_code == 2
