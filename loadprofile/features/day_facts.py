"""What is asked of each day of a meter more than once: how many readings, zeros, how low, how high, sums.

One pass in loops that the compiler turns into vector code, so that what looks for rare things (spikes, zeros,
limits) reads only the days in which they can be.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

PRESENT, ZERO, POSITIVE = 0, 1, 2
"""Columns of the first array."""
LOW, HIGH = 0, 1
"""Columns of the second."""
TOTAL, MARK = 0, 1
"""Columns of the third."""

Facts = tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float64]]

_INFINITE = 0x7F800000
_ALL = 0x7FFFFFFF
_LEAST = -_INFINITE - 1


@njit(cache=True, nogil=True, fastmath={"reassoc"})  # type: ignore[untyped-decorator]
def day_facts(values: NDArray[np.float32], edges: NDArray[np.int64]) -> Facts:
    """Facts of each day, three arrays with one row a day.

    Args:
        values: ``(m,)`` existing slots in order of time, NaN = missing.
        edges: ``(d + 1,)``, day j is ``values[edges[j]:edges[j + 1]]``.

    Returns:
        Readings present, exact zeros and readings above zero ``(d, 3)``; the lowest and the highest, infinity
        and minus infinity where there is none ``(d, 2)``; and ``(d, 2)`` their sum and a mark, a weighted sum
        that is equal for equal days and NaN where a reading is missing.
    """
    days = len(edges) - 1
    counts = np.empty((days, 3), dtype=np.int64)
    ends = np.empty((days, 2), dtype=np.int32)
    sums = np.empty((days, 2), dtype=np.float64)
    longest = 1
    for j in range(days):
        longest = max(longest, edges[j + 1] - edges[j])
    weights = np.arange(1.0, longest + 1.0)
    bits = values.view(np.int32)
    for j in range(days):
        day = values[edges[j] : edges[j + 1]]
        present, zero, positive = 0, 0, 0
        for k in range(len(day)):
            present += day[k] == day[k]
            zero += day[k] == np.float32(0.0)
            positive += day[k] > np.float32(0.0)
        counts[j, 0], counts[j, 1], counts[j, 2] = present, zero, positive
        # as whole numbers in the order of the floats: NaN keeps minima of floats from vector code
        raw = bits[edges[j] : edges[j + 1]]
        low, high = np.int32(_INFINITE), np.int32(_LEAST)
        for k in range(len(raw)):
            key = np.int32(raw[k] ^ ((raw[k] >> 31) & _ALL))
            known = (raw[k] & _ALL) <= _INFINITE
            low = min(low, key if known else np.int32(_INFINITE))
            high = max(high, key if known else np.int32(_LEAST))
        ends[j, 0], ends[j, 1] = low ^ ((low >> 31) & _ALL), high ^ ((high >> 31) & _ALL)
        total, mark = 0.0, 0.0
        for k in range(len(day)):
            v = np.float64(day[k])
            mark += v * weights[k]
            total += v if v == v else 0.0  # noqa: PLR0124 - not NaN
        sums[j, 0], sums[j, 1] = total, mark
    return counts, ends.view(np.float32), sums
