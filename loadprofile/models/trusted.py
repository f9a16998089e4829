"""What a model file may hold: our list of types, and a check of the trees inside.

skops asks who is to be trusted; the usual answer, whatever the file itself names, is no answer. Here
every type and every way of building one is on a list written down in this file, and nothing else is
loaded, skops' own defaults included. A type on the list can still carry crafted content: scikit-learn
follows the child and column numbers of a tree without checking bounds, so they are checked here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.tree._tree import Tree

PLAIN = ("bool", "dict", "float", "int", "list", "str", "tuple")

NUMPY = (
    "bool", "bool_", "datetime64", "dtype", "float16", "float32", "float64", "int8", "int16", "int32",
    "int64", "ndarray", "random._generator.Generator", "str_", "timedelta64", "uint8", "uint16", "uint32",
    "uint64",
)  # fmt: skip

SKLEARN = (
    "_loss._loss.CyHalfBinomialLoss",
    "_loss._loss.CyHalfMultinomialLoss",
    "_loss.link.Interval",
    "_loss.link.LogitLink",
    "_loss.link.MultinomialLogit",
    "_loss.loss.HalfBinomialLoss",
    "_loss.loss.HalfMultinomialLoss",
    "decomposition._pca.PCA",
    "ensemble._forest.RandomForestClassifier",
    "ensemble._hist_gradient_boosting.binning._BinMapper",
    "ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
    "ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "impute._base.MissingIndicator",
    "impute._base.SimpleImputer",
    "kernel_approximation.Nystroem",
    "linear_model._logistic.LogisticRegression",
    "linear_model._ridge.RidgeClassifier",
    "pipeline.Pipeline",
    "preprocessing._data.StandardScaler",
    "preprocessing._label.LabelBinarizer",
    "preprocessing._label.LabelEncoder",
    "svm._classes.LinearSVC",
    "tree._classes.DecisionTreeClassifier",
    "tree._tree.Tree",
)

OURS = (
    "bills.additive.AdditiveOdds",
    "bills.encoding.BillEncoder",
    "classify.calibration.BinaryCalibrator",
    "classify.calibration.ClassCalibrator",
    "classify.causes.CauseOdds",
    "classify.held_out.HeldOutCalibrated",
    "classify.known_columns.KnownColumns",
    "classify.spreads.SpreadTable",
    "classify.supervised.KernelMap",
    "features.billing.peers.BillMeans",
    "space.correlation.CorrelationFilter",
    "space.projection.PrincipalPlanes",
    "space.scaling.RobustScaling",
)

TRUSTED: frozenset[str] = frozenset(
    f"{package}.{name}"
    for package, names in (("builtins", PLAIN), ("numpy", NUMPY), ("sklearn", SKLEARN), ("loadprofile", OURS))
    for name in names
)
"""Every type that a model file may hold. A new kind of part is added here, by hand."""

BUILDERS = frozenset(
    {
        "CachedNode", "DTypeNode", "DictNode", "JsonNode", "ListNode", "LossNode", "NdArrayNode",
        "ObjectNode", "RandomGeneratorNode", "TreeNode", "TupleNode", "TypeNode",
    }
)  # fmt: skip
"""The skops loaders that may build them: none that calls a function, a method or an operator by name."""


def untrusted(schema: bytes, also: Iterable[str] = ()) -> list[str]:
    """What a skops schema asks for and may not have: dotted types, and loaders as ``loader NAME``.

    Every object of the JSON is looked at, wherever it stands, so nothing hides in a place that only
    skops would read.
    """
    allowed = TRUSTED | frozenset(also)
    found: set[str] = set()
    left: list[Any] = [json.loads(schema)]
    while left:
        at = left.pop()
        if isinstance(at, list):
            left.extend(at)
        elif isinstance(at, Mapping):
            left.extend(at.values())
            if "__class__" in at or "__module__" in at or "__loader__" in at:
                name = f"{at.get('__module__')}.{at.get('__class__')}"
                if name not in allowed:
                    found.add(name)
                if at.get("__loader__") not in BUILDERS:
                    found.add(f"loader {at.get('__loader__')}")
    return sorted(found)


def broken_tree(part: object) -> str | None:
    """What is wrong with the first decision tree inside ``part`` that points outside itself, or None.

    Walks dicts, lists, tuples, object arrays and attributes; each tree is checked against the number
    of columns that the estimator around it accepts.
    """
    seen: set[tuple[int, object]] = set()  # with the columns: one tree may stand in two estimators
    left: list[tuple[object, object]] = [(part, None)]
    while left:
        at, columns = left.pop()
        if (id(at), columns) in seen or isinstance(at, str | int | float | bool | None):
            continue
        seen.add((id(at), columns))
        if isinstance(at, Tree | TreePredictor):
            wrong = _wrong_with(at, columns)
            if wrong:
                return f"{type(at).__name__}: {wrong}"
        elif isinstance(at, Mapping):
            left.extend((value, columns) for value in at.values())
        elif isinstance(at, list | tuple) or (isinstance(at, np.ndarray) and at.dtype == object):
            left.extend((value, columns) for value in at)
        elif hasattr(at, "__dict__"):
            own = at.__dict__.get("n_features_in_", columns)
            if not isinstance(own, int | np.integer | None):
                return f"{type(at).__name__}: n_features_in_ is no number"
            left.extend((value, own) for value in at.__dict__.values())
    return None


def _wrong_with(tree: Any, columns: object) -> str | None:
    """Why a prediction with this tree could read outside its arrays, or None."""
    if not isinstance(columns, int | np.integer):
        return "no number of columns around it"
    if isinstance(tree, TreePredictor):
        nodes = tree.nodes
        if not isinstance(nodes, np.ndarray) or nodes.dtype != PREDICTOR_RECORD_DTYPE or nodes.ndim != 1:
            return "nodes of another layout"
        if nodes["is_categorical"].any():
            return "categorical splits are not used here"
        inner = nodes["is_leaf"] == 0
        left, right, feature = (nodes[name].astype(np.int64) for name in ("left", "right", "feature_idx"))
    else:
        if tree.n_features != columns:
            return f"{tree.n_features} columns in one of {columns}"
        left, right, feature = tree.children_left, tree.children_right, tree.feature
        inner = ~((left == -1) & (right == -1))
    count, own = len(left), np.flatnonzero(inner)
    if not count:
        return "no nodes"
    for child in (left[own], right[own]):
        # A child always comes after its parent, so a walk down the tree ends.
        if (child <= own).any() or (child >= count).any():
            return "a child outside the tree"
    if (feature[own] < 0).any() or (feature[own] >= columns).any():
        return "a column outside the table"
    return None
