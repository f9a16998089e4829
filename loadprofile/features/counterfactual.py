"""Energy used and not billed: what the meter would have shown, minus what it showed.

Expected power of a block = the meter's own level in that block on that kind of day (weekday, weekend)
before the onset, times what its peers did that day. The interval comes from how well the same rule
foretold windows of the same length before the onset: the spread of logarithms of daily sums between
such windows, so that slow drifts of a household count and not only day-to-day noise.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.errors import ShapeError
from loadprofile.features.daily import DailyBlocks

HISTORY_DAYS = 84
LEAST_DAYS = 5
Z80 = 1.2816
DRIFT_PER_DAY = 0.02
"""Least random walk of a level (log) per square root of a day: ordinary homes drift so much."""


def shortfall(
    blocks: DailyBlocks,
    expected: NDArray[np.float32],
    onset: NDArray[np.floating],
    end: NDArray[np.floating],
    width: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Energy (kWh) not billed between onset and end with its 80 % interval, three ``(m,)`` arrays.

    Arguments as of ``foretold``; ``width``: ``(m,)`` half width of the interval in standard errors of the
    foretelling, as learned where the truth was known (None = of a normal).
    """
    foreseen, metered, error = foretold(blocks, expected, onset, end)
    reach = error * (Z80 if width is None else width)
    return foreseen - metered, foreseen * np.exp(-reach) - metered, foreseen * np.exp(reach) - metered


def foretold(
    blocks: DailyBlocks,
    expected: NDArray[np.float32],
    onset: NDArray[np.floating],
    end: NDArray[np.floating],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Energy foreseen (kWh), energy metered (kWh) and the error (log) of foretelling, three ``(m,)`` arrays.

    Only blocks with a reading count: what is missing is not known to be lost. Negative = more was
    metered than expected. NaN where the onset is NaN, fewer than five days are known before it, or
    nothing is known after it.

    Args:
        blocks: the meters' daily blocks.
        expected: ``(m, d, 8)`` movement of the peers; a meter's all-NaN rows = no peers, taken as 1.
        onset: ``(m,)`` days since the first day; the block it falls into counts whole.
        end: ``(m,)``; NaN = to the last day.

    Raises:
        ShapeError: when lengths do not fit.
    """
    m, d, b = blocks.power.shape
    if expected.shape != (m, d, b):
        raise ShapeError("expected", expected.shape, (m, d, b))
    for name, value in (("onset", onset), ("end", end)):
        if value.shape != (m,):
            raise ShapeError(name, value.shape, (m,))
    weekend = (blocks.days.astype(np.int64) + 3) % 7 >= 5
    last = np.where(np.isfinite(end), end, d).astype(np.float64)
    out: NDArray[np.float64] = _foretold(
        blocks.power, expected, weekend, np.asarray(onset, dtype=np.float64), last
    )
    return out[:, 0], out[:, 1], out[:, 2]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _foretold(
    power: NDArray[np.float32],
    expected: NDArray[np.float32],
    weekend: NDArray[np.bool_],
    onset: NDArray[np.float64],
    last: NDArray[np.float64],
) -> NDArray[np.float64]:
    m, d, b = power.shape
    out = np.full((m, 3), np.nan)
    for i in range(m):
        if not np.isfinite(onset[i]) or onset[i] >= last[i]:
            continue
        alone = True
        for t in range(d):
            for k in range(b):
                if np.isfinite(expected[i, t, k]):
                    alone = False
        until = int(np.floor(onset[i]))
        since = max(0, until - HISTORY_DAYS)
        found = np.zeros((2, b))
        seen = np.zeros((2, b))
        both = np.zeros(b)
        both_seen = np.zeros(b)
        known_days = 0
        for t in range(since, until):
            kind = 1 if weekend[t] else 0
            n = 0
            for k in range(b):
                peer = 1.0 if alone else expected[i, t, k]
                if np.isfinite(power[i, t, k]) and np.isfinite(peer):
                    found[kind, k] += power[i, t, k]
                    seen[kind, k] += peer
                    both[k] += power[i, t, k]
                    both_seen[k] += peer
                    n += 1
            known_days += n >= 4
        if known_days < LEAST_DAYS:
            continue
        clock = np.empty((2, b))
        for k in range(b):
            usual = both[k] / both_seen[k] if both_seen[k] > 0 else np.nan
            for kind in range(2):
                # two days' worth of the overall level steadies the few weekend days
                clock[kind, k] = (found[kind, k] + 2 * usual) / (seen[kind, k] + 2)
        level = np.full(d, np.nan)
        for t in range(since, until):
            kind = 1 if weekend[t] else 0
            a = 0.0
            e = 0.0
            for k in range(b):
                peer = 1.0 if alone else expected[i, t, k]
                if np.isfinite(power[i, t, k]) and np.isfinite(peer) and np.isfinite(clock[kind, k]):
                    a += power[i, t, k]
                    e += clock[kind, k] * peer
            if e > 0:
                level[t] = np.log(max(a / e, 0.05))
        foreseen = 0.0
        metered = 0.0
        cells = 0
        for t in range(until, min(int(np.ceil(last[i])), d)):
            kind = 1 if weekend[t] else 0
            for k in range(b):
                begin = t + k / b
                share = min(begin + 1 / b, last[i]) - max(begin, onset[i])
                share = min(max(share * b, 0.0), 1.0)
                peer = 1.0 if alone else expected[i, t, k]
                if share > 0 and np.isfinite(power[i, t, k]) and np.isfinite(peer):
                    usual = clock[kind, k] * peer
                    if np.isfinite(usual):
                        # the block of the onset counts whole: its old part is as expected
                        foreseen += usual * 24 / b
                        metered += power[i, t, k] * 24 / b
                        cells += 1
        if cells == 0:
            continue
        length = max(1, int(np.ceil(last[i] - onset[i])))
        error = _window_error(level, since, until, length)
        out[i, 0], out[i, 1], out[i, 2] = foreseen, metered, error
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _window_error(level: NDArray[np.float64], since: int, until: int, length: int) -> float:
    """Standard error (log) of foretelling a window of ``length`` days from the days before the onset.

    Differences between neighbouring windows of at most a third of the history, stretched to the wanted
    length as a random walk; never below the noise of the two means.
    """
    history = until - since
    width = max(3, min(length, history // 3))
    total = 0.0
    n = 0
    start = until - width
    previous = np.nan
    while start >= since:
        value = 0.0
        seen = 0
        for t in range(start, start + width):
            if np.isfinite(level[t]):
                value += level[t]
                seen += 1
        now = value / seen if seen >= 2 else np.nan
        if np.isfinite(now) and np.isfinite(previous):
            total += (now - previous) ** 2
            n += 1
        previous = now
        start -= max(1, width // 2)
    between = total / n if n > 0 else 0.09
    drift = DRIFT_PER_DAY**2 * (history + length) / 3
    stretch = max(1.0, length / width) if n > 0 else 1.0
    return float(np.sqrt(max(between * 0.75 * np.sqrt(stretch), drift)))
