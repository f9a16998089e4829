"""RobustScaling: medians, spreads, a cut for the tails, and an honest place for missing values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from loadprofile.errors import OptionError

NORMAL_IQR = 1.349
"""Interquartile range of a normal distribution with standard deviation 1."""


class RobustScaling(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Columns to finite, comparable numbers for models that cannot read NaN.

    ``(x - median) / (IQR / 1.349)``, cut at +-``clip``; where the middle half of the meters are equal
    the standard deviation stands in. A missing value becomes 0, the training median. Because missing
    is itself a sign (the missing-value mask alone was worth 0.036 AUC on the SGCC data, Finardi
    2020), each distinct pattern of missing values met in training also gets one flag column; columns
    that are missing together (a whole season) share one flag.

    Args (stored):
        clip: positive, in spreads.
        flag_share: a flag is kept for patterns missing in at least this share of the training
            meters and in at most one minus this share; 0.5 or more = no flags.

    Attributes:
        center_, spread_: ``(k,)`` float64.
        flagged_: ``(f,)`` int64, one column for each pattern of missing values.
        flag_share_: ``(f,)`` float64, share of training meters that miss it.
    """

    def __init__(self, clip: float = 8.0, flag_share: float = 0.02) -> None:
        self.clip = clip
        self.flag_share = flag_share

    def fit(self, X: ArrayLike, y: object = None) -> RobustScaling:  # noqa: ARG002
        """Learn medians, spreads and patterns from ``(n, k)`` training values."""
        if not self.clip > 0:
            raise OptionError("clip", self.clip, "must be positive")
        values = validate_data(self, X, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan")
        k = values.shape[1]
        self.center_, self.spread_ = np.zeros(k), np.ones(k)
        flagged: list[int] = []
        shares: list[float] = []
        patterns: set[bytes] = set()
        for at in range(k):
            missing = np.isnan(values[:, at])
            seen = values[~missing, at].astype(np.float64)
            if seen.size:
                low, middle, high = np.quantile(seen, [0.25, 0.5, 0.75])
                self.center_[at] = middle
                self.spread_[at] = (high - low) / NORMAL_IQR or float(seen.std()) or 1.0
            share = float(missing.mean())
            pattern = np.packbits(missing).tobytes()
            if share > 0 and self.flag_share <= share <= 1 - self.flag_share and pattern not in patterns:
                patterns.add(pattern)
                flagged.append(at)
                shares.append(share)
        self.flagged_ = np.array(flagged, dtype=np.int64)
        self.flag_share_ = np.array(shares, dtype=np.float64)
        return self

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """``(n, k + f)`` finite values of the same float type: the columns, then the flags (standardised)."""
        check_is_fitted(self)
        values = validate_data(
            self, X, reset=False, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan"
        )
        dtype = values.dtype
        missing = np.isnan(values)
        z: NDArray[Any] = np.clip(
            (values - self.center_.astype(dtype)) / self.spread_.astype(dtype), -self.clip, self.clip
        )
        z[missing] = 0
        if not len(self.flagged_):
            return z
        share = self.flag_share_
        flags = (missing[:, self.flagged_] - share) / np.sqrt(share * (1 - share))
        return np.concatenate([z, flags.astype(dtype)], axis=1)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]:
        """Names of the columns, then ``missing(NAME)`` for the flags."""
        check_is_fitted(self)
        names = _checked_names(self, input_features)
        flags = [f"missing({names[at]})" for at in self.flagged_]
        return np.array([*names, *flags], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _checked_names(fitted: Any, input_features: ArrayLike | None) -> list[str]:
    """Names seen in fit, or the given ones, or ``x0..``, by scikit-learn's rule."""
    from sklearn.utils.validation import _check_feature_names_in

    return [str(name) for name in _check_feature_names_in(fitted, input_features)]
