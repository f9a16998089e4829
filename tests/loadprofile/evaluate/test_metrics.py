from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score

from loadprofile.classify.proportions import wilson
from loadprofile.errors import ShapeError
from loadprofile.evaluate.metrics import Ranked, cause_report, gain_curve, ranking

ROWS = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40).filter(
    lambda rows: 0 < sum(t for _, t in rows) < len(rows)
)


def _curve(scores, truth, kwh=None):
    return Ranked(scores, truth, kwh).curve(np.ones(len(scores)))


@settings(deadline=None, max_examples=150)
@given(ROWS)
def test_auc_and_average_precision_equal_the_slow_twins(rows):
    scores, truth = (np.array(v) for v in zip(*rows, strict=True))
    curve = _curve(scores, truth)
    pairs = [(a > b) + (a == b) / 2 for a in scores[truth] for b in scores[~truth]]
    assert curve.auc() == pytest.approx(np.mean(pairs))
    assert curve.auc() == pytest.approx(roc_auc_score(truth, scores))
    assert curve.average_precision() == pytest.approx(average_precision_score(truth, scores))


@settings(deadline=None, max_examples=150)
@given(ROWS, st.sampled_from([0.0, 0.01, 0.05, 0.2, 0.5, 1.0]))
def test_recall_at_false_alarms_equals_the_slow_twin(rows, limit):
    scores, truth = (np.array(v) for v in zip(*rows, strict=True))
    best = 0.0
    for threshold in np.unique(scores):
        called = scores >= threshold
        if called[~truth].mean() <= limit:
            best = max(best, called[truth].mean())
    assert _curve(scores, truth).recall_at(limit) == pytest.approx(best)


@settings(deadline=None, max_examples=100)
@given(ROWS)
def test_more_false_alarms_never_find_fewer(rows):
    scores, truth = (np.array(v) for v in zip(*rows, strict=True))
    curve = _curve(scores, truth)
    found = [curve.recall_at(limit) for limit in np.linspace(0, 1, 21)]
    assert found == sorted(found)
    assert found[-1] == 1.0


@settings(deadline=None, max_examples=60)
@given(ROWS, st.integers(1, 45), st.integers(0, 100))
def test_first_visits_are_the_mean_over_all_ways_to_break_ties(rows, visits, seed):
    scores, truth = (np.array(v) for v in zip(*rows, strict=True))
    made, hits, _ = _curve(scores, truth).first(visits)
    rng = np.random.default_rng(seed)
    drawn = [truth[np.lexsort((rng.random(len(scores)), -scores))][:visits].sum() for _ in range(300)]
    assert made == min(visits, len(scores))
    spread = np.std(drawn) / math.sqrt(300)
    assert hits == pytest.approx(np.mean(drawn), abs=5 * spread + 1e-9)


def test_weights_are_copies_of_rows(rng):
    scores, truth, kwh = rng.integers(0, 9, 50), rng.random(50) < 0.4, rng.random(50)
    weights = rng.integers(0, 4, 50)
    again = np.repeat(np.arange(50), weights)
    a = Ranked(scores, truth, kwh).curve(weights.astype(float))
    b = _curve(scores[again], truth[again], kwh[again])
    for name in ("auc", "average_precision"):
        assert getattr(a, name)() == pytest.approx(getattr(b, name)())
    assert a.recall_at(0.1) == pytest.approx(b.recall_at(0.1))
    assert a.first(17) == pytest.approx(b.first(17))


def test_energy_comes_only_from_true_cases_that_are_visited():
    found = ranking(
        [5.0, 4.0, 3.0, 2.0, np.nan],
        [True, False, True, False, True],
        visits=(1, 3, 9),
        kwh=[100.0, 999.0, np.nan, 7.0, 50.0],
    )
    assert [e.value for e in found.kwh_at.values()] == [100.0, 100.0, 100.0]
    assert [e.value for e in found.precision_at.values()] == pytest.approx([1.0, 2 / 3, 2 / 4])


def test_cannot_judge_is_never_found_and_ranks_last():
    curve = _curve([np.nan, 1.0, 0.0], [True, False, False])
    assert curve.auc() == 0.0
    assert curve.recall_at(1.0) == 0.0
    assert curve.first(3)[:2] == (2.0, 0.0)


def test_nineteen_meters_in_perfect_order_are_no_certainty():
    """Nine frauds and ten others, all right: the published 100 % with what it is worth."""
    truth = np.arange(19) >= 10
    found = ranking(np.arange(19.0), truth, visits=(9,))
    assert found.auc.value == found.average_precision.value == 1.0
    assert found.auc.low < 0.9
    assert found.average_precision.low < 0.8
    assert found.recall_at[0.01].low < 0.8
    assert found.precision_at[9].low < 0.8


def test_intervals_hold_the_truth_about_as_often_as_they_say(rng):
    """AUC of two normals one apart is 0.760; 95 % intervals should hold it in 40 worlds of 40, or nearly."""
    held = 0
    for world in range(40):
        truth = rng.random(150) < 0.3
        found = ranking(rng.normal(size=150) + truth, truth, visits=(20,), resamples=100, seed=world).auc
        held += found.low <= 0.7602 <= found.high
    assert 35 <= held <= 40


def test_copies_of_a_meter_do_not_narrow_the_interval(rng):
    truth = rng.random(40) < 0.4
    scores = rng.normal(size=40) + truth
    once = ranking(scores, truth, visits=(10,), resamples=200)
    meters = np.repeat(np.arange(40), 8)
    copied = ranking(np.repeat(scores, 8), np.repeat(truth, 8), meters, visits=(80,), resamples=200)
    assert (copied.auc.low, copied.auc.high) == pytest.approx((once.auc.low, once.auc.high), abs=1e-9)
    assert copied.precision_at[80].n == once.precision_at[10].n == 10
    assert (copied.recall_at[0.05].low) == pytest.approx(once.recall_at[0.05].low)


def test_order_of_rows_makes_no_difference_without_resampling(rng):
    truth, scores, order = rng.random(80) < 0.3, rng.integers(0, 9, 80), rng.permutation(80)
    a, b = ranking(scores, truth), ranking(scores[order], truth[order])
    assert a.auc.value == pytest.approx(b.auc.value)
    assert a.average_precision.value == pytest.approx(b.average_precision.value)
    assert a.precision_at[50].value == pytest.approx(b.precision_at[50].value)


@pytest.mark.parametrize("truth", [pytest.param([True] * 3, id="all"), pytest.param([False] * 3, id="none")])
def test_one_class_alone_has_no_auc(truth):
    found = ranking([1.0, 2.0, 3.0], truth, resamples=10)
    assert math.isnan(found.auc.value)
    assert math.isnan(found.recall_at[0.05].value)


def test_no_rows_are_no_figures():
    found = ranking([], [])
    assert math.isnan(found.auc.value)
    assert found.auc.n == 0


def test_gain_curve_by_hand():
    gain = gain_curve([3.0, 2.0, 2.0, np.nan], [True, True, False, True], kwh=[10.0, 30.0, 0.0, 60.0])
    assert gain.visits.tolist() == [0, 1, 3]
    assert gain.found == pytest.approx([0, 1 / 3, 2 / 3])
    assert gain.kwh == pytest.approx([0, 0.1, 0.4])
    assert gain.best == pytest.approx([0, 1 / 3, 1])
    assert gain.chance == pytest.approx([0, 1 / 4, 3 / 4])
    assert np.isnan(gain_curve([1.0], [True]).kwh).all()


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_gain_rises_to_all_and_never_beats_the_best(rows):
    scores, truth = (np.array(v) for v in zip(*rows, strict=True))
    gain = gain_curve(scores, truth)
    assert (np.diff(gain.found) >= 0).all()
    assert gain.found[-1] == pytest.approx(1.0)
    assert (gain.found <= gain.best + 1e-12).all()


LABELS = ("normal", "fraud", "maintenance")


def test_causes_equal_scikit_learn(rng):
    truth = rng.choice(LABELS, 300, p=[0.7, 0.2, 0.1])
    called = np.where(rng.random(300) < 0.6, truth, rng.choice([*LABELS, "undecided"], 300))
    found = cause_report(truth, called, causes=LABELS, resamples=50)
    for name in LABELS:
        one = {"labels": [name], "average": "macro", "zero_division": 0}
        assert found.causes[name].precision.value == pytest.approx(precision_score(truth, called, **one))
        assert found.causes[name].recall.value == pytest.approx(recall_score(truth, called, **one))
        assert found.causes[name].f1.value == pytest.approx(f1_score(truth, called, **one))
    macro = f1_score(truth, called, labels=LABELS, average="macro")
    assert found.macro_f1.value == pytest.approx(macro)
    assert found.macro_f1.low < macro < found.macro_f1.high
    assert found.confusion.sum() == 300
    assert found.undecided.value == pytest.approx((called == "undecided").mean())


def test_precision_and_recall_have_wilsons_interval():
    truth = ["fraud"] * 8 + ["normal"] * 12
    called = ["fraud"] * 6 + ["undecided"] * 2 + ["fraud"] + ["normal"] * 11
    found = cause_report(truth, called, causes=LABELS, resamples=20).causes["fraud"]
    assert (found.recall.low, found.recall.high) == pytest.approx(wilson(6, 8))
    assert (found.precision.low, found.precision.high) == pytest.approx(wilson(6, 7))
    assert (found.recall.n, found.precision.n) == (8, 7)


def test_all_right_on_few_is_not_certain():
    found = cause_report(["fraud"] * 5 + ["normal"] * 5, ["fraud"] * 5 + ["normal"] * 5, causes=LABELS)
    assert found.causes["fraud"].f1.value == found.macro_f1.value == 1.0
    assert found.causes["fraud"].f1.low < 0.7
    assert found.macro_f1.low < 0.7


def test_a_cause_that_does_not_occur_is_not_in_the_mean():
    found = cause_report(["normal", "fraud"], ["normal", "normal"], causes=LABELS, resamples=20)
    assert math.isnan(found.causes["maintenance"].recall.value)
    assert math.isnan(found.causes["maintenance"].f1.value)
    assert found.macro_f1.value == pytest.approx((2 / 3 + 0) / 2)


def test_wrong_use_is_named():
    with pytest.raises(ShapeError):
        ranking([1.0], [True, False])
    with pytest.raises(ShapeError, match="theft"):
        cause_report(["theft"], ["fraud"])
    with pytest.raises(ShapeError):
        cause_report(["fraud"], ["fraud", "fraud"])
