"""Which meters to visit, why, and with what probability each was chosen.

Most visits go where they are expected to pay. A settable share is drawn by chance from all other meters, so
that what is learned from visits is not only about what looked suspicious: with the probability of being
chosen recorded (``propensity``), later learning can weigh each visit by its inverse (Horvitz and Thompson
1952, JASA 47).
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray

from loadprofile.errors import MissingColumnsError, OptionError
from loadprofile.store.columns import now
from loadprofile.store.feedback import present
from loadprofile.store.meter_tables import METERS
from loadprofile.store.meters import keys_of
from loadprofile.store.work_tables import CASE_METERS, FEEDBACK, VISITS
from loadprofile.verdicts import Cause
from loadprofile.worklist import QUEUES

RANKED, EXPLORATION = "ranked", "exploration"


def propose_visits(frame: pd.DataFrame, visits: int, share: float = 0.05, seed: int = 0) -> pd.DataFrame:
    """Choose meters to visit from a worklist.

    Of ``visits`` a number is drawn by chance that is ``share * visits`` on average (rounded up or down by
    chance as well). The others are the first of the queue *field inspection*; where that queue is shorter,
    fewer visits are proposed: chance sends nobody in its place.

    Args:
        frame: a worklist, most urgent first.
        visits: how many the crew can drive.
        share: share of exploration, 0..1.
        seed: of the draw; the same seed and worklist give the same visits.

    Returns:
        the chosen rows, ranked ones first, with ``reason`` (``ranked`` or ``exploration``) and
        ``propensity``, the exact probability over all seeds with which the meter is visited at all.

    Raises:
        OptionError: visits below 0 or a share outside 0..1.
        MissingColumnsError: no worklist.
    """
    if visits < 0:
        raise OptionError("visits", visits, "is below 0")
    if not 0.0 <= share <= 1.0:
        raise OptionError("share", share, "is not in 0..1")
    missing = [name for name in ("meter_id", "queue") if name not in frame]
    if missing:
        raise MissingColumnsError("worklist", missing, frame.columns)
    field = np.flatnonzero((frame["queue"] == QUEUES[Cause.FRAUD]).to_numpy())
    ranked, drawn, propensity = draw(len(frame), field, visits, share, seed)
    rows = np.concatenate([ranked, drawn]).astype(np.int64)
    chosen = frame.iloc[rows].reset_index(drop=True)
    chosen["reason"] = [RANKED] * len(ranked) + [EXPLORATION] * len(drawn)
    chosen["propensity"] = propensity[rows]
    return chosen


def draw(
    n: int, field: NDArray[np.int64], visits: int, share: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The choice on row numbers: rows by rank, rows by chance, and ``(n,)`` the propensity of every row."""
    wanted = share * visits
    few = math.floor(wanted)
    chance = {few: 1.0 - (wanted - few), few + 1: wanted - few}
    rng = np.random.default_rng(seed)
    explored = few + int(rng.random() < wanted - few)
    propensity = np.zeros(n)
    for count, probability in chance.items():
        if probability > 0.0:
            propensity += probability * _chosen(n, field, visits, count)
    ranked = field[: max(visits - explored, 0)]
    others = np.setdiff1d(np.arange(n), ranked)
    drawn = np.sort(rng.choice(others, size=min(explored, len(others)), replace=False))
    return ranked, drawn, propensity


def _chosen(n: int, field: NDArray[np.int64], visits: int, explored: int) -> NDArray[np.float64]:
    """``(n,)`` probability of a visit when so many are drawn by chance."""
    ranked = field[: max(visits - explored, 0)]
    others = n - len(ranked)
    out = np.full(n, min(explored, others) / others if others else 0.0)
    out[ranked] = 1.0
    return out


def record_visits(
    connection: sa.Connection,
    screening_key: int,
    chosen: pd.DataFrame,
    *,
    who: str,
    share: float,
    seed: int,
    at: datetime | None = None,
) -> list[int]:
    """Keep what ``propose_visits`` chose; a meter that was proposed in this screening keeps that proposal.

    Returns:
        the key of each meter's visit, in the order of ``chosen``.
    """
    names = chosen["meter_id"].astype(str).tolist()
    keys = keys_of(connection, names)
    first = sa.func.min(CASE_METERS.c.case_key)
    mine = sa.and_(CASE_METERS.c.meter_key.in_(keys.values()), CASE_METERS.c.is_open)
    asked = sa.select(CASE_METERS.c.meter_key, first).where(mine).group_by(CASE_METERS.c.meter_key)
    cases = {row[0]: row[1] for row in connection.execute(asked)}
    known = _known(connection, screening_key)
    rows = [
        {
            "screening_key": screening_key,
            "meter_key": keys[name],
            "case_key": cases.get(keys[name]),
            "proposed_at": now(at),
            "proposed_by": who,
            "reason": reason,
            "propensity": min(propensity, 1.0),
            "seed": seed,
            "share": share,
        }
        for name, reason, propensity in zip(
            names, chosen["reason"].tolist(), chosen["propensity"].tolist(), strict=True
        )
        if keys[name] not in known
    ]
    if rows:
        connection.execute(VISITS.insert(), rows)
    known = _known(connection, screening_key)
    return [known[keys[name]] for name in names]


def _known(connection: sa.Connection, screening_key: int) -> dict[int, int]:
    rows = connection.execute(
        sa.select(VISITS.c.meter_key, VISITS.c.visit_key).where(VISITS.c.screening_key == screening_key)
    )
    return {row.meter_key: row.visit_key for row in rows}


def proposed_visits(
    connection: sa.Connection,
    screening_key: int | None = None,
    *,
    meter_id: str | None = None,
    reported: bool | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> pd.DataFrame:
    """Visits with ``meter_id``, and ``feedback_key`` and ``outcome`` of the last word on each, newest first.

    Args:
        connection: of ``Database.reading``.
        screening_key: out of this screening; None = of all.
        meter_id: to this meter.
        reported: only those that somebody reported on (True) or nobody (False).
        before: only visits that were proposed before this one.
        limit: no more than so many; None = all.
    """
    last = sa.select(sa.func.max(FEEDBACK.c.feedback_key)).where(*_reports()).correlate(VISITS)
    asked = (
        sa.select(METERS.c.meter_id, VISITS, FEEDBACK.c.feedback_key, FEEDBACK.c.outcome)
        .join(METERS, METERS.c.meter_key == VISITS.c.meter_key)
        .outerjoin(FEEDBACK, FEEDBACK.c.feedback_key == last.scalar_subquery())
        .order_by(VISITS.c.visit_key.desc())
        .limit(limit)
    )
    if screening_key is not None:
        asked = asked.where(VISITS.c.screening_key == screening_key)
    if meter_id is not None:
        asked = asked.where(METERS.c.meter_id == meter_id)
    if reported is not None:
        said = FEEDBACK.c.feedback_key
        asked = asked.where(said.is_not(None) if reported else said.is_(None))
    if before is not None:
        asked = asked.where(VISITS.c.visit_key < before)
    rows = connection.execute(asked).mappings().all()
    return pd.DataFrame(rows, columns=["meter_id", *VISITS.c.keys(), "feedback_key", "outcome"])


def _reports() -> tuple[sa.ColumnElement[bool], ...]:
    """Conditions: what stands of the reports on a visit; the meter is the visit's, and has the index."""
    return FEEDBACK.c.meter_key == VISITS.c.meter_key, FEEDBACK.c.visit_key == VISITS.c.visit_key, present()


def at_rest(meter_key: sa.ColumnElement[int], since: date) -> sa.ColumnElement[bool]:
    """Condition on meters: nobody got in there since a day, and no visit proposed since then is still open.

    So that the crew of today is not sent where that of yesterday was, nor two crews to one door. Where nobody
    was at home a meter may be proposed again.
    """
    visited = sa.select(FEEDBACK.c.feedback_key).where(
        FEEDBACK.c.meter_key == meter_key, FEEDBACK.c.visited_on >= since,
        FEEDBACK.c.outcome != "no_access", present(),
    )  # fmt: skip
    open_ones = sa.select(VISITS.c.visit_key).where(
        VISITS.c.meter_key == meter_key,
        VISITS.c.proposed_at >= datetime.combine(since, time(), UTC),
        ~sa.select(FEEDBACK.c.feedback_key).where(*_reports()).exists(),
    )
    return sa.and_(~visited.exists(), ~open_ones.exists())
