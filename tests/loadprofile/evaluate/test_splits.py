from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.errors import OptionError, ShapeError
from loadprofile.evaluate.splits import (
    LeakError,
    assert_disjoint,
    by_meter,
    by_meter_and_time,
    by_meter_folds,
    by_time,
)

THREE = {"train": 0.6, "calibration": 0.2, "test": 0.2}
IDS = st.lists(st.integers(0, 30), min_size=1, max_size=80)


def _ids(rng, meters=100, rows=500):
    return np.array([f"meter {at}" for at in rng.integers(0, meters, rows)])


@settings(deadline=None, max_examples=100)
@given(IDS, st.integers(0, 99))
def test_every_row_once_and_no_meter_twice(ids, seed):
    values = np.array(ids)
    sides = by_meter(values, THREE, seed)
    assert sorted(np.concatenate(list(sides.values())).tolist()) == list(range(len(ids)))
    assert_disjoint({name: values[rows] for name, rows in sides.items()})


@settings(deadline=None, max_examples=60)
@given(IDS.filter(lambda ids: len(set(ids)) >= 4), st.integers(0, 99))
def test_folds_test_every_meter_once_and_never_learn_from_it(ids, seed):
    values = np.array(ids)
    tested = []
    for train, test in by_meter_folds(values, 4, seed):
        assert_disjoint({"train": values[train], "test": values[test]})
        assert len(train) + len(test) == len(ids)
        assert len(test) > 0
        tested.extend(test.tolist())
    assert sorted(tested) == list(range(len(ids)))


def test_shares_are_kept_to_the_meter(rng):
    ids = np.repeat(np.arange(50), rng.integers(1, 9, 50))
    sides = by_meter(ids, THREE, seed=1)
    assert [len(np.unique(ids[rows])) for rows in sides.values()] == [30, 10, 10]


def test_order_of_rows_does_not_matter_and_the_seed_does(rng):
    ids = _ids(rng)
    order = rng.permutation(len(ids))
    here, there = by_meter(ids, THREE, 3), by_meter(ids[order], THREE, 3)
    other = by_meter(ids, THREE, 4)
    for name in THREE:
        assert set(ids[here[name]]) == set(ids[order][there[name]])
    assert set(ids[here["test"]]) != set(ids[other["test"]])


def test_each_stratum_gets_its_share(rng):
    ids = np.arange(200)
    strata = np.where(ids < 20, "rare", "usual")
    sides = by_meter(ids, {"train": 0.5, "test": 0.5}, 0, strata)
    assert (strata[sides["test"]] == "rare").sum() == 10
    with pytest.raises(ShapeError, match="strata of meter 7"):
        by_meter([7, 7], {"train": 0.5, "test": 0.5}, 0, ["a", "b"])


def test_a_planted_leak_is_found(rng):
    """The split that papers publish: windows at random, one home on both sides."""
    ids = _ids(rng)
    rows = rng.permutation(len(ids))
    with pytest.raises(LeakError) as caught:
        assert_disjoint({"train": ids[rows[:400]], "held out": [], "test": ids[rows[400:]]})
    assert (caught.value.first, caught.value.second) == ("train", "test")
    assert set(caught.value.meters) == set(ids[rows[:400]]) & set(ids[rows[400:]])


def test_one_shared_meter_is_enough_and_number_or_text_is_the_same(rng):
    sides = by_meter(np.arange(20), {"train": 0.5, "test": 0.5}, 0)
    assert_disjoint(sides)
    leaked = np.append(sides["train"], sides["test"][0])
    with pytest.raises(LeakError) as caught:
        assert_disjoint({"train": leaked, "test": sides["test"].astype(str)})
    assert caught.value.meters == (str(sides["test"][0]),)


def test_time_splits_leave_the_gap_and_unknown_moments_out():
    when = np.array(["2020-01-01", "2020-02-01", "2020-02-05", "NaT", "2020-03-01"], dtype="datetime64[D]")
    before, after = by_time(when, "2020-02-01")
    assert (before.tolist(), after.tolist()) == ([0], [1, 2, 4])
    before, after = by_time(when, np.datetime64("2020-02-01"), gap_days=4)
    assert (before.tolist(), after.tolist()) == ([0], [2, 4])


def test_meter_and_time_together(rng):
    ids = np.repeat(np.arange(40), 10)
    when = np.tile(np.datetime64("2020-01-01") + np.arange(10), 40)
    train, test = by_meter_and_time(ids, when, "2020-01-06", 0.25, seed=2)
    assert_disjoint({"train": ids[train], "test": ids[test]})
    assert when[train].max() < np.datetime64("2020-01-06") <= when[test].min()
    assert (len(train), len(test)) == (30 * 5, 10 * 5)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        pytest.param(lambda: by_meter([1], {"a": 0.5}, 0), OptionError, id="not_one"),
        pytest.param(lambda: by_meter([1], {"a": 1.2, "b": -0.2}, 0), OptionError, id="negative"),
        pytest.param(lambda: by_meter([], {"a": 1.0}, 0), ShapeError, id="no_meter"),
        pytest.param(lambda: by_meter([1, 2], {"a": 1.0}, 0, ["x"]), ShapeError, id="strata_length"),
        pytest.param(lambda: list(by_meter_folds([1, 1, 2], 3, 0)), OptionError, id="too_many_folds"),
        pytest.param(lambda: by_time(np.array(["2020"], "M8[D]"), "2020", -1), OptionError, id="gap"),
    ],
)
def test_wrong_use_is_named(call, error):
    with pytest.raises(error):
        call()
