from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.features import grid, ruled_out


def rounded(values: np.ndarray, step: float) -> np.ndarray:
    return (np.rint(values / step) * step).astype(np.float32)


def longest(steady: list[bool]) -> int:
    return max(len(run) for run in "".join("x" if yes else " " for yes in steady).split(" "))


@settings(deadline=None, max_examples=80)
@given(seed=st.integers(0, 10_000), least=st.sampled_from([6, 12]), length=st.integers(1, 14))
def test_a_constant_run_is_never_missed(seed: int, least: int, length: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 3, 200).astype(np.float32)
    values[rng.random(200) < 0.1] = np.nan
    at = rng.integers(0, 200 - length)
    values[at : at + length] = 1.0
    same = [bool(b == a != 0) for a, b in pairwise(values)]
    assert ruled_out.may_be_constant(values, least) == (longest(same) >= least - 1)


@settings(deadline=None, max_examples=80)
@given(seed=st.integers(0, 10_000), length=st.integers(3, 14), step=st.sampled_from([np.nan, 0.001]))
def test_a_straight_run_is_never_missed(seed: int, length: int, step: float) -> None:
    rng = np.random.default_rng(seed)
    values = rounded(rng.gamma(1.0, 0.3, 120), 0.001)
    values[rng.random(120) < 0.05] = np.nan
    at = rng.integers(0, 120 - length)
    values[at : at + length] = rounded(0.5 + 0.05 * np.arange(length), 0.001)
    floor = 0.0 if np.isnan(step) else 2.5 * step
    steady = [bool(ruled_out._steady(values, k, step, floor)) for k in range(2, 120)]
    assert ruled_out.may_be_straight(values, 8, step, floor) == (longest(steady) >= 6)


@settings(deadline=None, max_examples=80)
@given(seed=st.integers(0, 10_000), kind=st.sampled_from(["clean", "doubled", "scaled", "zeros", "coarse"]))
def test_what_is_called_unbroken_holds_no_stretch(seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    values = rounded(rng.gamma(1.2, 0.3, 12 * 48), 0.001)
    values[rng.random(len(values)) < 0.1] = np.nan
    at, length = rng.integers(0, 400), rng.integers(4, 60)
    if kind == "doubled":
        values[at : at + length] *= np.float32(rng.choice([2, 3, 5]))
    if kind == "scaled":
        values[at : at + length] *= np.float32(1.37)
    if kind == "zeros":
        values[rng.random(len(values)) < 0.7] = 0.0
    if kind == "coarse":
        values = rounded(values, 0.01)
    on, positive, unbroken = ruled_out.unbroken_grid(values, 0.001)
    full = grid._span(values, 0.001)
    assert (on, positive) == full[:2]
    if unbroken:
        assert full[3] < 0
    if kind == "clean":  # what makes it cheap
        flags = ruled_out.multiples(ruled_out.whole_steps(values, 0.001)[3])
        turns = np.rint(values.astype(np.float64) / 0.001)
        for flag, divisor in ((1, 2), (2, 3), (4, 5)):
            expected = ~(values > 0) | (turns % divisor == 0)
            np.testing.assert_array_equal((flags & flag) > 0, expected)
