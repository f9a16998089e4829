"""Tables in files, text or Parquet, behind one face: a header, and blocks of rows with their line numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from loadprofile.errors import OptionError, UnreadableFileError
from loadprofile.ingest.columns import distinct, is_text
from loadprofile.ingest.dialect import Block, Dialect, dialect_of, parse_block
from loadprofile.ingest.stamps import dayfirst_of, is_ambiguous
from loadprofile.ingest.textfile import TextSource, line_chunks, text_sources

CELLS = 1 << 21
"""Cells of a Parquet file taken at a time."""


@dataclass(frozen=True, slots=True)
class TextTable:
    """A delimited text file."""

    source: TextSource
    dialect: Dialect
    index: str | None = None
    name: str = field(init=False)
    header: tuple[str, ...] = field(init=False)
    decimal: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.source.name)
        object.__setattr__(self, "header", self.dialect.header)
        object.__setattr__(self, "decimal", self.dialect.decimal)

    def kind(self, column: int) -> pa.DataType | None:  # noqa: ARG002
        """Text has no types."""
        return None

    def sample(self, column: int) -> tuple[str, ...]:
        """First cells of a column."""
        return tuple(row[column] for row in self.dialect.sample)

    def blocks(self, texts: frozenset[int], wanted: tuple[int, ...]) -> Iterator[tuple[Block, float]]:
        """Blocks of whole lines."""
        for data, first_line, done in line_chunks(self.source):
            try:
                block = parse_block(data, first_line, self.dialect, texts, wanted)
            except pa.ArrowInvalid as error:
                raise UnreadableFileError(
                    self.name, f"not a table ({_first_line(error)})", first_line
                ) from None
            yield block, done


@dataclass(frozen=True, slots=True)
class ParquetTable:
    """A Parquet file; its "lines" are its rows, from 1.

    ``index`` is the name of the column that pandas kept its index in; ``""`` if pandas kept row numbers.
    A part of a file is a table too: ``groups`` are the row groups that it has, ``columns`` the columns
    (None = all); ``within`` names a column and the range ``(low, high]`` of it that belongs to the part.
    """

    path: Path
    schema: pa.Schema
    rows: int
    index: str | None
    groups: tuple[int, ...] | None = None
    columns: tuple[str, ...] | None = None
    within: tuple[str, Any, Any] | None = None
    name: str = field(init=False)
    header: tuple[str, ...] = field(init=False)
    decimal: str = "."

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", str(self.path))
        object.__setattr__(self, "header", self.columns or tuple(self.schema.names))

    def kind(self, column: int) -> pa.DataType | None:
        """Arrow type of a column."""
        return self.schema.field(self.header[column]).type

    def sample(self, column: int) -> tuple[str, ...]:
        """First cells of a column of text (other columns have types, and no sample)."""
        if not is_text(self.schema.field(self.header[column]).type):
            return ()
        for block, _ in self.blocks(frozenset({column}), (column,)):
            return tuple(cell for cell in block.table.column(str(column))[:200].to_pylist() if cell)
        return ()

    def blocks(self, texts: frozenset[int], wanted: tuple[int, ...]) -> Iterator[tuple[Block, float]]:
        """Blocks of rows."""
        names = [self.header[i] for i in wanted]
        words = [self.header[i] for i in texts if pa.types.is_string(self.kind(i))]
        size = max(1, CELLS // max(len(names), 1))
        row = 0
        try:
            # without pre_buffer: with it all pages read so far stay in memory
            file = pq.ParquetFile(self.path, read_dictionary=words, pre_buffer=False)
            sizes = [file.metadata.row_group(g).num_rows for g in range(file.metadata.num_row_groups)]
            groups = range(len(sizes)) if self.groups is None else self.groups
            lines = np.concatenate([np.arange(sizes[g]) + sum(sizes[:g]) + 1 for g in groups])
            batches = file.iter_batches(size, row_groups=list(groups), columns=names, use_threads=False)
            for whole in batches:
                line = lines[row : row + whole.num_rows]
                row += whole.num_rows
                batch = whole
                if self.within is not None:
                    mine = _between(whole.column(self.within[0]), *self.within[1:])
                    if not mine.all():
                        batch, line = whole.filter(pa.array(mine)), line[mine]
                columns = {str(i): batch.column(self.header[i]) for i in wanted}
                yield Block(pa.table(columns), line, []), row / max(len(lines), 1)
        except (pa.ArrowException, OSError) as error:
            raise UnreadableFileError(
                self.path, f"damaged Parquet file ({_first_line(error)})", row + 1
            ) from None


def _between(column: pa.Array, low: Any, high: Any) -> NDArray[np.bool_]:
    """Which cells lie in ``(low, high]``; None = no bound."""
    words = column.dictionary if pa.types.is_dictionary(column.type) else column
    inside = np.ones(len(words), dtype=np.bool_)
    for bound, compare in ((low, pc.greater), (high, pc.less_equal)):
        if bound is not None:
            found = pc.fill_null(compare(words, pa.scalar(bound, type=words.type)), False)
            inside &= found.to_numpy(zero_copy_only=False)
    if words is column:
        return inside
    out: NDArray[np.bool_] = inside[pc.fill_null(column.indices, 0).to_numpy(zero_copy_only=False)]
    return out


Table = TextTable | ParquetTable
"""What the long and the wide reader take."""


def open_tables(path: Path, decimal: str | None = None, *, narrow: bool = False) -> list[Table]:
    """The tables in a file (several only in an archive); ``narrow``: of one column, perhaps.

    Raises:
        UnreadableFileError: for what is neither Parquet nor a text table.
    """
    with path.open("rb") as stream:
        magic = stream.read(4)
    if magic == b"PAR1" or path.suffix.lower() in (".parquet", ".pq"):
        return [_open_parquet(path)]
    return [TextTable(source, dialect_of(source, decimal, narrow=narrow)) for source in text_sources(path)]


def _open_parquet(path: Path) -> ParquetTable:
    try:
        with pq.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        why = (
            "the file is empty" if path.stat().st_size == 0 else f"damaged or cut off ({_first_line(error)})"
        )
        raise UnreadableFileError(path, f"not a whole Parquet file: {why}") from None
    if not rows:
        raise UnreadableFileError(path, "the table has no rows")
    kept = (schema.pandas_metadata or {}).get("index_columns") or [None]
    index = "" if isinstance(kept[0], dict) else kept[0]
    return ParquetTable(path, schema, rows, index)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")[:120]


def dayfirst(table: Table, column: int, asked: bool | None) -> bool | None:
    """How to read dates such as 03/04/2013 in this column: as asked, else as the file itself shows.

    Raises:
        OptionError: when the file has such dates and none that tells day from month.
    """
    shown_first = table.sample(column)
    if asked is not None or not is_ambiguous(shown_first):
        return asked
    for block, _ in table.blocks(frozenset({column}), (column,)):
        words, _ = distinct(block.table.column(str(column)))
        shown = dayfirst_of(word for word in words if word)
        if shown is not None:
            return shown
    raise OptionError("dayfirst", None, f"dates such as {shown_first[0]} can be read both ways; say which")
