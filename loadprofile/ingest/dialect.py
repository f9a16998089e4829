"""How a delimited text table is written, and its blocks as Arrow tables with exact line numbers."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from loadprofile.errors import UnreadableFileError
from loadprofile.ingest.cells import BLANKS, decimal_of
from loadprofile.ingest.textfile import TextSource, filled_lines, head

_MARKS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a text table is written.

    Attributes:
        delimiter: between the fields.
        decimal: ``"."`` or ``","``.
        header: names of the columns, without surrounding blanks.
        skip: lines before the first row of data.
        sample: cells of the first rows, as text.
    """

    delimiter: str
    decimal: str
    header: tuple[str, ...]
    skip: int
    sample: tuple[tuple[str, ...], ...]


def dialect_of(source: TextSource, decimal: str | None = None, *, narrow: bool = False) -> Dialect:
    """Find out from the first lines how a table is written; ``narrow``: it may have one column only.

    Raises:
        UnreadableFileError: when the file is empty, binary, not a table, or has no header line.
    """
    lines = head(source).decode(errors="replace").splitlines()
    skip = 0
    forced = re.fullmatch(r"sep=(.)", lines[0].strip()) if lines else None
    if forced:
        skip = 1
    while skip < len(lines) and not lines[skip].strip():
        skip += 1
    if skip >= len(lines):
        raise UnreadableFileError(source.name, "the file holds only empty lines")
    top = lines[skip]
    delimiter = forced[1] if forced else max(_MARKS, key=lambda mark: (top.count(mark), -_MARKS.index(mark)))
    if top.count(delimiter) == 0 and not narrow:
        raise UnreadableFileError(
            source.name, "not a table: the first line has no comma, semicolon or tab", skip + 1
        )
    whole = lines[skip : min(len(lines) - 1, skip + 200) or None]
    rows = list(csv.reader(whole, delimiter=delimiter)) or [next(csv.reader([top], delimiter=delimiter))]
    header, body = [cell.strip() for cell in rows[0]], [row for row in rows[1:] if any(row)]
    if not body and len(lines) == skip + 2:
        body = [row for row in csv.reader(lines[skip + 1 :], delimiter=delimiter) if any(row)]
    if body and all(len(row) == len(header) + 1 for row in body):
        # one cell more than names: row names without a title (as R writes), or a delimiter at each end
        header = [*header, ""] if all(not row[-1] for row in body) else ["", *header]
    sample = tuple(tuple(row) for row in body if len(row) == len(header))
    cells = [cell for row in sample for cell in row[1:]]
    return Dialect(delimiter, decimal or decimal_of(cells), tuple(header), skip + 1, sample)


@dataclass(frozen=True, eq=False, slots=True)
class Block:
    """Rows of one block of lines: an Arrow table, the 1-based line of each row, and the lines at fault."""

    table: pa.Table
    line: NDArray[np.int64]
    bad: list[tuple[int, str, str]]


def parse_block(
    block: bytes, first_line: int, dialect: Dialect, texts: frozenset[int], wanted: tuple[int, ...]
) -> Block:
    """Parse whole lines; columns are named ``"0", "1", ...`` by their position in the file.

    Columns in ``texts`` come as dictionaries of text. The others come as float64, or, where one of them
    holds anything that is not a plain number, all as text, to be read with care.
    """
    if first_line <= dialect.skip:
        stream = io.BytesIO(block)
        for _ in range(dialect.skip):
            stream.readline()
        block, first_line = stream.read(), dialect.skip + 1
    if b"\r" in block and block.count(b"\r") != block.count(b"\r\n"):
        block = re.sub(rb"\r(?!\n)", b" ", block)  # a lone carriage return ends no line here
    unclosed: list[tuple[int, str, str]] = []
    if b'"' in block:
        block, unclosed = _without_unclosed(block, first_line)
    try:
        found = _parse(block, first_line, dialect, texts, wanted, numeric=True)
    except pa.ArrowInvalid:
        found = _parse(block, first_line, dialect, texts, wanted, numeric=False)
    return Block(found.table, found.line, found.bad + unclosed) if unclosed else found


def _without_unclosed(block: bytes, first_line: int) -> tuple[bytes, list[tuple[int, str, str]]]:
    """Blank the lines with a quotation mark that is never closed: it would swallow the lines after it."""
    lines = block.split(b"\n")
    bad = []
    for at, line in enumerate(lines):
        if line.count(b'"') % 2:
            bad.append(
                (first_line + at, "a quotation mark that is not closed", line.decode(errors="replace"))
            )
            lines[at] = b""
    return (b"\n".join(lines), bad) if bad else (block, [])


def _parse(
    block: bytes, first_line: int, dialect: Dialect, texts: frozenset[int], wanted: tuple[int, ...],
    *, numeric: bool,
) -> Block:  # fmt: skip
    odd: list[tuple[int, str, str]] = []

    def skip(row: pa.csv.InvalidRow) -> str:
        odd.append(
            (row.number - 1, f"{row.actual_columns} fields in place of {row.expected_columns}", row.text)
        )
        return "skip"

    words = pa.dictionary(pa.int32(), pa.string())
    plain = pa.float64() if numeric else pa.string()
    types = {str(i): words if i in texts else plain for i in wanted}
    lines = filled_lines(block)
    names = [str(i) for i in range(len(dialect.header))]
    if not len(lines):
        empty = pa.table({name: pa.array([], kind) for name, kind in types.items()})
        return Block(empty, np.zeros(0, dtype=np.int64), [])
    table = pa.csv.read_csv(
        pa.BufferReader(block),
        read_options=pa.csv.ReadOptions(
            use_threads=False, block_size=len(block) + 1, column_names=names
        ),
        parse_options=pa.csv.ParseOptions(
            delimiter=dialect.delimiter, invalid_row_handler=skip
        ),
        convert_options=pa.csv.ConvertOptions(
            column_types=types, include_columns=[str(i) for i in wanted], null_values=list(BLANKS),
            strings_can_be_null=True, decimal_point=dialect.decimal,
        ),
    )  # fmt: skip
    bad_rows = [at for at, _, _ in odd]
    rows = table.num_rows + len(odd)
    if len(lines) != rows:
        raise pa.ArrowInvalid("rows and lines differ")
    bad = [(int(lines[at]) + first_line, reason, text) for at, reason, text in odd]
    return Block(table, np.delete(lines, bad_rows) + first_line, bad)
