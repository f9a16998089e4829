from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadprofile.evaluate.shares import median_of, share_of, weighted_share


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=12))
def test_the_median_is_numpys(values: list[int]) -> None:
    v = np.array(values, dtype=np.float64)
    homes = np.array([f"h{i}" for i in range(len(v))])
    assert median_of(v, homes, resamples=2).value == np.median(v)


def test_the_median_leaves_out_what_is_not_known() -> None:
    homes = np.array(["a", "b", "c"])
    assert median_of(np.array([np.nan, 1.0, 3.0]), homes, 10).value == 2.0
    assert np.isnan(median_of(np.full(3, np.nan), homes).value)


def test_rows_of_one_home_widen_a_share() -> None:
    hit = np.array([True] * 18 + [False] * 2)
    many, few = (share_of(hit, np.array([f"h{i % k}" for i in range(20)])) for k in (20, 4))
    assert many.value == few.value == 0.9
    assert few.low < many.low


def test_weights_are_as_good_as_repeated_rows() -> None:
    hit = np.array([True, False, True, False])
    among = np.array([True, True, True, False])
    homes = np.array(["a", "b", "c", "d"])
    weights = np.array([3.0, 1.0, 2.0, 9.0])
    assert weighted_share(hit, among, weights, homes).value == pytest.approx(5 / 6)


def test_a_share_of_nothing_cannot_be_told() -> None:
    none = np.zeros(3, dtype=np.bool_)
    assert np.isnan(weighted_share(none, none, np.ones(3), np.array(["a", "b", "c"])).value)
