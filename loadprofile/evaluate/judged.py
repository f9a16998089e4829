"""Judged rows: meters whose cause is known, beside everything that programs said of them.

Features alone are not enough to measure dates, energies and sentences: for those the test side is judged
as a customer's data would be, one utility at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from loadprofile.cases import Cases, Source, joined, labelled, utilities
from loadprofile.classify.calibration import prior_shift
from loadprofile.features.population import Population
from loadprofile.models.model import Model
from loadprofile.route import name_causes
from loadprofile.screening import examine, judge, survey
from loadprofile.verdicts import CAUSES, Cause, Findings, SubDetector, Verdicts


@dataclass(frozen=True, eq=False, slots=True)
class Said:
    """What one program said of ``m`` rows.

    Attributes:
        probabilities: ``(m, 6)`` at the prior that it was given.
        cause: ``(m,)`` str, one of the six or ``undecided``.
        onset, onset_low, onset_high: ``(m,)`` datetime64[m].
        lost_kwh, lost_kwh_low, lost_kwh_high: ``(m,)`` float64.
        top_evidence: ``(m,)`` str, name of the weightiest statement, "" without any.
    """

    probabilities: NDArray[np.float64]
    cause: NDArray[np.str_]
    onset: NDArray[np.datetime64]
    onset_low: NDArray[np.datetime64]
    onset_high: NDArray[np.datetime64]
    lost_kwh: NDArray[np.float64]
    lost_kwh_low: NDArray[np.float64]
    lost_kwh_high: NDArray[np.float64]
    top_evidence: NDArray[np.str_]


@dataclass(frozen=True, eq=False, slots=True)
class Judged:
    """Rows with their truth, and what each program said of them at the prior ``prior``."""

    cases: Cases
    said: Mapping[str, Said]
    prior: NDArray[np.float64]

    def scores(self) -> NDArray[np.float64]:
        """``(m, 6)`` scores of the sub-detectors (normal has none)."""
        return own_signs(self.cases)

    def at_prior(
        self, program: str, prior: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
        """Probabilities and named causes of a program had it been told another prior."""
        moved = prior_shift(self.said[program].probabilities, self.prior, prior)
        return moved, name_causes(moved, self.scores(), np.ones(len(self.cases), dtype=np.bool_))


def own_signs(cases: Cases) -> NDArray[np.float64]:
    """``(m, 6)`` score of each cause's sub-detector, NaN for normal."""
    silent = np.full(len(cases), np.nan)
    found = [cases.table.column(f"score.{c}").astype(np.float64) for c in CAUSES if c is not Cause.NORMAL]
    return np.stack([silent, *found], axis=1)


@dataclass(eq=False, slots=True)
class _Examined:
    """A sub-detector whose findings are known already, so that several models can judge them."""

    cause: Cause
    findings: Findings

    def examine(self, population: Population) -> Findings:  # noqa: ARG002
        return self.findings


def judged_cases(
    source: Source,
    detectors: Sequence[SubDetector],
    models: Mapping[str, Model],
    prior: NDArray[np.float64],
    *,
    populations: int,
    seed: int,
    kinds: Sequence[str] | None = None,
    each: Callable[[int], None] = lambda _: None,
) -> Judged:
    """Plant phenomena in a source's meters and let every model judge them.

    Args:
        source: the ordinary meters of the test side.
        detectors: the sub-detectors.
        models: program -> model.
        prior: ``(6,)`` how common each answer is here; all are told the same.
        populations: emulated utilities.
        seed: of everything drawn.
        kinds: restrict the planted kinds (None = all).
        each: called after each population (progress).
    """
    cases: list[Cases] = []
    said: dict[str, list[Said]] = {name: [] for name in models}
    for made in utilities([source], populations=populations, seed=seed, kinds=kinds):
        measured = survey(made.scenario.profiles, made.context, hemisphere=made.hemisphere)
        found = examine(measured, detectors)
        known = [_Examined(f.cause, f) for f in found]
        rows = labelled(made.scenario, made.homes, measured, found, made.number, errors=False)
        cases.append(rows)
        for name, model in models.items():
            said[name].append(_said(judge(measured, known, model, prior)[0]))
        each(made.number)
    return Judged(joined(cases), {name: _below(parts) for name, parts in said.items()}, prior)


def gathered(parts: Sequence[Judged]) -> Judged:
    """Judged rows of several sources as one; all were told the same prior."""
    names = parts[0].said
    return Judged(
        joined([p.cases for p in parts]),
        {name: _below([p.said[name] for p in parts]) for name in names},
        parts[0].prior,
    )


def _said(verdicts: Verdicts) -> Said:
    top = np.array([e[0].name if e else "" for e in verdicts.evidence], dtype=np.str_)
    own = {f.name: getattr(verdicts, f.name) for f in fields(Said) if f.name != "top_evidence"}
    return Said(**own, top_evidence=top)


def _below(parts: Sequence[Said]) -> Said:
    return Said(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Said)})
