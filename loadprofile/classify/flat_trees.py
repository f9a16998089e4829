"""All trees of a boosted model in flat arrays, walked in one compiled loop.

scikit-learn asks each tree in a call of its own. A model over six answers has more than a thousand trees,
so for one meter nearly all time went into the calls. The sums here are the same to the last bit: the same
leaves, added in the same order.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numba import njit
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from loadprofile.errors import ShapeError

LEAF = -1
"""Stands where an inner node has its column."""


@dataclass(frozen=True, eq=False, slots=True)
class FlatTrees:
    """Nodes of all trees, one tree after the other; children are places in these arrays.

    Attributes:
        column: ``(p,)`` int32 column that a node asks for, ``LEAF`` where it asks for none.
        number: ``(p,)`` float64 threshold of an inner node (at most this goes left), value of a leaf.
        left, right: ``(p,)`` int32 children.
        blank_left: ``(p,)`` whether a missing value goes left.
        root: ``(t,)`` int32 first node of each tree; the outputs take turns.
        start: ``(k,)`` float64 outputs before any tree.
        width: columns that a row must have.
    """

    column: NDArray[np.int32]
    number: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    blank_left: NDArray[np.bool_]
    root: NDArray[np.int32]
    start: NDArray[np.float64]
    width: int

    def raw(self, X: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float64]:
        """``(n, k)`` sums of the leaves that each row falls into, as ``_raw_predict`` of scikit-learn.

        Args:
            X: ``(n, width)``, NaN allowed.

        Raises:
            ShapeError: rows of another width.
        """
        if X.ndim != 2 or X.shape[1] != self.width:
            raise ShapeError("rows for the trees", X.shape, ("n", self.width))
        out = np.tile(self.start, (len(X), 1))
        _walk(
            np.ascontiguousarray(X), self.column, self.number, self.left, self.right, self.blank_left,
            self.root, out,
        )  # fmt: skip
        return out


def flat_trees(boosting: Any, known: NDArray[np.bool_] | None = None) -> FlatTrees:
    """Lay out a fitted ``HistGradientBoostingClassifier`` without categorical splits.

    Args:
        boosting: the fitted model.
        known: ``(width,)`` the columns of a row that it was fitted on (None = all).

    Raises:
        ShapeError: it was fitted on another number of columns, or has categorical splits.
    """
    known = np.ones(boosting.n_features_in_, dtype=np.bool_) if known is None else known
    columns = np.flatnonzero(known)
    if len(columns) != boosting.n_features_in_:
        raise ShapeError("columns of the trees", len(columns), boosting.n_features_in_)
    start = np.array(boosting._baseline_prediction, dtype=np.float64).ravel()  # noqa: SLF001 - no public way
    trees = [tree.nodes for turn in boosting._predictors for tree in turn]  # noqa: SLF001
    if any(len(turn) != len(start) for turn in boosting._predictors):  # noqa: SLF001
        raise ShapeError("trees of a round", "not one for each output", len(start))
    nodes = np.concatenate(trees)
    if nodes["is_categorical"].any():
        raise ShapeError("splits of the trees", "some by category", "all by a threshold")
    sizes = np.array([len(tree) for tree in trees], dtype=np.int64)
    root = np.cumsum(sizes) - sizes
    first = np.repeat(root, sizes)
    leaf = nodes["is_leaf"] != 0
    asked = columns[np.where(leaf, 0, nodes["feature_idx"])]
    return FlatTrees(
        column=np.where(leaf, LEAF, asked).astype(np.int32),
        number=np.where(leaf, nodes["value"], nodes["num_threshold"]).astype(np.float64),
        left=(nodes["left"] + first).astype(np.int32), right=(nodes["right"] + first).astype(np.int32),
        blank_left=nodes["missing_go_to_left"] != 0, root=root.astype(np.int32), start=start,
        width=len(known),
    )  # fmt: skip


_laid_out: WeakKeyDictionary[Any, tuple[Any, FlatTrees]] = WeakKeyDictionary()
_lock = threading.Lock()


def probabilities(booster: Pipeline, X: NDArray[np.float32]) -> NDArray[np.float64]:
    """``(n, c)`` as ``booster.predict_proba(X)``, the trees laid out once for each fit.

    Args:
        booster: fitted pipeline of ``KnownColumns`` and ``HistGradientBoostingClassifier``.
        X: ``(n, k)`` NaN allowed.

    Raises:
        ShapeError: rows of another width than it was fitted on.
    """
    chosen, boosting = (step for _, step in booster.steps)
    fitted = boosting._predictors  # noqa: SLF001 - another list after another fit
    with _lock:
        kept = _laid_out.get(boosting)
        if kept is None or kept[0] is not fitted:
            kept = _laid_out[boosting] = (fitted, flat_trees(boosting, chosen.known_))
    return np.asarray(boosting._loss.predict_proba(kept[1].raw(X)), dtype=np.float64)  # noqa: SLF001


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _walk(X, column, number, left, right, blank_left, root, out):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN202
    """Tree by tree and not row by row: a tree stays in the cache while all rows pass it."""
    outputs = out.shape[1]
    for tree in range(len(root)):
        k = tree % outputs
        for row in range(len(X)):
            at = root[tree]
            while column[at] >= 0:
                found = X[row, column[at]]
                goes_left = blank_left[at] if np.isnan(found) else np.float64(found) <= number[at]
                at = left[at] if goes_left else right[at]
            out[row, k] += number[at]
