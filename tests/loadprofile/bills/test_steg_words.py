"""Sentences on invoices: the planted cause is named, with its numbers."""

from __future__ import annotations

import numpy as np
import pytest
from steg_bills import MadeUtility

from loadprofile.bills.model import BillModel
from loadprofile.bills.steg_judging import judge_steg
from loadprofile.bills.steg_words import STEG_SIGN_OF
from loadprofile.features.billing.names import BILL_FEATURES

NAMED = {
    "level_drop": {"fraud.level_elec"},
    "index_stall": {"fraud.stall_elec", "fraud.zeros_elec"},
    "estimated": {"fraud.estimated_elec"},
}
WORDS = {"level_drop": "clients of the same tariff and district", "index_stall": "in a row bill nothing",
         "estimated": "bill exactly the same amount"}  # fmt: skip


@pytest.mark.parametrize("cause", NAMED)
def test_the_planted_cause_is_named(cause: str, other_utility: MadeUtility, steg_model: BillModel) -> None:
    verdicts = judge_steg(steg_model, other_utility.bills())
    rows = np.flatnonzero(other_utility.of(cause) & (verdicts.probabilities[:, -1] > 0.3))
    assert len(rows) >= 8
    said = [[e for e in verdicts.evidence[row] if e.name.startswith("fraud.")] for row in rows]
    assert np.mean([bool(own) and own[0].name in NAMED[cause] for own in said]) > 0.6
    assert np.mean([bool({e.name for e in own} & NAMED[cause]) for own in said]) > 0.85
    text = " ".join(e.sentence for own in said for e in own)
    assert WORDS[cause] in text


def test_every_feature_has_a_sign() -> None:
    assert set(STEG_SIGN_OF) == set(BILL_FEATURES)
    assert STEG_SIGN_OF["level.elec.ratio"] == "level.elec"
    assert STEG_SIGN_OF["spread.old_index.max"] == "meter"
    assert STEG_SIGN_OF["spread.billed.std"] == "amount.both"
    assert STEG_SIGN_OF["run.gaz.low_longest"] == "zeros.gaz"
    assert STEG_SIGN_OF["history.elec.remark_9_share"] == "remarks"
