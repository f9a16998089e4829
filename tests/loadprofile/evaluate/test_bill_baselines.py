"""Baselines beside the bill model: each gives a score per row; the rule knows a drop."""

from __future__ import annotations

import numpy as np
import pytest
from bills import made_histories
from sklearn.metrics import roc_auc_score

from loadprofile.bills.cases import MONTHLY, BillLayout, monthly_cases
from loadprofile.evaluate.bill_baselines import BASELINES, DROP_RULE, baseline_scores, baselines_for


@pytest.mark.parametrize("name", BASELINES)
def test_each_scores_every_row(name: str) -> None:
    train = monthly_cases(made_histories(250, 51)[0])
    histories, kind = made_histories(200, 52)
    scores = baseline_scores(name, train, monthly_cases(histories), MONTHLY, 0)
    assert scores.shape == (200,)
    assert np.isfinite(scores).all()
    if name == DROP_RULE:
        drops = (kind == "level") | (kind == "")
        assert roc_auc_score(kind[drops] == "level", scores[drops]) > 0.9


def test_the_rule_is_asked_only_where_there_is_one() -> None:
    assert baselines_for(MONTHLY) == BASELINES
    assert DROP_RULE not in baselines_for(BillLayout("steg"))
