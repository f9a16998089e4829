"""What an emulated utility knows beside its readings, held against what truly happened."""

from __future__ import annotations

import numpy as np
import pytest

from loadprofile.emulate.households import simulate_homes
from loadprofile.emulate.phenomena import PHENOMENA, Loss, Phenomenon, named
from loadprofile.emulate.scenario import Scenario, draw
from loadprofile.emulate.surroundings import (
    Feeders,
    events,
    feeder_records,
    on_feeders,
    outages,
    registers,
    surroundings,
)
from loadprofile.errors import OptionError
from loadprofile.features.circumstances import register_checks
from loadprofile.features.population import Context, Population
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import LoadProfiles
from loadprofile.verdicts import Cause


@pytest.fixture(scope="module")
def homes() -> LoadProfiles:
    return simulate_homes(60, 70, 60, np.random.default_rng(3))


def only(homes: LoadProfiles, kind: str, seed: int = 1) -> Scenario:
    return draw(homes, np.random.default_rng(seed), prevalence=0.3, kinds=[kind], composed_share=0.0)


@pytest.mark.parametrize("kind", PHENOMENA, ids=lambda kind: kind.name)
def test_what_was_used_is_the_truth_of_every_kind(homes: LoadProfiles, kind: Phenomenon) -> None:
    scenario = only(homes, kind.name)
    before, after = homes.kwh, scenario.profiles.kwh
    known = np.isfinite(before) & np.isfinite(after)
    if kind.changes_use:
        assert kind.cause in {Cause.NORMAL, Cause.SUPER_CONSUMPTION, Cause.CYBER_ATTACK}
        np.testing.assert_allclose(scenario.used[known], after[known], atol=1e-5)
        np.testing.assert_array_equal(scenario.used[~known], before[~known])
    else:
        np.testing.assert_array_equal(scenario.used, before)
    hidden = np.where(known, scenario.used.astype(np.float64) - after, 0.0).sum(axis=(1, 2))
    if kind.loss is Loss.METERED:
        np.testing.assert_allclose(scenario.labels.lost_kwh, hidden, rtol=1e-4, atol=1e-3)
    if kind.cause in {Cause.DATA_MISMATCH, Cause.CYBER_ATTACK}:  # the register is right
        np.testing.assert_array_equal(scenario.counted, scenario.used)
    if kind.in_register:
        np.testing.assert_array_equal(scenario.counted[known], after[known])


@pytest.mark.parametrize(
    ("kind", "real"),
    [
        ("load_switched_off", True), ("mass_disconnect", True), ("vacation", True), ("outage", True),
        ("third_party", True), ("solar_saving", True), ("clocks_set_off", False), ("time_shift", False),
        ("clock_drift", False), ("incomplete_transfer", False), ("noise_injected", False), ("fdi_3", False),
    ],
)  # fmt: skip
def test_which_kinds_change_the_use_itself(kind: str, real: bool) -> None:
    assert named(kind).changes_use is real


def test_use_goes_on_changing_under_a_theft(homes: LoadProfiles) -> None:
    kinds = ["full_bypass", "sustained_increase"]
    scenario = draw(homes, np.random.default_rng(4), prevalence=0.6, kinds=kinds, composed_share=0.6)
    both = scenario.labels.composed
    assert both.any()
    assert (np.nan_to_num(scenario.used) >= 0).all()
    assert (scenario.used[both].sum(axis=(1, 2)) >= scenario.profiles.kwh[both].sum(axis=(1, 2)) - 1e-3).all()


def test_totals_hold_all_use_and_some_losses(homes: LoadProfiles) -> None:
    scenario = only(homes, "full_bypass")
    place = on_feeders(scenario, np.random.default_rng(5))
    topology, feeders = feeder_records(
        scenario.profiles, scenario.used, place, Feeders(loss=0.04), np.random.default_rng(6)
    )
    for at, name in enumerate(feeders.meter_ids):
        used = np.nansum(scenario.used[place == at], dtype=np.float64)
        assert np.nansum(feeders.kwh[at], dtype=np.float64) == pytest.approx(1.04 * used, rel=0.01)
        assert set(topology.loc[topology.feeder_id == name, "meter_id"]) == set(homes.meter_ids[place == at])
    with pytest.raises(OptionError):
        feeder_records(
            scenario.profiles, scenario.used, place, Feeders(step_minutes=15), np.random.default_rng(1)
        )


def test_some_meters_are_listed_on_a_wrong_feeder(homes: LoadProfiles) -> None:
    place = np.repeat([0, 1, 2], 20)
    topology, _ = feeder_records(homes, homes.kwh, place, Feeders(wrong=0.1), np.random.default_rng(1))
    wrong = topology.feeder_id.to_numpy() != np.array(["F000", "F001", "F002"])[place]
    assert 1 <= wrong.sum() <= 14


def test_an_outage_hangs_together_and_is_mostly_known(homes: LoadProfiles) -> None:
    known = 0
    for seed in range(4):
        scenario = draw(homes, np.random.default_rng(seed), prevalence=0.0, kinds=["outage"])
        rng = np.random.default_rng(seed)
        effects = [e for e in scenario.effects if e.kind == "outage"]
        place = on_feeders(scenario, rng)
        assert all(len(set(place[e.meters])) <= 2 for e in effects)
        frame = outages(scenario, rng)
        assert set(frame["meter_id"]) <= {str(homes.meter_ids[r]) for e in effects for r in e.meters}
        known += len(frame)
    assert known > 0


def test_registers_count_what_the_meter_counted(homes: LoadProfiles) -> None:
    def ratio(kind: str) -> np.ndarray:
        scenario = only(homes, kind, 8)
        frame = registers(scenario, np.random.default_rng(5))
        table = FeatureTable(homes.meter_ids, ("g1.x",), np.zeros((len(homes), 1), dtype=np.float32))
        context = Context(registers=frame)
        checks = register_checks(Population(scenario.profiles, table, len(homes), context))
        hit = scenario.labels.kind == kind
        return np.abs(checks.sum_ratio[hit & np.isfinite(checks.sum_ratio)] - 1)

    assert np.median(ratio("partial_bypass")) < 0.02  # the thief's register agrees with his readings
    assert ratio("coordinated_ramp").max() > 0.05  # forged on the way


def test_events_fit_more_often_than_chance(homes: LoadProfiles) -> None:
    scenario = only(homes, "two_phases_lost")
    near = 0
    for seed in range(5):
        frame = events(scenario, np.random.default_rng(seed))
        fitting = frame[frame["meaning"].isin(["missing_voltage", "asymmetry"])]
        hit = set(scenario.profiles.meter_ids[scenario.labels.kind == "two_phases_lost"])
        near += len(set(fitting["meter_id"]) & hit)
    assert near > 0.4 * 5 * (scenario.labels.kind == "two_phases_lost").sum()


def test_each_input_may_be_absent_and_one_seed_is_one_context(homes: LoadProfiles) -> None:
    scenario = draw(homes, np.random.default_rng(1))
    drawn = [surroundings(scenario, np.random.default_rng(seed)) for seed in range(12)]
    for name in ("events", "registers", "outages", "topology", "feeders"):
        there = [getattr(context, name) is not None for context in drawn]
        assert any(there)
        assert not all(there)
    assert all((c.topology is None) == (c.feeders is None) for c in drawn)
    one, two = (surroundings(scenario, np.random.default_rng(3)) for _ in range(2))
    if one.feeders is not None and two.feeders is not None:
        np.testing.assert_array_equal(one.feeders.kwh, two.feeders.kwh)
