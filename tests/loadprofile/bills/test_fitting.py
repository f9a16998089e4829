"""Learning: rows nobody visited teach nothing, the same rows give the same model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bills import made_histories

from loadprofile.bills.cases import MONTHLY, monthly_cases
from loadprofile.bills.fitting import fit_parts
from loadprofile.bills.model import score_of_parts


def test_the_same_rows_give_the_same_model_and_another_seed_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadprofile.bills.fitting.ROUNDS", 20)
    histories, _ = made_histories(400, 8)
    cases = monthly_cases(histories)
    scores = []
    for seed in (0, 0, 1):
        parts = fit_parts(cases, MONTHLY, seed)
        scores.append(score_of_parts(parts[0].transform(cases), *parts))
    np.testing.assert_array_equal(scores[0], scores[1])
    assert not np.array_equal(scores[0], scores[2])


def test_unknown_targets_are_known_to_be_unknown() -> None:
    histories, _ = made_histories(100, 9)
    target = histories.target.copy()
    target[:40] = -1
    assert monthly_cases(replace(histories, target=target)).known.sum() == 60
