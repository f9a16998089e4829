from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadprofile.features.rational import RATIONALS, nearest_rational


@given(st.floats(1e-3, 2000), st.floats(0.001, 0.5))
def test_nearest_by_trying_all(ratio: float, error: float) -> None:
    nearest, misfit, scaled = nearest_rational(np.array([ratio]), np.array([error]))
    distances = [abs(np.log(ratio / r)) for r in RATIONALS]
    assert misfit[0] == pytest.approx(min(distances), abs=1e-12)
    assert abs(np.log(ratio / nearest[0])) == pytest.approx(min(distances), abs=1e-12)
    assert scaled[0] == pytest.approx(misfit[0] / max(error, 0.005))


def test_nothing_unknown_and_negative() -> None:
    nearest, misfit, scaled = nearest_rational(
        np.array([0.0, np.nan, -1.0, 0.5]), np.array([0.1, 0.1, 0.1, np.nan])
    )
    assert nearest[0] == misfit[0] == 0
    assert np.isnan([nearest[1], nearest[2], misfit[2], scaled[1], scaled[3]]).all()
    assert nearest[3] == 0.5
