"""What a list is worth where theft is rare, or common: the prevalence sweep.

No row is drawn twice or left out. The test rows are weighted by cause so that the weighted shares are those
of a utility with that prevalence (importance weights: share wished / share here), and the programs are told
the same prior (``prior_shift``). This holds as far as prevalence changes how often each cause occurs and
not what it looks like.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from loadprofile.evaluate.cells import Cell, Table
from loadprofile.evaluate.estimates import Meters
from loadprofile.evaluate.judged import Judged
from loadprofile.evaluate.shares import RESAMPLES, weighted_share
from loadprofile.verdicts import CAUSES, Cause, cause_codes

PREVALENCES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
BINS = 10
_FRAUD = CAUSES.index(Cause.FRAUD)


def at_prevalence(field: NDArray[np.float64], fraud: float) -> NDArray[np.float64]:
    """``(6,)`` prior with that share of fraud, the other answers in the proportions of ``field``."""
    prior = field * (1.0 - fraud) / (1.0 - field[_FRAUD])
    prior[_FRAUD] = fraud
    return np.asarray(prior)


def prevalence_sweep(judged: Judged, field: NDArray[np.float64]) -> Table:
    """Precision, recall and calibration of fraud for each prevalence.

    Args:
        judged: the test rows.
        field: ``(6,)`` proportions of the answers that are not fraud.
    """
    c = judged.cases
    codes = cause_codes(c.cause)
    here = np.bincount(codes, minlength=len(CAUSES)) / len(c)
    fraud = codes == _FRAUD
    rows: list[dict[str, Cell]] = []
    for name in judged.said:
        for prevalence in PREVALENCES:
            prior = at_prevalence(field, prevalence)
            with np.errstate(divide="ignore"):
                weights = np.where(here > 0, prior / here, 0.0)[codes]
            p, said = judged.at_prior(name, prior)
            called = said == str(Cause.FRAUD)
            everyone = np.ones(len(c), dtype=np.bool_)
            loss, error, mean = _calibration(p[:, _FRAUD], fraud, weights, c.home)
            rows.append(
                {
                    "program": name, "prevalence": f"{100 * prevalence:g} %",
                    "precision": weighted_share(fraud, called, weights, c.home),
                    "recall": weighted_share(called, fraud, weights, c.home),
                    "called fraud": weighted_share(called, everyone, weights, c.home),
                    "others called fraud": weighted_share(called, ~fraud, weights, c.home),
                    "mean probability of fraud": mean, "log loss of fraud": loss,
                    "calibration error of fraud": error,
                }
            )  # fmt: skip
    note = (
        "Test rows weighted by importance to that prevalence (none resampled); the other answers in the "
        "proportions of the field prior; the programs are told the prior."
    )
    return Table("prevalence", "Prevalence sweep", rows, note)


def _calibration(
    p: NDArray[np.float64], hit: NDArray[np.bool_], weights: NDArray[np.float64], homes: NDArray[np.str_]
) -> tuple[Cell, Cell, Cell]:
    """Weighted log loss, calibration error over bins of equal weight, and mean probability."""
    groups = Meters(homes, len(p), RESAMPLES)
    losses = -np.log(np.clip(np.where(hit, p, 1 - p), 1e-15, 1.0))
    place = _bins_of_weight(p, weights)

    def figures(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
        w = drawn * weights
        gaps = np.abs(np.bincount(place, w * (p - hit))).sum()
        return np.array([(w * losses).sum(), gaps, (w * p).sum()], dtype=np.float64) / float(w.sum())

    loss, error, mean = groups.estimates(figures, [groups.count] * 3)
    return loss, error, mean


def _bins_of_weight(p: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.intp]:
    """Bin of each row: ten bins of about equal weight, equal probabilities together."""
    order = np.argsort(p, kind="stable")
    passed = np.cumsum(weights[order]) / weights.sum()
    edges = np.unique(p[order[np.searchsorted(passed, np.arange(1, BINS) / BINS).clip(0, len(p) - 1)]])
    return np.asarray(np.searchsorted(edges, p, side="left"))


def curves(table: Table, column: str) -> Mapping[str, list[Cell]]:
    """Program -> the column's cells in the order of ``PREVALENCES``: what the picture draws."""
    found: dict[str, list[Cell]] = {}
    for row in table.rows:
        found.setdefault(str(row["program"]), []).append(row[column])
    return found
