"""Energy lost: the interval holds the truth of planted thefts in customers it never learned from."""

from __future__ import annotations

import numpy as np
import pytest
from bills import made_histories

from loadprofile.bills.comparison import compare
from loadprofile.bills.losses import fit_losses, losses, plant
from loadprofile.errors import NothingToLearnError
from loadprofile.ingest.monthly_values import MONTHS


def test_intervals_hold_planted_thefts() -> None:
    parts = fit_losses(made_histories(2500, 11)[0])
    planted = plant(made_histories(1500, 12)[0], np.random.default_rng(1))
    found = losses(planted.histories, planted.compared, parts)
    held = (found.low <= planted.lost) & (planted.lost <= found.high)
    assert 0.74 < held.mean() < 0.88
    dropped = planted.compared.dropped & (planted.onset > 0)
    first = found.onset_low.astype("datetime64[M]").astype(int) - planted.histories.month + MONTHS
    last = found.onset_high.astype("datetime64[M]").astype(int) - planted.histories.month + MONTHS
    inside = (first <= planted.onset) & (planted.onset <= last)
    assert dropped.sum() > 100
    assert inside[dropped].mean() > 0.74
    assert (found.low <= found.kwh).all()
    assert (found.kwh <= found.high).all()


def test_planting_leaves_frauds_and_gaps_alone_and_adds_up() -> None:
    histories, _ = made_histories(500, 13)
    planted = plant(histories, np.random.default_rng(0))
    assert (planted.histories.target == 0).all()
    place = {name: i for i, name in enumerate(histories.ids.tolist())}
    true = histories.kwh[[place[name] for name in planted.histories.ids.tolist()]]
    np.testing.assert_allclose(planted.lost, (true - planted.histories.kwh).sum(axis=1))
    assert (planted.lost >= 0).all()
    everybody = histories.take(histories.target == 1)
    with pytest.raises(NothingToLearnError, match="no ordinary history"):
        plant(everybody, np.random.default_rng(0))


def test_nothing_known_nothing_told() -> None:
    histories, _ = made_histories(300, 14)
    parts = fit_losses(histories)
    kwh = histories.kwh.copy()
    kwh[0] = np.nan
    from dataclasses import replace

    blank = replace(histories, kwh=kwh)
    found = losses(blank, compare(blank), parts)
    assert np.isnan(found.kwh[0])
    assert np.isnat(found.onset[0])
    assert np.isfinite(found.kwh[1:]).all()
