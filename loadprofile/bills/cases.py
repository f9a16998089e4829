"""What the bill model reads, whatever the bills looked like: numbers, categories, a day, a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from loadprofile.errors import ShapeError
from loadprofile.features.monthly import monthly_features
from loadprofile.features.table import FeatureTable
from loadprofile.ingest.monthly_values import UNKNOWN, MonthlyHistories


@dataclass(frozen=True, slots=True)
class BillLayout:
    """What the model has to know about one kind of bills.

    Attributes:
        name: ``monthly`` or another; a model reads only the kind that it was trained on.
        crossed: pairs of categories whose combinations the additive part knows.
        change: feature that is the lower, the further consumption fell: the rule to beat ("" = none).
    """

    name: str
    crossed: tuple[tuple[str, str], ...] = ()
    change: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class BillCases:
    """Customers, or visits, as the model reads them.

    Attributes:
        features: ``(n, k)`` what their bills say by themselves.
        categories: name -> ``(n,)`` str; blank is a value.
        as_of: ``(n,)`` datetime64[D]: nothing later was known.
        target: ``(n,)`` int8: 1 fraud, 0 none, -1 unknown.
    """

    features: FeatureTable
    categories: Mapping[str, NDArray[np.str_]]
    as_of: NDArray[np.datetime64]
    target: NDArray[np.int8]

    def __post_init__(self) -> None:
        n = len(self.features)
        for name, values in {"as_of": self.as_of, "target": self.target, **self.categories}.items():
            if values.shape != (n,):
                raise ShapeError(name, values.shape, (n,))

    def __len__(self) -> int:
        return len(self.features)

    @property
    def ids(self) -> NDArray[np.str_]:
        """``(n,)`` whose bills they are; rows of one id are never on two sides of a split."""
        return self.features.meter_ids

    @property
    def known(self) -> NDArray[np.bool_]:
        """``(n,)`` whether somebody was there."""
        return np.asarray(self.target != UNKNOWN)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> BillCases:
        """Some of the rows."""
        at: NDArray[np.intp] = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows.astype(np.intp)
        categories = {name: values[at] for name, values in self.categories.items()}
        return BillCases(self.features.take(at), categories, self.as_of[at], self.target[at])


MONTHLY = BillLayout(
    "monthly",
    crossed=(
        ("zona", "material_instalacion"),
        ("zona", "actividad"),
        ("actividad", "material_instalacion"),
        ("zona", "nivel_tension"),
    ),
    change="split.change",
)
"""Monthly consumption in the known layout."""


def monthly_layout(categories: Iterable[str]) -> BillLayout:
    """The layout for a table with these categories: known pairs, or else the first two."""
    names = sorted(categories)
    known = tuple(pair for pair in MONTHLY.crossed if set(pair) <= set(names))
    first = ((names[0], names[1]),) if len(names) > 1 else ()
    return replace(MONTHLY, crossed=known or first)


def monthly_cases(histories: MonthlyHistories) -> BillCases:
    """Monthly histories as cases."""
    return BillCases(monthly_features(histories), histories.categories, histories.as_of, histories.target)
