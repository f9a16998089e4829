from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.features import grid
from loadprofile.features.ordering import ranked

S = 48


def energies(seed: int, days: int = 60, scale: float = 0.3) -> np.ndarray:
    return np.random.default_rng(seed).gamma(1.2, scale, days * S)


def rounded(values: np.ndarray, step: float) -> np.ndarray:
    return (np.rint(values / step) * step).astype(np.float32)


def found(values: np.ndarray) -> dict[str, float]:
    values = values.astype(np.float32)
    day, slot = np.divmod(np.arange(len(values)), S)
    out = grid.grid(values, day.astype(np.int32), slot.astype(np.int32), S, ranked(values))
    return dict(zip(grid.GRID, out.tolist(), strict=True))


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    step=st.one_of(st.sampled_from([0.001, 0.01, 0.1, 0.0005, 0.00125, 1 / 6400]), st.floats(2e-4, 0.02)),
    days=st.sampled_from([7, 60]),
)
def test_any_step_is_found_again(seed: int, step: float, days: int) -> None:
    assert grid.infer_step(ranked(rounded(energies(seed, days), step))) == pytest.approx(step, rel=1e-4)


@pytest.mark.parametrize(
    ("level", "step"),
    [
        pytest.param(1000.0, 0.1, id="building_far_from_zero"),
        pytest.param(300.0, 0.5, id="half_kilowatt_hours"),
        pytest.param(50.0, 2.0, id="pulses_of_two"),
    ],
)
def test_step_of_a_building_that_never_comes_near_zero(level: float, step: float) -> None:
    values = level + 0.2 * level * np.random.default_rng(5).normal(size=8760).clip(-3, 3)
    assert grid.infer_step(ranked(rounded(values, step))) == pytest.approx(step, rel=1e-5)


@pytest.mark.parametrize(("every", "said"), [(400, 1.0), (150, 1.0), (50, 0.98)])
def test_a_few_corrected_values_are_no_trace(every: int, said: float) -> None:
    values = rounded(energies(1), 0.001)
    values[::every] += np.float32(0.0004)
    assert found(values)["grid_exact_share"] == pytest.approx(said, abs=0.003)


def test_means_of_two_readings_do_not_hide_the_step() -> None:
    values = rounded(energies(1), 0.001)
    values[::30] += np.float32(0.0005)
    out = found(values)
    assert out["grid_step_kwh"] == pytest.approx(0.001, rel=1e-5)
    assert 0.96 < out["grid_exact_share"] < 0.99
    assert out["grid_change"] == 0.0


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(energies(3), id="continuous"),
        pytest.param(np.zeros(480), id="all_zero"),
        pytest.param(np.full(480, np.nan), id="all_missing"),
        pytest.param(np.tile([0.1, 0.2, 0.3], 160), id="three_levels_say_nothing"),
        pytest.param(rounded(energies(3, 60, 3e4), 0.001), id="float32_too_coarse_to_tell"),
    ],
)
def test_no_grid_is_nan(values: np.ndarray) -> None:
    out = found(values)
    assert np.isnan(out["grid_step_kwh"])
    assert np.isnan(out["grid_change"])


@pytest.mark.parametrize("factor", [0.5, 0.7137, 1 / 3, 2.0, 3.0, 10.0, 40.0, 1.1])
@pytest.mark.parametrize(
    ("first", "last"),
    [
        pytest.param(20, 60, id="to_the_end"),
        pytest.param(0, 25, id="from_the_start"),
        pytest.param(20, 40, id="span"),
    ],
)
def test_a_multiplied_span_gives_away_factor_and_date(factor: float, first: int, last: int) -> None:
    values = rounded(energies(7), 0.001).astype(np.float64)
    values[first * S : last * S] *= factor
    out = found(values)
    size = out["grid_change"]
    moment = out["when.grid_change"]
    # Either side may be taken for the odd one when they share a finer grid: the boundary says which.
    signs = {first: 1, last: -1}
    boundary = min((b for b in (first, last) if 0 < b < 60), key=lambda b: abs(b - moment))
    assert moment == pytest.approx(boundary, abs=1.0)
    assert size == pytest.approx(signs[boundary] * np.log10(factor), abs=1e-4)


def test_noise_on_a_span_leaves_it_without_a_grid() -> None:
    values = rounded(energies(9), 0.001)
    values[30 * S :] *= np.random.default_rng(1).uniform(0.2, 0.8, len(values) - 30 * S).astype(np.float32)
    out = found(values)
    assert out["when.grid_change"] == pytest.approx(30, abs=0.5)
    assert out["grid_break_share"] == pytest.approx(0.5, abs=0.03)
    assert np.isnan(out["grid_change"])


def test_ordinary_homes_keep_their_grid() -> None:
    for seed in range(30):
        assert found(rounded(energies(seed), 0.001))["grid_break_share"] == 0.0


def slow_stretch(gains: np.ndarray, least: float) -> float:
    sums = np.concatenate([[0.0], np.cumsum(gains, dtype=np.float64)])
    best = max(sums[b] - sums[a] for a in range(len(sums)) for b in range(a, len(sums)))
    return max(best, least)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), least=st.sampled_from([0.0, 5.0]))
def test_best_stretch_equals_the_slow_twin(seed: int, least: float) -> None:
    gains = np.random.default_rng(seed).choice([1.0, -0.25, -6.0, 2.0], 60).astype(np.float32)
    first, last, best = grid._best_stretch(gains, least)
    assert best == pytest.approx(slow_stretch(gains, least))
    if last >= 0:
        assert gains[first : last + 1].sum() == pytest.approx(best)
    else:
        assert best == least
