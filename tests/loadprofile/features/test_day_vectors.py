from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.features import day_vectors
from loadprofile.features.day_facts import day_facts
from loadprofile.features.ordering import usual

NAN = float("nan")


def named(columns: tuple[str, ...], out: np.ndarray) -> dict[str, float]:
    return dict(zip(columns, out.tolist(), strict=True))


def repeats_of(days: np.ndarray, edges: np.ndarray | None = None) -> dict[str, float]:
    d, s = days.shape
    edges = np.arange(0, d * s + 1, s) if edges is None else edges
    values = days.astype(np.float32).ravel()
    out = day_vectors.repeats(values, edges, day_facts(values, edges), s)
    return named(day_vectors.REPEATS, out)


def slow_repeats(days: np.ndarray) -> dict[str, float]:
    s = days.shape[1]
    lags = []
    for j, vector in enumerate(days):
        lag = 0
        lively = (np.diff(vector) != 0).sum() >= max(6, s // 6) and len(set(vector.tolist())) >= 4
        if not np.isnan(vector).any() and lively:
            lag = next((j - i for i in range(j - 1, -1, -1) if (days[i] == vector).all()), 0)
        lags.append(lag)
    complete = int((~np.isnan(days)).all(axis=1).sum())
    best = (0, NAN, NAN, NAN)
    for j, lag in enumerate(lags):
        begin = j
        while begin > 0 and lags[begin - 1] == lag:
            begin -= 1
        if lag and j - begin + 1 > best[0]:
            best = (j - begin + 1, lag, begin, j + 1)
    share = sum(lag > 0 for lag in lags) / complete if complete else NAN
    return dict(zip(day_vectors.REPEATS, (share, best[0] if complete else NAN, *best[1:]), strict=True))


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 10_000), s=st.sampled_from([24, 48]), kinds=st.integers(1, 6))
def test_repeats_equal_the_slow_twin(seed: int, s: int, kinds: int) -> None:
    rng = np.random.default_rng(seed)
    menu = np.round(rng.gamma(1.0, 0.3, (kinds, s)), 2).astype(np.float32)
    menu[0, : s - rng.integers(2, 10)] = 0.1  # one day with little life
    days = menu[rng.integers(0, kinds, 20)]
    if seed % 2:
        days[rng.integers(0, 20), rng.integers(0, s)] = np.nan
    found, expected = repeats_of(days), slow_repeats(days)
    for name in day_vectors.REPEATS:
        np.testing.assert_allclose(found[name], expected[name], err_msg=name)


def test_a_replayed_week_gives_its_date_length_and_lag(rng: np.random.Generator) -> None:
    days = np.round(rng.gamma(1.0, 0.3, (60, 48)), 3)
    days[37:47] = days[30:40].copy()
    days[44:47] = days[37:40]
    found = repeats_of(days)
    assert found["repeat_block_days"] == 10
    assert found["repeat_lag_days"] == 7
    assert (found["when.repeat_first"], found["when.repeat_last"]) == (37, 47)


def test_one_slot_of_difference_is_no_repeat(rng: np.random.Generator) -> None:
    days = np.round(rng.gamma(1.0, 0.3, (10, 48)), 3)
    days[5] = days[4]
    days[5, 40] += 0.001
    assert repeats_of(days)["repeat_day_share"] == 0.0


def test_a_short_day_is_not_compared(rng: np.random.Generator) -> None:
    days = np.tile(rng.gamma(1.0, 0.3, (1, 24)), (4, 1))
    values = np.delete(days.ravel(), 30).astype(np.float32)  # the second day has 23 slots
    edges = np.array([0, 24, 47, 71, 95])
    facts = day_facts(values, edges)
    out = named(day_vectors.REPEATS, day_vectors.repeats(values, edges, facts, 24))
    assert out["repeat_day_share"] == pytest.approx(2 / 3)


def flats_of(days: np.ndarray, step: float = NAN) -> dict[str, float]:
    d, s = days.shape
    edges = np.arange(0, d * s + 1, s)
    out = day_vectors.flats(edges, day_facts(days.astype(np.float32).ravel(), edges), step)
    return named(day_vectors.FLATS, out)


@pytest.mark.parametrize(
    ("day", "flat"),
    [
        pytest.param(np.full(48, 0.3), True, id="mean_of_the_day"),
        pytest.param(np.zeros(48), False, id="zero_is_not_flat"),
        pytest.param(0.02 + 0.01 * (np.arange(48) % 3 == 0), False, id="fridge_of_an_empty_home"),
        pytest.param(np.full(48, 0.002), False, id="two_steps_are_constant_by_rounding"),
        pytest.param(np.where(np.arange(48) < 30, np.nan, 0.3), False, id="too_few_readings"),
    ],
)
def test_flat_days(rng: np.random.Generator, day: np.ndarray, flat: bool) -> None:
    days = np.round(rng.gamma(1.0, 0.5, (20, 48)), 3)
    days[7] = day
    found = flats_of(days, 0.001)
    assert (found["flat_day_share"] > 0) == flat
    if flat:
        assert (found["when.flat_first"], found["when.flat_last"]) == (7, 8)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), step=st.sampled_from([NAN, 0.01]))
def test_flats_equal_the_slow_twin(seed: int, step: float) -> None:
    rng = np.random.default_rng(seed)
    days = np.round(rng.gamma(1.0, 0.5, (12, 24)), 2).astype(np.float32)
    days[rng.random(12) < 0.3] = rng.choice([0.0, 0.1, 0.5])
    days[rng.random((12, 24)) < 0.1 * (seed % 3)] = np.nan
    good = [d[~np.isnan(d)].astype(float) for d in days if (~np.isnan(d)).sum() >= 12]
    usual_range = np.median([np.ptp(d) for d in good]) or max(np.ptp(d) for d in good)
    least = 0 if np.isnan(step) else 20 * step
    flat = [
        d.mean() > 0 and d.mean() >= least and np.ptp(d) < 0.02 * usual_range and np.ptp(d) < 0.01 * d.mean()
        for d in good
    ]
    found = flats_of(days, step)["flat_day_share"]
    np.testing.assert_allclose(found, np.mean(flat) if usual_range > 0 else NAN)


def windows_of(values: np.ndarray, s: int) -> dict[str, float]:
    values = values.astype(np.float32)
    slot = np.tile(np.arange(s, dtype=np.int32), len(values) // s)
    _, zero_share = usual(values, slot, s, NAN)
    edges = np.arange(0, len(values) + 1, s)
    out = day_vectors.windows(values, edges, day_facts(values, edges), slot, zero_share)
    return named(day_vectors.WINDOWS, out)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), s=st.sampled_from([24, 48]))
def test_windows_equal_the_slow_twin(seed: int, s: int) -> None:
    rng = np.random.default_rng(seed)
    days = rng.gamma(1.0, 0.3, (15, s)).astype(np.float32)
    for day in days[rng.random(15) < 0.6]:
        day[rng.integers(0, s) :][: rng.integers(1, s)] = 0.0
    days[rng.random(15) < 0.1] = np.nan
    rows = [d for d in days if (~np.isnan(d)).sum() >= s / 2]
    zero_share = np.array([(np.array(rows)[:, t] == 0).mean() for t in range(s)])
    hits, begun, exact, per_hour = 0, [], 0, s // 24
    for d in rows:
        runs, t = [], 0
        while t < s:
            end = t
            while end < s and d[end] == 0:
                end += 1
            if end > t and (zero_share[t:end] < 0.5).sum() >= s // 8 and (d > 0).any():
                runs.append((t, end))
            t = max(end, t + 1)
        hits += bool(runs)
        begun += [a for a, _ in runs]
        exact += sum(a % per_hour == 0 and b % per_hour == 0 for a, b in runs)
    found = windows_of(days.ravel(), s)
    np.testing.assert_allclose(found["zero_window_share"], hits / len(rows))
    np.testing.assert_allclose(found["zero_usual"], np.median([(d == 0).mean() for d in rows]))
    if len(begun) >= 3:
        mode = max(begun.count(a) for a in begun) / len(begun)
        np.testing.assert_allclose(found["zero_same_start_share"], mode)
        if s == 48:
            np.testing.assert_allclose(found["zero_exact_hour_share"], exact / len(begun))


def test_zeros_that_are_ordinary_are_no_window() -> None:
    sun = np.maximum(np.sin(np.linspace(-np.pi, np.pi, 48)), 0.0)
    assert windows_of(np.tile(sun, 20), 48)["zero_window_share"] == 0.0


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from([NAN, 0.0, -0.0, 1.0, 2.5, 1e300, float("inf")]) | st.floats(-1e9, 1e9)))
def test_a_mark_that_stands_twice_is_found(marks: list[float]) -> None:
    known = [mark for mark in marks if not np.isnan(mark)]
    assert day_vectors._twice(np.array(marks, dtype=np.float64)) == (len(set(known)) < len(known))
