"""What people do with cases: take the next, assign, snooze, suppress, comment, move, close."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from loadprofile.errors import ConflictError, OptionError
from loadprofile.store.audit import audit
from loadprofile.store.cases import CaseFilters, case, change, conditions, text_of
from loadprofile.store.columns import now
from loadprofile.store.work_tables import CASES


def take_next(
    connection: sa.Connection, analyst: str, filters: CaseFilters | None = None, *, at: datetime | None = None
) -> dict[str, Any] | None:
    """The most urgent new case that nobody has, now this analyst's; None where there is none.

    Two analysts never get the same: SQLite lets one writer in at a time, PostgreSQL skips rows that another
    transaction holds.
    """
    moment = now(at)
    wanted = replace(filters or CaseFilters(), states=("new",), assignee=None)
    free = (
        sa.select(CASES.c.case_key)
        .where(*conditions(wanted, moment), CASES.c.assignee.is_(None))
        .order_by(CASES.c.priority.desc(), CASES.c.case_key)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    key = connection.execute(free).scalar()
    if key is None:
        return None
    change(
        connection, key, {"state": "assigned", "assignee": analyst, "snoozed_until": None}, "took",
        who=analyst, at=moment,
    )  # fmt: skip
    return case(connection, key)


def assign(
    connection: sa.Connection,
    case_key: int,
    assignee: str | None,
    *,
    who: str,
    expected: int | None = None,
    at: datetime | None = None,
) -> int:
    """Give a case to somebody, or to nobody (None: it is new again); the new version.

    Raises:
        ConflictError: it is closed: nobody would find it in a list.
    """
    state = case(connection, case_key)["state"]
    if state == "closed":
        raise ConflictError("case", case_key, "is closed; open it again first")
    values: dict[str, Any] = {"assignee": assignee}
    if assignee is None:
        values["state"] = "new"
    elif state in {"new", "waiting_for_data"}:
        values["state"] = "assigned"
    return change(connection, case_key, values, "assigned", who=who, expected=expected, at=at)


def move(
    connection: sa.Connection,
    case_key: int,
    state: str,
    *,
    who: str,
    expected: int | None = None,
    comment: str | None = None,
    at: datetime | None = None,
) -> int:
    """Move a case to another state (``cases.TRANSITIONS``); closing goes through ``close``, too."""
    if state == "closed":
        return close(connection, case_key, comment or "closed", who=who, expected=expected, at=at)
    values: dict[str, Any] = {"state": state}
    if case(connection, case_key)["state"] == "closed":
        values |= {"closed_at": None, "resolution": None, "assignee": None}
    if state == "new":
        values["assignee"] = None
    return change(connection, case_key, values, "moved", who=who, expected=expected, comment=comment, at=at)


def close(
    connection: sa.Connection,
    case_key: int,
    resolution: str,
    *,
    who: str,
    expected: int | None = None,
    at: datetime | None = None,
) -> int:
    """Close a case with what came of it, in a word or two; the new version."""
    values = {"state": "closed", "closed_at": now(at), "resolution": text_of(resolution, "resolution")}
    return change(connection, case_key, values, "closed", who=who, expected=expected, at=at)


def snooze(
    connection: sa.Connection,
    case_key: int,
    until: datetime,
    reason: str,
    *,
    who: str,
    expected: int | None = None,
    at: datetime | None = None,
) -> int:
    """Leave a case out of the lists until a moment; then it is back by itself.

    Raises:
        OptionError: the moment is past.
        RefusedError: no reason given.
    """
    if now(until) <= now(at):
        raise OptionError("until", until.isoformat(), "is past")
    values = {"snoozed_until": now(until), "snooze_reason": text_of(reason, "reason")}
    return change(connection, case_key, values, "snoozed", who=who, expected=expected, comment=reason, at=at)


def wake(
    connection: sa.Connection,
    case_key: int,
    *,
    who: str,
    expected: int | None = None,
    at: datetime | None = None,
) -> int:
    """End a snooze before its time."""
    values = {"snoozed_until": None, "snooze_reason": None}
    return change(connection, case_key, values, "woke", who=who, expected=expected, at=at)


def suppress(
    connection: sa.Connection,
    case_key: int,
    reason: str,
    *,
    who: str,
    expected: int | None = None,
    at: datetime | None = None,
) -> int:
    """Hide a case from the lists for good; it stays open and recorded, so no new one comes in its place."""
    values = {"suppressed_at": now(at), "suppress_reason": text_of(reason, "reason")}
    return change(
        connection, case_key, values, "suppressed", who=who, expected=expected, comment=reason, at=at
    )


def unsuppress(
    connection: sa.Connection,
    case_key: int,
    *,
    who: str,
    expected: int | None = None,
    at: datetime | None = None,
) -> int:
    """Show a suppressed case again."""
    values = {"suppressed_at": None, "suppress_reason": None}
    return change(connection, case_key, values, "unsuppressed", who=who, expected=expected, at=at)


def comment_on(
    connection: sa.Connection, case_key: int, comment: str, *, who: str, at: datetime | None = None
) -> None:
    """Add a comment to the history; the version stays, for nothing that could be overwritten changed."""
    case(connection, case_key)
    audit(connection, who, "commented", "case", case_key, comment=text_of(comment), at=at)
