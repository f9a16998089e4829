from __future__ import annotations

import numpy as np
import pytest
import ruptures

from loadprofile.features.change_dates import LEAST_WEEKS, change_dates, daily_log_level, partition


@pytest.mark.parametrize("seed", range(12))
def test_partition_is_that_of_ruptures(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 0.1, 52) + np.repeat(rng.normal(0, 0.4, 4), 13)
    price = 0.02 * (1 + seed % 3)
    theirs = ruptures.Pelt(model="l2", min_size=LEAST_WEEKS, jump=1).fit(values).predict(pen=price)[:-1]
    assert partition(values, price) == theirs


def level(rng: np.random.Generator, days: int = 364) -> np.ndarray:
    return rng.normal(0.0, 0.15, days)


CASES: dict[str, tuple[tuple[int, int, float], ...]] = {
    "bypass on, off and on": ((60, 130, -0.7), (200, 300, -0.6)),
    "fault and repair": ((143, 215, -1.1),),
    "nearly nothing for a month": ((95, 130, -3.0),),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("seed", range(3))
def test_every_change_is_dated_to_days(name: str, seed: int) -> None:
    daily = level(np.random.default_rng(seed))
    truth: list[tuple[int, float]] = []
    for first, last, step in CASES[name]:
        daily[first:last] += step
        truth += [(first, step), (last, -step)]
    found = change_dates(daily)
    assert len(found) == len(truth)
    for (day, step), (at, size) in zip(found, truth, strict=True):
        assert abs(day - at) <= 2
        assert step == pytest.approx(size, abs=0.25)


def test_a_steady_home_has_none() -> None:
    counts = [len(change_dates(level(np.random.default_rng(seed)))) for seed in range(40)]
    assert np.mean(np.array(counts) > 0) <= 0.05


def test_gaps_and_short_spans() -> None:
    daily = level(np.random.default_rng(0))
    daily[100:180] -= 0.8
    daily[60:95] = np.nan
    assert [day for day, _ in change_dates(daily)] == pytest.approx([100, 180], abs=2)
    assert change_dates(daily[:20]) == []
    assert change_dates(np.full(200, np.nan)) == []


def test_what_the_peers_did_is_no_change() -> None:
    rng = np.random.default_rng(1)
    movement = np.exp(0.5 * np.sin(np.arange(364) / 60.0))[None, :, None] * np.ones((1, 1, 8))
    power = 2.0 * movement * np.exp(rng.normal(0, 0.2, (1, 364, 8)))
    power[0, 40, 3:] = np.nan
    ours = daily_log_level(power.astype(np.float32), movement.astype(np.float32))
    assert change_dates(ours[0]) == []
    alone = daily_log_level(power.astype(np.float32), np.full((1, 364, 8), np.nan, dtype=np.float32))
    assert change_dates(alone[0]) != []
    assert np.isnan(
        daily_log_level(np.full((1, 9, 8), np.nan, np.float32), np.ones((1, 9, 8), np.float32))
    ).all()
