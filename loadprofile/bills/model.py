"""BillModel: calibrated odds of fraud from bills, and what each column had to do with them.

The log odds are the mean of two unlike halves: boosted trees (interactions, missing values) and an additive
regression (curves and category values). Both halves can be taken apart exactly, so the score can.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from loadprofile.bills.cases import BillCases
from loadprofile.bills.shapley import Leaves, contributions, leaves_of
from loadprofile.classify.calibration import logit
from loadprofile.errors import ModelFileError
from loadprofile.models.store import load_model, save_model

KIND = "bills"
BILL_LAYOUT = 2
"""Version of the parts below; a file with another one is refused."""

BLOCK = 16384
"""Rows that are scored at a time: a hundred thousand with all their columns take too much memory."""


@dataclass(frozen=True, eq=False, slots=True)
class BillModel:
    """What was learned from bills, and how.

    Attributes:
        reads: name of the layout of bills that it was trained on.
        encoder: fitted ``BillEncoder``.
        trees: fitted ``HistGradientBoostingClassifier``, one for each seed.
        additive: fitted ``AdditiveOdds``.
        calibrator: ``BinaryCalibrator`` from the score to the probability of fraud, learned on later visits
            than those behind the score.
        extras: further fitted parts of the layout (spreads of onsets and energies).
        manifest: data with hashes, seeds, versions, figures; ``prior`` is the share of fraud in the visits
            that it was calibrated on.
    """

    reads: str
    encoder: Any
    trees: tuple[Any, ...]
    additive: Any
    calibrator: Any
    extras: Mapping[str, Any]
    manifest: Mapping[str, Any]

    def score(self, cases: BillCases) -> NDArray[np.float64]:
        """``(n,)`` log odds, higher = more like the frauds that were found; not calibrated."""
        blocks = (np.arange(at, min(at + BLOCK, len(cases))) for at in range(0, max(len(cases), 1), BLOCK))
        return np.concatenate(
            [
                score_of_parts(
                    self.encoder.transform(cases.take(rows)), self.encoder, self.trees, self.additive
                )
                for rows in blocks
            ]
        )

    def probability(self, cases: BillCases, prevalence: float | None = None) -> NDArray[np.float64]:
        """``(n,)`` calibrated probability that a visit finds fraud.

        Args:
            cases: any number; the answer for a row does not depend on the others.
            prevalence: share of fraud where the rows are from; None = as in the latest training visits.
        """
        return self.probability_of(self.score(cases), prevalence)

    def probability_of(
        self, scores: NDArray[np.float64], prevalence: float | None = None
    ) -> NDArray[np.float64]:
        """``probability`` of rows whose ``score`` is known already."""
        p = np.asarray(self.calibrator.transform(scores), dtype=np.float64)
        if prevalence is None:
            return p
        shift = logit(prevalence) - logit(float(self.manifest["prior"]))
        return np.asarray(expit(logit(p) + shift))

    def leaves(self) -> tuple[Leaves, ...]:
        """The leaves of the trees, for ``explain`` of many blocks of rows."""
        return tuple(leaves_of(model) for model in self.trees)

    def explain(
        self, cases: BillCases, leaves: tuple[Leaves, ...] | None = None
    ) -> tuple[NDArray[np.float64], float, tuple[str, ...]]:
        """``(n, k)`` contributions to ``score``, their base, and the names of the columns.

        Contributions of a row and the base sum to its score. ``leaves``: of ``leaves()``, None = found anew.
        """
        X = self.encoder.transform(cases)
        names = tuple(self.encoder.columns_)
        tree_at, additive_at = seen_by(names)
        total, base = np.zeros(X.shape), 0.0
        for own in self.leaves() if leaves is None else leaves:
            found, start = contributions(own, X[:, tree_at])
            total[:, tree_at] += found / len(self.trees) / 2.0
            base += start / len(self.trees) / 2.0
        found, start = self.additive.contributions(X[:, additive_at])
        total[:, additive_at] += found / 2.0
        return total, base + start / 2.0, names

    def save(self, path: str) -> None:
        """Write the model to one file (see ``models/store.py``)."""
        parts = {
            "encoder": self.encoder, "trees": list(self.trees), "additive": self.additive,
            "calibrator": self.calibrator, "extras": dict(self.extras),
        }  # fmt: skip
        save_model(path, parts, {**self.manifest, "kind": KIND, "layout": BILL_LAYOUT, "reads": self.reads})

    @classmethod
    def load(cls, path: str) -> BillModel:
        """Read a model file.

        Raises:
            ModelFileError: damaged, altered, of another kind or layout, or with types that are not trusted.
        """
        parts, manifest = load_model(path)
        if manifest.get("kind") != KIND:
            raise ModelFileError(
                path,
                "not trained on bills; train one first: loadprofile train INPUT --format ... --out MODEL",
            )
        if manifest.get("layout") != BILL_LAYOUT:
            raise ModelFileError(path, f"layout {manifest.get('layout')}, this version reads {BILL_LAYOUT}")
        trees = tuple(parts.pop("trees"))
        return cls(reads=str(manifest["reads"]), trees=trees, manifest=manifest, **parts)


def score_of_parts(
    X: NDArray[np.float64], encoder: Any, trees: tuple[Any, ...], additive: Any
) -> NDArray[np.float64]:
    """``(n,)`` mean of the log odds of both halves."""
    tree_at, additive_at = seen_by(encoder.columns_)
    boosted = np.mean([model.decision_function(X[:, tree_at]) for model in trees], axis=0)
    return np.asarray((boosted + additive.decision_function(X[:, additive_at])) / 2.0)


def seen_by(names: tuple[str, ...] | list[str]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Columns for the trees (all but codes) and for the additive half (all but rates and counts)."""
    first = [name.split(".", 1)[0] for name in names]
    trees = np.array([i for i, group in enumerate(first) if group != "code"], dtype=np.intp)
    additive = np.array([i for i, group in enumerate(first) if group not in ("rate", "count")], dtype=np.intp)
    return trees, additive


def columns_of_halves(names: list[str]) -> tuple[NDArray[np.intp], NDArray[np.intp], list[int]]:
    """As ``seen_by``, and which columns of the additive half are codes."""
    trees, additive = seen_by(names)
    return trees, additive, [k for k, i in enumerate(additive.tolist()) if names[i].startswith("code.")]
