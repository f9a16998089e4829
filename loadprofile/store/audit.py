"""Audit log: who did what to which thing, when, and how it was before and after. Append-only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from loadprofile.store.access_tables import AUDIT
from loadprofile.store.columns import now


def audit(
    connection: sa.Connection,
    who: str,
    what: str,
    subject: str,
    subject_key: object,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    comment: str | None = None,
    at: datetime | None = None,
) -> None:
    """Write one entry, in the transaction of what it tells of: both happen or neither.

    Args:
        connection: of ``Database.writing``.
        who: user, key or program.
        what: verb in the past tense: ``opened``, ``promoted``.
        subject: kind of thing: ``case``, ``model``, ``api key``.
        subject_key: which one.
        before: what was altered, as it was; plain JSON values.
        after: the same as it is now.
        comment: free text.
        at: when; now by default.
    """
    connection.execute(
        AUDIT.insert(),
        {
            "at": now(at),
            "who": who,
            "what": what,
            "subject": subject,
            "subject_key": str(subject_key),
            "before": None if before is None else dict(before),
            "after": None if after is None else dict(after),
            "comment": comment,
        },
    )


def audit_log(
    connection: sa.Connection,
    *,
    subject: str | None = None,
    subject_key: object = None,
    who: str | None = None,
    after_key: int = 0,
    limit: int = 100,
) -> pd.DataFrame:
    """Entries in the order in which they were written, one page from ``after_key`` on."""
    asked = sa.select(AUDIT).where(AUDIT.c.audit_key > after_key)
    for column, value in (("subject", subject), ("subject_key", subject_key), ("who", who)):
        if value is not None:
            asked = asked.where(AUDIT.c[column] == str(value))
    rows = connection.execute(asked.order_by(AUDIT.c.audit_key).limit(limit))
    return pd.DataFrame(rows.mappings().all(), columns=list(AUDIT.c.keys()))
