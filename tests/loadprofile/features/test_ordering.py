from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from loadprofile.features.ordering import in_order, level_and_kinds, quantile, ranked, usual

READINGS = hnp.arrays(
    np.float32,
    st.integers(0, 200),
    elements=st.one_of(st.just(np.nan), st.sampled_from([0.0, -0.0, 0.5]), st.floats(-1e6, 1e6, width=32)),
)


@settings(deadline=None, max_examples=60)
@given(values=READINGS)
def test_order_level_and_kinds_equal_the_slow_twin(values: np.ndarray) -> None:
    present = sorted(float(v) for v in values if not np.isnan(v))
    rank = ranked(values)
    assert rank.tolist() == present
    level, kinds = level_and_kinds(rank)
    assert kinds == len(set(present))
    cut = len(present) // 100
    middle = present[cut : len(present) - cut]
    if middle:
        np.testing.assert_allclose(level, np.mean(middle), rtol=1e-9, atol=1e-6)
        assert quantile(rank, 0.5) == present[(len(present) - 1) // 2]
    else:
        assert np.isnan(level)
        assert np.isnan(quantile(rank, 0.5))


def test_negative_zero_is_zero() -> None:
    assert not np.signbit(ranked(np.array([-0.0, np.nan], dtype=np.float32))[0])


def test_usual_equals_the_slow_twin(rng: np.random.Generator) -> None:
    values = rng.gamma(1.0, 1.0, 24 * 20).astype(np.float32)
    values[rng.random(480) < 0.2] = 0.0
    values[rng.random(480) < 0.2] = np.nan
    values[5::24] = np.nan  # a slot without readings
    slot = np.tile(np.arange(24, dtype=np.int32), 20)
    energy, zero_share = usual(values, slot, 24, 2.0)
    for t in range(24):
        real = values[slot == t].astype(np.float64)
        real = real[~np.isnan(real)]
        if t == 5:
            assert np.isnan(energy[t])
            assert np.isnan(zero_share[t])
        else:
            np.testing.assert_allclose(energy[t], np.minimum(real, 2.0).mean())
            np.testing.assert_allclose(zero_share[t], (real == 0).mean())


def test_usual_does_not_follow_a_spike() -> None:
    values = np.ones(24 * 10, dtype=np.float32)
    values[30] = 1e6
    energy, _ = usual(values, np.tile(np.arange(24, dtype=np.int32), 10), 24, 1.0)
    np.testing.assert_array_equal(energy, 1.0)


@pytest.mark.parametrize("n", [1, 2, 7, 3000])
def test_radix_order_is_numpys(n: int) -> None:
    rng = np.random.default_rng(n)
    values = (rng.normal(0, 1, n) * 10.0 ** rng.integers(-30, 30, n)).astype(np.float32)
    values[:: max(n // 3, 1)] = 0.0
    values[-1] = np.inf
    np.testing.assert_array_equal(in_order(values), np.sort(values))
    rounded = np.round(rng.gamma(2, 0.3, n), 3).astype(np.float32)
    np.testing.assert_array_equal(in_order(rounded), np.sort(rounded))
