from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.features import odd_values
from loadprofile.features.day_facts import Facts, day_facts
from loadprofile.features.ordering import ranked

NAN = float("nan")
S = 48


def home(seed: int = 1, days: int = 30) -> np.ndarray:
    return np.round(np.random.default_rng(seed).gamma(1.0, 0.3, days * S), 3).astype(np.float32)


def axes(m: int) -> tuple[np.ndarray, np.ndarray]:
    day, slot = np.divmod(np.arange(m), S)
    return day.astype(np.int32), slot.astype(np.int32)


def edges_of(values: np.ndarray) -> np.ndarray:
    return np.arange(0, len(values) + 1, S)


def facts_of(values: np.ndarray) -> Facts:
    return day_facts(values, edges_of(values))


def named(columns: tuple[str, ...], out: np.ndarray) -> dict[str, float]:
    return dict(zip(columns, out.tolist(), strict=True))


def spikes_of(values: np.ndarray, top: float = 1.5) -> dict[str, float]:
    _, slot = axes(len(values))
    out = odd_values.spikes(values, edges_of(values), facts_of(values), slot, S, top)
    return named(odd_values.SPIKES, out)


def caps_of(values: np.ndarray) -> dict[str, float]:
    out = odd_values.caps(values, edges_of(values), facts_of(values), ranked(values))
    return named(odd_values.CAPS, out)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(2**31 - 1, id="full_signed_word"),
        pytest.param((2**32 - 1) / 1e3, id="full_word_in_Wh"),
        pytest.param((2**32 - 1) / 1e6, id="full_word_in_mWh"),
        pytest.param(16_777_215, id="24_bits"),
        pytest.param(8590.3, id="8590_point_something"),
        pytest.param(99_999, id="nines"),
        pytest.param(65.535, id="16_bits_in_Wh"),
        pytest.param(-1, id="minus_one"),
        pytest.param(-9999, id="minus_nines"),
    ],
)
@pytest.mark.parametrize("count", [pytest.param(1, id="once"), pytest.param(400, id="a_quarter")])
def test_sentinels_are_seen_however_many(value: float, count: int) -> None:
    values = home()
    values[100 : 100 + count] = value
    share, at = odd_values.sentinels(values, ranked(values))
    assert share == pytest.approx(count / len(values))
    assert at == 100


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(home(), id="ordinary_home"),
        pytest.param(home() * np.float32(4000.0), id="large_site"),
        pytest.param(np.linspace(-3, 3, 601).astype(np.float32), id="export_passing_minus_one"),
        pytest.param(np.append(home() + np.float32(20), np.float32(65.535)), id="within_three_times_the_top"),
    ],
)
def test_ordinary_readings_are_no_sentinels(values: np.ndarray) -> None:
    assert odd_values.sentinels(values, ranked(values)) == (0.0, -1)


def test_no_reading_no_answer() -> None:
    share, at = odd_values.sentinels(np.full(4, np.nan, np.float32), np.empty(0, np.float32))
    assert np.isnan(share)
    assert at == -1


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), top=st.floats(0.5, 2.0))
def test_spikes_and_negatives_equal_the_slow_twins(seed: int, top: float) -> None:
    rng = np.random.default_rng(seed)
    values = home(seed, 4)
    values[rng.integers(0, len(values), 5)] = rng.uniform(3, 20)
    values[rng.integers(0, len(values), 9)] = np.nan
    at = rng.integers(0, len(values))
    values[at : at + rng.integers(0, 9)] *= -1
    day, slot = axes(len(values))
    top = float(np.float32(top))
    alone = [
        k for k in range(1, len(values) - 1)
        if values[k] > top and values[k - 1] <= top and values[k + 1] <= top
    ]  # fmt: skip
    found = spikes_of(values, top)
    assert found["spike_count"] == sum(values[k] > 4 * top for k in alone)
    np.testing.assert_allclose(
        found["spike_ratio"], max((values[k] for k in alone), default=0) / top, rtol=1e-6
    )
    found = named(odd_values.NEGATIVES, odd_values.negatives(values, day, slot, facts_of(values), S))
    np.testing.assert_allclose(found["negative_share"], (values < 0).sum() / (~np.isnan(values)).sum())
    longest = max(len(run) for run in "".join("n" if v < 0 else " " for v in values).split(" "))
    np.testing.assert_allclose(found["negative_longest_hours"], longest / 2)


def test_the_first_reading_after_a_gap_is_no_spike() -> None:
    values = home()
    values[200:210] = np.nan
    values[210] = 50.0
    assert spikes_of(values)["spike_count"] == 0
    values[209] = 0.2
    found = spikes_of(values)
    assert found["spike_count"] == 1
    assert found["when.spike"] == pytest.approx(210 / S)


def test_a_hard_cap_piles_up() -> None:
    free = home(3, 90)
    capped = np.minimum(free, np.float32(0.6))
    part = free.copy()
    part[2000:] = capped[2000:]
    shares = {}
    for name, values in (("free", free), ("capped", capped), ("part", part)):
        shares[name] = caps_of(values)
    assert shares["capped"]["cap_share"] > 0.1 > 20 * shares["free"]["cap_share"]
    assert shares["capped"]["cap_days_share"] > 0.9
    assert shares["part"]["peg_share"] > 0.05 > 5 * shares["free"]["peg_share"]


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_caps_and_units_equal_the_slow_twins(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.round(home(seed, 12), 1)
    values[rng.random(len(values)) < 0.1] = np.nan
    for day in range(rng.integers(0, 5)):
        values[day * S : (day + 1) * S] *= np.float32(rng.choice([1000.0, 0.001]))
    present = np.sort(values[~np.isnan(values)])
    cap = present[int(0.999 * (len(present) - 1))]
    near = (values >= np.float32(0.99 * cap)) & (values <= cap)
    upper = present[int(0.8 * (len(present) - 1)) :]
    upper = upper[upper > 0]
    kinds, counts = np.unique(upper, return_counts=True)
    found = caps_of(values)
    np.testing.assert_allclose(found["cap_share"], near.sum() / len(present))
    np.testing.assert_allclose(found["cap_days_share"], near.reshape(-1, S).any(axis=1).mean())
    np.testing.assert_allclose(found["peg_share"], counts.max() / len(present))
    if len(kinds) >= 10:
        np.testing.assert_allclose(found["peg_excess"], counts.max() / counts.mean())
    means = np.nanmean(values.astype(np.float64).reshape(-1, S), axis=1)
    used = (values > 0).reshape(-1, S).sum(axis=1) >= 0.5 * (~np.isnan(values)).reshape(-1, S).sum(axis=1)
    ratio = means[used] / np.median(means[used])
    odd = ((ratio > 333.4) & (ratio < 3000)) | ((ratio > 1 / 3000) & (ratio < 0.00299))
    found = named(odd_values.UNITS, odd_values.units(facts_of(values)))
    np.testing.assert_allclose(found["unit_mix_share"], odd.mean())


def test_a_week_in_watt_hours_is_a_unit_mix_and_an_empty_home_is_not() -> None:
    values = home(2, 40)
    values[10 * S : 17 * S] *= 1000
    found = named(odd_values.UNITS, odd_values.units(facts_of(values)))
    assert found["unit_mix_share"] == pytest.approx(7 / 40)
    assert (found["when.unit_first"], found["when.unit_last"]) == (10, 17)
    values[10 * S : 17 * S] = 0.0
    values[10 * S : 17 * S : S] = 0.01
    assert odd_values.units(facts_of(values))[0] == 0.0


def test_two_high_readings_in_a_row_are_no_spike() -> None:
    values = home()
    values[300:302] = 40.0
    found = spikes_of(values)
    assert found["spike_count"] == 0
    assert found["spike_ratio"] < 3


def test_a_smaller_sentinel_does_not_hide_a_greater_one() -> None:
    values = home()
    values[100:400] = 9999.0
    values[500] = 16_777.215
    share, at = odd_values.sentinels(values, ranked(values))
    assert share == pytest.approx(301 / len(values))
    assert at == 100
