"""PrincipalPlanes: the main directions in which meters differ, and how far off them a meter lies.

Calamaro et al. 2021 (Sustainability 13(19), 10696) project the filtered features on principal
components and report that frauds cluster near the principal planes while ordinary meters lie
farther away, so the distance is a feature and not a score: a classifier decides what it means.
Departures: robust scaling with cut tails (the paper does not state its scaling), flags for missing
values, and components chosen by explained variance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.utils.validation import check_is_fitted, validate_data

from loadprofile.errors import OptionError
from loadprofile.space.scaling import RobustScaling

CHUNK_ROWS = 16384


class PrincipalPlanes(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Scores on the principal components and the distance to the plane they span.

    The distance is the root mean square, over the scaled columns, of what the components leave
    unexplained: 0 = in the plane, about 1 = as far as a column's usual spread, in every column.
    A meter's values do not depend on the other meters of a batch, up to rounding.

    Args (stored):
        explained_variance: share of variance that the components explain, in (0, 1).
        max_components: never more than this many (None = no bound).
        clip, flag_share: see ``RobustScaling``.

    Attributes:
        scaling_: the fitted ``RobustScaling``.
        pca_: the fitted ``sklearn.decomposition.PCA``.
        n_components_: how many components there are.
        explained_: their share of the variance.
    """

    def __init__(
        self,
        explained_variance: float = 0.95,
        max_components: int | None = None,
        clip: float = 8.0,
        flag_share: float = 0.02,
    ) -> None:
        self.explained_variance = explained_variance
        self.max_components = max_components
        self.clip = clip
        self.flag_share = flag_share

    def fit(self, X: ArrayLike, y: object = None) -> PrincipalPlanes:  # noqa: ARG002
        """Learn the planes from ``(n, k)`` training values (NaN allowed).

        Raises:
            ValueError: fewer than two meters, or no column that varies.
        """
        if not 0 < self.explained_variance < 1:
            raise OptionError("explained_variance", self.explained_variance, "must lie in (0, 1)")
        if self.max_components is not None and self.max_components < 1:
            raise OptionError("max_components", self.max_components, "must be at least 1")
        values = self._checked(X, reset=True)
        self.scaling_ = RobustScaling(self.clip, self.flag_share).fit(values)
        z = self.scaling_.transform(values)
        if not bool((z != z[0]).any()):
            raise ValueError("no column varies: there is no plane to find")
        self.pca_ = PCA(n_components=self.explained_variance, svd_solver="covariance_eigh").fit(z)
        if self.max_components is not None and self.pca_.n_components_ > self.max_components:
            self.pca_ = PCA(n_components=self.max_components, svd_solver="covariance_eigh").fit(z)
        self.n_components_ = int(self.pca_.n_components_)
        self.explained_ = float(self.pca_.explained_variance_ratio_.sum())
        return self

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """``(n, n_components_ + 1)``: the scores, then the distance to the planes."""
        check_is_fitted(self)
        values = self._checked(X, reset=False)
        parts = [
            self._project(values[start : start + CHUNK_ROWS]) for start in range(0, len(values), CHUNK_ROWS)
        ]
        return np.concatenate(parts, axis=0)

    def distance(self, X: ArrayLike) -> NDArray[Any]:
        """``(n,)`` distance to the principal planes alone."""
        return self.transform(X)[:, -1]

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]:  # noqa: ARG002
        """``space.pc01``, ``space.pc02``, ..., ``space.distance``."""
        check_is_fitted(self)
        scores = [f"space.pc{at + 1:02d}" for at in range(self.n_components_)]
        return np.array([*scores, "space.distance"], dtype=object)

    def _project(self, values: NDArray[Any]) -> NDArray[Any]:
        z = self.scaling_.transform(values)
        scores = self.pca_.transform(z)
        rest = z - self.pca_.mean_ - scores @ self.pca_.components_
        distance = np.sqrt(np.mean(rest * rest, axis=1, keepdims=True))
        return np.concatenate([scores, distance], axis=1).astype(values.dtype)

    def _checked(self, X: ArrayLike, *, reset: bool) -> NDArray[Any]:
        least = 2 if reset else 1
        values: NDArray[Any] = validate_data(
            self,
            X,
            reset=reset,
            dtype=[np.float64, np.float32],
            ensure_all_finite="allow-nan",
            ensure_min_samples=least,
        )
        return values

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
