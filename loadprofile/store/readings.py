"""Recording readings: one row per meter and day, every correction a version of its own.

A slot that is known keeps its value: the same value again is *repeated*, another value *conflicts* and is
turned away, unless it comes as a correction. Then, and when slots are added to a day, the day's next version
is written and the one before is closed, never altered. A missing reading (NaN) says nothing about a slot.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from loadprofile.errors import ShapeError
from loadprofile.ingest.clock import clock_of
from loadprofile.profiles import TALLY, LoadProfiles
from loadprofile.store.audit import audit
from loadprofile.store.columns import day_number, now, packed, unpacked
from loadprofile.store.database import insert_rows, parts_of
from loadprofile.store.meter_tables import CUSTOMER, READING_DAYS, RECEIPTS
from loadprofile.store.meters import ensure_meters, locked, meter_array

CONFLICTS_SHOWN = 1000
PARTS = ("accepted", "corrected", "folded", "missing", "duplicate", "repeated", "conflicting", "rejected")
_DAY = (
    "meter_key", "day", "version", "known_at", "superseded_at", "step", "kwh", "known_slots", "total_kwh",
    "folded_kwh",
)  # fmt: skip
_RECEIPT = ("meter_key", "known_at", "source", "step", "first_day", "last_day", *PARTS, "negative")
_FIRST_VERSION = 1


@dataclass(frozen=True, slots=True)
class Conflict:
    """A reading that contradicts what is recorded: kWh ``given`` where ``known`` stood."""

    meter_id: str
    day: np.datetime64
    minute: int
    known: float
    given: float


@dataclass(frozen=True, eq=False, slots=True)
class Recorded:
    """What became of every row of a submission; the parts add up to the rows read.

    Attributes:
        accepted: new in the record.
        corrected: replaced another value (corrections only).
        folded, missing, rejected: as in ``LoadProfiles.row_tally``.
        duplicate: twice within the submission.
        repeated: the same value was in the record already.
        conflicting: another value within the submission or in the record; turned away.
        conflicts: the first of those against the record.
        days: versions of days that were written.
    """

    accepted: int
    corrected: int
    folded: int
    missing: int
    duplicate: int
    repeated: int
    conflicting: int
    rejected: int
    conflicts: tuple[Conflict, ...] = ()
    days: int = 0


@dataclass(slots=True)
class _Change:
    """Days to write and to close, gathered over the parts of a cube."""

    rows: list[tuple[object, ...]] = field(default_factory=list)
    closed: list[dict[str, object]] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)


def record_readings(
    connection: sa.Connection,
    profiles: LoadProfiles,
    known_at: datetime | None = None,
    *,
    correct: bool = False,
    who: str = "system",
    source: str = "",
    kind: str = CUSTOMER,
) -> Recorded:
    """Record a cube, all of it or nothing; the same cube again changes no day.

    Args:
        connection: of ``Database.writing``.
        profiles: the readings; ``row_tally`` and ``folded_kwh`` are kept with them.
        known_at: when these readings became known; now by default. A version is never known before the one
            it follows: an earlier moment is moved up to it, day by day.
        correct: whether other values replace known ones (audited) instead of being turned away.
        who: on whose behalf.
        source: where they are from: a file name, ``api``.
        kind: ``customer``, or ``feeder`` for totals of feeders.

    Raises:
        ShapeError: infinite energies.
        ConflictError: a meter that is known in another time zone.
    """
    if np.isinf(profiles.kwh).any():
        raise ShapeError("kwh", "infinite", "finite or NaN")
    moment = now(known_at)
    n, d = len(profiles), len(profiles.days)
    if not n or not d:
        return Recorded(0, 0, 0, 0, 0, 0, 0, 0)
    keys = meter_array(
        ensure_meters(
            connection, profiles.meter_ids.tolist(), kind=kind, timezone=profiles.timezone, at=moment
        ),
        profiles.meter_ids,
    )
    locked(connection, keys.tolist())
    change = _Change()
    tally = np.zeros((n, len(PARTS) + 1), dtype=np.int64)
    for rows in parts_of(range(n)):
        part = slice(rows[0], rows[-1] + 1)
        tally[part] = _merge(connection, profiles.take(part), keys[part], moment, correct, change)
    for at in range(0, len(change.closed), 10_000):
        connection.execute(_CLOSE, change.closed[at : at + 10_000])
    insert_rows(connection, READING_DAYS, _DAY, change.rows)
    first, last = day_number(profiles.days[0]), day_number(profiles.days[-1])
    insert_rows(
        connection,
        RECEIPTS,
        _RECEIPT,
        [
            (key, moment, source, profiles.step_minutes, first, last, *counts)
            for key, counts in zip(keys.tolist(), tally.tolist(), strict=True)
        ],
    )
    totals = dict(zip(PARTS, tally.sum(axis=0).tolist(), strict=False))
    if totals["corrected"]:
        names = profiles.meter_ids[tally[:, PARTS.index("corrected")] > 0].tolist()
        told = {"source": source, "meters": names[:100], "readings": totals["corrected"]}
        audit(connection, who, "corrected", "readings", names[0], after=told, at=moment)
    return Recorded(**totals, conflicts=tuple(change.conflicts), days=len(change.rows))


_CLOSE = (
    sa.update(READING_DAYS)
    .where(
        READING_DAYS.c.meter_key == sa.bindparam("of_meter"),
        READING_DAYS.c.day == sa.bindparam("of_day"),
        READING_DAYS.c.version == sa.bindparam("of_version"),
    )
    .values(superseded_at=sa.bindparam("closed_at"))
)


def _merge(
    connection: sa.Connection,
    part: LoadProfiles,
    keys: NDArray[np.int64],
    moment: datetime,
    correct: bool,
    change: _Change,
) -> NDArray[np.int64]:
    """Hold some meters against the record; returns ``(n, len(PARTS) + 1)`` counts, negatives last."""
    n, d, slots = part.kwh.shape
    step, first = part.step_minutes, day_number(part.days[0])
    given = part.kwh
    new = ~np.isnan(given)
    fresh, version = new.copy(), np.full((n, d), _FIRST_VERSION, dtype=np.int64)
    folded = np.zeros((n, d))
    after: NDArray[np.float32] = given
    corrected, repeated, turned = (np.zeros(n, dtype=np.int64) for _ in range(3))
    write = np.asarray(new.any(axis=2))
    late: dict[tuple[int, int], datetime] = {}
    known_rows = connection.execute(
        _KNOWN, {"keys": keys.tolist(), "first": first, "last": first + d - 1}
    ).all()
    if known_rows:
        place = {key: row for row, key in enumerate(keys.tolist())}
        after = given.copy()
        for other in sorted({row.step for row in known_rows}):
            some = [row for row in known_rows if row.step == other]
            at = np.array([place[row.meter_key] for row in some])
            on = np.array([row.day - first for row in some])
            offered = new[at, on]
            if other != step:  # the day is known on another grid: no slot can be compared
                before = np.full((len(some), slots), np.nan, dtype=np.float32)
                differs = offered
                same = np.zeros_like(offered)
            else:
                before = unpacked([row.kwh for row in some], slots)
                there = ~np.isnan(before)
                same = offered & there & (given[at, on] == before)
                differs = offered & there & ~same
            fresh[at, on] = offered & ~same & ~differs
            after[at, on] = np.where(offered if correct else fresh[at, on], given[at, on], before)
            folded[at, on] = [row.folded_kwh for row in some]
            np.add.at(repeated, at, same.sum(axis=1))
            np.add.at(corrected if correct else turned, at, differs.sum(axis=1))
            write[at, on] = (offered & ~same & (correct | ~differs)).any(axis=1)
            version[at, on] = [row.version + 1 for row in some]
            if not correct:
                _tell(change, part, at, on, differs, before, other)
            for row, i, j in zip(some, at.tolist(), on.tolist(), strict=True):
                if write[i, j]:
                    late[i, j] = max(moment, row.known_at)
                    change.closed.append(
                        {
                            "of_meter": row.meter_key,
                            "of_day": row.day,
                            "of_version": row.version,
                            "closed_at": late[i, j],
                        }
                    )
    own = _folded_by_day(part)
    folded = np.where(own != 0.0, own, folded)
    _add_days(change, part, keys, after, write, version, moment, late, folded)
    counts = np.zeros((n, len(PARTS) + 1), dtype=np.int64)
    for at_part, name in enumerate(PARTS):
        if name in TALLY:
            counts[:, at_part] = part.row_tally[:, TALLY.index(name)]
    counts[:, 0] = fresh.sum(axis=(1, 2))
    counts[:, 1] = corrected
    counts[:, PARTS.index("repeated")] = repeated
    counts[:, PARTS.index("conflicting")] += turned
    counts[:, -1] = (fresh & (given < 0)).sum(axis=(1, 2))
    return counts


_KNOWN = sa.select(
    READING_DAYS.c.meter_key,
    READING_DAYS.c.day,
    READING_DAYS.c.version,
    READING_DAYS.c.known_at,
    READING_DAYS.c.step,
    READING_DAYS.c.kwh,
    READING_DAYS.c.folded_kwh,
).where(
    READING_DAYS.c.meter_key.in_(sa.bindparam("keys", expanding=True)),
    READING_DAYS.c.day.between(sa.bindparam("first"), sa.bindparam("last")),
    READING_DAYS.c.superseded_at.is_(None),
)


def _tell(
    change: _Change,
    part: LoadProfiles,
    at: NDArray[np.int64],
    on: NDArray[np.int64],
    differs: NDArray[np.bool_],
    before: NDArray[np.float32],
    step: int,
) -> None:
    """Keep the first conflicts; against another grid the known value is NaN."""
    for k, slot in np.argwhere(differs)[: CONFLICTS_SHOWN - len(change.conflicts)].tolist():
        known = float(before[k, slot]) if step == part.step_minutes else float("nan")
        i, j = int(at[k]), int(on[k])
        minute, given = slot * part.step_minutes, float(part.kwh[i, j, slot])
        change.conflicts.append(Conflict(str(part.meter_ids[i]), part.days[j], minute, known, given))


def _add_days(
    change: _Change,
    part: LoadProfiles,
    keys: NDArray[np.int64],
    after: NDArray[np.float32],
    write: NDArray[np.bool_],
    version: NDArray[np.int64],
    moment: datetime,
    late: dict[tuple[int, int], datetime],
    folded: NDArray[np.float64],
) -> None:
    at, on = np.nonzero(write)
    if not len(at):
        return
    cells = after[at, on]
    there = ~np.isnan(cells)
    total = np.where(there, cells, 0.0).sum(axis=1, dtype=np.float64)
    data, width = packed(cells), 4 * cells.shape[1]
    first = day_number(part.days[0])
    columns = zip(
        keys[at].tolist(), (on + first).tolist(), version[at, on].tolist(), there.sum(axis=1).tolist(),
        total.tolist(), folded[at, on].tolist(), at.tolist(), on.tolist(), strict=True,
    )  # fmt: skip
    for k, (key, day, number, known, sums, fold, i, j) in enumerate(columns):
        blob = data[k * width : (k + 1) * width]
        known_at = late.get((i, j), moment) if late else moment
        change.rows.append((key, day, number, known_at, None, part.step_minutes, blob, known, sums, fold))


def _folded_by_day(part: LoadProfiles) -> NDArray[np.float64]:
    """``(n, d)`` what the mean of a repeated hour leaves out, on the day on which it was left out.

    The cube has one number per meter; a repeated slot leaves out as much as its mean shows, so the number is
    shared among the meter's days in that proportion (it is one day a year). Without such a day it stands
    with the first day that has readings.
    """
    out = np.zeros(part.kwh.shape[:2])
    if not part.folded_kwh.any():
        return out
    begins, ends = clock_of(part.timezone).repeated
    minute = (part.days.astype(np.int64)[:, None] * 1440) + np.arange(part.kwh.shape[2]) * part.step_minutes
    at = np.searchsorted(begins, minute, side="right") - 1
    twice = (at >= 0) & (minute < ends[np.maximum(at, 0)]) if len(begins) else np.zeros(minute.shape, bool)
    weight = np.where(twice, np.nan_to_num(np.abs(part.kwh)), 0.0).sum(axis=2, dtype=np.float64)
    none = weight.sum(axis=1) == 0.0
    weight[none, (~np.isnan(part.kwh)).any(axis=2).argmax(axis=1)[none]] = 1.0
    result: NDArray[np.float64] = weight / weight.sum(axis=1, keepdims=True) * part.folded_kwh[:, None]
    return result
