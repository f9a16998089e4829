from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadprofile.errors import ShapeError
from loadprofile.features.weekly import against_own_past, raw_level, weekly_features
from loadprofile.profiles import LoadProfiles


@pytest.fixture(scope="module")
def weeks(simulated_homes: LoadProfiles) -> np.ndarray:
    return simulated_homes.kwh[:30, 7:14].astype(np.float64)


def column(windows: np.ndarray, name: str) -> np.ndarray:
    names, values = weekly_features(windows)
    return values[:, names.index(name)]


def test_scale_and_unit_do_not_matter(weeks: np.ndarray) -> None:
    names, a = weekly_features(weeks)
    _, b = weekly_features(1000.0 * weeks)
    assert len(names) == len(set(names)) == a.shape[1]
    assert b == pytest.approx(a, rel=1e-4, abs=1e-4, nan_ok=True)


def test_a_week_does_not_depend_on_the_weeks_beside_it(weeks: np.ndarray) -> None:
    _, together = weekly_features(weeks)
    _, apart = weekly_features(weeks[3:4])
    assert np.array_equal(together[3:4], apart, equal_nan=True)


@pytest.mark.parametrize("per_hour", [1, 2, 4])
def test_any_interval_length(weeks: np.ndarray, per_hour: int) -> None:
    hourly = weeks.reshape(30, 7, 24, 2).sum(axis=3)
    x = np.repeat(hourly / per_hour, per_hour, axis=2)
    assert column(x, "hour.peak").tolist() == column(hourly, "hour.peak").tolist()
    assert column(x, "day.level.mid") == pytest.approx(column(hourly, "day.level.mid"), abs=1e-5)


def test_missing_and_empty_weeks_are_told_without_a_warning(weeks: np.ndarray) -> None:
    x = weeks[:4].copy()
    x[0] = np.nan
    x[1] = 0.0
    x[2, 3] = np.nan
    x[3, :, ::2] = np.nan
    names, values = weekly_features(x)
    assert np.isnan(values[0, names.index("day.level.mid")])
    assert values[1, names.index("week.all_zero")] == 1.0
    assert np.isfinite(values[2, names.index("day.level.mid")])
    assert not np.isinf(values).any()


def test_what_each_theft_leaves_in_a_week(weeks: np.ndarray, rng: np.random.Generator) -> None:
    def median(windows: np.ndarray, name: str) -> float:
        return float(np.nanmedian(column(windows, name)))

    each_day = rng.uniform(0.1, 0.8, (30, 7, 1)) * weeks
    assert median(each_day, "day.base_sd") > 2 * median(weeks, "day.base_sd")
    each_slot = rng.uniform(0.1, 0.8, weeks.shape) * weeks
    assert median(each_slot, "day.jitter.mid") > median(weeks, "day.jitter.mid")
    flat = np.broadcast_to(weeks.mean(axis=2, keepdims=True), weeks.shape)
    assert median(flat, "day.same_share.min") == 1.0
    turned = weeks[:, :, ::-1]
    assert column(turned, "hour.sin1") == pytest.approx(-column(weeks, "hour.sin1"), abs=1e-4)
    off = weeks.copy()
    off[:, :, 10:22] = 0.0
    assert median(off, "day.zero_run.min") >= 0.25
    capped = np.minimum(weeks, 0.3 * weeks.max(axis=2, keepdims=True))
    assert median(capped, "day.at_top.mid") > median(weeks, "day.at_top.mid")


def test_only_seven_days_of_whole_hours(weeks: np.ndarray) -> None:
    with pytest.raises(ShapeError):
        weekly_features(weeks[:, :6])
    with pytest.raises(ShapeError):
        weekly_features(weeks[:, :, :47])


def slow_past(seen: np.ndarray, recorded: np.ndarray, homes: np.ndarray, least: int) -> np.ndarray:
    w, k = seen.shape
    out = np.full((w, 2 * k), np.nan)
    for row in range(w):
        for at in range(k):
            earlier = [
                float(recorded[r, at])
                for r in range(row)
                if homes[r] == homes[row] and recorded[r, at] == recorded[r, at]
            ]
            if len(earlier) >= least:
                mean = float(np.mean(earlier))
                out[row, at] = seen[row, at] - mean
                if len(earlier) >= max(least, 3):
                    out[row, k + at] = out[row, at] / (float(np.std(earlier)) + 0.02 + 0.05 * abs(mean))
    return out


@given(st.integers(0, 10_000), st.integers(1, 4))
def test_the_past_is_the_homes_own_and_earlier(seed: int, least: int) -> None:
    rng = np.random.default_rng(seed)
    homes = np.sort(rng.integers(0, 3, 14))
    recorded = rng.normal(size=(14, 2)).astype(np.float32)
    recorded[rng.random((14, 2)) < 0.2] = np.nan
    seen = (recorded + rng.normal(size=(14, 2))).astype(np.float32)
    got = against_own_past(seen, recorded, homes, least)
    assert got == pytest.approx(slow_past(seen, recorded, homes, least), rel=1e-3, abs=1e-3, nan_ok=True)


def test_levels_are_logarithms_of_kwh(weeks: np.ndarray) -> None:
    names, a = raw_level(weeks)
    _, b = raw_level(np.e * weeks)
    assert names[0] == "log_kwh.mean"
    assert b - a == pytest.approx(1.0, abs=1e-4)
