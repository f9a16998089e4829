"""Meters: their keys in the record, and what is known of them besides readings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.dialects import postgresql, sqlite

from loadprofile.errors import ConflictError, NotFoundError, RefusedError
from loadprofile.ingest.clock import clock_of
from loadprofile.store.access_tables import AUDIT
from loadprofile.store.audit import audit
from loadprofile.store.columns import now
from loadprofile.store.database import parts_of
from loadprofile.store.meter_tables import CUSTOMER, METERS, TOPOLOGY

FACTS = ("tariff", "category", "latitude", "longitude")
"""What may be told of a meter and changed later (the audit log keeps what it was)."""

LONGEST_ID = 200


def keys_of(connection: sa.Connection, meter_ids: Iterable[str], kind: str = CUSTOMER) -> dict[str, int]:
    """Key of each meter that is recorded; others are left out."""
    found: dict[str, int] = {}
    for part in parts_of(sorted(set(meter_ids))):
        asked = sa.select(METERS.c.meter_id, METERS.c.meter_key)
        rows = connection.execute(asked.where(METERS.c.kind == kind, METERS.c.meter_id.in_(part)))
        found.update((name, key) for name, key in rows)
    return found


def key_of(connection: sa.Connection, meter_id: str, kind: str = CUSTOMER) -> int:
    """Key of one meter.

    Raises:
        NotFoundError: it is not recorded.
    """
    found = keys_of(connection, [meter_id], kind)
    if meter_id not in found:
        raise NotFoundError("meter", meter_id)
    return found[meter_id]


def names_of(connection: sa.Connection, meter_keys: Iterable[int]) -> dict[int, str]:
    """Id of each meter key."""
    found: dict[int, str] = {}
    for part in parts_of(sorted(set(meter_keys))):
        rows = connection.execute(
            sa.select(METERS.c.meter_key, METERS.c.meter_id).where(METERS.c.meter_key.in_(part))
        )
        found.update((key, name) for key, name in rows)
    return found


def ensure_meters(
    connection: sa.Connection,
    meter_ids: Iterable[str],
    *,
    kind: str = CUSTOMER,
    timezone: str | None = None,
    at: datetime | None = None,
) -> dict[str, int]:
    """Keys of meters, made where they are new.

    Args:
        connection: of ``Database.writing``.
        meter_ids: any order, repeats allowed.
        kind: ``customer`` or ``feeder``.
        timezone: of their readings; None leaves it open until readings come.
        at: moment of creation, now by default.

    Raises:
        RefusedError: an id that is empty, too long or holds control characters; an unknown zone.
        ConflictError: a meter whose readings are known in another zone.
    """
    names = sorted(set(meter_ids))
    for name in names:
        if not name.strip() or len(name) > LONGEST_ID or not name.isprintable():
            raise RefusedError("meter_id", name[:40], "empty, too long or with control characters")
    if timezone is not None:
        _zone(timezone)
    values = [{"kind": kind, "meter_id": name, "timezone": timezone, "created_at": now(at)} for name in names]
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    known = keys_of(connection, names, kind)
    if len(known) < len(names):
        # in sorted order, so that two writers wait for one another and do not block each other
        new = [row for row in values if row["meter_id"] not in known]
        connection.execute(insert(METERS).on_conflict_do_nothing(), new)
        known = keys_of(connection, names, kind)
    if timezone is not None:
        _one_zone(connection, known, timezone)
    return known


def _one_zone(connection: sa.Connection, known: Mapping[str, int], timezone: str) -> None:
    for part in parts_of(sorted(known.values())):
        mine = METERS.c.meter_key.in_(part)
        other = sa.select(METERS.c.meter_id, METERS.c.timezone).where(mine, METERS.c.timezone != timezone)
        found = connection.execute(other).first()
        if found is not None:
            raise ConflictError("meter", found[0], f"its readings are in zone {found[1]}, not {timezone}")
        connection.execute(
            sa.update(METERS).where(mine, METERS.c.timezone.is_(None)).values(timezone=timezone)
        )


def _zone(timezone: str) -> None:
    try:
        clock_of(timezone)
    except (KeyError, ValueError, OSError) as reason:
        raise RefusedError("timezone", timezone, "no such zone") from reason


def locked(connection: sa.Connection, meter_keys: Iterable[int]) -> None:
    """Hold meters until the end of the transaction, so that their versions are written one after another.

    SQLite has one writer at a time anyway.
    """
    if connection.dialect.name == "sqlite":
        return
    for part in parts_of(sorted(set(meter_keys))):
        rows = sa.select(METERS.c.meter_key).where(METERS.c.meter_key.in_(part)).order_by(METERS.c.meter_key)
        connection.execute(rows.with_for_update(key_share=False)).all()


def tell_meters(
    connection: sa.Connection, facts: Sequence[Mapping[str, Any]], *, who: str, at: datetime | None = None
) -> int:
    """Record what is known of meters: ``meter_id`` and any of ``FACTS`` and ``timezone``.

    Meters that are new are made; what changes is audited.

    Returns:
        how many meters changed.

    Raises:
        RefusedError: another name, or coordinates off the globe.
    """
    changed = 0
    for fact in facts:
        values = {name: value for name, value in fact.items() if name != "meter_id"}
        unknown = set(values) - {*FACTS, "timezone"}
        if unknown:
            raise RefusedError("meter", sorted(unknown), f"is none of {', '.join(FACTS)}, timezone")
        for name, most in (("latitude", 90.0), ("longitude", 180.0)):
            if values.get(name) is not None and not abs(float(values[name])) <= most:
                raise RefusedError(name, values[name], f"not within -{most:g}..{most:g}")
        name = str(fact["meter_id"])
        key = ensure_meters(connection, [name], timezone=values.pop("timezone", None), at=at)[name]
        if not values:
            continue
        row = connection.execute(sa.select(METERS).where(METERS.c.meter_key == key)).mappings().one()
        before = {name: row[name] for name in values}
        if before == values:
            continue
        connection.execute(sa.update(METERS).where(METERS.c.meter_key == key).values(**values))
        audit(connection, who, "told", "meter", name, before=before, after=values, at=at)
        changed += 1
    return changed


def as_told(connection: sa.Connection, meter: Mapping[Any, Any], as_of: datetime) -> dict[Any, Any]:
    """The row of a customer's meter with its ``FACTS`` as they were known at a moment.

    There are no versions of them: the audit log keeps what each change found.
    """
    later = (
        sa.select(AUDIT.c.before)
        .where(
            AUDIT.c.subject == "meter", AUDIT.c.subject_key == meter["meter_id"], AUDIT.c.what == "told",
            AUDIT.c.at > as_of,
        )
        .order_by(AUDIT.c.audit_key.desc())
    )  # fmt: skip
    out = dict(meter)
    for before in connection.execute(later).scalars():
        out |= {name: value for name, value in (before or {}).items() if name in FACTS}
    return out


def list_meters(
    connection: sa.Connection, *, kind: str = CUSTOMER, after: str = "", limit: int = 100
) -> pd.DataFrame:
    """Meters in the order of their ids, one page: the table's columns and the present ``feeder_id``."""
    latest = (
        sa.select(TOPOLOGY.c.feeder_id)
        .where(TOPOLOGY.c.meter_key == METERS.c.meter_key, TOPOLOGY.c.superseded_at.is_(None))
        .order_by(TOPOLOGY.c.since.desc())
        .limit(1)
        .scalar_subquery()
        .label("feeder_id")
    )
    rows = connection.execute(
        sa.select(METERS, latest)
        .where(METERS.c.kind == kind, METERS.c.meter_id > after)
        .order_by(METERS.c.meter_id)
        .limit(limit)
    )
    return pd.DataFrame(rows.mappings().all(), columns=[*METERS.c.keys(), "feeder_id"])


def meter_array(names: Mapping[str, int], meter_ids: NDArray[np.str_]) -> NDArray[np.int64]:
    """``(n,)`` key of each meter id."""
    return np.array([names[name] for name in meter_ids.tolist()], dtype=np.int64)
