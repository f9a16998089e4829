"""The published theft functions, to the letter."""

from __future__ import annotations

import numpy as np
import pytest

from loadprofile.emulate import published
from loadprofile.emulate.households import simulate_homes
from loadprofile.emulate.phenomena import PHENOMENA, happen, named
from loadprofile.verdicts import Cause

N = 48


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(5).gamma(1.5, 0.3, size=(200, 30, N))


ALL = ["h1", "h2", "h3", "h4", "h5", "h6", "fdi1", "fdi2", "fdi3", "fdi4", "fdi5", "fdi6",
       "capped", "ramped", "peak_spread", "on_off"]  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_input_is_untouched_and_output_is_known_and_positive(name: str, x: np.ndarray, rng):
    before = x.copy()
    y = getattr(published, name)(x, rng)
    np.testing.assert_array_equal(x, before)
    assert y is not x
    assert y.shape == x.shape
    assert np.isfinite(y).all()
    assert (y >= 0).all()


@pytest.mark.parametrize("name", ALL)
def test_missing_slots_stay_missing(name: str, x: np.ndarray, rng):
    x[0, 3, 5:9] = np.nan
    x[1, 4] = np.nan
    y = getattr(published, name)(x, rng)
    reverses = name in {"h6", "fdi6"}
    assert np.isnan(y).sum() == np.isnan(x).sum()
    if not reverses:
        np.testing.assert_array_equal(np.isnan(y), np.isnan(x))


def test_h1_is_one_alpha_a_day(x, rng):
    ratio = published.h1(x, rng) / x
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[..., :1], x.shape))
    assert ratio.min() >= 0.1
    assert ratio.max() <= 0.8
    assert ratio.min() < 0.12
    assert ratio.max() > 0.78


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [pytest.param("h3", 0.1, 0.8, id="h3"), pytest.param("fdi1", 0.2, 0.8, id="fdi1")],
)
def test_each_slot_has_its_own_factor(name, low, high, x, rng):
    ratio = getattr(published, name)(x, rng) / x
    assert ratio.min() >= low - 1e-12
    assert ratio.max() <= high + 1e-12
    assert (ratio.std(axis=-1) > 0.05).all()


@pytest.mark.parametrize(
    ("name", "shortest", "longest"),
    [pytest.param("h2", 8, 48, id="h2_at_least_4_hours"), pytest.param("fdi4", 10, 38, id="fdi4_0.2_to_0.8")],
)
def test_zero_in_exactly_one_window_else_x(name, shortest, longest, x, rng):
    y = getattr(published, name)(x, rng)
    zero = y == 0
    np.testing.assert_array_equal(y[~zero], x[~zero])
    length = zero.sum(axis=-1)
    assert length.min() == shortest
    assert length.max() == longest
    edges = np.abs(np.diff(zero.astype(int), axis=-1, prepend=0, append=0)).sum(axis=-1)
    assert (edges == 2).all(), "more than one window"


def test_h4_is_a_random_share_of_the_days_mean(x, rng):
    ratio = published.h4(x, rng) / x.mean(axis=-1, keepdims=True)
    assert ratio.min() >= 0.1
    assert ratio.max() <= 0.8


def test_h5_takes_the_mean_before_altering_and_keeps_the_energy(x, rng):
    y = published.h5(x, rng)
    np.testing.assert_allclose(y, np.broadcast_to(x.mean(axis=-1, keepdims=True), x.shape))
    np.testing.assert_allclose(y.sum(axis=-1), x.sum(axis=-1))


def test_h6_is_the_day_reversed(x, rng):
    np.testing.assert_array_equal(published.h6(x, rng), x[..., ::-1])


def test_fdi2_and_fdi3_share_the_day_between_them(x):
    over = published.fdi2(x, np.random.default_rng(1))
    under = published.fdi3(x, np.random.default_rng(1))
    # max(x - g, 0) + min(x, g) = x for one and the same g
    np.testing.assert_allclose(over + under, x)
    assert (over > 0).any()


def test_fdi5_and_fdi6_use_the_day_before(x, rng):
    five, six = published.fdi5(x, rng), published.fdi6(x, rng)
    ratio = five[:, 1:] / x.mean(axis=-1, keepdims=True)[:, :-1]
    assert ratio.min() >= 0.2
    assert ratio.max() <= 0.8
    np.testing.assert_array_equal(six[:, 1:], x[:, :-1, ::-1])
    np.testing.assert_array_equal(five[:, 0], x[:, 0])
    np.testing.assert_array_equal(six[:, 0], x[:, 0])


def test_altamimi_cap_ramp_spread(x, rng):
    top = x.max(axis=-1, keepdims=True)
    np.testing.assert_allclose(published.capped(x, rng).max(axis=-1, keepdims=True), 0.6 * top)
    left = published.ramped(x, rng) / x
    np.testing.assert_allclose(left[:, 0], 1)
    assert (np.diff(left[:, :, 0], axis=1) < 0).all()
    assert left[:, -1].max() <= 0.7 + 1e-12
    spread = published.peak_spread(x, rng)
    np.testing.assert_allclose(spread.sum(axis=-1), x.sum(axis=-1))
    peak = x >= 0.7 * top
    np.testing.assert_allclose(spread[peak], 0.7 * x[peak])


def test_on_off_is_x_or_zero(x, rng):
    y = published.on_off(x, rng)
    assert ((y == x) | (y == 0)).all()
    assert 0.3 < (y == 0).mean() < 0.6


def test_all_functions_are_kinds_of_their_own_under_fraud():
    names = {p.name for p in PHENOMENA if p.cause is Cause.FRAUD}
    assert {f"jokar_h{i}" for i in range(1, 7)} <= names
    assert {f"fdi_{i}" for i in range(1, 7)} <= names


def test_kinds_that_need_the_day_before_get_it():
    homes = simulate_homes(1, 30, 60, np.random.default_rng(1))
    out, effect = happen(named("fdi_6"), homes.kwh, np.array([0]), homes.days, 60, np.random.default_rng(3))
    first = int((effect.first[0] - homes.days[0]) / np.timedelta64(1, "D"))
    assert first > 0
    np.testing.assert_array_equal(out[0, first], homes.kwh[0, first - 1, ::-1])
