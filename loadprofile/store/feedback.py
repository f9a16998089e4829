"""Feedback: what visits found. Append-only; an entry is amended by a new one that points at it.

Of a chain of amendments the last entry counts. What was known at a moment is the last entry recorded by then,
so that nothing learns from what was found out later.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from loadprofile.errors import ConflictError, MissingColumnsError, NotFoundError, RefusedError, StoreError
from loadprofile.store.audit import audit
from loadprofile.store.columns import now, writable
from loadprofile.store.meter_tables import METERS
from loadprofile.store.meters import key_of, locked
from loadprofile.store.work_tables import CASE_METERS, FEEDBACK, OUTCOMES, VISITS
from loadprofile.verdicts import CAUSES, Cause

LONGEST_TEXT, LONGEST_NAME = 10_000, 200
MOST = 1e12
"""Energy and money of one visit, at most: more is a slip of the pen."""

EARLIEST_ZONE = timedelta(hours=14)
"""How far local days are ahead of UTC, at most: today's visit in Auckland is not of tomorrow."""

UNTOLD = ("no_access", "inconclusive")
"""Outcomes that tell nothing: somebody has to go there again."""

OTHER_CAUSES = tuple(str(cause) for cause in CAUSES if cause not in {Cause.NORMAL, Cause.FRAUD})


_CURRENCY = re.compile("[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Visit:
    """What somebody found at a meter.

    Attributes:
        meter_id: which meter.
        outcome: one of ``OUTCOMES``.
        visited_on: local day of the visit.
        visited_by: who was there.
        cause: with ``other_cause_confirmed``: which of ``OTHER_CAUSES``.
        kind: with ``fraud_confirmed``: kind of fraud, in the field's words; else of the fault, if told.
        kwh_recovered: energy billed because of it.
        money_recovered: money that came back, in ``currency``.
        currency: three capital letters.
        notes: free text.
        case_key: the case it belongs to; if None that of the entry it amends, else the meter's open case, of
            fraud first.
        visit_key: the proposal it answers; if None that of the entry it amends, else the meter's last one
            before the visit to which no visit found anything out yet.

    Raises:
        RefusedError: values that contradict one another or say nothing.
    """

    meter_id: str
    outcome: str
    visited_on: date
    visited_by: str
    cause: str | None = None
    kind: str | None = None
    kwh_recovered: float | None = None
    money_recovered: float | None = None
    currency: str | None = None
    notes: str = ""
    case_key: int | None = None
    visit_key: int | None = None

    def __post_init__(self) -> None:
        if self.outcome not in OUTCOMES:
            raise RefusedError("outcome", self.outcome, f"is none of {', '.join(OUTCOMES)}")
        if (self.outcome == "other_cause_confirmed") != (self.cause is not None):
            raise RefusedError("cause", self.cause, "goes with other_cause_confirmed, and only with it")
        if self.cause is not None and self.cause not in OTHER_CAUSES:
            raise RefusedError("cause", self.cause, f"is none of {', '.join(OTHER_CAUSES)}")
        if self.outcome == "fraud_confirmed" and not self.kind:
            raise RefusedError("kind", self.kind, "of the fraud is needed with fraud_confirmed")
        for name in ("kwh_recovered", "money_recovered"):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and 0 <= value <= MOST):
                raise RefusedError(name, value, f"is no amount from 0 to {MOST:g}")
        if self.money_recovered is not None and not self.currency:
            raise RefusedError("currency", self.currency, "is needed with money_recovered")
        if self.currency is not None and not _CURRENCY.fullmatch(self.currency):
            raise RefusedError("currency", self.currency[:40], "is no currency of three capital letters")
        for name in ("meter_id", "visited_by"):
            if not str(getattr(self, name)).strip():
                raise RefusedError(name, getattr(self, name), "is empty")
        for name, longest in (("visited_by", LONGEST_NAME), ("kind", LONGEST_NAME), ("notes", LONGEST_TEXT)):
            writable(name, getattr(self, name) or "", longest)


def record_feedback(
    connection: sa.Connection,
    visit: Visit,
    *,
    who: str,
    amends: int | None = None,
    at: datetime | None = None,
) -> tuple[int, bool]:
    """Add an entry; one that says just what another says, amended or not, is not added again.

    Args:
        connection: of ``Database.writing``.
        visit: what was found.
        who: who records it.
        amends: the entry that this one replaces; it must be the last of its chain and of the same meter.
        at: when it became known; now by default.

    Returns:
        its key, and whether it is new.

    Raises:
        NotFoundError: no such meter, case, proposal or entry.
        ConflictError: the entry was amended already, or is of another meter.
        RefusedError: a visit in the future.
    """
    moment = now(at)
    if visit.visited_on > (moment + EARLIEST_ZONE).date():
        raise RefusedError("visited_on", visit.visited_on.isoformat(), "is in the future")
    meter = key_of(connection, visit.meter_id)
    locked(connection, [meter])
    values = {name: value for name, value in asdict(visit).items() if name != "meter_id"}
    values |= {"meter_key": meter, "amends": amends}
    if amends is not None:
        _may_be_amended(connection, amends, meter)
    links = _links(connection, visit if amends is None else _as_amended(connection, visit, amends), meter)
    same = [FEEDBACK.c[name] == value if value is not None else FEEDBACK.c[name].is_(None)
            for name, value in values.items() if name not in {"case_key", "visit_key"}]  # fmt: skip
    known = connection.execute(sa.select(FEEDBACK.c.feedback_key).where(*same)).scalar()
    if known is not None:
        return int(known), False
    row = values | links | {"recorded_at": moment, "recorded_by": who}
    made = connection.execute(FEEDBACK.insert().values(**row))
    key = int(made.inserted_primary_key[0])  # type: ignore[index]
    if links["case_key"] is not None:
        told = {"feedback_key": key, "outcome": visit.outcome, "amends": amends}
        audit(connection, who, "reported", "case", links["case_key"], after=told, at=moment)
    return key, True


def present(as_of: datetime | None = None) -> sa.ColumnElement[bool]:
    """Condition: the last of its chain, as known at a moment."""
    later = FEEDBACK.alias()
    known = [later.c.amends == FEEDBACK.c.feedback_key]
    if as_of is not None:
        known.append(later.c.recorded_at <= as_of)
    return ~sa.select(later.c.feedback_key).where(*known).exists()


def _may_be_amended(connection: sa.Connection, amends: int, meter: int) -> None:
    row = connection.execute(
        sa.select(FEEDBACK.c.meter_key, present().label("last")).where(FEEDBACK.c.feedback_key == amends)
    ).first()
    if row is None:
        raise NotFoundError("feedback", amends)
    if row.meter_key != meter:
        raise ConflictError("feedback", amends, "is about another meter")
    if not row.last:
        raise ConflictError("feedback", amends, "was amended already; amend the entry that did")


def _as_amended(connection: sa.Connection, visit: Visit, amends: int) -> Visit:
    """With the case and the proposal of the entry that it amends, where it names none."""
    asked = sa.select(FEEDBACK.c.case_key, FEEDBACK.c.visit_key).where(FEEDBACK.c.feedback_key == amends)
    row = connection.execute(asked).one()
    case_key = row.case_key if visit.case_key is None else visit.case_key
    return replace(
        visit, case_key=case_key, visit_key=row.visit_key if visit.visit_key is None else visit.visit_key
    )


def _links(connection: sa.Connection, visit: Visit, meter: int) -> dict[str, int | None]:
    """The case and the proposal that an entry belongs to.

    A proposal that was answered is of no later visit: who goes there again has another reason, and counts
    with another probability than the draw's.
    """
    case_key, visit_key = visit.case_key, visit.visit_key
    mine = sa.select(CASE_METERS.c.case_key).where(CASE_METERS.c.meter_key == meter)
    if case_key is None:
        case_key = connection.execute(
            mine.where(CASE_METERS.c.is_open)
            .order_by((CASE_METERS.c.cause == Cause.FRAUD).desc(), CASE_METERS.c.case_key.desc())
            .limit(1)
        ).scalar()
    elif connection.execute(mine.where(CASE_METERS.c.case_key == case_key)).first() is None:
        raise NotFoundError(f"case of meter {visit.meter_id}", case_key)
    proposals = sa.select(VISITS.c.visit_key).where(VISITS.c.meter_key == meter)
    if visit_key is None:
        evening = datetime.combine(visit.visited_on, time.max, UTC)
        answered = sa.select(FEEDBACK.c.feedback_key).where(
            FEEDBACK.c.meter_key == meter, FEEDBACK.c.visit_key == VISITS.c.visit_key,
            FEEDBACK.c.outcome.not_in(UNTOLD), present(),
        )  # fmt: skip
        visit_key = connection.execute(
            proposals.where(VISITS.c.proposed_at <= evening, ~answered.exists())
            .order_by(VISITS.c.visit_key.desc())
            .limit(1)
        ).scalar()
    elif connection.execute(proposals.where(VISITS.c.visit_key == visit_key)).first() is None:
        raise NotFoundError(f"proposal for meter {visit.meter_id}", visit_key)
    return {"case_key": case_key, "visit_key": visit_key}


@dataclass(frozen=True, slots=True)
class FeedbackRecorded:
    """What became of the rows of a batch.

    Attributes:
        accepted, repeated: how many were added, and how many were known word for word.
        rejected: ``(row from 1, reason)``.
        ignored: columns that say nothing about a visit.
    """

    accepted: int
    repeated: int
    rejected: tuple[tuple[int, str], ...]
    ignored: tuple[str, ...] = ()


def record_feedback_frame(
    connection: sa.Connection, frame: pd.DataFrame, *, who: str, at: datetime | None = None
) -> FeedbackRecorded:
    """Add a batch; columns as the attributes of ``Visit``, and ``amends``. A bad row does not end it.

    Raises:
        MissingColumnsError: without ``meter_id, outcome, visited_on, visited_by``.
    """
    needed = [name for name in ("meter_id", "outcome", "visited_on", "visited_by") if name not in frame]
    if needed:
        raise MissingColumnsError("feedback", needed, frame.columns)
    known = [field.name for field in fields(Visit)] + ["amends"]
    accepted = repeated = 0
    rejected: list[tuple[int, str]] = []
    for number, row in enumerate(frame.to_dict("records"), start=1):
        given = {name: row[name] for name in known if name in row and not _blank(row[name])}
        try:
            amends = _whole("amends", given.pop("amends", None))
            with connection.begin_nested():
                _, new = record_feedback(connection, _visit(given), who=who, amends=amends, at=at)
        except (StoreError, TypeError, ValueError) as reason:
            rejected.append((number, _missing(given) or str(reason)))
        else:
            accepted, repeated = accepted + new, repeated + (not new)
    ignored = tuple(str(name) for name in frame.columns if name not in known)
    return FeedbackRecorded(accepted, repeated, tuple(rejected), ignored)


def _missing(given: dict[Any, Any]) -> str:
    gone = [name for name in ("meter_id", "outcome", "visited_on", "visited_by") if name not in given]
    return f"no {', no '.join(gone)}" if gone else ""


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip()) or bool(pd.isna(value))


def _whole(name: str, value: Any) -> int | None:
    if value is None:
        return None
    number = float(value)
    if number != int(number):
        raise RefusedError(name, value, "is no key")
    return int(number)


def _visit(given: dict[Any, Any]) -> Visit:
    values = dict(given)
    values["visited_on"] = _day(values["visited_on"])
    for name in ("case_key", "visit_key"):
        values[name] = _whole(name, values.get(name))
    for name in ("kwh_recovered", "money_recovered"):
        values[name] = None if values.get(name) is None else float(values[name])
    texts = ("meter_id", "outcome", "visited_by", "cause", "kind", "currency", "notes")
    plain: dict[str, Any] = {k: str(v).strip() if k in texts else v for k, v in values.items()}
    if plain.get("currency"):
        plain["currency"] = plain["currency"].upper()
    return Visit(**plain)


def _day(value: Any) -> date:
    """A day as ISO 8601 writes it; of 03/05/2024 nobody could say which month it means."""
    if isinstance(value, date):
        return value.date() if isinstance(value, datetime) else value
    try:
        return date.fromisoformat(value.strip())
    except (AttributeError, ValueError):
        raise RefusedError("visited_on", str(value)[:40], "is no day such as 2024-05-03") from None


def feedback(
    connection: sa.Connection,
    *,
    meter_ids: Sequence[str] | None = None,
    case_key: int | None = None,
    as_of: datetime | None = None,
    amended: bool = False,
    after: int | None = None,
    limit: int | None = None,
) -> pd.DataFrame:
    """Entries with ``meter_id`` and the proposal's ``reason`` and ``propensity``, oldest first.

    Args:
        connection: of ``Database.reading``.
        meter_ids: of these meters.
        case_key: of this case.
        as_of: as known at that moment; None = now.
        amended: also entries that were replaced by later ones.
        after: only those that come after this ``feedback_key``.
        limit: no more than so many; None = all.
    """
    asked = (
        sa.select(METERS.c.meter_id, FEEDBACK, VISITS.c.reason, VISITS.c.propensity)
        .join(METERS, METERS.c.meter_key == FEEDBACK.c.meter_key)
        .outerjoin(VISITS, VISITS.c.visit_key == FEEDBACK.c.visit_key)
    )
    if meter_ids is not None:
        asked = asked.where(METERS.c.meter_id.in_(meter_ids))
    if case_key is not None:
        asked = asked.where(FEEDBACK.c.case_key == case_key)
    if as_of is not None:
        asked = asked.where(FEEDBACK.c.recorded_at <= as_of)
    if not amended:
        asked = asked.where(present(as_of))
    if after is not None:
        asked = asked.where(FEEDBACK.c.feedback_key > after)
    rows = connection.execute(asked.order_by(FEEDBACK.c.feedback_key).limit(limit)).mappings().all()
    return pd.DataFrame(rows, columns=["meter_id", *FEEDBACK.c.keys(), "reason", "propensity"])


def labels(connection: sa.Connection, as_of: datetime | None = None) -> pd.DataFrame:
    """What is known of causes, to learn from: ``meter_id, cause, kind, visited_on, known_at, propensity``.

    ``fraud`` where fraud was confirmed, the other cause where one was, ``normal`` where nothing was found.
    Visits that told nothing (inconclusive, no access) or no cause (right to raise) are left out.
    """
    entries = feedback(connection, as_of=as_of)
    cause = entries["cause"].astype(object)
    cause = cause.mask(entries["outcome"] == "fraud_confirmed", str(Cause.FRAUD))
    cause = cause.mask(entries["outcome"] == "nothing_found", str(Cause.NORMAL))
    told = entries["outcome"].isin(["fraud_confirmed", "other_cause_confirmed", "nothing_found"])
    frame = entries.assign(cause=cause)[told]
    names = ["meter_id", "cause", "kind", "visited_on", "recorded_at", "propensity"]
    return frame[names].rename(columns={"recorded_at": "known_at"}).reset_index(drop=True)
