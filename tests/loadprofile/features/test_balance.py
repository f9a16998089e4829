"""Columns ``balance.*`` of a small neighbourhood: who is named, and who is left alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loadprofile.emulate.households import simulate_homes
from loadprofile.emulate.surroundings import Feeders, feeder_records
from loadprofile.features.balance import NAMES, balance_features, likelier_feeders
from loadprofile.features.population import Context
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import LoadProfiles

PLACE = np.repeat([0, 1], [18, 22])
THIEF, SAVER, SHARE, CHANGED = 4, 9, 30, 42


@pytest.fixture(scope="module")
def homes() -> LoadProfiles:
    return simulate_homes(40, 84, 60, np.random.default_rng(11))


def changes(profiles: LoadProfiles, onset: dict[int, float]) -> FeatureTable:
    values = np.full((len(profiles), 2), np.nan, dtype=np.float32)
    for row, day in onset.items():
        values[row, 0] = day
    return FeatureTable(profiles.meter_ids, ("when.change", "when.change_end"), values)


@pytest.fixture(scope="module")
def given(homes: LoadProfiles) -> tuple[LoadProfiles, FeatureTable, Context]:
    """A thief and an honest saver on feeder 0 from one day on, a third of one load unmetered on feeder 1."""
    used, shown = homes.kwh.copy(), homes.kwh.copy()
    used[SAVER, CHANGED:] *= 0.5
    shown[SAVER, CHANGED:] *= 0.5
    shown[THIEF, CHANGED:] *= 0.3
    shown[SHARE] *= 0.6
    profiles = homes.with_kwh(shown)
    topology, feeders = feeder_records(profiles, used, PLACE, Feeders(lamps=0.01), np.random.default_rng(2))
    return (
        profiles,
        changes(profiles, {THIEF: CHANGED, SAVER: CHANGED}),
        Context(topology=topology, feeders=feeders),
    )


def test_nothing_given_is_nothing_said(homes: LoadProfiles) -> None:
    for context in (None, Context(), Context(topology=pd.DataFrame({"meter_id": ["x"], "feeder_id": ["y"]}))):
        table = balance_features(homes, changes(homes, {}), context)
        assert table.names == NAMES
        assert np.isnan(table.values).all()


def test_the_thief_and_not_the_saver(given: tuple[LoadProfiles, FeatureTable, Context]) -> None:
    found = balance_features(*given)
    share = found.column("balance.step_share")
    assert share[THIEF] == pytest.approx(1.0, abs=0.5)
    assert abs(share[SAVER]) < 0.5 or found.column("balance.joint_share")[SAVER] == 0.0
    evidence = found.column("balance.evidence")
    assert np.argmax(evidence[PLACE == 0]) == THIEF
    assert np.argmax(evidence[PLACE == 1]) == SHARE - 18
    assert found.column("balance.coefficient")[SHARE] == pytest.approx(0.67, abs=0.15)
    assert found.column("balance.lead")[THIEF] > 3 > found.column("balance.lead")[SAVER]
    assert found.column("when.balance")[THIEF] == pytest.approx(CHANGED, abs=2)
    assert likelier_feeders(found, given[2]) == {}


def test_order_changes_nothing(given: tuple[LoadProfiles, FeatureTable, Context]) -> None:
    profiles, moments, context = given
    assert context.feeders is not None
    assert context.topology is not None
    order = np.random.default_rng(5).permutation(len(profiles))
    other = Context(
        topology=context.topology.sample(frac=1.0, random_state=1),
        feeders=context.feeders.take(np.array([1, 0])),
    )
    a = balance_features(profiles, moments, context)
    b = balance_features(profiles.take(order), moments.take(order), other)
    np.testing.assert_array_equal(a.values[order], b.values)


def test_sizes_do_not_matter(given: tuple[LoadProfiles, FeatureTable, Context]) -> None:
    profiles, moments, context = given
    assert context.feeders is not None
    times = np.float32(64.0)
    large = Context(topology=context.topology, feeders=context.feeders.with_kwh(context.feeders.kwh * times))
    a = balance_features(profiles, moments, context)
    b = balance_features(profiles.with_kwh(profiles.kwh * times), moments, large)
    units = {"balance.lack_kwh_per_day", "balance.feeder_step_kwh"}
    names = [name for name in NAMES if name not in units]
    np.testing.assert_allclose(a.select(names).values, b.select(names).values, rtol=2e-3, atol=2e-3)


def test_wrong_lines_of_the_topology_are_found_and_make_nobody_a_thief(homes: LoadProfiles) -> None:
    topology, feeders = feeder_records(homes, homes.kwh, PLACE, Feeders(), np.random.default_rng(2))
    wrong = topology.copy()
    wrong.loc[[3, 25], "feeder_id"] = ["F001", "F000"]
    wrong = wrong.drop(index=12)  # a meter that no line names
    context = Context(topology=wrong, feeders=feeders)
    found = balance_features(homes, changes(homes, {}), context)
    ids = homes.meter_ids
    assert likelier_feeders(found, context) == {ids[3]: "F000", ids[25]: "F001", ids[12]: "F000"}
    assert found.column("balance.own_coefficient")[[3, 25]] == pytest.approx(-1.0, abs=0.15)
    assert np.abs(np.delete(found.column("balance.own_coefficient"), [3, 12, 25])).max() < 0.4
    assert np.nanmax(found.column("balance.link")) < 6


def test_totals_on_a_longer_step_and_fewer_days(homes: LoadProfiles) -> None:
    shown = homes.kwh.copy()
    shown[THIEF] *= 0.4
    profiles = homes.with_kwh(shown)
    topology, feeders = feeder_records(
        profiles, homes.kwh, PLACE, Feeders(missing=0.02), np.random.default_rng(2)
    )
    part = feeders.between(feeders.days[10], feeders.days[-5])
    found = balance_features(profiles, changes(profiles, {}), Context(topology=topology, feeders=part))
    assert np.argmax(found.column("balance.evidence")[PLACE == 0]) == THIEF
