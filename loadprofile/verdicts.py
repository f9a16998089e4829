"""What is said about a meter: causes, evidence, findings of one sub-detector, the verdict.

A sub-detector answers one question for every meter at once. It works by *signatures*: each is
one recognisable trace (an exact rational step, a stuck register, a day that repeats), with a
strength in 0..1 per meter, a time span and sentences with numbers. No evidence, no claim.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from loadprofile.errors import ShapeError
from loadprofile.features.population import Population
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import frozen


class Cause(StrEnum):
    """The six answers, in the order of the probability columns everywhere."""

    NORMAL = "normal"
    DATA_MISMATCH = "data_mismatch"
    MAINTENANCE = "maintenance"
    CYBER_ATTACK = "cyber_attack"
    SUPER_CONSUMPTION = "super_consumption"
    FRAUD = "fraud"


CAUSES: tuple[Cause, ...] = tuple(Cause)


def cause_codes(names: NDArray[np.str_]) -> NDArray[np.int64]:
    """``(n,)`` place of each cause name in ``CAUSES``; KeyError for a name that is none of the six."""
    place = {str(cause): at for at, cause in enumerate(CAUSES)}
    return np.array([place[name] for name in names.tolist()], dtype=np.int64)


UNDECIDED = "undecided"
"""Written as the cause where the evidence does not decide between two or more answers."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One checkable statement.

    Attributes:
        name: dotted, ``cause.signature``, e.g. ``maintenance.stuck_register``.
        sentence: one plain sentence with its numbers, units and dates.
        quantity: what was measured, e.g. ``"level after / level before"``.
        found: its value here.
        expected: its value if nothing were wrong (NaN if there is no such value).
        unit: unit of both, ``"1"`` for a ratio or share.
        first: ISO date or date-time where the window starts (empty if it has none).
        last: ISO date or date-time where it ends.
        source: which data it rests on: ``"load profile"``, ``"peers"``, ``"population"``, ``"events"``, ...
        strength: 0..1, the strength of the signature that it speaks for.
    """

    name: str
    sentence: str
    quantity: str
    found: float
    expected: float
    unit: str
    first: str = ""
    last: str = ""
    source: str = "load profile"
    strength: float = 0.0

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON; NaN becomes None."""
        # not dataclasses.asdict: it copies deeply, and a fleet has half a million of these
        found = {name: getattr(self, name) for name in self.__slots__}
        return {
            key: None if isinstance(value, float) and math.isnan(value) else value
            for key, value in found.items()
        }


@dataclass(frozen=True, eq=False, slots=True)
class Signature:
    """One recognisable trace, seen over all meters of a population.

    Attributes:
        name: short, snake_case; the sub-detector's cause is put before it.
        strength: ``(n,)`` float64 in 0..1, NaN where it cannot be judged (not enough data, no peers).
        onset: ``(n,)`` datetime64[m], NaT where there is none.
        end: ``(n,)`` datetime64[m], NaT = still going on or not applicable.
        explain: row -> Evidence; called only for rows whose strength is high enough to be spoken of.
        affected_kwh: ``(n,)`` float64 or None; energy not billed because of it (negative: billed too much).
        incident: ``(n,)`` int64 or None; number of the population incident the meter belongs to, -1 = none.
        speaks: how early it is said, times its strength: below 1 for a trace that other traces of this cause
            leave as a side effect, above 1 for one that only a single kind of trouble leaves.
    """

    name: str
    strength: NDArray[np.float64]
    onset: NDArray[np.datetime64]
    end: NDArray[np.datetime64]
    explain: Callable[[int], Evidence]
    affected_kwh: NDArray[np.float64] | None = None
    incident: NDArray[np.int64] | None = None
    speaks: float = 1.0


def sign(
    cause: Cause,
    name: str,
    strength: NDArray[np.float64],
    says: Callable[[int], str],
    *,
    quantity: str,
    found: NDArray[np.float64],
    expected: float | NDArray[np.float64] = math.nan,
    unit: str = "1",
    onset: NDArray[np.datetime64] | None = None,
    end: NDArray[np.datetime64] | None = None,
    source: str = "load profile",
    affected_kwh: NDArray[np.float64] | None = None,
    incident: NDArray[np.int64] | None = None,
    speaks: float = 1.0,
) -> Signature:
    """A signature whose evidence is filled in from the arrays it rests on; ``says`` words one row."""
    first, last = (_nowhere(len(strength)) if at is None else at for at in (onset, end))

    def explain(row: int) -> Evidence:
        usual = np.broadcast_to(np.asarray(expected, dtype=np.float64), strength.shape)  # few are ever told
        return Evidence(
            name=f"{cause}.{name}", sentence=says(row), quantity=quantity, found=float(found[row]),
            expected=float(usual[row]), unit=unit, source=source,
            first="" if np.isnat(first[row]) else str(first[row]),
            last="" if np.isnat(last[row]) else str(last[row]),
        )  # fmt: skip

    return Signature(name, strength, first, last, explain, affected_kwh, incident, speaks)


@lru_cache(maxsize=8)
def _nowhere(n: int) -> NDArray[np.datetime64]:
    return frozen(np.full(n, np.datetime64("NaT", "m")))


SPOKEN = 0.1
"""Signatures weaker than this are numbers for the route, not sentences for a reader."""


@dataclass(frozen=True, eq=False, slots=True)
class Findings:
    """What one sub-detector says about every meter of a population.

    Attributes:
        cause: whose findings these are.
        meter_ids: ``(n,)`` str.
        score: ``(n,)`` float64 in 0..1, higher = this cause is more plausible; NaN = cannot judge.
            Not a probability.
        probability: ``(n,)`` float64; the score calibrated on held-out meters, NaN where it was
            not calibrated or cannot be judged.
        onset, end: ``(n,)`` datetime64[m]; NaT where unknown.
        affected_kwh: ``(n,)`` float64, energy not billed if this cause holds (0 where none, NaN unknown).
        incident: ``(n,)`` int64, population incident, -1 = none.
        signals: FeatureTable with one column ``cause.signature`` per signature: the strengths.
        evidence: for each meter the statements, most telling first (strength times ``Signature.speaks``).
        missed: names of optional inputs that would have helped and were not there.
    """

    cause: Cause
    meter_ids: NDArray[np.str_]
    score: NDArray[np.float64]
    probability: NDArray[np.float64]
    onset: NDArray[np.datetime64]
    end: NDArray[np.datetime64]
    affected_kwh: NDArray[np.float64]
    incident: NDArray[np.int64]
    signals: FeatureTable
    evidence: tuple[tuple[Evidence, ...], ...]
    missed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.meter_ids)
        for name in ("score", "probability", "onset", "end", "affected_kwh", "incident"):
            value = getattr(self, name)
            if value.shape != (n,):
                raise ShapeError(f"{self.cause}.{name}", value.shape, (n,))
            object.__setattr__(self, name, frozen(value))
        known = self.score[~np.isnan(self.score)]
        if known.size and (known.min() < 0 or known.max() > 1):
            raise ShapeError(f"{self.cause}.score", (known.min(), known.max()), "0..1")
        if len(self.evidence) != n:
            raise ShapeError(f"{self.cause}.evidence", len(self.evidence), n)
        for row, said in enumerate(self.evidence):
            if not said and self.score[row] >= SPOKEN:
                raise ShapeError(f"{self.cause}.evidence[{row}]", "a claim without evidence", "evidence")

    def with_probability(self, probability: NDArray[np.float64]) -> Findings:
        """The same findings with calibrated probabilities."""
        return replace(self, probability=probability)


def findings_from(
    cause: Cause,
    population: Population,
    signatures: Sequence[Signature],
    missed: Sequence[str] = (),
) -> Findings:
    """Join the signatures of one sub-detector into its findings.

    The score is that of independent signs, ``1 - prod(1 - strength)``: two half-strong signs say more
    than one, and a sign that cannot be judged (NaN) says nothing. A meter none of whose signs can be
    judged has score NaN. Onset, end, energy and incident come from the most telling sign that has them.
    """
    ids = population.profiles.meter_ids
    n = len(ids)
    strength = np.stack([np.asarray(s.strength, dtype=np.float64) for s in signatures], axis=1)
    unknown = np.isnan(strength)
    score = 1.0 - np.prod(1.0 - np.where(unknown, 0.0, strength), axis=1)
    score[unknown.all(axis=1)] = np.nan
    filled = np.where(unknown, -1.0, strength)
    spoken = filled >= SPOKEN
    weight = np.where(spoken, filled * np.array([s.speaks for s in signatures]), filled - 2.0)
    order = np.argsort(-weight, axis=1, kind="stable")
    nat = np.datetime64("NaT", "m")
    onset, end = np.full(n, nat), np.full(n, nat)
    kwh, incident = np.zeros(n), np.full(n, -1, dtype=np.int64)
    evidence: list[tuple[Evidence, ...]] = []
    for row in range(n):
        said: list[Evidence] = []
        for at in order[row]:
            sign, value = signatures[at], filled[row, at]
            if value < SPOKEN:
                break
            said.append(replace(sign.explain(row), strength=float(value)))
            if np.isnat(onset[row]) and not np.isnat(sign.onset[row]):
                onset[row], end[row] = sign.onset[row], sign.end[row]
            if kwh[row] == 0.0 and sign.affected_kwh is not None:
                kwh[row] = sign.affected_kwh[row]
            if incident[row] < 0 and sign.incident is not None:
                incident[row] = sign.incident[row]
        if not said and score[row] >= SPOKEN:  # several weak signs together: let the strongest speak
            at = order[row, 0]
            said.append(replace(signatures[at].explain(row), strength=float(filled[row, at])))
            onset[row], end[row] = signatures[at].onset[row], signatures[at].end[row]
        evidence.append(tuple(said))
    names = tuple(f"{cause}.{s.name}" for s in signatures)
    return Findings(
        cause=cause, meter_ids=ids, score=score, probability=np.full(n, np.nan),
        onset=onset, end=end, affected_kwh=kwh, incident=incident,
        signals=FeatureTable(ids, names, strength.astype(np.float32)),
        evidence=tuple(evidence), missed=tuple(missed),
    )  # fmt: skip


@runtime_checkable
class SubDetector(Protocol):
    """The contract of every sub-detector."""

    cause: Cause

    def examine(self, population: Population) -> Findings:
        """Judge every meter of the population; the answer for a meter must not depend on their order."""
        ...


@dataclass(frozen=True, eq=False, slots=True)
class Verdicts:
    """One verdict per meter: what the route decided, and on what.

    Attributes:
        meter_ids: ``(n,)`` str.
        probabilities: ``(n, 6)`` float64, columns in the order of ``CAUSES``, rows sum to 1.
        anomaly_score: ``(n,)`` float64 in 0..1, calibrated probability that something is not ordinary.
        cause: ``(n,)`` str, one of ``CAUSES`` or ``UNDECIDED``.
        onset, onset_low, onset_high, end: ``(n,)`` datetime64[m].
        lost_kwh, lost_kwh_low, lost_kwh_high: ``(n,)`` float64, used and not billed, 80 % interval.
        incident: ``(n,)`` int64, -1 = none.
        would_decide: for each meter the datum that would settle it (empty where decided).
        evidence: for each meter the statements that bear on the verdict, weightiest first.
        lost_if_fraud: ``(n,)`` kWh, what a visit brings back if it finds fraud, where ``lost_kwh`` may be the
            work of another cause; None = ``lost_kwh``.
    """

    meter_ids: NDArray[np.str_]
    probabilities: NDArray[np.float64]
    anomaly_score: NDArray[np.float64]
    cause: NDArray[np.str_]
    onset: NDArray[np.datetime64]
    onset_low: NDArray[np.datetime64]
    onset_high: NDArray[np.datetime64]
    end: NDArray[np.datetime64]
    lost_kwh: NDArray[np.float64]
    lost_kwh_low: NDArray[np.float64]
    lost_kwh_high: NDArray[np.float64]
    incident: NDArray[np.int64]
    would_decide: tuple[str, ...]
    evidence: tuple[tuple[Evidence, ...], ...] = field(default=())
    lost_if_fraud: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        n = len(self.meter_ids)
        if self.probabilities.shape != (n, len(CAUSES)):
            raise ShapeError("probabilities", self.probabilities.shape, (n, len(CAUSES)))
        if n and not np.allclose(self.probabilities.sum(axis=1), 1.0, atol=1e-6):
            raise ShapeError("probabilities", "rows that do not sum to 1", "rows that sum to 1")
