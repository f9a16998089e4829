"""Broken arithmetic: the planted check is named, with its numbers, and only that moves the odds."""

from __future__ import annotations

import numpy as np
import pytest
from steg_bills import MadeUtility
from steg_layout import invoices_of, made_clients

from loadprofile.bills.arithmetic import MOST, STEPS, arithmetic, check_shares
from loadprofile.bills.steg import StegView, steg_bills
from loadprofile.features.billing.checks import CHECKS
from loadprofile.verdicts import CAUSES, Cause

DATA, METER = CAUSES.index(Cause.DATA_MISMATCH), CAUSES.index(Cause.MAINTENANCE)
PLANTED = {
    "index_gap": "data_mismatch.index_gap",
    "overlap": "data_mismatch.index_overlap",
    "coefficient_error": "data_mismatch.coefficient",
    "sum_error": "data_mismatch.sum",
    "months_error": "data_mismatch.period_overlap",
    "index_stall": "maintenance.stall",
}
SIDE = {"index_gap": 1.0, "overlap": -1.0}


@pytest.mark.parametrize("cause", PLANTED)
def test_the_planted_fault_is_named_first_and_moves_its_office(cause: str, steg_utility: MadeUtility) -> None:
    bills = steg_utility.bills()
    found = arithmetic(bills, check_shares(bills.checks))
    rows = np.flatnonzero(steg_utility.of(cause))
    assert len(rows) > 20
    first = [said[0].name if (said := found.says(row)) else "" for row in rows]
    assert np.mean([name == PLANTED[cause] for name in first]) > 0.9
    at = DATA if PLANTED[cause].startswith("data") else METER
    assert (found.ratio[rows, at] > 1.5).mean() > 0.9
    assert not np.isnat(found.onset[rows, at]).all()
    if cause in SIDE:
        told = steg_utility.made.causes.set_index("client_id")["amount"]
        amount = told.loc[steg_utility.clients.client_ids[rows]].to_numpy()
        near = np.isclose(found.unbilled[rows], SIDE[cause] * amount, atol=1)
        assert near.mean() > 0.8  # some broke another check by a repaired row


def test_who_breaks_nothing_stays_where_he_was(steg_utility: MadeUtility) -> None:
    bills = steg_utility.bills()
    found = arithmetic(bills, check_shares(bills.checks))
    clean = (
        bills.checks.count[:, :, [CHECKS.index(c) for c in CHECKS if c != "wrap_around"]].sum(axis=(1, 2))
        == 0
    )
    assert clean.sum() > 300
    assert (found.ratio[clean] == 1.0).all()
    assert np.isnan(found.unbilled[clean]).all()
    assert all(found.says(row) == () for row in np.flatnonzero(clean)[:50])
    assert found.ratio.max() <= MOST
    assert (found.ratio[:, [k for k in range(len(CAUSES)) if k not in (DATA, METER)]] == 1.0).all()


def test_shares_by_hand_and_what_is_said() -> None:
    rows = []
    for client in range(4):
        end = 100
        for k in range(4):
            gap = 30 if client == 0 and k > 1 else 0
            rows.append(
                {
                    "client": client,
                    "date": f"20{10 + k // 3}-0{1 + 4 * (k % 3)}-10",
                    "levels": [50, 0, 0, 0],
                    "old_index": end + gap,
                    "new_index": end + gap + 50,
                }
            )
            end += gap + 50  # fmt: skip
    bills = steg_bills(made_clients(4), invoices_of(rows, 4), StegView())
    shares = check_shares(bills.checks)
    at = CHECKS.index("index_gap")
    assert shares[0, at, :3].tolist() == [0.4, 0.4, 0.2]  # (one of four, and one more) of five
    rare = shares.copy()
    rare[0, at] = 0.01
    (said,) = arithmetic(bills, rare).says(0)
    assert said.sentence.startswith(
        "2 of 4 electricity bills begin above the end of the bill before: 60 kWh between them were never "
        "billed"
    )
    assert "1.00% of the training clients break this in 2 bills or more" in said.sentence
    assert (said.found, said.unit, said.first) == (2.0, "invoices", "2010-09-10")
    assert said.strength == pytest.approx(1 - 0.01 * 11)
    assert STEPS[0] == 1
