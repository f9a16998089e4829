"""CorrelationFilter: of columns that say the same, keep one, and say which stands for which.

Calamaro et al. 2021, Sustainability 13(19), 10696, drop redundant features of the "high-order
dimensional space" by a correlation heat map before the principal components. Departures, each on
purpose: correlations are taken pairwise over the meters that have both values (their data had no
gaps; ours keep NaN), and each column is cut at ``clip`` robust spreads first, because one meter
with a ratio of 10,000 would otherwise make two unrelated columns look alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from loadprofile.errors import OptionError
from loadprofile.space.scaling import NORMAL_IQR

CHUNK_ROWS = 8192
"""Rows per matrix product: bounds memory and the rounding of float32 sums."""


def column_correlations(X: ArrayLike, clip: float | None = 10.0, min_common: int = 20) -> NDArray[np.float64]:
    """Pearson correlation of every pair of columns, over the rows that have both.

    Args:
        X: ``(n, k)`` finite or NaN.
        clip: cut each column at this many robust spreads from its median; None = plain Pearson.
        min_common: pairs with fewer common rows get NaN (with fewer than this many rows in all: all rows).

    Returns:
        ``(k, k)`` in -1..1, symmetric, diagonal 1; NaN where a column does not vary or too few
        rows have both values.
    """
    values = np.asarray(X)
    n, k = values.shape
    standard = _standardised(values, clip)
    known = ~np.isnan(standard)
    gaps = not bool(known.all())
    products, sums = np.zeros((k, k)), np.zeros((k, k))
    squares, counts = np.zeros((k, k)), np.zeros((k, k))
    for start in range(0, n, CHUNK_ROWS):
        z = standard[start : start + CHUNK_ROWS]
        if gaps:
            m = known[start : start + CHUNK_ROWS].astype(np.float32)
            z = np.where(np.isnan(z), np.float32(0), z)
            sums += z.T @ m  # [i, j] = sum of column i where column j is known
            squares += (z * z).T @ m
            counts += m.T @ m
        else:
            sums += z.sum(axis=0, dtype=np.float64)[:, None]
            squares += (z.astype(np.float64) ** 2).sum(axis=0)[:, None]
            counts += len(z)
        products += z.T @ z
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = products - sums * sums.T / counts
        spread = squares - sums * sums / counts
        # A spread that is only the rounding of float32 sums is no spread.
        spread[spread <= 1e-5 * squares + 1e-12] = np.nan
        found = covariance / np.sqrt(spread * spread.T)
    found[counts < min(min_common, n)] = np.nan
    found = np.clip((found + found.T) / 2, -1.0, 1.0)
    varies = ~np.isnan(np.diag(found))
    found[np.diag_indices(k)] = np.where(varies, 1.0, np.nan)
    return found


def _standardised(values: NDArray[Any], clip: float | None) -> NDArray[np.float32]:
    """``(n, k)`` float32: each column less its median, over its spread; a constant column becomes 0."""
    out = np.full(values.shape, np.nan, dtype=np.float32)
    for at in range(values.shape[1]):
        column = values[:, at].astype(np.float64)
        seen = column[~np.isnan(column)]
        if not seen.size:
            continue
        low, middle, high = np.quantile(seen, [0.25, 0.5, 0.75])
        if seen.max() == seen.min():
            out[~np.isnan(column), at] = 0.0
            continue
        if clip is None:
            out[:, at] = (column - seen.mean()) / seen.std()
            continue
        spread = (high - low) / NORMAL_IQR or float(seen.std())
        out[:, at] = np.clip((column - middle) / spread, -clip, clip)
    return out


@dataclass(frozen=True, eq=False, slots=True)
class HeatMaps:
    """The picture's numbers: correlations before and after the filter, similar columns side by side.

    Attributes:
        names_before: the ``k`` columns that vary, in the order of ``before``.
        before: ``(k, k)`` float64; pairs without an answer are 0.
        names_after, after: the same for the ``m`` kept columns, in their order of ``names_before``.
    """

    names_before: tuple[str, ...]
    before: NDArray[np.float64]
    names_after: tuple[str, ...]
    after: NDArray[np.float64]


class CorrelationFilter(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Drop empty, constant and redundant columns; fit it on training meters only.

    Columns are visited from the best known to the worst (share of known values in whole per cent,
    then their own order); one that correlates at least ``threshold`` (absolute) with a column
    already kept is dropped. So the result does not depend on the order of the meters.

    Attributes:
        kept_: ``(k,)`` bool.
        representative_: dropped column -> the kept column that it resembles most.
        resemblance_: dropped column -> that correlation (signed).
        empty_, constant_: names of columns dropped because nothing, or always the same, stood in them.
    """

    def __init__(self, threshold: float = 0.95, clip: float | None = 10.0, min_common: int = 20) -> None:
        self.threshold = threshold
        self.clip = clip
        self.min_common = min_common

    def fit(self, X: ArrayLike, y: object = None) -> CorrelationFilter:  # noqa: ARG002
        """Learn which columns to keep from ``(n, k)`` training values (array or frame, NaN allowed)."""
        if not 0.0 < self.threshold <= 1.0:
            raise OptionError("threshold", self.threshold, "must lie in (0, 1]")
        values = validate_data(
            self, X, dtype=[np.float32, np.float64], ensure_all_finite="allow-nan", ensure_min_samples=2
        )
        names = self._names()
        found = column_correlations(values, self.clip, self.min_common)
        known = ~np.isnan(values)
        empty = ~known.any(axis=0)
        high = np.where(known, values, -np.inf).max(axis=0)
        low = np.where(known, values, np.inf).min(axis=0)
        constant = ~empty & (high == low)
        strength = np.nan_to_num(np.abs(found))
        kept = np.zeros(len(names), dtype=bool)
        for at in np.argsort(-np.floor(100 * known.mean(axis=0)), kind="stable"):
            if not (empty[at] or constant[at]):
                kept[at] = not bool((strength[at, kept] >= self.threshold).any())
        self.representative_: dict[str, str] = {}
        self.resemblance_: dict[str, float] = {}
        for at in np.flatnonzero(~kept & ~empty & ~constant):
            best = int(np.argmax(np.where(kept, strength[at], -1.0)))
            self.representative_[names[at]] = names[best]
            self.resemblance_[names[at]] = float(found[at, best])
        self.kept_ = kept
        self.empty_ = [names[at] for at in np.flatnonzero(empty)]
        self.constant_ = [names[at] for at in np.flatnonzero(constant)]
        return self

    def heat_maps(self, X: ArrayLike) -> HeatMaps:
        """Correlations of ``X`` before and after the filter, columns ordered by likeness.

        The order is that of the leaves of average-linkage clustering on ``1 - |r|``.
        """
        check_is_fitted(self)
        values = validate_data(
            self, X, reset=False, dtype=[np.float32, np.float64], ensure_all_finite="allow-nan"
        )
        found = column_correlations(values, self.clip, self.min_common)
        shown = np.flatnonzero(~np.isnan(np.diag(found)))
        full = np.nan_to_num(found[np.ix_(shown, shown)])
        if len(shown) > 2:
            apart = 1.0 - np.abs(full)
            np.fill_diagonal(apart, 0.0)
            order = leaves_list(linkage(squareform(apart, checks=False), method="average"))
            shown, full = shown[order], full[np.ix_(order, order)]
        stays = self.kept_[shown]
        names = np.array(self._names(), dtype=object)[shown]
        return HeatMaps(tuple(names), full, tuple(names[stays]), full[np.ix_(stays, stays)])

    def _names(self) -> list[str]:
        if hasattr(self, "feature_names_in_"):
            return [str(name) for name in self.feature_names_in_]
        return [f"x{at}" for at in range(self.n_features_in_)]

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self)
        return self.kept_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
