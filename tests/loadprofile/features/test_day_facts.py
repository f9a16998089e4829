from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from loadprofile.features.day_facts import HIGH, LOW, MARK, POSITIVE, PRESENT, TOTAL, ZERO, day_facts

READINGS = st.one_of(
    st.sampled_from([np.nan, 0.0, -0.0, 0.5, np.inf, -np.inf]), st.floats(-1e6, 1e6, width=32)
)


@settings(deadline=None, max_examples=80)
@given(values=hnp.arrays(np.float32, 72, elements=READINGS), cut=st.integers(1, 47))
def test_facts_are_those_of_the_slow_twin(values: np.ndarray, cut: int) -> None:
    edges = np.array([0, cut, 48, 72])  # days of unlike length, as the clock change makes them
    counts, ends, sums = day_facts(values, edges)
    for j in range(3):
        day = values[edges[j] : edges[j + 1]].astype(np.float64)
        known = day[~np.isnan(day)]
        assert counts[j, PRESENT] == len(known)
        assert counts[j, ZERO] == (known == 0).sum()
        assert counts[j, POSITIVE] == (known > 0).sum()
        assert ends[j, LOW] == known.min(initial=np.inf)
        assert ends[j, HIGH] == known.max(initial=-np.inf)
        if np.isfinite(known).all():
            np.testing.assert_allclose(sums[j, TOTAL], known.sum(), rtol=1e-9, atol=1e-6)
            mark = (day * np.arange(1, len(day) + 1)).sum()
            np.testing.assert_allclose(sums[j, MARK], mark, rtol=1e-9, atol=1e-6)


def test_equal_days_have_equal_marks_wherever_they_lie(rng: np.random.Generator) -> None:
    day = rng.gamma(1.0, 0.3, 48).astype(np.float32)
    values = np.concatenate([day, day[:23], day, day])
    _, _, sums = day_facts(values, np.array([0, 48, 71, 119, 167]))
    assert sums[0, MARK] == sums[2, MARK] == sums[3, MARK]
