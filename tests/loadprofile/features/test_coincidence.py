from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse, stats
from scipy.sparse import csgraph

from loadprofile.features.coincidence import Changes, find_together, tail


def changes(onset: np.ndarray, log_ratio: np.ndarray, error: float = 0.06, strong: int = 0) -> Changes:
    strength = np.random.default_rng(0).uniform(6, 12, len(onset))
    strength[:strong] = 25.0
    return Changes(np.rint(onset * 48) / 48, log_ratio, np.full(len(onset), error), strength, 92, 48)


def ordinary(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.uniform(6, 86, n), rng.normal(0, 0.4, n)


def test_tail_is_the_binomial_tail() -> None:
    assert tail(3, 50, 0.01) == pytest.approx(-np.log10(stats.binom.sf(2, 50, 0.01)))
    assert tail(0, 50, 0.01) == 0


def test_ordinary_changes_seldom_link() -> None:
    linked = 0
    for seed in range(20):
        onset, ratio = ordinary(200, seed)
        linked += len(find_together(changes(onset, ratio, strong=8), 1.5).links) > 0
    assert linked <= 3


def test_three_in_two_hundred_are_seen() -> None:
    seen = 0
    for seed in range(20):
        onset, ratio = ordinary(200, seed)
        onset[:3], ratio[:3] = 40.0, np.log(0.5) + np.random.default_rng(seed).normal(0, 0.06, 3)
        found = find_together(changes(onset, ratio, strong=8), 1.5)
        assert found.slot_size[0] >= 2
        seen += {0, 1, 2} <= set(found.links.ravel().tolist())
    assert seen >= 14


def test_weather_on_one_day_links_less_than_one_slot() -> None:
    onset, ratio = ordinary(200, 1)
    onset[:20] = 40 + np.random.default_rng(2).uniform(0, 1, 20)
    spread = find_together(changes(onset, ratio), 2.0)
    onset[:20] = 40.0
    same = find_together(changes(onset, ratio), 2.0)
    assert same.slot_surprise[0] > spread.slot_surprise[:20].max() + 5
    np.testing.assert_allclose(spread.day_size[:20], same.day_size[0], atol=3)


def test_order_does_not_matter_and_absent_meters_take_no_part() -> None:
    onset, ratio = ordinary(60, 3)
    onset[5:10] = np.nan
    onset[:4] = 30.0
    entries = changes(onset, ratio, strong=9)
    straight = find_together(entries, 2.0)
    mixed = np.random.default_rng(0).permutation(60)
    mixed_changes = Changes(
        entries.onset[mixed], ratio[mixed], entries.error, entries.strength[mixed], 92, 48
    )
    other = find_together(mixed_changes, 2.0)
    for name in ("day_size", "day_surprise", "ratio_size", "slot_surprise", "both_surprise", "agreement"):
        np.testing.assert_allclose(getattr(straight, name)[mixed], getattr(other, name), err_msg=name)
    assert np.isnan(straight.day_size[5:10]).all()


def test_nobody_or_one_alone() -> None:
    assert len(find_together(changes(np.full(3, np.nan), np.zeros(3)), 2.0).links) == 0
    alone = find_together(changes(np.array([np.nan, 30.0]), np.zeros(2)), 2.0)
    assert alone.day_size[1] == 0
    assert alone.day_surprise[1] == 0


def test_the_same_ratio_in_the_same_slot_is_rarer_than_the_slot_alone() -> None:
    onset, ratio = ordinary(200, 5)
    onset[:4] = 40.0
    ratio[:4] = np.log(0.5)
    found = find_together(changes(onset, ratio, strong=8), 2.0)
    assert found.both_size[0] == found.slot_size[0] == 3
    assert found.both_surprise[0] > found.slot_surprise[0] + 1
    assert found.ratio_surprise[0] > found.day_surprise[0]
    assert found.slot_surprise[0] > found.day_surprise[0] + 1


def slow_counts(c: Changes, at: int) -> tuple[int, int, int, int]:
    """Day, day and ratio, slot, slot and ratio: those who share them with one change."""
    near = [
        j for j in range(len(c.onset))
        if j != at and c.strength[j] >= 0.5 * c.strength[at] and abs(c.onset[j] - c.onset[at]) <= 1.0
    ]  # fmt: skip
    alike = [
        j for j in near
        if abs(c.log_ratio[j] - c.log_ratio[at]) <= min(0.02 + 1.5 * np.hypot(c.error[at], c.error[j]), 0.2)
    ]  # fmt: skip
    slot = [j for j in near if abs(c.onset[j] - c.onset[at]) <= 1.01 / 48]
    return len(near), len(alike), len(slot), len(set(slot) & set(alike))


def test_sizes_are_those_of_the_slow_twin() -> None:
    onset, ratio = ordinary(120, 8)
    onset[:12], onset[20] = 40.0, np.nan
    entries = changes(onset, ratio, strong=6)
    found = find_together(entries, 2.0)
    for at in np.flatnonzero(np.isfinite(onset)):
        sizes = (found.day_size[at], found.ratio_size[at], found.slot_size[at], found.both_size[at])
        assert sizes == slow_counts(entries, int(at))


def test_links_hold_the_same_meters_together_however_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    onset, ratio = ordinary(300, 9)
    onset[:40], ratio[:40] = 40.0, np.log(0.5)
    onset[50:70], ratio[50:70] = 60.5, np.log(3.0)
    entries = changes(onset, ratio)
    kinds = []
    for most in (10**9, 5):
        monkeypatch.setattr("loadprofile.features.coincidence.MOST_PAIRS", most)
        links = find_together(entries, 2.0).links
        graph = sparse.coo_matrix((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(300, 300))
        label = csgraph.connected_components(graph, directed=False)[1]
        assert len(set(label[:40].tolist())) == len(set(label[50:70].tolist())) == 1
        kinds.append((label.tolist(), sorted(set(links.ravel().tolist())), len(links)))
    assert kinds[0][:2] == kinds[1][:2]
