"""Who was inspected was chosen: weights that take the choice out of what is learned from visits.

A meter that is visited with probability p stands for 1/p meters like it (Horvitz and Thompson 1952, JASA 47).
Weights are scaled to a mean of 1 (Hajek's form: the number of meters need not be known) and cut at a largest
one, since a single verdict of a meter that was drawn once in a thousand would else decide alone: a little
bias for much less variance (Ionides 2008, J. Computational and Graphical Statistics 17).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loadprofile.errors import OptionError

MOST = 20.0
"""The largest weight before scaling: a propensity below 1/20 counts as 1/20."""


def inverse_propensity(propensity: ArrayLike, most: float = MOST) -> NDArray[np.float64]:
    """``(m,)`` weights with mean 1.

    Args:
        propensity: ``(m,)`` probability with which each visit was chosen, in (0, 1]. NaN where nobody drew:
            somebody had a reason to go there, so it counts as a visit that was sure.
        most: the largest weight before scaling.

    Raises:
        OptionError: a probability outside (0, 1], or ``most`` below 1.
    """
    p = np.asarray(propensity, dtype=np.float64)
    if not most >= 1.0:
        raise OptionError("most", most, "must be at least 1")
    known = ~np.isnan(p)
    if ((p[known] <= 0.0) | (p[known] > 1.0)).any():
        raise OptionError("propensity", p[known].min(), "is not in (0, 1]")
    if not len(p):
        return np.empty(0)
    weights = np.minimum(1.0 / np.where(known, p, 1.0), most)
    return np.asarray(weights / weights.mean())


def effective_count(weights: NDArray[np.float64]) -> float:
    """How many cases of equal weight tell as much (Kish 1965): ``(sum w)^2 / sum w^2``."""
    squares = float(np.sum(weights**2))
    return float(np.sum(weights)) ** 2 / squares if squares > 0 else 0.0
