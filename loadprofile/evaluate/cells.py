"""Result tables: cells are words, counts or estimates; written as Markdown and as CSV."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from loadprofile.evaluate.estimates import Estimate

Cell = str | int | float | Estimate


@dataclass(frozen=True, eq=False, slots=True)
class Table:
    """One table of an evaluation.

    Attributes:
        name: file name without suffix.
        title: heading.
        rows: dicts with the same keys in the same order: the columns.
        note: what a reader must know, one paragraph.
        brief: False = too long for the page, only the CSV is written.
    """

    name: str
    title: str
    rows: Sequence[Mapping[str, Cell]]
    note: str = ""
    brief: bool = True


def as_frame(table: Table) -> pd.DataFrame:
    """Every estimate as four columns: value, ``_low``, ``_high``, ``_n``."""
    rows = []
    for row in table.rows:
        flat: dict[str, Cell] = {}
        for name, cell in row.items():
            if isinstance(cell, Estimate):
                flat |= {name: cell.value, f"{name}_low": cell.low, f"{name}_high": cell.high}
                flat[f"{name}_n"] = cell.n
            else:
                flat[name] = cell
        rows.append(flat)
    return pd.DataFrame(rows)


def as_markdown(table: Table) -> str:
    """Heading, table, note; ``-`` where a figure cannot be told."""
    lines = [f"### {table.title}", ""]
    if table.rows and table.brief:
        columns = list(table.rows[0])
        lines += [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
        lines += [f"| {' | '.join(_shown(row[c]) for c in columns)} |" for row in table.rows]
    else:
        lines.append(f"{len(table.rows)} rows: `{table.name}.csv`.")
    if table.note:
        lines += ["", table.note]
    return "\n".join([*lines, ""])


def _shown(cell: Cell) -> str:
    if isinstance(cell, Estimate):
        if math.isnan(cell.value):
            return "-"
        return f"{cell.value:.3f} ({cell.low:.3f}-{cell.high:.3f})"
    if isinstance(cell, float):
        return "-" if math.isnan(cell) else f"{cell:.3f}"
    return f"{cell:,}" if isinstance(cell, int) else cell


def write_tables(
    folder: Path, about: Sequence[str], tables: Sequence[Table], figures: Mapping[str, Figure]
) -> None:
    """``README.md`` with all tables, one CSV for each, one PNG for each figure.

    Args:
        folder: made if it is not there.
        about: paragraphs that open the page.
        tables: in the order of the page.
        figures: name -> figure.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for table in tables:
        as_frame(table).to_csv(folder / f"{table.name}.csv", index=False)
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png")
    page = [*(f"{paragraph}\n" for paragraph in about), *(as_markdown(t) for t in tables)]
    (folder / "README.md").write_text("\n".join(page), encoding="utf-8")
