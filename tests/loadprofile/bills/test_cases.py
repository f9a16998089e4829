"""Cases: shapes are held, pairs are those that the table has."""

from __future__ import annotations

import numpy as np
import pytest
from bills import made_histories

from loadprofile.bills.cases import MONTHLY, BillCases, monthly_cases, monthly_layout
from loadprofile.errors import ShapeError


def test_taking_rows_takes_all_of_them() -> None:
    cases = monthly_cases(made_histories(30, 1)[0])
    some = cases.take(np.arange(30) % 3 == 0)
    assert len(some) == 10
    assert some.ids.tolist() == cases.ids[::3].tolist()
    assert some.categories["zona"].tolist() == cases.categories["zona"][::3].tolist()


def test_lengths_must_fit() -> None:
    cases = monthly_cases(made_histories(5, 1)[0])
    with pytest.raises(ShapeError, match="as_of"):
        BillCases(cases.features, cases.categories, cases.as_of[:4], cases.target)


def test_pairs_of_a_layout() -> None:
    assert monthly_layout(["zona", "actividad", "x"]).crossed == (("zona", "actividad"),)
    assert monthly_layout(["street", "rate"]).crossed == (("rate", "street"),)
    assert monthly_layout(["one"]).crossed == ()
    assert MONTHLY.change in monthly_cases(made_histories(2, 1)[0]).features.names
