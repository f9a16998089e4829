"""Rows shifted to the right: found by their values, moved back exactly, and nothing else moved."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.ingest.steg.layout import ORDER
from loadprofile.ingest.steg.shift import find_shifted, shift_back

USUAL = (7001, 0, 203, 6, 1, 82, 0, 0, 0, 14302, 14384, 4)


def rows_of(count: int) -> np.ndarray:
    """``(count, 12)`` faultless rows with the variety of a real file."""
    rng = np.random.default_rng(count)
    rows = np.tile(np.array(USUAL), (count, 1))
    rows[:, 0] = rng.integers(1000, 9999, count)
    rows[:, 1] = rng.choice([0, 1, 5], count, p=[0.95, 0.03, 0.02])
    rows[:, 2] = rng.choice([203, 207, 5], count)
    rows[:, 3] = rng.choice([6, 8, 9], count)
    rows[:, 5] = rng.integers(0, 900, count)
    rows[:, 9] = rng.integers(0, 90_000, count)
    rows[:, 10] = rows[:, 9] + rows[:, 5]
    return rows


def columns_of(rows: np.ndarray) -> dict[str, np.ndarray]:
    return {name: rows[:, k].copy() for k, name in enumerate(ORDER)}


def shifted(row: np.ndarray, foreign: int, *, whole: bool) -> np.ndarray:
    out = row.copy()
    first = 0 if whole else 1
    out[first + 1 :] = row[first:-1]
    out[first] = foreign
    return out


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 399), st.sampled_from([46, 420, 618, 769, 269_375])), max_size=12,
             unique_by=lambda pair: pair[0])
)  # fmt: skip
def test_exactly_the_shifted_rows_are_found_and_moved_back(planted: list[tuple[int, int]]) -> None:
    right = rows_of(400)
    # a code 5 in the remark's column is no sign by itself: remarks and codes may share a value
    wrong = right.copy()
    for row, foreign in planted:
        wrong[row] = shifted(right[row], foreign, whole=False)
    columns = columns_of(wrong)
    found = find_shifted(columns, np.zeros(400, dtype=np.int32))
    assert found.rows.tolist() == sorted(row for row, _ in planted)
    assert not found.from_counter.any()
    shift_back(columns, ORDER, found)
    back = np.stack([columns[name] for name in ORDER], axis=1)
    right[found.rows, -1] = -1  # the months fell off the end
    assert np.array_equal(back, right)


def test_a_counter_number_in_the_status_is_brought_home() -> None:
    right = rows_of(400)
    right[::2, 0] = 555  # half of the rows are of one counter
    wrong = right.copy()
    wrong[10] = shifted(right[10], 618, whole=True)
    columns = columns_of(wrong)
    found = find_shifted(columns, np.zeros(400, dtype=np.int32))
    assert found.rows.tolist() == [10]
    assert found.from_counter.tolist() == [True]
    shift_back(columns, ORDER, found)
    assert [int(columns[name][10]) for name in ORDER[:-1]] == right[10, :-1].tolist()


@pytest.mark.parametrize("column", range(1, 5))
def test_a_single_foreign_value_moves_nothing(column: int) -> None:
    rows = rows_of(400)
    rows[7, column] = rows[7, column - 1]
    assert find_shifted(columns_of(rows), np.zeros(400, dtype=np.int32)).rows.tolist() == []
