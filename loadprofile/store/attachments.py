"""Attachments of cases: photographs and papers, limited in kind, size and number."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from loadprofile.errors import NotFoundError, RefusedError
from loadprofile.store.audit import audit
from loadprofile.store.cases import case
from loadprofile.store.columns import now
from loadprofile.store.work_tables import ATTACHMENTS

KINDS: Mapping[str, tuple[bytes, ...]] = {
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "application/pdf": (b"%PDF-",),
    "text/plain": (),
    "text/csv": (),
}
"""Media types that are taken, and what such a file begins with."""

MOST_BYTES = 10 * 1024 * 1024
MOST_OF_A_CASE = 50
LONGEST_NAME = 200


def attach(
    connection: sa.Connection,
    case_key: int,
    name: str,
    media_type: str,
    content: bytes,
    *,
    who: str,
    feedback_key: int | None = None,
    at: datetime | None = None,
) -> int:
    """Keep a file with a case; its key. The same file again is kept once.

    Raises:
        RefusedError: another kind than ``KINDS``, a file that is not of the kind it claims, an empty or too
            large one, a name with a path in it, or too many of them.
        NotFoundError: no such case.
    """
    if media_type not in KINDS:
        raise RefusedError("media_type", media_type, f"is none of {', '.join(KINDS)}")
    if not content or len(content) > MOST_BYTES:
        raise RefusedError("bytes", len(content), f"is not in 1..{MOST_BYTES}")
    if KINDS[media_type] and not content.startswith(KINDS[media_type]):
        raise RefusedError("media_type", media_type, "is not what the file is")
    if not KINDS[media_type] and not _is_text(content):
        raise RefusedError("media_type", media_type, "is not what the file is: no UTF-8 text")
    plain = name.strip()
    if (
        not plain
        or len(plain) > LONGEST_NAME
        or not plain.isprintable()
        or set(plain) & set("/\\:")
        or plain[0] == "."
    ):
        raise RefusedError("name", name[:40], "is no plain file name")
    case(connection, case_key)
    mine = ATTACHMENTS.c.case_key == case_key
    digest = hashlib.sha256(content).hexdigest()
    known = connection.execute(
        sa.select(ATTACHMENTS.c.attachment_key).where(mine, ATTACHMENTS.c.sha256 == digest)
    ).scalar()
    if known is not None:
        return int(known)
    count = connection.execute(sa.select(sa.func.count()).select_from(ATTACHMENTS).where(mine)).scalar_one()
    if count >= MOST_OF_A_CASE:
        raise RefusedError("attachments", count, f"a case has {MOST_OF_A_CASE} at most")
    made = connection.execute(
        ATTACHMENTS.insert().values(
            case_key=case_key,
            feedback_key=feedback_key,
            name=plain,
            media_type=media_type,
            bytes=len(content),
            sha256=digest,
            content=content,
            added_at=now(at),
            added_by=who,
        )
    )
    key = int(made.inserted_primary_key[0])  # type: ignore[index]
    told = {"attachment_key": key, "name": plain, "bytes": len(content), "sha256": digest}
    audit(connection, who, "attached", "case", case_key, after=told, at=at)
    return key


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode("utf-8")
    except UnicodeDecodeError:
        return False


def attachments(connection: sa.Connection, case_key: int) -> pd.DataFrame:
    """What a case has, without the contents."""
    columns = [column for column in ATTACHMENTS.c if column.name != "content"]
    rows = connection.execute(
        sa.select(*columns).where(ATTACHMENTS.c.case_key == case_key).order_by(ATTACHMENTS.c.attachment_key)
    )
    return pd.DataFrame(rows.mappings().all(), columns=[column.name for column in columns])


def attachment(connection: sa.Connection, attachment_key: int) -> dict[str, Any]:
    """One attachment with its ``content``.

    Raises:
        NotFoundError: there is none, or its bytes are not those that were kept.
    """
    row = (
        connection.execute(sa.select(ATTACHMENTS).where(ATTACHMENTS.c.attachment_key == attachment_key))
        .mappings()
        .first()
    )
    if row is None or hashlib.sha256(row["content"]).hexdigest() != row["sha256"]:
        raise NotFoundError("intact attachment", attachment_key)
    return dict(row)
