from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.classify.proportions import wilson
from loadprofile.classify.threshold import by_precision, by_value, by_visits, net_value
from loadprofile.errors import OptionError, ShapeError

SCORES = st.lists(st.one_of(st.integers(0, 8).map(float), st.just(math.nan)), max_size=40)


@settings(deadline=None, max_examples=100)
@given(SCORES, st.integers(0, 45))
def test_never_more_visits_than_the_crew_can_make_and_no_better_meter_left_out(scores, visits):
    values = np.array(scores, dtype=float)
    cut = by_visits(values, visits)
    chosen = cut.selects(values)
    assert chosen.sum() == cut.visits <= visits
    assert not np.isnan(values[chosen]).any()
    left = values[~chosen & ~np.isnan(values)]
    if chosen.any() and left.size:
        assert left.max() < values[chosen].min()
    if left.size:  # the next group of equals would not have fitted
        assert chosen.sum() + (left == left.max()).sum() > visits


def test_equal_scores_go_together_whatever_the_order(rng):
    values = np.array([5.0, 3.0, 3.0, 3.0, 1.0])
    for _ in range(5):
        assert by_visits(rng.permutation(values), 3).visits == 1
    assert by_visits(values, 4).visits == 4


def test_expected_precision_is_the_mean_probability():
    cut = by_visits([3.0, 2.0, 1.0], 2, probability=[0.9, 0.5, 0.1])
    assert cut.precision == pytest.approx(0.7)
    assert math.isnan(by_visits([3.0], 0).precision)


def test_visits_only_where_they_pay():
    p, kwh = [0.9, 0.9, 0.1, np.nan], [1000.0, 10.0, 5000.0, 9000.0]
    net = net_value(p, kwh, value_per_kwh=0.2, visit_cost=50)
    np.testing.assert_allclose(net, [130, -48.2, 50, np.nan])
    cut = by_value(p, kwh, 0.2, 50)
    assert cut.selects(net).tolist() == [True, False, True, False]
    assert (cut.visits, cut.value) == (2, pytest.approx(180))
    one = by_value(p, kwh, 0.2, 50, visits=1)
    assert one.selects(net).tolist() == [True, False, False, False]
    nobody = by_value(p, kwh, 0.2, visit_cost=10_000)
    assert (nobody.visits, nobody.value) == (0, 0.0)
    assert cut.selects([0.01, 0.0, -1.0]).tolist() == [True, False, False]


def test_a_low_probability_can_be_worth_more_than_a_high_one():
    cut = by_value([0.3, 0.6], [4000.0, 100.0], value_per_kwh=0.2, visit_cost=80)
    assert cut.selects(net_value([0.3, 0.6], [4000.0, 100.0], 0.2, 80)).tolist() == [True, False]


def test_a_score_is_not_taken_for_a_probability():
    with pytest.raises(OptionError, match="calibrate"):
        by_value([3.0], [10.0], 0.2, 1.0)


def _twin(scores, truth, wished, confidence):
    """Try every threshold, keep the lowest that holds."""
    best = math.inf
    for threshold in scores[~np.isnan(scores)]:
        chosen = scores >= threshold
        found, of = int(truth[chosen].sum()), int(chosen.sum())
        share = found / of if confidence is None else wilson(found, of, 2 * confidence - 1)[0]
        if share >= wished:
            best = min(best, float(threshold))
    return best


@settings(deadline=None, max_examples=100)
@given(SCORES, st.integers(0, 1000), st.floats(0.05, 1), st.sampled_from([None, 0.8, 0.95]))
def test_precision_cut_equals_the_twin(scores, seed, wished, confidence):
    values = np.array(scores, dtype=float)
    truth = np.random.default_rng(seed).random(len(values)) < 0.6
    cut = by_precision(values, truth, wished, confidence)
    assert cut.threshold == _twin(values, truth, wished, confidence)
    assert cut.visits == cut.selects(values).sum()


def test_three_lucky_visits_do_not_set_the_rule():
    scores, truth = np.arange(10.0)[::-1], np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0], dtype=bool)
    assert by_precision(scores, truth, 0.9, confidence=None).visits == 3
    refused = by_precision(scores, truth, 0.9)
    assert (refused.visits, refused.threshold) == (0, math.inf)
    assert "no threshold" in refused.why
    assert by_precision(scores, truth, 0.9, None, least_visits=4).visits == 0


def test_lower_bound_is_told():
    cut = by_precision(np.arange(40.0), np.arange(40) >= 10, 0.8)
    assert cut.precision_low >= 0.8
    assert cut.precision > cut.precision_low


@pytest.mark.parametrize(
    ("call", "error"),
    [
        pytest.param(lambda: by_visits([1.0], -1), OptionError, id="negative_visits"),
        pytest.param(lambda: by_precision([1.0], [True], 0), OptionError, id="no_precision"),
        pytest.param(lambda: by_precision([1.0], [True, False], 0.5), ShapeError, id="truth_length"),
        pytest.param(lambda: by_value([0.5], [1.0, 2.0], 1, 1), ShapeError, id="kwh_length"),
        pytest.param(lambda: by_value([0.5], [1.0], 1, -1), OptionError, id="negative_cost"),
        pytest.param(lambda: by_visits([[1.0]], 1), ShapeError, id="two_dimensions"),
    ],
)
def test_wrong_use_is_named(call, error):
    with pytest.raises(error):
        call()
