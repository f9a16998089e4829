"""Long and wide tables as sources of readings that can be read more than once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from loadprofile.ingest.clock import clock_of
from loadprofile.ingest.columns import resolve
from loadprofile.ingest.long import read_long
from loadprofile.ingest.options import ReadOptions
from loadprofile.ingest.readings import Readings, RejectLog, Vocabulary
from loadprofile.ingest.stamps import StampReader
from loadprofile.ingest.tables import Table, dayfirst
from loadprofile.ingest.wide import read_wide, time_position


class ReadingsSource(Protocol):
    """A table whose readings can be asked for more than once."""

    @property
    def table(self) -> Table:
        """The file."""
        ...

    def chunks(self, vocabulary: Vocabulary, log: RejectLog) -> Iterator[Readings]:
        """Its readings, in chunks; what is no reading goes to the log."""
        ...


@dataclass(frozen=True, eq=False, slots=True)
class TableSource:
    """One table in the long or wide layout.

    Attributes:
        table: the file.
        layout: ``long`` or ``wide``.
        options: how to read.
        alone: whether it is one of several files (a wide file with one value column is then one meter).
        reader: reads its time stamps and remembers them for the next pass.
    """

    table: Table
    layout: str
    options: ReadOptions
    alone: bool = False
    reader: StampReader = field(init=False)

    def __post_init__(self) -> None:
        options = self.options
        if self.layout == "long":
            at: int | None = resolve(self.table.header, options.column_map, self.table.name)["timestamp"]
        else:
            at = time_position(self.table, options, self.table.index)
        by_day = None if at is None else dayfirst(self.table, at, options.dayfirst)
        object.__setattr__(self, "reader", StampReader(clock_of(options.timezone), by_day))

    def chunks(self, vocabulary: Vocabulary, log: RejectLog) -> Iterator[Readings]:
        """Its readings, in chunks; what is no reading goes to the log."""
        if self.layout == "long":
            return read_long(self.table, self.options, self.reader, vocabulary, log)
        return read_wide(
            self.table, self.options, self.reader, vocabulary, log, self.table.index, alone=self.alone
        )
