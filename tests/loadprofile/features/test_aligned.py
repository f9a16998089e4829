from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.features import aligned


def filled(kwh, peers, exists, weekend, onset, end):
    s = kwh.shape[1]
    clock, profile = np.zeros((2, 2, 24, 3)), np.zeros((2, s))
    quantiles, marks = np.zeros((2, len(aligned.QUANTILES))), np.zeros((2, len(aligned.MARKS)))
    level = np.arange(len(kwh), dtype=np.float64)
    aligned.gather(kwh, peers, exists, weekend, level, onset, end, clock, profile, quantiles, marks)
    return clock, profile, quantiles, {name: marks[:, k] for k, name in enumerate(aligned.MARKS)}


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), slots=st.sampled_from([24, 48]), returns=st.booleans())
def test_sums_equal_masks_and_means(seed: int, slots: int, returns: bool) -> None:
    rng = np.random.default_rng(seed)
    d = 30
    kwh = rng.gamma(1.0, 0.5, (d, slots)).astype(np.float32)
    kwh[rng.random(kwh.shape) < 0.1] = np.nan
    kwh[rng.random(kwh.shape) < 0.1] = 0
    peers = rng.uniform(0.5, 2, (d, 8))
    peers[rng.random(peers.shape) < 0.05] = np.nan
    exists = np.ones((d, slots), dtype=bool)
    exists[12, 2:4] = False
    kwh[~exists] = np.nan
    weekend = np.arange(d) % 7 >= 5
    onset = int(rng.integers(5 * slots, 15 * slots))
    end = int(rng.integers(18 * slots, 25 * slots)) if returns else d * slots
    clock, profile, quantiles, marks = filled(kwh, peers, exists, weekend, onset, end)
    at = np.arange(d * slots).reshape(d, slots)
    inside = (at >= onset) & (at < end)
    adjusted = kwh / np.repeat(peers, slots // 8, axis=1)
    for side, part in enumerate((~inside, inside)):
        known = part & np.isfinite(adjusted)
        assert marks["present"][side] == (part & np.isfinite(kwh)).sum()
        assert marks["missing"][side] == (part & np.isnan(kwh) & exists).sum()
        assert marks["zero"][side] == (part & (kwh == 0)).sum()
        assert marks["raw"][side] == pytest.approx(kwh[known].sum(), rel=1e-5)
        for kind in range(2):
            for hour in (0, 13, 23):
                cell = known & (weekend == bool(kind))[:, None] & (at % slots // (slots // 24) == hour)
                assert clock[side, kind, hour, 2] == cell.sum()
                assert clock[side, kind, hour, 0] == pytest.approx(adjusted[cell].sum(), rel=1e-5)
                assert clock[side, kind, hour, 1] == pytest.approx((adjusted[cell] ** 2).sum(), rel=1e-5)
        assert profile[side, 5] == pytest.approx(adjusted[:, 5][known[:, 5]].mean(), rel=1e-5)
        ordered = np.sort(adjusted[known])
        wanted = [ordered[min(int(q * len(ordered)), len(ordered) - 1)] for q in aligned.QUANTILES]
        np.testing.assert_allclose(quantiles[side], wanted, rtol=1e-5)


@pytest.mark.parametrize("lost", [0.0, 0.05])
def test_roughness_and_daily_variation_of_whole_days(lost: float) -> None:
    rng = np.random.default_rng(7)
    d, slots = 30, 48
    kwh = rng.gamma(1.0, 0.5, (d, slots)).astype(np.float32)
    kwh[rng.random(kwh.shape) < lost] = np.nan
    exists = np.ones((d, slots), dtype=bool)
    exists[[4, 20], 2:4] = False
    kwh[~exists] = np.nan
    marks = filled(kwh, np.ones((d, 8)), exists, np.zeros(d, dtype=bool), 12 * slots, d * slots)[3]
    for side, days in enumerate((slice(0, 12), slice(12, 30))):
        steps = np.diff(kwh[days][exists[days]].astype(np.float64))  # across what the clock skipped
        steps = np.abs(steps[np.isfinite(steps)])
        assert marks["steps"][side] == len(steps)
        assert marks["rough"][side] == pytest.approx(steps.sum())
        known = np.isfinite(kwh[days])
        full = (known.sum(axis=1) >= 36) & known[:, -1]
        variation = [
            np.std(day[np.isfinite(day)]) / np.mean(day[np.isfinite(day)]) for day in kwh[days][full]
        ]
        assert marks["days"][side] == full.sum()
        assert marks["day_cv"][side] == pytest.approx(np.mean(variation), rel=1e-5)


def test_silence_just_before_counts_unless_silence_is_usual() -> None:
    kwh = np.ones((60, 48), dtype=np.float32)
    exists = np.ones((60, 48), dtype=bool)
    onset = 40 * 48 + 10
    assert aligned.silence_before(kwh, exists, onset) == 0
    kwh.reshape(-1)[onset - 20 : onset - 10] = 0
    assert aligned.silence_before(kwh, exists, onset) == 5
    kwh.reshape(-1)[onset - 20 : onset] = np.nan
    assert aligned.silence_before(kwh, exists, onset) == 10
    kwh[20:35, :16] = 0
    assert aligned.silence_before(kwh, exists, onset) == 2
