"""Commands of the service: ``loadprofile serve | work | migrate | backup | restore | keys | users``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from api.http.settings import Settings
    from loadprofile.store.database import Database

WHO = "command line"

DatabaseUrl = Annotated[
    str | None,
    typer.Option(help="Path or URL of the record (default: LOADPROFILE_DATABASE, else loadprofile.db)."),
]
Role = Annotated[str, typer.Option(help="analyst, field or operator.")]

keys = typer.Typer(help="API keys of the service.", no_args_is_help=True)
users = typer.Typer(help="People who sign in to the page.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add the commands of the service to the program."""
    for command in (serve, work, migrate, backup, restore):
        app.command()(command)
    app.add_typer(keys, name="keys")
    app.add_typer(users, name="users")


def settings_with(**given: Any) -> Settings:
    """Settings: what was given, then variables, then defaults.

    Raises:
        OptionError: a value that makes no sense.
    """
    from pydantic import ValidationError

    from api.http.settings import Settings
    from loadprofile.errors import OptionError

    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(at) for at in first["loc"])
        raise OptionError(name, first["input"], first["msg"]) from None


@contextmanager
def opened(database: str | None) -> Iterator[Database]:
    """The record, at the version of this program.

    Raises:
        StoreError: it is not there, or of another version.
    """
    from loadprofile.store.database import open_database
    from loadprofile.store.migrating import check_version

    record = open_database(settings_with(database=database).database)
    try:
        check_version(record)
        yield record
    finally:
        record.close()


def serve(
    host: Annotated[str | None, typer.Option(help="Where to listen (default 127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="Port (default 8000).")] = None,
    database: DatabaseUrl = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes for jobs; 0: none here.")] = None,
    processes: Annotated[int | None, typer.Option(help="Processes that answer requests.")] = None,
    behind_proxy: Annotated[
        bool | None, typer.Option("--behind-proxy", help="Believe X-Forwarded-* of a proxy on this machine.")
    ] = None,
) -> None:
    """Run the service: record, API and page. The first start prints one operator key."""
    from api.http.serving import run

    chosen = settings_with(
        host=host, port=port, database=database, workers=workers, processes=processes,
        behind_proxy=behind_proxy,
    )  # fmt: skip
    run(chosen, typer.echo)


def work(database: DatabaseUrl = None) -> None:
    """Run one worker alone: it does the jobs that were asked of the service on the same record."""
    from api.http.serving import log_in_lines
    from api.jobs.worker import work as do_jobs

    log_in_lines()
    do_jobs(settings_with(database=database))


def migrate(database: DatabaseUrl = None) -> None:
    """Bring the record to the version of this program; make it if it is not there."""
    from loadprofile.store import migrating

    typer.echo(f"tables of version {migrating.migrate(settings_with(database=database).database)}")


def backup(
    path: Annotated[Path, typer.Argument(help="File to write.")], database: DatabaseUrl = None
) -> None:
    """Write the whole record to one file; others may go on working."""
    from loadprofile.store import archive

    with opened(database) as record:
        rows = archive.backup(record, path)
    typer.echo(f"{path}: {sum(rows.values()):,} rows of {len(rows)} tables; guard it like the record")


def restore(
    path: Annotated[Path, typer.Argument(help="File that backup wrote.")], database: DatabaseUrl = None
) -> None:
    """Fill an empty record from a backup."""
    from loadprofile.store import archive

    rows = archive.restore(path, settings_with(database=database).database)
    typer.echo(f"{sum(rows.values()):,} rows of {len(rows)} tables restored")


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="Who will use it.")],
    role: Role = "analyst",
    days: Annotated[int | None, typer.Option(min=1, max=36500, help="Days after which it ends.")] = None,
    database: DatabaseUrl = None,
) -> None:
    """Make a key and print it, once: the record holds only a hash of it."""
    from loadprofile.store.access import issue_key

    until = None if days is None else datetime.now(UTC) + timedelta(days=days)
    with opened(database) as record, record.writing() as connection:
        secret = issue_key(connection, printable("name", name), role, who=WHO, expires_at=until)
    typer.echo(secret)


@keys.command("list")
def list_all_keys(database: DatabaseUrl = None) -> None:
    """List keys, revoked ones too; never the keys themselves."""
    from loadprofile.store.access import list_keys

    with opened(database) as record, record.reading() as connection:
        frame = list_keys(connection)
    columns = ["prefix", "name", "role", "created_at", "expires_at", "revoked_at", "last_used_at"]
    _print(frame[columns])


@keys.command("revoke")
def revoke_one_key(
    prefix: Annotated[str, typer.Argument(help="As the list shows it.")], database: DatabaseUrl = None
) -> None:
    """End a key for good."""
    from loadprofile.store.access import revoke_key

    with opened(database) as record, record.writing() as connection:
        revoke_key(connection, prefix.removeprefix("lp_"), who=WHO)
    typer.echo(f"key {prefix} is revoked")


def _new_password() -> str:
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password


@users.command("create")
def create_user(
    name: Annotated[str, typer.Argument(help="Name to sign in with.")],
    role: Role = "analyst",
    database: DatabaseUrl = None,
) -> None:
    """Add a person; the password is asked for and kept as an argon2id hash."""
    from loadprofile.store.logins import add_user

    _with_password(
        database, lambda connection, word: add_user(connection, printable("name", name), role, word, who=WHO)
    )
    typer.echo(f"user {name} may sign in")


@users.command("password")
def change_password(
    name: Annotated[str, typer.Argument(help="Whose.")], database: DatabaseUrl = None
) -> None:
    """Set another password; open sessions end."""
    from loadprofile.store.logins import set_password

    _with_password(database, lambda connection, word: set_password(connection, name, word, who=WHO))
    typer.echo(f"user {name} has another password")


@users.command("list")
def list_all_users(database: DatabaseUrl = None) -> None:
    """List people who may sign in, and those who no longer may."""
    from loadprofile.store.logins import list_users

    with opened(database) as record, record.reading() as connection:
        frame = list_users(connection)
    _print(frame[["name", "role", "created_at", "disabled_at", "locked_until"]])


@users.command("disable")
def disable_one_user(
    name: Annotated[str, typer.Argument(help="Whom.")], database: DatabaseUrl = None
) -> None:
    """Let a person in no more; open sessions end."""
    from loadprofile.store.logins import disable_user

    with opened(database) as record, record.writing() as connection:
        disable_user(connection, name, who=WHO)
    typer.echo(f"user {name} is disabled")


def _with_password(database: str | None, write: Callable[[Any, str], None]) -> None:
    with opened(database) as record:
        password = _new_password()
        with record.writing() as connection:
            write(connection, password)


def printable(what: str, text: str) -> str:
    """A text fit to be shown in lists.

    Raises:
        RefusedError: it is empty, long, or holds control characters.
    """
    from loadprofile.errors import RefusedError

    if not text.strip() or len(text) > 100 or not text.isprintable():
        raise RefusedError(what, text[:40], "1 to 100 printable characters")
    return text


def _print(frame: Any) -> None:
    typer.echo(frame.astype(object).where(frame.notna(), "").to_string(index=False))
