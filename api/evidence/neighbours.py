"""What others did on the same days: like meters of the same feeder, and the balance of the feeder.

Day sums stand in the record beside the readings, so that hundreds of meters cost one question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from api.evidence.courses import daily
from loadprofile.figures.marks import Marks
from loadprofile.figures.meter import daily_energy, rolling_mean
from loadprofile.profiles import LoadProfiles
from loadprofile.store.columns import day_number
from loadprofile.store.database import parts_of
from loadprofile.store.loading import as_known
from loadprofile.store.meter_tables import CUSTOMER, FEEDER, METERS, READING_DAYS, TOPOLOGY

MOST = 200
"""Meters compared with, at most."""

LEAST = 5
"""Fewer others say nothing about a neighbourhood."""

LEAST_DAYS = 10

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Days:
    """Day sums: ``keys (m,)``, ``kwh (m, d)``, NaN where less than half of a day is known."""

    keys: NDArray[np.int64]
    kwh: Floats


def neighbourhood(
    connection: sa.Connection,
    profiles: LoadProfiles,
    meter_key: int,
    feeder_id: str | None,
    marks: Marks,
    as_of: datetime | None = None,
) -> dict[str, Any]:
    """This meter's days beside the others' course at its level, and the feeder's total beside its meters.

    Returns:
        ``{"first_day", "own", "others": {...} | None, "feeder": {...} | None}``; lists of kWh per day. The
        others' course is the median over meters of day / own median day, brought to this meter's level by
        the median ratio over the days before the onset; ``low`` and ``high`` hold the middle half of meters.
    """
    first, last = day_number(profiles.days[0]), day_number(profiles.days[-1])
    keys, whose = _others(connection, meter_key, feeder_id, as_of)
    days = _day_sums(connection, [k for k in keys if k != meter_key][:MOST], first, last, as_of)
    own = daily_energy(profiles, 0)
    before = marks.before(profiles.days)
    others = None if len(days.keys) < LEAST else _course(own, days.kwh, before, whose)
    feeder = None
    if feeder_id is not None:
        feeder = _balance(connection, feeder_id, keys, first, last, as_of)
    return {**daily(profiles), "others": others, "feeder": feeder}


def _others(
    connection: sa.Connection, meter_key: int, feeder_id: str | None, as_of: datetime | None
) -> tuple[list[int], str]:
    """Keys of the meters to compare with, and in words which those are."""
    if feeder_id is not None:
        on = sa.select(TOPOLOGY.c.meter_key).where(
            TOPOLOGY.c.feeder_id == feeder_id, as_known(TOPOLOGY, as_of)
        )
        keys = sorted(set(connection.execute(on).scalars()))
        if len(keys) > LEAST:
            return keys, f"other meters on feeder {feeder_id}"
    mine = connection.execute(
        sa.select(METERS.c.category, METERS.c.tariff).where(METERS.c.meter_key == meter_key)
    ).one()
    asked = sa.select(METERS.c.meter_key).where(METERS.c.kind == CUSTOMER)
    words = "other meters"
    for column, value, name in (
        (METERS.c.category, mine.category, "category"),
        (METERS.c.tariff, mine.tariff, "tariff"),
    ):
        if value is not None:
            asked, words = asked.where(column == value), f"other meters of {name} {value}"
            break
    # the nearest keys: meters that came together are mostly of one place
    asked = asked.order_by(sa.func.abs(METERS.c.meter_key - meter_key)).limit(MOST + 1)
    return sorted(connection.execute(asked).scalars()), words


def _day_sums(
    connection: sa.Connection, keys: Sequence[int], first: int, last: int, as_of: datetime | None
) -> _Days:
    days = READING_DAYS.c
    rows: list[Any] = []
    for part in parts_of(list(keys)):
        rows += connection.execute(
            sa.select(days.meter_key, days.day, days.total_kwh, days.known_slots, days.step).where(
                days.meter_key.in_(part), days.day.between(first, last), as_known(READING_DAYS, as_of)
            )
        ).all()
    there = sorted({row[0] for row in rows})
    kwh = np.full((len(there), last - first + 1), np.nan)
    if rows:
        key, day, total, known, step = (np.array(column) for column in zip(*rows, strict=True))
        share = known * step / 1440.0
        enough = share >= 0.5
        place = np.searchsorted(np.array(there), key)
        kwh[place[enough], day[enough] - first] = total[enough] / share[enough]
    return _Days(np.array(there, dtype=np.int64), kwh)


def _course(own: Floats, others: Floats, before: NDArray[np.bool_], whose: str) -> dict[str, Any] | None:
    """The others' median course at this meter's level; None where there is too little to compare."""
    enough = np.isfinite(others[:, before]).sum(axis=1) >= LEAST_DAYS
    others = others[enough]
    if len(others) < LEAST:
        return None
    usual = np.nanmedian(np.where(before, others, np.nan), axis=1)
    others, usual = others[usual > 0], usual[usual > 0]
    if len(others) < LEAST:
        return None
    ratio = others / usual[:, None]
    known = np.isfinite(ratio).sum(axis=0) >= LEAST
    low, middle, high = (np.full(len(own), np.nan) for _ in range(3))
    low[known], middle[known], high[known] = np.nanquantile(ratio[:, known], [0.25, 0.5, 0.75], axis=0)
    fit = before & np.isfinite(own) & np.isfinite(middle) & (middle > 0)
    if fit.sum() < LEAST_DAYS:
        return None
    level = float(np.median(own[fit] / middle[fit]))
    course = [rolling_mean(values * level, 7) for values in (low, middle, high)]
    return {
        "whose": whose, "meters": len(others),
        **{name: _list(values) for name, values in zip(("low", "middle", "high"), course, strict=True)},
    }  # fmt: skip


def _balance(
    connection: sa.Connection,
    feeder_id: str,
    keys: Sequence[int],
    first: int,
    last: int,
    as_of: datetime | None,
) -> dict[str, Any] | None:
    """The feeder's total and of all its meters, where each of them is known; None without totals."""
    key = connection.execute(
        sa.select(METERS.c.meter_key).where(METERS.c.kind == FEEDER, METERS.c.meter_id == feeder_id)
    ).scalar()
    if key is None:
        return None
    total = _day_sums(connection, [int(key)], first, last, as_of).kwh
    meters = _day_sums(connection, keys, first, last, as_of)
    if not len(total) or not len(meters.keys):
        return None
    whole = np.isfinite(meters.kwh).all(axis=0)
    metered = np.where(whole, np.where(np.isfinite(meters.kwh), meters.kwh, 0.0).sum(axis=0), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        lacking = (total[0] - metered) / total[0] * 100
    return {
        "feeder_id": feeder_id, "meters": len(meters.keys), "total": _list(rolling_mean(total[0], 7)),
        "metered": _list(rolling_mean(metered, 7)), "lacking": _list(rolling_mean(lacking, 7), 2),
    }  # fmt: skip


def _list(values: Floats, places: int = 3) -> list[float | None]:
    return [None if not np.isfinite(v) else round(float(v), places) for v in values]
