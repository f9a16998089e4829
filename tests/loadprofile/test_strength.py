"""Smooth strengths: edges, NaN, joining; and the words for numbers."""

from __future__ import annotations

import math
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.features.population import Context, Population
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import LoadProfiles
from loadprofile.strength import (
    Measures,
    at_midnight,
    between,
    both,
    change_in_percent,
    count,
    either,
    fraction,
    iso,
    known_or,
    lifted,
    number,
    on,
    percent,
    ramp,
    unless,
)

NAN = math.nan
share = st.floats(0, 1)
maybe = st.one_of(share, st.just(NAN))


def test_ramp_ends_and_middle() -> None:
    assert ramp([-1, 0, 5, 10, 99, NAN], 0, 10).tolist()[:5] == [0, 0, 0.5, 1, 1]
    assert np.isnan(ramp([NAN], 0, 10)).all()
    assert ramp([0, 10], 10, 0).tolist() == [1, 0]
    with pytest.raises(ValueError, match="no width"):
        ramp([1], 3, 3)


@settings(deadline=None, max_examples=50)
@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-100, 100), st.floats(0.01, 100))
def test_ramp_never_falls_and_stays_in_range(a: float, b: float, low: float, width: float) -> None:
    x, y = ramp([min(a, b), max(a, b)], low, low + width)
    assert 0 <= x <= y <= 1


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.one_of(maybe, st.floats(-1e6, 1e6), st.sampled_from([math.inf, -math.inf, -0.0]))),
    st.floats(-100, 100),
    st.floats(0.01, 100),
)
def test_one_meter_is_as_many(values: list[float], low: float, width: float) -> None:
    pairs = [(value, 0.5) for value in values]
    many = ramp(values, low, low + width), both(values, [0.5] * len(values)), known_or(values, 7.0)
    one = (
        [ramp([value], low, low + width)[0] for value in values],
        [both([value], [half])[0] for value, half in pairs],
        [known_or([value], 7.0)[0] for value in values],
    )
    for several, single in zip(many, one, strict=True):
        np.testing.assert_array_equal(several, np.array(single))


@settings(deadline=None, max_examples=80)
@given(st.lists(maybe, min_size=1, max_size=4))
def test_joining_follows_the_slow_rules(parts: list[float]) -> None:
    known = [p for p in parts if not math.isnan(p)]
    joined, any_of = both(*[[p] for p in parts])[0], either(*[[p] for p in parts])[0]
    if 0 in known:
        assert joined == 0
    elif len(known) < len(parts):
        assert math.isnan(joined)
    else:
        assert joined == min(parts)
    assert any_of == max(known) if known else math.isnan(any_of)


@settings(deadline=None, max_examples=50)
@given(share, maybe)
def test_excuses_weaken_and_support_lifts(strength: float, other: float) -> None:
    weaker, stronger = unless([strength], [other])[0], lifted([strength], [other])[0]
    assert 0 <= weaker <= strength <= stronger <= 1
    if math.isnan(other) or other == 0:
        assert weaker == strength == stronger
    if strength == 0:
        assert stronger == 0, "support alone makes no trace"
    if other == 1:
        assert weaker == 0


def test_unknown_strength_stays_unknown() -> None:
    assert np.isnan(unless([NAN], [0.5])).all()
    assert np.isnan(lifted([NAN], [0.5])).all()


def small(values: dict[str, list[float]]) -> Population:
    n = len(next(iter(values.values())))
    ids = np.array([f"m{i}" for i in range(n)])
    days = np.arange(np.datetime64("2013-04-01"), np.datetime64("2013-04-11"))
    profiles = LoadProfiles(ids, days, np.ones((n, 10, 48), dtype=np.float32), 30)
    table = FeatureTable(ids, tuple(values), np.array(list(values.values()), dtype=np.float32).T)
    return Population(profiles, table, n, Context())


def test_measures_give_nan_for_what_is_not_there_and_for_silent_meters() -> None:
    m = Measures(
        small({"integrity.coverage": [1.0, 0.0], "cohort.gap_size": [3.0, 3.0], "when.change": [2.5, NAN]})
    )
    assert np.isnan(m["change.ratio"]).all()
    assert np.isnat(m.when("nothing")).all()
    assert m["cohort.gap_size"].tolist()[0] == 3
    assert np.isnan(m["cohort.gap_size"][1])
    assert str(m.when("change")[0]) == "2013-04-03T12:00"
    assert m.incident.tolist() == [-1, -1]


def test_days_run_to_the_end_or_to_the_last_reading() -> None:
    values = {
        "when.change": [2.5, 2.5, NAN],
        "when.change_end": [4.0, NAN, NAN],
        "when.last_reading": [10.0, 7.0, NAN],
        "change.kwh_per_day_lost": [2.0, -2.0, 1.0],
    }
    m = Measures(small(values))
    assert m.days_of(m.when("change"), m.when("change_end")).tolist()[:2] == [1.5, 4.5]
    assert m.kwh_lost_by_change().tolist()[:2] == [3.0, -9.0]
    assert np.isnan(m.kwh_lost_by_change()[2])


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param(number(0.5), "0.50", id="number"),
        pytest.param(number(12345.6, 0), "12,346", id="thousands"),
        pytest.param(number(0.0001), "1.0e-04", id="tiny"),
        pytest.param(number(NAN), "unknown", id="nan"),
        pytest.param(percent(0.43), "43 %", id="percent"),
        pytest.param(percent(0.00012), "0.012 %", id="tiny share"),
        pytest.param(change_in_percent(math.log(0.6)), "fell by 40 %", id="fell"),
        pytest.param(change_in_percent(math.log(1.2)), "rose by 20 %", id="rose"),
        pytest.param(change_in_percent(math.log(40)), "grew 40-fold", id="grew"),
        pytest.param(count(1.0, "meter", "meters"), "1 meter", id="one"),
        pytest.param(count(1200, "meter", "meters"), "1,200 meters", id="many"),
        pytest.param(fraction(1 / 3), "1/3", id="third"),
        pytest.param(fraction(np.float32(2 / 3)), "2/3", id="two thirds in float32"),
        pytest.param(fraction(0.001), "1/1000", id="thousandth"),
        pytest.param(fraction(1.5), "3/2", id="three halves"),
        pytest.param(fraction(40), "40", id="forty"),
        pytest.param(fraction(0), "0", id="nought"),
        pytest.param(fraction(0.8131), "0.813", id="no fraction"),
        pytest.param(iso(np.datetime64("2013-04-05T00:00")), "2013-04-05", id="day"),
        pytest.param(iso(np.datetime64("2013-04-05T10:30")), "2013-04-05T10:30", id="minute"),
        pytest.param(iso(np.datetime64("NaT")), "", id="no moment"),
        pytest.param(on(np.datetime64("2013-04-05T00:00")), "from 2013-04-05", id="on"),
        pytest.param(
            between(np.datetime64("2013-04-05T00:00"), np.datetime64("NaT")), "from 2013-04-05 to the end",
            id="to the end",
        ),
    ],
)  # fmt: skip
def test_words(said: str, expected: str) -> None:
    assert said == expected


def test_midnight() -> None:
    moments = np.array(["2013-04-05T00:00", "2013-04-05T00:30", "NaT"], dtype="datetime64[m]")
    assert at_midnight(moments).tolist() == [True, False, False]


def test_what_follows_from_a_population_is_made_once_and_let_go() -> None:
    population = small({"change.ratio": [0.5, 2.0]})
    held = Measures.of(population)
    assert Measures.of(population) is held
    assert Measures.of(small({"change.ratio": [0.5, 2.0]})) is not held
    seen = weakref.ref(held)
    del held
    assert seen() is None, "nobody holds it, so that a fleet's columns do not stay in memory"
