"""Two worklists that were worked out in another order: the same but for the last digits."""

from __future__ import annotations

import json

import pandas as pd
import pytest


def assert_same_list(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Equal rows; numbers within 1e-4, in the evidence within a hundred-thousandth of each."""
    pd.testing.assert_frame_equal(
        found.drop(columns="evidence"), expected.drop(columns="evidence"), check_dtype=False, atol=1e-4
    )
    for left, right in zip(found["evidence"], expected["evidence"], strict=True):
        one, other = json.loads(left), json.loads(right)
        assert [e["name"] for e in one] == [e["name"] for e in other]
        for ours, theirs in zip(one, other, strict=True):
            for key, value in ours.items():
                wanted = theirs[key]
                assert value == (
                    pytest.approx(wanted, rel=1e-5, abs=1e-6) if isinstance(wanted, float) else wanted
                )
