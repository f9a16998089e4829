"""What a look at few readings rules out: constant and straight runs, breaks of the counting step.

Most meters have none of them. Each question has an answer that is sure when it is no; where it may be yes,
the kernels of ``runs`` and ``grid`` read everything.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

TOLERANCE = 0.05
"""A reading is on the grid when it is within this part of a step of a multiple (chance: one in ten)."""

OFF_GAIN = 25.0
"""A span is off the grid when its off-grid readings less a quarter of its on-grid ones are this many."""


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def present_in(values: NDArray[np.float32]) -> int:
    """How many readings are there."""
    count = 0
    for k in range(len(values)):
        count += not np.isnan(values[k])
    return count


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def may_be_constant(values: NDArray[np.float32], least: int) -> bool:
    """Whether a non-zero value may stand ``least`` times in a row: False is sure.

    Such a run has ``least - 1`` equal pairs in a row, so one of them is at every so-many-th place: only those
    are read, and around those that are equal a few more.
    """
    turn = max(least - 1, 1)
    for k in range(turn, len(values), turn):
        v = values[k]
        if v != values[k - 1] or v == 0.0:
            continue
        low, high = k - 1, k
        while low > 0 and values[low - 1] == v and high - low + 1 < least:
            low -= 1
        while high + 1 < len(values) and values[high + 1] == v and high - low + 1 < least:
            high += 1
        if high - low + 1 >= least:
            return True
    return False


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _steady(values: NDArray[np.float32], k: int, step: float, floor: float) -> bool:
    """Whether the slopes before and at reading k (2 and beyond) are those of one straight sloping line."""
    here, before, first = np.float64(values[k]), np.float64(values[k - 1]), np.float64(values[k - 2])
    slope, slope_before = here - before, before - first
    noise = 4e-7 * max(abs(here), abs(before))
    if not abs(slope) > max(4.0 * noise, floor):
        return False
    noise_before = 4e-7 * max(abs(before), abs(first))
    if not abs(slope_before) > max(4.0 * noise_before, floor):
        return False
    allowed = max(noise, 1.05 * step) if abs(slope) > 9.9 * step else noise
    return bool(abs(slope - slope_before) <= allowed)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def may_be_straight(values: NDArray[np.float32], least: int, step: float, floor: float) -> bool:
    """Whether ``least`` readings in a row may lie on a straight sloping line; False is sure.

    As ``may_be_constant``: such a line is steady at ``least - 2`` readings in a row.
    """
    turn = least - 2
    for k in range(turn + 1, len(values), turn):
        if not _steady(values, k, step, floor):
            continue
        low, high = k, k
        while low > 2 and high - low + 1 < turn and _steady(values, low - 1, step, floor):
            low -= 1
        while high + 1 < len(values) and high - low + 1 < turn and _steady(values, high + 1, step, floor):
            high += 1
        if high - low + 1 >= turn:
            return True
    return False


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def whole_steps(values: NDArray[np.float32], step: float) -> tuple[int, int, int, NDArray[np.int32]]:
    """Readings on the grid, above zero, judged and off the grid; and the whole steps of each reading.

    -1: judged and off the grid; below that: not judged, as it is not above zero or beyond what a float32 can
    tell. Loops without branches, which the compiler turns into vector code.
    """
    m = len(values)
    steps = np.empty(m, dtype=np.int32)
    inverse = 1.0 / step
    for k in range(m):
        v = np.float64(values[k])
        turns = v * inverse
        whole = np.floor(turns + 0.5)
        fits = abs(turns - whole) <= TOLERANCE + 1.2e-7 * turns
        above = v > 0.0
        told = above & (1.2e-7 * turns < 0.05)
        untold = -2.0 if above & fits else (-3.0 if above else -4.0)
        judged = whole if fits else -1.0
        steps[k] = np.int32(judged if told else untold)
    on, positive, off = 0, 0, 0
    for k in range(m):
        on += (steps[k] >= 0) | (steps[k] == -2)
    for k in range(m):
        positive += steps[k] != -4
    for k in range(m):
        off += steps[k] == -1
    return on, positive, off, steps


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def multiples(steps: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Flags of each reading: 1, 2 and 4 a multiple of 2, 3 and 5 steps; 8 judged.

    What is not judged has the first three, so that it stands in no one's way. Whole steps are below 420,000,
    for which this float32 arithmetic is exact.
    """
    out = np.empty(len(steps), dtype=np.uint8)
    none = np.int32(0)
    third, fifth, bit = np.float32(1 / 3), np.float32(0.2), np.float32(0.1)
    for k in range(len(steps)):
        w = np.float32(steps[k])
        by2 = np.int32(1) if np.floor(w * np.float32(0.5)) * np.float32(2.0) == w else none
        by3 = np.int32(2) if np.floor(w * third + bit) * np.float32(3.0) == w else none
        by5 = np.int32(4) if np.floor(w * fifth + bit) * np.float32(5.0) == w else none
        judged = (by2 + by3 + by5 + 8) if steps[k] >= 0 else np.int32(8)
        out[k] = np.uint8(judged if steps[k] >= -1 else np.int32(7))
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _may_hold(values: NDArray[np.float32], flags: NDArray[np.uint8], flag: int, least: int) -> bool:
    """Whether ``least`` judged readings in a row may be multiples of so many steps; False is sure.

    Any such row covers every ``least``-th place of the stretch without a contradiction that it lies in, so
    only those places are looked at, and the stretches around them.
    """
    m = len(flags)
    at = least - 1
    while at < m:
        if not flags[at] & flag:
            at += least
            continue
        low = at
        while low > 0 and flags[low - 1] & flag:
            low -= 1
        judged = 0
        before = np.float32(0.0)
        high = low
        while high < m and flags[high] & flag:
            if flags[high] & 8 and values[high] != before:
                judged += 1
                before = values[high]
            high += 1
        if judged >= least:
            return True
        at = high + least
    return False


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _and_shifted(flags: NDArray[np.uint8], by: int) -> NDArray[np.uint8]:
    """``flags[k] & flags[k + by]``."""
    first, other = flags[: max(len(flags) - by, 0)], flags[by:]
    out = np.empty(len(first), dtype=np.uint8)
    for k in range(len(out)):
        out[k] = first[k] & other[k]
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _in_a_row(flags: NDArray[np.uint8]) -> int:
    """Which of the flags 1, 2 and 4 stand 16, 11 and 7 times in a row (16 bits' worth) somewhere."""
    two = _and_shifted(flags, 1)
    four = _and_shifted(two, 2)
    eight = _and_shifted(four, 4)
    found = np.uint8(0)
    for part, flag in (
        (_and_shifted(four, 3), 4), (_and_shifted(eight, 3), 2), (_and_shifted(eight, 8), 1),
    ):  # fmt: skip
        some = np.uint8(0)
        for k in range(len(part)):
            some |= part[k]
        found |= some & np.uint8(flag)
    return int(found)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def unbroken_grid(values: NDArray[np.float32], step: float) -> tuple[int, int, bool]:
    """Readings on the grid, above zero, and whether there is surely no stretch for ``_span`` to find."""
    on, positive, off, steps = whole_steps(values, step)
    if off > OFF_GAIN:
        return on, positive, False
    flags = multiples(steps)
    runs = _in_a_row(flags)
    for flag, least in ((1, 16), (2, 11), (4, 7)):
        if runs & flag and _may_hold(values, flags, flag, least):
            return on, positive, False
    return on, positive, True
