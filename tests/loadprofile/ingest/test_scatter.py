"""The kernels beside their slow, obvious twins."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.ingest import scatter as kernel

ROW = st.tuples(
    st.integers(-1, 5),  # row; -1 = of another cube
    st.integers(100, 103),  # day
    st.sampled_from([0, 30, 60, 75, 1410]),  # minute
    st.sampled_from([-1, -1, -1, 0]),  # fold
    st.sampled_from([0.5, 0.25, -1.0, float("nan")]),
)


@settings(max_examples=120, deadline=None)
@given(rows=st.lists(ROW, max_size=60))
def test_scatter_against_its_twin(rows: list[tuple[int, int, int, int, float]]) -> None:
    row = np.array([r[0] for r in rows], dtype=np.int32)
    day = np.array([r[1] for r in rows], dtype=np.int32)
    minute = np.array([r[2] for r in rows], dtype=np.int16)
    fold = np.array([r[3] for r in rows], dtype=np.int8)
    kwh = np.array([r[4] for r in rows], dtype=np.float32)
    cells = np.full((6, 4, 48), np.nan, dtype=np.float32)
    tally = np.zeros((6, 7), dtype=np.int64)
    status = np.full(len(rows), kernel.PASSED, dtype=np.uint8)
    previous = np.zeros(len(rows), dtype=np.float32)
    order, starts = kernel.partition(row, fold, 1, 3)  # blocks of two meters
    for block in range(3):
        part = order[starts[block] : starts[block + 1]]
        two = slice(2 * block, 2 * block + 2)
        kernel.scatter(
            part, row, day, minute, kwh, 2 * block, 100, 30, cells[two], tally[two], status, previous
        )

    want: dict[tuple[int, int, int], float] = {}
    counts: dict[int, list[int]] = defaultdict(lambda: [0] * 7)
    verdicts = []
    for r, d, m, f, v in rows:
        if r < 0 or f >= 0:
            verdicts.append(kernel.PASSED)
        elif np.isnan(v):
            verdicts.append(kernel.MISSING)
            counts[r][kernel.T_MISSING] += 1
        elif m % 30:
            verdicts.append(kernel.OFF_GRID)
        elif (r, d, m) not in want:
            want[r, d, m] = v
            verdicts.append(kernel.USED)
            counts[r][kernel.T_USED] += 1
            counts[r][kernel.T_NEGATIVE] += v < 0
        elif want[r, d, m] == v:
            verdicts.append(kernel.DUPLICATE)
            counts[r][kernel.T_DUPLICATE] += 1
        else:
            verdicts.append(kernel.CONFLICTING)
            counts[r][kernel.T_CONFLICTING] += 1
    assert status.tolist() == verdicts
    assert tally.tolist() == [counts[r] for r in range(6)]
    for (r, d, m), v in want.items():
        assert cells[r, d - 100, m // 30] == np.float32(v)
    assert int((~np.isnan(cells)).sum()) == len(want)


def fold_once(values: list[float], flags: list[int]) -> tuple[float, list[int], float]:
    """Cell, tally and energy left out of one repeated half-hour of one meter."""
    n = len(values)
    cells = np.full((1, 1, 48), np.nan, dtype=np.float32)
    tally, folded = np.zeros((1, 7), dtype=np.int64), np.zeros(1)
    kernel.fold_repeats(
        np.arange(n, dtype=np.int64), np.zeros(n, dtype=np.int32), np.full(n, 7, dtype=np.int32),
        np.full(n, 60, dtype=np.int16), np.array(flags, dtype=np.int8), np.array(values, dtype=np.float32),
        7, 30, cells, tally, folded, np.zeros(n, dtype=np.uint8), np.zeros(n, dtype=np.float32),
    )  # fmt: skip
    return float(cells[0, 0, 2]), tally[0].tolist(), float(folded[0])


NAN = float("nan")


@pytest.mark.parametrize(
    ("values", "flags", "cell", "tally"),
    [
        pytest.param([1.0, 2.0], [0, 1], 1.5, [1, 1, 0, 0, 0, 0, 0], id="both_passes"),
        pytest.param([2.0, 1.0], [1, 0], 1.5, [1, 1, 0, 0, 0, 0, 0], id="second_pass_first"),
        pytest.param([2.0], [1], 2.0, [1, 0, 0, 0, 0, 0, 0], id="only_the_second"),
        pytest.param([1.0, 1.0, 2.0], [0, 0, 1], 1.5, [1, 1, 0, 1, 0, 0, 0], id="duplicate_of_the_first"),
        pytest.param([1.0, 3.0, 2.0], [0, 0, 1], 1.5, [1, 1, 0, 0, 1, 0, 0], id="conflict_in_the_first"),
        pytest.param([1.0, NAN], [0, 1], 1.0, [1, 0, 1, 0, 0, 0, 0], id="second_blank"),
        pytest.param([-1.0, 3.0], [0, 1], 1.0, [1, 1, 0, 0, 0, 0, 1], id="negative"),
        pytest.param([1.0, 2.0], [2, 2], 1.5, [1, 1, 0, 0, 0, 0, 0], id="naive"),
        pytest.param([1.0, 1.0, 2.0], [2, 2, 2], 1.5, [1, 1, 0, 1, 0, 0, 0], id="naive_a_a_b"),
        pytest.param([1.0, 2.0, 1.0], [2, 2, 2], 1.5, [1, 1, 0, 1, 0, 0, 0], id="naive_a_b_a"),
        pytest.param([2.0, 1.0, 1.0], [2, 2, 2], 1.5, [1, 1, 0, 1, 0, 0, 0], id="naive_b_a_a"),
        pytest.param([1.0, 1.0, 1.0], [2, 2, 2], 1.0, [1, 1, 0, 1, 0, 0, 0], id="naive_a_a_a"),
        pytest.param([1.0, 2.0, 3.0], [2, 2, 2], 1.5, [1, 1, 0, 0, 1, 0, 0], id="naive_three_values"),
    ],
)
def test_repeated_hour(values: list[float], flags: list[int], cell: float, tally: list[int]) -> None:
    got = fold_once(values, flags)
    assert got[0] == cell
    assert got[1] == tally
    assert sum(tally[:6]) == len(values)
    assert got[2] == (cell if tally[1] else 0.0)
