"""Histories: shapes, days and targets are held when they are made; counts add up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bills import made_histories

from loadprofile.errors import ShapeError
from loadprofile.ingest.monthly_values import MonthlyCounts


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        pytest.param("kwh", np.zeros((4, 11)), "kwh", id="months"),
        pytest.param("kwh", np.full((4, 12), np.inf), "finite", id="infinite"),
        pytest.param("as_of", np.full(4, np.datetime64("NaT", "D")), "no date", id="no_day"),
        pytest.param("target", np.full(4, 3, dtype=np.int8), "-1, 0 or 1", id="target"),
        pytest.param("categories", {"zone": np.array(["a"])}, "zone", id="categories"),
    ],
)
def test_what_does_not_fit(field: str, value: object, words: str) -> None:
    histories, _ = made_histories(4, 1)
    with pytest.raises(ShapeError, match=words):
        replace(histories, **{field: value})  # type: ignore[arg-type]


def test_they_cannot_be_changed_and_rows_can_be_taken() -> None:
    histories, _ = made_histories(6, 1)
    with pytest.raises(ValueError, match="read-only"):
        histories.kwh[0, 0] = 1.0
    assert histories.take(np.array([4, 1])).ids.tolist() == histories.ids[[4, 1]].tolist()


def test_counts_must_add_up() -> None:
    assert MonthlyCounts(5, 3, 1, 1, 0).read == 5
    with pytest.raises(ShapeError, match="sum of the parts"):
        MonthlyCounts(5, 3, 1, 0, 0)
