"""Keys and logins: nothing that opens the door is kept, and what is ended stays ended."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from recorded import DAY, HOUR, NOON

from loadprofile.errors import ConflictError, NotFoundError, OptionError, RefusedError
from loadprofile.store import logins
from loadprofile.store.access import Caller, caller_of, issue_key, list_keys, note_use, revoke_key
from loadprofile.store.access_tables import API_KEYS, SESSIONS, USERS
from loadprofile.store.audit import audit_log
from loadprofile.store.database import Database
from loadprofile.store.logins import (
    FAILURES,
    PAUSE,
    add_user,
    compared,
    disable_user,
    list_users,
    log_in,
    log_out,
    session_of,
    set_password,
    stored_hash,
)

WORD = "correct horse battery"


def test_a_key_opens_until_it_is_revoked_and_is_nowhere_kept(database: Database) -> None:
    with database.writing() as connection:
        key = issue_key(connection, "crew 7", "field", who="ann", at=NOON)
        prefix = key.split("_")[1]
        assert caller_of(connection, key) == Caller("crew 7", "field", prefix)
        for wrong in (key[:-1], key + "x", key.replace(prefix, "0" * 12), "", "lp_x", "lp__", prefix):
            assert caller_of(connection, wrong) is None
        (row,) = connection.execute(sa.select(API_KEYS)).mappings()
        assert key.split("_", 2)[2] not in str(dict(row))
        revoke_key(connection, prefix, who="ann")
        assert caller_of(connection, key) is None
        with pytest.raises(NotFoundError):
            revoke_key(connection, prefix, who="ann")
        with pytest.raises(OptionError):
            issue_key(connection, "x", "king", who="ann")
        assert audit_log(connection, subject="api key")["what"].tolist() == ["issued", "revoked"]
        assert "sha256" not in list_keys(connection)


def test_a_key_expires_and_its_use_is_noted_once_a_minute(database: Database) -> None:
    with database.writing() as connection:
        key = issue_key(connection, "x", "analyst", who="ann", expires_at=NOON + DAY, at=NOON)
        assert caller_of(connection, key, at=NOON + HOUR) is not None
        assert caller_of(connection, key, at=NOON + DAY) is None
        prefix = key.split("_")[1]
        note_use(connection, prefix, at=NOON)
        note_use(connection, prefix, at=NOON + HOUR / 120)
        assert list_keys(connection)["last_used_at"].tolist() == [NOON]
        note_use(connection, prefix, at=NOON + HOUR)
        assert list_keys(connection)["last_used_at"].tolist() == [NOON + HOUR]


def test_a_session_begins_and_ends(database: Database) -> None:
    with database.writing() as connection:
        add_user(connection, "eve", "analyst", WORD, who="ann", at=NOON)
        session = log_in(connection, "eve", WORD, hours=2, at=NOON)
        assert session.caller == Caller("eve", "analyst", "user:eve")
        found = session_of(connection, session.token, at=NOON + HOUR)
        assert (found.csrf, found.caller) == (session.csrf, session.caller)
        assert session_of(connection, session.token, at=NOON + 2 * HOUR) is None
        assert session_of(connection, session.token + "x", at=NOON) is None
        kept = str([connection.execute(sa.select(table)).all() for table in (SESSIONS, USERS)])
        assert session.token not in kept
        assert WORD not in kept
        log_out(connection, session.token)
        assert session_of(connection, session.token, at=NOON) is None
        assert "password" not in list_users(connection)


def test_wrong_passwords_make_one_wait(database: Database) -> None:
    with database.writing() as connection:
        add_user(connection, "eve", "analyst", WORD, who="ann", at=NOON)
        assert log_in(connection, "nobody", WORD, at=NOON) is None
        for _ in range(FAILURES):
            assert log_in(connection, "eve", WORD + "!", at=NOON) is None
        assert log_in(connection, "eve", WORD, at=NOON) is None  # right, but too early
        assert log_in(connection, "eve", WORD, at=NOON + PAUSE) is not None
        assert "was locked out" in audit_log(connection, subject="user")["what"].tolist()


def test_a_new_password_and_a_disabled_user_end_all_sessions(database: Database) -> None:
    with database.writing() as connection:
        add_user(connection, "eve", "analyst", WORD, who="ann")
        first = log_in(connection, "eve", WORD)
        set_password(connection, "eve", WORD * 2, who="eve")
        assert session_of(connection, first.token) is None
        assert log_in(connection, "eve", WORD) is None
        second = log_in(connection, "eve", WORD * 2)
        disable_user(connection, "eve", who="ann")
        assert session_of(connection, second.token) is None
        assert log_in(connection, "eve", WORD * 2) is None


def test_a_guess_costs_a_moment_and_memory(real_hasher: PasswordHasher) -> None:
    assert real_hasher.memory_cost >= 64 * 1024
    assert real_hasher.time_cost >= 3
    assert real_hasher.type.name == "ID"


def test_a_password_is_compared_before_the_record_is_held(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.writing() as connection:
        add_user(connection, "eve", "analyst", WORD, who="ann")
    with database.reading() as connection:
        guess, nobody = (compared(stored_hash(connection, name), WORD) for name in ("eve", "nobody"))
    assert guess.right
    assert not nobody.right
    monkeypatch.setattr(logins, "compared", None)
    with database.writing() as connection:
        assert log_in(connection, "eve", WORD, guess=guess) is not None
        assert log_in(connection, "nobody", WORD, guess=nobody) is None
    monkeypatch.undo()
    with database.writing() as connection:
        set_password(connection, "eve", WORD * 2, who="eve")
        assert log_in(connection, "eve", WORD, guess=guess) is None, "it fitted a hash that is gone"


def test_names_roles_and_passwords_are_checked(database: Database) -> None:
    with database.writing() as connection:
        add_user(connection, "eve", "field", WORD, who="ann")
        for name, role, word, error in (
            ("eve", "field", WORD, ConflictError), ("bob", "king", WORD, OptionError),
            ("bob", "field", "short", RefusedError), (" ", "field", WORD, RefusedError),
            ("bob", "field", "x" * 1001, RefusedError),
        ):  # fmt: skip
            with pytest.raises(error):
                add_user(connection, name, role, word, who="ann")
        with pytest.raises(NotFoundError):
            set_password(connection, "bob", WORD, who="ann")
