from __future__ import annotations

import numpy as np
import pytest
import ruptures
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.features import split


def slow_gain(series: np.ndarray, noise: float, covariate: np.ndarray, inside: np.ndarray) -> float:
    """Gain of a step by solving the penalised least squares twice."""
    known = np.isfinite(series)
    y, x, u = series[known], covariate[known], inside[known].astype(float)

    def error(columns: list[np.ndarray]) -> float:
        design = np.column_stack(columns)
        penalty = np.zeros(design.shape[1])
        penalty[1] = (noise / split.SLOPE_PRIOR) ** 2
        beta = np.linalg.solve(design.T @ design + np.diag(penalty), design.T @ y)
        return float(((y - design @ beta) ** 2).sum() + (penalty * beta**2).sum())

    ones = np.ones_like(y)
    return (error([ones, x]) - error([ones, x, u])) / (2 * noise**2)


def compared(days: int, first: int, last: int, reach: int) -> np.ndarray:
    """Days within reach of an edge of the stretch ``[first, last)``."""
    t = np.arange(days)
    outside = ((t >= first - reach) & (t < first)) | ((t >= last) & (t < last + reach))
    inside = (t >= first) & (t < last)
    return outside | (inside & ((t < first + reach) | ((t >= last - reach) & (last < days))))


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), days=st.integers(14, 40), lost=st.sampled_from([0.0, 0.2]),
       reach=st.sampled_from([6, 9, 100]))  # fmt: skip
def test_running_sums_equal_least_squares(seed: int, days: int, lost: float, reach: int) -> None:
    rng = np.random.default_rng(seed)
    series = rng.normal(0, 1, (2, days))
    series[:, rng.random(days) < lost] = np.nan
    covariate = rng.normal(0, 0.3, days)
    noise, weights = np.array([0.7, 1.3]), np.array([1.0, 0.5])
    t = np.arange(days)
    for edge in (days, days // 2):
        sums = split.running_sums(series, np.tile(covariate, (2, 1)))
        gains = split.step_gains(sums, noise, weights, edge)
        for e in range(days + 1):
            first, last = min(e, edge), max(e, edge)
            inside = (t >= first) & (t < last)
            used = np.where(compared(days, first, last, reach), series, np.nan)
            known = np.isfinite(used[0])
            enough = min((inside & known).sum(), (~inside & known).sum()) >= split.MIN_DAYS
            wanted = (
                sum(weights[k] * slow_gain(used[k], noise[k], covariate, inside) for k in range(2))
                if enough
                else 0.0
            )
            if reach > days:
                assert gains[e] == pytest.approx(wanted, abs=1e-6)
            found = split.close_gain(sums, noise, weights, first, last, reach)
            assert found == pytest.approx(wanted, abs=1e-6)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), days=st.integers(14, 60), lost=st.sampled_from([0.0, 0.3]),
       reach=st.sampled_from([6, 9, 100]), on=st.booleans())  # fmt: skip
def test_step_sizes_equal_least_squares(seed: int, days: int, lost: float, reach: int, on: bool) -> None:
    rng = np.random.default_rng(seed)
    series, covariate = rng.normal(0, 1, days), rng.normal(0, 0.3, days)
    series[rng.random(days) < lost] = np.nan
    first = int(rng.integers(1, days - 1))
    last = days if on else int(rng.integers(first + 1, days + 1))
    inside = (np.arange(days) >= first) & (np.arange(days) < last)
    used = compared(days, first, last, reach) & np.isfinite(series)
    sums = split.running_sums(series[None], covariate[None])
    step, error, slope = split.step_size(sums[0], 0.7, first, last, reach)
    if (used & inside).sum() < 2 or (used & ~inside).sum() < 2:
        assert np.isnan(step)
        return
    design = np.column_stack([np.ones(days), covariate, inside])[used]
    normal = design.T @ design + np.diag([0.0, (0.7 / split.SLOPE_PRIOR) ** 2, 0.0])
    _, wanted_slope, wanted = np.linalg.solve(normal, design.T @ series[used])
    assert step == pytest.approx(wanted, abs=1e-8)
    assert slope == pytest.approx(wanted_slope, abs=1e-8)
    assert error == pytest.approx(0.7 * np.sqrt(np.linalg.inv(normal)[2, 2]), abs=1e-8)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), days=st.integers(3, 40), lost=st.sampled_from([0.0, 0.4]))
def test_steps_are_taken_out_of_sums_as_out_of_series(seed: int, days: int, lost: float) -> None:
    rng = np.random.default_rng(seed)
    series, covariates = rng.normal(0, 1, (3, days)), rng.normal(0, 1, (3, days))
    series[rng.random(series.shape) < lost] = np.nan
    steps = np.array([0.4, np.nan, -1.7])
    first, last = np.sort(rng.choice(days + 1, 2, replace=False))
    sums = split.running_sums(series, covariates)
    split.take_steps_out(sums, steps, first, last)
    series[:, first:last] -= np.nan_to_num(steps)[:, None]
    np.testing.assert_allclose(sums, split.running_sums(series, covariates), atol=1e-12)


def slow_ramp(series: np.ndarray, onset: float, end: int, noise: float) -> tuple[float, ...]:
    """``ramp_fit`` by a least squares fit for each ramp."""
    t = np.arange(max(0, int(onset) - split.RAMP_DAYS), min(end, int(onset) + split.RAMP_DAYS))
    days = len(t)
    t = t[np.isfinite(series[t])]
    if 0.02 < onset - int(onset) < 0.98:
        t = t[t != int(onset)]
    if len(t) < 2 * split.MIN_DAYS:
        return (np.nan,) * 5

    def error(u: np.ndarray) -> float:
        design = np.column_stack([np.ones(len(t)), u])
        beta = np.linalg.lstsq(design, series[t], rcond=None)[0]
        return float(((series[t] - design @ beta) ** 2).sum())

    step = best = error((t >= onset).astype(float))
    length, begin = 0.0, onset
    for w in split.LENGTHS[1:]:
        for centre in (onset + shift * w / 4 for shift in range(-2, 3)):
            u = np.clip((t + 0.5 - centre) / w + 0.5, 0, 1)
            if w <= 1.5 * days and np.ptp(u) > 1e-6 and error(u) < best - 8 * noise**2:
                best, length, begin = error(u), w, max(centre - w / 2, 0.0)
    total, line = ((series[t] - series[t].mean()) ** 2).sum(), error(t.astype(float))
    return length, begin, 1 - best / step, line / step, 1 - line / total


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), days=st.integers(12, 250), width=st.integers(1, 60),
       lost=st.sampled_from([0.0, 0.2]), within=st.sampled_from([0.0, 0.4]))  # fmt: skip
def test_ramps_from_running_sums_equal_fits(
    seed: int, days: int, width: int, lost: float, within: float
) -> None:
    rng = np.random.default_rng(seed)
    onset = int(rng.integers(3, days - 3)) + within
    end = days if rng.random() < 0.5 else int(rng.integers(int(onset) + 3, days + 1))
    series = np.clip((np.arange(days) - onset) / width, 0, 1) + rng.normal(0, 0.1, days)
    series[rng.random(days) < lost] = np.nan
    known = np.isfinite(series)
    if known[: int(onset)].sum() < 2 or known[int(onset) + 1 : end].sum() < 2:
        return  # no step to compare with
    found = split.ramp_fit(series, onset, end, 0.1)
    np.testing.assert_allclose(found, slow_ramp(series, onset, end, 0.1), rtol=1e-6, atol=1e-6)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), at=st.integers(12, 48))
def test_single_split_is_where_ruptures_finds_it(seed: int, at: int) -> None:
    rng = np.random.default_rng(seed)
    series = rng.normal(0, 1, 60) + 3 * (np.arange(60) >= at)
    sums = split.running_sums(series[None], np.zeros((1, 60)))
    gains = split.step_gains(sums, np.ones(1), np.ones(1), 60)
    theirs = ruptures.Dynp(model="l2", min_size=split.MIN_DAYS, jump=1).fit(series).predict(n_bkps=1)[0]
    assert int(np.argmax(gains)) == theirs


@pytest.mark.parametrize(
    ("first", "last"),
    [
        pytest.param(30, 60, id="still_on"),
        pytest.param(20, 40, id="returned"),
        pytest.param(6, 14, id="early"),
    ],
)
def test_stretches_are_found(first: int, last: int) -> None:
    rng = np.random.default_rng(4)
    series = rng.normal(0, 1, (1, 60))
    series[:, first:last] -= 6
    onset, end, gain, single, gains = split.find_stretch(
        split.running_sums(series, np.zeros((1, 60))), np.ones(1), np.ones(1)
    )
    assert (onset, end) == (first, last)
    assert gain >= single
    assert int(np.argmax(gains)) == first


def test_too_short_a_series_has_no_change() -> None:
    series = np.full((1, 30), np.nan)
    series[0, :9] = 1.0
    assert split.find_stretch(split.running_sums(series, np.zeros((1, 30))), np.ones(1), np.ones(1))[0] == -1


def test_a_slope_on_the_covariate_is_no_step() -> None:
    rng = np.random.default_rng(0)
    season = np.cos(2 * np.pi * np.arange(365) / 365)
    series = (0.5 * season + rng.normal(0, 0.1, 365))[None]
    noise, one = np.array([0.1]), np.ones(1)
    blind = split.step_gains(split.running_sums(series, np.zeros((1, 365))), noise, one, 365).max()
    seeing = split.step_gains(split.running_sums(series, season[None]), noise, one, 365).max()
    assert seeing < 0.02 * blind
    series[0, 200:] -= 0.7
    onset, end, *_ = split.find_stretch(split.running_sums(series, season[None]), noise, one)
    assert (onset, end) == (200, 365)
    sums = split.running_sums(series, season[None])
    step, error, slope = split.step_size(sums[0], 0.1, onset, end, 365)
    assert step == pytest.approx(-0.7, abs=4 * error)
    assert slope == pytest.approx(0.5, abs=0.05)


def test_a_ramp_is_told_from_a_step() -> None:
    rng = np.random.default_rng(1)
    t = np.arange(120)
    noise = rng.normal(0, 0.05, 120)
    ramp = -np.clip((t - 40) / 30, 0, 1) + noise
    step = -1.0 * (t >= 55) + noise
    length, begin, gain, line, _ = split.ramp_fit(ramp, 55, 120, 0.05)
    assert length in {21, 30, 45}
    assert gain > 0.5
    assert begin == pytest.approx(40, abs=8)
    length, begin, gain, line, _ = split.ramp_fit(step, 55, 120, 0.05)
    assert (length, begin, gain) == (0, 55, 0)
    assert line > 5
    _, _, _, line, r2 = split.ramp_fit(-t / 60 + noise, 60, 120, 0.05)
    assert line < 0.5
    assert r2 > 0.9
