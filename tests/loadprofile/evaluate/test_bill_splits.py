"""Time goes one way: splits keep it, and the check finds every planted leak."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bills import made_histories
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.bills.cases import BillCases, monthly_cases
from loadprofile.errors import OptionError
from loadprofile.evaluate.bill_splits import assert_time_order, time_splits
from loadprofile.evaluate.splits import LeakError


def visited_twice(n: int = 300, seed: int = 1) -> BillCases:
    histories, _ = made_histories(n, seed)
    ids = histories.ids.copy()
    ids[: n // 2] = ids[n // 2 : n // 2 * 2]
    return monthly_cases(replace(histories, ids=ids))


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 99))
def test_splits_are_in_time_order_and_of_different_customers(months: int, count: int, seed: int) -> None:
    cases = visited_twice(200, seed)
    splits = time_splits(cases, months, count)
    assert len(splits) == count
    judged = np.concatenate([split.test for split in splits])
    assert len(judged) == len(set(judged.tolist()))
    for split in splits:
        train, test = cases.take(split.train), cases.take(split.test)
        assert_time_order(train, test)
        assert train.as_of.max() < np.datetime64(split.first)
        assert not set(train.ids) & set(test.ids)


def test_a_row_of_the_judged_month_is_a_leak() -> None:
    cases = monthly_cases(made_histories(200, 2)[0])
    split = time_splits(cases, 2, 1)[0]
    test = cases.take(split.test)
    with pytest.raises(LeakError, match="judged days or later"):
        assert_time_order(cases.take(np.append(split.train, split.test[:1])), test)


def test_an_earlier_visit_of_the_same_customer_is_a_leak() -> None:
    cases = visited_twice()
    split = time_splits(cases, 2, 1)[0]
    test = cases.take(split.test)
    early = np.flatnonzero((cases.as_of < test.as_of.min()) & np.isin(cases.ids, test.ids))
    assert len(early)
    with pytest.raises(LeakError, match="'train' and in 'test'"):
        assert_time_order(cases.take(np.append(split.train, early[:1])), test)


def test_too_few_months() -> None:
    with pytest.raises(OptionError, match="at least one to learn from"):
        time_splits(monthly_cases(made_histories(50, 3)[0]), 5, 2)
