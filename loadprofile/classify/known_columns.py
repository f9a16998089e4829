"""Keeps the columns of which at least one training row knows something."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted, validate_data


class KnownColumns(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Drops columns that are NaN in every training row: gradient boosting cannot bin them.

    A population without peers, or a year without winter, leaves whole columns empty.

    Attributes:
        known_: ``(k,)`` bool, the columns kept.
    """

    def fit(self, X: ArrayLike, y: object = None) -> KnownColumns:  # noqa: ARG002
        """Learn which of the ``(m, k)`` columns (NaN allowed) hold anything."""
        values = validate_data(self, X, dtype=np.float32, ensure_all_finite="allow-nan")
        self.known_ = ~np.isnan(values).all(axis=0)
        return self

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self)
        return np.asarray(self.known_)

    def __sklearn_tags__(self) -> object:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
