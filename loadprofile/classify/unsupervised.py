"""Detectors for a utility without one label: PyOD's, and only those that judge a meter by itself.

ECOD and COPOD rank a meter within the batch it comes in (the same meter, another batch, another
score), so they are not in the table; ROD and LOCI do not finish at 40 features. PyOD's
``predict_proba`` is a min-max scaling and is never used: scores go through
``loadprofile.classify.calibration``, or they stay scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from loadprofile.errors import OptionError
from loadprofile.space.scaling import RobustScaling


def _isolation_forest(seed: int) -> Any:
    from pyod.models.iforest import IForest

    return IForest(n_estimators=200, random_state=seed, n_jobs=1)


def _knn(seed: int) -> Any:  # noqa: ARG001
    from pyod.models.knn import KNN

    return KNN(n_neighbors=10, method="mean", n_jobs=1)


def _hbos(seed: int) -> Any:  # noqa: ARG001
    from pyod.models.hbos import HBOS

    return HBOS(n_bins=20)


def _lof(seed: int) -> Any:  # noqa: ARG001
    from pyod.models.lof import LOF

    return LOF(n_neighbors=20, novelty=True, n_jobs=1)


def _pca(seed: int) -> Any:
    from pyod.models.pca import PCA

    return PCA(svd_solver="full", random_state=seed)


def _inne(seed: int) -> Any:
    from pyod.models.inne import INNE

    return INNE(n_estimators=200, random_state=seed)


def _mcd(seed: int) -> Any:
    from pyod.models.mcd import MCD

    return MCD(random_state=seed)


def _loda(seed: int) -> Any:
    from pyod.models.loda import LODA

    return LODA(n_random_cuts=200, random_state=seed)


DETECTORS: Mapping[str, Callable[[int], Any]] = MappingProxyType(
    {
        "isolation_forest": _isolation_forest,
        "knn": _knn,
        "hbos": _hbos,
        "lof": _lof,
        "pca": _pca,
        "inne": _inne,
        "mcd": _mcd,
        "loda": _loda,
    }
)
"""Name -> seed -> unfitted PyOD detector whose score of a meter does not depend on its batch."""


class Unusual(OutlierMixin, BaseEstimator):  # type: ignore[misc]
    """One named detector behind robust scaling, so that it reads NaN.

    Args (stored):
        detector: a name in ``DETECTORS``.
        seed: everything random in it.

    Attributes:
        scaling_, model_: the fitted parts.
    """

    def __init__(self, detector: str = "isolation_forest", seed: int = 0) -> None:
        self.detector = detector
        self.seed = seed

    def fit(self, X: ArrayLike, y: object = None) -> Unusual:  # noqa: ARG002
        """Learn what is usual from ``(n, k)`` values of training meters (NaN allowed).

        Raises:
            OptionError: no such detector.
        """
        if self.detector not in DETECTORS:
            raise OptionError("detector", self.detector, f"known are {', '.join(DETECTORS)}")
        values = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", ensure_min_samples=2)
        self.scaling_ = RobustScaling().fit(values)
        self.model_ = DETECTORS[self.detector](self.seed).fit(self.scaling_.transform(values))
        return self

    def score(self, X: ArrayLike) -> NDArray[np.float64]:
        """``(n,)`` scores, higher = more unusual; no fixed scale."""
        check_is_fitted(self)
        values = validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan")
        return np.asarray(self.model_.decision_function(self.scaling_.transform(values)), dtype=np.float64)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
