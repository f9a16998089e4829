"""Each channel asked by itself: its own best split and its own best stretch.

The change of ``split.py`` is the one that all channels together see best. A theft that takes weekends only, a
cap or a turned day may be second to a holiday there; here every channel has its own date. A split is the
generalised likelihood ratio of a step with a slope on what the peers did; a stretch is read off the
highest and lowest point of the running sum (the range test of Hinkley 1970 on the cumulative sum), which
costs one pass.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.features.split import step_gains

LEAST_DAYS = 4
"""Known days in a stretch, and outside of it."""

NEAR = 14
"""Days on each side that a sudden step is read from."""

SCANNED = ("z", "stretch_z", "sudden")
"""Per channel, all signed: z of the best split; z of the best stretch; and the sharpest step between two
neighbouring fortnights against the meter's own ordinary steps of that kind."""


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def scan(sums: NDArray[np.float64], noise: float, out: NDArray[np.float64]) -> None:
    """Fill ``out`` ``(3,)`` (see ``SCANNED``) for one settled channel; NaN where nothing can be said.

    Args:
        sums: ``(1, 5, d + 1)``, ``split.running_sums`` of the channel.
        noise: of one day.
        out: see ``SCANNED``.
    """
    out[:] = np.nan
    d = sums.shape[2] - 1
    n = sums[0, 0, d]
    if not np.isfinite(noise) or n < 3 * LEAST_DAYS:
        return
    gains = step_gains(sums, np.array([noise]), np.ones(1), d)
    day = int(np.argmax(gains))
    known, x, r = sums[0, 0], sums[0, 1], sums[0, 3]
    slope = (sums[0, 4, d] - x[d] * r[d] / n) / (sums[0, 2, d] - x[d] * x[d] / n + noise * noise)
    centre = (r[d] - slope * x[d]) / n
    rests = r - slope * x - centre * known  # running sum of what the covariate does not explain
    m = known[day]
    if gains[day] > 0 and 0 < m < n:
        after = -rests[day] / (n - m) - rests[day] / m  # the rests sum to zero
        out[0] = np.sqrt(2 * gains[day]) * (1.0 if after > 0 else -1.0)
    high, low = int(np.argmax(rests)), int(np.argmin(rests))
    inside = abs(known[high] - known[low])
    if LEAST_DAYS <= inside <= n - LEAST_DAYS:
        size = (rests[high] - rests[low]) / (noise * np.sqrt(inside * (1.0 - inside / n)))
        out[1] = size if high > low else -size
    _sudden(rests, known, out)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _sudden(sums: NDArray[np.float64], counts: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """The sharpest step against the meter's own ordinary ones: a home that drifts is its own yardstick."""
    d = len(sums) - 1
    steps = np.full(d, np.nan)
    best = 0.0
    at = -1
    for t in range(LEAST_DAYS, d - LEAST_DAYS + 1):
        first, last = max(t - NEAR, 0), min(t + NEAR, d)
        n, m = counts[t] - counts[first], counts[last] - counts[t]
        if n < LEAST_DAYS or m < LEAST_DAYS:
            continue
        step = (sums[last] - sums[t]) / m - (sums[t] - sums[first]) / n
        # short sides are noisier: every step as if both sides were whole
        steps[t] = step * np.sqrt(2.0 * n * m / (n + m) / NEAR)
        if abs(steps[t]) > best:
            best, at = abs(steps[t]), t
    if at < 0:
        return
    others = np.empty(d)
    k = 0
    for t in range(d):
        if np.isfinite(steps[t]) and abs(t - at) >= NEAR:
            others[k] = abs(steps[t])
            k += 1
    if k < NEAR:
        return
    ordinary = np.sort(others[:k])[(3 * k) // 4]
    out[2] = min(max(steps[at] / max(ordinary, 1e-3), -100.0), 100.0)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def two_levels(level: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Whether the days are of two kinds, as when something is switched on and off: fill ``out`` ``(3,)``.

    The best cut of the ordered days into a low and a high kind (Otsu 1979): share of the variance between the
    two kinds (0.64 for one normal kind, near 1 for two), their distance, and how often the days change kind
    against what chance would give (1 = like coin tosses, near 0 = one block).
    """
    out[:] = np.nan
    known = level[np.isfinite(level)]
    n = len(known)
    if n < 20:
        return
    ordered = np.sort(known)
    total = ordered.sum()
    variance = ((ordered - total / n) ** 2).sum()
    if not variance > 1e-9:
        return
    best = -1.0
    at = 0
    below = 0.0
    for k in range(1, n):
        below += ordered[k - 1]
        if k < 3 or n - k < 3:
            continue
        gap = below / k - (total - below) / (n - k)
        between = gap * gap * k * (n - k) / n
        if between > best:
            best, at = between, k
    cut = 0.5 * (ordered[at - 1] + ordered[at])
    low = ordered[:at].mean()
    high = ordered[at:].mean()
    changes = 0
    for k in range(1, n):
        if (known[k] > cut) != (known[k - 1] > cut):
            changes += 1
    out[0] = best / variance
    out[1] = high - low
    out[2] = changes / max(2.0 * at * (n - at) / n, 1.0)
