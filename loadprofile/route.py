"""Route: the findings of all sub-detectors become one verdict per meter.

The odds over the six answers come from a small calibrated model over features and findings
(``classify/causes.py`` fits it). The gate of Calamaro et al. 2021, section 4, stands behind it: a
meter is called fraud only if fraud is the likeliest answer, no other cause explains it nearly as
well, and fraud has positive signs of its own; elimination alone is not enough, here and for the other
causes. What the gate stops is ``undecided``, with the datum that would decide.

Departure from the paper: its gate is a yes/no chain (mismatch, maintenance, attack,
super-consumption, then fraud); here all causes are weighed at once and the probabilities kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadprofile.verdicts import CAUSES, SPOKEN, UNDECIDED, Cause, Evidence, Findings

WITHIN_REACH = 1.5
"""Two answers whose odds are closer than this are not decided between (3 : 2)."""

SPOKEN_REACH = 2.0
"""A meter is not called normal while a cause with a sign of its own holds half as much or more."""

OFFICE = (Cause.DATA_MISMATCH, Cause.MAINTENANCE)
OFFICE_REACH = 1.1
"""Between these two a wrong ticket costs minutes in an office and no visit: where together they hold
``OFFICE_SHARE`` of all that is not normal, the likelier is named although the other is within reach; where
only one of the two has a sign of its own, that one."""

OFFICE_SHARE = 0.8

LEAST_ODDS = 0.5
"""Normal and fraud are named only if at least as likely as all other answers together. A cause that sends
nobody to a customer's door is named where normal is less likely than not and the cause holds at least this
share of what is left."""

OWN_SIGNS = SPOKEN
"""No evidence, no claim: a cause is named only if its own sub-detector has a sign strong enough to be put
in a sentence, however likely the odds make it by elimination."""

_N, _D, _M, _C, _S, _F = CAUSES
WOULD_DECIDE: dict[frozenset[Cause], str] = {
    frozenset({_N, _D}): "register reading at both ends of the span: do the intervals sum to its advance?",
    frozenset({_N, _M}): "meter event log (power, battery, measurement errors) and a register reading",
    frozenset({_N, _C}): "head-end log of commands and readings for the same slots",
    frozenset({_N, _S}): "customer information: new appliance, tenant, vehicle or business",
    frozenset({_N, _F}): "feeder (transformer) total over the same days: did it fall with this meter?",
    frozenset({_D, _M}): "register reading from the meter itself against the stored intervals",
    frozenset({_D, _C}): "audit log of the head-end and of the data warehouse for that date",
    frozenset({_D, _S}): "register reading at both ends of the span",
    frozenset({_D, _F}): "register advance over the span: a data fault leaves it right, theft does not",
    frozenset({_M, _C}): "meter event log and firmware checksum",
    frozenset({_M, _S}): "register reading and a load measurement on site",
    frozenset(
        {_M, _F}
    ): "voltage and current of each phase: a lost phase shows in the voltage, a bypass does not",
    frozenset({_C, _S}): "head-end log of load-control commands for the same slots",
    frozenset({_C, _F}): "feeder (transformer) total and the head-end log for the same slots",
    frozenset({_S, _F}): "feeder (transformer) balance and a look at who is connected behind this meter",
}
"""For each pair of answers that interval data may leave open, the datum that settles it."""


WITH_BALANCE: dict[frozenset[Cause], str] = {
    frozenset(
        {_N, _F}
    ): "inspection of the meter and its wiring: the feeder total was given and leaves it open",
    frozenset({_C, _F}): "head-end log for the same slots and an inspection of the meter",
    frozenset({_S, _F}): "a look at who is connected behind this meter",
}
"""The same where the feeder's balance is known already: it is not asked for twice."""


@dataclass(frozen=True, eq=False, slots=True)
class Routed:
    """The decision for each meter.

    Attributes:
        cause: ``(n,)`` str, one of the six or ``undecided``.
        would_decide: for each meter the datum that would settle it, empty where decided.
        leading: ``(n,)`` int64, index into ``CAUSES`` of the cause whose onset, end and incident are
            reported (the likeliest answer that is not normal).
        evidence: for each meter the statements, those of likelier causes first.
    """

    cause: NDArray[np.str_]
    would_decide: tuple[str, ...]
    leading: NDArray[np.int64]
    evidence: tuple[tuple[Evidence, ...], ...]


TOO_LITTLE = "more readings: fewer than the days needed to see a change or a season"


def decide(
    probabilities: NDArray[np.float64],
    findings: Sequence[Findings],
    judged: NDArray[np.bool_] | None = None,
    balanced: NDArray[np.bool_] | None = None,
) -> Routed:
    """Name a cause for each meter, or say what would decide.

    Args:
        probabilities: ``(n, 6)`` calibrated, columns in the order of ``CAUSES``, rows sum to 1.
        findings: of the five sub-detectors, any order.
        judged: ``(n,)`` False where there was too little data to judge; those stay undecided.
        balanced: ``(n,)`` True where the feeder's balance was known; None = nowhere.

    Returns:
        The decisions; a tie of causes is always ``undecided``.
    """
    n = len(probabilities)
    by_cause = {f.cause: f for f in findings}
    enough = np.ones(n, dtype=np.bool_) if judged is None else judged
    silent = np.full(n, np.nan)
    scores = np.stack([by_cause[c].score if c in by_cause else silent for c in CAUSES], axis=1)
    cause = name_causes(probabilities, scores, enough)
    clear = cause != UNDECIDED
    order = np.argsort(-probabilities, axis=1, kind="stable")
    first, second = order[:, 0], order[:, 1]
    known = np.zeros(n, dtype=np.bool_) if balanced is None else balanced
    asks = (WOULD_DECIDE, WOULD_DECIDE | WITH_BALANCE)
    would = tuple(
        ""
        if clear[row]
        else asks[int(known[row])][frozenset({CAUSES[first[row]], CAUSES[second[row]]})]
        if enough[row]
        else TOO_LITTLE
        for row in range(n)
    )
    leading = np.where(first == CAUSES.index(Cause.NORMAL), second, first)
    for at, named in enumerate(CAUSES[1:], start=1):
        leading = np.where(cause == str(named), at, leading)
    leading = leading.astype(np.int64)
    return Routed(cause, would, leading, tuple(_said(row, order[row], by_cause) for row in range(n)))


def name_causes(
    probabilities: NDArray[np.float64], scores: NDArray[np.float64], judged: NDArray[np.bool_]
) -> NDArray[np.str_]:
    """The name of each meter's answer, ``undecided`` where the gate or the odds do not allow one.

    Args:
        probabilities: ``(n, 6)``.
        scores: ``(n, 6)`` score of each cause's sub-detector, NaN = cannot judge (normal has none).
        judged: ``(n,)`` False where there was too little data.
    """
    normal, fraud = CAUSES.index(Cause.NORMAL), CAUSES.index(Cause.FRAUD)
    rows = np.arange(len(probabilities))
    order = np.argsort(-probabilities, axis=1, kind="stable")
    first = order[:, 0]
    p_first, p_second = probabilities[rows, first], probabilities[rows, order[:, 1]]
    sure = (p_first >= LEAST_ODDS) & (p_first >= WITHIN_REACH * p_second)
    # first question: is anything wrong? second: what? (normal is column 0, the causes follow it)
    causes = np.sort(probabilities[:, 1:], axis=1)
    lead, rival, left = causes[:, -1], causes[:, -2], probabilities[:, 1:].sum(axis=1)
    leading = 1 + probabilities[:, 1:].argmax(axis=1)
    clear = (lead >= LEAST_ODDS * left) & (lead >= WITHIN_REACH * rival)
    offices = np.array([CAUSES.index(cause) for cause in OFFICE])
    both = probabilities[:, offices]
    signs = np.nan_to_num(scores) >= OWN_SIGNS
    hold = both.sum(axis=1) >= OFFICE_SHARE * left
    office = hold & (both.max(axis=1) >= OFFICE_REACH * both.min(axis=1))
    with_signs = signs[:, offices].argmax(axis=1)
    alone = hold & (signs[:, offices].sum(axis=1) == 1)
    alone &= both[rows, with_signs] * WITHIN_REACH >= both.max(axis=1)
    leading = np.where(alone, offices[with_signs], leading)
    among = (left > 1.0 - LEAST_ODDS) & (clear | office | alone)
    spoken = np.where(signs[:, 1:], probabilities[:, 1:], 0.0).max(axis=1)
    ordinary = sure & (first == normal) & (probabilities[:, normal] > SPOKEN_REACH * spoken)
    explained = np.where(leading == fraud, sure & (first == fraud), among)
    explained &= signs[rows, leading]
    called = np.where(ordinary, normal, np.where(explained, leading, len(CAUSES)))
    names = np.array([*(str(c) for c in CAUSES), UNDECIDED])
    return names[np.where(judged, called, len(CAUSES))]


def _said(row: int, order: NDArray[np.intp], by_cause: dict[Cause, Findings]) -> tuple[Evidence, ...]:
    """Statements about one meter, those of the likelier causes first."""
    return tuple(
        statement
        for at in order
        if CAUSES[at] in by_cause
        for statement in by_cause[CAUSES[at]].evidence[row]
    )
