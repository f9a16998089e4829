"""The long layout: one row per reading, ``meter_id, timestamp, kwh``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from loadprofile.ingest.columns import cell_text, meter_column, number_column, resolve, time_column
from loadprofile.ingest.options import ReadOptions
from loadprofile.ingest.readings import Readings, Reject, RejectLog, Vocabulary, shorten
from loadprofile.ingest.stamps import StampReader
from loadprofile.ingest.tables import Table


def read_long(
    table: Table, options: ReadOptions, reader: StampReader, vocabulary: Vocabulary, log: RejectLog
) -> Iterator[Readings]:
    """Readings of a long table, chunk by chunk; what is no reading goes to the log.

    Raises:
        MissingColumnsError: without the three columns.
    """
    at = resolve(table.header, options.column_map, table.name)
    wanted = (at["meter_id"], at["timestamp"], at["kwh"])
    for block, done in table.blocks(frozenset(wanted[:2]), wanted):
        for line, reason, text in block.bad:
            log.add(Reject(table.name, line, reason, shorten(text)))
        meters, times, energy = (block.table.column(str(i)) for i in wanted)
        stamps = time_column(times, reader, table.name)
        codes = meter_column(meters, vocabulary, stamps.good)
        values, wrong = number_column(energy, table.decimal)
        keep = stamps.good & (codes >= 0)
        if wrong is not None:
            keep &= wrong == ""
        if not keep.all():
            for row in np.flatnonzero(~keep):
                meter = cell_text(meters, row).strip()
                reason = stamps.reason[row] or (wrong[row] if wrong is not None and meter else "no meter id")
                text = f"{meter},{cell_text(times, row)},{cell_text(energy, row)}"
                log.add(Reject(table.name, int(block.line[row]), reason, shorten(text), meter))
        wall = stamps.wall[keep]
        yield Readings(
            vocabulary, codes[keep], (wall // 1440).astype(np.int32), (wall % 1440).astype(np.int16),
            stamps.fold[keep], values[keep].astype(np.float32), block.line[keep], table.name, done,
        )  # fmt: skip
