from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss

from loadprofile.errors import OptionError, ShapeError
from loadprofile.evaluate.reliability import brier, expected_calibration_error, log_loss, reliability_curve


def test_two_classes_equal_scikit_learn(rng):
    p = rng.random(200)
    truth = rng.random(200) < p
    assert log_loss(p, truth).value == pytest.approx(sklearn_log_loss(truth, p))
    assert brier(p, truth).value == pytest.approx(brier_score_loss(truth, p))


def test_several_classes_equal_the_sum_written_out(rng):
    p = rng.dirichlet([1, 2, 3], 50)
    truth = rng.integers(0, 3, 50)
    assert log_loss(p, truth).value == pytest.approx(-np.mean([math.log(p[i, truth[i]]) for i in range(50)]))
    expected = np.mean([sum((p[i, k] - (truth[i] == k)) ** 2 for k in range(3)) for i in range(50)])
    assert brier(p, truth).value == pytest.approx(expected)
    two = np.stack([1 - p[:, 0], p[:, 0]], axis=1)
    assert brier(two, truth == 0).value == pytest.approx(2 * brier(p[:, 0], truth == 0).value)


def test_unknown_probabilities_are_left_out_and_counted():
    found = log_loss([0.5, np.nan, 0.5], [True, True, False], meters=["a", "b", "c"])
    assert (found.value, found.n) == (pytest.approx(math.log(2)), 2)
    assert math.isnan(brier([np.nan], [True]).value)


def test_one_sure_error_stays_finite():
    assert 30 < log_loss([1.0], [False]).value < 40


def _twin(p, truth, bins):
    """Sort, walk, open a new bin where the sorted row passes a multiple of n / bins and the value changes."""
    edges = sorted({np.sort(p)[int(np.floor((len(p) - 1) * k / bins + 1e-9))] for k in range(1, bins)})
    total = 0.0
    for low, high in zip([-1.0, *edges], [*edges, 2.0], strict=True):
        rows = [i for i in range(len(p)) if low < p[i] <= high]
        if rows:
            said, happened = sum(p[i] for i in rows) / len(rows), sum(truth[i] for i in rows) / len(rows)
            total += len(rows) / len(p) * abs(said - happened)
    return total


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.tuples(st.integers(0, 20).map(lambda v: v / 20), st.booleans()), min_size=1, max_size=60),
    st.integers(1, 12),
)
def test_calibration_error_equals_the_twin(rows, bins):
    p, truth = (np.array(v) for v in zip(*rows, strict=True))
    found = expected_calibration_error(p, truth, bins=bins, resamples=2)
    assert found.value == pytest.approx(_twin(p, truth, bins), abs=1e-9)
    assert 0 <= found.value <= 1


def test_true_probabilities_have_a_small_error_and_false_ones_a_large_one(rng):
    p = rng.beta(1, 20, 20_000)
    truth = rng.random(20_000) < p
    assert expected_calibration_error(p, truth, resamples=20).value < 0.006
    said = np.minimum(p + 0.2, 1.0)
    assert expected_calibration_error(said, truth, resamples=20).value == pytest.approx(0.2, abs=0.01)


def test_errors_of_two_groups_do_not_cancel(rng):
    """1 % said to all is right on average; each half is wrong by 1.8 points, in the lowest of ten widths."""
    p = np.repeat([0.001, 0.019], 5000)
    truth = rng.random(10_000) < np.repeat([0.019, 0.001], 5000)
    assert expected_calibration_error(p, truth, resamples=5).value > 0.014


def test_several_classes_are_the_mean_of_one_against_the_rest(rng):
    p = rng.dirichlet([1, 2, 3], 300)
    truth = rng.integers(0, 3, 300)
    each = [expected_calibration_error(p[:, k], truth == k, resamples=2).value for k in range(3)]
    assert expected_calibration_error(p, truth, resamples=2).value == pytest.approx(np.mean(each))


def test_reliability_curve_has_its_counts_and_intervals(rng):
    p = rng.random(1000)
    truth = rng.random(1000) < p
    curve = reliability_curve(p, truth, bins=5)
    assert curve.count.tolist() == [200] * 5
    assert (np.diff(curve.said) > 0).all()
    np.testing.assert_allclose(curve.happened, curve.said, atol=0.1)
    assert ((curve.low < curve.happened) & (curve.happened < curve.high)).all()
    error = np.sum(curve.count * np.abs(curve.said - curve.happened)) / 1000
    assert expected_calibration_error(p, truth, bins=5, resamples=2).value == pytest.approx(error)


def test_equal_probabilities_share_a_bin():
    curve = reliability_curve([0.1] * 50 + [0.9], [False] * 50 + [True], bins=10)
    assert curve.count.tolist() == [50, 1]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        pytest.param(lambda: log_loss([2.0], [True]), ShapeError, id="score"),
        pytest.param(lambda: log_loss([[0.5, 0.6]], [1]), ShapeError, id="sum"),
        pytest.param(lambda: brier([[0.5, 0.5]], [2]), ShapeError, id="class_number"),
        pytest.param(lambda: brier([0.5], [True, False]), ShapeError, id="length"),
        pytest.param(lambda: log_loss([0.5], [True], meters=[1, 2]), ShapeError, id="meters"),
        pytest.param(lambda: reliability_curve([0.5], [True], bins=0), OptionError, id="bins"),
        pytest.param(lambda: reliability_curve([[0.5, 0.5]], [1]), ShapeError, id="two_columns"),
    ],
)
def test_wrong_use_is_named(call, error):
    with pytest.raises(error):
        call()
