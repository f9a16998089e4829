from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.features import day_shapes


def slow_shapes(kwh: np.ndarray) -> np.ndarray:
    out = np.full((len(kwh), 4), np.nan)
    for t, day in enumerate(kwh.astype(np.float64)):
        known = np.sort(day[np.isfinite(day)])
        steps = np.abs(np.diff(day))
        steps = steps[np.isfinite(steps)]
        if len(known) >= max(len(day) / 2, 4) and len(steps) >= 2:
            out[t] = known[-2:].mean(), known[(len(known) - 1) // 10], steps.mean(), (known == 0).mean()
    return out


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10_000), slots=st.sampled_from([24, 48, 96]), lost=st.sampled_from([0.0, 0.3, 0.6])
)
def test_day_shapes_equal_the_slow_twin(seed: int, slots: int, lost: float) -> None:
    rng = np.random.default_rng(seed)
    kwh = rng.choice([0.0, 0.1, 0.1, 0.7, 3.0], (6, slots)).astype(np.float32) * rng.random((6, 1)).astype(
        "f4"
    )
    kwh[rng.random(kwh.shape) < lost] = np.nan
    np.testing.assert_allclose(day_shapes.day_shapes(day_shapes.by_slot(kwh)), slow_shapes(kwh), rtol=1e-6)


def slow_lags(kwh: np.ndarray) -> np.ndarray:
    d, s = kwh.shape
    parts = kwh.astype(np.float64).reshape(d, 24, s // 24)
    n = np.isfinite(parts).sum(axis=2)
    hours = np.where(n > 0, np.nansum(parts, axis=2) / np.maximum(n, 1), np.nan)
    usable = ((n > 0).sum(axis=1) >= 20) & (np.nansum(hours, axis=1) > 0)
    out = np.full(d, np.nan)
    if usable.sum() < 10:
        return out
    share = np.minimum(hours[usable] / np.nanmean(hours[usable], axis=1, keepdims=True), day_shapes.MOST)
    mean = np.nansum(share, axis=0) / usable.sum()
    slope = 0.5 * (np.roll(mean, -1) - np.roll(mean, 1))
    if (slope**2).sum() >= 1e-3:
        out[usable] = -np.nansum((share - mean) * slope, axis=1) / (slope**2).sum()
    return out


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10_000), slots=st.sampled_from([24, 48, 96]), days=st.integers(8, 40),
    lost=st.sampled_from([0.0, 0.1, 0.6]), sign=st.sampled_from([-0.2, 0.0, 1.0]),
)  # fmt: skip
def test_day_lags_equal_the_slow_twin(seed: int, slots: int, days: int, lost: float, sign: float) -> None:
    rng = np.random.default_rng(seed)
    kwh = (rng.gamma(1.0, 1.0, (days, slots)) + sign).astype(np.float32)
    kwh[rng.random(kwh.shape) < lost] = np.nan
    kwh[rng.random(days) < lost / 2] = np.nan
    found = day_shapes.day_lags(day_shapes.by_slot(kwh))
    np.testing.assert_allclose(found, slow_lags(kwh), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("hours", [-1, 1, 2])
def test_a_day_that_runs_late_has_that_lag(make_homes, hours: int) -> None:
    kwh = make_homes(1, 60, noise=0.05).kwh[0].copy()
    kwh[50:] = np.roll(kwh.reshape(-1), 2 * hours).reshape(kwh.shape)[50:]
    lag = day_shapes.day_lags(day_shapes.by_slot(kwh))
    assert lag[50:].mean() - lag[:50].mean() == pytest.approx(hours, rel=0.45)
    double = day_shapes.day_lags(day_shapes.by_slot(2 * kwh))
    np.testing.assert_allclose(lag, double, rtol=1e-5)
