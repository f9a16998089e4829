"""Steps of a feeder's residual, and whose change they go with."""

from __future__ import annotations

import numpy as np
import pytest

from loadprofile.features.residual_rivals import rivals
from loadprofile.features.residual_steps import STEPS, Step, day_error, falls_at, feeder_steps, meter_steps

DAYS = 91
NO = np.array([np.nan])


def test_steps_are_found_with_their_ends(rng: np.random.Generator) -> None:
    residual = rng.normal(20, 0.5, DAYS)
    residual[30:50] += 6
    residual[70:] += 2.5
    residual[10] = np.nan
    first, second, *rest = feeder_steps(residual, day_error(residual))
    assert (first.onset, first.end) == (30, 50)
    assert first.kwh == pytest.approx(6, abs=1.2)
    assert second.onset == 70
    assert np.isnan(second.end)
    assert all(np.isnan(step.onset) for step in rest)


def test_a_quiet_feeder_has_no_step(rng: np.random.Generator) -> None:
    found = 0
    for _ in range(20):
        residual = rng.normal(20, 0.5, DAYS)
        found += int(np.isfinite(feeder_steps(residual, day_error(residual))[0].onset))
    assert found <= 2


def test_the_best_segment_is_the_one_an_exhaustive_search_finds(rng: np.random.Generator) -> None:
    residual = rng.normal(0, 1, 25)
    residual[9:16] += 4
    best, at = 0.0, (0, 0)
    for first in range(3, 25):
        for last in range(first + 3, 26):
            inside = np.zeros(25, dtype=np.bool_)
            inside[first:last] = True
            gap = residual[inside].mean() - residual[~inside].mean()
            z = abs(gap) / np.sqrt(1 / inside.sum() + 1 / (~inside).sum())
            if z > best:
                best, at = z, (first, last)
    step = feeder_steps(residual, 1.0)[0]
    assert (step.onset, step.end) == (float(at[0]), float(at[1]))
    assert step.z == pytest.approx(best)


@pytest.mark.parametrize(("share", "real"), [(1.0, False), (0.0, True)])
def test_a_fall_that_the_total_followed_or_not(rng: np.random.Generator, share: float, real: bool) -> None:
    used = rng.gamma(8, 1.0, (10, DAYS))
    shown = used.copy()
    shown[4, 40:] *= 0.4
    residual = rng.normal(5, 0.1, DAYS) + (0 if real else (used - shown).sum(axis=0))
    onset, end = np.full(10, np.nan), np.full(10, np.nan)
    onset[4] = 40.0
    error = day_error(residual)
    steps = feeder_steps(residual, error)
    out = dict(
        zip(STEPS, meter_steps(shown, shown.sum(axis=0), residual, onset, end, steps, error).T, strict=True)
    )
    assert out["step_share"][4] == pytest.approx(share, abs=0.15)
    assert np.isnan(np.delete(out["step_share"], 4)).all()
    assert (abs(out["step_z"][4]) > 8) is not real


def test_the_falls_of_all_meters_at_the_feeders_step(rng: np.random.Generator) -> None:
    x = rng.gamma(30, 0.3, (6, DAYS))
    x[2, 50:] -= 3
    share, z = falls_at(x, x.sum(axis=0), Step(50.0, np.nan, 3.0, 20.0))
    assert share[2] == pytest.approx(1.0, abs=0.35)
    assert z.argmax() == 2
    assert np.abs(np.delete(share, 2)).max() < 0.5
    assert np.isnan(falls_at(x, x.sum(axis=0), Step(np.nan, np.nan, np.nan, 1.0))[0]).all()


def test_one_thief_among_many_who_use_less_from_the_same_day(rng: np.random.Generator) -> None:
    used = rng.gamma(4, 0.3, (9, DAYS, 8)) * np.array([0.5, 0.4, 0.8, 1, 1, 1.2, 2, 1.1])
    used[[1, 3, 5, 7], 40:] *= rng.uniform(0.4, 0.6, (4, 1, 1))  # the first warm day
    shown = used.copy()
    shown[5, 41:, 4:] *= 0.4
    residual = rng.normal(2, 0.1, (DAYS, 8)) + (used - shown).sum(axis=0)
    onset = np.where(np.isin(np.arange(9), [1, 3, 5, 7]), 40.0, np.nan)
    share, z = rivals(
        shown, residual, np.ones(DAYS, dtype=np.bool_), np.full(9, 5.0), (Step(41.0, np.nan, 3.0, 20.0),),
        onset, np.full(9, np.nan), 0.01,
    )  # fmt: skip
    assert z.argmax() == 5
    assert z[5] > 2 * np.delete(z, 5).max()
    assert 0.4 <= share[5] <= 1.6
