"""Cases: what somebody works on, one open per meter and cause, or per incident.

Every change names the version it was made from (``expected``): who was slower gets ``StaleError`` and nothing
is overwritten. Every change stands in the audit log, which is the history of the case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from loadprofile.errors import (
    ConflictError,
    NotFoundError,
    OptionError,
    RefusedError,
    StaleError,
    TransitionError,
)
from loadprofile.store.audit import audit, audit_log
from loadprofile.store.columns import now, writable
from loadprofile.store.findings import finding
from loadprofile.store.meter_tables import METERS
from loadprofile.store.meters import keys_of, locked
from loadprofile.store.work_tables import CASE_METERS, CASE_STATES, CASES
from loadprofile.verdicts import CAUSES, UNDECIDED
from loadprofile.worklist import QUEUES

TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    "new": ("assigned", "waiting_for_data", "closed"),
    "assigned": ("new", "in_field", "waiting_for_data", "closed"),
    "in_field": ("assigned", "waiting_for_data", "closed"),
    "waiting_for_data": ("new", "assigned", "closed"),
    "closed": ("new",),
}
"""What a state may become; a closed case that opens again begins as new."""

LONGEST_TEXT = 10_000
MOST_ROWS = 1000


@dataclass(frozen=True, slots=True)
class CaseFilters:
    """Which cases are wanted; None = any.

    Attributes:
        states: one of these states.
        causes: one of these causes.
        queues: one of these queues.
        assignee: whose.
        feeder_id: on this feeder when it was opened.
        meter_id: with this meter among its own.
        opened_by_then: opened at this moment or earlier.
        asleep: also the snoozed ones.
        suppressed: also the suppressed ones.
    """

    states: tuple[str, ...] | None = None
    causes: tuple[str, ...] | None = None
    queues: tuple[str, ...] | None = None
    assignee: str | None = None
    feeder_id: str | None = None
    meter_id: str | None = None
    opened_by_then: datetime | None = None
    asleep: bool = False
    suppressed: bool = False


def open_case(
    connection: sa.Connection,
    meter_ids: Sequence[str],
    cause: str,
    *,
    who: str,
    screening_key: int | None = None,
    incident_id: str | None = None,
    priority: float = 0.0,
    onset: str | None = None,
    feeder_id: str | None = None,
    as_of: datetime | None = None,
    at: datetime | None = None,
) -> tuple[int, bool]:
    """Open a case, or find the open one that has one of these meters with this cause already.

    Meters of an incident that no open case has yet join the case that is found.

    Args:
        connection: of ``Database.writing``.
        meter_ids: one meter, or all of an incident.
        cause: one of the six causes, or ``undecided``.
        who: who opens it.
        screening_key: the screening that found it.
        incident_id: its incident there.
        priority: expected recovery, kWh; the next case is the one with the highest.
        onset: local ISO day or moment.
        feeder_id: feeder of its meter.
        as_of: what was known then led to it; can be shown again. Now by default.
        at: moment of opening.

    Returns:
        its key, and whether it is new.

    Raises:
        NotFoundError: a meter that is not recorded.
        OptionError: no such cause.
    """
    if cause not in (*CAUSES, UNDECIDED):
        raise OptionError("cause", cause, "is none of the causes")
    moment = now(at)
    names = sorted(set(meter_ids))
    keys = keys_of(connection, names)
    if not names or len(keys) < len(names):
        raise NotFoundError("meter", min(set(names) - set(keys), default="at all"))
    locked(connection, keys.values())
    mine = sa.and_(
        CASE_METERS.c.meter_key.in_(keys.values()), CASE_METERS.c.cause == cause, CASE_METERS.c.is_open
    )
    taken = connection.execute(sa.select(CASE_METERS.c.meter_key, CASE_METERS.c.case_key).where(mine)).all()
    free = sorted(set(keys.values()) - {key for key, _ in taken})
    if taken:
        case_key, new = min(case for _, case in taken), False
        if free:
            names = [name for name, key in keys.items() if key in set(free)]
            audit(connection, who, "joined", "case", case_key, after={"meters": names}, at=moment)
    else:
        known = now(as_of or moment)
        values = {
            "version": 1, "cause": cause, "queue": QUEUES[cause], "incident_id": incident_id,
            "feeder_id": feeder_id, "state": "new", "priority": float(priority), "onset": onset,
            "screening_key": screening_key, "as_of": known, "opened_at": moment,
            "opened_by": who, "changed_at": moment,
        }  # fmt: skip
        made = connection.execute(CASES.insert().values(**values))
        case_key, new = int(made.inserted_primary_key[0]), True  # type: ignore[index]
        told = {"cause": cause, "meters": names, "state": "new", "as_of": known}
        audit(connection, who, "opened", "case", case_key, after=told, at=moment)
    rows = [{"case_key": case_key, "meter_key": key, "cause": cause, "is_open": True} for key in free]
    if rows:
        connection.execute(CASE_METERS.insert(), rows)
    return case_key, new


def open_for_finding(
    connection: sa.Connection,
    meter_id: str,
    *,
    who: str,
    screening_key: int | None = None,
    at: datetime | None = None,
) -> tuple[int, bool]:
    """Open the case of a finding: of its meter, or of all meters of its incident; see ``open_case``.

    Raises:
        NotFoundError: nothing was found about this meter.
    """
    from loadprofile.store.findings import screening
    from loadprofile.store.work_tables import FINDINGS

    found = finding(connection, meter_id, screening_key)
    of = found["screening_key"]
    ids, priority = [meter_id], found["expected_recovery"]
    if found["incident_id"]:
        rows = connection.execute(
            sa.select(METERS.c.meter_id, FINDINGS.c.expected_recovery)
            .join(METERS, METERS.c.meter_key == FINDINGS.c.meter_key)
            .where(
                FINDINGS.c.screening_key == of,
                FINDINGS.c.incident_id == found["incident_id"],
                FINDINGS.c.cause == found["cause"],
            )
        ).all()
        ids, priority = [row.meter_id for row in rows], sum(row.expected_recovery for row in rows)
    return open_case(
        connection, ids, found["cause"], who=who, screening_key=of, incident_id=found["incident_id"],
        priority=priority, onset=found["onset"], feeder_id=found["feeder_id"],
        as_of=screening(connection, of)["as_of"], at=at,
    )  # fmt: skip


def case(connection: sa.Connection, case_key: int) -> dict[str, Any]:
    """A case: its row and ``meter_ids``.

    Raises:
        NotFoundError: there is none.
    """
    row = connection.execute(sa.select(CASES).where(CASES.c.case_key == case_key)).mappings().first()
    if row is None:
        raise NotFoundError("case", case_key)
    names = connection.execute(
        sa.select(METERS.c.meter_id)
        .join(CASE_METERS, CASE_METERS.c.meter_key == METERS.c.meter_key)
        .where(CASE_METERS.c.case_key == case_key)
        .order_by(METERS.c.meter_id)
    )
    return {**row, "meter_ids": list(names.scalars())}


def conditions(filters: CaseFilters, moment: datetime) -> list[sa.ColumnElement[bool]]:
    """The filters as conditions on the table of cases."""
    out: list[sa.ColumnElement[bool]] = []
    for column, values in (
        (CASES.c.state, filters.states), (CASES.c.cause, filters.causes), (CASES.c.queue, filters.queues),
    ):  # fmt: skip
        if values is not None:
            out.append(column.in_(values))
    for column, wanted in ((CASES.c.assignee, filters.assignee), (CASES.c.feeder_id, filters.feeder_id)):
        if wanted is not None:
            out.append(column == wanted)
    if filters.meter_id is not None:
        mine = sa.select(CASE_METERS.c.case_key).join(METERS, METERS.c.meter_key == CASE_METERS.c.meter_key)
        out.append(CASES.c.case_key.in_(mine.where(METERS.c.meter_id == filters.meter_id)))
    if filters.opened_by_then is not None:
        out.append(CASES.c.opened_at <= filters.opened_by_then)
    if not filters.asleep:
        out.append(sa.or_(CASES.c.snoozed_until.is_(None), CASES.c.snoozed_until <= moment))
    if not filters.suppressed:
        out.append(CASES.c.suppressed_at.is_(None))
    return out


def list_cases(
    connection: sa.Connection,
    filters: CaseFilters | None = None,
    *,
    limit: int = 50,
    after: tuple[float, int] | None = None,
    at: datetime | None = None,
) -> pd.DataFrame:
    """Cases, highest priority first; the next page begins ``after`` the last row's (priority, case_key)."""
    if not 1 <= limit <= MOST_ROWS + 1:  # one more than a page tells that others follow
        raise OptionError("limit", limit, f"is not in 1..{MOST_ROWS + 1}")
    asked = sa.select(CASES).where(*conditions(filters or CaseFilters(), now(at)))
    if after is not None:
        priority, key = float(after[0]), int(after[1])  # numpy's numbers are none to the drivers
        same = sa.and_(CASES.c.priority == priority, CASES.c.case_key > key)
        asked = asked.where(sa.or_(CASES.c.priority < priority, same))
    rows = connection.execute(asked.order_by(CASES.c.priority.desc(), CASES.c.case_key).limit(limit))
    return pd.DataFrame(rows.mappings().all(), columns=list(CASES.c.keys()))


def cases_by_state(connection: sa.Connection) -> dict[str, int]:
    """How many cases are in each state, those asleep or suppressed included; 0 where none is."""
    asked = sa.select(CASES.c.state, sa.func.count()).group_by(CASES.c.state)
    return dict.fromkeys(CASE_STATES, 0) | {state: int(n) for state, n in connection.execute(asked)}


def change(
    connection: sa.Connection,
    case_key: int,
    values: Mapping[str, Any],
    what: str,
    *,
    who: str,
    expected: int | None = None,
    comment: str | None = None,
    at: datetime | None = None,
) -> int:
    """Compare and set: change some columns if the case is still at version ``expected`` (None = any).

    Returns:
        the new version.

    Raises:
        NotFoundError: no such case.
        StaleError: it is at another version.
        TransitionError: ``values`` has a state that it may not become.
        ConflictError: it would be a second open case for a meter and cause.
        RefusedError: a comment that is too long or holds control characters.
    """
    moment = now(at)
    if comment is not None:
        writable("comment", comment, LONGEST_TEXT)
    held = sa.select(CASES).where(CASES.c.case_key == case_key).with_for_update()
    before = connection.execute(held).mappings().first()
    if before is None:
        raise NotFoundError("case", case_key)
    if expected is not None and before["version"] != expected:
        raise StaleError("case", case_key, expected, before["version"])
    state = values.get("state", before["state"])
    if state != before["state"] and state not in TRANSITIONS[before["state"]]:
        raise TransitionError("case", case_key, before["state"], state, TRANSITIONS[before["state"]])
    version = before["version"] + 1
    connection.execute(
        sa.update(CASES)
        .where(CASES.c.case_key == case_key)
        .values(**values, version=version, changed_at=moment)
    )
    if (state == "closed") != (before["state"] == "closed"):
        _open_meters(connection, case_key, is_open=state != "closed")
    was = {name: before[name] for name in values}
    audit(connection, who, what, "case", case_key, before=was, after=dict(values), comment=comment, at=moment)
    return int(version)


def _open_meters(connection: sa.Connection, case_key: int, *, is_open: bool) -> None:
    mine = CASE_METERS.c.case_key == case_key
    if is_open:
        other = CASE_METERS.alias()
        taken = sa.select(other.c.case_key).where(
            other.c.is_open,
            other.c.cause == CASE_METERS.c.cause,
            other.c.meter_key == CASE_METERS.c.meter_key,
        )
        found = connection.execute(sa.select(CASE_METERS.c.case_key).where(mine, taken.exists())).first()
        if found is not None:
            raise ConflictError("case", case_key, "another open case has one of its meters with this cause")
    connection.execute(sa.update(CASE_METERS).where(mine).values(is_open=is_open))


def text_of(comment: str | None, name: str = "comment") -> str:
    """A comment or reason that says something.

    Raises:
        RefusedError: it is empty or too long, or holds control characters.
    """
    text = (comment or "").strip()
    if not text:
        raise RefusedError(name, "", "is empty")
    return writable(name, text, LONGEST_TEXT)


def history(
    connection: sa.Connection, case_key: int, *, after_key: int = 0, limit: int = 1000
) -> pd.DataFrame:
    """What happened to a case, oldest first: ``audit_key, at, who, what, before, after, comment``."""
    case(connection, case_key)
    log = audit_log(connection, subject="case", subject_key=case_key, after_key=after_key, limit=limit)
    return log.drop(columns=["subject", "subject_key"])


assert set(TRANSITIONS) == set(CASE_STATES)
