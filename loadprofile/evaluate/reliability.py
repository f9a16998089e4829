"""Are the probabilities true: log loss, Brier score, expected calibration error, reliability curve.

Rows without a probability (NaN) are left out and ``n`` says how many meters are left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loadprofile.classify.proportions import wilson
from loadprofile.errors import OptionError, ShapeError
from loadprofile.evaluate.estimates import Estimate, Meters

FLOOR = 1e-15
"""Probability of what happened is not taken below this in the log loss: one sure error stays finite."""


def log_loss(
    probabilities: ArrayLike, truth: ArrayLike, meters: ArrayLike | None = None, resamples: int = 400
) -> Estimate:
    """Mean of -log(probability of what was true), natural logarithm; lower is better.

    Args:
        probabilities: ``(n,)`` of the positive class, or ``(n, c)`` rows that sum to 1.
        truth: ``(n,)`` bool, or class numbers 0..c-1.
        meters: ``(n,)`` ids; None = each row its own.
        resamples: of the interval.
    """
    p, hit, ids = _checked(probabilities, truth, meters)
    losses = -np.log(np.maximum(p[hit], FLOOR))
    return _mean(losses, ids, resamples)


def brier(
    probabilities: ArrayLike, truth: ArrayLike, meters: ArrayLike | None = None, resamples: int = 400
) -> Estimate:
    """Mean squared error of the probabilities; lower is better. Arguments as in ``log_loss``.

    For ``(n,)`` the two-class form in 0..1; for ``(n, c)`` Brier's own sum over the classes in 0..2.
    """
    p, hit, ids = _checked(probabilities, truth, meters)
    losses = ((p - hit) ** 2).sum(axis=1)
    return _mean(losses / 2 if np.ndim(probabilities) == 1 else losses, ids, resamples)


def expected_calibration_error(
    probabilities: ArrayLike,
    truth: ArrayLike,
    meters: ArrayLike | None = None,
    bins: int = 10,
    resamples: int = 400,
) -> Estimate:
    """Mean distance between what was said and what happened, over bins of equally many rows.

    Equal counts and not equal widths: with 2 % thefts nearly all rows lie in the first of ten widths.
    Equal probabilities share a bin. For ``(n, c)`` the mean over the classes, each against the rest.
    The figure is above 0 by chance even for true probabilities (about ``sqrt(bins / n)`` times the
    spread), and its interval is biased upward for the same reason. Arguments as in ``log_loss``.
    """
    p, hit, ids = _checked(probabilities, truth, meters)
    groups = Meters(ids, len(p), resamples)
    if np.ndim(probabilities) == 1:
        p, hit = p[:, 1:], hit[:, 1:]
    places = [_bins(p[:, k], bins) for k in range(p.shape[1])]

    def figure(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        errors = [
            np.abs(np.bincount(place, weights * (p[:, k] - hit[:, k]))).sum()
            for k, place in enumerate(places)
        ]
        return np.array([np.mean(errors) / weights.sum()])

    return groups.estimates(figure, [groups.count])[0]


@dataclass(frozen=True, eq=False, slots=True)
class Reliability:
    """Points of the reliability curve, one per bin that holds a row.

    Attributes:
        said: ``(b,)`` mean probability, ascending.
        happened: ``(b,)`` share that was true.
        low, high: ``(b,)`` Wilson's 95 % interval of it.
        count: ``(b,)`` rows.
    """

    said: NDArray[np.float64]
    happened: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    count: NDArray[np.int64]


def reliability_curve(probabilities: ArrayLike, truth: ArrayLike, bins: int = 10) -> Reliability:
    """What happened against what was said, for ``(n,)`` probabilities and ``(n,)`` bool."""
    if np.ndim(probabilities) != 1:
        raise ShapeError("probabilities", np.shape(probabilities), "(n,)")
    p, hit, _ = _checked(probabilities, truth, None)
    place = _bins(p[:, 1], bins)
    count = np.bincount(place)
    said, happened = np.bincount(place, p[:, 1]), np.bincount(place, hit[:, 1])
    ends = np.array([wilson(float(h), float(c)) for h, c in zip(happened, count, strict=True)]).reshape(-1, 2)
    return Reliability(said / count, happened / count, ends[:, 0], ends[:, 1], count.astype(np.int64))


def _bins(p: NDArray[np.float64], bins: int) -> NDArray[np.intp]:
    """Bin of each row, numbered without holes; about equally many rows each, equal values together."""
    if bins < 1:
        raise OptionError("bins", bins, "must be at least 1")
    if not len(p):
        return np.empty(0, dtype=np.intp)
    # "lower" takes real values as edges, so that rounding cannot tear equal values apart.
    edges = np.unique(np.quantile(p, np.arange(1, bins) / bins, method="lower"))
    return np.unique(np.searchsorted(edges, p, side="left"), return_inverse=True)[1]


def _checked(
    probabilities: ArrayLike, truth: ArrayLike, meters: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.generic]]:
    """``(m, c)`` known probabilities, ``(m, c)`` what was true, ``(m,)`` meters."""
    p, t = np.asarray(probabilities, dtype=np.float64), np.asarray(truth)
    if p.ndim not in (1, 2) or t.shape != (len(p),):
        raise ShapeError("truth", t.shape, (len(p),))
    if p.ndim == 1:
        p = np.stack([1 - p, p], axis=1)
    ids = np.arange(len(p)) if meters is None else np.asarray(meters)
    if ids.shape != t.shape:
        raise ShapeError("meters", ids.shape, t.shape)
    known = ~np.isnan(p).any(axis=1)
    p, number, ids = p[known], t[known].astype(np.intp), ids[known]
    if len(p) and (p.min() < 0 or p.max() > 1 or not np.allclose(p.sum(axis=1), 1, atol=1e-6)):
        raise ShapeError("probabilities", "outside 0..1 or rows that do not sum to 1", "probabilities")
    if len(p) and (number.min() < 0 or number.max() >= p.shape[1]):
        raise ShapeError("truth", (int(number.min()), int(number.max())), (0, p.shape[1] - 1))
    return p, number[:, None] == np.arange(p.shape[1]), ids


def _mean(losses: NDArray[np.float64], ids: NDArray[np.generic], resamples: int) -> Estimate:
    groups = Meters(ids, len(losses), resamples)
    return groups.estimates(
        lambda weights: np.array([np.sum(weights * losses) / weights.sum()]), [groups.count]
    )[0]
