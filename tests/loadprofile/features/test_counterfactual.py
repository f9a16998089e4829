from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.errors import ShapeError
from loadprofile.features.counterfactual import shortfall
from loadprofile.features.daily import daily_blocks
from loadprofile.features.peers import group_peers

NONE = np.full(30, np.nan)


def halved(homes, bare, factor: float, onset: float, end: float):
    kwh = homes.kwh.copy()
    s = homes.slots_per_day
    kwh[0].reshape(-1)[round(onset * s) : round(end * s)] *= factor
    truth = float((homes.kwh[0] - kwh[0]).sum())
    profiles = homes.with_kwh(kwh)
    blocks = daily_blocks(profiles)
    return blocks, group_peers(blocks, bare(profiles)).expected(slice(None)), truth


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 500), factor=st.sampled_from([0.0, 0.5, 2.0]), onset=st.floats(30, 60))
def test_planted_loss_is_found(make_homes, bare, seed: int, factor: float, onset: float) -> None:
    onset = round(onset * 48) / 48
    blocks, expected, truth = halved(make_homes(30, 91, seed=seed), bare, factor, onset, onset + 25)
    lost, low, high = shortfall(blocks, expected, np.full(30, onset), np.full(30, onset + 25))
    assert low[0] < lost[0] < high[0]
    assert lost[0] == pytest.approx(truth, abs=0.15 * abs(truth) / abs(1 - factor))


def test_an_open_end_is_the_last_day_and_scale_is_linear(make_homes, bare) -> None:
    blocks, expected, truth = halved(make_homes(30, 91), bare, 0.5, 40, 91)
    lost = shortfall(blocks, expected, np.full(30, 40.0), NONE)
    closed = shortfall(blocks, expected, np.full(30, 40.0), np.full(30, 91.0))
    np.testing.assert_array_equal(lost, closed)
    assert lost[0][0] == pytest.approx(truth, rel=0.15)


def test_missing_readings_are_not_lost(make_homes, bare) -> None:
    homes = make_homes(30, 91)
    kwh = homes.kwh.copy()
    kwh[0, 45:] = np.nan
    blocks = daily_blocks(homes.with_kwh(kwh))
    expected = group_peers(blocks, bare(homes)).expected(slice(None))
    lost, low, high = shortfall(blocks, expected, np.full(30, 50.0), NONE)
    assert np.isnan([lost[0], low[0], high[0]]).all()
    lost, *_ = shortfall(blocks, expected, np.full(30, 40.0), NONE)
    assert abs(lost[0]) < 0.2 * homes.kwh[0, 40:45].sum()


def test_unknown_where_there_is_no_before(make_homes, bare) -> None:
    blocks, expected, _ = halved(make_homes(30, 91), bare, 0.5, 40, 91)
    assert np.isnan(shortfall(blocks, expected, np.full(30, 3.0), NONE)[0]).all()
    assert np.isnan(shortfall(blocks, expected, NONE, NONE)[0]).all()
    alone = np.full_like(expected, np.nan)
    assert np.isfinite(shortfall(blocks, alone, np.full(30, 40.0), NONE)[0]).all()


def test_intervals_on_untouched_real_homes_hold_zero_four_times_in_five(real_homes, bare) -> None:
    homes = real_homes("edrp_scotland")
    blocks = daily_blocks(homes)
    expected = group_peers(blocks, bare(homes)).expected(slice(None))
    held = []
    for day, length in ((45, 14), (45, 40), (65, 7), (65, 25)):
        n = len(homes)
        _, low, high = shortfall(blocks, expected, np.full(n, float(day)), np.full(n, float(day + length)))
        held.append(np.mean((low <= 0) & (high >= 0)))
    assert 0.72 <= np.mean(held) <= 0.88


def test_what_does_not_fit_is_refused(make_homes, bare) -> None:
    blocks, expected, _ = halved(make_homes(30, 91), bare, 0.5, 40, 91)
    with pytest.raises(ShapeError, match="onset"):
        shortfall(blocks, expected, NONE[:5], NONE)
    with pytest.raises(ShapeError, match="expected"):
        shortfall(blocks, expected[:, :5], NONE, NONE)


def test_on_quiet_homes_the_loss_is_exact(make_homes, bare) -> None:
    blocks, expected, truth = halved(make_homes(30, 91, noise=0.02), bare, 0.5, 40.5, 70)
    lost, low, high = shortfall(blocks, expected, np.full(30, 40.5), np.full(30, 70.0))
    assert lost[0] == pytest.approx(truth, rel=0.02)
    assert low[0] < truth < high[0]
