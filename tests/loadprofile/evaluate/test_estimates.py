from __future__ import annotations

import math

import numpy as np
import pytest

from loadprofile.errors import OptionError, ShapeError
from loadprofile.evaluate.estimates import Estimate, Meters, auc_interval, share


def test_rows_of_a_meter_are_drawn_together(rng):
    ids = np.repeat(np.arange(30), 5)
    for weights in Meters(ids, 150, resamples=5).draws():
        assert weights.sum() == 150
        by_meter = weights.reshape(30, 5)
        assert (by_meter == by_meter[:, :1]).all()
        assert len(np.unique(by_meter)) > 1


def test_repeated_rows_do_not_make_the_interval_narrower(rng):
    """Ten copies of each meter are no more evidence than one; resampling rows would claim so."""
    values = rng.normal(size=60)

    def mean_of(data):
        return lambda w: np.array([np.sum(w * data) / w.sum()])

    once = Meters(None, 60).estimates(mean_of(values), [60])[0]
    copies = np.repeat(values, 10)
    grouped = Meters(np.repeat(np.arange(60), 10), 600).estimates(mean_of(copies), [60])[0]
    by_row = Meters(None, 600).estimates(mean_of(copies), [600])[0]
    assert (grouped.low, grouped.high) == pytest.approx((once.low, once.high))
    assert by_row.high - by_row.low < 0.5 * (once.high - once.low)


def test_interval_of_a_mean_is_that_of_the_textbook(rng):
    values = rng.normal(3, 2, 400)
    found = Meters(None, 400, 2000).estimates(lambda w: np.array([np.sum(w * values) / w.sum()]), [400])[0]
    half = 1.96 * values.std() / math.sqrt(400)
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.03)


def test_share_counts_meters_and_not_rows():
    many, few = share(90, 100, 100), share(90, 100, 10)
    assert many.value == few.value == 0.9
    assert few.high - few.low > 2 * (many.high - many.low)
    assert math.isnan(share(0, 0, 0).value)


@pytest.mark.parametrize(
    ("auc", "m", "n"),
    [(0.8, 20, 30), (0.5, 5, 50), (0.99, 9, 10)],
)
def test_auc_interval_solves_newcombes_equation(auc, m, n):
    other = (m + n) / 2 - 1
    for at in auc_interval(auc, m, n):
        variance = at * (1 - at) * (1 + other * (1 - at) / (2 - at) + other * at / (1 + at)) / (m * n)
        assert abs(auc - at) == pytest.approx(1.959964 * math.sqrt(variance), rel=1e-5)


def test_nine_and_ten_in_perfect_order_are_not_certainty():
    low, high = auc_interval(1.0, 9, 10)
    assert 0.7 < low < 0.9
    assert high == 1.0
    assert auc_interval(0.0, 9, 10) == pytest.approx((0.0, 1 - low))
    assert all(math.isnan(end) for end in auc_interval(1.0, 0, 10))


def test_widened_is_the_union_and_ignores_what_is_not_known():
    found = Estimate(0.5, 0.4, 0.6, 9)
    assert found.widened(0.3, 0.55) == Estimate(0.5, 0.3, 0.6, 9)
    assert found.widened(math.nan, math.nan) == found
    assert str(found) == "0.500 [0.400, 0.600] n=9"


def test_wrong_use_is_named():
    with pytest.raises(ShapeError):
        Meters([1, 2], 3)
    with pytest.raises(OptionError):
        Meters(None, 3, resamples=0)
