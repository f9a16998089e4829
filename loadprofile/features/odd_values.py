"""Values of one meter that no household makes: sentinels, spikes, negatives, caps, wrong units."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.features.day_facts import HIGH, POSITIVE, PRESENT, TOTAL, ZERO, Facts

SPIKES = ("spike_count", "spike_ratio", "when.spike")
"""What ``spikes`` returns, in order."""

NEGATIVES = ("negative_share", "negative_longest_hours", "when.negative_first", "when.negative_last")
"""What ``negatives`` returns, in order."""

CAPS = ("cap_share", "cap_days_share", "peg_share", "peg_excess")
"""What ``caps`` returns, in order."""

UNITS = ("unit_mix_share", "when.unit_first", "when.unit_last")
"""What ``units`` returns, in order."""

SPIKE_TIMES = 4.0
"""An isolated reading counts as a spike above this many times the meter's usual top."""


SENTINEL_TIMES = 3.0
"""A positive sentinel lies above this many times the top of the readings below it."""


def _sentinels() -> NDArray[np.float64]:
    """Positive values that stand for "no value", as ``(k, 2)`` lowest and highest float32 reading of each.

    Full counters of 15 to 33 bits, 24-bit floats and rows of nines, scaled down by the powers of ten that
    Wh, register multipliers and fixed-point formats bring (FACTS section 6; 8,590.x is Energy Sparks').
    """
    full = np.array([2.0**31, 2.0**32, 2.0**33, 2.0**24 - 1])
    words = np.array([65535.0, 65536.0, 32767.0])
    nines = np.array([9999.0, 99999.0, 999999.0, 9999999.0, 99999999.0])
    scaled = [full * 10.0**-k for k in range(7)] + [words * 10.0**-k for k in range(4)]
    scaled += [nines, nines / 1000.0, np.array([999.0, 9999.9])]
    values = np.unique(np.concatenate(scaled))
    values = values[values >= 9.0]
    near = np.stack([values * (1 - 2e-6), values * (1 + 2e-6)], axis=1)
    near[np.argmin(np.abs(values - 8589.934592))] = 8589.9, 8590.999
    return near


SENTINELS = _sentinels()
LOWEST_SENTINEL = float(SENTINELS[0, 0])
NEGATIVE_SENTINELS = np.array([-1.0, -99.0, -999.0, -9999.0, -99999.0, -32768.0, -(2.0**31)])


def sentinels(values: NDArray[np.float32], ranked: NDArray[np.float32]) -> tuple[float, int]:
    """Share of readings that are a sentinel, and the place in ``values`` of the first (-1 = none).

    A positive sentinel must lie above ``SENTINEL_TIMES`` times the 99.9 % quantile of the readings below
    the lowest sentinel (not of all readings: sentinels may be many); a negative one must be at least half
    of all negative readings of the meter, so that an export channel that passes through -1 is not accused.
    Zero is never a sentinel. ``ranked`` are the readings present, ascending. NaN share if there are none.
    """
    p = len(ranked)
    if p == 0:
        return float("nan"), -1
    if ranked[0] >= 0.0 and ranked[-1] < LOWEST_SENTINEL:
        return 0.0, -1
    low = np.searchsorted(ranked, SENTINELS[:, 0].astype(np.float32), side="left")
    high = np.searchsorted(ranked, SENTINELS[:, 1].astype(np.float32), side="right")
    found = 0
    matched: list[NDArray[np.float64]] = []
    natural = -1
    for at in np.flatnonzero(high > low):
        below = int(low[at]) if natural < 0 else natural
        top = float(ranked[int(0.999 * (below - 1))]) if below else 0.0
        if SENTINELS[at, 0] > SENTINEL_TIMES * top:
            natural = below
            found += int(high[at] - low[at])
            matched.append(SENTINELS[at])
    negative = int(np.searchsorted(ranked, np.float32(0.0), side="left"))
    if negative:
        less = np.searchsorted(ranked, NEGATIVE_SENTINELS.astype(np.float32), side="left")
        upto = np.searchsorted(ranked, NEGATIVE_SENTINELS.astype(np.float32), side="right")
        if 2 * int((upto - less).sum()) >= negative:
            found += int((upto - less).sum())
            matched.extend(np.array([v, v]) for v in NEGATIVE_SENTINELS[upto > less])
    if not found:
        return 0.0, -1
    hit = np.zeros(len(values), dtype=np.bool_)
    for lowest, highest in matched:
        hit |= (values >= np.float32(lowest)) & (values <= np.float32(highest))
    return found / p, int(np.argmax(hit))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def spikes(
    values: NDArray[np.float32],
    edges: NDArray[np.int64],
    facts: Facts,
    slot: NDArray[np.int32],
    slots_per_day: int,
    top: float,
) -> NDArray[np.float64]:
    """Isolated readings far above the meter's usual top; returns ``SPIKES``.

    ``top`` is the 99.5 % quantile of the meter's positive readings. A reading is isolated when both its
    neighbours are present and at or below ``top``: the first reading after a gap is never a spike (it may
    carry the sum of the gap). Only days whose highest reading is above ``top`` are read.
    """
    out = np.full(3, np.nan)
    if not top > 0.0:
        return out
    highest = facts[1][:, HIGH]
    count, most = 0, 0.0
    for j in range(len(edges) - 1):
        if not highest[j] > top:
            continue
        for k in range(max(edges[j], 1), min(edges[j + 1], len(values) - 1)):
            if not values[k] > top:
                continue
            if values[k] > most * top and values[k - 1] <= top and values[k + 1] <= top:
                most = values[k] / top
                out[2] = j + slot[k] / slots_per_day
            if values[k] > SPIKE_TIMES * top and values[k - 1] <= top and values[k + 1] <= top:
                count += 1
    out[0] = count
    out[1] = most
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def negatives(
    values: NDArray[np.float32],
    day: NDArray[np.int32],
    slot: NDArray[np.int32],
    facts: Facts,
    slots_per_day: int,
) -> NDArray[np.float64]:
    """Readings below zero and their longest run; returns ``NEGATIVES``."""
    out = np.full(4, np.nan)
    run, longest = 0, 0
    counts = facts[0]
    present = counts[:, PRESENT].sum()
    negative = present - counts[:, ZERO].sum() - counts[:, POSITIVE].sum()
    for k in range(len(values) if negative else 0):
        if values[k] < 0.0:
            run += 1
            if run > longest:
                longest = run
                begin = k - run + 1
                out[2] = day[begin] + slot[begin] / slots_per_day
                out[3] = day[k] + (slot[k] + 1) / slots_per_day
        else:
            run = 0
    if present:
        out[0] = negative / present
        out[1] = longest * 24.0 / slots_per_day
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def caps(
    values: NDArray[np.float32], edges: NDArray[np.int64], facts: Facts, ranked: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Signs of a hard upper limit; returns ``CAPS``.

    ``cap_share`` counts readings within 1 % below the 99.9 % quantile (a profile cut at a limit piles up
    there); ``cap_days_share`` the days that touch it. ``peg`` is the most frequent single value in the
    meter's upper fifth, which also shows a limit that held for a part of the time only; its excess is its
    count over the mean count of the values there.
    """
    out = np.full(4, np.nan)
    p = len(ranked)
    if p == 0:
        return out
    cap = ranked[int(0.999 * (p - 1))]
    if not cap > 0.0:
        return out
    low = np.float32(0.99 * cap)
    touching, touched, days = 0, 0, 0
    for j in range(len(edges) - 1):
        days += facts[0][j, PRESENT] > 0
        touch = 0
        if facts[1][j, HIGH] >= low:  # rarely
            for k in range(edges[j], edges[j + 1]):
                touch += values[k] >= low and values[k] <= cap
        touched += touch > 0
        touching += touch
    out[0] = touching / p
    out[1] = touched / days
    begin = int(0.8 * (p - 1))
    while begin < p and ranked[begin] <= 0.0:
        begin += 1
    most, kinds = 0, 0
    k = begin
    while k < p:
        first = k
        while k < p and ranked[k] == ranked[first]:
            k += 1
        most = max(most, k - first)
        kinds += 1
    out[2] = most / p
    if kinds >= 10:
        out[3] = most * kinds / (p - begin)
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def units(facts: Facts) -> NDArray[np.float64]:
    """Days in another unit; returns ``UNITS``.

    The share of days whose mean is 1000 times or a thousandth of the median day's, to a factor of 3 (Wh
    among kWh, or the reverse). Only days with use in at least half of their readings are judged: a day of
    zeros and one small reading is an empty home. NaN with fewer than 4 such days.
    """
    out = np.full(3, np.nan)
    counts, _, sums = facts
    days = len(counts)
    means = np.empty(days)
    at = np.empty(days, dtype=np.int64)
    known = 0
    for j in range(days):
        total, present, used = sums[j, TOTAL], counts[j, PRESENT], counts[j, POSITIVE]
        if total > 0.0 and 2 * used >= present:
            means[known] = total / present
            at[known] = j
            known += 1
    if known < 4:
        return out
    middle = np.median(means[:known])
    odd = 0
    for i in range(known):
        ratio = means[i] / middle
        if 1000.0 / 3.0 <= ratio <= 3000.0 or 1.0 / 3000.0 <= ratio <= 3.0 / 1000.0:
            odd += 1
            if odd == 1:
                out[1] = at[i]
            out[2] = at[i] + 1
    out[0] = odd / known
    return out
