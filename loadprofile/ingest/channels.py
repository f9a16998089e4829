"""Further channels of the meters beside their import: energy sent out, and reactive energy.

Two layouts, CSV or Parquet. With columns: ``meter_id, timestamp`` and ``export_kwh`` or ``reactive_kvarh``
or both. Stacked: ``meter_id, timestamp, channel, value``, the channel being ``export_kwh`` or
``reactive_kvarh`` (or in short ``export``, ``reactive``). Values are kWh and kvarh of each interval, never
negative; the time stamp is the start of the interval; an empty value is a missing reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from loadprofile.errors import MissingColumnsError
from loadprofile.ingest.clock import clock_of
from loadprofile.ingest.columns import cell_text, distinct, meter_column, number_column, resolve, time_column
from loadprofile.ingest.readings import Readings, Reject, RejectLog, Vocabulary, shorten
from loadprofile.ingest.stamps import StampReader
from loadprofile.ingest.tables import Table, dayfirst

CHANNELS = ("export_kwh", "reactive_kvarh")
SHORT = {"export": "export_kwh", "reactive": "reactive_kvarh"} | {name: name for name in CHANNELS}
"""What a cell of the column ``channel`` may say (any case)."""


def channels_in(table: Table) -> tuple[str, ...]:
    """The channels that a table may hold, by its columns: both where it is stacked.

    Raises:
        MissingColumnsError: for a table in neither layout.
    """
    names = {name.strip().casefold() for name in table.header}
    if {"channel", "value"} <= names:
        return CHANNELS
    found = tuple(name for name in CHANNELS if name in names)
    if not found:
        raise MissingColumnsError(table.name, ("export_kwh", "reactive_kvarh"), table.header)
    return found


@dataclass(frozen=True, eq=False, slots=True)
class ChannelSource:
    """One channel of a table, as a source of readings (``Readings.kwh`` holds its values).

    Attributes:
        table: the file.
        channel: one of ``CHANNELS``.
        timezone: zone of naive time stamps.
        speaks: whether rejects that belong to no channel of their own are told by this source.
    """

    table: Table
    channel: str
    timezone: str
    speaks: bool = True

    def chunks(self, vocabulary: Vocabulary, log: RejectLog) -> Iterator[Readings]:
        """The channel's readings, in chunks; what is no reading goes to the log.

        Raises:
            MissingColumnsError: without meter, time or value.
        """
        stacked = {"channel", "value"} <= {name.strip().casefold() for name in self.table.header}
        value = "value" if stacked else self.channel
        need = ("meter_id", "timestamp", value, *(("channel",) if stacked else ()))
        at = resolve(self.table.header, {"kwh": value}, self.table.name, need)
        wanted = tuple(at[name] for name in need)
        texts = frozenset(at[name] for name in need if name != value)
        reader = StampReader(clock_of(self.timezone), dayfirst(self.table, at["timestamp"], None))
        for block, done in self.table.blocks(texts, tuple(sorted(set(wanted)))):
            if self.speaks:
                for at_line, why, text in block.bad:
                    log.add(Reject(self.table.name, at_line, why, shorten(text)))
            columns, line = block.table, block.line
            if stacked:
                mine, strange = self._mine(columns.column(str(at["channel"])))
                if self.speaks:
                    self._strange(columns, at, line, strange, log)
                columns, line = columns.filter(pa.array(mine)), line[mine]
            yield self._readings(columns, at, value, line, reader, vocabulary, log, done)

    def _mine(self, column: pa.ChunkedArray) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Rows of this channel, and rows of none that is known."""
        words, at = distinct(column)
        which = [SHORT.get((word or "").strip().casefold(), "") for word in words]
        mine = np.array([name == self.channel for name in which])[at]
        return mine, np.array([not name for name in which])[at]

    def _strange(
        self, columns: pa.Table, at: dict[str, int], line: NDArray[np.int64], rows: NDArray[np.bool_],
        log: RejectLog,
    ) -> None:  # fmt: skip
        for row in np.flatnonzero(rows):
            cells = [cell_text(columns.column(str(place)), row) for place in at.values()]
            why = f"channel is none of {', '.join(CHANNELS)}"
            log.add(Reject(self.table.name, int(line[row]), why, shorten(",".join(cells)), cells[0].strip()))

    def _readings(
        self, columns: pa.Table, at: dict[str, int], value: str, line: NDArray[np.int64], reader: StampReader,
        vocabulary: Vocabulary, log: RejectLog, done: float,
    ) -> Readings:  # fmt: skip
        meters, times, amounts = (columns.column(str(at[n])) for n in ("meter_id", "timestamp", value))
        stamps = time_column(times, reader, self.table.name)
        codes = meter_column(meters, vocabulary, stamps.good)
        values, wrong = number_column(amounts, self.table.decimal)
        reason = np.full(len(values), "", dtype=object) if wrong is None else wrong.copy()
        reason[(reason == "") & (values < 0)] = f"a negative {self.channel}"
        reason[(reason == "") & (codes < 0)] = "no meter id"
        reason = np.where(stamps.good, reason, stamps.reason)
        keep = reason == ""
        for row in np.flatnonzero(~keep):
            meter = cell_text(meters, row).strip()
            text = f"{meter},{cell_text(times, row)},{cell_text(amounts, row)}"
            log.add(Reject(self.table.name, int(line[row]), str(reason[row]), shorten(text), meter))
        wall = stamps.wall[keep]
        return Readings(
            vocabulary, codes[keep], (wall // 1440).astype(np.int32), (wall % 1440).astype(np.int16),
            stamps.fold[keep], values[keep].astype(np.float32), line[keep], self.table.name, done,
        )  # fmt: skip


def holds_any(table: Table, channel: str) -> bool:
    """Whether a stacked table has a row of this channel; tables with columns of their own always do."""
    plain = [name.strip().casefold() for name in table.header]
    if not {"channel", "value"} <= set(plain):
        return channel in plain
    at = plain.index("channel")
    for block, _ in table.blocks(frozenset({at}), (at,)):
        words = pc.unique(block.table.column(str(at)).cast(pa.string())).to_pylist()
        if any(SHORT.get((word or "").strip().casefold()) == channel for word in words):
            return True
    return False
