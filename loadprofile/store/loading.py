"""Reading stored profiles back, as they were known at any moment.

``load_profiles`` gives one cube per interval length and time zone; ``profile_batches`` the same for fleets,
so many meters at a time over the same days, so that memory holds one batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from loadprofile.ingest.clock import clock_of
from loadprofile.profiles import TALLY, LoadProfiles
from loadprofile.store.columns import day_number, unpacked
from loadprofile.store.database import MANY, parts_of
from loadprofile.store.meter_tables import CUSTOMER, METERS, READING_DAYS, RECEIPTS

Day = date | np.datetime64
BATCH = 500
"""Meters in a batch."""


@dataclass(frozen=True, slots=True)
class Group:
    """Meters whose stored readings have one interval length and one zone, and the days they have."""

    step_minutes: int
    timezone: str
    meter_ids: tuple[str, ...]
    meter_keys: tuple[int, ...]
    first_day: int
    last_day: int


def as_known(table: sa.Table, as_of: datetime | None) -> sa.ColumnElement[bool]:
    """Condition on a table with versions: the ones that were the last word at ``as_of`` (None = now)."""
    if as_of is None:
        return table.c.superseded_at.is_(None)
    return sa.and_(
        table.c.known_at <= as_of,
        sa.or_(table.c.superseded_at.is_(None), table.c.superseded_at > as_of),
    )


def stored_groups(
    connection: sa.Connection,
    meter_ids: Iterable[str] | None = None,
    first: Day | None = None,
    last: Day | None = None,
    as_of: datetime | None = None,
    *,
    kind: str = CUSTOMER,
) -> tuple[Group, ...]:
    """What there is to load, finest interval first; arguments as of ``load_profiles``."""
    days = READING_DAYS
    asked = (
        sa.select(
            days.c.step, METERS.c.timezone, METERS.c.meter_id, METERS.c.meter_key,
            sa.func.min(days.c.day).label("low"), sa.func.max(days.c.day).label("high"),
        )
        .join(METERS, METERS.c.meter_key == days.c.meter_key)
        .where(METERS.c.kind == kind, as_known(days, as_of), *_within(first, last))
        .group_by(days.c.step, METERS.c.timezone, METERS.c.meter_id, METERS.c.meter_key)
        .order_by(days.c.step, METERS.c.timezone, METERS.c.meter_id)
    )  # fmt: skip
    if meter_ids is None:
        rows: list[Any] = list(connection.execute(asked).all())
    else:
        rows = []
        for part in parts_of(sorted(set(meter_ids))):
            rows += connection.execute(asked.where(METERS.c.meter_id.in_(part))).all()
    groups: dict[tuple[int, str], list[Any]] = {}
    for row in rows:
        groups.setdefault((row.step, row.timezone), []).append(row)
    return tuple(
        Group(
            step, zone, tuple(r.meter_id for r in some), tuple(r.meter_key for r in some),
            min(r.low for r in some), max(r.high for r in some),
        )
        for (step, zone), some in sorted(groups.items())
    )  # fmt: skip


def load_profiles(
    connection: sa.Connection,
    meter_ids: Iterable[str] | None = None,
    first: Day | None = None,
    last: Day | None = None,
    as_of: datetime | None = None,
    *,
    kind: str = CUSTOMER,
) -> tuple[LoadProfiles, ...]:
    """Stored readings as cubes, finest interval first.

    Args:
        connection: of ``Database.reading`` (one consistent view) or ``writing``.
        meter_ids: which meters; None = all. Unknown ones, and those without readings, are left out.
        first: local day; None = as far back as there are readings.
        last: local day, included; None = as far as there are readings.
        as_of: what was known at that moment; None = what is known now.
        kind: ``customer`` or ``feeder``.

    Returns:
        one cube per interval length and zone. A meter whose interval length changed stands in two of them,
        each with its days. ``row_tally`` counts submissions that brought something new, and of the days
        asked for or not: what is repeated over the wire is no fault of a meter.
    """
    groups = stored_groups(connection, meter_ids, first, last, as_of, kind=kind)
    return tuple(_cube(connection, group, range(len(group.meter_ids)), as_of) for group in groups)


def profile_batches(
    connection: sa.Connection, group: Group, as_of: datetime | None = None, size: int = BATCH
) -> Iterator[LoadProfiles]:
    """The meters of a group, ``size`` at a time, all over the group's days."""
    for rows in parts_of(range(len(group.meter_ids)), size):
        yield _cube(connection, group, rows, as_of)


def _within(first: Day | None, last: Day | None) -> list[sa.ColumnElement[bool]]:
    out = []
    if first is not None:
        out.append(READING_DAYS.c.day >= day_number(first))
    if last is not None:
        out.append(READING_DAYS.c.day <= day_number(last))
    return out


def _cube(
    connection: sa.Connection, group: Group, rows: Sequence[int], as_of: datetime | None
) -> LoadProfiles:
    step, slots = group.step_minutes, 1440 // group.step_minutes
    low, d = group.first_day, group.last_day - group.first_day + 1
    ids = [group.meter_ids[row] for row in rows]
    keys = np.array([group.meter_keys[row] for row in rows], dtype=np.int64)
    kwh = np.full((len(ids), d, slots), np.nan, dtype=np.float32)
    folded = np.zeros(len(ids))
    tally = np.zeros((len(ids), len(TALLY)), dtype=np.int64)
    order = np.argsort(keys)
    days = READING_DAYS.c
    for at in range(0, len(order), MANY):
        part = order[at : at + MANY]
        mine = keys[part]
        asked = sa.select(days.meter_key, days.day, days.kwh, days.folded_kwh).where(
            days.meter_key.in_(mine.tolist()),
            days.day.between(low, group.last_day),
            days.step == step,
            as_known(READING_DAYS, as_of),
        )
        found = connection.execute(asked).all()
        if found:
            meter, day, blobs, out = zip(*found, strict=True)
            place = part[np.searchsorted(mine, np.array(meter))]
            kwh[place, np.array(day) - low] = unpacked(list(blobs), slots)
            np.add.at(folded, place, np.array(out))
        _tally(connection, mine, part, step, as_of, tally)
    exists = clock_of(group.timezone).exists(low, d, step)
    calendar = np.arange(low, low + d).astype("datetime64[D]")
    return LoadProfiles(
        np.array(ids, dtype=np.str_), calendar, kwh, step, group.timezone, exists, tally, folded
    )


def _tally(
    connection: sa.Connection,
    keys: NDArray[np.int64],
    place: NDArray[np.intp],
    step: int,
    as_of: datetime | None,
    tally: NDArray[np.int64],
) -> None:
    got = RECEIPTS.c
    sums = [sa.func.sum(got[name]) for name in ("folded", "missing", "duplicate", "conflicting", "rejected")]
    used = sa.func.sum(got.accepted)
    asked = (
        sa.select(got.meter_key, used, *sums, sa.func.sum(got.negative))
        .where(
            got.meter_key.in_(keys.tolist()),
            got.step == step,
            got.accepted + got.corrected + got.conflicting > 0,
            *([] if as_of is None else [got.known_at <= as_of]),
        )
        .group_by(got.meter_key)
    )
    for key, *counts in connection.execute(asked):
        tally[place[np.searchsorted(keys, key)]] = [int(count) for count in counts]
