from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from loadprofile.cases import Cases, Source, emulated_cases, joined, small_utility, uneven_shares
from loadprofile.profiles import LoadProfiles
from loadprofile.verdicts import CAUSES, SubDetector


def test_every_answer_occurs_and_nothing_is_left_unlabelled(small_cases: Cases) -> None:
    assert set(small_cases.cause) == {str(c) for c in CAUSES}
    assert (small_cases.kind != "").all()
    assert (np.isnat(small_cases.onset) == (small_cases.kind == "untouched")).all()


def test_same_seed_same_cases(simulated_homes: LoadProfiles, detectors: Sequence[SubDetector]) -> None:
    source = Source("simulated", simulated_homes)
    a, b = (emulated_cases([source], detectors, populations=1, seed=8, windows=(58,)) for _ in range(2))
    assert np.array_equal(a.table.values, b.table.values, equal_nan=True)
    assert a.kind.tolist() == b.kind.tolist()


def test_excluded_kinds_are_never_planted(
    simulated_homes: LoadProfiles, detectors: Sequence[SubDetector]
) -> None:
    source = Source("simulated", simulated_homes)
    first = emulated_cases([source], detectors, populations=1, seed=8, windows=(58,))
    planted = sorted(set(first.kind) - {"untouched"})[:3]
    again = emulated_cases([source], detectors, populations=1, seed=8, windows=(58,), exclude=planted)
    assert not set(planted) & set(again.kind)


def test_homes_are_known_by_source_and_meter(small_cases: Cases, simulated_homes: LoadProfiles) -> None:
    assert set(small_cases.home) <= {f"simulated:{m}" for m in simulated_homes.meter_ids}


def test_rows_keep_what_was_planted_through_taking_and_joining(small_cases: Cases) -> None:
    planted = small_cases.kind != "untouched"
    assert not small_cases.faint[~planted].any()
    assert (small_cases.clarity[planted & ~small_cases.faint] > 0).all()
    assert np.isnat(small_cases.end[~planted]).all()
    assert (small_cases.cohort[~planted] == "").all()
    assert (small_cases.days > 0).all()
    assert set(small_cases.step_minutes) <= {30, 60}
    halves = [small_cases.take(planted), small_cases.take(np.flatnonzero(~planted))]
    again = joined(halves)
    order = np.concatenate([np.flatnonzero(planted), np.flatnonzero(~planted)])
    for name in ("faint", "clarity", "cohort", "days", "step_minutes", "end", "onset"):
        here, there = getattr(again, name), getattr(small_cases, name)[order]
        assert np.array_equal(here, there, equal_nan=here.dtype.kind in "fM"), name


def test_moments_never_reach_a_classifier(small_cases: Cases) -> None:
    assert not [name for name in small_cases.table.names if name.startswith("when.")]


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("dead", id="a_meter_dead_for_days"),
        pytest.param("absent", id="a_meter_half_absent"),
        pytest.param("zeros", id="a_meter_that_reads_zero_half_the_time"),
        pytest.param("stops", id="a_meter_that_stops_near_the_end"),
    ],
)
def test_faulty_windows_are_not_taken_as_ordinary(simulated_homes: LoadProfiles, fault: str) -> None:
    kwh = simulated_homes.kwh.copy()
    if fault == "dead":
        kwh[0, 30:40] = 0.0
    elif fault == "absent":
        kwh[0, 20:70] = np.nan
    elif fault == "zeros":
        kwh[0, :, ::2] = 0.0
    else:
        kwh[0, -3:] = np.nan
    source = Source("s", simulated_homes.with_kwh(kwh))
    homes = [h for i in range(6) for h in small_utility(source, np.random.default_rng(i), windows=(91,))[1]]
    assert homes
    assert f"s:{simulated_homes.meter_ids[0]}" not in homes


def test_shares_of_causes_are_uneven_and_leave_ordinary_meters() -> None:
    drawn = [uneven_shares(np.random.default_rng(seed)) for seed in range(50)]
    totals = np.array([sum(shares.values()) for shares in drawn])
    assert (totals >= 0.25).all()
    assert (totals <= 0.65).all()
    assert max(max(shares.values()) for shares in drawn) > 0.3


def test_where_one_cause_is_asked_for_it_gets_the_whole_share(
    simulated_homes: LoadProfiles, detectors: Sequence[SubDetector]
) -> None:
    source = Source("simulated", simulated_homes)
    cases = emulated_cases(
        [source], detectors, populations=2, seed=3, windows=(58,), kinds=["jokar_h1"], errors=False
    )
    assert np.isnan(cases.onset_off).all(), "not asked for"
    assert 0.2 < np.mean(cases.cause == "fraud") < 0.7
