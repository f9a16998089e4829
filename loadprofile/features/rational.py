"""Is a ratio of levels an exact rational, and how sure can one be?

A configuration error multiplies by the ratio of two transformer ratios or units; a lost phase leaves
2/3 or 1/3; wear and people give any number. On a noisy home even an exact 1/2 is seen as 0.47, so
the distance is given both as it is and in standard errors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATIONALS = np.array(
    [1 / 1000, 1 / 120, 1 / 100, 1 / 80, 1 / 40, 1 / 10, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4,
     4 / 3, 3 / 2, 2.0, 3.0, 4.0, 10.0, 40.0, 80.0, 100.0, 120.0, 1000.0]
)  # fmt: skip
"""Steps that configuration and wiring make. 1 is left out: it is no step."""

NOTHING = 1e-3
"""Ratios below this count as the rational 0."""


def nearest_rational(
    ratio: NDArray[np.floating], error: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The nearest rational in log distance, that distance, and the distance in standard errors.

    Args:
        ratio: ``(n,)`` after / before; NaN and negative give NaN.
        error: ``(n,)`` standard error of its logarithm; at least 0.5 % is assumed.

    Returns:
        ``(n,)`` each. A ratio under 1/2000 is the rational 0 with distance 0.
    """
    value = np.asarray(ratio, dtype=np.float64)
    known = np.isfinite(value) & (value >= 0)
    logs = np.log(np.where(known & (value > 0), value, 1.0))
    distance = np.abs(logs[:, None] - np.log(RATIONALS)[None, :])
    best = np.argmin(distance, axis=1)
    misfit = distance[np.arange(len(value)), best]
    nearest = RATIONALS[best]
    nothing = known & (value < NOTHING / 2)
    nearest = np.where(nothing, 0.0, nearest)
    misfit = np.where(nothing, 0.0, misfit)
    scaled = misfit / np.maximum(np.nan_to_num(error, nan=np.inf), 0.005)
    scaled[~np.isfinite(error)] = np.nan
    for out in (nearest, misfit, scaled):
        out[~known] = np.nan
    return nearest, misfit, scaled
