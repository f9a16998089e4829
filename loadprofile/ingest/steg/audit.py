"""The audit: every cell that a STEG reading changed, and the account of what became of every row."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loadprofile.errors import ShapeError

AUDIT_COLUMNS = ("file", "row", "column", "before", "after", "rule")
WHOLE_COLUMN = 0
"""``row`` of a repair that changed every row alike."""

MISSPELT = "misspelt header"
DAY_FIRST = "dates written day first"
AS_TEXT = "number written in another way"
NOT_A_NUMBER = "not a number: taken as unknown"
OUT_OF_SET = "no known status: taken as unknown"
OUT_OF_RANGE = "out of range: taken as unknown"
NO_TARGET = "target neither 0 nor 1: taken as unknown"
SHIFTED = "row shifted one column to the right"
SPELLING = "spelling"
DUPLICATE = "exact duplicate left out"
"""Rules, as they stand in the audit."""


@dataclass(frozen=True, slots=True)
class RowAccount:
    """What became of the rows of one kind of table.

    Attributes:
        read: all rows, without header and empty lines.
        kept: taken as they stood.
        repaired: taken with at least one cell changed (changes of a whole column do not count).
        duplicate: same in every column as a row that was taken.
        rejected: not usable; listed with line and reason.

    Raises:
        ShapeError: when the parts do not add up to ``read``.
    """

    read: int
    kept: int
    repaired: int
    duplicate: int
    rejected: int

    def __post_init__(self) -> None:
        parts = self.kept + self.repaired + self.duplicate + self.rejected
        if parts != self.read:
            raise ShapeError("rows read", self.read, f"{parts}, the sum of the parts")


@dataclass(frozen=True, eq=False, slots=True)
class Repairs:
    """One rule applied to one column of one file: ``rows``, ``before`` and ``after`` are ``(r,)``."""

    file: str
    column: str
    rule: str
    rows: NDArray[np.int64]
    before: NDArray[Any]
    after: NDArray[Any]


@dataclass(slots=True)
class RepairLog:
    """Takes repairs in the order in which they were made."""

    entries: list[Repairs] = field(default_factory=list)

    def add(
        self, file: str, column: str, rule: str, rows: ArrayLike, before: ArrayLike, after: ArrayLike = ""
    ) -> None:
        """Cells of one column changed by one rule; ``before`` and ``after`` may be one value for all rows."""
        at = np.atleast_1d(np.asarray(rows, dtype=np.int64))
        if len(at):
            old, new = (np.broadcast_to(np.asarray(v), at.shape) for v in (before, after))
            self.entries.append(Repairs(file, column, rule, at, old, new))

    def __len__(self) -> int:
        return sum(len(entry.rows) for entry in self.entries)

    def __iter__(self) -> Iterator[tuple[str, int, str, str, str, str]]:
        """``(file, row, column, before, after, rule)`` of each repaired cell; an unknown value is blank."""
        for entry in self.entries:
            cells = zip(entry.rows.tolist(), entry.before.tolist(), entry.after.tolist(), strict=True)
            for row, before, after in cells:
                yield entry.file, row, entry.column, str(before), str(after), entry.rule

    def by_rule(self) -> dict[str, int]:
        """Repaired cells of each rule."""
        counts: dict[str, int] = {}
        for entry in self.entries:
            counts[entry.rule] = counts.get(entry.rule, 0) + len(entry.rows)
        return counts


def write_audit(path: Path, log: RepairLog) -> None:
    """Write the audit as CSV with the columns ``AUDIT_COLUMNS``; row 0 = the whole column."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(AUDIT_COLUMNS)
        table.writerows(log)
