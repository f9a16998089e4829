"""Who is hit by what, and whether the labels tell the truth about it."""

from __future__ import annotations

import numpy as np
import pytest

from loadprofile.emulate.households import simulate_homes
from loadprofile.emulate.phenomena import PHENOMENA, named
from loadprofile.emulate.scenario import UNTOUCHED, coarsen, draw, rescale, windowed
from loadprofile.errors import OptionError
from loadprofile.profiles import LoadProfiles
from loadprofile.verdicts import CAUSES, Cause


@pytest.fixture(scope="module")
def homes() -> LoadProfiles:
    return simulate_homes(120, 60, 60, np.random.default_rng(3))


def test_labels_fit_what_was_done(homes: LoadProfiles):
    original = homes.kwh.copy()
    scenario = draw(homes, np.random.default_rng(1), prevalence=0.4)
    np.testing.assert_array_equal(homes.kwh, original)
    labels = scenario.labels
    same = ((scenario.profiles.kwh == original) | np.isnan(original)).all(axis=(1, 2))
    assert same[labels.kind == UNTOUCHED].all()
    assert np.isnat(labels.onset[labels.kind == UNTOUCHED]).all()
    assert (same == (labels.kind == UNTOUCHED))[~labels.faint].all()
    causes = {p.name: p.cause for p in PHENOMENA}
    for row in np.flatnonzero(labels.kind != UNTOUCHED):
        assert causes[str(labels.kind[row])] == labels.cause[row]
    assert set(labels.cause) <= {str(c) for c in CAUSES}
    assert 0.3 <= np.mean(labels.cause != Cause.NORMAL) <= 0.5


def test_lost_energy_adds_up_over_compositions(homes: LoadProfiles):
    kinds = ["partial_bypass", "phase_lost"]
    scenario = draw(homes, np.random.default_rng(5), prevalence=0.5, kinds=kinds, composed_share=0.5)
    assert scenario.labels.composed.sum() >= 10
    before, after = homes.kwh.astype(np.float64), scenario.profiles.kwh.astype(np.float64)
    np.testing.assert_allclose(scenario.labels.lost_kwh, (before - after).sum(axis=(1, 2)), atol=1e-6)


def test_same_seed_same_scenario(homes: LoadProfiles):
    one, two = (draw(homes, np.random.default_rng(9)) for _ in range(2))
    np.testing.assert_array_equal(one.profiles.kwh, two.profiles.kwh)
    np.testing.assert_array_equal(one.labels.kind, two.labels.kind)
    other = draw(homes, np.random.default_rng(10))
    assert (one.labels.kind != other.labels.kind).any()


def test_prevalence_by_cause(homes: LoadProfiles):
    wanted = {Cause.FRAUD: 0.25, Cause.MAINTENANCE: 0.05}
    labels = draw(homes, np.random.default_rng(2), prevalence=wanted, confusable_share=0.0).labels
    assert int((labels.cause == Cause.FRAUD).sum()) == 30
    assert int((labels.cause == Cause.MAINTENANCE).sum()) == 6
    assert int((labels.kind == UNTOUCHED).sum()) == 84


def test_small_populations_keep_the_share_on_average():
    few = simulate_homes(6, 30, 60, np.random.default_rng(3))
    hit = [
        np.mean(draw(few, np.random.default_rng(seed), prevalence={Cause.FRAUD: 0.1}).labels.cause == "fraud")
        for seed in range(60)
    ]
    # no "at least one theft" is planted for show
    assert 0 < np.mean(np.array(hit) == 0) < 1
    assert 0.04 < np.mean(hit) < 0.18


def test_kinds_and_exclude_are_obeyed(homes: LoadProfiles):
    only = draw(homes, np.random.default_rng(4), kinds={"replay", "vacation"}).labels
    assert set(only.kind) == {"replay", "vacation", UNTOUCHED}
    without = draw(homes, np.random.default_rng(4), prevalence=0.8, exclude={"full_bypass"}).labels
    assert "full_bypass" not in set(without.kind)
    with pytest.raises(OptionError):
        draw(homes, np.random.default_rng(4), exclude={"vacatoin"})
    with pytest.raises(OptionError):
        draw(homes, np.random.default_rng(4), prevalence=1.2)


def test_cohorts_share_their_id_and_come_in_many_sizes(homes: LoadProfiles):
    sizes = []
    for seed in range(6):
        labels = draw(
            homes, np.random.default_rng(seed), prevalence={Cause.CYBER_ATTACK: 0.4}, composed_share=0
        ).labels
        cohorts, counts = np.unique(labels.cohort[labels.cause == "cyber_attack"], return_counts=True)
        kinds = labels.kind[(labels.cause == "cyber_attack") & (labels.cohort == "")]
        assert set(kinds) <= {"replay"}  # only recordings are sent for one meter alone
        cohorts, counts = cohorts[cohorts != ""], counts[cohorts != ""]
        sizes += counts.tolist()
        for cohort in cohorts:
            assert len(set(labels.kind[labels.cohort == cohort])) == 1
    assert min(sizes) == 2
    assert max(sizes) > 20


def test_end_is_open_when_it_lasts_to_the_last_reading():
    homes = simulate_homes(40, 60, 60, np.random.default_rng(6))
    kwh = homes.kwh.copy()
    kwh[:, 50:] = np.nan
    labels = draw(
        homes.with_kwh(kwh), np.random.default_rng(1), prevalence={Cause.FRAUD: 0.9}, kinds={"full_bypass"}
    ).labels
    hit = labels.kind == "full_bypass"
    open_end = np.isnat(labels.end) & hit
    assert 0.3 < open_end.sum() / hit.sum() < 0.95
    closed = hit & ~open_end & ~np.isnat(labels.onset)
    assert (labels.end[closed] > labels.onset[closed]).all()


def test_meters_with_too_little_to_alter_stay_untouched(homes: LoadProfiles):
    kwh = homes.kwh.copy()
    kwh[:10] = np.nan
    kwh[10:20] = 0.0
    labels = draw(homes.with_kwh(kwh), np.random.default_rng(1), prevalence=1.0).labels
    assert (labels.kind[:20] == UNTOUCHED).all()


def test_windowed_is_a_span_of_days(homes: LoadProfiles):
    part = windowed(homes, np.random.default_rng(1), (28, 14))
    assert len(part.days) in (14, 28)
    at = int(np.searchsorted(homes.days, part.days[0]))
    np.testing.assert_array_equal(part.kwh, homes.kwh[:, at : at + len(part.days)])
    assert len(windowed(homes, np.random.default_rng(1), (900,)).days) == 60


def test_coarsen_sums_and_a_missing_part_is_missing():
    fine = simulate_homes(2, 3, 15, np.random.default_rng(1))
    kwh = fine.kwh.copy()
    kwh[0, 1, 5] = np.nan
    half = coarsen(fine.with_kwh(kwh), 30)
    assert half.step_minutes == 30
    assert np.isnan(half.kwh[0, 1, 2])
    assert np.isnan(half.kwh).sum() == 1
    np.testing.assert_allclose(half.kwh[1], fine.kwh[1].reshape(3, 48, 2).sum(axis=2), rtol=1e-6)
    np.testing.assert_allclose(coarsen(half, 60).kwh[1], coarsen(fine, 60).kwh[1], rtol=1e-6)
    with pytest.raises(OptionError):
        coarsen(half, 15)


def test_coarsen_leaves_out_slots_the_clock_skipped():
    fine = simulate_homes(1, 1, 30, np.random.default_rng(1))
    kwh, exists = fine.kwh.copy(), np.ones((1, 48), dtype=bool)
    kwh[0, 0, 2:4], exists[0, 2:4] = np.nan, False
    kwh[0, 0, 5], exists[0, 5] = np.nan, False
    cube = LoadProfiles(fine.meter_ids, fine.days, kwh, 30, exists=exists)
    hours = coarsen(cube, 60)
    assert not hours.exists[0, 1]
    assert np.isnan(hours.kwh[0, 0, 1])
    assert hours.exists[0, 2]
    assert hours.kwh[0, 0, 2] == kwh[0, 0, 4]


def test_rescale_changes_size_and_not_shape(homes: LoadProfiles):
    other = rescale(homes, np.random.default_rng(2))
    ratio = other.kwh.sum(axis=(1, 2)) / homes.kwh.sum(axis=(1, 2))
    assert ratio.std() > 0.2
    np.testing.assert_allclose(other.kwh / ratio[:, None, None], homes.kwh, atol=2e-3)


@pytest.mark.parametrize("name", [p.name for p in PHENOMENA[::5]])
def test_a_kind_can_be_drawn_alone(name: str):
    homes = simulate_homes(16, 58, 60, np.random.default_rng(5))
    scenario = draw(homes, np.random.default_rng(1), prevalence=0.4, kinds={name}, confusable_share=0.5)
    assert {effect.kind for effect in scenario.effects} == {name}


def test_kinds_that_need_a_longer_window_are_left_out():
    short = simulate_homes(30, 12, 60, np.random.default_rng(5))
    kinds = {effect.kind for effect in draw(short, np.random.default_rng(1), prevalence=0.9).effects}
    assert kinds
    assert all(named(kind).days <= 12 for kind in kinds)
