"""Energy from planted thefts: an estimate stays on the customer's own scale."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from loadprofile.bills.energy import Foreseen, energy_lost, fit_energy
from loadprofile.errors import NothingToLearnError


def seen(true: np.ndarray, kept: np.ndarray, dropped: np.ndarray) -> Foreseen:
    """Customers of whom a part is billed; the level before a drop is known to within a tenth."""
    rng = np.random.default_rng(5)
    billed = true * kept
    guess = true * np.exp(rng.normal(0, 0.1, len(true)))
    typical = np.full(len(true), 2400.0)
    return Foreseen(dropped, np.ones(len(true)), guess, billed, billed, typical, 1.2 * billed)


def utility(n: int, seed: int) -> tuple[Foreseen, np.ndarray]:
    rng = np.random.default_rng(seed)
    true = np.exp(rng.normal(np.log(2400), 1.0, n))
    kept = np.where(rng.random(n) < 1 / 7, 0.0, rng.uniform(0.2, 0.8, n))
    return seen(true, kept, rng.random(n) < 0.3), true


def test_four_in_five_intervals_hold_the_truth() -> None:
    learned, used = utility(4000, 1)
    parts = fit_energy(learned, used, used)
    asked, true = utility(4000, 2)
    kwh, low, high = energy_lost(asked, parts)
    lost = true - asked.billed
    held = (low <= lost) & (lost <= high)
    assert (low <= kwh).all()
    assert (kwh <= high).all()
    for rows in (asked.dropped, ~asked.dropped, asked.gone & ~asked.dropped, asked.dropped & (true > 5000)):
        assert rows.sum() > 100
        assert 0.70 < held[rows].mean() < 0.88


def test_a_large_customer_is_not_thought_to_use_many_times_its_bills() -> None:
    learned, used = utility(4000, 1)
    parts = fit_energy(learned, used, used)
    none = np.zeros(2, dtype=bool)
    billed = np.array([1e6, 1e7])
    large = Foreseen(none, np.ones(2), np.full(2, np.nan), billed, billed, np.full(2, 2400.0), 1.2 * billed)
    _, low, high = energy_lost(large, parts)
    assert high == pytest.approx(0.2 * billed)
    assert (low < high / 2).all()
    # unless its peers use as much
    equal = replace(large, typical=billed)
    assert (energy_lost(equal, parts)[2] > billed).all()


def test_nothing_billed_nothing_told_and_too_few_are_refused() -> None:
    learned, used = utility(500, 1)
    parts = fit_energy(learned, used, used)
    nothing = Foreseen(*(np.array([x]) for x in (False, 1.0, np.nan, 0.0, np.nan, 2400.0, 0.0)))
    assert np.isnan(energy_lost(nothing, parts)[0][0])
    few, used = utility(20, 3)
    with pytest.raises(NothingToLearnError, match="too few"):
        fit_energy(few, used, used)
