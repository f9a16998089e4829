"""What must not matter does not: interval length, size, hemisphere, a few lost readings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from api.assembly import detectors, model_named
from loadprofile.emulate.households import simulate_homes
from loadprofile.emulate.scenario import Scenario, coarsen, draw
from loadprofile.profiles import LoadProfiles
from loadprofile.screening import judge, survey
from loadprofile.verdicts import UNDECIDED, Verdicts

ANSWERS = ("normal", UNDECIDED)


def judged(profiles: LoadProfiles, hemisphere: str = "north") -> Verdicts:
    return judge(survey(profiles, hemisphere=hemisphere), detectors(), model_named("default"))[0]


OF_ONE_SLOT = (
    "double_interval", "half_interval", "spread_over_slots", "rows_lost", "noise_injected", "random_readings",
    "slots_shuffled", "load_oscillated",
)  # fmt: skip
"""What is done to single intervals is gone, or is something else, where intervals are added up."""


@pytest.fixture(scope="module")
def quarter_hourly() -> Scenario:
    """Simulated homes of 15 minutes, a third of them touched by phenomena of every cause."""
    homes = simulate_homes(90, 91, 15, np.random.default_rng(8), start=np.datetime64("2022-02-01"))
    return draw(homes, np.random.default_rng(9), prevalence=0.35, exclude=OF_ONE_SLOT)


def agree(a: Verdicts, b: Verdicts, least: float) -> None:
    """No two different causes for one meter, and the same answer for nearly all."""
    both = ~np.isin(a.cause, ANSWERS) & ~np.isin(b.cause, ANSWERS)
    assert both.sum() >= 5
    assert (a.cause[both] == b.cause[both]).mean() >= 0.9
    assert (a.cause == b.cause).mean() >= least
    # the likeliest answers and the order of the meters hardly move either
    assert (a.probabilities.argmax(axis=1) == b.probabilities.argmax(axis=1)).mean() >= least
    ranks = [np.argsort(np.argsort(v.anomaly_score)) for v in (a, b)]
    assert np.corrcoef(*ranks)[0, 1] >= 0.75


def test_15_30_and_60_minutes_agree_on_the_cause(quarter_hourly: Scenario) -> None:
    fine, half, hour = (judged(coarsen(quarter_hourly.profiles, step)) for step in (15, 30, 60))
    agree(fine, half, 0.85)
    agree(half, hour, 0.85)


def larger(profiles: LoadProfiles) -> LoadProfiles:
    return profiles.with_kwh(profiles.kwh * np.float32(8))


def some_lost(profiles: LoadProfiles) -> LoadProfiles:
    kwh = profiles.kwh.copy()
    kwh[np.random.default_rng(1).random(kwh.shape) < 0.002] = np.nan
    return profiles.with_kwh(kwh)


@pytest.mark.parametrize(
    ("change", "least"),
    [pytest.param(larger, 0.98, id="eight_times_the_size"), pytest.param(some_lost, 0.9, id="readings_lost")],
)
def test_size_and_a_few_lost_readings_do_not_matter(
    quarter_hourly: Scenario, change: Callable[[LoadProfiles], LoadProfiles], least: float
) -> None:
    profiles = coarsen(quarter_hourly.profiles, 30)
    agree(judged(profiles), judged(change(profiles)), least)


def test_half_a_year_and_the_other_hemisphere_do_not_matter(quarter_hourly: Scenario) -> None:
    north = coarsen(quarter_hourly.profiles, 30)
    south = LoadProfiles(
        north.meter_ids, north.days + np.timedelta64(182, "D"), north.kwh, north.step_minutes
    )
    a, b = judged(north), judged(south, "south")
    agree(a, b, 0.95)  # 182 days are whole weeks: the same weekdays under the other sun
