"""The rolling protocol: figures in time order only, and a future that leaks is found out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bills import made_histories

from loadprofile.bills.cases import MONTHLY, BillCases, monthly_cases
from loadprofile.bills.fitting import fit_parts
from loadprofile.bills.model import score_of_parts
from loadprofile.errors import NothingToJudgeError
from loadprofile.evaluate import bills
from loadprofile.evaluate.bill_baselines import BASELINES
from loadprofile.evaluate.bill_splits import TimeSplit, time_splits
from loadprofile.evaluate.bills import evaluate_bills, fits
from loadprofile.evaluate.estimates import Estimate
from loadprofile.evaluate.metrics import ranking
from loadprofile.evaluate.splits import LeakError


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadprofile.bills.fitting.ROUNDS", 10)
    monkeypatch.setattr("loadprofile.bills.fitting.SEEDS", 1)
    monkeypatch.setattr(bills, "RESAMPLES", 10)
    monkeypatch.setattr(bills, "STRETCH", 2)
    monkeypatch.setattr(bills, "STRETCHES", 1)


def leaking(cases: BillCases, months: int, count: int) -> list[TimeSplit]:
    """Splits that learn from everything but the judged rows, later ones too."""
    return [
        replace(split, train=np.setdiff1d(np.arange(len(cases)), split.test))
        for split in time_splits(cases, months, count)
    ]


def test_the_tables(quick: None) -> None:
    cases = monthly_cases(made_histories(700, 41)[0])
    called: list[int] = []
    names = ("consumption drop rule", "isolation forest", "decision_tree")
    block, rolling, ablation = evaluate_bills(
        cases, MONTHLY, origins=4, baselines=names, each=called.append
    )  # fmt: skip
    assert [row["method"] for row in block.rows][-3:] == list(names)
    first = block.rows[0]
    assert isinstance(first["AUC"], Estimate)
    assert first["AUC"].value > 0.85
    assert isinstance(first["calibration error"], Estimate)
    assert [row["month"] for row in rolling.rows] == [
        "2020-07",
        "2020-08",
        "2020-09",
        "2020-10",
        "all from 2020-10",
    ]
    assert {"everything", "without categories", "trees alone"} <= {row["what"] for row in ablation.rows}
    assert len(called) == fits(cases, MONTHLY) - bills.ORIGINS + 4 - len(BASELINES) + len(names)


def test_a_split_that_sees_the_future_is_refused(quick: None) -> None:
    cases = monthly_cases(made_histories(600, 42)[0])
    with pytest.raises(LeakError, match="judged days or later"):
        evaluate_bills(cases, MONTHLY, origins=3, baselines=(), splitter=leaking)


def test_what_a_leak_would_be_worth(quick: None) -> None:
    """Districts where theft begins in the judged month: the past cannot know them, the future does."""
    histories, _ = made_histories(900, 43)
    rng = np.random.default_rng(0)
    late = histories.as_of >= np.datetime64("2020-09-01")
    zone = rng.choice([f"z{i}" for i in range(8)], len(histories)).astype(np.str_)
    target = np.where(late, np.isin(zone, ("z0", "z1")), rng.random(len(zone)) < 0.2).astype(np.int8)
    even = np.tile(100.0 + np.arange(12.0), (len(histories), 1))
    cases = monthly_cases(replace(histories, kwh=even, target=target, categories={"zona": zone}))

    def auc(split: TimeSplit) -> float:
        parts = fit_parts(cases.take(split.train), MONTHLY)
        test = cases.take(split.test)
        return ranking(score_of_parts(parts[0].transform(test), *parts), test.target).auc.value

    assert time_splits(cases, 1, 2)[0].first == "2020-09"
    assert auc(time_splits(cases, 1, 2)[0]) < 0.7
    assert auc(leaking(cases, 1, 2)[0]) > 0.9


def test_rows_without_a_verdict_are_not_judged(quick: None) -> None:
    histories, _ = made_histories(50, 44)
    with pytest.raises(NothingToJudgeError, match="column target"):
        evaluate_bills(monthly_cases(replace(histories, target=np.full(50, -1, dtype=np.int8))), MONTHLY)
