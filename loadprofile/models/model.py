"""Model: everything fitted that a screening needs, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadprofile.classify.calibration import prior_shift
from loadprofile.errors import ModelFileError
from loadprofile.features.table import FeatureTable, in_groups
from loadprofile.models.store import load_model, save_model
from loadprofile.verdicts import CAUSES, Cause, Findings

LAYOUT = 2
"""Version of the parts below; a file with another one is refused."""


@dataclass(frozen=True, eq=False, slots=True)
class Model:
    """What was learned, and how.

    Attributes:
        space: scikit-learn pipeline from the paper's three feature groups to scores on the principal
            planes and, as last column, the distance to them.
        space_names: the columns that ``space`` takes.
        odds: ``CauseOdds`` over ``odds_names`` and, as last column, the distance to the planes.
        odds_names: the columns of features and findings that ``odds`` takes.
        onset_spread, lost_spread: ``SpreadTable`` of the error of dates (days) and of foretold energy (in
            standard errors).
        calibrations: for each sub-detector's cause, the fitted calibration of its signals.
        prior: ``(6,)`` how common each answer is taken to be in the field; a setting, not learned.
        held_out: ``probabilities (m, 6)``, ``cause (m,)`` (index into ``CAUSES``) and ``lost_kwh (m,)`` of
            the training cases, scored out of fold: what calibration and gain pictures are drawn from.
        manifest: data with hashes, seeds, versions, attribution, figures.
    """

    space: Any
    space_names: tuple[str, ...]
    odds: Any
    odds_names: tuple[str, ...]
    onset_spread: Any
    lost_spread: Any
    calibrations: Mapping[str, Any]
    prior: NDArray[np.float64]
    held_out: Mapping[str, Any]
    manifest: Mapping[str, Any]

    def distance(self, features: FeatureTable) -> NDArray[np.float64]:
        """``(n,)`` distance to the principal planes (Calamaro et al. 2021, geometry of section 3)."""
        return np.asarray(self.planes(features)[:, -1], dtype=np.float64)

    def planes(self, features: FeatureTable) -> NDArray[np.float64]:
        """``(n, c + 1)`` scores on the principal planes, last column the distance to them."""
        return np.asarray(self.space.transform(features.select(self.space_names).values), dtype=np.float64)

    def probabilities(
        self, table: FeatureTable, prior: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """``(n, 6)`` odds over the answers.

        Args:
            table: all columns of ``space_names`` and ``odds_names``.
            prior: ``(6,)`` how common each answer is; None = as in training, where all causes are common.
        """
        inputs = np.column_stack([table.select(self.odds_names).values, self.distance(table)])
        return np.asarray(self.odds.predict_proba(inputs, prior), dtype=np.float64)

    def at_prior(
        self, learned: NDArray[np.float64], prior: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """``probabilities`` as in training moved to a prior (None = the model's own)."""
        return prior_shift(learned, self.odds.prior_, self.prior if prior is None else prior)

    def calibrated(self, findings: Findings) -> Findings:
        """The findings with probabilities; NaN where the sub-detector cannot judge."""
        calibration = self.calibrations[str(findings.cause)]
        common = float(self.prior[CAUSES.index(findings.cause)])
        known = in_groups(self.odds_names, frozenset({str(findings.cause)}))
        probability = calibration.predict_proba(findings.signals.select(known).values, common)[:, 1]
        return findings.with_probability(np.where(np.isnan(findings.score), np.nan, probability))

    def save(self, path: str) -> None:
        """Write the model to one file (see ``models/store.py``)."""
        parts = {name: getattr(self, name) for name in _PARTS}
        names = {name: list(getattr(self, name)) for name in _NAMES}
        manifest = {
            **self.manifest,
            "layout": LAYOUT,
            "columns": names,
            "prior": dict(zip(map(str, CAUSES), self.prior.tolist(), strict=True)),
        }
        save_model(path, parts | {name: dict(getattr(self, name)) for name in _MAPPINGS}, manifest)

    @classmethod
    def load(cls, path: str) -> Model:
        """Read a model file.

        Raises:
            ModelFileError: damaged, altered, of another layout, or with types that are not trusted.
        """
        parts, manifest = load_model(path)
        if "kind" in manifest:
            raise ModelFileError(path, f"it reads {manifest['kind']}, not interval readings (say --format)")
        if manifest.get("layout") != LAYOUT:
            raise ModelFileError(path, f"layout {manifest.get('layout')}, this version reads {LAYOUT}")
        prior = np.array([float(manifest["prior"][str(cause)]) for cause in CAUSES])
        names: dict[str, Any] = {name: tuple(manifest["columns"][name]) for name in _NAMES}
        fitted: dict[str, Any] = {name: parts[name] for name in (*_PARTS, *_MAPPINGS)}
        return cls(**fitted, **names, prior=prior, manifest=manifest)


_PARTS = ("space", "odds", "onset_spread", "lost_spread")
_MAPPINGS = ("calibrations", "held_out")
_NAMES = ("space_names", "odds_names")

FIELD_PRIOR: Mapping[Cause, float] = {
    Cause.NORMAL: 0.72,
    Cause.DATA_MISMATCH: 0.08,
    Cause.MAINTENANCE: 0.08,
    Cause.CYBER_ATTACK: 0.02,
    Cause.SUPER_CONSUMPTION: 0.05,
    Cause.FRAUD: 0.05,
}
"""How common each answer is taken to be when nobody says otherwise. Fraud prevalence in the field is
1-8 % of meters; the rest is our assumption (trouble with data and meters is commoner than theft), to be
replaced by a utility's own counts."""
