from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.features import histograms

SLOW = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("slow_twins.py"))))
NAMES = (*histograms.COLUMNS, *(f"bin{b:02d}" for b in range(24)))


def one(values, least=1):
    kwh = np.asarray(values, dtype=np.float32).reshape(1, 1, -1)
    return dict(zip(NAMES, histograms.distribution(kwh, 24, least)[0].tolist(), strict=True))


@settings(deadline=None, max_examples=40, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.integers(1, 1500),
    shape=st.sampled_from([0.1, 1.0, 30.0]),
    minus=st.sampled_from([0.0, 0.0, 0.2, 50.0]),
    digits=st.sampled_from([1, 3, 9]),
    missing=st.sampled_from([0.0, 0.3, 1.0]),
    wild=st.sampled_from([0.0, 0.01]),
    least=st.sampled_from([1, 96]),
)
def test_distribution_is_that_of_the_slow_twin(seed, size, shape, minus, digits, missing, wild, least):
    rng = np.random.default_rng(seed)
    kwh = np.round(rng.gamma(shape, 0.3, size) - minus, digits).astype(np.float32)
    kwh[rng.random(size) < wild] *= 1e5
    kwh[rng.random(size) < missing] = np.nan
    found, expected = one(kwh, least), SLOW.distribution(kwh, 24, least)
    for name in NAMES:
        # the twin walks to the half height in steps of 1e-4 bins
        near = (
            {"rtol": 2e-3, "atol": 2e-3}
            if name in {"rule1", "height_to_width"}
            else {"rtol": 2e-4, "atol": 2e-5}
        )
        np.testing.assert_allclose(found[name], expected[name], err_msg=name, **near)


@settings(deadline=None, max_examples=40, derandomize=True)
@given(
    values=st.one_of(
        st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=200),
        st.lists(st.floats(1.0, 1.0 + 2**-6, width=32), min_size=1, max_size=60),  # a few cells only
    ),
    share=st.sampled_from([0.0, 0.05, 0.5, 0.95, 0.999, 1.0]),
)
def test_quantiles_are_numpys(values, share):
    kwh = np.sort(np.array(values, dtype=np.float32))
    found = histograms._quantile(kwh, share)
    assert found == pytest.approx(np.quantile(kwh.astype(np.float64), share), rel=1e-12, abs=1e-30)


def test_infinities_are_no_readings(rng):
    kwh = rng.gamma(1.0, 0.3, 300).astype(np.float32)
    odd = np.concatenate([kwh, np.array([np.inf, -np.inf, np.nan, np.inf], dtype=np.float32)])
    assert one(odd) == one(kwh)


def test_nothing_of_one_meter_leaks_into_the_next(rng):
    kwh = rng.gamma(1.0, 0.3, (6, 4, 48)).astype(np.float32)
    kwh[2] = np.nan
    kwh[3, 1:] = np.nan  # too few readings
    together = histograms.distribution(kwh, 24, 96)
    alone = np.concatenate([histograms.distribution(kwh[m : m + 1], 24, 96) for m in range(6)])
    np.testing.assert_array_equal(together, alone)
    assert np.isnan(together[2:4]).all()


def test_two_meters_of_negative_zeros_and_zeros_are_the_same():
    assert one([-0.0, 0.0, -0.0, 1.0]) == one([0.0, 0.0, 0.0, 1.0])


@pytest.mark.parametrize(
    ("heights", "modes"),
    [
        pytest.param([1, 2, 3, 2, 1], 1, id="one"),
        pytest.param([5, 1, 0, 1, 5], 2, id="two-at-the-edges"),
        pytest.param([0, 4, 4, 4, 0], 1, id="plateau"),
        pytest.param([10, 2, 2.5, 2, 0], 1, id="too-small"),
        pytest.param([10, 9.5, 10, 9.5, 10], 1, id="ripple"),
        pytest.param([10, 0, 1.2, 0, 3], 3, id="three"),
        pytest.param([0, 0, 0], 0, id="empty"),
    ],
)
def test_modes_are_peaks_that_stand_out(heights, modes):
    assert histograms._modes(np.array(heights, dtype=np.float64)) == modes


@pytest.mark.parametrize(
    ("heights", "width"),
    [
        pytest.param([0, 0, 4, 0, 0], 1.0, id="spike"),
        pytest.param([4, 0, 0], 1.0, id="spike-at-the-edge"),
        pytest.param([0, 2, 4, 2, 0], 2.0, id="triangle"),
        pytest.param([4, 4, 4], 3.0, id="flat"),
        pytest.param([0, 1, 4, 3, 0], 2 / 3 + 1 + 1 / 3, id="uneven"),
    ],
)
def test_half_height_width_in_bins(heights, width):
    assert histograms._half_width(np.array(heights, dtype=np.float64)) == pytest.approx(width)
