"""Medians inside kernels, without the branches that a processor guesses wrongly half of the time.

numba's own ``np.median`` swaps in place behind such branches. Here values are only counted, many at a time.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

FEW = 12
"""So few values are sorted by insertion."""

MOST_TURNS = 12
"""Turns after which what is left is sorted all the same: ties, or values of very different size."""


@njit(cache=True, nogil=True, fastmath={"reassoc", "nnan", "nsz"})  # type: ignore[untyped-decorator]
def _ends(values: NDArray[np.float64], n: int) -> tuple[float, float]:
    low, high = values[0], values[0]
    for k in range(n):
        low = min(low, values[k])
        high = max(high, values[k])
    return low, high


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _at_most(values: NDArray[np.float64], n: int, bound: float) -> int:
    count = 0
    for k in range(n):
        count += values[k] <= bound
    return count


@njit(cache=True, nogil=True, fastmath={"reassoc", "nnan", "nsz"})  # type: ignore[untyped-decorator]
def _greatest_below(values: NDArray[np.float64], n: int, bound: float) -> float:
    best = -np.inf
    for k in range(n):
        best = max(best, values[k] if values[k] < bound else -np.inf)
    return best


@njit(cache=True, nogil=True, fastmath={"reassoc", "nnan", "nsz"})  # type: ignore[untyped-decorator]
def _least_from(values: NDArray[np.float64], n: int, bound: float) -> float:
    best = np.inf
    for k in range(n):
        best = min(best, values[k] if values[k] >= bound else np.inf)
    return best


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _below(values: NDArray[np.float64], n: int, a: float, b: float, c: float) -> tuple[int, int, int]:
    """How many values are below each of three."""
    under_a, under_b, under_c = 0, 0, 0
    for k in range(n):  # no branch inside: the compiler turns it into vector instructions
        under_a += values[k] < a
        under_b += values[k] < b
        under_c += values[k] < c
    return under_a, under_b, under_c


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def median(values: NDArray[np.float64], n: int, scratch: NDArray[np.float64]) -> float:
    """Median of the first ``n`` values, of an even number the mean of the middle two; NaN of none.

    The range that holds the middle is cut in four by counting until it holds few values.

    Args:
        values: finite, left as they are.
        n: how many of them.
        scratch: ``(n or more,)``, overwritten.
    """
    if n == 0:
        return np.nan
    first, last = (n - 1) // 2, n // 2  # ranks of the middle two
    low, high = _ends(values, n)
    if _at_most(values, n, low) > last:  # as many days without a zero reading have
        return float(low)
    held = n  # values from ``low`` to ``high``, between which the middle two are
    before = 0  # values below ``low``
    for _ in range(MOST_TURNS):
        if held <= FEW:
            break
        step = 0.25 * (high - low)
        a, b, c = low + step, low + 2 * step, low + 3 * step
        until = before + held
        under_a, under_b, under_c = _below(values, n, a, b, c)
        for cut, under in ((a, under_a), (b, under_b), (c, under_c)):
            if under <= first:
                low, before = cut, under
            elif under <= last:  # between the middle two
                return 0.5 * (_greatest_below(values, n, cut) + _least_from(values, n, cut))
            else:
                high, until = cut, under
                break
        held = until - before
    held = 0
    for k in range(n):
        scratch[held] = values[k]
        held += (values[k] >= low) & (values[k] <= high)
    for k in range(1, held):
        value = scratch[k]
        j = k
        while j > 0 and scratch[j - 1] > value:
            scratch[j] = scratch[j - 1]
            j -= 1
        scratch[j] = value
    return float(0.5 * (scratch[first - before] + scratch[last - before]))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def sort_columns(rows: NDArray[np.float64]) -> None:
    """Put each column of ``(n, s)`` in ascending order, in place; for some dozens of rows, without NaN.

    Merge exchange (Batcher 1968; Knuth, The Art of Computer Programming 3, 5.2.2 M): which rows are compared
    does not depend on the values, so all columns are done side by side.
    """
    n, s = rows.shape
    top = 1
    while 2 * top < n:
        top *= 2
    p = top if n > 1 else 0
    while p > 0:
        q, offset, apart = top, 0, p
        while True:
            for i in range(n - apart):
                if i & p == offset:
                    lower, upper = rows[i], rows[i + apart]
                    for k in range(s):
                        least = min(lower[k], upper[k])
                        upper[k] = max(lower[k], upper[k])
                        lower[k] = least
            if q == p:
                break
            apart, q, offset = q - p, q // 2, p
        p //= 2
