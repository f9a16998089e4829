"""Clients with invoices on the common worklist."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from steg_bills import MadeUtility

from loadprofile.bills.model import BillModel
from loadprofile.bills.steg import StegView
from loadprofile.bills.steg_judging import judge_steg, view_of
from loadprofile.bills.steg_losses import steg_losses
from loadprofile.bills.steg_peers import steg_peers
from loadprofile.errors import ModelFileError
from loadprofile.verdicts import CAUSES, UNDECIDED, Cause
from loadprofile.worklist import COLUMNS, worklist


def test_the_worklist_is_that_of_the_contract(
    other_utility: MadeUtility, steg_model: BillModel, tmp_path: Path
) -> None:
    path = str(tmp_path / "m.lpm")
    steg_model.save(path)
    back = BillModel.load(path)
    assert view_of(back.extras) == StegView()
    bills = other_utility.bills()
    verdicts = judge_steg(back, bills)
    np.testing.assert_array_equal(verdicts.probabilities, judge_steg(steg_model, bills).probabilities)
    frame = worklist(verdicts)
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == len(bills)
    p = verdicts.probabilities
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    stolen = other_utility.of("level_drop", "index_stall", "estimated")
    assert roc_auc_score(stolen, p[:, -1]) > 0.8
    # arithmetic moves the office that it speaks of, and never the calibrated odds of fraud
    at = CAUSES.index(Cause.DATA_MISMATCH)
    broken = other_utility.of("coefficient_error", "sum_error", "index_gap", "overlap")
    assert np.median(p[broken, at]) > 1.8 * np.median(p[~broken, at])
    called = verdicts.cause == str(Cause.DATA_MISMATCH)
    for row in np.flatnonzero(called)[:10]:
        assert verdicts.evidence[row][0].name.startswith(("data_mismatch.", "fraud."))
        assert any(e.name.startswith("data_mismatch.") for e in verdicts.evidence[row])
    assert all(
        "do not show cyber attack, super consumption" in said[-1].sentence for said in verdicts.evidence
    )
    # what an office has to correct is told, but it sends no crew: the rank is by what fraud would bring back
    recovery = frame.set_index("meter_id").loc[bills.clients.client_ids, "expected_recovery"]
    stolen = steg_losses(steg_peers(bills), back.extras).kwh
    np.testing.assert_allclose(recovery, p[:, -1] * np.nan_to_num(stolen), atol=1e-3)
    assert (verdicts.lost_kwh[called] > 3.0 * stolen[called]).any()
    empty = np.diff(bills.invoices.starts) == 0
    assert (verdicts.cause[empty] == UNDECIDED).all()
    assert np.isnan(verdicts.lost_kwh[empty]).all()


def test_a_model_of_other_bills_is_refused(other_utility: MadeUtility, steg_model: BillModel) -> None:
    with pytest.raises(ModelFileError, match="trained on monthly bills"):
        judge_steg(replace(steg_model, reads="monthly"), other_utility.bills())
