"""What is recorded of a case, assembled: the finding in words, the work on it, visits and history."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray

from loadprofile.errors import NotFoundError
from loadprofile.figures.marks import Marks, marks_of, moment, written
from loadprofile.report.words import Statement, cause_words, energy, percent, statements, summary
from loadprofile.store.attachments import attachments
from loadprofile.store.cases import TRANSITIONS, case, history
from loadprofile.store.feedback import feedback
from loadprofile.store.findings import finding, screening
from loadprofile.store.meter_tables import CUSTOMER, METERS
from loadprofile.store.work_tables import CASE_METERS, FINDINGS, SCREENINGS, VISITS
from loadprofile.verdicts import CAUSES, UNDECIDED, Cause, Evidence, Verdicts

HOW = (
    (
        "What it would have shown is its own level of up to 84 days before the onset, in each three hours of "
        "weekdays and of weekends, times what like meters did on the same days. Missing readings count as "
        "neither."
    ),
    (
        "The interval is to hold in 80 % of cases; it comes from how well the same rule foretold stretches "
        "of the same length before the onset, set by cases whose truth was known."
    ),
)
"""How energy used and not billed is computed (``features.counterfactual``)."""

MOST_MEMBERS = 500
"""Meters of an incident that are listed; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Odds:
    """One cause: its probability, and the statements that speak for it (numbers as in the heat map)."""

    cause: str
    words: str
    probability: float
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """A meter of the case or of its incident."""

    meter_id: str
    cause: str
    probability: float
    onset: str
    lost_kwh: float | None
    expected_recovery: float


@dataclass(frozen=True, eq=False, slots=True)
class CaseView:
    """Everything about one meter of a case, or about a meter that has none.

    Attributes:
        meter_id: which meter is shown.
        meter: its row: zone, tariff, category, coordinates; ``feeder_id`` at the time of the screening.
        case: the case's row and ``meter_ids``; None where none was opened.
        finding: the worklist's row, evidence parsed.
        screening: which run found it: model, what was known, who.
        verdict: the finding as a verdict of one meter.
        odds: six causes, likeliest first.
        summary: the verdict in sentences.
        how_lost: how the energy was computed, in sentences.
        would_decide: the datum that would settle it; empty where decided.
        members: the meters of the case, or of the incident, most to recover first, ``MOST_MEMBERS`` at most.
        companions: how many other meters.
        visits: proposals for this meter: why it was chosen and with what probability.
        feedback: what visits found, amended entries too; ``present`` tells the last word.
        history: what happened to the case.
        attachments: files of the case, without their contents.
        next_states: what the case may become.
    """

    meter_id: str
    meter: Mapping[str, Any]
    case: Mapping[str, Any] | None
    finding: Mapping[str, Any]
    screening: Mapping[str, Any]
    verdict: Verdicts
    odds: tuple[Odds, ...]
    summary: tuple[str, ...]
    how_lost: tuple[str, ...]
    would_decide: str
    members: tuple[Member, ...]
    companions: int
    visits: tuple[Mapping[str, Any], ...]
    feedback: tuple[Mapping[str, Any], ...]
    history: tuple[Mapping[str, Any], ...]
    attachments: tuple[Mapping[str, Any], ...]
    next_states: tuple[str, ...]

    @property
    def marks(self) -> Marks:
        """What is marked in pictures."""
        return marks_of(self.verdict, 0)

    @property
    def statements(self) -> tuple[Statement, ...]:
        """The evidence in its order."""
        return tuple(statements(self.verdict.evidence[0]))

    @property
    def hemisphere(self) -> str:
        """As the screening took it."""
        return str((self.screening["settings"] or {}).get("hemisphere", "north"))


def case_view(connection: sa.Connection, case_key: int, meter_id: str | None = None) -> CaseView:
    """The view of a case, from one of its meters (the one with most to recover if none is named).

    Raises:
        NotFoundError: no such case, no such meter in it, or nothing was found about it.
    """
    row = case(connection, case_key)
    if meter_id is not None and meter_id not in row["meter_ids"]:
        raise NotFoundError(f"meter of case {case_key}", meter_id)
    members, _ = _members(connection, row["screening_key"], _of_case(case_key))
    if meter_id is None:
        meter_id = members[0].meter_id if members else row["meter_ids"][0]
    return _view(connection, meter_id, row, members, len(row["meter_ids"]), row["screening_key"])


def meter_view(connection: sa.Connection, meter_id: str, screening_key: int | None = None) -> CaseView:
    """The view of a meter as a screening saw it (the last one by default), with its open case if it has one.

    Raises:
        NotFoundError: nothing was found about it.
    """
    found = finding(connection, meter_id, screening_key)
    key = found["screening_key"]
    if found["case_key"] is not None:
        row = case(connection, found["case_key"])
        members, _ = _members(connection, key, _of_case(found["case_key"]))
        return _view(connection, meter_id, row, members, len(row["meter_ids"]), key)
    members, total = (), 0
    if found["incident_id"]:
        members, total = _members(connection, key, FINDINGS.c.incident_id == found["incident_id"])
    return _view(connection, meter_id, None, members, total, key)


def _view(
    connection: sa.Connection,
    meter_id: str,
    row: Mapping[str, Any] | None,
    members: tuple[Member, ...],
    total: int,
    screening_key: int | None,
) -> CaseView:
    found = _found(connection, meter_id, screening_key)
    verdict = verdict_of(found)
    others = max(total - 1, 0)
    key = None if row is None else row["case_key"]
    reports = feedback(connection, meter_ids=[meter_id] if row is None else None, case_key=key, amended=True)
    amended = set(reports["amends"].dropna().astype(int))
    meter = connection.execute(
        sa.select(METERS).where(METERS.c.kind == CUSTOMER, METERS.c.meter_id == meter_id)
    ).mappings().one()  # fmt: skip
    return CaseView(
        meter_id=meter_id,
        meter={**meter, "feeder_id": found["feeder_id"]},
        case=row,
        finding=found,
        screening=screening(connection, found["screening_key"]),
        verdict=verdict,
        odds=odds_of(found, verdict.evidence[0]),
        summary=tuple(summary(verdict, 0, others)),
        how_lost=how_lost(verdict),
        would_decide=found["would_decide"],
        members=members,
        companions=others,
        visits=_proposals(connection, meter["meter_key"]),
        feedback=tuple(
            {**entry, "present": int(entry["feedback_key"]) not in amended} for entry in rows_of(reports)
        ),
        history=() if key is None else tuple(rows_of(history(connection, key))),
        attachments=() if key is None else tuple(rows_of(attachments(connection, key))),
        next_states=() if row is None else TRANSITIONS[row["state"]],
    )


def _found(connection: sa.Connection, meter_id: str, screening_key: int | None) -> dict[str, Any]:
    """What the case's screening said of the meter; a meter that joined later has only a later one."""
    if screening_key is not None:
        try:
            return finding(connection, meter_id, screening_key)
        except NotFoundError:
            pass
    return finding(connection, meter_id)


def _members(
    connection: sa.Connection, screening_key: int | None, which: sa.ColumnElement[bool]
) -> tuple[tuple[Member, ...], int]:
    """The first members among the findings of a screening, most to recover first, and how many there are."""
    found = FINDINGS.c
    mine = sa.and_(found.screening_key == screening_key, which)
    rows = connection.execute(
        sa.select(METERS.c.meter_id, *(found[name] for name in _MEMBER), *_odds_columns())
        .join(FINDINGS, found.meter_key == METERS.c.meter_key)
        .where(mine)
        .order_by(found.expected_recovery.desc(), found.anomaly_score.desc(), METERS.c.meter_id)
        .limit(MOST_MEMBERS)
    ).mappings()
    members = tuple(
        Member(
            row["meter_id"], row["cause"], probability_of(row), row["onset"] or "", row["lost_kwh"],
            row["expected_recovery"],
        )
        for row in rows
    )  # fmt: skip
    total = connection.execute(sa.select(sa.func.count()).select_from(FINDINGS).where(mine)).scalar_one()
    return members, int(total)


def _of_case(case_key: int) -> sa.ColumnElement[bool]:
    keys = sa.select(CASE_METERS.c.meter_key).where(CASE_METERS.c.case_key == case_key)
    return FINDINGS.c.meter_key.in_(keys)


_MEMBER = ("cause", "onset", "lost_kwh", "expected_recovery", "anomaly_score")


def _odds_columns() -> list[sa.Column[Any]]:
    return [FINDINGS.c[f"p_{cause}"] for cause in CAUSES]


def probability_of(row: Mapping[Any, Any]) -> float:
    """Probability of the stated cause; of the likeliest one where the answer is undecided."""
    odds = [float(row[f"p_{cause}"]) for cause in CAUSES]
    return max(odds) if row["cause"] == UNDECIDED else odds[CAUSES.index(Cause(row["cause"]))]


def _proposals(connection: sa.Connection, meter_key: int) -> tuple[dict[str, Any], ...]:
    rows = connection.execute(
        sa.select(VISITS, SCREENINGS.c.model_name)
        .join(SCREENINGS, SCREENINGS.c.screening_key == VISITS.c.screening_key)
        .where(VISITS.c.meter_key == meter_key)
        .order_by(VISITS.c.visit_key.desc())
    )
    return tuple(dict(row) for row in rows.mappings())


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain values, None for what is missing."""
    return [
        {str(name): None if _absent(value) else _plain(value) for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def _absent(value: Any) -> bool:
    return value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def _plain(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return value
    return value.item() if isinstance(value, np.generic) else value


def evidence_of(said: Sequence[Mapping[str, Any]]) -> tuple[Evidence, ...]:
    """Statements out of a worklist's JSON; what an older one lacks is empty."""
    out = []
    for one in said:
        numbers = {name: _number(one.get(name)) for name in ("found", "expected")}
        out.append(
            Evidence(
                name=str(one.get("name", "")), sentence=str(one.get("sentence", "")),
                quantity=str(one.get("quantity", "")), unit=str(one.get("unit", "")),
                first=str(one.get("first") or ""), last=str(one.get("last") or ""),
                source=str(one.get("source", "")), strength=float(one.get("strength") or 0.0), **numbers,
            )
        )  # fmt: skip
    return tuple(out)


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def verdict_of(found: Mapping[str, Any]) -> Verdicts:
    """A row of the worklist as a verdict of one meter."""

    def instant(name: str) -> NDArray[np.datetime64]:
        return np.array([moment(found[name] or "")], dtype="datetime64[m]")

    def energy_of(name: str) -> NDArray[np.float64]:
        return np.array([_number(found[name])])

    odds = np.array([[float(found[f"p_{cause}"]) for cause in CAUSES]])
    return Verdicts(
        meter_ids=np.array([found["meter_id"]]), probabilities=odds / odds.sum(),
        anomaly_score=np.array([float(found["anomaly_score"])]), cause=np.array([found["cause"]]),
        onset=instant("onset"), onset_low=instant("onset_low"), onset_high=instant("onset_high"),
        end=instant("end"), lost_kwh=energy_of("lost_kwh"), lost_kwh_low=energy_of("lost_kwh_low"),
        lost_kwh_high=energy_of("lost_kwh_high"), incident=np.array([0 if found["incident_id"] else -1]),
        would_decide=(found["would_decide"],), evidence=(evidence_of(found["evidence"]),),
    )  # fmt: skip


def odds_of(found: Mapping[str, Any], evidence: Sequence[Evidence]) -> tuple[Odds, ...]:
    """The six causes with their statements, likeliest first."""
    said = statements(evidence)
    out = [
        Odds(
            str(cause), cause_words(cause), float(found[f"p_{cause}"]),
            tuple(one for one in said if one.cause == cause),
        )
        for cause in CAUSES
    ]  # fmt: skip
    return tuple(sorted(out, key=lambda one: -one.probability))


def how_lost(verdict: Verdicts) -> tuple[str, ...]:
    """How the energy used and not billed was computed, with its values."""
    lost = float(verdict.lost_kwh[0])
    cause = str(verdict.cause[0])
    if np.isnat(verdict.onset[0]) or cause == Cause.NORMAL:
        return ("No onset was found, so no energy is reckoned.",)
    if cause == Cause.SUPER_CONSUMPTION:
        return ("More is used and all of it is metered: no energy is reckoned as not billed.",)
    if not math.isfinite(lost):
        return (
            "It cannot be told: fewer than five days are known before the onset, or nothing after it.",
        )  # fmt: skip
    words = energy(lost, float(verdict.lost_kwh_low[0]), float(verdict.lost_kwh_high[0]))
    began = written(verdict.onset[0], time=True)
    until = "its end" if not np.isnat(verdict.end[0]) else "the last reading"
    share = percent(float(verdict.probabilities[0, CAUSES.index(Cause.FRAUD)]))
    recovery = f"Expected recovery is the probability of fraud ({share}) times this energy."
    if lost < 0:
        recovery = "Below 0: it showed more than its past foretold; there is nothing to recover."
    return (
        f"{words}: what the meter would have shown from {began} to {until}, less what it showed.",
        *HOW,
        recovery,
    )
