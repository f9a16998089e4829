from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from statsmodels.stats.proportion import proportion_confint

from loadprofile.classify.proportions import wilson, wilson_low


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 60), st.integers(1, 60), st.sampled_from([0.8, 0.95, 0.99]))
def test_equals_statsmodels(found, extra, confidence):
    of = found + extra - 1 if found else extra
    expected = proportion_confint(found, of, 1 - confidence, method="wilson")
    assert wilson(found, of, confidence) == pytest.approx(expected, abs=1e-12)


def test_low_end_solves_the_defining_equation():
    low, high = wilson(3, 17)
    z = 1.959963984540054
    roots = [brentq(lambda p: abs(3 / 17 - p) - z * math.sqrt(p * (1 - p) / 17), a, b)
             for a, b in [(1e-9, 3 / 17), (3 / 17, 1 - 1e-9)]]  # fmt: skip
    assert [low, high] == pytest.approx(roots, abs=1e-9)


def test_nineteen_of_nineteen_is_not_certain():
    low, high = wilson(19, 19)
    assert low == pytest.approx(0.832, abs=0.001)
    assert high == 1.0


def test_nothing_counted_is_nothing_known():
    assert all(math.isnan(v) for v in wilson(0, 0))
    assert math.isnan(wilson_low(np.array([0.0]), np.array([0.0]))[0])


def test_nothing_found_has_no_positive_bound():
    assert (wilson_low(np.zeros(300), np.arange(1.0, 301.0), 0.9) == 0).all()


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 200), st.data())
def test_one_sided_bound_is_the_two_sided_one_at_twice_the_risk(of, data):
    found = data.draw(st.integers(0, of))
    one = wilson_low(np.array([float(found)]), np.array([float(of)]), 0.9)[0]
    assert one == pytest.approx(wilson(found, of, 0.8)[0], abs=1e-12)
    assert one <= found / of
