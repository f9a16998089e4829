"""FeatureTable: one row per meter, one column per feature; a column's name is its recipe.

Names are dotted paths: ``g1.peak_height``, ``g2.h07.slope``, ``g3.winter.h18.q3``,
``change.ratio``, ``integrity.zero_share``, ``peers.level_ratio``. The first part is the group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadprofile.errors import ShapeError
from loadprofile.profiles import frozen


@dataclass(frozen=True, eq=False, slots=True)
class FeatureTable:
    """Features of a population.

    Attributes:
        meter_ids: ``(n,)`` str.
        names: the ``k`` column names, unique.
        values: ``(n, k)`` float32; NaN = cannot be computed from what is there; never infinite.

    Raises:
        ShapeError: when lengths do not fit, a name is repeated or a value is infinite.
    """

    meter_ids: NDArray[np.str_]
    names: tuple[str, ...]
    values: NDArray[np.float32]

    def __post_init__(self) -> None:
        values = np.ascontiguousarray(self.values, dtype=np.float32)
        if values.shape != (len(self.meter_ids), len(self.names)):
            raise ShapeError("values", values.shape, (len(self.meter_ids), len(self.names)))
        if len(_places(tuple(self.names))) != len(self.names):
            raise ShapeError("names", "repeated names", "unique names")
        if bool(np.isinf(values).any()):
            bad = self.names[int(np.argwhere(np.isinf(values))[0, 1])]
            raise ShapeError(f"values of {bad}", "infinite", "finite or NaN")
        object.__setattr__(self, "meter_ids", frozen(np.asarray(self.meter_ids, dtype=np.str_)))
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "values", frozen(values))

    def __len__(self) -> int:
        return len(self.meter_ids)

    def column(self, name: str) -> NDArray[np.float32]:
        """The ``(n,)`` values of one feature; KeyError names the feature if it is not there."""
        try:
            return self.values[:, _places(self.names)[name]]
        except KeyError:
            raise KeyError(f"no feature {name!r}") from None

    def select(self, names: Iterable[str]) -> FeatureTable:
        """The named columns, in the order given; KeyError names the first that is not there."""
        at = _places(self.names)
        wanted = tuple(names)
        for name in wanted:
            if name not in at:
                raise KeyError(f"no feature {name!r}")
        return FeatureTable(self.meter_ids, wanted, self.values[:, [at[name] for name in wanted]])

    def group(self, *prefixes: str) -> FeatureTable:
        """The columns whose first part is one of ``prefixes`` (``"g1"``, ``"change"``, ...)."""
        return self.select(in_groups(self.names, frozenset(prefixes)))

    def take(self, rows: NDArray[np.intp] | slice) -> FeatureTable:
        """Some of the meters."""
        return FeatureTable(self.meter_ids[rows], self.names, self.values[rows])

    def to_frame(self) -> pd.DataFrame:
        """A pandas frame indexed by ``meter_id``."""
        index = pd.Index(self.meter_ids.astype(object), name="meter_id")
        return pd.DataFrame(self.values, index=index, columns=list(self.names))


@lru_cache(maxsize=64)
def _places(names: tuple[str, ...]) -> Mapping[str, int]:
    """Where each column stands. Tables of single meters are made by the dozen, with the same columns."""
    return MappingProxyType({name: i for i, name in enumerate(names)})


@lru_cache(maxsize=64)
def in_groups(names: tuple[str, ...], groups: frozenset[str]) -> tuple[str, ...]:
    """The columns whose first part is one of these groups, in their order."""
    return tuple(name for name in names if name.split(".", 1)[0] in groups)


def beside(tables: Sequence[FeatureTable]) -> FeatureTable:
    """Columns of several tables of the same meters, side by side."""
    for table in tables[1:]:
        if not np.array_equal(table.meter_ids, tables[0].meter_ids):
            raise ShapeError("meter_ids", "other meters or order", "the same meters")
    names = tuple(chain.from_iterable(table.names for table in tables))
    return FeatureTable(tables[0].meter_ids, names, np.concatenate([t.values for t in tables], axis=1))


def below(tables: Sequence[FeatureTable]) -> FeatureTable:
    """Rows of several tables with the same columns, one under the other."""
    for table in tables[1:]:
        if table.names != tables[0].names:
            raise ShapeError("names", table.names[:3], tables[0].names[:3])
    return FeatureTable(
        np.concatenate([t.meter_ids for t in tables]),
        tables[0].names,
        np.concatenate([t.values for t in tables], axis=0),
    )
