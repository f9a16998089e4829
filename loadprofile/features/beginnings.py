"""When trouble that comes and goes began: its first trace, where the other moments are of its greatest.

A date is wanted for the first of many gaps, zero runs, spikes or negative readings. Small gaps are ordinary,
so a first one counts from a share of the longest on.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.features.day_facts import HIGH, LOW, PRESENT, ZERO, Facts
from loadprofile.features.odd_values import SPIKE_TIMES

BEGINNINGS = ("when.gap_began", "when.zero_began", "when.spike_began", "when.negative_began")
"""First gap and first run of zeros (4 h or more) of at least ``OF_LONGEST`` of the longest; first isolated
reading above ``SPIKE_TIMES`` the usual top; first negative reading. Days since the first day; NaN = none."""

OF_LONGEST = 0.3


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def beginnings(
    values: NDArray[np.float32],
    edges: NDArray[np.int64],
    facts: Facts,
    day: NDArray[np.int32],
    slot: NDArray[np.int32],
    slots_per_day: int,
    top: float,
) -> NDArray[np.float64]:
    """The four moments of one meter.

    Args:
        values: ``(m,)`` existing slots in order of time, NaN = missing.
        edges: ``(d + 1,)`` where days begin in it.
        facts: of ``day_facts``; days without what is sought are not read.
        day: ``(m,)`` of each.
        slot: ``(m,)`` of each.
        slots_per_day: of the cube.
        top: 99.5 % quantile of the meter's positive readings.
    """
    out = np.full(4, np.nan)
    m = len(values)
    last = m - 1
    while last >= 0 and np.isnan(values[last]):
        last -= 1
    first = 0
    while first < last and np.isnan(values[first]):
        first += 1
    counts, ends, _ = facts
    for kind in range(2):
        least = 2 if kind == 0 else slots_per_day // 6
        hits = last + 1 - first - counts[:, PRESENT].sum() if kind == 0 else counts[:, ZERO].sum()
        if hits < least:
            continue
        longest = 0
        for turn in range(2):  # how long the longest is, then the first that is long enough
            enough = max(float(least), OF_LONGEST * longest)
            run = 0
            for k in range(first, last + 2):
                hit = k <= last and (np.isnan(values[k]) if kind == 0 else values[k] == 0.0)
                if hit:
                    run += 1
                    continue
                if run >= enough:
                    if turn == 0:
                        longest = max(longest, run)
                    else:
                        out[kind] = day[k - run] + slot[k - run] / slots_per_day
                        break
                run = 0
            if longest == 0:
                break
    for j in range(len(edges) - 1):
        if np.isnan(out[3]) and ends[j, LOW] < 0.0:
            for k in range(edges[j], edges[j + 1]):
                if values[k] < 0.0:
                    out[3] = j + slot[k] / slots_per_day
                    break
        if np.isnan(out[2]) and top > 0.0 and ends[j, HIGH] > SPIKE_TIMES * top:
            for k in range(max(edges[j], 1), min(edges[j + 1], last)):
                alone = values[k - 1] <= top and values[k + 1] <= top
                if values[k] > SPIKE_TIMES * top and alone:
                    out[2] = j + slot[k] / slots_per_day
                    break
    return out
