from __future__ import annotations

import math
from pathlib import Path

import pandas as pd

from loadprofile.evaluate.cells import Table, as_frame, as_markdown, write_tables
from loadprofile.evaluate.estimates import Estimate
from loadprofile.figures.style import sheet

TABLE = Table(
    "t", "Title",
    [
        {"program": "a", "rows": 1234, "share": Estimate(0.5, 0.25, 0.75, 8), "plain": 0.125},
        {"program": "b", "rows": 1, "share": Estimate(math.nan, math.nan, math.nan, 0), "plain": math.nan},
    ],
    "A note.",
)  # fmt: skip


def test_estimates_become_four_columns() -> None:
    frame = as_frame(TABLE)
    assert list(frame.columns) == ["program", "rows", "share", "share_low", "share_high", "share_n", "plain"]
    assert frame.loc[0, ["share", "share_low", "share_high", "share_n"]].tolist() == [0.5, 0.25, 0.75, 8]


def test_markdown_shows_intervals_and_what_cannot_be_told() -> None:
    text = as_markdown(TABLE)
    assert "| a | 1,234 | 0.500 (0.250-0.750) | 0.125 |" in text
    assert "| b | 1 | - | - |" in text
    assert text.index("A note.") > text.index("| b |")


def test_a_long_table_is_named_and_not_printed() -> None:
    text = as_markdown(Table("long", "Long", TABLE.rows, brief=False))
    assert "2 rows: `long.csv`" in text
    assert "1,234" not in text


def test_everything_is_written(tmp_path: Path) -> None:
    write_tables(tmp_path / "new", ["First."], [TABLE], {"picture": sheet(1.0)})
    assert (tmp_path / "new" / "README.md").read_text().startswith("First.\n")
    assert len(pd.read_csv(tmp_path / "new" / "t.csv")) == 2
    assert (tmp_path / "new" / "picture.png").stat().st_size > 0
