"""Readings and facts out of the record, as populations to be screened: spools on disk, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from loadprofile.features.population import Context
from loadprofile.spool.store import Spool, SpoolWriter
from loadprofile.store.contexts import contexts
from loadprofile.store.database import parts_of
from loadprofile.store.loading import Group, as_known, profile_batches, stored_groups
from loadprofile.store.meter_tables import READING_DAYS


@dataclass(frozen=True, eq=False, slots=True)
class StoredPopulation:
    """Meters of one interval length and one zone.

    Attributes:
        group: which meters, and the days of all of them.
        spool: their readings.
        context: what is known of them besides.
    """

    group: Group
    spool: Spool
    context: Context


def groups_of(
    connection: sa.Connection,
    meter_ids: Iterable[str] | None,
    first: np.datetime64 | None,
    last: np.datetime64 | None,
    as_of: datetime,
) -> tuple[Group, ...]:
    """What there is to screen, each meter once: where its interval length changed, under the latest."""
    groups = stored_groups(connection, meter_ids, first, last, as_of)
    seen: set[int] = set()
    twice: set[int] = set()
    for group in groups:
        twice |= seen & set(group.meter_keys)
        seen |= set(group.meter_keys)
    if not twice:
        return groups
    latest = _latest_steps(connection, sorted(twice), last, as_of)
    kept = []
    for group in groups:
        rows = [
            at
            for at, key in enumerate(group.meter_keys)
            if latest.get(key, group.step_minutes) == group.step_minutes
        ]
        if rows:
            ids, keys = tuple(group.meter_ids[at] for at in rows), tuple(group.meter_keys[at] for at in rows)
            kept.append(replace(group, meter_ids=ids, meter_keys=keys))
    return tuple(kept)


def _latest_steps(
    connection: sa.Connection, keys: Sequence[int], last: np.datetime64 | None, as_of: datetime
) -> dict[int, int]:
    days = READING_DAYS.c
    out: dict[int, int] = {}
    for part in parts_of(keys):
        asked = (
            sa.select(days.meter_key, days.step, sa.func.max(days.day).label("last"))
            .where(days.meter_key.in_(part), as_known(READING_DAYS, as_of))
            .group_by(days.meter_key, days.step)
            .order_by(days.meter_key, sa.text("last"))
        )
        if last is not None:
            asked = asked.where(days.day <= int(last.astype("datetime64[D]").astype(np.int64)))
        out |= {row.meter_key: row.step for row in connection.execute(asked)}  # the latest stays
    return out


def spooled(
    connection: sa.Connection,
    groups: Sequence[Group],
    as_of: datetime,
    folder: Path,
    said: Callable[[float], None],
) -> Iterator[StoredPopulation]:
    """Each group with its readings on disk; ``said`` hears the share of all meters that was read."""
    total = sum(len(group.meter_ids) for group in groups)
    done = 0
    for group in groups:
        zone = group.timezone.replace("/", "-")
        writer = SpoolWriter(
            folder / f"{group.step_minutes}-{zone}.spool", group.step_minutes, group.timezone
        )
        for cube in profile_batches(connection, group, as_of):
            writer.add(cube)
            done += len(cube)
            said(done / total)
        yield StoredPopulation(group, writer.finish(), context_of(connection, group, as_of))


def context_of(
    connection: sa.Connection, group: Group, as_of: datetime | None, meter_ids: Iterable[str] | None = None
) -> Context:
    """What is known of the meters of a group, or of some of them (then without totals of feeders)."""
    first, last = (np.datetime64(day, "D") for day in (group.first_day, group.last_day))
    return contexts(
        connection, group.meter_ids if meter_ids is None else meter_ids, timezone=group.timezone,
        first=first, last=last, as_of=as_of, feeders=meter_ids is None,
    )  # fmt: skip
