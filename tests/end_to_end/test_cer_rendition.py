"""The same homes as CER text and as Parquet give the same worklist."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from cer_layout import CerHomes
from command_line import screened

SHOWN = ["rank", "meter_id", "cause", "onset", "end", "lost_kwh", "p_fraud", "p_normal", "evidence"]


def test_same_homes_same_worklist(
    cer_homes: CerHomes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = screened(monkeypatch, tmp_path / "cer.csv", cer_homes.folder, "--format", "cer")
    layout = ("--format", "long", "--timezone", cer_homes.timezone)
    table = screened(monkeypatch, tmp_path / "long.csv", cer_homes.parquet, *layout)
    pd.testing.assert_frame_equal(text[SHOWN], table[SHOWN])
