from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.features import peer_differences, peers
from loadprofile.features.daily import daily_blocks


def test_peer_features_name_the_odd_one_out(make_homes, bare) -> None:
    homes = make_homes(40, 60, seed=8)
    kwh = homes.kwh.copy()
    kwh[0] *= 5
    kwh[1, :, :12] *= 6  # a night worker
    kwh[2, 30:] *= 0.4
    table = peer_differences.peers_features(peers.group_peers(daily_blocks(homes.with_kwh(kwh)), bare(homes)))
    plain = peer_differences.peers_features(peers.group_peers(daily_blocks(homes), bare(homes)))
    ratio = table.column("peers.level_ratio") / plain.column("peers.level_ratio")
    assert ratio[0] == pytest.approx(5, rel=0.1)
    assert np.argmax(table.column("peers.night_share_diff")) == 1
    assert np.argmin(table.column("peers.level_trend_vs_peers")) == 2
    assert table.column("peers.level_trend_vs_peers")[2] == pytest.approx(np.log(0.4), abs=0.15)


def test_scale_and_order_do_not_matter(make_homes, bare) -> None:
    homes = make_homes(40, 60, seed=8)
    plain = peer_differences.peers_features(peers.group_peers(daily_blocks(homes), bare(homes)))
    order = np.random.default_rng(0).permutation(40)
    other = homes.with_kwh(homes.kwh * np.float32(8)).take(order)
    mixed = peer_differences.peers_features(peers.group_peers(daily_blocks(other), bare(other)))
    np.testing.assert_allclose(plain.values[order], mixed.values, rtol=2e-3, atol=1e-4)


def test_few_or_dead_meters_are_not_compared(make_homes, bare) -> None:
    few = make_homes(5, 20)
    table = peer_differences.peers_features(peers.group_peers(daily_blocks(few), bare(few)))
    assert np.isnan(table.column("peers.level_ratio")).all()
    homes = make_homes(30, 20)
    kwh = homes.kwh.copy()
    kwh[0] = np.nan
    homes = homes.with_kwh(kwh)
    table = peer_differences.peers_features(peers.group_peers(daily_blocks(homes), bare(homes)))
    assert np.isnan(table.values[0]).all()
    assert np.isfinite(table.column("peers.level_ratio")[1:]).all()


@settings(deadline=None, max_examples=25)
@given(st.lists(st.one_of(st.none(), st.floats(-5, 5)), min_size=1, max_size=15))
def test_medians_of_others(values: list[float | None]) -> None:
    column = np.array([np.nan if v is None else v for v in values])[:, None]
    found = peer_differences._medians_of_others(column)[:, 0]
    known = np.isfinite(column[:, 0])
    for i in range(len(values)):
        others = np.delete(column[:, 0], i)
        others = others[np.isfinite(others)]
        if known[i] and known.sum() > peers.FEWEST_PEERS:
            assert found[i] == pytest.approx(np.median(others))
        else:
            assert np.isnan(found[i])
