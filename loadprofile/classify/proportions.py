"""Wilson's interval: how sure a share is that was counted on few cases.

Wilson 1927, "Probable inference, the law of succession, and statistical inference", JASA 22.
Unlike value +- 1.96 errors it stays inside 0..1 and does not shrink to nothing when all cases
went one way: 19 of 19 has the lower bound 0.83 and not 1.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri


def wilson(found: float, of: float, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided Wilson interval of ``found / of``; both may be fractional; (NaN, NaN) when ``of`` is 0."""
    if not of > 0:
        return math.nan, math.nan
    z = float(ndtri(0.5 + confidence / 2))
    share = found / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(max(share * (1 - share) / of + z * z / (4 * of * of), 0.0))
    low = 0.0 if found <= 0 else max(middle - half, 0.0)
    high = 1.0 if found >= of else min(middle + half, 1.0)
    return low, high


def wilson_low(
    found: NDArray[np.float64], of: NDArray[np.float64], confidence: float = 0.95
) -> NDArray[np.float64]:
    """One-sided lower bounds of ``found / of``, whole arrays: true with ``confidence``; NaN where of = 0."""
    z = float(ndtri(confidence))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = found / of
        middle = share + z * z / (2 * of)
        half = z * np.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
        low: NDArray[np.float64] = (middle - half) / (1 + z * z / of)
    # Rounding may lift the bound of 0 of n off 0, and over the share itself.
    return np.where(of > 0, np.clip(low, 0.0, np.where(of > 0, share, 1.0)), np.nan)
