"""Files that are small and unfold to much, or are not what they say: found out before they are read.

What a file says of itself (rows, sizes, types) is looked at first, and what it does not say (how long texts
are that stand once in a dictionary and a million times in a column) is counted without unfolding it.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from api.http.problems import ProblemError, refused, too_large
from api.http.settings import MEBIBYTE, Settings

MOST_MEMBERS = 100
MOST_COLUMNS = 60_000
LONGEST_LINE = 4 * MEBIBYTE
FOOTER_TEXT, FOOTER_ITEMS = 8 * MEBIBYTE, 4_000_000
_PIECE = MEBIBYTE
_ROWS = 65_536
_READABLE = (".csv", ".txt", ".parquet", ".pq")


def unpack(path: Path, settings: Settings) -> list[Path]:
    """The files in a zip archive or in gzip data, under names of ours beside it.

    Raises:
        ProblemError: 413 when they unfold to too much, 422 when they are damaged, encrypted or none.
    """
    left = settings.max_unpacked
    out: list[Path] = []
    try:
        with path.open("rb") as stream:
            magic = stream.read(2)
        if magic == b"\x1f\x8b":
            target = path.with_name("unpacked-1")
            with path.open("rb") as stream, target.open("wb") as into:
                _pour(_inflated(stream), into, left)
            return [target]
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if m.filename.lower().endswith(_READABLE)]
            if not members:
                raise refused(f"the archive holds no {', '.join(_READABLE)} file")
            if len(members) > MOST_MEMBERS:
                raise too_large(f"an archive has at most {MOST_MEMBERS} files")
            for member in members:
                target = path.with_name(f"unpacked-{len(out) + 1}")
                with archive.open(member) as stream, target.open("wb") as into:
                    left -= _pour(_pieces(stream), into, left)
                out.append(target)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError) as error:
        raise refused(f"the archive is damaged or encrypted: {str(error)[:100]}") from None
    return out


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    while piece := stream.read(_PIECE):
        yield piece


def _inflated(stream: BinaryIO) -> Iterator[bytes]:
    inflater = zlib.decompressobj(wbits=31)
    while piece := stream.read(65_536):
        while piece:
            yield inflater.decompress(piece, _PIECE)
            piece = inflater.unconsumed_tail
            if inflater.eof and inflater.unused_data:
                raise zlib.error("more than one member")
    if not inflater.eof:
        raise EOFError("cut off")


def _pour(pieces: Iterator[bytes], into: BinaryIO, left: int) -> int:
    taken = 0
    for piece in pieces:
        taken += len(piece)
        if taken > left:
            raise too_large("the archive unfolds to more than is taken at once")
        into.write(piece)
    return taken


def check_text(path: Path, settings: Settings) -> None:
    """Look at a delimited text: no bytes of binary files, no endless line, not too many cells.

    Raises:
        ProblemError: 413 or 422.
    """
    cells, open_line = 0, 0
    with path.open("rb") as stream:
        wide_letters = stream.read(2) in (b"\xff\xfe", b"\xfe\xff")
        stream.seek(0)
        while piece := stream.read(_PIECE):
            raw = np.frombuffer(piece, dtype=np.uint8)
            if not wide_letters and not raw.all():
                raise refused("binary data (a NUL byte), not text; texts are UTF-8, or UTF-16 with its mark")
            ends = np.flatnonzero(raw == 10)
            longest = open_line + len(raw) if not len(ends) else open_line + int(ends[0])
            open_line = open_line + len(raw) if not len(ends) else len(raw) - int(ends[-1])
            if longest > LONGEST_LINE:
                raise refused(f"a line of more than {LONGEST_LINE:,} bytes is no line of a table")
            cells += len(ends) + int(np.isin(raw, (9, 44, 59)).sum())
            if cells > 4 * settings.max_rows:
                raise too_large(f"more than {settings.max_rows:,} readings are not taken at once")


def check_parquet(path: Path, settings: Settings) -> None:
    """Look at a Parquet file before reading it.

    Raises:
        ProblemError: 413 for too many rows, values or bytes, 422 for a damaged file or odd columns.
    """
    try:
        with pq.ParquetFile(
            path, pre_buffer=False, thrift_string_size_limit=FOOTER_TEXT,
            thrift_container_size_limit=FOOTER_ITEMS, schema_depth_limit=8,
        ) as file:  # fmt: skip
            about, schema = file.metadata, file.schema_arrow
            _check_shape(schema, about.num_rows, settings)
            groups = [about.row_group(g) for g in range(min(about.num_row_groups, 100_000))]
            sizes = [g.total_byte_size for g in groups]
            if min(sizes, default=0) < 0 or about.num_rows < 0:
                raise refused("not a whole Parquet file: it gives negative sizes")
            if sum(sizes) > settings.max_unpacked:
                raise too_large(f"the file unfolds to more than {settings.max_unpacked:,} bytes")
            values = 0
            for group in groups:
                for column in range(group.num_columns):
                    values += max(group.column(column).num_values, 0)
                    if values > 4 * settings.max_rows:
                        raise too_large(f"more than {settings.max_rows:,} readings are not taken at once")
        texts = [f.name for f in schema if _is_bytes(f.type) or pa.types.is_dictionary(f.type)]
        if texts:
            _check_texts(path, texts, settings)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise refused(f"not a whole Parquet file: {_words(error)}") from None


def _check_shape(schema: pa.Schema, rows: int, settings: Settings) -> None:
    if len(schema) > MOST_COLUMNS or rows > settings.max_rows or len(schema) * rows > 4 * settings.max_rows:
        raise too_large(f"more than {settings.max_rows:,} readings are not taken at once")
    if len(set(schema.names)) != len(schema.names):
        raise refused("two columns have the same name")
    for column in schema:
        if not _is_plain(column.type):
            raise refused(f"column {column.name[:60]!r} holds {str(column.type)[:60]}; no such thing is read")


def _is_bytes(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind)
        or types.is_large_binary(kind)
    )  # fmt: skip


def _is_plain(kind: pa.DataType) -> bool:
    types = pa.types
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return bool(types.is_floating(kind.value_type) or types.is_integer(kind.value_type))
    if types.is_dictionary(kind):
        return bool(types.is_string(kind.value_type) or types.is_large_string(kind.value_type))
    return bool(
        _is_bytes(kind) or types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
        or types.is_timestamp(kind) or types.is_date(kind) or types.is_null(kind)
    )  # fmt: skip


def _check_texts(path: Path, names: list[str], settings: Settings) -> None:
    """Count how long columns of text are without unfolding their dictionaries."""
    left = settings.max_unpacked
    for name in names:
        with pq.ParquetFile(path, read_dictionary=[name], pre_buffer=False) as file:
            for batch in file.iter_batches(_ROWS, columns=[name], use_threads=False):
                left -= _length(batch.column(0))
                if left < 0:
                    raise too_large(f"the file unfolds to more than {settings.max_unpacked:,} bytes")


def _length(column: pa.Array) -> int:
    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    sizes = pc.fill_null(pc.binary_length(column.dictionary), 0).to_numpy(zero_copy_only=False)
    at = column.indices.drop_null().to_numpy(zero_copy_only=False)
    return int(sizes[at].sum(dtype=np.int64)) if len(at) else 0


def arrow_as_parquet(path: Path, settings: Settings) -> Path:
    """Arrow IPC (stream or file), checked through and through, as a Parquet file for the readers.

    Raises:
        ProblemError: 413 for too much, 415 for compressed buffers (their size cannot be told in advance),
            422 for damage.
    """
    data = path.read_bytes()
    try:
        # A file is a stream between two marks; read as one, nothing that its footer points to is missed.
        begin = 8 if data.startswith(b"ARROW1") else 0
        _refuse_compressed(data, begin)
        with pa.ipc.open_stream(pa.py_buffer(data)[begin:]) as stream:
            target = _written(stream.schema, iter(stream), path, settings)
    except (pa.ArrowException, OSError, ValueError, OverflowError, struct.error) as error:
        raise refused(f"not whole Arrow data: {_words(error)}") from None
    check_parquet(target, settings)
    return target


def _written(schema: pa.Schema, batches: Iterator[pa.RecordBatch], path: Path, settings: Settings) -> Path:
    target = path.with_suffix(".parquet")
    _check_shape(schema, 0, settings)
    rows, values = 0, 0
    with pq.ParquetWriter(target, schema, compression="none", write_statistics=False) as into:
        for batch in batches:
            rows += batch.num_rows
            _check_shape(schema, rows, settings)
            batch.validate(full=True)  # offsets out of bounds would be read from foreign memory
            for column in batch.columns:
                values += len(column.flatten()) if pa.types.is_nested(column.type) else 0
                if values > 4 * settings.max_rows:
                    raise too_large(f"more than {settings.max_rows:,} readings are not taken at once")
            into.write_batch(batch)
    return target


def _refuse_compressed(data: bytes, at: int) -> None:
    """Walk over the messages of a stream; one with compressed buffers is refused.

    The messages are flatbuffers; format: Apache Arrow, "Serialization and Interprocess Communication".
    """
    while at + 8 <= len(data):
        (size,) = struct.unpack_from("<I", data, at)
        at += 4
        if size == 0xFFFFFFFF:  # continuation mark, then the size
            (size,) = struct.unpack_from("<I", data, at)
            at += 4
        if size == 0 or at + size > len(data):
            return
        message = _Flat(data, at)
        kind, body = message.number(1, "<B"), message.number(3, "<q")
        header = message.table(2)
        batch = header.table(1) if kind == 2 and header else header if kind == 3 else None
        if batch is not None and batch.table(3) is not None:
            raise ProblemError(
                415, "media-type", "Unsupported kind of body",
                "Arrow data with compressed buffers; send them uncompressed, or send Parquet",
            )  # fmt: skip
        if body < 0:
            return
        at += size + body


class _Flat:
    """As much of a flatbuffers table as is needed: fields by number."""

    def __init__(self, data: bytes, at: int, *, root: bool = True) -> None:
        self.data = data
        self.at = at + struct.unpack_from("<I", data, at)[0] if root else at
        self.fields = self.at - struct.unpack_from("<i", data, self.at)[0]
        (self.size,) = struct.unpack_from("<H", data, self.fields)

    def _place(self, field: int) -> int:
        where = 4 + 2 * field
        offset = struct.unpack_from("<H", self.data, self.fields + where)[0] if where < self.size else 0
        return self.at + offset if offset else 0

    def number(self, field: int, shape: str) -> int:
        place = self._place(field)
        return int(struct.unpack_from(shape, self.data, place)[0]) if place else 0

    def table(self, field: int) -> _Flat | None:
        place = self._place(field)
        if not place:
            return None
        return _Flat(self.data, place + struct.unpack_from("<I", self.data, place)[0], root=False)


def _words(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:120] if lines else type(error).__name__
