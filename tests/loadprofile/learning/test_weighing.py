from __future__ import annotations

import numpy as np
import pytest

from loadprofile.errors import OptionError
from loadprofile.learning.weighing import effective_count, inverse_propensity
from loadprofile.store.visits import draw


def test_weights_undo_the_choice_of_who_is_visited() -> None:
    """Thieves rank high, so visits find far too many; weighted, they find as many as there are."""
    rng = np.random.default_rng(8)
    n = 400
    steals = rng.random(n) < 0.1
    order = np.argsort(-(steals + rng.normal(0, 0.7, n)))
    raw, weighted = [], []
    for seed in range(300):
        ranked, drawn, propensity = draw(n, order[:80], 60, 0.5, seed)
        rows = np.concatenate([ranked, drawn])
        raw.append(steals[rows].mean())
        weighted.append(np.average(steals[rows], weights=inverse_propensity(propensity[rows])))
    assert np.mean(raw) > 1.8 * steals.mean()
    assert np.mean(weighted) == pytest.approx(steals.mean(), abs=0.01)


def test_weights_have_a_mean_of_one_and_a_largest() -> None:
    found = inverse_propensity([1.0, 0.5, 0.001, np.nan], most=4.0)
    assert found.mean() == pytest.approx(1.0)
    assert found / found[0] == pytest.approx([1.0, 2.0, 4.0, 1.0])
    assert inverse_propensity([]).shape == (0,)


@pytest.mark.parametrize("wrong", [0.0, -0.1, 1.2])
def test_what_is_no_probability_is_refused(wrong: float) -> None:
    with pytest.raises(OptionError, match="propensity"):
        inverse_propensity([0.5, wrong])
    with pytest.raises(OptionError, match="most"):
        inverse_propensity([0.5], most=0.5)


def test_unequal_weights_count_for_fewer_cases() -> None:
    assert effective_count(np.ones(7)) == pytest.approx(7.0)
    assert effective_count(np.array([10.0, 0.1, 0.1])) < 1.1
    assert effective_count(np.empty(0)) == 0.0
