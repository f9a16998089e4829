from __future__ import annotations

import numpy as np
import pytest

from loadprofile.features.day_order import CEILING, DISORDER, NEAR_TOP, day_order

DAYS, SLOTS = 80, 48
NO_STEP = np.array([np.nan])


def home(seed: int = 0, days: int = DAYS) -> np.ndarray:
    """A smooth daily course with some luck: neighbours are alike."""
    rng = np.random.default_rng(seed)
    hour = np.arange(SLOTS) / 2
    shape = 0.2 + np.exp(-(((hour - 8) / 2) ** 2)) + 1.5 * np.exp(-(((hour - 19) / 3) ** 2))
    return shape * np.exp(rng.normal(0, 0.25, (days, SLOTS)))


def found(kwh: np.ndarray, step: float = np.nan) -> dict[str, float]:
    values = day_order(kwh[None].astype(np.float32), np.array([step]))[0]
    return dict(zip((*DISORDER, *CEILING), values.tolist(), strict=True))


def slow_ratio(day: np.ndarray) -> float:
    known = day[np.isfinite(day)]
    steps = np.diff(day)
    return float(np.nanmean(steps**2) / known.var())


def test_shuffled_days_are_found_with_their_dates_and_height() -> None:
    kwh = home()
    rng = np.random.default_rng(1)
    for day in range(30, 50):
        kwh[day] = rng.permutation(kwh[day])
    seen = found(kwh)
    assert (seen["when.disorder_first"], seen["when.disorder_last"]) == (30, 50)
    assert seen["disorder_days"] == 20
    assert seen["disorder_gain"] > 30
    inside = np.mean([slow_ratio(day) for day in kwh[30:50].astype(np.float32)])
    assert seen["disorder_ratio"] == pytest.approx(inside, rel=1e-4)
    assert seen["disorder_usual"] < 1.2
    assert abs(seen["disorder_level"]) < 0.1
    assert abs(seen["disorder_swing"]) < 0.1


def test_random_numbers_have_less_swing_and_a_level_of_their_own() -> None:
    kwh = home()
    kwh[40:] = 0.45 * kwh.mean() * np.random.default_rng(2).uniform(0.2, 1.8, (40, SLOTS))
    seen = found(kwh)
    assert seen["when.disorder_first"] == 40
    assert seen["disorder_swing"] < -0.2
    assert seen["disorder_level"] == pytest.approx(np.log(0.45), abs=0.15)


def test_ordinary_days_have_an_order() -> None:
    gains = [found(home(seed))["disorder_gain"] for seed in range(20)]
    assert np.quantile(gains, 0.9) < 8


def test_days_cut_each_at_its_own_height() -> None:
    kwh = home()
    heights = np.random.default_rng(3).uniform(0.5, 0.8, (35, 1)) * kwh[20:55].max(axis=1, keepdims=True)
    kwh[20:55] = np.minimum(kwh[20:55], heights)
    seen = found(kwh)
    assert (seen["when.ceiling_first"], seen["when.ceiling_last"]) == (20, 55)
    cut = kwh[20:55].astype(np.float32)
    at_top = (cut >= NEAR_TOP * cut.max(axis=1, keepdims=True)).sum(axis=1) - 1
    assert seen["ceiling_share"] == pytest.approx(at_top.mean() / SLOTS, rel=1e-6)
    assert seen["ceiling_usual"] < 0.01
    assert seen["ceiling_gain"] > 22


def test_a_top_of_few_counting_steps_is_reached_by_rounding() -> None:
    kwh = np.minimum(home(), 0.5)
    assert found(kwh, 0.01)["ceiling_gain"] > 22
    assert np.isnan(found(kwh, 0.05)["ceiling_gain"])


def test_the_plateau_of_an_empty_home_is_no_cut() -> None:
    kwh = home()
    on = np.sin(np.arange(20 * SLOTS).reshape(20, SLOTS) * 1.7) > 0.2
    kwh[30:50] = 0.02 + 0.05 * on
    seen = found(kwh)
    assert seen["ceiling_gain"] < 8
    assert seen["disorder_level"] < -1.8


@pytest.mark.parametrize("value", [np.nan, 0.0, 0.4], ids=["missing", "zero", "constant"])
def test_what_has_no_order_is_not_judged(value: float) -> None:
    assert np.isnan(day_order(np.full((1, 30, 24), value, dtype=np.float32), NO_STEP)).all()


def test_size_and_company_do_not_matter() -> None:
    kwh = home()
    rng = np.random.default_rng(1)
    for day in range(10, 25):
        kwh[day] = rng.permutation(kwh[day])
    both = np.stack([home(5), 128.0 * kwh]).astype(np.float32)
    alone = day_order(kwh[None].astype(np.float32), NO_STEP)
    np.testing.assert_allclose(day_order(both, np.array([np.nan, np.nan]))[1], alone[0], rtol=1e-5)
