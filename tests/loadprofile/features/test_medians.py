from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.features.medians import median, sort_columns


@settings(deadline=None, max_examples=300)
@given(
    seed=st.integers(0, 10_000),
    n=st.one_of(st.integers(1, 30), st.integers(1, 600)),
    kind=st.sampled_from(["normal", "ties", "mostly_zero", "two_heaps", "far_apart", "tiny"]),
)
def test_median_is_numpys(seed: int, n: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    values = {
        "normal": rng.standard_normal(n),
        "ties": rng.integers(-2, 3, n).astype(np.float64),
        "mostly_zero": np.where(rng.random(n) < 0.6, 0.0, rng.random(n)),
        "two_heaps": np.where(np.arange(n) < n // 2, rng.random(n), 1e9 + rng.random(n)),
        "far_apart": 10.0 ** rng.uniform(-200, 200, n),
        "tiny": 1.0 + 1e-15 * rng.integers(0, 9, n),
    }[kind]
    held = np.concatenate([values, np.full(5, np.inf)])  # what comes after the first n does not count
    assert median(held, n, np.empty(n)) == np.median(values)
    np.testing.assert_array_equal(held[:n], values)


def test_median_of_nothing_is_unknown() -> None:
    assert np.isnan(median(np.ones(3), 0, np.empty(3)))


@pytest.mark.parametrize("n", [2, 40, 365])
def test_even_numbers_have_the_mean_of_the_middle_two(n: int) -> None:
    values = np.arange(n, dtype=np.float64)[::-1].copy()
    assert median(values, n, np.empty(n)) == (n - 1) / 2


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000), n=st.integers(0, 70), s=st.integers(1, 9))
def test_columns_are_sorted_as_numpy_sorts_them(seed: int, n: int, s: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.choice([0.0, 1.0, 2.5, np.inf, *rng.standard_normal(5)], (n, s))
    wanted = np.sort(rows, axis=0)
    sort_columns(rows)
    np.testing.assert_array_equal(rows, wanted)
