from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, log_softmax, softmax
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from loadprofile.classify.calibration import BinaryCalibrator, ClassCalibrator, logit, prior_shift
from loadprofile.errors import OptionError, ShapeError


def _scored(rng, n=4000, slope=0.5, intercept=-2.0):
    scores = rng.normal(0, 3, n)
    return scores, rng.random(n) < expit(slope * scores + intercept)


def test_platt_finds_the_curve_that_made_the_data(rng):
    scores, y = _scored(rng, 20_000)
    fitted = BinaryCalibrator("platt").fit(scores, y)
    assert fitted.slope_ == pytest.approx(0.5, abs=0.03)
    assert fitted.intercept_ == pytest.approx(-2.0, abs=0.1)


def test_platt_equals_an_unpenalised_logistic_regression_when_cases_are_many(rng):
    scores, y = _scored(rng, 20_000)
    twin = LogisticRegression(C=np.inf).fit(scores[:, None], y)
    grid = np.linspace(-6, 6, 25)
    found = BinaryCalibrator("platt").fit(scores, y).transform(grid)
    np.testing.assert_allclose(found, twin.predict_proba(grid[:, None])[:, 1], atol=2e-3)


def test_few_perfect_cases_do_not_make_certainty():
    fitted = BinaryCalibrator().fit([-2, -1, 1, 2], [False, False, True, True])
    assert fitted.method_ == "platt"
    assert 0.6 < fitted.transform([2.0])[0] < 0.9  # Platt's target for 2 of 2 is 3/4


def test_auto_takes_isotonic_only_where_it_is_better_on_held_out_meters(rng):
    scores = rng.uniform(-3, 3, 6000)
    stairs = rng.random(6000) < np.where(scores < 1, 0.05, 0.7)
    stepped = BinaryCalibrator().fit(scores, stairs)
    assert stepped.method_ == "isotonic"
    assert stepped.transform([0.0, 2.0]) == pytest.approx([0.05, 0.7], abs=0.06)
    smooth = BinaryCalibrator().fit(*_scored(rng, 1500))
    assert smooth.held_out_loss_["platt"] <= smooth.held_out_loss_["isotonic"]
    assert smooth.method_ == "platt"
    assert BinaryCalibrator().fit(scores[:300], stairs[:300]).method_ == "platt"


def test_folds_keep_the_rows_of_a_meter_together(rng):
    """Each meter repeated 20 times: only folds over meters see that isotonic learns the meters by heart."""
    scores = np.repeat(rng.normal(size=500), 20)
    y = np.repeat(rng.random(500) < 0.5, 20)
    meters = np.repeat(np.arange(500), 20)
    by_row, by_meter = BinaryCalibrator().fit(scores, y), BinaryCalibrator().fit(scores, y, meters)
    assert by_row.held_out_loss_["isotonic"] < by_meter.held_out_loss_["isotonic"] - 0.001
    assert by_meter.method_ == "platt"


def test_a_score_that_points_the_wrong_way_gives_the_base_rate(rng):
    scores, y = _scored(rng, 2000)
    for method in ("platt", "isotonic"):
        found = BinaryCalibrator(method).fit(-scores, y).transform([-5.0, 0.0, 5.0])
        np.testing.assert_allclose(found, y.mean(), atol=0.05)


def test_cannot_judge_stays_cannot_judge(rng):
    scores, y = _scored(rng, 500)
    scores[:100] = np.nan
    fitted = BinaryCalibrator().fit(scores, y)
    assert np.isnan(fitted.transform(scores)[:100]).all()
    assert fitted.slope_ == BinaryCalibrator().fit(scores[100:], y[100:]).slope_


@pytest.mark.parametrize(
    ("scores", "y", "error"),
    [
        pytest.param([1.0, 2.0], [True, True], ShapeError, id="one_class"),
        pytest.param([1.0, np.nan], [True, False], ShapeError, id="one_class_known"),
        pytest.param([1.0], [True, False], ShapeError, id="lengths"),
    ],
)
def test_what_cannot_be_fitted_is_named(scores, y, error):
    with pytest.raises(error):
        BinaryCalibrator().fit(scores, y)
    with pytest.raises(OptionError):
        BinaryCalibrator("magic").fit([0.0, 1.0], [False, True])


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from(["platt", "isotonic"]), st.floats(-1, 2))
def test_never_turns_the_order_round(seed, method, slope):
    rng = np.random.default_rng(seed)
    scores, y = _scored(rng, 200, slope, 0.0)
    found = BinaryCalibrator(method).fit(scores, y).transform(np.sort(rng.normal(0, 10, 50)))
    assert (np.diff(found) >= 0).all()
    assert ((found > 0) & (found < 1)).all()


def test_logit_is_finite_at_the_ends():
    assert np.isfinite(logit([0.0, 1.0])).all()
    assert logit([0.25])[0] == pytest.approx(np.log(1 / 3))


def _classes(rng, n=6000, temperature=2.5, shift=(0.0, 1.0, -1.0)):
    logits = rng.normal(0, 4, (n, 3))
    p = softmax(logits / temperature + np.array(shift), axis=1)
    return logits, (p.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1), p


def test_temperature_and_shift_are_found_again(rng):
    logits, y, p = _classes(rng)
    fitted = ClassCalibrator().fit(logits, y)
    assert fitted.temperature_ == pytest.approx(2.5, rel=0.08)
    np.testing.assert_allclose(fitted.shift_, [0, 1, -1], atol=0.12)
    np.testing.assert_allclose(fitted.transform(logits), p, atol=0.06)
    assert fitted.loss_after_ < fitted.loss_before_


def test_log_probabilities_serve_as_logits(rng):
    logits, y, _ = _classes(rng, 500)
    a, b = ClassCalibrator().fit(logits, y), ClassCalibrator().fit(log_softmax(logits, axis=1), y)
    np.testing.assert_allclose(a.transform(logits), b.transform(log_softmax(logits, axis=1)), atol=1e-5)


def test_an_unseen_class_keeps_a_finite_probability(rng):
    logits, y, _ = _classes(rng, 400)
    fitted = ClassCalibrator().fit(logits[y != 2], y[y != 2])
    found = fitted.transform(logits)
    assert (found[:, 2] > 0).all()
    assert found[:, 2].mean() < 0.2


def test_weights_count_rows(rng):
    logits, y, _ = _classes(rng, 300)
    weights = rng.integers(0, 4, 300)
    again = np.repeat(np.arange(300), weights)
    a = ClassCalibrator(penalty=0).fit(logits, y, weights)
    b = ClassCalibrator(penalty=0).fit(logits[again], y[again])
    np.testing.assert_allclose(a.transform(logits), b.transform(logits), atol=1e-3)


def test_rows_sum_to_one_and_nan_rows_stay(rng):
    logits, y, _ = _classes(rng, 300)
    logits[0, 1] = np.nan
    logits[1] = [-np.inf, 0, -np.inf]
    found = clone(ClassCalibrator()).fit(logits, y).transform(logits)
    assert np.isnan(found[0]).all()
    np.testing.assert_allclose(found[1:].sum(axis=1), 1.0)
    with pytest.raises(ShapeError):
        ClassCalibrator().fit(logits, y + 1)
    with pytest.raises(ShapeError):
        ClassCalibrator().fit(logits, y[1:])


def test_prior_shift_by_hand():
    # odds 1:1 under equal priors become 2:98 where 2 % steal
    np.testing.assert_allclose(prior_shift([[0.5, 0.5]], [0.5, 0.5], [0.98, 0.02]), [[0.98, 0.02]])
    np.testing.assert_allclose(prior_shift([[0.2, 0.8]], [3, 1], [1, 1]), [[0.2 / 2.6, 2.4 / 2.6]])
    np.testing.assert_allclose(prior_shift([[0.0, 1.0]], [1, 1], [1, 0]), [[1.0, 0.0]])
    assert np.isnan(prior_shift([[np.nan, np.nan]], [1, 1], [1, 2])).all()


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.floats(0.01, 1), min_size=3, max_size=3), st.lists(st.floats(0.01, 1), min_size=3, max_size=3)
)
def test_prior_shift_there_and_back_changes_nothing(old, new):
    p = softmax(np.random.default_rng(1).normal(size=(5, 3)), axis=1)
    there = prior_shift(p, old, new)
    np.testing.assert_allclose(there.sum(axis=1), 1.0)
    np.testing.assert_allclose(prior_shift(there, new, old), p, atol=1e-9)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        pytest.param([0, 1], [1, 1], OptionError, id="never_trained"),
        pytest.param([1, 1], [-1, 1], OptionError, id="negative"),
        pytest.param([1, 1], [0, 0], OptionError, id="nothing_wished"),
        pytest.param([1, 1, 1], [1, 1, 1], ShapeError, id="lengths"),
    ],
)
def test_priors_that_make_no_sense_are_refused(old, new, error):
    with pytest.raises(error):
        prior_shift([[0.5, 0.5]], old, new)
