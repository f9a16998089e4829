"""Runs in one meter's readings: gaps, zeros, constants, straight lines.

Every function takes one meter's readings over the slots that exist, in order of time, so that a slot
which the clock change skipped is neither missing nor present and breaks no run. Lengths in days are
slots divided by slots per day. Moments are days since the first day; ``first`` is the start of the
first slot of a run and ``last`` the end of its last slot. A missing reading breaks every other run.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.features.ruled_out import may_be_constant, may_be_straight, present_in

GAPS = (
    "coverage", "missing_share", "starts_late_share", "ends_early_share", "gaps_per_30d",
    "longest_gap_days", "gap_median_hours", "gap_midnight_share", "gap_rise",
    "catchup_gaps", "catchup_count", "catchup_share", "catchup_ratio", "catchup_rank", "ends_off_midnight",
    "when.first_reading", "when.last_reading", "when.gap_first", "when.gap_last",
)  # fmt: skip
"""What ``gaps`` returns, in order (names without a dot belong to the group ``integrity``)."""

ZEROS = (
    "zero_share", "zero_longest_days", "zero_runs_per_30d", "zero_tail_days",
    "zero_catchup_count", "zero_catchup_ratio", "zero_night_share", "when.zero_first", "when.zero_last",
)  # fmt: skip
"""What ``zeros`` returns, in order."""

STUCK = (
    "stuck_share", "stuck_runs", "stuck_longest_days", "stuck_ratio", "stuck_surprise",
    "constant_share", "when.stuck_first", "when.stuck_last",
)  # fmt: skip
"""What ``stuck`` returns, in order."""

LINES = ("line_share", "line_longest_hours", "when.line_first", "when.line_last")
"""What ``lines`` returns, in order."""

CATCHUP_LOW, CATCHUP_HIGH, CATCHUP_TIMES = 0.5, 1.6, 3.0
STUCK_SURPRISE = 5.0
"""A constant run is called stuck when less than 10**-5 such runs are expected in the meter's span."""


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _median(numbers: NDArray[np.float64]) -> float:
    """Median of some numbers, NaN if there are none."""
    return np.median(numbers) if len(numbers) else np.nan


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def gaps(
    values: NDArray[np.float32],
    day: NDArray[np.int32],
    slot: NDArray[np.int32],
    ranked: NDArray[np.float32],
    energy: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Gaps inside the meter's own span and what came after them; returns ``GAPS``.

    ``ranked`` and ``energy`` are those of ``ordering.ranked`` and ``ordering.usual``.
    """
    out = np.full(19, np.nan)
    m = len(values)
    s = len(energy)
    first = 0
    while first < m and np.isnan(values[first]):
        first += 1
    if m == 0:
        return out
    if first == m:
        out[0] = 0.0
        return out
    last = m - 1
    while np.isnan(values[last]):
        last -= 1
    span = last - first + 1
    third = span // 3
    missing, head, tail, count, eligible = 0, 0, 0, 0, 0
    whole = span == present_in(values[first : last + 1])
    begins, ends = (first, first) if whole else (first, last + 1)  # most meters have no gap to look at
    for k in range(begins, ends):
        if np.isnan(values[k]):
            missing += 1
            if k < first + third:
                head += 1
            if k > last - third:
                tail += 1
            if not np.isnan(values[k + 1]):
                count += 1
    lengths = np.empty(count)
    ratios = np.empty(count)
    ranks, caught, midnight, longest, at = 0.0, 0, 0, 0, 0
    k = begins
    while k < ends:
        if not np.isnan(values[k]):
            k += 1
            continue
        begin = k
        expected = 0.0
        while np.isnan(values[k]):
            expected += energy[slot[k]]
            k += 1
        length = k - begin
        lengths[at] = length * 24.0 / s
        at += 1
        if length > longest:
            longest = length
            out[17] = day[begin] + slot[begin] / s
            out[18] = day[k - 1] + (slot[k - 1] + 1) / s
        if day[begin] != day[begin - 1] and day[k] != day[k - 1]:
            midnight += length
        expected += energy[slot[k]]
        if 2 <= length <= 3 * s and expected > 0.0:
            ratios[eligible] = values[k] / expected
            below = np.searchsorted(ranked, values[k], side="left")
            upto = np.searchsorted(ranked, values[k], side="right")
            ranks += 0.5 * (below + upto) / len(ranked)
            if (
                CATCHUP_LOW <= ratios[eligible] <= CATCHUP_HIGH
                and values[k] > CATCHUP_TIMES * energy[slot[k]]
            ):
                caught += 1
            eligible += 1
    out[0] = (span - missing) / m
    out[1] = missing / span
    out[2] = first / m
    out[3] = (m - 1 - last) / m
    out[4] = count * 30.0 * s / span
    out[5] = longest / s
    out[6] = _median(lengths)
    if missing:
        out[7] = midnight / missing
    if span >= 6 * s:
        out[8] = (tail - head) / third
    out[9] = eligible
    out[10] = caught
    if eligible:
        out[11] = caught / eligible
        out[12] = _median(ratios[:eligible])
        out[13] = ranks / eligible
    if m - 1 - last >= s:
        ended = (slot[last] + 1) % s
        out[14] = min(ended, s - ended) * 24.0 / s
    out[15] = day[first] + slot[first] / s
    out[16] = day[last] + (slot[last] + 1) / s
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def zeros(
    values: NDArray[np.float32],
    day: NDArray[np.int32],
    slot: NDArray[np.int32],
    energy: NDArray[np.float64],
    zero_share: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Runs of exact zeros; returns ``ZEROS``.

    A run of 2 hours to 3 days at clock slots that this meter reads as zero less than one time in five,
    followed by a reading above three times the usual one, is asked whether that reading carries the sum,
    as after a gap: a dead channel that is written as zero.
    """
    out = np.full(9, np.nan)
    m = len(values)
    s = len(energy)
    least = s // 6
    present, zero, runs, longest, tail, caught, tried, night, asleep = 0, 0, 0, 0, 0, 0, 0, 0, 0
    for k in range(m):
        zero += values[k] == np.float32(0.0)
        if slot[k] < least and not np.isnan(values[k]):
            night += 1
            asleep += values[k] == np.float32(0.0)
    if night:
        out[6] = asleep / night
    if not zero and present_in(values):
        out[:5] = 0.0
        return out
    zero = 0
    first, last = -1, -1
    ratios = np.empty(m // (s // 12 + 1) + 1)
    k = 0
    while k < m:
        if np.isnan(values[k]):
            k += 1
            continue
        if first < 0:
            first = k
        last = k
        if values[k] != 0.0:
            present += 1
            k += 1
            tail = 0
            continue
        begin = k
        expected = 0.0
        odd = True
        while k < m and values[k] == 0.0:
            expected += energy[slot[k]]
            odd &= zero_share[slot[k]] < 0.2
            k += 1
        length = k - begin
        last = k - 1
        present += length
        zero += length
        tail = length
        if length >= least:
            runs += 1
        if length > longest:
            longest = length
            out[7] = day[begin] + slot[begin] / s
            out[8] = day[k - 1] + (slot[k - 1] + 1) / s
        if odd and k < m and s // 12 <= length <= 3 * s and not np.isnan(values[k]):
            expected += energy[slot[k]]
            if values[k] > CATCHUP_TIMES * energy[slot[k]] and expected > 0.0:
                ratios[tried] = values[k] / expected
                if CATCHUP_LOW <= ratios[tried] <= CATCHUP_HIGH:
                    caught += 1
                tried += 1
    if present == 0:
        return out
    out[0] = zero / present
    out[1] = longest / s
    out[2] = runs * 30.0 * s / (last - first + 1)
    out[3] = tail / s
    out[4] = caught
    out[5] = _median(ratios[:tried])
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _surprise(
    values: NDArray[np.float32],
    begin: int,
    end: int,
    present: int,
    repeats: NDArray[np.float64],
    chances: NDArray[np.float64],
    all_repeats: float,
    all_chances: float,
    step: float,
    slots_per_day: int,
) -> float:
    """-log10 of the number of runs as long as ``values[begin:end]`` that the meter would make by itself.

    The chance that a reading repeats the one before is the greater of the rate among this meter's
    readings of like size, this run left out, and of what rounding does to a steady load of k steps,
    1 / (1 + (k / 12)**2). A run below 40 steps is no surprise at all in a stretch that hovers within one
    step of it: three fifths of as many readings to each side (at least half a day, at most two). Base
    loads of empty buildings do that for days; nothing steady to 1 in 40 was seen that was not a fault.
    """
    length = end - begin
    band = (values[begin : begin + 1].view(np.uint32)[0] >> np.uint32(22)) & np.uint32(511)
    rest = (all_repeats - (length - 1) + 1.0) / (all_chances - length + 2.0)
    chance = (repeats[band] - (length - 1) + 20.0 * rest) / (chances[band] - length + 20.0)
    k = np.inf
    if not np.isnan(step):
        k = abs(values[begin]) / step
        chance = max(chance, 1.0 / (1.0 + (k / 12.0) ** 2))
    surprise = -(np.log10(present) + (length - 1) * np.log10(min(chance, 1.0)))
    if surprise >= STUCK_SURPRISE and k < 40.0:
        reach = min(max(length, slots_per_day // 2), 2 * slots_per_day)
        near, seen = 0, 0
        for side in (begin - reach, end):
            for j in range(max(side, 0), min(side + reach, len(values))):
                if not np.isnan(values[j]):
                    seen += 1
                    near += abs(values[j] - values[begin]) < 1.5 * step
        if near >= 0.6 * seen and seen >= slots_per_day // 4:
            return 0.0
    capped: float = min(surprise, 99.0)
    return capped


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def stuck(
    values: NDArray[np.float32],
    day: NDArray[np.int32],
    slot: NDArray[np.int32],
    slots_per_day: int,
    level: float,
    step: float,
) -> NDArray[np.float64]:
    """Constant non-zero runs of 6 hours and more that this meter would not make by itself.

    Returns ``STUCK``. ``level`` is the meter's own level in kWh per slot, ``step`` its quantisation
    step (NaN = none).
    """
    out = np.full(8, np.nan)
    m = len(values)
    s = slots_per_day
    least = s // 4
    if not may_be_constant(values, least):
        if present_in(values):
            out[:6] = 0.0
            out[3] = np.nan
        return out
    # Readings of like size share their repeat rate: one band for each half power of two of a float32.
    bits = values.view(np.uint32)
    repeats = np.zeros(512)
    chances = np.zeros(512)
    begins = np.empty(m // least + 1, dtype=np.int64)
    ends = np.empty(m // least + 1, dtype=np.int64)
    present, kept, begin = 0, 0, 0
    for k in range(m + 1):
        if k < m and values[k] == values[begin]:
            continue
        length = k - begin
        if length and not np.isnan(values[begin]):
            present += length
            if values[begin] != 0.0:
                band = (bits[begin] >> np.uint32(22)) & np.uint32(511)
                repeats[band] += length - 1
                chances[band] += length
                if length >= least:
                    begins[kept] = begin
                    ends[kept] = k
                    kept += 1
        begin = k
    if present == 0:
        return out
    all_repeats, all_chances = repeats.sum(), chances.sum()
    constant, total, runs, longest, value, most = 0, 0, 0, 0, 0.0, 0.0
    for run in range(kept):
        begin, k = begins[run], ends[run]
        length = k - begin
        constant += length
        surprise = _surprise(values, begin, k, present, repeats, chances, all_repeats, all_chances, step, s)
        most = max(most, surprise)
        if surprise < STUCK_SURPRISE:
            continue
        total += length
        runs += 1
        if length > longest:
            longest = length
            value = values[begin]
            out[6] = day[begin] + slot[begin] / s
            out[7] = day[k - 1] + (slot[k - 1] + 1) / s
    out[0] = total / present
    out[1] = runs
    out[2] = longest / s
    if longest and level > 0.0:
        out[3] = value / level
    out[4] = most
    out[5] = constant / present
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def lines(
    values: NDArray[np.float32],
    day: NDArray[np.int32],
    slot: NDArray[np.int32],
    slots_per_day: int,
    step: float,
) -> NDArray[np.float64]:
    """Straight sloping runs, as interpolation leaves them; returns ``LINES``.

    At least 4 hours and 7 readings whose differences are equal: exactly (float32 rounding allowed), or
    to one quantisation step where each difference is ten steps and more (interpolated, then rounded).
    A slope of one or two steps is how a meter with a coarse step rises by itself: never counted.
    """
    out = np.full(4, np.nan)
    s = slots_per_day
    least = max(s // 6, 7)
    floor = 0.0 if np.isnan(step) else 2.5 * step
    present, total, longest, length = 0, 0, 0, 0
    if not may_be_straight(values, least, step, floor):
        if present_in(values):
            out[:2] = 0.0
        return out
    before, slope_before = np.nan, 0.0
    for k in range(len(values)):
        here = np.float64(values[k])
        slope = here - before
        noise = 4e-7 * max(abs(here), abs(before))
        before = here
        if np.isnan(here):
            length = 0
            continue
        present += 1
        if not abs(slope) > max(4.0 * noise, floor):  # flat, or the first reading after a gap
            length = 1
            continue
        allowed = max(noise, 1.05 * step) if abs(slope) > 9.9 * step else noise
        straight = length >= 2 and abs(slope - slope_before) <= allowed
        length = length + 1 if straight else 2
        slope_before = slope
        if length >= least:
            total += least if length == least else 1
            if length > longest:
                longest = length
                begin = k - length + 1
                out[2] = day[begin] + slot[begin] / s
                out[3] = day[k] + (slot[k] + 1) / s
    if present == 0:
        return out
    out[0] = min(total / present, 1.0)  # two lines may share the reading where they meet
    out[1] = longest * 24.0 / s
    return out
