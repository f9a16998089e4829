"""Readings: what every interval-data reader yields, and the account of what became of each one.

A reader hands out its file in chunks of a few million readings. Whatever cannot be a reading becomes
a ``Reject`` with file, line and reason, so that at the end every reading that was read is accounted for.

The unit of account is one reading: a line of a long file, one cell of a wide file.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadprofile.errors import ShapeError

ORDINARY, FIRST_PASS, SECOND_PASS, EITHER_PASS = -1, 0, 1, 2
"""Values of ``Readings.fold``: not in a repeated hour, in its first pass, in its second, in either."""

REJECTS_KEPT = 10_000
"""Rejects held in memory; beyond that they are only counted (and written, if there is a writer)."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Something in the input that did not become a reading.

    Attributes:
        file: name of the file (of the member, inside an archive).
        line: 1-based line (row for Parquet, header not counted).
        reason: one plain phrase.
        text: the offending text, shortened.
        meter_id: the meter it belongs to, empty where that could not be read.
        readings: how many readings were lost with it (a bad time stamp in a wide file costs a whole line).
    """

    file: str
    line: int
    reason: str
    text: str
    meter_id: str = ""
    readings: int = 1


@dataclass(frozen=True, slots=True)
class RowCounts:
    """What became of the readings that were read.

    Attributes:
        read: all of them.
        used: first reading of its cell.
        folded: second pass of a repeated hour, averaged with the first.
        duplicate: same meter, same time, same value as one already there.
        conflicting: same meter and time, another value (the first is kept).
        missing: there, but blank.
        rejected: not readable as a reading, or off the meter's grid.
        left_out: of meters that were not asked for.

    Raises:
        ShapeError: when the parts do not add up to ``read``.
    """

    read: int = 0
    used: int = 0
    folded: int = 0
    duplicate: int = 0
    conflicting: int = 0
    missing: int = 0
    rejected: int = 0
    left_out: int = 0

    def __post_init__(self) -> None:
        parts = sum(getattr(self, part.name) for part in fields(self)) - self.read
        if parts != self.read:
            raise ShapeError("rows read", self.read, f"{parts}, the sum of the parts")

    def __add__(self, other: RowCounts) -> RowCounts:
        return RowCounts(*(getattr(self, p.name) + getattr(other, p.name) for p in fields(self)))


class Vocabulary:
    """Meter ids in the order in which they were first met; a code is the position."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._codes: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.names)

    def code(self, name: str) -> int:
        """The code of a meter id, given out on first sight."""
        code = self._codes.get(name)
        if code is None:
            code = self._codes[name] = len(self.names)
            self.names.append(name)
        return code

    def codes(self, names: Iterable[str]) -> NDArray[np.int32]:
        """Codes of several ids at once, ``int32``."""
        return np.array([self.code(name) for name in names], dtype=np.int32)


@dataclass(frozen=True, eq=False, slots=True)
class Readings:
    """One chunk of readings, in reading order. All arrays have the same length.

    Attributes:
        vocabulary: meter ids that ``codes`` point into; it grows from chunk to chunk.
        codes: int32, which meter.
        day: int32, local calendar day, days since 1970-01-01.
        minute: int16, local minute of the day at which the interval starts.
        fold: int8, see ``ORDINARY``: whether the clock showed this minute twice on this day.
        kwh: float32, NaN = blank.
        line: int64, line (or row) in the file.
        file: name of the file.
        done: share of the file that has been read with this chunk, 0..1.
    """

    vocabulary: Vocabulary
    codes: NDArray[np.int32]
    day: NDArray[np.int32]
    minute: NDArray[np.int16]
    fold: NDArray[np.int8]
    kwh: NDArray[np.float32]
    line: NDArray[np.int64]
    file: str
    done: float = 1.0

    def __post_init__(self) -> None:
        n = len(self.codes)
        for name in ("day", "minute", "fold", "kwh", "line"):
            if len(getattr(self, name)) != n:
                raise ShapeError(f"readings.{name}", len(getattr(self, name)), n)

    def __len__(self) -> int:
        return len(self.codes)

    def where(self, keep: NDArray[np.bool_]) -> Readings:
        """The readings for which ``keep`` is true."""
        return Readings(
            self.vocabulary, self.codes[keep], self.day[keep], self.minute[keep], self.fold[keep],
            self.kwh[keep], self.line[keep], self.file, self.done,
        )  # fmt: skip


@dataclass(slots=True)
class RejectLog:
    """Takes rejects: counts all, keeps the first few, passes each on to a writer if there is one.

    Attributes:
        sink: called with every reject (for example the writer of ``rejects_file``).
        keep: how many stay in memory.
        rejected: readings rejected so far.
        by_meter: readings rejected so far whose meter is known.
        kept: the first ``keep`` rejects.
    """

    sink: Callable[[Reject], None] | None = None
    keep: int = REJECTS_KEPT
    rejected: int = 0
    by_meter: dict[str, int] = field(default_factory=dict)
    kept: list[Reject] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """Whether one more reject would only be counted, neither kept nor written."""
        return self.sink is None and len(self.kept) >= self.keep

    def add(self, reject: Reject) -> None:
        """A reading lost."""
        self.rejected += reject.readings
        if reject.meter_id:
            self.by_meter[reject.meter_id] = self.by_meter.get(reject.meter_id, 0) + reject.readings
        self.note(reject)

    def note(self, reject: Reject) -> None:
        """Listed, but counted elsewhere (a conflicting reading)."""
        if len(self.kept) < self.keep:
            self.kept.append(reject)
        if self.sink is not None:
            self.sink(reject)


def shorten(text: str, width: int = 160) -> str:
    """Text fit for one cell of the rejects file: no control characters, not endless."""
    clean = "".join(ch if ch.isprintable() else " " for ch in text).strip()
    return clean if len(clean) <= width else clean[: width - 3] + "..."


@contextmanager
def rejects_file(path: Path) -> Iterator[Callable[[Reject], None]]:
    """A writer of rejects to CSV (``file,line,reason,text``), to be handed to ``read_profiles``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(("file", "line", "reason", "text"))
        yield lambda reject: table.writerow((reject.file, reject.line, reject.reason, reject.text))


def write_rejects(path: Path, rejects: Iterable[Reject]) -> None:
    """Write rejects as CSV with the columns ``file, line, reason, text``."""
    with rejects_file(path) as write:
        for reject in rejects:
            write(reject)
