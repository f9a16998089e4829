"""People who use the page: passwords as argon2id hashes, sessions that end, a pause after wrong guesses."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd
import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from loadprofile.errors import ConflictError, NotFoundError, RefusedError
from loadprofile.store.access import Caller, checked_role, sha256
from loadprofile.store.access_tables import SESSIONS, USERS
from loadprofile.store.audit import audit
from loadprofile.store.columns import now

HASHER = PasswordHasher()
SHORTEST, LONGEST = 12, 1000
FAILURES = 5
"""Wrong passwords in a row after which a user has to wait."""

PAUSE = timedelta(minutes=5)
SESSION_HOURS = 12

_NOBODY = HASHER.hash(secrets.token_urlsafe(16))


@dataclass(frozen=True, slots=True)
class Session:
    """A login: the secret ``token`` of the cookie (known only when it begins), ``csrf``, who, until when."""

    token: str
    csrf: str
    caller: Caller
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Guess:
    """A password held against a hash: which hash, whether it fits, and a hash by today's costs if due."""

    stored: str | None
    right: bool
    renewed: str | None = None


def _checked(password: str) -> str:
    if not SHORTEST <= len(password) <= LONGEST:
        raise RefusedError("password", "...", f"has not {SHORTEST} to {LONGEST} characters")
    return HASHER.hash(password)


def add_user(
    connection: sa.Connection, name: str, role: str, password: str, *, who: str, at: datetime | None = None
) -> None:
    """Add a person.

    Raises:
        ConflictError: the name is taken.
        RefusedError: an empty name or a short password.
    """
    if not name.strip() or not name.isprintable():
        raise RefusedError("name", name[:40], "is empty or holds control characters")
    if connection.execute(sa.select(USERS.c.user_key).where(USERS.c.name == name)).first() is not None:
        raise ConflictError("user", name, "is there already")
    connection.execute(
        USERS.insert().values(
            name=name, role=checked_role(role), password=_checked(password), created_at=now(at)
        )
    )
    audit(connection, who, "added", "user", name, after={"role": role}, at=at)


def set_password(
    connection: sa.Connection, name: str, password: str, *, who: str, at: datetime | None = None
) -> None:
    """Give a person another password and end all sessions."""
    key = _user(connection, name).user_key
    values = {"password": _checked(password), "failures": 0, "locked_until": None}
    connection.execute(sa.update(USERS).where(USERS.c.user_key == key).values(**values))
    connection.execute(SESSIONS.delete().where(SESSIONS.c.user_key == key))
    audit(connection, who, "changed password of", "user", name, at=at)


def disable_user(connection: sa.Connection, name: str, *, who: str, at: datetime | None = None) -> None:
    """Let a person in no more; what they did stays."""
    key = _user(connection, name).user_key
    connection.execute(sa.update(USERS).where(USERS.c.user_key == key).values(disabled_at=now(at)))
    connection.execute(SESSIONS.delete().where(SESSIONS.c.user_key == key))
    audit(connection, who, "disabled", "user", name, at=at)


def _user(connection: sa.Connection, name: str) -> sa.Row[*tuple[object, ...]]:
    row = connection.execute(sa.select(USERS).where(USERS.c.name == name)).first()
    if row is None:
        raise NotFoundError("user", name)
    return row


def stored_hash(connection: sa.Connection, name: str) -> str | None:
    """What a password is held against; None where nobody has that name."""
    found = connection.execute(sa.select(USERS.c.password).where(USERS.c.name == name)).scalar()
    return None if found is None else str(found)


def compared(stored: str | None, password: str) -> Guess:
    """Hold a password against a hash. By design it takes a moment and 64 MB, also where there is no hash.

    It needs no connection: who holds a transaction meanwhile makes all other writers wait.
    """
    right = False
    with suppress(VerificationError, InvalidHashError):
        right = HASHER.verify(_NOBODY if stored is None else stored, password) and stored is not None
    renewed = HASHER.hash(password) if right and HASHER.check_needs_rehash(str(stored)) else None
    return Guess(stored, right, renewed)


def log_in(
    connection: sa.Connection,
    name: str,
    password: str,
    *,
    guess: Guess | None = None,
    hours: float = SESSION_HOURS,
    at: datetime | None = None,
) -> Session | None:
    """Begin a session; None for a wrong name or password, a disabled user, or one who has to wait.

    The time that it takes does not tell whether the name exists. The failure is written, so the caller
    commits also where None comes back.

    Args:
        connection: of ``Database.writing``.
        name: who.
        password: theirs.
        guess: what ``compared`` found before the transaction; done again if the hash is another one by now.
        hours: until the session ends.
        at: moment of the attempt.
    """
    moment = now(at)
    row = connection.execute(sa.select(USERS).where(USERS.c.name == name).with_for_update()).first()
    stored = None if row is None else row.password
    if guess is None or guess.stored != stored:
        guess = compared(stored, password)
    if row is None or row.disabled_at is not None:
        return None
    if row.locked_until is not None and row.locked_until > moment:
        return None
    mine = sa.update(USERS).where(USERS.c.user_key == row.user_key)
    if not guess.right:
        failures = row.failures + 1
        pause = moment + PAUSE if failures >= FAILURES else None
        connection.execute(mine.values(failures=0 if pause else failures, locked_until=pause))
        if pause:
            audit(connection, name, "was locked out", "user", name, at=moment)
        return None
    values: dict[str, object] = {"failures": 0, "locked_until": None}
    if guess.renewed is not None:
        values["password"] = guess.renewed
    connection.execute(mine.values(**values))
    connection.execute(SESSIONS.delete().where(SESSIONS.c.expires_at <= moment))
    token, csrf, until = secrets.token_urlsafe(32), secrets.token_urlsafe(32), moment + timedelta(hours=hours)
    connection.execute(
        SESSIONS.insert().values(
            sha256=sha256(token), user_key=row.user_key, csrf=csrf, created_at=moment, expires_at=until
        )
    )
    return Session(token, csrf, Caller(row.name, row.role, f"user:{row.name}"), until)


def session_of(connection: sa.Connection, token: str, *, at: datetime | None = None) -> Session | None:
    """The session of a cookie; None where it is unknown or over, or the user was disabled. Reads only."""
    row = connection.execute(
        sa.select(SESSIONS.c.csrf, SESSIONS.c.expires_at, USERS.c.name, USERS.c.role)
        .join(USERS, USERS.c.user_key == SESSIONS.c.user_key)
        .where(
            SESSIONS.c.sha256 == sha256(token), SESSIONS.c.expires_at > now(at), USERS.c.disabled_at.is_(None)
        )
    ).first()
    if row is None:
        return None
    return Session(token, row.csrf, Caller(row.name, row.role, f"user:{row.name}"), row.expires_at)


def log_out(connection: sa.Connection, token: str) -> None:
    """End a session."""
    connection.execute(SESSIONS.delete().where(SESSIONS.c.sha256 == sha256(token)))


def list_users(connection: sa.Connection) -> pd.DataFrame:
    """All users by name, without their hashes."""
    columns = [column for column in USERS.c if column.name != "password"]
    rows = connection.execute(sa.select(*columns).order_by(USERS.c.name))
    return pd.DataFrame(rows.mappings().all(), columns=[column.name for column in columns])
