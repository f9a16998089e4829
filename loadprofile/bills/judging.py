"""Odds of fraud as verdicts of the common worklist: bills show one cause, the others stay where they were."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from loadprofile.bills.cases import BillCases, monthly_cases
from loadprofile.bills.comparison import compare
from loadprofile.bills.losses import BillLosses, losses
from loadprofile.bills.model import BillModel
from loadprofile.bills.words import (
    SIGN_OF,
    Says,
    SignTable,
    category_words,
    credited,
    monthly_words,
    signs_of,
    spoken,
)
from loadprofile.errors import ModelFileError
from loadprofile.ingest.monthly_values import MonthlyHistories
from loadprofile.models.model import FIELD_PRIOR
from loadprofile.route import name_causes
from loadprofile.verdicts import CAUSES, UNDECIDED, Cause, Evidence, Verdicts

WOULD_DECIDE = "an interval profile of this meter, or a check of the meter and its wiring"
TOO_LITTLE = "more bills: not one month has a consumption"

OTHERS = tuple(cause for cause in CAUSES if cause not in (Cause.NORMAL, Cause.FRAUD))


def bill_probabilities(fraud: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(n, 6)`` fraud as given; the others share the rest as they do in the field (``FIELD_PRIOR``)."""
    prior = np.array([FIELD_PRIOR[cause] for cause in CAUSES])
    at = CAUSES.index(Cause.FRAUD)
    out = (1.0 - fraud)[:, None] * (prior / (1.0 - prior[at]))
    out[:, at] = fraud
    return np.asarray(out)


def at_prior(layout: str) -> Evidence:
    """That bills do not tell the other causes apart."""
    names = ", ".join(cause.replace("_", " ") for cause in OTHERS)
    share = sum(FIELD_PRIOR[cause] for cause in OTHERS) / (1.0 - FIELD_PRIOR[Cause.FRAUD])
    return Evidence(
        name="bills.cannot_tell",
        sentence=f"{layout} bills do not show {names}: what is not fraud is shared among them and normal as "
        "in the field at large",
        quantity="share of what is not fraud held by those causes", found=share, expected=share, unit="1",
        source="prior",
    )  # fmt: skip


def bill_verdicts(
    model: BillModel,
    cases: BillCases,
    lost: BillLosses,
    says: Sequence[Says],
    sign_of: Mapping[str, str],
    *,
    credit: Callable[[SignTable], SignTable] = lambda signs: signs,
    judged: NDArray[np.bool_] | None = None,
    prevalence: float | None = None,
) -> Verdicts:
    """One verdict per row.

    Args:
        model: trained on the same layout.
        cases: the rows.
        lost: energy of each row if it is fraud, as ``bills.losses`` or another estimate gives it.
        says: sentences, the first that knows a sign speaks.
        sign_of: feature -> sign.
        credit: moves what one sign adds to another where both are one thing; sums stay.
        judged: ``(n,)`` False where there is no bill at all; those stay undecided. None = all.
        prevalence: share of fraud among these customers; None = as in the latest training visits.
    """
    enough = np.ones(len(cases), dtype=np.bool_) if judged is None else judged
    fraud = model.probability(cases, prevalence)
    fraud = np.where(enough, fraud, model.manifest["prior"] if prevalence is None else prevalence)
    probabilities = bill_probabilities(fraud)
    signs = credit(signs_of(*model.explain(cases), sign_of))
    said = spoken(signs, says)
    scores = np.full(probabilities.shape, np.nan)
    scores[:, CAUSES.index(Cause.FRAUD)] = [max((e.strength for e in row), default=0.0) for row in said]
    cause = name_causes(probabilities, scores, enough)
    normal = cause == str(Cause.NORMAL)
    nat = np.datetime64("NaT", "m")
    rest = at_prior(model.reads)
    would = np.where(cause == UNDECIDED, np.where(enough, WOULD_DECIDE, TOO_LITTLE), "")
    return Verdicts(
        meter_ids=cases.ids,
        probabilities=probabilities,
        anomaly_score=1.0 - probabilities[:, 0],
        cause=cause,
        onset=np.where(normal, nat, lost.onset),
        onset_low=np.where(normal, nat, lost.onset_low),
        onset_high=np.where(normal, nat, lost.onset_high),
        end=np.full(len(cases), nat),
        lost_kwh=lost.kwh, lost_kwh_low=lost.low, lost_kwh_high=lost.high,
        incident=np.full(len(cases), -1, dtype=np.int64),
        would_decide=tuple(would.tolist()),
        evidence=tuple((*row, rest) for row in said),
    )  # fmt: skip


def judge_monthly(model: BillModel, histories: MonthlyHistories, prevalence: float | None = None) -> Verdicts:
    """Verdicts on monthly histories.

    Raises:
        ModelFileError: the model was trained on another layout.
    """
    if model.reads != "monthly":
        raise ModelFileError(
            model.manifest.get("name", "given"), f"trained on {model.reads} bills, not monthly"
        )
    cases, compared = monthly_cases(histories), compare(histories)
    return bill_verdicts(
        model, cases, losses(histories, compared, model.extras),
        (monthly_words(histories, compared), category_words(model, cases)), SIGN_OF,
        credit=lambda signs: credited(signs, histories, compared),
        judged=np.asarray(np.isfinite(histories.kwh).any(axis=1)), prevalence=prevalence,
    )  # fmt: skip
