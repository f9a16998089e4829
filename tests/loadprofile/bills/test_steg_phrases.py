"""Phrases for columns of invoices: every sign can say something, none speaks of sums of meter numbers."""

from __future__ import annotations

import pytest

from loadprofile.bills.steg_phrases import PHRASES, TOGETHER, UNITS
from loadprofile.bills.steg_words import STEG_SIGN_OF
from loadprofile.features.billing.checks import CHECKS
from loadprofile.features.billing.names import BILL_FEATURES

FIELDS = {"value": "31", "middle": "8", "signed": "+31", "share": "31%", "usual": "8%"}


@pytest.mark.parametrize("name", PHRASES)
def test_a_phrase_tells_a_known_column_with_its_number_and_the_usual_one(name: str) -> None:
    assert name in BILL_FEATURES
    assert UNITS[name]
    said = PHRASES[name].format(**FIELDS)
    assert "31" in said
    assert "8" in said.split("31", 1)[1]
    assert not said.endswith(".")


def test_every_sign_speaks_and_no_meter_number_is_a_quantity() -> None:
    worded = {"level", "zeros", "stall", "estimated", "erratic", "amount"}
    other = {sign for name, sign in STEG_SIGN_OF.items() if not name.startswith(("when.", "client."))}
    other = {sign for sign in other if sign.partition(".")[0] not in worded or sign == "amount.both"}
    told = {STEG_SIGN_OF[name] for name in PHRASES} | set(TOGETHER)
    assert other <= told
    assert not [name for name in PHRASES if name.startswith(("spread.counter", "spread.code", "spread.old_"))]
    spoken_elsewhere = {"stall", "billed_still"}  # the sign of a register that stands still
    assert {f"check.elec.{check}" for check in CHECKS if check not in spoken_elsewhere} <= set(PHRASES)
