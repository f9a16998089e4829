from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.features import runs
from loadprofile.features.ordering import level_and_kinds, ranked, usual

NAN = float("nan")


def axes(m: int, s: int) -> tuple[np.ndarray, np.ndarray]:
    day, slot = np.divmod(np.arange(m), s)
    return day.astype(np.int32), slot.astype(np.int32)


def random_meter(seed: int, s: int, days: int) -> np.ndarray:
    """Readings with gaps, zeros and constants of random lengths at random places."""
    rng = np.random.default_rng(seed)
    values = np.round(rng.gamma(1.0, 0.3, days * s), 2)
    for _ in range(rng.integers(0, 12)):
        at, length = rng.integers(0, len(values)), rng.integers(1, 2 * s)
        values[at : at + length] = rng.choice([np.nan, 0.0, 0.7, np.nan])
    return values.astype(np.float32)


def stretches(values: np.ndarray, wanted: np.ndarray) -> list[tuple[int, int]]:
    """Begin and end of each run of True, the slow way."""
    found, at = [], 0
    for is_wanted, group in itertools.groupby(wanted.tolist()):
        length = len(list(group))
        if is_wanted:
            found.append((at, at + length))
        at += length
    return found


def named(columns: tuple[str, ...], out: np.ndarray) -> dict[str, float]:
    return dict(zip(columns, out.tolist(), strict=True))


def slow_gaps(values: np.ndarray, s: int, energy: np.ndarray) -> dict[str, float]:
    out = dict.fromkeys(runs.GAPS, NAN)
    missing = np.isnan(values)
    if not len(values) or missing.all():
        return out | {"coverage": 0.0} if len(values) else out
    first, last = np.flatnonzero(~missing)[[0, -1]]
    span = last - first + 1
    inner = [(a, b) for a, b in stretches(values, missing) if first < a < last]
    total = sum(b - a for a, b in inner)
    out |= {
        "coverage": float(1 - missing.mean()), "missing_share": total / span,
        "starts_late_share": first / len(values), "ends_early_share": (len(values) - 1 - last) / len(values),
        "gaps_per_30d": 30 * len(inner) / (span / s), "longest_gap_days": 0.0,
        "when.first_reading": first / s, "when.last_reading": (last + 1) / s,
    }  # fmt: skip
    if len(values) - 1 - last >= s:
        out["ends_off_midnight"] = min((last + 1) % s, -(last + 1) % s) * 24 / s
    if inner:
        longest = max(inner, key=lambda g: (g[1] - g[0], -g[0]))
        aligned = sum(b - a for a, b in inner if a % s == 0 and b % s == 0)
        out |= {
            "longest_gap_days": (longest[1] - longest[0]) / s,
            "gap_median_hours": float(np.median([(b - a) * 24 / s for a, b in inner])),
            "gap_midnight_share": aligned / total,
            "when.gap_first": longest[0] / s, "when.gap_last": longest[1] / s,
        }  # fmt: skip
    if span >= 6 * s:
        third = span // 3
        head, tail = missing[first : first + third], missing[last - third + 1 : last + 1]
        out["gap_rise"] = float(tail.mean() - head.mean())
    present = values[~missing]
    ratios, ranks, caught = [], [], 0
    for a, b in inner:
        expected = sum(energy[k % s] for k in range(a, b + 1))
        if 2 <= b - a <= 3 * s and expected > 0:
            ratios.append(values[b] / expected)
            ranks.append(((present < values[b]).mean() + (present <= values[b]).mean()) / 2)
            caught += 0.5 <= ratios[-1] <= 1.6 and values[b] > 3 * energy[b % s]
    out |= {"catchup_gaps": float(len(ratios)), "catchup_count": float(caught)}
    if ratios:
        out |= {
            "catchup_share": caught / len(ratios), "catchup_ratio": float(np.median(ratios)),
            "catchup_rank": float(np.mean(ranks)),
        }  # fmt: skip
    return out


def slow_zeros(values: np.ndarray, s: int, energy: np.ndarray, zero_share: np.ndarray) -> dict[str, float]:
    out = dict.fromkeys(runs.ZEROS, NAN)
    present = np.flatnonzero(~np.isnan(values))
    if not len(present):
        return out
    found = stretches(values, values == 0)
    span = present[-1] - present[0] + 1
    ratios = []
    for a, b in found:
        rare = all(zero_share[k % s] < 0.2 for k in range(a, b))
        if rare and s / 12 <= b - a <= 3 * s and b < len(values) and values[b] > 3 * energy[b % s]:
            ratios.append(values[b] / sum(energy[k % s] for k in range(a, b + 1)))
    out |= {
        "zero_share": float((values[present] == 0).mean()),
        "zero_longest_days": max([b - a for a, b in found], default=0) / s,
        "zero_runs_per_30d": 30 * sum(b - a >= s / 6 for a, b in found) / (span / s),
        "zero_tail_days": next((b - a for a, b in found if b == present[-1] + 1), 0) / s,
        "zero_catchup_count": float(sum(0.5 <= r <= 1.6 for r in ratios)),
        "zero_catchup_ratio": float(np.median(ratios)) if ratios else NAN,
    }
    nights = [k for k in present if k % s < s / 6]
    out["zero_night_share"] = float((values[nights] == 0).mean()) if nights else NAN
    if found:
        a, b = max(found, key=lambda g: (g[1] - g[0], -g[0]))
        out |= {"when.zero_first": a / s, "when.zero_last": b / s}
    return out


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000), s=st.sampled_from([24, 48, 96]), days=st.integers(1, 9))
def test_gaps_and_zeros_equal_the_slow_twins(seed: int, s: int, days: int) -> None:
    values = random_meter(seed, s, days)
    day, slot = axes(len(values), s)
    energy, zero_share = usual(values, slot, s, 10.0)
    found = named(runs.GAPS, runs.gaps(values, day, slot, ranked(values), energy))
    expected = slow_gaps(values, s, energy)
    for name in runs.GAPS:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-6, atol=1e-12, err_msg=name)
    found = named(runs.ZEROS, runs.zeros(values, day, slot, energy, zero_share))
    expected = slow_zeros(values, s, energy, zero_share)
    for name in runs.ZEROS:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-6, err_msg=name)


def slow_stuck(values: np.ndarray, s: int, step: float) -> tuple[float, int, int, float]:
    """Share and number of stuck runs, the longest in slots, share in constant runs: from the definition."""
    found = []
    for a, b in stretches(values, ~np.isnan(values)):
        at = a
        for value, group in itertools.groupby(values[a:b].tolist()):
            length = len(list(group))
            found.append((at, length, value))
            at += length
    live = [(at, length, value) for at, length, value in found if value != 0]
    present = int((~np.isnan(values)).sum())
    repeats = sum(length - 1 for _, length, _ in live)
    chances = sum(length for _, length, _ in live)
    stuck, constant = [], 0
    for at, length, value in live:
        if length < s // 4:
            continue
        constant += length
        exponent = np.floor(np.log2(abs(value)))
        half = abs(value) / 2**exponent >= 1.5
        like = [
            n for _, n, v in live
            if np.floor(np.log2(abs(v))) == exponent and (abs(v) / 2**exponent >= 1.5) == half
        ]  # fmt: skip
        rest = (repeats - (length - 1) + 1) / (chances - length + 2)
        p = (sum(n - 1 for n in like) - (length - 1) + 20 * rest) / (sum(like) - length + 20)
        k = np.inf if np.isnan(step) else abs(value) / step
        p = max(p, 1 / (1 + (k / 12) ** 2))
        surprise = -(np.log10(present) + (length - 1) * np.log10(p))
        reach = min(max(length, s // 2), 2 * s)
        near = np.concatenate([values[max(at - reach, 0) : at], values[at + length : at + length + reach]])
        near = near[~np.isnan(near)]
        hovers = len(near) >= s // 4 and (np.abs(near - value) < 1.5 * step).mean() >= 0.6
        if surprise >= runs.STUCK_SURPRISE and not (k < 40 and hovers):
            stuck.append(length)
    return sum(stuck) / present, len(stuck), max(stuck, default=0), constant / present


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), s=st.sampled_from([24, 48]), days=st.integers(2, 9))
def test_stuck_equals_the_slow_twin(seed: int, s: int, days: int) -> None:
    values = random_meter(seed, s, days)
    if np.isnan(values).all():
        return
    found = named(runs.STUCK, runs.stuck(values, *axes(len(values), s), s, 0.3, 0.01))
    share, count, longest, constant = slow_stuck(values, s, 0.01)
    np.testing.assert_allclose(
        [found["stuck_share"], found["stuck_runs"], found["stuck_longest_days"], found["constant_share"]],
        [share, count, longest / s, constant],
    )


def stuck_of(values: np.ndarray, step: float, s: int = 48) -> dict[str, float]:
    values = values.astype(np.float32)
    level, _ = level_and_kinds(ranked(values))
    return named(runs.STUCK, runs.stuck(values, *axes(len(values), s), s, level, step))


def test_a_register_that_holds_its_value_is_stuck(rng: np.random.Generator) -> None:
    values = np.round(rng.gamma(1.0, 0.3, 48 * 60), 3)
    values[1000:1040] = 0.412
    found = stuck_of(values, 0.001)
    assert found["stuck_runs"] == 1
    assert found["when.stuck_first"] == pytest.approx(1000 / 48)
    assert found["when.stuck_last"] == pytest.approx(1040 / 48)
    assert found["stuck_surprise"] > 5


def test_steady_base_load_on_a_coarse_grid_is_not_stuck(rng: np.random.Generator) -> None:
    """An empty flat of 40 W on a 0.01 kWh grid is 0.02 for days on end."""
    base = np.round(rng.normal(0.02, 0.001, 48 * 60), 2)
    values = np.where(np.arange(48 * 60) // 48 % 10 < 3, base, np.round(rng.gamma(1.0, 0.3, 48 * 60), 2))
    found = stuck_of(values, 0.01)
    assert found["constant_share"] > 0.2
    assert found["stuck_runs"] == 0


def slow_lines(values: np.ndarray, s: int) -> tuple[float, int]:
    """Share and longest of the straight sloping runs of unrounded readings."""
    total, longest, at = 0, 0, 0
    while at < len(values) - 1:
        end = at + 1
        slope = float(values[end]) - float(values[at])
        while end + 1 < len(values):
            step = float(values[end + 1]) - float(values[end])
            noise = 4e-7 * max(abs(values[end]), abs(values[end + 1]))
            if not abs(step - slope) <= noise:
                break
            slope = step
            end += 1
        flat = not abs(slope) > 1.6e-6 * max(abs(values[at]), abs(values[at + 1]))
        if not flat and end - at + 1 >= max(s // 6, 7):
            total += end - at + 1
            longest = max(longest, end - at + 1)
        at = end
    return total / int((~np.isnan(values)).sum()), longest


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), s=st.sampled_from([24, 48]))
def test_lines_equal_the_slow_twin(seed: int, s: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.gamma(2.0, 0.5, 10 * s).astype(np.float32)
    for _ in range(4):
        at, length = rng.integers(0, 9 * s), rng.integers(5, s)
        values[at : at + length] = np.linspace(rng.uniform(0, 1), rng.uniform(1.5, 3), length)
    values[rng.integers(0, len(values), 3)] = np.nan
    found = named(runs.LINES, runs.lines(values, *axes(len(values), s), s, NAN))
    share, longest = slow_lines(values, s)
    assert found["line_share"] == pytest.approx(min(share, 1.0))
    assert found["line_longest_hours"] == pytest.approx(longest * 24 / s)


def test_interpolation_that_was_rounded_is_a_line_and_a_slow_rise_is_not() -> None:
    rng = np.random.default_rng(3)
    values = np.round(rng.gamma(1.0, 0.3, 480), 3)
    values[100:120] = np.round(np.linspace(0.1, 0.9, 20), 3)
    found = named(runs.LINES, runs.lines(values.astype(np.float32), *axes(480, 48), 48, 0.001))
    assert found["line_longest_hours"] == pytest.approx(10.0, abs=0.6)
    values[100:120] = 0.1 + 0.001 * np.arange(20)
    found = named(runs.LINES, runs.lines(values.astype(np.float32), *axes(480, 48), 48, 0.001))
    assert found["line_share"] == 0.0


def test_the_sum_that_arrives_after_a_gap_is_seen() -> None:
    values = np.full(48 * 40, 0.5, dtype=np.float32)
    for at in range(200, 1800, 300):
        values[at : at + 12] = np.nan
        values[at + 12] = 6.5
    day, slot = axes(len(values), 48)
    energy, zero_share = usual(values, slot, 48, 0.5)
    found = named(runs.GAPS, runs.gaps(values, day, slot, ranked(values), energy))
    assert found["catchup_count"] == found["catchup_gaps"] == 6
    assert found["catchup_ratio"] == pytest.approx(1.0)
    assert found["catchup_rank"] > 0.95
    as_zero = np.where(np.isnan(values), np.float32(0), values)
    found = named(runs.ZEROS, runs.zeros(as_zero, day, slot, energy, zero_share))
    assert found["zero_catchup_count"] == 6


def test_a_home_that_is_zero_every_second_night_delivers_no_sum() -> None:
    values = np.full(48 * 30, 0.3, dtype=np.float32)
    for day_at in range(0, len(values), 96):
        values[day_at : day_at + 14] = 0.0
        values[day_at + 14] = 2.0  # the kettle and the heater: as much as seven hours of an ordinary night
    day, slot = axes(len(values), 48)
    energy, zero_share = usual(values, slot, 48, 0.3)
    found = named(runs.ZEROS, runs.zeros(values, day, slot, energy, zero_share))
    assert found["zero_catchup_count"] == 0
    found = named(runs.ZEROS, runs.zeros(values, day, slot, energy, 0.0 * zero_share))
    assert found["zero_catchup_count"] == 15  # the habit alone makes the difference


def test_a_run_inside_a_load_that_hovers_around_it_is_not_stuck() -> None:
    rng = np.random.default_rng(4)
    values = np.round(rng.gamma(1.0, 0.3, 48 * 60), 3)
    values[1000:1200] = 0.030 + 0.001 * rng.integers(-1, 2, 200)
    values[1080:1120] = 0.030
    assert stuck_of(values, 0.001)["stuck_runs"] == 0
    values[1000:1080] = values[:80]  # the same run where nothing else hovers there
    values[1120:1200] = values[100:180]
    assert stuck_of(values, 0.001)["stuck_runs"] == 1
