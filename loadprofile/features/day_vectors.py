"""Whole days of one meter: days that repeat, days that are flat, days with a window of zeros."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.features.day_facts import HIGH, LOW, MARK, PRESENT, TOTAL, ZERO, Facts

REPEATS = (
    "repeat_day_share", "repeat_block_days", "repeat_lag_days", "when.repeat_first", "when.repeat_last",
)  # fmt: skip
"""What ``repeats`` returns, in order."""

FLATS = ("flat_day_share", "when.flat_first", "when.flat_last")
"""What ``flats`` returns, in order."""

WINDOWS = (
    "zero_usual", "zero_window_share", "zero_exact_hour_share", "zero_same_start_share",
    "when.window_first", "when.window_last",
)  # fmt: skip
"""What ``windows`` returns, in order."""


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _lively(vector: NDArray[np.float32]) -> bool:
    """Whether a day has enough life to be told from others: changes and different values."""
    s = len(vector)
    changes, kinds = 0, 1
    a, b, c = vector[0], np.float32(np.nan), np.float32(np.nan)
    for k in range(1, s):
        v = vector[k]
        changes += v != vector[k - 1]
        if kinds < 4 and v not in (a, b, c):
            kinds += 1
            if kinds == 2:
                b = v
            else:
                c = v
    return changes >= max(6, s // 6) and kinds >= 4


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _twice(marks: NDArray[np.float64]) -> bool:
    """Whether a number that is not NaN stands in ``marks`` twice (0.0 and -0.0 are one)."""
    cells = 8
    while cells < 4 * len(marks):
        cells *= 2
    table = np.full(cells, np.nan)
    bits = (marks + 0.0).view(np.uint64)
    for k in range(len(marks)):
        if np.isnan(marks[k]):
            continue
        # the middle of a product by an odd number: near bits far apart
        at = np.int64((bits[k] * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)) & (cells - 1)
        while not np.isnan(table[at]):
            if table[at] == marks[k]:
                return True
            at = (at + 1) & (cells - 1)
        table[at] = marks[k]
    return False


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def repeats(
    values: NDArray[np.float32], edges: NDArray[np.int64], facts: Facts, slots_per_day: int
) -> NDArray[np.float64]:
    """Days equal bit for bit to an earlier day; returns ``REPEATS``.

    ``edges[j]:edges[j + 1]`` are the slots of day j. Only complete 24-hour days with enough life to be
    told apart are compared: at least ``max(6, s / 6)`` changes from one slot to the next and 4 different
    values, since a day of an empty flat on a coarse meter repeats by itself. Each day is matched with the
    latest equal one before it; a block is a run of consecutive days matched at one lag.
    """
    out = np.full(5, np.nan)
    s = slots_per_day
    days = len(edges) - 1
    # A weighted sum per day, and a full comparison where two sums agree; NaN = not complete.
    marks = np.full(days, np.nan)
    complete = 0
    for j in range(days):
        first = edges[j]
        if edges[j + 1] - first == s:
            mark = facts[2][j, MARK]
            marks[j] = mark
            complete += not np.isnan(mark)
    if complete == 0:
        return out
    out[0] = 0.0
    out[1] = 0.0
    if not _twice(marks):
        return out
    equal, longest, block, lag_before = 0, 0, 0, 0
    for j in range(days):
        lag = 0
        if not np.isnan(marks[j]):
            for i in range(j - 1, -1, -1):
                if marks[i] == marks[j]:
                    here, there = values[edges[j] : edges[j] + s], values[edges[i] : edges[i] + s]
                    if (here == there).all():
                        lag = j - i if _lively(here) else 0
                        break
        if lag:
            equal += 1
            block = block + 1 if lag == lag_before else 1
            if block > longest:
                longest = block
                out[2] = lag
                out[3] = j - block + 1
                out[4] = j + 1
        lag_before = lag
    out[0] = equal / complete
    out[1] = longest
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def flats(edges: NDArray[np.int64], facts: Facts, step: float) -> NDArray[np.float64]:
    """Days without a daily swing; returns ``FLATS``.

    A day (half of its slots and more present) is flat when its range is below 2 % of the meter's median
    daily range **and** below 1 % of its own mean, and the mean is not zero. The second condition keeps
    the fridge or the standby of an empty home out: small against ordinary days, but a swing against
    itself. Where the quantisation step is known the mean must be 20 steps or more: below that a day is
    constant by rounding.
    """
    out = np.full(3, np.nan)
    counts, ends, sums = facts
    days = len(edges) - 1
    ranges = np.empty(days)
    means = np.empty(days)
    at = np.empty(days, dtype=np.int64)
    known = 0
    for j in range(days):
        present = counts[j, PRESENT]
        if present > 0 and 2 * present >= edges[j + 1] - edges[j]:
            ranges[known] = np.float64(ends[j, HIGH]) - np.float64(ends[j, LOW])
            means[known] = sums[j, TOTAL] / present
            at[known] = j
            known += 1
    if known == 0:
        return out
    swing = np.median(ranges[:known])
    top = np.max(ranges[:known])
    if swing <= 0.0:
        swing = top  # more than half of the days are constant: the others tell what is usual
    flat = 0
    floor = 0.0 if np.isnan(step) else 20.0 * step
    for i in range(known):
        mean = abs(means[i])
        if mean > 0.0 and mean >= floor and ranges[i] < 0.02 * swing and ranges[i] < 0.01 * mean:
            flat += 1
            if flat == 1:
                out[1] = at[i]
            out[2] = at[i] + 1
    if swing > 0.0:
        out[0] = flat / known
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def windows(
    values: NDArray[np.float32],
    edges: NDArray[np.int64],
    facts: Facts,
    slot: NDArray[np.int32],
    zero_share: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Zeros inside days that are otherwise used; returns ``WINDOWS``.

    A window is a run of zeros inside one day, 3 hours or more of it at clock slots that this meter reads
    as zero less than half of the time, in a day that has other use and at least half of its slots.
    """
    out = np.full(6, np.nan)
    s = len(zero_share)
    least = s // 8
    per_hour = s // 24
    days = len(edges) - 1
    shares = np.empty(days)
    begun = np.zeros(s, dtype=np.int64)
    known, hit, exact, found = 0, 0, 0, 0
    for j in range(days):
        present, zero = facts[0][j, PRESENT], facts[0][j, ZERO]
        used = present > zero
        if present == 0 or 2 * present < edges[j + 1] - edges[j]:
            continue
        shares[known] = zero / present
        known += 1
        if not used or zero < least:
            continue
        window = False
        k = edges[j]
        while k < edges[j + 1]:
            if values[k] != 0.0:
                k += 1
                continue
            begin = k
            odd = 0
            while k < edges[j + 1] and values[k] == 0.0:
                if zero_share[slot[k]] < 0.5:
                    odd += 1
                k += 1
            if odd >= least:
                window = True
                found += 1
                begun[slot[begin]] += 1
                if slot[begin] % per_hour == 0 and (slot[k - 1] + 1) % per_hour == 0:
                    exact += 1
        if window:
            hit += 1
            if hit == 1:
                out[4] = j
            out[5] = j + 1
    if known == 0:
        return out
    out[0] = np.median(shares[:known]) if (shares[:known] > 0.0).any() else 0.0
    out[1] = hit / known
    if found >= 3:
        if per_hour > 1:
            out[2] = exact / found
        out[3] = begun.max() / found
    return out
