"""No text of a client becomes a formula in an analyst's spreadsheet."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.exports import harmless, harmless_frame

STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1+1", "-", "=A()"],
)  # fmt: skip
def test_formulas_become_texts(text: str) -> None:
    assert harmless(text) == "'" + text


@pytest.mark.parametrize("value", ["A100", "", "-3.5", "+1e5", -3.5, 7, None, "a=b", "1-2", True])
def test_what_is_no_formula_stays(value: object) -> None:
    assert harmless(value) is value


@given(st.text(max_size=30))
def test_nothing_that_starts_a_formula_is_left(text: str) -> None:
    out = str(harmless(text))
    try:
        float(out)
    except ValueError:
        assert not out.lstrip(" ").startswith(STARTS)


def test_a_table_is_harmless_in_every_cell_and_name() -> None:
    frame = pd.DataFrame({"meter_id": ["=A1", "B"], "kwh": [-1.5, 2.0], "@x": pd.Categorical(["-1+1", "c"])})
    out = harmless_frame(frame)
    assert out["meter_id"].tolist() == ["'=A1", "B"]
    assert out["kwh"].tolist() == [-1.5, 2.0]
    assert list(out.columns) == ["meter_id", "kwh", "'@x"]
    assert out["'@x"].tolist() == ["'-1+1", "c"]
    assert frame["meter_id"].tolist() == ["=A1", "B"]
