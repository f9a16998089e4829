"""Features of twelve months: checked against slow, obvious twins, and by what they must not depend on."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.features.monthly import (
    MONTHLY_FEATURES,
    SHORTEST_SIDE,
    best_split,
    longest_run,
    monthly_features,
)
from loadprofile.ingest.monthly_values import MONTHS, MonthlyHistories

MONTH = st.one_of(st.none(), st.integers(-5, 400), st.just(0), st.just(120))
ROWS = st.lists(st.lists(MONTH, min_size=MONTHS, max_size=MONTHS), min_size=1, max_size=6)


def histories(rows: list[list[float | None]]) -> MonthlyHistories:
    n = len(rows)
    kwh = np.array([[np.nan if x is None else float(x) for x in row] for row in rows])
    return MonthlyHistories(
        np.array([f"c{i}" for i in range(n)]), kwh, np.full(n, np.datetime64("2020-01-01")), {},
        np.full(n, -1, dtype=np.int8),
    )  # fmt: skip


def slow_split(row: np.ndarray) -> tuple[float, float]:
    """Smallest squared error over all splits; the change there."""
    best, change = np.inf, np.nan
    for k in range(1, len(row)):
        a, b = (x[~np.isnan(x)] for x in (row[:k], row[k:]))
        if min(len(a), len(b)) < SHORTEST_SIDE:
            continue
        error = ((a - a.mean()) ** 2).sum() + ((b - b.mean()) ** 2).sum()
        if error < best - 1e-9:
            best, change = error, b.mean() - a.mean()
    return best, change


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_counts_and_splits_are_those_of_the_slow_twin(rows: list[list[float | None]]) -> None:
    given_rows = histories(rows)
    table = monthly_features(given_rows)
    assert table.names == tuple(MONTHLY_FEATURES)
    level = np.log1p(np.maximum(given_rows.kwh, 0))
    change, at, share = best_split(level)
    for i, row in enumerate(rows):
        known = [x for x in row if x is not None]
        assert table.column("missing.months")[i] == MONTHS - len(known)
        assert table.column("missing.negative")[i] == sum(x < 0 for x in known)
        assert table.column("zero.months")[i] == sum(x == 0 for x in known)
        assert table.column("repeat.distinct")[i] == len(set(known))
        pairs = pairwise(row)
        assert table.column("repeat.months")[i] == sum(a == b and b is not None and b > 0 for a, b in pairs)
        tail = 0
        while tail < MONTHS and row[MONTHS - 1 - tail] == 0:
            tail += 1
        assert table.column("zero.last")[i] == tail
        error, _ = slow_split(level[i])
        if np.isinf(error):
            assert np.isnan(change[i])
            continue
        a, b = (x[~np.isnan(x)] for x in np.split(level[i], [int(at[i])]))
        mine = ((a - a.mean()) ** 2).sum() + ((b - b.mean()) ** 2).sum()
        assert mine <= error + 1e-9
        assert 0 <= share[i] <= 1 + 1e-9


@settings(deadline=None, max_examples=30)
@given(ROWS, st.integers(0, 2**16))
def test_a_row_does_not_depend_on_the_others(rows: list[list[float | None]], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(rows))
    whole = monthly_features(histories(rows)).values
    turned = monthly_features(histories([rows[i] for i in order])).values
    np.testing.assert_array_equal(turned, whole[order])


def test_a_planted_drop_is_dated() -> None:
    table = monthly_features(histories([[100.0] * 7 + [50.0] * 5]))
    assert table.column("split.month")[0] == 7
    assert np.isclose(np.exp(table.column("split.change")[0]), 51 / 101)
    assert np.isclose(table.column("split.share")[0], 1.0)


def test_a_history_of_nothing_known() -> None:
    table = monthly_features(histories([[None] * MONTHS]))
    assert table.column("missing.months")[0] == MONTHS
    assert np.isnan(table.column("use.mean")[0])
    assert np.isnan(table.column("split.change")[0])


def test_longest_run() -> None:
    marks = np.array([[1, 1, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1]], dtype=bool)
    assert longest_run(marks).tolist() == [3, 0, 6]
