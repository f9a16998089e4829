from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.errors import ShapeError
from loadprofile.features.change import change_features
from loadprofile.features.daily import daily_blocks
from loadprofile.profiles import LoadProfiles


def plant(homes: LoadProfiles, row: int, factor: float, day: float, end: float | None = None) -> np.ndarray:
    kwh = homes.kwh.copy()
    s = homes.slots_per_day
    stop = None if end is None else round(end * s)
    kwh[row].reshape(-1)[round(day * s) : stop] *= factor
    return kwh


@pytest.mark.parametrize("factor", [0.1, 1 / 3, 0.5, 2.0, 10.0])
@pytest.mark.parametrize("days", [91, 365])
def test_planted_steps_are_recovered(make_homes, changes_of, factor: float, days: int) -> None:
    homes = make_homes(30, days)
    kwh = plant(homes, 4, factor, 40.25)
    table = changes_of(homes.with_kwh(kwh))
    assert table.column("change.ratio")[4] == pytest.approx(factor, rel=0.08)
    assert abs(table.column("when.change")[4] - 40.25) <= 1.5 / 48
    low, high = table.column("when.change_low")[4], table.column("when.change_high")[4]
    assert low <= 40.25 + 1e-3
    assert high >= 40.25 - 1e-3
    assert np.isnan(table.column("when.change_end")[4])
    assert np.argmax(table.column("change.glr")) == 4
    assert table.column("change.sharpness")[4] == pytest.approx(1, abs=0.35)
    assert table.column("change.ramp_days")[4] == 0
    assert table.column("change.rational_misfit_se")[4] < 3
    assert table.column("change.block_spread")[4] < 0.1


def test_the_ratio_is_exact_on_quiet_meters(make_homes, changes_of) -> None:
    homes = make_homes(30, 91, noise=0.02)
    table = changes_of(homes.with_kwh(plant(homes, 4, 0.5, 40.25)))
    assert table.column("change.ratio")[4] == pytest.approx(0.5, rel=0.02)
    assert table.column("change.rational")[4] == 0.5
    assert table.column("change.gain")[4] == pytest.approx(0.5, rel=0.03)
    assert table.column("change.offset_rel")[4] == pytest.approx(0, abs=0.02)
    lost = table.column("change.kwh_per_day_lost")[4]
    assert lost == pytest.approx(homes.kwh[4, 41:].sum(axis=1).mean() / 2, rel=0.04)


def test_a_change_that_returns_has_an_end(make_homes, changes_of) -> None:
    homes = make_homes(30, 91)
    table = changes_of(homes.with_kwh(plant(homes, 4, 0.3, 40.5, 60.25)))
    assert table.column("when.change")[4] == pytest.approx(40.5, abs=1.5 / 48)
    assert table.column("when.change_end")[4] == pytest.approx(60.25, abs=1.5 / 48)
    assert table.column("change.returned")[4] == 1
    assert table.column("change.ratio")[4] == pytest.approx(0.3, rel=0.1)
    assert table.column("change.duration_days")[4] == pytest.approx(19.75, abs=0.1)


def test_kinds_of_change_look_different(make_homes, changes_of) -> None:
    homes = make_homes(40, 91, seed=2)
    kwh = homes.kwh.copy()
    on = 45
    kwh[0, on:] *= 0.5
    kwh[1, on:, :12] = 0.0  # night bypass
    kwh[2, on:] = np.minimum(kwh[2, on:], np.quantile(kwh[2], 0.7))  # cap
    kwh[3, on:] = kwh[3, on:, ::-1]  # reversed day
    kwh[4, on:] = kwh[4, on:].mean(axis=1, keepdims=True)  # even day
    kwh[5, on:] = np.roll(kwh[5].reshape(-1), 6).reshape(kwh[5].shape)[on:]  # three hours late
    kwh[6, on:] += 0.3 * kwh[6].mean()  # constant load
    kwh[7, on:, 2:10] += 2.0 * kwh[7].mean()  # car at night
    kwh[8, on:] *= np.linspace(1, 0.3, 91 - on)[:, None]  # ramp
    kwh[9, on - 1, 10:30] = 0.0  # outage, then a drop
    kwh[9, on:] *= 0.6
    table = changes_of(homes.with_kwh(kwh))
    get = table.column
    assert np.abs(get("when.change")[[0, 1, 3, 4, 5, 7]] - on).max() < 0.6
    assert get("change.night_log_ratio")[1] < -2
    assert abs(get("change.evening_log_ratio")[1]) < 0.15
    assert get("change.window_share")[1] < -0.6
    assert get("change.window_hour")[1] == 0
    assert get("change.zero_after")[1] == pytest.approx(0.25, abs=0.01)
    assert get("change.peak_log_ratio")[2] < -0.2
    assert abs(get("change.base_log_ratio")[2]) < 0.15
    assert get("change.top_reach_diff")[2] == get("change.top_reach_diff")[:10].min()
    assert np.argmax(get("change.mirror_gain")) == 3
    assert np.argmin(get("change.flat_after")) == 4
    assert abs(get("change.log_ratio")[4]) < 0.1
    assert get("change.sum_conserved")[[3, 4, 5]].min() > get("change.sum_conserved")[[0, 6, 10, 11]].max()
    assert get("change.shift_hours")[5] == pytest.approx(3, abs=0.51)
    assert np.argmax(get("change.shift_gain")[:10]) in {3, 5}
    assert get("change.offset_rel")[6] == pytest.approx(0.3, abs=0.15)
    assert get("change.gain")[6] == pytest.approx(1.0, abs=0.25)
    assert get("change.gain")[0] == pytest.approx(0.5, abs=0.08)
    assert get("change.window_share")[7] > 0.8
    assert get("change.ramp_days")[8] > 10
    assert get("change.outage_before")[9] == pytest.approx(10, abs=0.6)
    assert get("change.outage_before")[[0, 3]].max() == 0


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 1000), power=st.integers(-8, 8))
def test_scale_does_not_matter(make_homes, changes_of, seed: int, power: int) -> None:
    homes = make_homes(12, 60, seed=seed)
    kwh = plant(homes, 0, 0.4, 30.0)
    plain = changes_of(homes.with_kwh(kwh))
    scaled = changes_of(homes.with_kwh(kwh * np.float32(2.0**power)))
    for name in plain.names:
        factor = 2.0**power if name == "change.kwh_per_day_lost" else 1.0
        np.testing.assert_allclose(
            plain.column(name) * factor, scaled.column(name), rtol=2e-3, atol=2e-3, err_msg=name
        )


def test_batch_and_order_do_not_matter(make_homes) -> None:
    homes = make_homes(20, 60)
    blocks = daily_blocks(homes)
    whole = change_features(homes, blocks, None)
    order = np.random.default_rng(0).permutation(20)
    parts = [change_features(homes.take(r), blocks.take(r), None).values for r in np.array_split(order, 3)]
    np.testing.assert_array_equal(np.concatenate(parts), whole.values[order])


@settings(deadline=None, max_examples=15)
@given(
    seed=st.integers(0, 1000),
    days=st.integers(1, 40),
    kind=st.sampled_from(["nan", "zero", "holes", "negative"]),
)
def test_whatever_comes_numbers_are_finite_or_nan(
    make_homes, changes_of, seed: int, days: int, kind: str
) -> None:
    homes = make_homes(8, days, 24, seed=seed)
    kwh = homes.kwh.copy()
    rng = np.random.default_rng(seed)
    if kind == "nan":
        kwh[:4] = np.nan
    elif kind == "zero":
        kwh[:4] = 0
    elif kind == "negative":
        kwh[:4] *= -1
    else:
        kwh[rng.random(kwh.shape) < 0.7] = np.nan
    table = changes_of(homes.with_kwh(kwh))  # FeatureTable refuses infinities, pytest refuses warnings
    assert len(table) == 8
    if kind in {"nan", "zero"}:
        assert np.isnan(table.values[:4]).all()


def test_ordinary_years_with_seasons_have_small_changes(make_homes, changes_of) -> None:
    homes = make_homes(40, 365)
    with_peers = changes_of(homes).column("change.log_ratio")
    alone = changes_of(homes, alone=True)
    assert np.quantile(np.abs(with_peers), 0.9) < 0.15
    assert np.median(np.abs(alone.column("change.log_ratio"))) < 0.2


def test_real_homes_halved_or_nearly_stopped(real_homes, changes_of) -> None:
    """The natural change at the same split is part of what is measured: compare against it."""
    homes = real_homes("edrp_scotland", 80)
    rows = np.arange(0, 80, 4)
    kwh = homes.kwh.copy()
    kwh[rows, 50:] *= 0.05
    table = changes_of(homes.with_kwh(kwh))
    error = np.abs(table.column("when.change")[rows] - 50)
    assert (error <= 1.01 / 48).mean() >= 0.6
    assert (error <= 1.0).mean() >= 0.85
    natural = homes.kwh[rows, 50:].mean(axis=(1, 2)) / homes.kwh[rows, :50].mean(axis=(1, 2))
    good = (error <= 1.0) & np.isnan(table.column("when.change_end")[rows])
    ratio = table.column("change.raw_ratio")[rows] / natural
    assert np.median(np.abs(ratio[good] / 0.05 - 1)) < 0.02


def test_what_does_not_fit_is_refused(make_homes) -> None:
    homes = make_homes(4, 30)
    blocks = daily_blocks(homes)
    with pytest.raises(ShapeError, match="blocks"):
        change_features(homes, blocks.take(slice(0, 3)), None)
    with pytest.raises(ShapeError, match="expected"):
        change_features(homes, blocks, np.ones((4, 29, 8), dtype=np.float32))
