"""Monthly histories: twelve months of consumption of each customer, as they were known on a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadprofile.errors import ShapeError

MONTHS = 12
UNKNOWN = -1
"""Target of a customer of whom nobody knows."""

NO_VALUE = ""
"""A category that was left blank; models read it as a value of its own, for how data are missing tells."""


@dataclass(frozen=True, eq=False, slots=True)
class MonthlyHistories:
    """Twelve monthly consumptions of each row: one visit, or one customer at the end of the data.

    Attributes:
        ids: ``(n,)`` str; of one customer there may be several, of different days.
        kwh: ``(n, 12)`` float64, oldest month first, NaN = missing, negative where a bill was corrected.
        as_of: ``(n,)`` datetime64[D]: nothing later was known. The last column is the month before it.
        categories: name -> ``(n,)`` str, such as tariff or district; ``""`` where left blank.
        target: ``(n,)`` int8: 1 fraud was found, 0 a visit found none, -1 nobody knows.
    """

    ids: NDArray[np.str_]
    kwh: NDArray[np.float64]
    as_of: NDArray[np.datetime64]
    categories: Mapping[str, NDArray[np.str_]]
    target: NDArray[np.int8]

    def __post_init__(self) -> None:
        n = len(self.ids)
        if self.kwh.shape != (n, MONTHS):
            raise ShapeError("kwh", self.kwh.shape, (n, MONTHS))
        if bool(np.isinf(self.kwh).any()):
            raise ShapeError("kwh", "infinite", "finite or NaN")
        columns: dict[str, NDArray[Any]] = {"as_of": self.as_of, "target": self.target, **self.categories}
        for name, values in columns.items():
            if values.shape != (n,):
                raise ShapeError(name, values.shape, (n,))
        if bool(np.isnat(self.as_of).any()):
            raise ShapeError("as_of", "no date", "a date in every row")
        if not np.isin(self.target, (UNKNOWN, 0, 1)).all():
            raise ShapeError("target", np.unique(self.target).tolist(), "-1, 0 or 1")
        for array in (self.ids, self.kwh, *columns.values()):
            array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def month(self) -> NDArray[np.int64]:
        """``(n,)`` month of ``as_of``, counted from 1970-01."""
        return self.as_of.astype("datetime64[M]").astype(np.int64)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> MonthlyHistories:
        """Some of the rows."""
        return replace(
            self, ids=self.ids[rows], kwh=self.kwh[rows], as_of=self.as_of[rows], target=self.target[rows],
            categories={name: values[rows] for name, values in self.categories.items()},
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class MonthlyCounts:
    """What became of the rows that were read.

    Attributes:
        read: all of them.
        used: in a history.
        outside: months before or after the twelve of their history (long layout).
        duplicate: said twice in the same words.
        rejected: could not be used; listed with line and reason.

    Raises:
        ShapeError: when the parts do not add up to ``read``.
    """

    read: int = 0
    used: int = 0
    outside: int = 0
    duplicate: int = 0
    rejected: int = 0

    def __post_init__(self) -> None:
        parts = sum(getattr(self, part.name) for part in fields(self)) - self.read
        if parts != self.read:
            raise ShapeError("rows read", self.read, f"{parts}, the sum of the parts")
