"""Screenings and what they found: the worklist in the record, read page by page."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from loadprofile.errors import ConflictError, MissingColumnsError, NotFoundError, OptionError
from loadprofile.store.columns import day_number, now
from loadprofile.store.database import insert_rows, parts_of
from loadprofile.store.loading import Day, as_known
from loadprofile.store.meter_tables import METERS, TOPOLOGY
from loadprofile.store.meters import keys_of
from loadprofile.store.visits import at_rest
from loadprofile.store.work_tables import CASE_METERS, CASES, FINDINGS, SCREENINGS
from loadprofile.worklist import COLUMNS

SORTS = ("rank", "expected_recovery", "anomaly_score", "lost_kwh", "onset")
"""What a worklist may be sorted by: rank and onset rise, the others fall."""

MOST_ROWS = 1000
_ABSENT, _LAST = -1.0e300, "9999"
"""What a missing number and a missing onset are sorted as."""
_TEXTS = ("onset", "onset_low", "onset_high", "end", "incident_id")
_NUMBERS = ("lost_kwh", "lost_kwh_low", "lost_kwh_high")


@dataclass(frozen=True, slots=True)
class Filters:
    """Which rows of a worklist are wanted; None = any.

    Attributes:
        causes: one of these causes.
        queues: one of these queues.
        feeder_id: on this feeder at the time of the screening.
        incident_id: of this incident.
        least_score: anomaly score at least this.
        least_recovery: expected recovery at least this, kWh.
        onset_from: onset on this ISO day or later.
        onset_to: onset on this ISO day or earlier.
        assignee: meters with an open case that is this person's.
        with_case: only meters with an open case (True) or without one (False).
        meter_ids: one of these meters.
        rested_since: not visited since this day, and not proposed for a visit that nobody reported on
            (``visits.at_rest``).
        folded: of each incident only its most urgent meter among the wanted rows.
    """

    causes: tuple[str, ...] | None = None
    queues: tuple[str, ...] | None = None
    feeder_id: str | None = None
    incident_id: str | None = None
    least_score: float | None = None
    least_recovery: float | None = None
    onset_from: str | None = None
    onset_to: str | None = None
    assignee: str | None = None
    with_case: bool | None = None
    meter_ids: tuple[str, ...] | None = None
    rested_since: date | None = None
    folded: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Page:
    """Some rows, and the cursor that continues after them (None at the end)."""

    frame: pd.DataFrame
    cursor: str | None


def start_screening(
    connection: sa.Connection,
    *,
    who: str,
    model_name: str,
    model_key: int | None = None,
    settings: Mapping[str, Any] | None = None,
    as_of: datetime | None = None,
    first: Day | None = None,
    last: Day | None = None,
    at: datetime | None = None,
) -> int:
    """Note that a screening begins: who asked, with which model, on what was known when; its key."""
    moment = now(at)
    made = connection.execute(
        SCREENINGS.insert().values(
            started_at=moment,
            who=who,
            model_key=model_key,
            model_name=model_name,
            settings=dict(settings or {}),
            as_of=now(as_of or moment),
            first_day=None if first is None else day_number(first),
            last_day=None if last is None else day_number(last),
            state="running",
        )
    )
    return int(made.inserted_primary_key[0])  # type: ignore[index]


def finish_screening(
    connection: sa.Connection,
    screening_key: int,
    *,
    state: str = "done",
    error: str | None = None,
    at: datetime | None = None,
) -> None:
    """Note that it is ``done``, ``failed`` or ``cancelled``.

    Raises:
        ConflictError: it is not running.
    """
    meters = sa.select(sa.func.count()).where(FINDINGS.c.screening_key == screening_key).scalar_subquery()
    row = connection.execute(
        sa.update(SCREENINGS)
        .where(SCREENINGS.c.screening_key == screening_key, SCREENINGS.c.state == "running")
        .values(state=state, error=error, finished_at=now(at), meters=meters)
    )
    if row.rowcount != 1:
        raise ConflictError("screening", screening_key, "is not running")


def screening(connection: sa.Connection, screening_key: int | None = None) -> dict[str, Any]:
    """A screening's row; by default the last one of all meters that is done.

    One of listed meters is a population of its own and no new worklist: it is the default only while no other
    is done.

    Raises:
        NotFoundError: there is none.
    """
    asked = sa.select(SCREENINGS)
    if screening_key is None:
        some = SCREENINGS.c.settings["listed"].as_integer().is_not(None)
        last = (sa.case((some, 1), else_=0), SCREENINGS.c.screening_key.desc())
        asked = asked.where(SCREENINGS.c.state == "done").order_by(*last).limit(1)
    else:
        asked = asked.where(SCREENINGS.c.screening_key == screening_key)
    row = connection.execute(asked).mappings().first()
    if row is None:
        raise NotFoundError("screening", "that is done" if screening_key is None else screening_key)
    return dict(row)


def record_findings(connection: sa.Connection, screening_key: int, frame: pd.DataFrame) -> int:
    """Keep a worklist (``loadprofile.worklist.COLUMNS``); each meter of it once per screening.

    Returns:
        how many rows.

    Raises:
        MissingColumnsError: not a worklist.
        NotFoundError: no such screening, or a meter that is not recorded.
    """
    missing = [name for name in COLUMNS if name not in frame]
    if missing:
        raise MissingColumnsError("worklist", missing, frame.columns)
    as_of = screening(connection, screening_key)["as_of"]
    ids = frame["meter_id"].astype(str).tolist()
    keys = keys_of(connection, ids)
    if len(keys) < len(set(ids)):
        raise NotFoundError("meter", min(set(ids) - set(keys)))
    feeders = _feeders(connection, keys.values(), as_of)
    columns: dict[str, list[Any]] = {
        "screening_key": [screening_key] * len(frame),
        "meter_key": [keys[name] for name in ids],
        "feeder_id": [feeders.get(keys[name]) for name in ids],
    }
    for name in COLUMNS:
        if name == "meter_id":
            continue
        given = frame[name].tolist()
        if name in _TEXTS:
            given = [None if pd.isna(value) or value == "" else str(value) for value in given]
        elif name in _NUMBERS:
            given = [None if np.isnan(value) else value for value in given]
        columns[name] = given
    insert_rows(connection, FINDINGS, tuple(columns), list(zip(*columns.values(), strict=True)))
    return len(frame)


def discard_findings(connection: sa.Connection, screening_key: int) -> int:
    """Take back what a screening wrote that did not come to its end, so that it can begin again."""
    if screening(connection, screening_key)["state"] != "running":
        raise ConflictError("screening", screening_key, "has ended; what it found stays")
    gone = connection.execute(FINDINGS.delete().where(FINDINGS.c.screening_key == screening_key))
    return int(gone.rowcount)


def _feeders(connection: sa.Connection, keys: Iterable[int], as_of: datetime) -> dict[int, str]:
    asked = sa.select(TOPOLOGY.c.meter_key, TOPOLOGY.c.feeder_id).where(as_known(TOPOLOGY, as_of))
    found: dict[int, str] = {}
    for part in parts_of(sorted(keys)):
        rows = connection.execute(asked.where(TOPOLOGY.c.meter_key.in_(part)).order_by(TOPOLOGY.c.since))
        found.update((key, feeder) for key, feeder in rows if feeder is not None)
    return found


def findings_page(
    connection: sa.Connection,
    screening_key: int | None = None,
    filters: Filters | None = None,
    *,
    sort: str = "rank",
    limit: int = 50,
    cursor: str | None = None,
) -> Page:
    """One page of a worklist; no row comes twice or is left out while pages are turned.

    Args:
        connection: of ``Database.reading``.
        screening_key: which screening; None = the last one of all meters that is done.
        filters: which rows.
        sort: one of ``SORTS``.
        limit: rows, 1..1000.
        cursor: of the page before; it goes with the same screening and the same sort only.

    Returns:
        the worklist's columns and ``feeder_id``, ``case_key``, ``case_state``, ``assignee``.

    Raises:
        OptionError: another sort, limit, or a cursor that is not ours.
    """
    if sort not in SORTS:
        raise OptionError("sort", sort, f"is none of {', '.join(SORTS)}")
    if not 1 <= limit <= MOST_ROWS:
        raise OptionError("limit", limit, f"is not in 1..{MOST_ROWS}")
    key = screening(connection, screening_key)["screening_key"]
    rises = sort in {"rank", "onset"}
    column = FINDINGS.c[sort]
    value = column if sort in {"rank", "expected_recovery", "anomaly_score"} else sa.func.coalesce(
        column, _LAST if sort == "onset" else _ABSENT
    )  # fmt: skip
    chosen = filters or Filters()
    asked = wanted(key, chosen)
    if chosen.folded:
        each = wanted(key, chosen).where(FINDINGS.c.incident_id.is_not(None))
        firsts = each.with_only_columns(sa.func.min(FINDINGS.c.rank)).group_by(FINDINGS.c.incident_id)
        alone = FINDINGS.c.incident_id.is_(None)
        asked = asked.where(sa.or_(alone, FINDINGS.c.rank.in_(firsts.correlate(None).scalar_subquery())))
    if cursor is not None:
        mark, meter = _read_cursor(cursor, key, sort)
        past = value > mark if rises else value < mark
        same = sa.and_(value == mark, FINDINGS.c.meter_key > meter)
        asked = asked.where(sa.or_(past, same))
    asked = asked.add_columns(value.label("sorted_by")).order_by(
        value if rises else value.desc(), FINDINGS.c.meter_key
    )
    rows = connection.execute(asked.limit(limit + 1)).mappings().all()
    shown = rows[:limit]
    more = None
    if len(rows) > limit:
        words = json.dumps([key, sort, shown[-1]["sorted_by"], shown[-1]["meter_key"]])
        more = base64.urlsafe_b64encode(words.encode()).decode().rstrip("=")
    return Page(_frame([dict(row) for row in shown]), more)


def whole_worklist(connection: sa.Connection, screening_key: int | None = None) -> pd.DataFrame:
    """The worklist as it was recorded: its columns, in the order of rank."""
    key = screening(connection, screening_key)["screening_key"]
    rows = connection.execute(
        sa.select(METERS.c.meter_id, FINDINGS)
        .join(METERS, METERS.c.meter_key == FINDINGS.c.meter_key)
        .where(FINDINGS.c.screening_key == key)
        .order_by(FINDINGS.c.rank)
    ).mappings()
    return _frame([dict(row) for row in rows])[list(COLUMNS)]


def ranked_queues(connection: sa.Connection, screening_key: int, filters: Filters) -> pd.DataFrame:
    """``meter_id`` and ``queue`` of all wanted rows by rank: what visits are drawn from."""
    asked = _joined().with_only_columns(METERS.c.meter_id, FINDINGS.c.queue)
    asked = asked.where(FINDINGS.c.screening_key == screening_key, *_conditions(filters))
    rows = connection.execute(asked.order_by(FINDINGS.c.rank)).all()
    names, queues = zip(*rows, strict=True) if rows else ((), ())
    # column by column: pandas takes three times as long to take rows apart as it took to read them
    return pd.DataFrame(
        {"meter_id": pd.Series(names, dtype=object), "queue": pd.Series(queues, dtype=object)}
    )


def finding(connection: sa.Connection, meter_id: str, screening_key: int | None = None) -> dict[str, Any]:
    """What was found about one meter, evidence parsed; by default in its last finished screening.

    Raises:
        NotFoundError: nothing was found about it.
    """
    asked = _joined().where(METERS.c.meter_id == meter_id)
    if screening_key is not None:
        asked = asked.where(FINDINGS.c.screening_key == screening_key)
    else:
        asked = asked.join(SCREENINGS, SCREENINGS.c.screening_key == FINDINGS.c.screening_key).where(
            SCREENINGS.c.state == "done"
        )
    row = connection.execute(asked.order_by(FINDINGS.c.screening_key.desc()).limit(1)).mappings().first()
    if row is None:
        raise NotFoundError("finding of meter", meter_id)
    return {**row, "evidence": json.loads(row["evidence"])}


def _joined() -> sa.Select[Any]:
    """Findings with the meter's id and its open case, the one of the same cause first."""
    mine = (
        sa.select(sa.func.min(CASE_METERS.c.case_key))
        .where(CASE_METERS.c.meter_key == FINDINGS.c.meter_key, CASE_METERS.c.is_open)
        .correlate(FINDINGS)
    )
    same = mine.where(CASE_METERS.c.cause == FINDINGS.c.cause)
    open_one = sa.func.coalesce(same.scalar_subquery(), mine.scalar_subquery())
    return (
        sa.select(
            METERS.c.meter_id, FINDINGS, CASES.c.case_key, CASES.c.state.label("case_state"), CASES.c.assignee
        )
        .join(METERS, METERS.c.meter_key == FINDINGS.c.meter_key)
        .outerjoin(CASES, CASES.c.case_key == open_one)
    )


def wanted(screening_key: int, filters: Filters) -> sa.Select[Any]:
    """The rows of a screening that the filters let through (``folded`` apart), in no order."""
    return _joined().where(FINDINGS.c.screening_key == screening_key, *_conditions(filters))


def _conditions(filters: Filters) -> list[sa.ColumnElement[bool]]:
    found = FINDINGS.c
    out: list[sa.ColumnElement[bool]] = []
    for column, values in (
        (found.cause, filters.causes), (found.queue, filters.queues), (METERS.c.meter_id, filters.meter_ids),
    ):  # fmt: skip
        if values is not None:
            out.append(column.in_(values))
    for column, wanted in (
        (found.feeder_id, filters.feeder_id),
        (found.incident_id, filters.incident_id),
        (CASES.c.assignee, filters.assignee),
    ):
        if wanted is not None:
            out.append(column == wanted)
    if filters.least_score is not None:
        out.append(found.anomaly_score >= filters.least_score)
    if filters.least_recovery is not None:
        out.append(found.expected_recovery >= filters.least_recovery)
    if filters.onset_from is not None:
        out.append(found.onset >= filters.onset_from)
    if filters.onset_to is not None:
        out.append(found.onset < filters.onset_to + "T99")
    if filters.rested_since is not None:
        out.append(at_rest(found.meter_key, filters.rested_since))
    if filters.with_case is not None:
        out.append(CASES.c.case_key.is_not(None) if filters.with_case else CASES.c.case_key.is_(None))
    return out


def _read_cursor(cursor: str, screening_key: int, sort: str) -> tuple[Any, int]:
    try:
        words = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        of, by, mark, meter = words
        good = (of, by) == (screening_key, sort) and isinstance(meter, int)
        good &= isinstance(mark, str if sort == "onset" else (int, float)) and not isinstance(mark, bool)
    except (ValueError, TypeError, binascii.Error) as reason:
        raise OptionError("cursor", cursor[:40], "is not one of ours") from reason
    if not good:
        raise OptionError("cursor", cursor[:40], "belongs to another screening or sort")
    return mark, meter


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    names = [*COLUMNS, "feeder_id", "case_key", "case_state", "assignee"]
    frame = pd.DataFrame([{name: row.get(name) for name in names} for row in rows], columns=names)
    for name in _TEXTS:
        frame[name] = frame[name].where(frame[name].notna(), "").astype(object)
    for name in _NUMBERS:
        frame[name] = frame[name].astype("float64")
    return frame
