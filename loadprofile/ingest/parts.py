"""Large tables in parts that hold whole meters each, so that a part can be read as if it were all there is.

A long Parquet file whose meters lie together is cut between meter ids, by the least and greatest id that
each row group declares; a wide one is cut between columns. Other files (text, CER, long files with all
meters of one hour together) have no such parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow.parquet as pq

from loadprofile.ingest.columns import resolve
from loadprofile.ingest.options import ReadOptions
from loadprofile.ingest.series import count_readings
from loadprofile.ingest.sniff import Sources
from loadprofile.ingest.tables import ParquetTable
from loadprofile.ingest.tabular import ReadingsSource, TableSource
from loadprofile.ingest.wide import ROW_NUMBERS, time_position

MOST_READ = 1.5
"""Row groups that reach into several parts are read again for each: at most this many times the file."""

PART_READINGS = 40_000_000
"""Readings aimed at in a part: some 2,000 half-hourly meter-years, 160 MB as a cube."""


def size_of(sources: Sources) -> int:
    """About how many readings the inputs hold; 0 for text, which shows only when it is read."""
    if sources.layout == "series":
        return sum(count_readings(path) for path in sources.series)
    tables = [source.table for source in sources.tables]
    return sum(
        table.rows * (max(len(table.header) - 1, 1) if sources.layout == "wide" else 1)
        for table in tables
        if isinstance(table, ParquetTable)
    )


def parts_of(
    sources: Sources, options: ReadOptions, aim: int = PART_READINGS
) -> tuple[tuple[ReadingsSource, ...], ...]:
    """Parts with whole meters; one part, all of it, where it cannot be cut."""
    whole = (sources.tables,)
    tables = [source.table for source in sources.tables]
    parquet = [table for table in tables if isinstance(table, ParquetTable)]
    if not parquet or len(parquet) < len(tables):
        return whole
    found = (
        _by_groups(parquet, options, aim) if sources.layout == "long" else _by_columns(parquet, options, aim)
    )
    if found is None:
        return whole
    alone = len(tables) > 1
    return tuple(
        tuple(TableSource(table, sources.layout, options, alone) for table in part) for part in found
    )


@dataclass(frozen=True, slots=True)
class _Group:
    """A row group: which table and number, its first and last meter id and how many rows it has."""

    table: int
    number: int
    low: str
    high: str
    rows: int


def _by_groups(
    tables: Sequence[ParquetTable], options: ReadOptions, aim: int
) -> list[list[ParquetTable]] | None:
    """Ranges of meter ids and the row groups that may hold them; None where no cut is worth it."""
    groups = []
    for at, table in enumerate(tables):
        column = resolve(table.header, options.column_map, table.name)["meter_id"]
        with pq.ParquetFile(table.path) as file:
            place = file.schema_arrow.get_field_index(table.header[column])
            if len(file.schema.names) != len(file.schema_arrow.names):
                return None  # nested columns: places differ
            for number in range(file.metadata.num_row_groups):
                group = file.metadata.row_group(number)
                known = group.column(place).statistics
                if known is None or not known.has_min_max or known.null_count:
                    return None
                groups.append(_Group(at, number, known.min, known.max, group.num_rows))
    if len({type(g.low) for g in groups}) > 1:
        return None
    groups.sort(key=lambda g: (g.high, g.low))
    cuts: list[str] = []
    rows = 0
    for group in groups[:-1]:
        rows += group.rows
        if rows >= aim and (not cuts or group.high > cuts[-1]):
            cuts.append(group.high)
            rows = 0
    if cuts and cuts[-1] == groups[-1].high:
        cuts.pop()
    parts = []
    for low, high in zip([None, *cuts], [*cuts, None], strict=True):
        # a group at an edge holds meters of two parts: each part reads it and takes its own
        some = [g for g in groups if (low is None or g.high > low) and (high is None or g.low <= high)]
        parts.append((some, low, high))
    read = sum(group.rows for some, _, _ in parts for group in some)
    if read > MOST_READ * sum(group.rows for group in groups):
        return None
    return [_tables_with(tables, options, *part) for part in parts]


def _tables_with(
    tables: Sequence[ParquetTable],
    options: ReadOptions,
    groups: Sequence[_Group],
    low: str | None,
    high: str | None,
) -> list[ParquetTable]:
    """Some row groups of some files, of them the rows with ``low < meter id <= high``."""
    out = []
    for at in sorted({group.table for group in groups}):
        table = tables[at]
        numbers = tuple(sorted(group.number for group in groups if group.table == at))
        column = table.header[resolve(table.header, options.column_map, table.name)["meter_id"]]
        out.append(replace(table, groups=numbers, within=(column, low, high)))
    return out


def _by_columns(tables: Sequence[ParquetTable], options: ReadOptions, aim: int) -> list[list[ParquetTable]]:
    """Some of the columns of all files together: a meter may have a column in each."""
    kept = []  # columns that every part needs
    names: dict[str, int] = {}
    for table in tables:
        at = time_position(table, options, table.index)
        kept.append(() if at is None else (table.header[at],))
        for name in table.header:
            if name not in kept[-1] and not ROW_NUMBERS.fullmatch(name.strip()):
                names[name.strip()] = names.get(name.strip(), 0) + table.rows
    parts: list[list[str]] = [[]]
    rows = 0
    for name in sorted(names):
        if rows >= aim:
            parts.append([])
            rows = 0
        parts[-1].append(name)
        rows += names[name]
    out = []
    for part in parts:
        chosen = set(part)
        some = []
        for table, time in zip(tables, kept, strict=True):
            own = tuple(n for n in table.header if n not in time and n.strip() in chosen)
            if own:
                some.append(replace(table, columns=(*time, *own)))
        out.append(some)
    return out
