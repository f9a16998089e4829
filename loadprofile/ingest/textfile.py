"""Text files as chunks of whole lines: plain, gzip, zip, zip in zip, with or without a byte order mark.

Only bytes and lines are known here; what the lines mean is the readers' business.
"""

from __future__ import annotations

import codecs
import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from loadprofile.errors import UnreadableFileError

CHUNK_BYTES = 16 << 20
"""Bytes of a text table parsed at a time."""

_HEAD = 1 << 16
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_BINARY = {
    b"PK\x03\x04": "a zip archive or Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save it as CSV",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF document",
    b"\x89HDF": "an HDF5 file",
    b"\x1f\x8b": "gzip data",
}


@dataclass(frozen=True, slots=True)
class TextSource:
    """One text, wherever it lies. ``name`` is shown to users, ``size`` is in bytes (as far as known)."""

    name: str
    path: Path
    size: int
    open: Callable[[], BinaryIO]


def text_sources(path: Path) -> list[TextSource]:
    """The texts in a file: itself, its unpacked content, or each member of an archive.

    Raises:
        UnreadableFileError: for a damaged archive or one without text.
    """
    with path.open("rb") as stream:
        magic = stream.read(4)
    if magic == b"PK\x03\x04":
        try:
            found = list(_members(path, (), str(path)))
        except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
            raise UnreadableFileError(path, f"damaged zip archive ({error})") from None
        if not found:
            raise UnreadableFileError(path, "a zip archive without a .txt or .csv file")
        return found
    if magic[:2] == b"\x1f\x8b":
        return [TextSource(str(path), path, 0, lambda: _binary(gzip.open(path, "rb")))]
    return [TextSource(str(path), path, path.stat().st_size, lambda: path.open("rb"))]


def _binary(stream: object) -> BinaryIO:
    return stream  # type: ignore[return-value]


def _open_member(path: Path, trail: tuple[str, ...]) -> BinaryIO:
    archive = zipfile.ZipFile(path)
    for inner in trail[:-1]:
        archive = zipfile.ZipFile(archive.open(inner))
    return _binary(archive.open(trail[-1]))


def _members(path: Path, trail: tuple[str, ...], shown: str) -> Iterator[TextSource]:
    opened: Path | BinaryIO = path if not trail else _open_member(path, trail)
    with zipfile.ZipFile(opened) as archive:
        if any(name.startswith("xl/") for name in archive.namelist()):
            if not trail:
                raise UnreadableFileError(path, "an Excel workbook; save its sheet as CSV")
            return
        for info in sorted(archive.infolist(), key=lambda info: info.filename):
            name, below = info.filename, (*trail, info.filename)
            if info.is_dir() or name.startswith("__MACOSX"):
                continue
            if name.lower().endswith(".zip") and len(trail) < 2:
                yield from _members(path, below, f"{shown}/{name}")
            elif name.lower().endswith((".txt", ".csv")):
                yield TextSource(f"{shown}/{name}", path, info.file_size, partial(_open_member, path, below))


def head(source: TextSource, size: int = _HEAD) -> bytes:
    """The first whole lines of a text, as UTF-8.

    Raises:
        UnreadableFileError: when it is empty, binary or cannot be unpacked.
    """
    for data, _, _ in line_chunks(source, size):
        return data
    raise UnreadableFileError(source.name, "the file is empty")


def line_chunks(source: TextSource, size: int = CHUNK_BYTES) -> Iterator[tuple[bytes, int, float]]:
    """Chunks of whole lines as UTF-8, with the 1-based number of their first line and the share done.

    The byte order mark is gone; UTF-16 is recoded; bytes that are not UTF-8 are read as Windows-1252,
    the usual other code of spreadsheets.

    Raises:
        UnreadableFileError: for binary content or a damaged archive.
    """
    line, taken, rest = 1, 0, b""
    try:
        with source.open() as stream:
            first = stream.read(4)
            decode = _decoder(first, source.name)
            data = first
            while data:
                more = stream.read(size)
                taken += len(data)
                rest += decode(data, final=not more) if decode else data
                if line == 1 and taken <= 4:
                    rest = rest.removeprefix(codecs.BOM_UTF8)
                data = more
                cut = rest.rfind(b"\n") + 1
                if more and (cut == 0 or len(rest) < size // 2):
                    continue
                block, rest = (rest[:cut], rest[cut:]) if more else (rest, b"")
                if line == 1 and b"\0" in block[:_HEAD]:
                    raise UnreadableFileError(source.name, "binary data, not text")
                if block:
                    yield _utf8(block), line, min(1.0, taken / source.size) if source.size else 0.5
                    line += count_lines(block)
    except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise UnreadableFileError(source.name, f"damaged or cut-off archive ({error})", line) from None


def _decoder(first: bytes, name: str) -> Callable[..., bytes] | None:
    for magic, what in _BINARY.items():
        if first.startswith(magic):
            raise UnreadableFileError(name, f"{what}, not text")
    encoding = _UTF16.get(first[:2])
    if encoding is None:
        return None
    incremental = codecs.getincrementaldecoder(encoding)(errors="replace")
    return lambda data, final: incremental.decode(data, final).lstrip("\ufeff").encode()


def _utf8(block: bytes) -> bytes:
    if block.isascii():
        return block
    try:
        block.decode()
    except UnicodeDecodeError:
        return block.decode("cp1252", errors="replace").encode()
    return block


def count_lines(block: bytes) -> int:
    """Number of line ends (much faster than ``bytes.count`` on short lines)."""
    return int(np.count_nonzero(np.frombuffer(block, dtype=np.uint8) == 10))


def filled_lines(block: bytes) -> NDArray[np.int64]:
    """0-based numbers of the lines of a block that are not empty (a lone carriage return is empty)."""
    raw = np.frombuffer(block, dtype=np.uint8)
    ends = np.flatnonzero(raw == 10)
    if not block.endswith(b"\n"):
        ends = np.append(ends, len(raw))
    starts = np.concatenate(([0], ends[:-1] + 1))
    length = ends - starts
    short = np.flatnonzero(length == 1)
    length[short[raw[starts[short]] == 13]] = 0
    return np.flatnonzero(length).astype(np.int64)


def line_text(block: bytes, number: int) -> str:
    """Text of one line (0-based) of a block."""
    stream = io.BytesIO(block)
    for _ in range(number):
        stream.readline()
    return stream.readline().decode(errors="replace").rstrip("\r\n")
