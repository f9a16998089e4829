from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.features import channels, day_shapes, peers
from loadprofile.features.daily import daily_blocks


def test_levels_are_against_what_the_peers_did(make_homes) -> None:
    homes = make_homes(3, 40)
    power = daily_blocks(homes).power[0]
    movement = np.exp(0.3 * np.sin(np.arange(40 * 8)).reshape(40, 8))
    kwh = homes.kwh[0]
    slots = day_shapes.by_slot(kwh)
    shapes, lags = day_shapes.day_shapes(slots), day_shapes.day_lags(slots)
    plain = channels.channels(power, np.ones((40, 8)), shapes, lags, 0.5)
    moved = channels.channels((power * movement).astype(np.float32), movement, shapes, lags, 0.5)
    np.testing.assert_allclose(moved[1:9], plain[1:9], atol=0.08)
    clock = np.maximum(power, 0).mean(axis=0)
    wanted = np.log((power.mean(axis=1) + 0.05 * clock.mean()) / (1.05 * clock.mean()))
    np.testing.assert_allclose(plain[channels.LEVEL], wanted, rtol=1e-4, atol=1e-5)


def slow_settled(raw: np.ndarray, weekday: np.ndarray) -> tuple[np.ndarray, float]:
    known = np.isfinite(raw)
    if known.sum() < 12:
        return raw, np.nan
    middle = np.median(raw[known])
    spread = 1.4826 * np.median(np.abs(raw[known] - middle))
    out = np.clip(raw - middle, -4 * max(spread, 0.05), 4 * max(spread, 0.05))
    if known.sum() >= 28:
        near = np.array(
            [np.nanmean(out[max(t - 3, 0) : t + 4]) if known[t] else np.nan for t in range(len(out))]
        )
        apart = out - near
        out = out - np.array(
            [np.nansum(apart[weekday == k]) / ((known & (weekday == k)).sum() + 3) for k in weekday]
        )
    steps = np.abs(np.diff(out))
    steps = steps[np.isfinite(steps)]
    daily = 1.4826 * np.median(steps) / np.sqrt(2) if len(steps) >= 8 else spread
    fives = out[: len(out) // 5 * 5].reshape(-1, 5)
    means = np.array([np.nanmean(five) if np.isfinite(five).sum() >= 3 else np.nan for five in fives])
    moves = np.abs(np.diff(means))
    moves = moves[np.isfinite(moves)]
    slow = 1.4826 * np.median(moves) * np.sqrt(2.5) if len(moves) >= 4 else daily
    return out, max(np.sqrt(0.5 * (daily**2 + slow**2)), 0.03)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), days=st.integers(5, 130), lost=st.sampled_from([0.0, 0.1, 0.5]),
       zeros=st.booleans())  # fmt: skip
def test_settling_equals_the_slow_twin(seed: int, days: int, lost: float, zeros: bool) -> None:
    rng = np.random.default_rng(seed)
    raw = rng.standard_normal(days) + 0.5 * (np.arange(days) % 7 >= 5)
    raw[rng.random(days) < 0.05] *= 50
    raw[rng.random(days) < 0.6 * zeros] = 0.0
    raw[rng.random(days) < lost] = np.nan
    weekday = (np.arange(days) + 3) % 7
    series, noise = channels.settle(raw, weekday)
    wanted, wanted_noise = slow_settled(raw, weekday)
    np.testing.assert_allclose(series, wanted, rtol=1e-9, atol=1e-12)
    assert noise == pytest.approx(wanted_noise, nan_ok=True)


def test_settling_takes_weekdays_out_and_keeps_steps() -> None:
    rng = np.random.default_rng(0)
    t = np.arange(120)
    raw = 0.5 * (t % 7 >= 5) + rng.normal(0, 0.1, 120) - 1.0 * (t >= 60)
    raw[20] = 50.0
    series, noise = channels.settle(raw, t % 7)
    weekend = t % 7 >= 5
    rest = series + 1.0 * (t >= 60)
    rest[20] = 0
    assert abs(rest[weekend].mean() - rest[~weekend].mean()) < 0.1
    assert series[:60].mean() - series[60:].mean() == pytest.approx(1.0, abs=0.15)
    assert abs(series[20]) < 4
    assert noise == pytest.approx(0.1, rel=0.4)


def test_noise_counts_days_that_resemble_their_neighbours() -> None:
    rng = np.random.default_rng(1)
    white = rng.normal(0, 0.3, 365)
    slow = np.convolve(rng.normal(0, 0.3, 365), np.ones(10) / np.sqrt(10), "same")
    weekday = np.arange(365) % 7
    assert channels.settle(slow, weekday)[1] > 1.1 * channels.settle(white, weekday)[1]


def test_a_dead_meter_has_no_channels() -> None:
    power = np.zeros((20, 8), dtype=np.float32)
    out = channels.channels(power, np.ones((20, 8)), np.zeros((20, 4)), np.zeros(20), 0.5)
    assert np.isnan(out).all()
    assert np.isnan(channels.settle(out[0], np.arange(20) % 7)[1])


def test_peer_lags_equal_a_projection_on_the_slope() -> None:
    rng = np.random.default_rng(2)
    power, movement = rng.gamma(2.0, 1.0, (30, 8)).astype(np.float32), rng.uniform(0.5, 2, (30, 8))
    power[3, 2], movement[5, 1] = np.nan, np.nan
    mean = np.nanmean(power, axis=0, dtype=np.float64)
    mean /= mean.mean()
    slope = (np.roll(mean, -1) - np.roll(mean, 1)) / 6
    moved = mean * movement
    moved /= moved.mean(axis=1, keepdims=True)
    wanted = -((moved - mean) @ slope) / (slope @ slope)
    wanted[5] = 0.0  # unknown
    np.testing.assert_allclose(channels.peer_lags(power, movement), wanted, rtol=1e-6, atol=1e-9)


def test_a_clock_change_of_all_shows_in_the_peers_lag(make_homes, bare) -> None:
    homes = make_homes(60, 60)
    kwh = homes.kwh.copy()
    kwh[:, 30:] = np.roll(kwh.reshape(60, -1), 2, axis=1).reshape(kwh.shape)[:, 30:]
    blocks = daily_blocks(homes.with_kwh(kwh))
    expected = peers.group_peers(blocks, bare(homes)).expected(slice(None)).astype(np.float64)
    for i in range(5):
        lag = channels.peer_lags(blocks.power[i], expected[i])
        assert lag[30:].mean() - lag[:30].mean() > 0.05
