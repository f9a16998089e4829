"""Exact contributions of columns to the log odds of boosted trees.

The Shapley values of Lundberg et al. 2020 (Nature Machine Intelligence 2, path-dependent TreeSHAP): a
column that is not known sends a row down both branches, in proportion to the training rows that went there.
A tree is the sum of its leaves, and a leaf is a product over the columns on its path, so its Shapley values
need only the coefficients of one polynomial: no sampling, no approximation. Contributions and base sum
to the model's log odds (a test holds them to that, and to the definition by all subsets).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.errors import ShapeError

DEEPEST = 32
"""Questions on the way to one leaf."""

TABLED = 8
"""Up to so many, what a leaf adds is tabled for every pattern of its conditions."""


@dataclass(frozen=True, eq=False, slots=True)
class Leaves:
    """All leaves of a boosted model, their paths one after the other.

    Attributes:
        value: ``(l,)`` of each leaf.
        start: ``(l + 1,)`` where the path of each leaf begins in the arrays below.
        column: ``(p,)`` column that a node asks for.
        threshold: ``(p,)`` rows with at most this go left.
        blank_left: ``(p,)`` whether a missing value goes left.
        is_left: ``(p,)`` whether the path goes left.
        share: ``(p,)`` part of the node's training rows that goes the way of the path.
        base: log odds before any tree.
    """

    value: NDArray[np.float64]
    start: NDArray[np.int64]
    column: NDArray[np.int64]
    threshold: NDArray[np.float64]
    blank_left: NDArray[np.bool_]
    is_left: NDArray[np.bool_]
    share: NDArray[np.float64]
    base: float


def leaves_of(model: Any) -> Leaves:
    """The leaves of a fitted two-class ``HistGradientBoostingClassifier`` without categorical splits.

    Raises:
        ShapeError: more than ``DEEPEST`` questions on the way to a leaf.
    """
    value, start, path = [], [0], []
    for (predictor,) in model._predictors:  # noqa: SLF001 - scikit-learn has no public way to its trees
        nodes = predictor.nodes
        left: list[tuple[int, list[tuple[int, bool, float]]]] = [(0, [])]
        while left:
            at, way = left.pop()
            node = nodes[at]
            if len(way) > DEEPEST:
                raise ShapeError("questions on the way to a leaf", len(way), f"at most {DEEPEST}")
            if node["is_leaf"]:
                value.append(float(node["value"]))
                path += [
                    (
                        nodes[i]["feature_idx"],
                        nodes[i]["num_threshold"],
                        nodes[i]["missing_go_to_left"],
                        goes_left,
                        part,
                    )
                    for i, goes_left, part in way
                ]
                start.append(len(path))
                continue
            for child, goes_left in ((node["left"], True), (node["right"], False)):
                part = float(nodes[child]["count"]) / float(node["count"])
                left.append((int(child), [*way, (at, goes_left, part)]))
    columns: Any = zip(*path, strict=True) if path else ((),) * 5
    column, threshold, blank, is_left, share = columns
    return Leaves(
        np.array(value), np.array(start, dtype=np.int64), np.array(column, dtype=np.int64),
        np.array(threshold, dtype=np.float64), np.array(blank, dtype=np.bool_),
        np.array(is_left, dtype=np.bool_), np.array(share, dtype=np.float64),
        float(np.ravel(model._baseline_prediction)[0]),  # noqa: SLF001
    )  # fmt: skip


def contributions(leaves: Leaves, X: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """``(n, k)`` contributions to the log odds, and the base that all rows have in common."""
    weights = _weights()
    out = np.zeros(X.shape[::-1])  # columns lie together: the loop goes down the rows of a few of them
    base = _contributions(
        np.ascontiguousarray(X.T, dtype=np.float64), leaves.value, leaves.start, leaves.column,
        leaves.threshold, leaves.blank_left, leaves.is_left, leaves.share, weights, out,
    )  # fmt: skip
    return out.T, leaves.base + float(base)


def _weights() -> NDArray[np.float64]:
    """``weights[m, k] = k! (m - 1 - k)! / m!``: share of the orders in which k given columns come first."""
    out = np.zeros((DEEPEST + 1, DEEPEST + 1))
    for m in range(1, DEEPEST + 1):
        out[m, 0] = 1.0 / m
        for k in range(1, m):
            out[m, k] = out[m, k - 1] * k / (m - k)
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _of_leaf(value, m, part, goes, weights, poly, found):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN202
    """What each of the ``m`` columns of a leaf's path adds, for one pattern of conditions that hold."""
    for i in range(m):
        # product over the other columns of (part + goes t), by powers of t
        poly[0] = 1.0
        size = 1
        for j in range(m):
            if j == i:
                continue
            poly[size] = 0.0
            for k in range(size, 0, -1):
                poly[k] = poly[k] * part[j] + poly[k - 1] * goes[j]
            poly[0] *= part[j]
            size += 1
        total = 0.0
        for k in range(size):
            total += poly[k] * weights[m, k]
        found[i] = value * (goes[i] - part[i]) * total


# fmt: off
@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _contributions(columns, value, start, column, threshold, blank_left, is_left, share, weights, out):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN202
    # fmt: on
    own = np.empty(DEEPEST, dtype=np.int64)
    place = np.empty(DEEPEST, dtype=np.int64)
    goes = np.empty(DEEPEST)
    part = np.empty(DEEPEST)
    poly = np.empty(DEEPEST + 1)
    found = np.empty(DEEPEST)
    table = np.empty((1 << TABLED, TABLED))
    rows = columns.shape[1]
    base = 0.0
    for leaf in range(len(value)):
        # the columns of this path, each once; `part` is the product of the shares of its nodes
        m, first = 0, start[leaf]
        nodes = start[leaf + 1] - first
        for p in range(nodes):
            at = 0
            while at < m and own[at] != column[first + p]:
                at += 1
            if at == m:
                own[m] = column[first + p]
                part[m] = 1.0
                m += 1
            part[at] *= share[first + p]
            place[p] = at
        expected = value[leaf]
        for i in range(m):
            expected *= part[i]
        base += expected
        if m <= TABLED:
            # few patterns, many rows: what each pattern adds is worked out once
            for pattern in range(1 << m):
                for i in range(m):
                    goes[i] = (pattern >> i) & 1
                _of_leaf(value[leaf], m, part, goes, weights, poly, found)
                for i in range(m):
                    table[pattern, i] = found[i]
        for row in range(rows):
            pattern = (1 << m) - 1
            for p in range(nodes):
                x = columns[column[first + p], row]
                to_left = blank_left[first + p] if np.isnan(x) else x <= threshold[first + p]
                if to_left != is_left[first + p]:
                    pattern &= ~(1 << place[p])
            if m <= TABLED:
                for i in range(m):
                    out[own[i], row] += table[pattern, i]
            else:
                for i in range(m):
                    goes[i] = (pattern >> i) & 1
                _of_leaf(value[leaf], m, part, goes, weights, poly, found)
                for i in range(m):
                    out[own[i], row] += found[i]
    return base
