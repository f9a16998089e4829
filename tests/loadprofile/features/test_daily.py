from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.errors import ShapeError
from loadprofile.features.daily import DailyBlocks, daily_blocks
from loadprofile.profiles import LoadProfiles


def profiles_of(kwh: np.ndarray, exists: np.ndarray | None = None) -> LoadProfiles:
    n, d, s = kwh.shape
    return LoadProfiles(
        meter_ids=np.array([f"m{i}" for i in range(n)]),
        days=np.datetime64("2010-01-01") + np.arange(d),
        kwh=kwh.astype(np.float32),
        step_minutes=1440 // s,
        exists=exists,  # type: ignore[arg-type]
    )


def slow_blocks(profiles: LoadProfiles) -> np.ndarray:
    n, d, s = profiles.kwh.shape
    out = np.full((n, d, 8), np.nan, dtype=np.float32)
    for i in range(n):
        for j in range(d):
            for b in range(8):
                part = slice(b * s // 8, (b + 1) * s // 8)
                real = profiles.kwh[i, j, part][profiles.exists[j, part]].astype(np.float64)
                present = real[~np.isnan(real)]
                if len(present) and len(present) >= len(real) / 2:
                    out[i, j, b] = present.mean() * (s / 24)
    return out


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 10_000),
    slots=st.sampled_from([24, 48, 96]),
    days=st.integers(1, 4),
    lost=st.sampled_from([0.0, 0.3, 0.6, 1.0]),
)
def test_blocks_equal_the_slow_twin(seed: int, slots: int, days: int, lost: float) -> None:
    rng = np.random.default_rng(seed)
    kwh = rng.gamma(1.0, 0.3, (3, days, slots))
    kwh[rng.random(kwh.shape) < lost] = np.nan
    exists = np.ones((days, slots), dtype=bool)
    exists[0, slots // 24 : slots // 12] = False  # the hour that the clock jumps over
    kwh[:, ~exists] = np.nan
    profiles = profiles_of(kwh, exists)
    blocks = daily_blocks(profiles)
    np.testing.assert_allclose(blocks.power, slow_blocks(profiles), rtol=1e-6)
    known = (~np.isnan(blocks.power)).sum(axis=2)
    with np.errstate(invalid="ignore"):
        mean = np.where(known >= 6, np.nansum(blocks.power, axis=2) / np.maximum(known, 1), np.nan)
    np.testing.assert_allclose(blocks.daily(), mean, rtol=1e-5)


def test_a_constant_kilowatt_is_one_at_every_step() -> None:
    for slots in (24, 48, 96):
        blocks = daily_blocks(profiles_of(np.full((1, 2, slots), 24 / slots)))
        np.testing.assert_allclose(blocks.power, 1.0)
        np.testing.assert_allclose(blocks.daily(), 1.0)


@pytest.mark.parametrize(
    ("missing", "known"),
    [pytest.param(3, True, id="half_is_enough"), pytest.param(4, False, id="less_than_half_is_not")],
)
def test_a_block_needs_half_of_its_slots(missing: int, known: bool) -> None:
    kwh = np.ones((1, 1, 48))
    kwh[0, 0, :missing] = np.nan
    assert np.isfinite(daily_blocks(profiles_of(kwh)).power[0, 0, 0]) == known


def test_skipped_hour_does_not_count_as_missing() -> None:
    kwh = np.ones((1, 1, 24))
    kwh[0, 0, :2] = np.nan
    exists = np.ones((1, 24), dtype=bool)
    assert np.isnan(daily_blocks(profiles_of(kwh, exists)).power[0, 0, 0])
    exists[0, 0] = False
    assert daily_blocks(profiles_of(kwh, exists)).power[0, 0, 0] == 1.0


def test_a_day_needs_six_blocks() -> None:
    kwh = np.ones((1, 2, 24))
    kwh[0, 0, :6] = np.nan
    kwh[0, 1, :9] = np.nan
    np.testing.assert_array_equal(daily_blocks(profiles_of(kwh)).daily(), [[1.0, np.nan]])


def test_take_and_shapes() -> None:
    blocks = daily_blocks(profiles_of(np.ones((3, 2, 24))))
    assert len(blocks) == 3
    assert blocks.take(slice(1, 2)).meter_ids.tolist() == ["m1"]
    assert not blocks.power.flags.writeable
    with pytest.raises(ShapeError):
        DailyBlocks(blocks.meter_ids, blocks.days, blocks.power[:, :, :7])
