"""Compiled loops that put readings into a cube and account for each of them.

The slow, obvious twins are in the tests.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

USED, MISSING, DUPLICATE, CONFLICTING, OFF_GRID, FOLDED, PASSED = 0, 1, 2, 3, 4, 5, 6
"""What became of a reading; ``PASSED`` = not touched (of another cube, or kept for the repeated hour)."""

T_USED, T_FOLDED, T_MISSING, T_DUPLICATE, T_CONFLICTING, T_REJECTED, T_NEGATIVE = range(7)
"""Columns of the tally, in the order of ``loadprofile.profiles.TALLY``."""


@njit(cache=True, nogil=True)
def partition(
    rows: NDArray[np.int32], fold: NDArray[np.int8], shift: int, blocks: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Readings sorted by block of meters (``row >> shift``), each block in reading order.

    Left out: readings with a negative row and those of a repeated hour (``fold >= 0``).

    Returns:
        positions of the readings, and ``(blocks + 1,)`` where each block starts among them.
    """
    starts = np.zeros(blocks + 1, dtype=np.int64)
    for i in range(len(rows)):
        if rows[i] >= 0 and fold[i] < 0:
            starts[(rows[i] >> shift) + 1] += 1
    for b in range(blocks):
        starts[b + 1] += starts[b]
    order = np.empty(starts[blocks], dtype=np.int32)
    at = starts.copy()
    for i in range(len(rows)):
        if rows[i] >= 0 and fold[i] < 0:
            b = rows[i] >> shift
            order[at[b]] = i
            at[b] += 1
    return order, starts


@njit(cache=True, nogil=True)
def scatter(
    order: NDArray[np.int32],
    rows: NDArray[np.int32],
    day: NDArray[np.int32],
    minute: NDArray[np.int16],
    kwh: NDArray[np.float32],
    first_row: int,
    first_day: int,
    step: int,
    cells: NDArray[np.float32],
    tally: NDArray[np.int64],
    status: NDArray[np.uint8],
    previous: NDArray[np.float32],
) -> int:
    """Put readings of one block of meters into its cells ``(block, days, slots)``; NaN = empty.

    A blank never takes a cell. The first value of a cell stays; an equal one is a duplicate, another one
    conflicts: ``previous`` then holds the value that stayed. Returns how many conflict or are off the grid.
    """
    troubled = 0
    for k in range(len(order)):
        i = order[k]
        value = kwh[i]
        row = rows[i] - first_row
        if np.isnan(value):
            status[i] = MISSING
            tally[row, T_MISSING] += 1
            continue
        slot = minute[i] // step
        if slot * step != minute[i]:
            status[i] = OFF_GRID
            troubled += 1
            continue
        there = cells[row, day[i] - first_day, slot]
        if np.isnan(there):
            cells[row, day[i] - first_day, slot] = value
            status[i] = USED
            tally[row, T_USED] += 1
            if value < 0:
                tally[row, T_NEGATIVE] += 1
        elif there == value:
            status[i] = DUPLICATE
            tally[row, T_DUPLICATE] += 1
        else:
            status[i] = CONFLICTING
            previous[i] = there
            tally[row, T_CONFLICTING] += 1
            troubled += 1
    return troubled


@njit(cache=True, nogil=True)
def fold_repeats(
    order: NDArray[np.int64],
    rows: NDArray[np.int32],
    day: NDArray[np.int32],
    minute: NDArray[np.int16],
    fold: NDArray[np.int8],
    kwh: NDArray[np.float32],
    first_day: int,
    step: int,
    cells: NDArray[np.float32],
    tally: NDArray[np.int64],
    folded_kwh: NDArray[np.float64],
    status: NDArray[np.uint8],
    previous: NDArray[np.float32],
) -> None:
    """Settle the readings of repeated hours; ``order`` sorts them by row, day, minute, then reading order.

    The cell gets the mean of its two passes (or the only one). Where the pass is known (fold 0, 1) each
    pass is a key of its own. Where it is not (naive local time, fold 2) the first two readings are the two
    passes; of three readings a, a, b in any order the two passes are a and b and one a is a duplicate, so
    the result does not depend on the order of the rows.
    """
    k = 0
    while k < len(order):
        row, on, at = rows[order[k]], day[order[k]], minute[order[k]]
        first = np.float32(np.nan)
        second = np.float32(np.nan)
        while k < len(order) and rows[order[k]] == row and day[order[k]] == on and minute[order[k]] == at:
            i = order[k]
            k += 1
            value, flag = kwh[i], fold[i]
            if np.isnan(value):
                status[i] = MISSING
                tally[row, T_MISSING] += 1
            elif at % step != 0:
                status[i] = OFF_GRID
            elif np.isnan(first) and flag != 1:
                first = value
                status[i] = USED
            elif np.isnan(second) and flag != 0:
                second = value
                status[i] = FOLDED
            elif (flag != 1 and value == first) or (flag != 0 and value == second):
                status[i] = DUPLICATE
                tally[row, T_DUPLICATE] += 1
            elif flag == 2 and first == second:
                second = value
                status[i] = FOLDED  # and the equal reading before it turns out to be the duplicate
                tally[row, T_DUPLICATE] += 1
            else:
                status[i] = CONFLICTING
                previous[i] = second if flag == 1 else first
                tally[row, T_CONFLICTING] += 1
        slot = at // step
        if not np.isnan(first) and not np.isnan(second):
            mean = (np.float64(first) + np.float64(second)) / 2.0
            cells[row, on - first_day, slot] = np.float32(mean)
            folded_kwh[row] += np.float64(first) + np.float64(second) - mean
            tally[row, T_USED] += 1
            tally[row, T_FOLDED] += 1
            if first < 0 or second < 0:
                tally[row, T_NEGATIVE] += 1
        elif not np.isnan(first) or not np.isnan(second):
            only = second if np.isnan(first) else first
            cells[row, on - first_day, slot] = only
            tally[row, T_USED] += 1
            if only < 0:
                tally[row, T_NEGATIVE] += 1
