"""Commands of the service: keys and people come and go, the record is made, kept and restored."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.http.serving import prepare
from api.http.settings import Settings
from loadprofile.errors import ConflictError, NotFoundError, OptionError, RefusedError, UnreachableStoreError
from loadprofile.store.access import caller_of
from loadprofile.store.database import open_database
from loadprofile.store.logins import log_in

RUNNER = CliRunner()
PASSWORD = "correct horse battery"


def run(*words: object, typed: str | None = None) -> str:
    result = RUNNER.invoke(app, [str(word) for word in words], input=typed)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "record.db"
    assert "version" in run("migrate", "--database", path)
    return path


def role_of(record: Path, secret: str) -> str | None:
    database = open_database(record)
    with database.reading() as connection:
        caller = caller_of(connection, secret)
    database.close()
    return None if caller is None else caller.role


def test_the_first_start_makes_one_operator_key_and_no_second(tmp_path: Path) -> None:
    settings = Settings(database=str(tmp_path / "new.db"))
    secret = prepare(settings)
    assert secret is not None
    assert role_of(tmp_path / "new.db", secret) == "operator"
    assert prepare(settings) is None


def test_a_key_is_made_listed_and_revoked(record: Path) -> None:
    secret = run("keys", "create", "head-end", "--role", "field", "--days", 30, "--database", record).strip()
    assert role_of(record, secret) == "field"
    listed = run("keys", "list", "--database", record)
    prefix = secret.split("_")[1]
    assert prefix in listed
    assert secret not in listed
    run("keys", "revoke", f"lp_{prefix}", "--database", record)
    assert role_of(record, secret) is None
    with pytest.raises(NotFoundError):
        run("keys", "revoke", prefix, "--database", record)


def test_a_person_is_added_and_disabled(record: Path) -> None:
    typed = f"{PASSWORD}\n{PASSWORD}\n"
    output = run("users", "create", "ada", "--role", "analyst", "--database", record, typed=typed)
    assert PASSWORD not in output
    database = open_database(record)
    with database.writing() as connection:
        assert log_in(connection, "ada", PASSWORD) is not None
    other = "another long pass phrase"
    run("users", "password", "ada", "--database", record, typed=f"{other}\n{other}\n")
    with database.writing() as connection:
        assert log_in(connection, "ada", PASSWORD) is None
        assert log_in(connection, "ada", other) is not None
    run("users", "disable", "ada", "--database", record)
    with database.writing() as connection:
        assert log_in(connection, "ada", other) is None
    database.close()
    assert "$argon2" not in run("users", "list", "--database", record)
    with pytest.raises(ConflictError):
        run("users", "create", "ada", "--database", record, typed=typed)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("keys", "create", "a\tb"), RefusedError),
        (("keys", "create", "x", "--role", "root"), OptionError),
        (("users", "disable", "nobody"), NotFoundError),
    ],
)
def test_what_makes_no_sense(record: Path, words: tuple[str, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        run(*words, "--database", record)


def test_short_passwords_are_refused(record: Path) -> None:
    with pytest.raises(RefusedError):
        run("users", "create", "bob", "--database", record, typed="short\nshort\n")


def test_a_record_that_is_not_there_is_not_made_by_accident(tmp_path: Path) -> None:
    with pytest.raises(UnreachableStoreError):
        run("keys", "list", "--database", tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()


def test_settings_that_make_no_sense(tmp_path: Path) -> None:
    with pytest.raises(OptionError):
        run("serve", "--port", 99_999, "--database", tmp_path / "none.db")


def test_backup_and_restore(record: Path, tmp_path: Path) -> None:
    secret = run("keys", "create", "kept", "--database", record).strip()
    run("backup", tmp_path / "kept.zip", "--database", record)
    run("restore", tmp_path / "kept.zip", "--database", tmp_path / "again.db")
    assert role_of(tmp_path / "again.db", secret) == "analyst"
