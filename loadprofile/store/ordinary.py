"""Which meters may not be taken for ordinary: flagged ones, until somebody closed what was flagged."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from loadprofile.store.columns import now
from loadprofile.store.feedback import feedback
from loadprofile.store.meter_tables import METERS
from loadprofile.store.work_tables import CASE_METERS, CASES, FINDINGS, SCREENINGS
from loadprofile.verdicts import Cause

SOMETHING_FOUND = ("fraud_confirmed", "other_cause_confirmed", "right_to_raise")


def not_ordinary(connection: sa.Connection, as_of: datetime | None = None) -> dict[str, str]:
    """``meter_id -> reason`` of the meters that may not be learned from as ordinary ones.

    A visit found something there; or a case of it is open; or its last screening did not call it normal and
    since then neither was a case of it closed nor did a visit find nothing. All as known at a moment.

    Args:
        connection: of ``Database.reading``.
        as_of: that moment; None = now.
    """
    moment = now(as_of)
    flagged = _flagged(connection, moment)
    released = _released(connection, moment)
    entries = feedback(connection, as_of=moment)
    nothing = entries[entries["outcome"] == "nothing_found"]
    for key, told in zip(nothing["meter_key"].tolist(), nothing["recorded_at"].tolist(), strict=True):
        released[key] = max(released.get(key, told), told)
    out = {
        key: "its last screening did not call it normal"
        for key, since in flagged.items()
        if key not in released or released[key] < since
    }
    out |= dict.fromkeys(_in_open_cases(connection, moment), "a case of it is open")
    found = entries[entries["outcome"].isin(SOMETHING_FOUND)]
    out |= dict.fromkeys(found["meter_key"].tolist(), "a visit found something")
    names = connection.execute(sa.select(METERS.c.meter_key, METERS.c.meter_id)).all()
    return {row.meter_id: out[row.meter_key] for row in names if row.meter_key in out}


def _flagged(connection: sa.Connection, moment: datetime) -> dict[int, datetime]:
    """Meters whose last finding is anything but normal, and when that screening began."""
    done = (SCREENINGS.c.state == "done", SCREENINGS.c.finished_at <= moment)
    last = (
        sa.select(FINDINGS.c.meter_key, sa.func.max(FINDINGS.c.screening_key).label("screening_key"))
        .join(SCREENINGS, SCREENINGS.c.screening_key == FINDINGS.c.screening_key)
        .where(*done)
        .group_by(FINDINGS.c.meter_key)
        .subquery()
    )
    rows = connection.execute(
        sa.select(FINDINGS.c.meter_key, SCREENINGS.c.started_at)
        .join(
            last,
            sa.and_(
                last.c.meter_key == FINDINGS.c.meter_key, last.c.screening_key == FINDINGS.c.screening_key
            ),
        )
        .join(SCREENINGS, SCREENINGS.c.screening_key == FINDINGS.c.screening_key)
        .where(FINDINGS.c.cause != str(Cause.NORMAL))
    )
    return {row.meter_key: row.started_at for row in rows}


def _released(connection: sa.Connection, moment: datetime) -> dict[int, datetime]:
    """When a case of a meter was closed last."""
    rows = connection.execute(
        sa.select(CASE_METERS.c.meter_key, sa.func.max(CASES.c.closed_at).label("closed_at"))
        .join(CASES, CASES.c.case_key == CASE_METERS.c.case_key)
        .where(CASES.c.closed_at <= moment)
        .group_by(CASE_METERS.c.meter_key)
    )
    return {row.meter_key: row.closed_at for row in rows}


def _in_open_cases(connection: sa.Connection, moment: datetime) -> list[int]:
    still_open = sa.or_(CASES.c.closed_at.is_(None), CASES.c.closed_at > moment)
    rows = connection.execute(
        sa.select(CASE_METERS.c.meter_key)
        .distinct()
        .join(CASES, CASES.c.case_key == CASE_METERS.c.case_key)
        .where(CASES.c.opened_at <= moment, still_open)
    )
    return list(rows.scalars())
