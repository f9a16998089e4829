from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.errors import ShapeError
from loadprofile.features import peers
from loadprofile.features.daily import DailyBlocks, daily_blocks
from loadprofile.features.table import FeatureTable


def blocks_of(power: np.ndarray) -> DailyBlocks:
    n, d, _ = power.shape
    ids = np.array([f"m{i:03d}" for i in range(n)])
    return DailyBlocks(ids, np.datetime64("2010-01-01") + np.arange(d), power.astype(np.float32))


def empty(blocks: DailyBlocks) -> FeatureTable:
    return FeatureTable(blocks.meter_ids, (), np.empty((len(blocks), 0), dtype=np.float32))


def slow_expected(power: np.ndarray, labels: np.ndarray, row: int) -> np.ndarray:
    """Leave one out by leaving one out."""
    n, d, b = power.shape
    usual = np.nanmean(power.astype(np.float64), axis=1)
    relative = power / usual[:, None, :]

    def middle(values: np.ndarray, cut: int) -> float:
        return float(np.sort(values)[cut : len(values) - cut].mean())

    out = np.full((d, b), np.nan)
    for t in range(d):
        for k in range(b):
            others = np.array([relative[j, t, k] for j in range(n) if j != row])
            own_known = np.isfinite(relative[row, t, k])
            everyone = others[np.isfinite(others)]
            if len(everyone) < 5:
                continue
            member = np.array([labels[j] == labels[row] for j in range(n) if j != row])
            group = others[member & np.isfinite(others)]

            def cut(size: int, own: bool = own_known) -> int:
                return size // 4 if own else (size - 1) // 4

            value = middle(everyone, cut(len(everyone)))
            if len(group) >= 5:
                share = len(group) / (len(group) + peers.BLEND)
                value = share * middle(group, cut(len(group))) + (1 - share) * value
            out[t, k] = value
    return out / np.nanmean(out, axis=0)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), n=st.integers(7, 29), lost=st.sampled_from([0.0, 0.2, 0.5]))
def test_expected_equals_leaving_the_meter_out_by_hand(seed: int, n: int, lost: float) -> None:
    rng = np.random.default_rng(seed)
    power = rng.gamma(2.0, 0.5, (n, 12, 8)).astype(np.float32)
    power[rng.random(power.shape) < lost] = np.nan
    power[:, :5] = rng.gamma(2.0, 0.5, (n, 5, 8))  # enough days for a usual power
    groups = peers.group_peers(blocks_of(power), empty(blocks_of(power)))
    found = groups.expected(slice(None))
    for row in (0, n - 1):
        np.testing.assert_allclose(found[row], slow_expected(power, groups.labels, row), rtol=2e-4)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), factor=st.sampled_from([0.0, 0.01, 1.0, 30.0]))
def test_no_meter_is_its_own_peer(make_homes, seed: int, factor: float) -> None:
    power = daily_blocks(make_homes(29, 20, seed=seed)).power
    groups = peers.group_peers(blocks_of(power), empty(blocks_of(power)))
    altered = power.copy()
    altered[3, 10:] *= factor
    usual = peers.usual_power(altered)
    spread = peers.reduce_groups(altered, usual, groups.labels, groups.steady)
    other = peers.PeerGroups(blocks_of(altered), groups.shapes, groups.labels, groups.steady, usual, spread)
    rows = np.array([3])
    np.testing.assert_allclose(groups.expected(rows), other.expected(rows), rtol=1e-3)
    if factor == 0.0:
        assert not np.allclose(groups.expected(np.array([4])), other.expected(np.array([4])), rtol=1e-6)


def test_groups_depend_neither_on_order_nor_on_scale(make_homes) -> None:
    homes = make_homes(300, 20, seed=5)
    blocks = daily_blocks(homes)
    straight = peers.group_peers(blocks, empty(blocks))
    assert straight.labels.max() >= 1
    mixed = np.random.default_rng(1).permutation(len(homes))
    size = np.random.default_rng(2).uniform(0.1, 10, len(homes)).astype(np.float32)
    shuffled = blocks.take(mixed)
    scaled = DailyBlocks(shuffled.meter_ids, shuffled.days, shuffled.power * size[:, None, None])
    other = peers.group_peers(scaled, empty(scaled))
    np.testing.assert_array_equal(straight.labels[mixed], other.labels)
    np.testing.assert_allclose(straight.expected(mixed), other.expected(slice(None)), rtol=1e-3)


def test_groups_tell_evening_homes_from_day_homes(make_homes) -> None:
    homes = make_homes(240, 20, seed=3)
    blocks = daily_blocks(homes)
    groups = peers.group_peers(blocks, empty(blocks))
    evening = np.nanmean(blocks.power[:, :, 6], axis=1) > np.nanmean(blocks.power[:, :, 4], axis=1)
    for label in range(groups.labels.max() + 1):
        share = evening[groups.labels == label].mean()
        assert share < 0.02 or share > 0.98


def test_batches_give_what_the_whole_gives(make_homes) -> None:
    blocks = daily_blocks(make_homes(50, 20))
    groups = peers.group_peers(blocks, empty(blocks))
    parts = [groups.expected(slice(k, k + 7)) for k in range(0, 50, 7)]
    np.testing.assert_array_equal(np.concatenate(parts), groups.expected(slice(None)))


def test_with_few_others_nothing_is_said(make_homes) -> None:
    blocks = daily_blocks(make_homes(5, 20))
    groups = peers.group_peers(blocks, empty(blocks))
    assert np.isnan(groups.expected(slice(None))).all()


def test_a_dead_meter_harms_nobody(make_homes) -> None:
    power = daily_blocks(make_homes(30, 20)).power.copy()
    power[0] = np.nan
    power[1] = 0.0
    groups = peers.group_peers(blocks_of(power), empty(blocks_of(power)))
    assert groups.labels[0] == -1
    assert not groups.steady[:2].any()
    assert np.isfinite(groups.expected(np.arange(2, 30))).all()


def test_many_who_drop_at_once_do_not_pull_the_rest_along(make_homes) -> None:
    homes = make_homes(100, 60, seed=6)
    kwh = homes.kwh.copy()
    kwh[:40, 30:] *= 0.4
    blocks = daily_blocks(homes.with_kwh(kwh))
    plain = daily_blocks(homes)
    found = peers.group_peers(blocks, empty(blocks))
    wanted = peers.group_peers(plain, empty(plain)).expected(slice(None))
    after = np.s_[40:, 30:]
    assert np.median(found.expected(slice(None))[after] / wanted[after]) > 0.97
    assert not found.steady[:40].any()


def test_another_population_is_refused(make_homes) -> None:
    blocks = daily_blocks(make_homes(6, 10))
    with pytest.raises(ShapeError, match="table"):
        peers.group_peers(blocks, empty(blocks).take(slice(0, 5)))
