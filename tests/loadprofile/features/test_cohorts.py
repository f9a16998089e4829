from __future__ import annotations

import numpy as np
import pytest

from loadprofile.errors import ShapeError
from loadprofile.features.cohorts import NAMES, _incidents, find_cohorts
from loadprofile.features.daily import daily_blocks
from loadprofile.features.slots import count_slots
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import LoadProfiles


def cohorts_of(profiles: LoadProfiles, table: FeatureTable, size: int = 64):
    return find_cohorts(table, count_slots(profiles), profiles.batches(size), daily_blocks(profiles))


@pytest.fixture(scope="module")
def planted(make_homes, changes_of):
    """200 homes: four halved in one slot, six with one gap, five silent from one slot, 20 jump at once."""
    homes = make_homes(200, 70, seed=4)
    kwh = homes.kwh.copy()
    flat = kwh.reshape(200, -1)
    flat[:4, 40 * 48 + 20 :] *= 0.5
    flat[10:16, 25 * 48 : 26 * 48] = np.nan
    flat[20:25, 50 * 48 + 7 : 50 * 48 + 27] = 0
    flat[30:50, 33 * 48 + 11] += 6 * flat[30:50].max(axis=1)
    homes = homes.with_kwh(kwh)
    return homes, changes_of(homes)


def test_planted_cohorts_become_incidents(planted) -> None:
    homes, table = planted
    found = cohorts_of(homes, table)
    for rows in (slice(0, 4), slice(10, 16), slice(20, 25), slice(30, 50)):
        assert len(set(found.incident[rows].tolist())) == 1
        assert found.incident[rows][0] >= 0
    assert (found.incident >= 0).sum() <= 40
    column = found.features.column
    assert column("cohort.same_both_size")[0] >= 3
    assert column("cohort.gap_size")[10] == 5
    assert column("cohort.zero_size")[20] == 4
    assert column("cohort.jump_surprise")[30] > column("cohort.jump_surprise")[60:].max()
    assert column("cohort.incident_size")[10] == 5


def test_neither_batches_nor_order_matter(planted) -> None:
    homes, table = planted
    whole = cohorts_of(homes, table)
    parts = cohorts_of(homes, table, size=33)
    np.testing.assert_array_equal(whole.features.values, parts.features.values)
    np.testing.assert_array_equal(whole.incident, parts.incident)
    mixed = np.random.default_rng(0).permutation(200)
    other = cohorts_of(homes.take(mixed), table.take(mixed))
    np.testing.assert_array_equal(whole.incident[mixed], other.incident)
    np.testing.assert_allclose(whole.features.values[mixed], other.features.values, rtol=1e-4, atol=1e-5)


def test_ordinary_homes_make_no_incident(make_homes, changes_of) -> None:
    homes = make_homes(150, 70, seed=9)
    assert (cohorts_of(homes, changes_of(homes)).incident >= 0).sum() <= 3


@pytest.mark.parametrize(("stem", "most"), [("edrp_scotland", 0.03), ("london", 0.05)])
def test_real_homes_make_few_incidents(real_homes, changes_of, stem: str, most: float) -> None:
    homes = real_homes(stem)
    assert (cohorts_of(homes, changes_of(homes)).incident >= 0).mean() <= most


def test_stuck_at_the_same_slot(planted) -> None:
    homes, table = planted
    stuck = np.full((200, 1), np.nan, dtype=np.float32)
    stuck[100:140, 0] = np.random.default_rng(0).uniform(0, 70, 40)
    stuck[100:104, 0] = 12.0 + 5 / 48
    wider = FeatureTable(
        table.meter_ids, (*table.names, "when.stuck_first"), np.hstack([table.values, stuck])
    )
    found = cohorts_of(homes, wider)
    assert found.features.column("cohort.stuck_size")[100] == 3
    assert len(set(found.incident[100:104].tolist())) == 1


def test_names_and_refusals(planted) -> None:
    homes, table = planted
    assert cohorts_of(homes, table).features.names == tuple(f"cohort.{name}" for name in NAMES)
    with pytest.raises(ShapeError, match="batches"):
        find_cohorts(table, count_slots(homes), [homes.take(slice(0, 9))], None)
    with pytest.raises(ShapeError, match="batches"):
        find_cohorts(table, count_slots(homes), [homes.take(slice(9, 200))], None)


def test_incidents_of_two_kinds_that_share_a_meter_stay_two() -> None:
    ids = np.array(list("abcdefgh"))
    first = np.array([[0, 1], [1, 2]])
    second = np.array([[2, 3], [3, 4], [4, 5]])
    third = np.array([[3, 6], [3, 4]])
    incident, others = _incidents(8, [first, second, third], ids)
    assert incident.tolist() == [0, 0, 0, 1, 1, 1, 1, -1]
    assert others.tolist() == [2, 2, 2, 3, 3, 3, 3, 0]
