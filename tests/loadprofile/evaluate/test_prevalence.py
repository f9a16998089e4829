from __future__ import annotations

import numpy as np
import pytest

from loadprofile.cases import Cases
from loadprofile.evaluate.estimates import Estimate
from loadprofile.evaluate.judged import Judged, Said
from loadprofile.evaluate.prevalence import PREVALENCES, at_prevalence, curves, prevalence_sweep
from loadprofile.verdicts import CAUSES, cause_codes

FIELD = np.array([0.72, 0.08, 0.08, 0.02, 0.05, 0.05])


@pytest.fixture(scope="module")
def honest_odds(small_cases: Cases) -> Judged:
    """A program that sees nothing and says how common each answer is."""
    share = np.bincount(cause_codes(small_cases.cause), minlength=6) / len(small_cases)
    n = len(small_cases)
    nat, zero = np.full(n, np.datetime64("NaT", "m")), np.zeros(n)
    said = Said(np.tile(share, (n, 1)), np.full(n, "normal"), nat, nat, nat, zero, zero, zero, np.full(n, ""))
    return Judged(small_cases, {"blind": said}, share)


def value(cell: object) -> float:
    assert isinstance(cell, Estimate)
    return cell.value


def test_the_prior_keeps_the_proportions_of_the_others() -> None:
    prior = at_prevalence(FIELD, 0.3)
    assert prior.sum() == pytest.approx(1.0)
    assert prior[-1] == 0.3
    assert prior[0] / prior[1] == pytest.approx(9.0)


def test_who_sees_nothing_is_calibrated_at_every_prevalence(honest_odds: Judged) -> None:
    rows = prevalence_sweep(honest_odds, FIELD).rows
    assert len(rows) == len(PREVALENCES)
    for row, prevalence in zip(rows, PREVALENCES, strict=True):
        assert value(row["mean probability of fraud"]) == pytest.approx(prevalence)
        assert value(row["calibration error of fraud"]) == pytest.approx(0.0, abs=1e-9)
        assert value(row["recall"]) == 0.0


def test_precision_follows_prevalence_as_bayes_says(small_cases: Cases) -> None:
    """Calls that do not depend on the prior: precision from recall and false alarms by hand."""
    c = small_cases
    scores = c.table.column("score.fraud").astype(np.float64)
    named = np.nan_to_num(scores) >= 0.6
    p = np.full((len(c), 6), 1e-12)
    p[np.arange(len(c)), np.where(named, CAUSES.index("fraud"), 0)] = 1.0  # type: ignore[arg-type]
    p /= p.sum(axis=1, keepdims=True)
    n = len(c)
    nat, zero = np.full(n, np.datetime64("NaT", "m")), np.zeros(n)
    said = Said(p, np.full(n, ""), nat, nat, nat, zero, zero, zero, np.full(n, ""))
    table = prevalence_sweep(Judged(c, {"sure": said}, np.full(6, 1 / 6)), FIELD)
    others = FIELD[:5] / FIELD[:5].sum()
    shares = [named[c.cause == str(cause)].mean() for cause in CAUSES]
    alarms = float(np.dot(others, shares[:5]))
    for cell, prevalence in zip(curves(table, "precision")["sure"], PREVALENCES, strict=True):
        right = prevalence * shares[5]
        assert value(cell) == pytest.approx(right / (right + (1 - prevalence) * alarms))
