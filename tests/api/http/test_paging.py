"""Cursors hold what was put into them, and nothing else passes for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.paging import cursor_after, values_of
from api.http.problems import ProblemError


@given(st.text(st.characters(categories=["L", "N", "P"]), max_size=40), st.integers(0, 2**63 - 1))
def test_a_cursor_comes_back_as_it_was(text: str, number: int) -> None:
    assert values_of(cursor_after(text, number), str, int) == [text, number]


@given(st.text(max_size=40))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ProblemError):
        values_of(text + "!", str, int)


@pytest.mark.parametrize(
    "values", [("a",), (1, "a"), ("a", True), ("a", -1), ("a", 2**63), ("a\0", 1), ("a", 1.0)]
)
def test_values_of_other_kinds_are_refused(values: tuple[object, ...]) -> None:
    with pytest.raises(ProblemError):
        values_of(cursor_after(*values), str, int)
