from __future__ import annotations

import numpy as np
import pytest

from loadprofile.classify.spreads import LEAST_CASES, SpreadTable
from loadprofile.errors import ShapeError


def errors(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Causes 1 to 5, how sure they were, and errors with a heavy tail where nobody was sure."""
    cause, sure = rng.integers(1, 6, n), rng.random(n)
    off = rng.normal(0, 0.1 * cause, n)
    lost = rng.random(n) < 0.5 * (1 - sure)
    off[lost] += rng.normal(0, 20, lost.sum())
    return cause, sure, off


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_new_cases_are_held_as_often_as_asked(share: float) -> None:
    rng = np.random.default_rng(1)
    table = SpreadTable(share).fit(*errors(rng, 6000))
    cause, sure, off = errors(rng, 6000)
    held = np.abs(off) <= table.predict(cause, sure)
    for part in (np.ones(6000, dtype=bool), sure > 0.8, sure < 0.2, cause == 2, cause == 5):
        assert held[part].mean() == pytest.approx(share, abs=0.05)


def test_who_is_surer_says_so_with_a_narrower_interval() -> None:
    table = SpreadTable().fit(*errors(np.random.default_rng(2), 6000))
    unsure, sure = table.predict([3, 3], [0.05, 0.95])
    assert sure < unsure / 3


def test_few_cases_take_the_width_of_all() -> None:
    cause, sure, off = errors(np.random.default_rng(3), 500)
    few = np.flatnonzero(cause == 4)[: LEAST_CASES - 1]
    keep = np.concatenate([np.flatnonzero(cause != 4), few])
    table = SpreadTable().fit(cause[keep], sure[keep], off[keep])
    widths = table.predict([4, 4], [0.0, 1.0])
    assert widths[0] == widths[1]
    assert widths[0] >= np.quantile(np.abs(off[keep]), 0.8)


def test_unknown_errors_are_left_out_and_nonsense_is_refused() -> None:
    cause, sure, off = errors(np.random.default_rng(4), 400)
    lost = off.copy()
    lost[::2] = np.nan
    half = SpreadTable().fit(cause[1::2], sure[1::2], off[1::2])
    np.testing.assert_array_equal(SpreadTable().fit(cause, sure, lost).widths_, half.widths_)
    with pytest.raises(ShapeError, match="no error is known"):
        SpreadTable().fit(cause, sure, np.full(400, np.nan))
    with pytest.raises(ShapeError, match="off"):
        SpreadTable().fit(cause, sure, off[:5])
