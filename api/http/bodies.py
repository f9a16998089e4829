"""Bodies of uploads: what kinds are taken, how much of them, and where they lie while they are read.

Nothing that a client names becomes the name of a file. A large body waits for its turn before it is read, so
that uploads together take a bounded part of memory, and one that comes too slowly is cut off.
"""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from fastapi import Request

from api.http.problems import ProblemError, refused, too_large, unsupported
from api.http.service import Service
from api.http.settings import MEBIBYTE

JSON, CSV, PARQUET, ARROW, PACKED = "json", "csv", "parquet", "arrow", "packed"
MODEL = "model"

MEDIA: Mapping[str, str] = {
    "application/json": JSON,
    "text/csv": CSV,
    "application/vnd.apache.parquet": PARQUET,
    "application/vnd.apache.arrow.stream": ARROW,
    "application/vnd.apache.arrow.file": ARROW,
    "application/zip": PACKED,
    "application/gzip": PACKED,
    "application/octet-stream": MODEL,
}
"""Kinds of bodies by media type; what is packed holds CSV or Parquet files."""

SMALL = MEBIBYTE


@dataclass(frozen=True, eq=False, slots=True)
class Upload:
    """A body that was taken in.

    Attributes:
        kind: ``json``, ``csv``, ``parquet``, ``arrow``, ``packed`` or ``model``.
        data: the bytes of a JSON body; empty for others.
        path: where others lie.
        sha256: of the body as it was sent.
    """

    kind: str
    data: bytes
    path: Path
    sha256: str

    @property
    def folder(self) -> Path:
        """A folder for what is made of it; gone when the request ends."""
        return self.path.parent


def media_type(request: Request) -> str:
    """The media type of a body, without parameters."""
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


@asynccontextmanager
async def receiving(request: Request, service: Service, kinds: tuple[str, ...]) -> AsyncIterator[Upload]:
    """Take in a body of one of these kinds; it is there until the block ends.

    Raises:
        ProblemError: 415 for another kind or encoding, 413 when it is too long, 408 when it is too slow.
    """
    kind = MEDIA.get(media_type(request), "")
    if kind not in kinds:
        raise unsupported(media_type(request), tuple(name for name, k in MEDIA.items() if k in kinds))
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip"}:
        raise unsupported(f"encoding {encoding}", ("identity", "gzip"))
    settings = service.settings
    most = settings.max_json if kind == JSON else settings.max_unpacked
    announced = request.headers.get("content-length", "")
    async with AsyncExitStack() as stack:
        # Known to be small: there is no bomb in it, and it need not wait for large ones.
        if not (announced.isdigit() and int(announced) <= SMALL) or encoding != "identity":
            await stack.enter_async_context(service.big_bodies)
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="loadprofile-")))
        path = folder / f"upload.{kind}"
        parts: list[bytes] = []
        into = None if kind == JSON else stack.enter_context(path.open("wb"))
        try:
            async with asyncio.timeout(settings.body_seconds):
                sha256 = await _poured(request, encoding == "gzip", most, parts, into)
        except TimeoutError:
            raise ProblemError(
                408, "too-slow", "Too slow", f"the body took more than {settings.body_seconds:g} seconds"
            ) from None
        if into is not None:
            into.close()
        yield Upload(kind, b"".join(parts), path, sha256)


async def _poured(
    request: Request, packed: bool, most: int, parts: list[bytes], into: BinaryIO | None
) -> str:
    """Read a body into ``parts`` or into a file; returns the hash of what was sent."""
    sha = hashlib.sha256()
    inflater = zlib.decompressobj(wbits=31) if packed else None
    taken = 0
    async for chunk in request.stream():
        sha.update(chunk)
        plain = chunk
        if inflater is not None:
            try:
                plain = inflater.decompress(chunk, most - taken + 1)
            except zlib.error as error:
                raise refused(f"the body is not what its Content-Encoding says: {error}") from None
        taken += len(plain)
        if taken > most:
            raise too_large(f"a body of this kind has at most {most:,} bytes, unpacked")
        if into is None:
            parts.append(plain)
        else:
            into.write(plain)
    if inflater is not None and not inflater.eof:
        raise refused("the body is cut off")
    if not taken:
        raise refused("the body is empty")
    return sha.hexdigest()
