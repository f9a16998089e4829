"""Odds of fraud as verdicts of the common worklist, whatever the bills looked like.

What is not fraud is shared among the other answers as in the field at large, unless broken arithmetic speaks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from loadprofile.bills.arithmetic import Arithmetic
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
from loadprofile.errors import ModelFileError, OptionError
from loadprofile.ingest.monthly_values import MonthlyHistories
from loadprofile.models.model import FIELD_PRIOR
from loadprofile.route import name_causes
from loadprofile.verdicts import CAUSES, UNDECIDED, Cause, Evidence, Verdicts

WOULD_DECIDE = "an interval profile of this meter, or a check of the meter and its wiring"
CHECK_REGISTER = "a reading of the register on site, held against the last bill"
TOO_LITTLE = "bills: there is none with a consumption"
BLOCK = 16384
"""Rows whose contributions are held at a time."""

OFFICES = (str(Cause.DATA_MISMATCH), str(Cause.MAINTENANCE))
"""Causes that send nobody to a customer; what they cost is counted from the bills."""

_BILLS = {"monthly": "monthly bills", "steg": "invoices, unlike interval readings,"}

OTHERS = tuple(cause for cause in CAUSES if cause not in (Cause.NORMAL, Cause.FRAUD))


def bill_probabilities(
    fraud: NDArray[np.float64], ratio: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """``(n, 6)`` fraud as given; the others share the rest as they do in the field (``FIELD_PRIOR``).

    Args:
        fraud: ``(n,)`` its probability.
        ratio: ``(n, 6)`` by which arithmetic moves the odds of the others against normal; None = not at all.
    """
    prior = np.array([FIELD_PRIOR[cause] for cause in CAUSES])
    at = CAUSES.index(Cause.FRAUD)
    weights = np.tile(prior, (len(fraud), 1)) if ratio is None else prior * ratio
    weights[:, at] = 0.0
    out = (1.0 - fraud)[:, None] * (weights / weights.sum(axis=1, keepdims=True))
    out[:, at] = fraud
    return np.asarray(out)


def at_prior(layout: str, checked: bool = False) -> Evidence:
    """Which causes these bills do not tell; ``checked``: their arithmetic was held against the rules."""
    told = (Cause.DATA_MISMATCH, Cause.MAINTENANCE) if checked else ()
    silent = [cause for cause in OTHERS if cause not in told]
    names = ", ".join(cause.replace("_", " ") for cause in silent)
    share = sum(FIELD_PRIOR[cause] for cause in silent) / (1.0 - FIELD_PRIOR[Cause.FRAUD])
    only = "; data mismatch and maintenance show only where bills break their arithmetic" if checked else ""
    return Evidence(
        name="bills.cannot_tell",
        sentence=f"{_BILLS.get(layout, layout)} do not show {names}: what is not fraud is shared among them "
        f"and normal as in the field at large{only}",
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
    broken: Arithmetic | None = None,
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
        broken: what the arithmetic of the bills says; None = these bills have none.
    """
    enough = np.ones(len(cases), dtype=np.bool_) if judged is None else judged
    signs = _signs(model, cases, sign_of)
    # what the signs add sums to the score: it need not be worked out again
    fraud = model.probability_of(signs.added.sum(axis=1) + signs.base, prevalence)
    fraud = np.where(enough, fraud, model.manifest["prior"] if prevalence is None else prevalence)
    probabilities = bill_probabilities(fraud, None if broken is None else broken.ratio)
    said = spoken(credit(signs), says)
    scores = np.full(probabilities.shape, np.nan)
    at_fraud = CAUSES.index(Cause.FRAUD)
    if broken is not None:
        scores = 1.0 - 1.0 / broken.ratio
        arithmetic = [broken.says(row) for row in range(len(cases))]
        said = tuple(
            (*why, *own) if probabilities[row, 1:at_fraud].max() > fraud[row] else (*own, *why)
            for row, (own, why) in enumerate(zip(said, arithmetic, strict=True))
        )
        scores[:, at_fraud] = np.nan
    scores[:, at_fraud] = [
        max((e.strength for e in row if e.name.startswith(f"{Cause.FRAUD}.")), default=0.0) for row in said
    ]
    cause = name_causes(probabilities, scores, enough)
    rest = at_prior(model.reads, broken is not None)
    would = np.where(cause == UNDECIDED, np.where(enough, WOULD_DECIDE, TOO_LITTLE), "")
    onset, kwh = _spans(cause, lost, broken), (lost.kwh, lost.low, lost.high)
    if broken is not None:
        counted = np.isin(cause, OFFICES)
        kwh = tuple(np.where(counted, broken.unbilled, one) for one in kwh)  # type: ignore[assignment]
        register = (cause == UNDECIDED) & enough & (broken.ratio.max(axis=1) > 1.0)
        would = np.where(register, CHECK_REGISTER, would)
    return Verdicts(
        meter_ids=cases.ids,
        probabilities=probabilities,
        anomaly_score=1.0 - probabilities[:, 0],
        cause=cause,
        onset=onset[0], onset_low=onset[1], onset_high=onset[2],
        end=np.full(len(cases), np.datetime64("NaT", "m")),
        lost_kwh=kwh[0], lost_kwh_low=kwh[1], lost_kwh_high=kwh[2],
        incident=np.full(len(cases), -1, dtype=np.int64),
        would_decide=tuple(would.tolist()),
        evidence=tuple((*row, rest) for row in said),
        lost_if_fraud=lost.kwh,
    )  # fmt: skip


def _signs(model: BillModel, cases: BillCases, sign_of: Mapping[str, str]) -> SignTable:
    """Signs of all rows, worked out in blocks: contributions of every column of every row are many."""
    leaves = model.leaves()
    blocks = [
        signs_of(*model.explain(cases.take(np.arange(at, min(at + BLOCK, len(cases)))), leaves), sign_of)
        for at in range(0, max(len(cases), 1), BLOCK)
    ]
    return replace(blocks[0], added=np.concatenate([block.added for block in blocks]))


def _spans(
    cause: NDArray[np.str_], lost: BillLosses, broken: Arithmetic | None
) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64], NDArray[np.datetime64]]:
    """Onset with its interval: of the drop, or of the first broken bill where an office is named."""
    found = [lost.onset, lost.onset_low, lost.onset_high]
    if broken is not None:
        for office in OFFICES:
            rows, at = cause == office, [str(c) for c in CAUSES].index(office)
            found = [np.where(rows, broken.onset[:, at], one) for one in found]
    normal = cause == str(Cause.NORMAL)
    low, middle, high = (np.where(normal, np.datetime64("NaT", "m"), found[k]) for k in (1, 0, 2))
    return middle, low, high


def judge_monthly(model: BillModel, histories: MonthlyHistories, prevalence: float | None = None) -> Verdicts:
    """Verdicts on monthly histories.

    Raises:
        ModelFileError: the model was trained on another layout.
        OptionError: bills without a category that the model learned with.
    """
    if model.reads != "monthly":
        raise ModelFileError(
            model.manifest.get("name", "given"), f"trained on {model.reads} bills, not monthly"
        )
    cases, compared = monthly_cases(histories), compare(histories)
    lacking = [name for name in model.encoder.categories_ if name not in cases.categories]
    if lacking:
        raise OptionError(
            "categories", ", ".join(cases.categories) or "none",
            f"the model learned with {', '.join(model.encoder.categories_)}, these bills lack "
            f"{', '.join(lacking)} (name them with --map categories=COLUMN,COLUMN)",
        )  # fmt: skip
    return bill_verdicts(
        model, cases, losses(histories, compared, model.extras),
        (monthly_words(histories, compared), category_words(model, cases)), SIGN_OF,
        credit=lambda signs: credited(signs, histories, compared),
        judged=np.asarray(np.isfinite(histories.kwh).any(axis=1)), prevalence=prevalence,
    )  # fmt: skip
