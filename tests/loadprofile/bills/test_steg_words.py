"""Sentences on invoices: the planted cause is named, with its numbers."""

from __future__ import annotations

import numpy as np
import pytest
from steg_bills import MadeUtility

from loadprofile.bills.model import BillModel
from loadprofile.bills.steg import StegView, bill_table, yardsticks_of
from loadprofile.bills.steg_judging import judge_steg
from loadprofile.bills.steg_peers import steg_peers
from loadprofile.bills.steg_words import STEG_SIGN_OF, steg_words, together
from loadprofile.features.billing.names import BILL_FEATURES

NAMED = {
    "level_drop": {"fraud.level_elec"},
    "index_stall": {"fraud.stall_elec", "fraud.zeros_elec"},
    "estimated": {"fraud.estimated_elec"},
}
WORDS = {"level_drop": "clients of the same tariff and district", "index_stall": "in a row bill nothing",
         "estimated": "in a row bill exactly"}  # fmt: skip


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


def test_runs_are_told_with_their_bills(other_utility: MadeUtility) -> None:
    bills = other_utility.bills()
    peers, row = steg_peers(bills), int(np.flatnonzero(other_utility.of("index_stall"))[0])
    say = steg_words(bills, peers, bill_table(bills, yardsticks_of(bills), StegView()))
    zeros, stall = say("zeros.elec", row), say("stall.elec", row)
    assert zeros is not None
    assert stall is not None
    told = other_utility.made.causes.set_index("client_id").loc[str(bills.clients.client_ids[row])]
    day = str(told["date"].date())
    assert zeros.first == stall.first == day
    assert zeros.found == stall.found == told["amount"]
    assert (
        f"{told['amount']:.0f} electricity bills in a row bill nothing, from the bill of {day} to"
        in zeros.sentence
    )
    assert "the other bills" in zeros.sentence
    assert zeros.last > day
    assert "register stands still through" in stall.sentence


def test_a_rise_is_told_as_one_and_a_sign_without_a_column_still_speaks(other_utility: MadeUtility) -> None:
    bills = other_utility.bills()
    table = bill_table(bills, yardsticks_of(bills), StegView())
    say = steg_words(bills, steg_peers(bills), table)
    row = int(np.nanargmax(table.column("level.elec.ratio")))
    rise = say("level.elec", row)
    assert rise is not None
    assert f"billed {rise.found - 1:.0%} above the same seasons before since" in rise.sentence
    meter = together(table)("meter", row)
    assert meter is not None
    assert "may have been written after the visit" in meter.sentence
    assert together(table)("level.elec", row) is None
