"""API keys: shown once when they are made, kept as SHA-256 only, found by their prefix.

A key is 32 random bytes; a slow hash as for passwords would protect nothing that can be guessed, and would
cost every request a tenth of a second.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd
import sqlalchemy as sa

from loadprofile.errors import NotFoundError, OptionError
from loadprofile.store.access_tables import API_KEYS, ROLES
from loadprofile.store.audit import audit
from loadprofile.store.columns import now

SEEN_EVERY = timedelta(minutes=1)
"""How often the last use of a key is written at most."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking: ``name``, ``role`` (analyst, field, operator), and the key's prefix or the user."""

    name: str
    role: str
    id: str


def sha256(text: str) -> str:
    """Hexadecimal SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def checked_role(role: str) -> str:
    """The role, if it is one.

    Raises:
        OptionError: it is none.
    """
    if role not in ROLES:
        raise OptionError("role", role, f"is none of {', '.join(ROLES)}")
    return role


def issue_key(
    connection: sa.Connection,
    name: str,
    role: str,
    *,
    who: str,
    expires_at: datetime | None = None,
    at: datetime | None = None,
) -> str:
    """Make a key and return it; it can never be shown again."""
    prefix = secrets.token_hex(6)
    key = f"lp_{prefix}_{secrets.token_urlsafe(32)}"
    connection.execute(
        API_KEYS.insert().values(
            prefix=prefix,
            sha256=sha256(key),
            name=name,
            role=checked_role(role),
            created_at=now(at),
            created_by=who,
            expires_at=None if expires_at is None else now(expires_at),
        )
    )
    audit(connection, who, "issued", "api key", prefix, after={"name": name, "role": role}, at=at)
    return key


def caller_of(connection: sa.Connection, key: str, *, at: datetime | None = None) -> Caller | None:
    """Whose key this is; None for one that is unknown, revoked or expired. Reads only."""
    parts = key.split("_", 2)
    if len(parts) != 3 or parts[0] != "lp":
        return None
    row = connection.execute(sa.select(API_KEYS).where(API_KEYS.c.prefix == parts[1])).first()
    # compared also where there is no such prefix, so that the time does not tell
    fits = hmac.compare_digest(sha256(key), "0" * 64 if row is None else row.sha256)
    if row is None or not fits or row.revoked_at is not None:
        return None
    if row.expires_at is not None and row.expires_at <= now(at):
        return None
    return Caller(row.name, row.role, row.prefix)


def note_use(connection: sa.Connection, prefix: str, *, at: datetime | None = None) -> None:
    """Note that a key was used; at most once a minute."""
    moment = now(at)
    seen = API_KEYS.c.last_used_at
    stale = sa.or_(seen.is_(None), seen < moment - SEEN_EVERY)
    connection.execute(
        sa.update(API_KEYS).where(API_KEYS.c.prefix == prefix, stale).values(last_used_at=moment)
    )


def revoke_key(connection: sa.Connection, prefix: str, *, who: str, at: datetime | None = None) -> None:
    """End a key, for good.

    Raises:
        NotFoundError: there is no such key, or it was revoked already.
    """
    row = connection.execute(
        sa.update(API_KEYS)
        .where(API_KEYS.c.prefix == prefix, API_KEYS.c.revoked_at.is_(None))
        .values(revoked_at=now(at))
    )
    if row.rowcount != 1:
        raise NotFoundError("api key", prefix)
    audit(connection, who, "revoked", "api key", prefix, at=at)


def list_keys(
    connection: sa.Connection, *, before: int | None = None, limit: int | None = None
) -> pd.DataFrame:
    """Keys without their hashes, newest first: all, or a page of those made before the key ``before``."""
    columns = [column for column in API_KEYS.c if column.name != "sha256"]
    asked = sa.select(*columns).order_by(API_KEYS.c.api_key.desc()).limit(limit)
    if before is not None:
        asked = asked.where(API_KEYS.c.api_key < before)
    rows = connection.execute(asked)
    return pd.DataFrame(rows.mappings().all(), columns=[column.name for column in columns])
