"""Bills on the common worklist: one cause is judged, the others stay at their prior, and it says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bills import made_histories

from loadprofile.bills.cases import monthly_cases
from loadprofile.bills.judging import TOO_LITTLE, WOULD_DECIDE, bill_probabilities, judge_monthly
from loadprofile.bills.model import BillModel
from loadprofile.errors import ModelFileError, OptionError
from loadprofile.models.model import FIELD_PRIOR
from loadprofile.verdicts import CAUSES, UNDECIDED, Cause
from loadprofile.worklist import COLUMNS, worklist


def test_the_other_causes_keep_their_proportions() -> None:
    p = bill_probabilities(np.array([0.0, 0.05, 0.9, 1.0]))
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    np.testing.assert_allclose(p[1], [FIELD_PRIOR[cause] for cause in CAUSES])
    np.testing.assert_allclose(p[2, :-1] / p[2, 0], p[1, :-1] / p[1, 0])


def test_the_worklist_is_that_of_the_contract(bill_model: BillModel) -> None:
    histories, kind = made_histories(400, 31)
    kwh = histories.kwh.copy()
    kwh[0] = np.nan
    verdicts = judge_monthly(bill_model, replace(histories, kwh=kwh, target=np.full(400, -1, dtype=np.int8)))
    frame = worklist(verdicts)
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == 400
    known = monthly_cases(histories).take(np.arange(1, 400))
    np.testing.assert_allclose(verdicts.probabilities[1:, -1], bill_model.probability(known), atol=1e-9)
    recovery = frame["expected_recovery"].to_numpy()
    assert (np.diff(recovery) <= 0).all()
    assert frame[[f"p_{c}" for c in CAUSES]].sum(axis=1).to_numpy() == pytest.approx(1.0, abs=1e-6)
    assert set(frame["cause"]) <= {str(Cause.NORMAL), str(Cause.FRAUD), UNDECIDED}
    called = verdicts.cause == str(Cause.FRAUD)
    assert called.sum() > 10
    assert (kind[called] != "").mean() > 0.9
    assert all("bills do not show data mismatch" in said[-1].sentence for said in verdicts.evidence)
    blank = frame.set_index("meter_id").loc[histories.ids[0]]
    assert blank["cause"] == UNDECIDED
    assert blank["would_decide"] == TOO_LITTLE
    open_ones = frame[(frame["cause"] == UNDECIDED) & (frame["meter_id"] != histories.ids[0])]
    assert (open_ones["would_decide"] == WOULD_DECIDE).all()


def test_the_onset_is_that_of_the_drop(bill_model: BillModel) -> None:
    histories, kind = made_histories(300, 32)
    verdicts = judge_monthly(bill_model, histories)
    rows = (kind == "level") & (verdicts.cause == str(Cause.FRAUD))
    assert rows.sum() > 5
    dated = rows & ~np.isnat(verdicts.onset)
    assert dated.sum() > 0.8 * rows.sum()
    assert (verdicts.onset_low[dated] <= verdicts.onset[dated]).all()
    assert (verdicts.onset[dated] <= verdicts.onset_high[dated]).all()
    assert np.isnat(verdicts.onset[verdicts.cause == str(Cause.NORMAL)]).all()


def test_a_model_of_other_bills_is_refused(bill_model: BillModel) -> None:
    with pytest.raises(ModelFileError, match="trained on steg bills"):
        judge_monthly(replace(bill_model, reads="steg"), made_histories(5, 33)[0])


def test_bills_without_a_category_of_the_model_are_refused(bill_model: BillModel) -> None:
    histories = made_histories(5, 33)[0]
    fewer = replace(histories, categories={"zona": histories.categories["zona"]})
    with pytest.raises(OptionError, match="these bills lack tipo_tarifa") as raised:
        judge_monthly(bill_model, fewer)
    assert raised.value.exit_code == 2
