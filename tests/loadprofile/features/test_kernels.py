from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.features import kernels

SLOW = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("slow_twins.py"))))
FEW = settings(deadline=None, max_examples=25, derandomize=True)


@st.composite
def meters(draw):
    """One meter of any length, with zeros, ties, exports, whole missing days and single gaps."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    d, s = draw(st.integers(1, 70)), draw(st.sampled_from([24, 48, 96]))
    kwh = rng.gamma(draw(st.sampled_from([0.4, 1.5, 20.0])), 0.2, (d, s))
    kwh -= draw(st.sampled_from([0.0, 0.0, 0.3]))
    if draw(st.booleans()):
        kwh = np.round(kwh, 1)  # a coarse register: many ties, many exact zeros
    kwh[rng.random((d, s)) < draw(st.sampled_from([0.0, 0.1, 0.6]))] = np.nan
    kwh[rng.random(d) < draw(st.sampled_from([0.0, 0.2, 1.0]))] = np.nan
    if draw(st.booleans()):
        kwh[rng.random((d, s)) < 0.002] *= 1e6
    return kwh.astype(np.float32)


def compare(found, expected, names):
    np.testing.assert_allclose(
        np.asarray(found, dtype=np.float64), np.asarray(expected), rtol=2e-4, atol=2e-5,
        err_msg=" ".join(names),
    )  # fmt: skip


@FEW
@given(kwh=meters())
def test_hourly_power_is_that_of_the_slow_twin(kwh):
    compare(kernels.hourly_power(kwh[None])[0], SLOW.hourly_power(kwh), ["hourly power"])


@FEW
@given(kwh=meters(), first=st.integers(0, 6), least=st.sampled_from([1, 7]))
def test_hourly_is_that_of_the_slow_twin(kwh, first, least):
    power = kernels.hourly_power(kwh[None])
    weekend = (np.arange(len(kwh)) + first) % 7 >= 5
    per_hour, per_meter = kernels.hourly(power, weekend, least, 18)
    expected = SLOW.hourly(power[0], weekend, least, 18)
    names = [f"h{h:02d}.{name}" for h in range(24) for name in kernels.PER_HOUR]
    compare(per_hour[0].ravel(), [expected[name] for name in names], names)
    compare(per_meter[0], [expected[name] for name in kernels.PER_METER], kernels.PER_METER)


@FEW
@given(kwh=meters(), cut=st.integers(0, 70), least=st.sampled_from([1, 5, 14]))
def test_boxplots_are_those_of_the_slow_twin(kwh, cut, least):
    power = kernels.hourly_power(kwh[None])
    season = (np.arange(len(kwh)) >= cut).astype(np.int8) * 2
    found = kernels.boxplots(power, season, 4, least)[0]
    expected = SLOW.boxplots(power[0], season, 4, least)
    for (which, h), box in expected.items():
        compare(found[which, h], box, [f"season {which}", f"hour {h}"])


@FEW
@given(rows=st.integers(0, 130), width=st.sampled_from([1, 5, 24]), seed=st.integers(0, 2**32 - 1))
def test_columns_of_any_number_of_rows_are_sorted(rows, width, seed):
    matrix = np.random.default_rng(seed).integers(-9, 9, (rows, width)).astype(np.float32)
    matrix[matrix == 8] = np.inf
    flat = matrix.ravel().copy()
    kernels._sort_columns(flat, rows, width)
    np.testing.assert_array_equal(flat.reshape(rows, width), np.sort(matrix, axis=0))


@pytest.mark.parametrize("rows", [pytest.param(365, id="year"), pytest.param(536, id="cer")])
def test_columns_of_a_long_series_are_sorted(rows, rng):
    matrix = rng.normal(size=(rows, 24)).astype(np.float32)
    flat = matrix.ravel().copy()
    kernels._sort_columns(flat, rows, 24)
    np.testing.assert_array_equal(flat.reshape(rows, 24), np.sort(matrix, axis=0))


@pytest.mark.parametrize(
    ("span", "lag"),
    [
        pytest.param(0, 0, id="nothing"),
        pytest.param(27, 0, id="too-short"),
        pytest.param(28, 14, id="four-weeks"),
        pytest.param(365, 182, id="year"),
        pytest.param(419, 203, id="still-half"),
        pytest.param(420, 364, id="seasons-meet"),
        pytest.param(536, 364, id="cer"),
        pytest.param(1460, 728, id="four-years"),
    ],
)
def test_trend_lag_is_whole_weeks_then_whole_years(span, lag):
    assert kernels.trend_lag(span) == lag == SLOW.lag_of(span)


@pytest.mark.parametrize("days", [0, 1])
def test_cubes_without_days_or_meters_give_nan_or_nothing(days):
    power = kernels.hourly_power(np.full((2, days, 48), np.nan, dtype=np.float32))
    weekend = np.zeros(days, dtype=np.bool_)
    for values in (
        *kernels.hourly(power, weekend, 7, 18),
        kernels.boxplots(power, weekend.view(np.int8), 4, 14),
    ):
        assert len(values) == 2
        assert np.isnan(values).all()
    assert kernels.boxplots(power[:0], weekend.view(np.int8), 4, 14).shape == (0, 4, 24, 6)
