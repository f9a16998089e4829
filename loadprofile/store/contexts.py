"""The optional inputs of a screening, out of the record, as they were known at any moment."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from loadprofile.features.population import Context
from loadprofile.ingest.clock import clock_of
from loadprofile.ingest.event_meanings import with_meanings
from loadprofile.profiles import LoadProfiles
from loadprofile.store.columns import day_number
from loadprofile.store.database import parts_of
from loadprofile.store.facts import local
from loadprofile.store.loading import Day, as_known, load_profiles
from loadprofile.store.meter_tables import (
    CUSTOMER,
    EVENTS,
    FEEDER,
    INVOICES,
    METERS,
    OUTAGES,
    REGISTERS,
    TOPOLOGY,
)


def contexts(
    connection: sa.Connection,
    meter_ids: Iterable[str] | None = None,
    *,
    timezone: str = "UTC",
    first: Day | None = None,
    last: Day | None = None,
    as_of: datetime | None = None,
    feeders: bool = True,
) -> Context:
    """What is known of meters besides their readings, as ``survey`` takes it.

    Args:
        connection: of ``Database.reading``.
        meter_ids: which meters; None = all.
        timezone: zone of the cube beside which it will stand; moments are wall-clock time of it.
        first: local day from which feeder totals are wanted.
        last: local day up to which they are wanted, and for which the topology holds.
        as_of: what was known at that moment; None = what is known now.
        feeders: whether to load feeder totals (those of the interval length that most feeders have).

    Returns:
        the context; a part of which nothing at all is recorded is None ("not given").
    """
    chosen = None if meter_ids is None else set(meter_ids)
    topology = _topology(connection, chosen, last, as_of)
    totals: LoadProfiles | None = None
    if feeders:
        names = None if topology is None else set(topology["feeder_id"])
        cubes = load_profiles(connection, names, first, last, as_of, kind=FEEDER)
        totals = max(cubes, key=len, default=None)
    return Context(
        events=_events(connection, chosen, timezone, as_of),
        registers=_registers(connection, chosen, timezone, as_of),
        outages=_outages(connection, chosen, timezone, as_of),
        topology=topology,
        feeders=totals,
    )


def invoices(
    connection: sa.Connection, meter_ids: Iterable[str] | None = None, as_of: datetime | None = None
) -> pd.DataFrame:
    """Bills: ``meter_id, first_day, last_day`` (included), ``kwh, amount, currency, basis``."""
    rows = _rows(connection, INVOICES, None if meter_ids is None else set(meter_ids), as_of)
    names = ["meter_id", "first_day", "last_day", "kwh", "amount", "currency", "basis"]
    frame = pd.DataFrame([{name: row[name] for name in names} for row in rows], columns=names)
    for name in ("first_day", "last_day"):
        frame[name] = frame[name].to_numpy(dtype=np.int64).astype("datetime64[D]").astype("datetime64[s]")
    return frame.sort_values(["meter_id", "first_day"], ignore_index=True)


def _rows(
    connection: sa.Connection, table: sa.Table, meter_ids: Collection[str] | None, as_of: datetime | None
) -> list[sa.RowMapping]:
    asked = (
        sa.select(METERS.c.meter_id, table)
        .join(METERS, METERS.c.meter_key == table.c.meter_key)
        .where(METERS.c.kind == CUSTOMER, as_known(table, as_of))
        .order_by(METERS.c.meter_id, *table.primary_key.columns)
    )
    if meter_ids is None:
        return list(connection.execute(asked).mappings())
    out: list[sa.RowMapping] = []
    for part in parts_of(sorted(meter_ids)):
        out += connection.execute(asked.where(METERS.c.meter_id.in_(part))).mappings()
    return out


def _given(connection: sa.Connection, table: sa.Table, as_of: datetime | None) -> bool:
    """Whether anything of this kind is recorded, for whatever meter."""
    asked = sa.select(sa.literal(1)).select_from(table).where(as_known(table, as_of)).limit(1)
    return connection.execute(asked).first() is not None


def _moments(rows: list[sa.RowMapping], name: str, timezone: str) -> Any:
    return local([row[name] for row in rows], clock_of(timezone))


def _texts(rows: list[sa.RowMapping], name: str) -> pd.Series[str]:
    return pd.Series([row[name] for row in rows], dtype="str")


def _events(
    connection: sa.Connection, meter_ids: Collection[str] | None, timezone: str, as_of: datetime | None
) -> pd.DataFrame | None:
    if not _given(connection, EVENTS, as_of):
        return None
    rows = _rows(connection, EVENTS, meter_ids, as_of)
    return with_meanings(
        pd.DataFrame(
            {
                "meter_id": _texts(rows, "meter_id"),
                "timestamp": _moments(rows, "at", timezone),
                "code": _texts(rows, "code"),
                "vocabulary": _texts(rows, "vocabulary"),
            }
        )
    )


def _registers(
    connection: sa.Connection, meter_ids: Collection[str] | None, timezone: str, as_of: datetime | None
) -> pd.DataFrame | None:
    if not _given(connection, REGISTERS, as_of):
        return None
    rows = _rows(connection, REGISTERS, meter_ids, as_of)
    return pd.DataFrame(
        {
            "meter_id": _texts(rows, "meter_id"),
            "timestamp": _moments(rows, "at", timezone),
            "register_kwh": np.array([row["register_kwh"] for row in rows], dtype=np.float64),
            "multiplier": np.array([row["multiplier"] for row in rows], dtype=np.float64),
        }
    )


def _outages(
    connection: sa.Connection, meter_ids: Collection[str] | None, timezone: str, as_of: datetime | None
) -> pd.DataFrame | None:
    if not _given(connection, OUTAGES, as_of):
        return None
    rows = _rows(connection, OUTAGES, meter_ids, as_of)
    return pd.DataFrame(
        {
            "meter_id": _texts(rows, "meter_id"),
            "start": _moments(rows, "start_at", timezone),
            "end": _moments(rows, "end_at", timezone),
        }
    )


def _topology(
    connection: sa.Connection, meter_ids: Collection[str] | None, last: Day | None, as_of: datetime | None
) -> pd.DataFrame | None:
    """The feeder that each meter hung on at the end of the span."""
    if not _given(connection, TOPOLOGY, as_of):
        return None
    until = None if last is None else day_number(last)
    feeder = {
        row["meter_id"]: row["feeder_id"]
        for row in _rows(connection, TOPOLOGY, meter_ids, as_of)  # by meter and day: the latest stays
        if until is None or row["since"] <= until
    }
    known = {meter: name for meter, name in feeder.items() if name is not None}
    return pd.DataFrame({"meter_id": list(known), "feeder_id": list(known.values())}, dtype="str")
