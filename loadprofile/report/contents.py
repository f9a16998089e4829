"""Report: everything the pages of one run are made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadprofile.errors import ShapeError
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import LoadProfiles
from loadprofile.verdicts import Verdicts


@dataclass(frozen=True, eq=False, slots=True)
class Correlation:
    """Correlations before ``(k, k)`` and after ``(m, m)`` the filter, with the names of the columns."""

    before: NDArray[np.floating]
    after: NDArray[np.floating]
    names_before: tuple[str, ...]
    names_after: tuple[str, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Planes:
    """Where the meters lie: ``scores (n, >= 2)``, ``distance (n,)`` to the planes, shares of variance."""

    scores: NDArray[np.floating]
    distance: NDArray[np.floating] | None = None
    explained: tuple[float, ...] | None = None


@dataclass(frozen=True, eq=False, slots=True)
class HeldOut:
    """How good the model was on meters it never saw: what calibration and gain curves are drawn from.

    Attributes:
        probabilities: ``(m,)`` stated probability of being worth a visit (or of not being ordinary).
        truth: ``(m,)`` bool.
        source: which meters these were, in words: it stands under the pictures.
        kwh: ``(m,)`` energy lost at each, or None.
    """

    probabilities: NDArray[np.floating]
    truth: NDArray[np.bool_]
    source: str
    kwh: NDArray[np.floating] | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Report:
    """What a report shows. Rows of profiles, features and verdicts are the same meters in the same order.

    Attributes:
        title: heading of the index.
        profiles: the cube.
        features: features of the same meters (for the key figures; may have no columns).
        verdicts: one for each.
        worklist: the ranked table as written by ``loadprofile.worklist.worklist``.
        expected: rows -> ``(len(rows), d, 8)`` what their peers did, mean power of 3-hour blocks on any
            scale; None when there are no peers. Asked only for meters that get a page.
        correlation, planes, held_out: for the pictures of the whole run; each may be None.
        counts: what was read, name -> number, in the order to show.
        notes: what a reader must know to judge the numbers (simulated meters, the prevalence assumed).
        warnings: what went wrong or looks odd in the input.
        model: the model's manifest, name -> value.
        hemisphere: ``north`` or ``south``.

    Raises:
        ShapeError: when the meters do not fit together.
    """

    title: str
    profiles: LoadProfiles
    features: FeatureTable
    verdicts: Verdicts
    worklist: pd.DataFrame
    expected: Callable[[NDArray[np.intp]], NDArray[np.floating]] | None = None
    correlation: Correlation | None = None
    planes: Planes | None = None
    held_out: HeldOut | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    model: Mapping[str, str] = field(default_factory=dict)
    hemisphere: str = "north"

    def __post_init__(self) -> None:
        for name, ids in (("features", self.features.meter_ids), ("verdicts", self.verdicts.meter_ids)):
            if not np.array_equal(ids, self.profiles.meter_ids):
                raise ShapeError(name, "other meters or order", "the meters of profiles")
        listed = set(self.worklist["meter_id"].astype(str))
        if listed != set(self.profiles.meter_ids.tolist()) or len(self.worklist) != len(self.profiles):
            raise ShapeError("worklist", f"{len(self.worklist)} rows", "one row for each meter of profiles")
        if self.planes is not None and len(self.planes.scores) != len(self.profiles):
            raise ShapeError("planes.scores", len(self.planes.scores), len(self.profiles))
