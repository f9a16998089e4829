"""What is known beside the readings: events, registers, outages, topology, invoices, each with its history.

They go in as frames with the columns of ``loadprofile.ingest.context``; moments without a zone are local to
``timezone`` and kept in UTC. The rules are those of readings: the same again is *repeated*, a blank is filled
in, another value *conflicts* unless it comes as a correction, and nothing that was known is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray

from loadprofile.errors import MissingColumnsError, RefusedError
from loadprofile.ingest.clock import Clock, clock_of
from loadprofile.store.audit import audit
from loadprofile.store.columns import day_number, now
from loadprofile.store.database import insert_rows, parts_of
from loadprofile.store.meter_tables import EVENTS, INVOICES, OUTAGES, REGISTERS, TOPOLOGY
from loadprofile.store.meters import ensure_meters, locked

CONFLICTS_SHOWN = 1000
METERS_TOLD = 100
"""Meters that the audit log names of one submission."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A table of facts: the columns that say which fact, and those that say what it is."""

    table: sa.Table
    keys: Mapping[str, str]  # column of the frame -> column of the table
    values: Mapping[str, str]
    defaults: Mapping[str, Any]


_KINDS = {
    "events": _Kind(
        EVENTS, {"timestamp": "at", "code": "code", "vocabulary": "vocabulary"}, {}, {"vocabulary": ""}
    ),
    "registers": _Kind(
        REGISTERS,
        {"timestamp": "at"},
        {"register_kwh": "register_kwh", "multiplier": "multiplier"},
        {"multiplier": 1.0},
    ),
    "outages": _Kind(OUTAGES, {"start": "start_at"}, {"end": "end_at"}, {"end": None}),
    "topology": _Kind(TOPOLOGY, {"since": "since"}, {"feeder_id": "feeder_id"}, {"since": "1970-01-01"}),
    "invoices": _Kind(
        INVOICES,
        {"first_day": "first_day", "last_day": "last_day"},
        {"kwh": "kwh", "amount": "amount", "currency": "currency", "basis": "basis"},
        {"amount": None, "currency": None, "basis": None},
    ),
}
_MOMENTS = {"at", "start_at", "end_at"}
_DAYS = {"since", "first_day", "last_day"}
_NUMBERS = {"register_kwh", "multiplier", "kwh", "amount"}


@dataclass(frozen=True, eq=False, slots=True)
class FactsRecorded:
    """What became of the rows of a frame; they add up.

    Attributes:
        accepted: new, or filled a blank.
        corrected: replaced another value.
        repeated: known already.
        conflicting: another value was known; turned away.
        conflicts: the first of those, ``(row of the frame, reason)``.
    """

    accepted: int = 0
    corrected: int = 0
    repeated: int = 0
    conflicting: int = 0
    conflicts: tuple[tuple[int, str], ...] = ()


@dataclass(slots=True)
class _Known:
    version: int
    known_at: datetime
    values: tuple[Any, ...]
    stored: bool  # in the database, not only in this frame
    changed: bool = False


def record_facts(
    connection: sa.Connection,
    kind: str,
    frame: pd.DataFrame,
    known_at: datetime | None = None,
    *,
    timezone: str = "UTC",
    correct: bool = False,
    who: str = "system",
) -> FactsRecorded:
    """Record a frame of facts, all of it or nothing; meters that are new are made.

    Args:
        connection: of ``Database.writing``.
        kind: ``events`` (``meter_id, timestamp, code[, vocabulary]``), ``registers`` (``meter_id, timestamp,
            register_kwh[, multiplier]``), ``outages`` (``meter_id, start, end``), ``topology``
            (``meter_id, feeder_id[, since]``) or ``invoices`` (``meter_id, first_day, last_day, kwh[, amount,
            currency, basis]``, days included).
        frame: the rows.
        known_at: when they became known; now by default.
        timezone: zone of moments without one.
        correct: whether other values replace known ones (audited).
        who: on whose behalf.

    Raises:
        MissingColumnsError: a needed column is not there.
        RefusedError: an empty key, a number that is not finite, or days in the wrong order.
    """
    spec = _KINDS[kind]
    moment = now(known_at)
    ids, keys, values = _columns(kind, spec, frame, timezone)
    if not len(frame):
        return FactsRecorded()
    meters = ensure_meters(connection, ids, at=moment)
    locked(connection, meters.values())
    known = _known(connection, spec, sorted(meters.values()))
    counts = dict.fromkeys(("accepted", "corrected", "repeated", "conflicting"), 0)
    conflicts: list[tuple[int, str]] = []
    corrected: dict[str, None] = {}
    for row, (name, key, value) in enumerate(zip(ids, keys, values, strict=True)):
        at = (meters[name], *key)
        there = known.get(at)
        if there is None:
            known[at] = _Known(0, moment, value, stored=False, changed=True)
            counts["accepted"] += 1
            continue
        pairs = list(zip(there.values, value, strict=True))
        differs = any(old is not None and new is not None and old != new for old, new in pairs)
        fills = any(old is None and new is not None for old, new in pairs)
        if differs and not correct:
            counts["conflicting"] += 1
            if len(conflicts) < CONFLICTS_SHOWN:
                conflicts.append((row, _contradiction(spec, name, key, there.values, value)))
        elif differs or fills:
            if differs:
                corrected[name] = None
            there.values = tuple(old if new is None else new for old, new in pairs)
            there.changed = True
            counts["corrected" if differs else "accepted"] += 1
        else:
            counts["repeated"] += 1
    _write(connection, spec, known, moment)
    if counts["accepted"] or corrected:
        told = {name: counts[name] for name in ("accepted", "corrected") if counts[name]}
        named = list(corrected or dict.fromkeys(ids))
        what = "corrected" if corrected else "submitted"
        audit(connection, who, what, kind, named[0], after=told | {"meters": named[:METERS_TOLD]}, at=moment)
    return FactsRecorded(**counts, conflicts=tuple(conflicts))


def _contradiction(
    spec: _Kind, meter_id: str, key: tuple[Any, ...], known: tuple[Any, ...], given: tuple[Any, ...]
) -> str:
    """Which fact of which meter, and what of it is known otherwise; in the columns' names of the frame."""
    which = " ".join(_said(column, value) for column, value in zip(spec.keys.values(), key, strict=True))
    differs = [
        f"{name} is known as {_said(column, old)}, given as {_said(column, new)}"
        for (name, column), old, new in zip(spec.values.items(), known, given, strict=True)
        if old is not None and new is not None and old != new
    ]
    return f"{meter_id}, {which}: {'; '.join(differs)}"


def _said(column: str, value: Any) -> str:
    if column in _DAYS:
        return str(np.datetime64(value, "D"))
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _known(connection: sa.Connection, spec: _Kind, meter_keys: list[int]) -> dict[tuple[Any, ...], _Known]:
    table, keys, values = spec.table, tuple(spec.keys.values()), tuple(spec.values.values())
    out = {}
    for part in parts_of(meter_keys):
        rows = connection.execute(
            sa.select(table).where(table.c.meter_key.in_(part), table.c.superseded_at.is_(None))
        ).mappings()
        for row in rows:
            at = (row["meter_key"], *(row[name] for name in keys))
            what = tuple(row[name] for name in values)
            out[at] = _Known(row["version"], row["known_at"], what, stored=True)
    return out


def _write(
    connection: sa.Connection, spec: _Kind, known: Mapping[tuple[Any, ...], _Known], moment: datetime
) -> None:
    table, keys = spec.table, ("meter_key", *spec.keys.values())
    changed = {at: what for at, what in known.items() if what.changed}
    closed = [
        {f"of_{name}": value for name, value in zip(keys, at, strict=True)}
        | {"of_version": what.version, "closed": max(moment, what.known_at)}
        for at, what in changed.items()
        if what.stored
    ]
    if closed:
        mine = [table.c[name] == sa.bindparam(f"of_{name}") for name in (*keys, "version")]
        connection.execute(sa.update(table).where(*mine).values(superseded_at=sa.bindparam("closed")), closed)
    names = (*keys, *spec.values.values(), "version", "known_at")
    insert_rows(
        connection,
        table,
        names,
        [(*at, *w.values, w.version + 1, max(moment, w.known_at)) for at, w in changed.items()],
    )


def _columns(
    kind: str, spec: _Kind, frame: pd.DataFrame, timezone: str
) -> tuple[list[str], list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Meter ids, keys and values of each row as plain Python values."""
    wanted = {**spec.keys, **spec.values}
    missing = [name for name in ("meter_id", *wanted) if name not in frame and name not in spec.defaults]
    if missing:
        raise MissingColumnsError(kind, missing, frame.columns)
    taken = {}
    for name, column in wanted.items():
        if name in frame:
            given = frame[name]
        else:
            given = pd.Series([spec.defaults[name]] * len(frame), index=frame.index, dtype=object)
        taken[column] = _plain(column, given, timezone)
    for column in spec.keys.values():
        if any(value is None for value in taken[column]):
            raise RefusedError(f"{kind}.{column}", None, "an empty cell")
    ids = [str(value) for value in frame["meter_id"].tolist()]
    if kind == "invoices" and any(a > b for a, b in zip(taken["first_day"], taken["last_day"], strict=True)):
        raise RefusedError("invoices.last_day", "", "before the first day")
    keys = list(zip(*(taken[c] for c in spec.keys.values()), strict=True))
    values = list(zip(*(taken[c] for c in spec.values.values()), strict=True)) or [()] * len(ids)
    return ids, keys, values


def _plain(column: str, given: pd.Series[Any], timezone: str) -> list[Any]:
    if column in _MOMENTS:
        return instants(given, timezone)
    if column in _DAYS:
        days = _stamps(given)
        return [None if pd.isna(day) else day_number(day.date()) for day in days]
    if column in _NUMBERS:
        try:
            numbers = pd.to_numeric(given).astype("float64")
        except (ValueError, TypeError) as reason:
            raise RefusedError(column, "a cell", f"is no number: {reason}") from reason
        if np.isinf(numbers.to_numpy()).any():
            raise RefusedError(column, "infinite", "is no quantity")
        return [None if np.isnan(number) else number for number in numbers.tolist()]
    if column == "vocabulary":
        return ["" if pd.isna(text) else str(text) for text in given.tolist()]
    return [None if pd.isna(text) or str(text) == "" else str(text) for text in given.tolist()]


def instants(given: pd.Series[Any], timezone: str) -> list[datetime | None]:
    """Moments as instants; those without a zone are wall-clock time of ``timezone``.

    Of an hour that the clock showed twice the first pass is meant.
    """
    stamps = _stamps(given)
    if stamps.dt.tz is None:
        wall = stamps.to_numpy().astype("datetime64[us]")
        clock = clock_of(timezone)
        minutes = np.where(np.isnat(wall), 0, wall.astype("datetime64[m]").astype(np.int64))
        turn = np.searchsorted(clock.at + clock.offset[:-1], minutes, side="right")
        stamps = pd.Series(wall - clock.offset[turn].astype("timedelta64[m]")).dt.tz_localize("UTC")
    return [None if pd.isna(stamp) else now(stamp.to_pydatetime()) for stamp in stamps]


def _stamps(given: pd.Series[Any]) -> pd.Series[Any]:
    try:
        return pd.to_datetime(given, format="ISO8601")
    except (ValueError, TypeError) as reason:
        raise RefusedError(str(given.name), "a cell", f"is no moment: {reason}") from reason


def local(moments: list[datetime | None], clock: Clock) -> NDArray[np.datetime64]:
    """``(n,)`` datetime64[s] wall-clock time of instants; NaT for None."""
    seconds = np.array([0 if m is None else int(m.timestamp()) for m in moments], dtype=np.int64)
    turn = np.searchsorted(clock.at, seconds // 60, side="right")
    wall = (seconds + 60 * clock.offset[turn]).astype("datetime64[s]")
    wall[[m is None for m in moments]] = np.datetime64("NaT")
    return np.asarray(wall)
