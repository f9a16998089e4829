"""Facts of the whole population that a screening measured, kept for judging single meters later."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa

from loadprofile.errors import NotFoundError
from loadprofile.store.work_tables import SCREENING_PARTS


def keep_part(connection: sa.Connection, screening_key: int, name: str, content: bytes) -> str:
    """Keep a fact of the whole population with a screening (bytes; no pickle); its SHA-256."""
    digest = hashlib.sha256(content).hexdigest()
    mine = sa.and_(SCREENING_PARTS.c.screening_key == screening_key, SCREENING_PARTS.c.name == name)
    connection.execute(SCREENING_PARTS.delete().where(mine))
    row = {"screening_key": screening_key, "name": name, "sha256": digest, "content": content}
    connection.execute(SCREENING_PARTS.insert(), row)
    return digest


def part(connection: sa.Connection, screening_key: int, name: str) -> bytes:
    """What ``keep_part`` kept.

    Raises:
        NotFoundError: no such part, or its bytes are not those that were kept.
    """
    row = connection.execute(
        sa.select(SCREENING_PARTS.c.content, SCREENING_PARTS.c.sha256).where(
            SCREENING_PARTS.c.screening_key == screening_key, SCREENING_PARTS.c.name == name
        )
    ).first()
    if row is None or hashlib.sha256(row.content).hexdigest() != row.sha256:
        raise NotFoundError("intact part of screening", f"{screening_key}: {name}")
    return bytes(row.content)
