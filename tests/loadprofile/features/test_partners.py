from __future__ import annotations

import numpy as np
import pytest

from loadprofile.features import partners
from loadprofile.features.daily import daily_blocks
from loadprofile.features.partners import donor_similarity, sides, swap_similarity


def test_swapped_meters_find_each_other(make_homes) -> None:
    homes = make_homes(20, 60, seed=1)
    kwh = homes.kwh.copy()
    kwh[[0, 1], 30:] = kwh[[1, 0], 30:]
    kwh[2, 30:] *= 0.5
    kwh[3, 30:] *= 2.0
    onset = np.full(20, np.nan)
    onset[:4] = 30.0
    similarity = swap_similarity(onset, *sides(kwh, onset, np.full(20, np.nan)))
    assert similarity[:2].min() > 0.6
    assert similarity[2:4].max() < 0.5
    assert np.isnan(similarity[4:]).all()


def test_sides_are_means_per_clock_hour(make_homes) -> None:
    homes = make_homes(2, 40, 96)
    before, after = sides(homes.kwh, np.array([20.3, np.nan]), np.array([30.7, np.nan]))
    wanted = homes.kwh[0, :20].reshape(20, 24, 4).sum(axis=2).mean(axis=0)
    np.testing.assert_allclose(before[0], wanted, rtol=1e-5)
    wanted = homes.kwh[0, 21:30].reshape(9, 24, 4).sum(axis=2).mean(axis=0)
    np.testing.assert_allclose(after[0], wanted, rtol=1e-5)
    assert np.isnan(before[1]).all()


def test_a_donor_is_found(make_homes) -> None:
    homes = make_homes(60, 60, seed=2, noise=0.4)
    kwh = homes.kwh.copy()
    kwh[0, 30:] += kwh[7, 30:]
    kwh[1, 30:] *= 2
    blocks = daily_blocks(homes.with_kwh(kwh))
    onset = np.full(60, np.nan)
    onset[:2] = 30.0
    weekend = np.arange(60) % 7 >= 5
    best, margin = donor_similarity(blocks.power, onset, np.full(60, np.nan), np.ones(60), weekend)
    plain, _ = donor_similarity(daily_blocks(homes).power, onset, np.full(60, np.nan), np.ones(60), weekend)
    assert best[0] > plain[0] + 0.2
    assert best[1] == pytest.approx(plain[1], abs=0.05)
    assert margin[0] > 0.1
    assert np.isnan(best[2:]).all()


def slow_swap(onset: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    a, b = np.sqrt(before), np.sqrt(after)
    out = np.full(len(onset), np.nan)
    for i in range(len(onset)):
        gains = []
        for j in range(len(onset)):
            if j == i or not onset[i] - 1 <= onset[j] < onset[i] + 1:
                continue
            own, other = ((a[i] - b[i]) ** 2).mean(), ((a[j] - b[j]) ** 2).mean()
            crossed = ((b[i] - a[j]) ** 2).mean() + ((a[i] - b[j]) ** 2).mean()
            gains.append(1 - crossed / (2 * min(own, other)) if own + other > 0 else 0.0)
        if gains:
            out[i] = np.clip(max(gains), 0, 1)
    return out


def test_swaps_equal_the_slow_twin(rng: np.random.Generator) -> None:
    n = 80
    onset = np.round(rng.uniform(0, 20, n), 1)
    onset[:3] = 100.0, np.nan, 50.0
    before, after = rng.gamma(2, 0.3, (2, n, 24))
    before[10:20], after[10:20] = after[20:30] * 1.01, before[20:30]
    onset[10:20] = onset[20:30]
    before[40] = np.nan
    expected = slow_swap(np.where(np.isnan(before[:, 0]), np.nan, onset), before, after)
    np.testing.assert_allclose(swap_similarity(onset, before, after), expected, atol=1e-12)
    assert (expected > 0.9).sum() >= 15
    assert np.isnan(expected[[0, 1, 40]]).all()


def without_habit(power: np.ndarray, weekend: np.ndarray) -> np.ndarray:
    out = np.zeros(power.shape)
    for kind in (weekend, ~weekend):
        known = np.isfinite(power[kind])
        mean = np.where(known, power[kind], 0).sum(axis=0, dtype=float) / np.maximum(known.sum(axis=0), 1)
        out[kind] = power[kind] - mean
    return out


def test_moves_and_added_load_equal_the_slow_twins(rng: np.random.Generator) -> None:
    power = rng.gamma(1.0, 0.4, (5, 40, 8)).astype(np.float32)
    power[rng.random(power.shape) < 0.1] = np.nan
    power[3], power[4] = np.nan, 0.0
    power[0, 7, 3] = 90.0
    weekend = np.arange(40) % 7 >= 5
    moves = partners._moves(power, weekend)
    for i in range(5):
        slow = without_habit(power[i], weekend)
        scale = np.sqrt(np.nanmean(slow**2)) if i < 3 else np.inf
        expected = np.clip(np.nan_to_num(slow / scale), -4, 4)
        np.testing.assert_allclose(moves[:, i], expected.ravel(), atol=1e-5)
        span = np.array([11, 33])
        mine = np.nan_to_num(without_habit(power[i, 11:33], weekend[11:33])).ravel()
        reach = 4 * mine.std()
        added = partners._added(power[i], span, weekend)
        np.testing.assert_allclose(added, np.clip(mine, -reach, reach), atol=1e-5)
