"""The bill model: explains itself exactly, comes back from a file unchanged, learns nothing later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bills import made_histories
from sklearn.metrics import roc_auc_score

from loadprofile.bills.cases import MONTHLY, monthly_cases
from loadprofile.bills.fitting import calibration_split, fit_bill_model
from loadprofile.bills.model import BillModel
from loadprofile.errors import ModelFileError, NothingToLearnError
from loadprofile.models.model import Model


def test_it_finds_planted_theft_in_customers_it_never_saw(bill_model: BillModel) -> None:
    histories, kind = made_histories(600, 2)
    cases = monthly_cases(histories)
    p = bill_model.probability(cases)
    assert roc_auc_score(kind != "", p) > 0.9
    assert p.mean() == pytest.approx((kind != "").mean(), abs=0.05)
    assert bill_model.probability(cases, 0.01).mean() < p.mean() < bill_model.probability(cases, 0.5).mean()


def test_contributions_and_base_sum_to_the_score(bill_model: BillModel) -> None:
    cases = monthly_cases(made_histories(50, 3)[0])
    added, base, names = bill_model.explain(cases)
    assert added.shape == (50, len(names))
    np.testing.assert_allclose(added.sum(axis=1) + base, bill_model.score(cases), atol=1e-9)


def test_a_row_is_judged_by_itself(bill_model: BillModel, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = monthly_cases(made_histories(40, 4)[0])
    whole = bill_model.score(cases)
    monkeypatch.setattr("loadprofile.bills.model.BLOCK", 7)
    np.testing.assert_allclose(bill_model.score(cases), whole, atol=1e-12)
    one = np.array([17])
    assert bill_model.score(cases.take(one)) == pytest.approx(bill_model.score(cases)[one])


def test_it_comes_back_from_a_file(bill_model: BillModel, tmp_path: Path) -> None:
    path = str(tmp_path / "bills.lpm")
    bill_model.save(path)
    back = BillModel.load(path)
    cases = monthly_cases(made_histories(30, 5)[0])
    np.testing.assert_array_equal(back.probability(cases), bill_model.probability(cases))
    np.testing.assert_array_equal(back.explain(cases)[0], bill_model.explain(cases)[0])
    assert back.manifest["visits"] == 1200
    with pytest.raises(ModelFileError, match="reads bills"):
        Model.load(path)


def test_an_interval_model_is_refused(small_model: Model, tmp_path: Path) -> None:
    path = str(tmp_path / "interval.lpm")
    small_model.save(path)
    with pytest.raises(ModelFileError, match="train one first"):
        BillModel.load(path)


def test_too_few_frauds() -> None:
    histories, _ = made_histories(60, 6)
    with pytest.raises(NothingToLearnError, match=r"nothing can be learned from .* at least 30"):
        fit_bill_model(monthly_cases(histories), MONTHLY)
    histories, _ = made_histories(300, 6)
    thieves = replace(histories, target=np.where(np.arange(300) < 290, 1, 0).astype(histories.target.dtype))
    with pytest.raises(NothingToLearnError, match="290 frauds and 10 visits without"):
        fit_bill_model(monthly_cases(thieves), MONTHLY)


def test_calibration_is_learned_on_later_visits_of_other_customers() -> None:
    histories, _ = made_histories(800, 7)
    ids = histories.ids.copy()
    ids[::2] = ids[1::2]  # each customer is visited twice
    cases = monthly_cases(replace(histories, ids=ids))
    earlier, later = calibration_split(cases, 0)
    assert cases.as_of[earlier].max() < cases.as_of[later].min()
    assert not set(ids[earlier]) & set(ids[later])
    assert 0.1 < len(later) / 800 < 0.4
    same_day = monthly_cases(replace(histories, ids=ids, as_of=np.full(800, np.datetime64("2020-01-01"))))
    earlier, later = calibration_split(same_day, 0)
    assert len(later) > 100
    assert not set(ids[earlier]) & set(ids[later])
