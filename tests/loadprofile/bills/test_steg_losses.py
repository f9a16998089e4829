"""Energy of clients with invoices: intervals hold what was planted in bills that nothing was learned from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from steg_bills import MadeUtility

from loadprofile.bills.steg_losses import NO_DAY, fit_steg_losses, plant_in_bills, steg_losses
from loadprofile.bills.steg_peers import steg_peers
from loadprofile.errors import NothingToLearnError


def test_intervals_hold_planted_thefts(steg_utility: MadeUtility, other_utility: MadeUtility) -> None:
    own = steg_utility.bills()
    parts = fit_steg_losses(own, steg_peers(own))
    others = other_utility.bills()
    whole = steg_peers(others)
    planted = plant_in_bills(others, np.random.default_rng(3))
    peers = steg_peers(planted.bills, whole, planted.rows)
    found = steg_losses(peers, parts)
    held = (found.low <= planted.lost) & (planted.lost <= found.high)
    assert len(held) > 300
    assert 0.7 < held.mean() < 0.92
    assert (found.low <= found.kwh).all()
    dated = peers.dropped & (planted.onset != NO_DAY)
    assert dated.sum() > 80
    day = planted.onset[dated].astype("datetime64[D]")
    assert ((found.onset_low[dated] <= day) & (day <= found.onset_high[dated])).mean() > 0.65
    assert np.isnat(found.onset[~peers.dropped]).all()


def test_planting_adds_up_and_leaves_frauds_alone(steg_utility: MadeUtility) -> None:
    bills = steg_utility.bills()
    planted = plant_in_bills(bills, np.random.default_rng(0))
    assert (planted.bills.clients.target == 0).all()
    true = bills.of(planted.rows).invoices.levels.sum()
    assert planted.bills.invoices.levels.sum() < true
    assert (planted.lost >= 0).all()
    everybody = replace(bills, clients=replace(bills.clients, target=np.ones(900, dtype=np.float32)))
    with pytest.raises(NothingToLearnError, match="no ordinary client"):
        plant_in_bills(everybody, np.random.default_rng(0))
