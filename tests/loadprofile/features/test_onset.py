from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from loadprofile.features import onset


def home(seed: int, days: int = 40) -> np.ndarray:
    rng = np.random.default_rng(seed)
    clock = 0.2 + 0.3 * np.exp(-(((np.arange(48) - 38) / 5) ** 2))
    return (clock * np.exp(0.3 * rng.standard_normal((days, 48)))).astype(np.float32)


def slow_score(
    logs: np.ndarray, before: slice, after: slice, window: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    def regime(days: slice) -> tuple[np.ndarray, np.ndarray]:
        part = logs[days]
        where = np.median(part, axis=0)
        raw = 1.4826 * np.median(np.abs(part - where), axis=0)
        squares = np.mean([np.roll(raw, k) ** 2 for k in range(-2, 3)], axis=0)
        return where, np.maximum(np.sqrt(squares), 0.08)

    (a, va), (b, vb) = regime(before), regime(after)
    part = logs[window[0] : window[1] + 1]
    pooled = np.sqrt((va**2 + vb**2) / 2)
    days = min(before.stop - before.start, after.stop - after.start)
    alike = (np.abs(a - b) < 3.5 * pooled / np.sqrt(days)) & (va / vb > 0.5) & (va / vb < 2)
    a, b = np.where(alike, (a + b) / 2, a), np.where(alike, (a + b) / 2, b)
    va, vb = np.where(alike, pooled, va), np.where(alike, pooled, vb)
    gain = stats.t.logpdf(part, onset.FREEDOM, a, va) - stats.t.logpdf(part, onset.FREEDOM, b, vb)
    apart = np.minimum(np.abs(a - b) / (0.5 * (va + vb)), 2.0)
    prior = np.log(0.05 + np.resize(apart, gain.size + 1))
    return np.concatenate([[0.0], np.cumsum(gain.ravel())]), prior


@pytest.mark.parametrize("days", [2, 3, 16, 17, 28])
@pytest.mark.parametrize("lost", [0.0, 0.4])
def test_a_regime_is_the_median_and_its_deviation(days: int, lost: float) -> None:
    rng = np.random.default_rng(days)
    logs = rng.standard_normal((days + 4, 24))
    logs[rng.random(logs.shape) < lost] = np.nan
    logs[2:-2, 7] = np.nan  # nothing known of a slot
    where, width = np.empty(24), np.empty(24)
    enough = onset._regime(logs, 2, 2 + days, where, width)
    part = logs[2 : 2 + days]
    known = np.isfinite(part).sum(axis=0)
    middle = np.array(
        [np.median(c[np.isfinite(c)]) if n >= 3 else np.nan for c, n in zip(part.T, known, strict=True)]
    )
    raw = np.array([
        1.4826 * np.median(np.abs(c[np.isfinite(c)] - m)) if n >= 3 else np.nan
        for c, m, n in zip(part.T, middle, known, strict=True)
    ])  # fmt: skip
    near = np.stack([np.roll(raw, k) ** 2 for k in range(-2, 3)])
    seen = np.isfinite(near).sum(axis=0)
    wanted = np.where(
        seen > 0, np.maximum(np.sqrt(np.nansum(near, axis=0) / np.maximum(seen, 1)), 0.08), np.nan
    )
    assert enough == (known >= 3).any()
    np.testing.assert_allclose(where, middle)
    np.testing.assert_allclose(width, wanted)


@pytest.mark.parametrize("slot", [0, 13, 40])
def test_the_slot_is_where_the_slow_likelihood_is_highest(slot: int) -> None:
    kwh = home(slot)
    kwh.reshape(-1)[20 * 48 + slot :] *= 0.5
    found, low, high = onset.find_onset(kwh, np.ones(40), 20, (0, 17), (23, 40), (18, 22), 0.01)
    score, prior = slow_score(np.log(kwh.astype(np.float64) + 0.01), slice(0, 17), slice(23, 40), (18, 22))
    assert found == 18 + np.argmax(score + prior) / 48
    weight = np.exp(onset.TEMPER * (score - score.max()) + prior)
    share = np.cumsum(weight) / weight.sum()
    assert low <= 18 + np.searchsorted(share, 0.1) / 48 + 1e-9
    assert high >= 18 + np.searchsorted(share, 0.9) / 48 - 1e-9
    assert low <= found <= high


def test_big_steps_are_dated_to_the_slot() -> None:
    for seed in range(20):
        kwh = home(seed)
        kwh.reshape(-1)[20 * 48 + 2 * seed :] *= 0.1
        found, low, high = onset.find_onset(kwh, np.ones(40), 20, (0, 17), (23, 40), (18, 22), 0.01)
        assert abs(found - (20 + 2 * seed / 48)) <= 1.01 / 48
        assert high - low < 0.2


def test_80_percent_intervals_hold_about_80_percent() -> None:
    hits = 0
    for seed in range(150):
        kwh = home(seed)
        kwh.reshape(-1)[20 * 48 + seed % 48 :] *= 0.8
        _, low, high = onset.find_onset(kwh, np.ones(40), 20, (0, 17), (23, 40), (18, 22), 0.01)
        hits += low <= 20 + (seed % 48) / 48 <= high
    assert 110 <= hits <= 150  # independent slots: the tempering makes them wide here


def test_missing_slots_say_nothing() -> None:
    kwh = home(3)
    kwh.reshape(-1)[20 * 48 :] *= 0.1
    kwh[19] = np.nan
    found, low, high = onset.find_onset(kwh, np.ones(40), 20, (0, 17), (23, 40), (18, 22), 0.01)
    assert 19 <= found <= 20 + 1 / 48
    assert low <= 19.2
    assert high >= 19.8


def test_an_unknown_side_leaves_the_window() -> None:
    kwh = home(1)
    kwh[:19] = np.nan
    assert onset.find_onset(kwh, np.ones(40), 20, (0, 17), (23, 40), (18, 22), 0.01) == (20.0, 18.0, 23.0)
