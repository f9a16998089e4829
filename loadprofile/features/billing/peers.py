"""Each bill beside the mean of its kind: month x year x district x region x tariff x category.

The means are learned: fit on the training clients only, or a test client's own bills are in its yardstick.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from loadprofile.errors import ShapeError
from loadprofile.ingest.steg.values import Clients, Invoices

FULL = ("month", "year", "district", "region", "tariff", "category")
"""The key of report 002 (FACTS, section 5)."""
COARSER = (("month", "year", "tariff", "category"), ("month", "tariff"))
"""Where a key has too few training bills, the next of these is taken."""
DENSE = 1 << 25
"""Keys with at most so many possible values are kept as a table over all of them."""
_STRANGE = -(1 << 55)


class BillMeans(BaseEstimator):  # type: ignore[misc]
    """Means of values of the bills by key, with coarser keys where bills are few.

    Args:
        least: training bills that a key needs.
        keys: keys from the finest to the coarsest.

    Attributes:
        parts_: for each key the values of its columns that were learned.
        tables_: for each key the ``(k,)`` numbers and ``(k, v)`` means; NaN = too few bills.
        mean_: ``(v,)`` means of all training bills, where no key is known.
    """

    def __init__(self, least: int = 5, keys: Sequence[Sequence[str]] = (FULL, *COARSER)) -> None:
        self.least = least
        self.keys = keys

    def fit(self, clients: Clients, invoices: Invoices, values: NDArray[np.floating]) -> BillMeans:
        """Learn from ``(n, v)`` values of the bills of training clients; NaN values are left out.

        Raises:
            ShapeError: values of another length, or a column of which none is known.
        """
        known = np.isfinite(values)
        if values.ndim != 2 or len(values) != len(invoices) or not known.any(axis=0).all():
            raise ShapeError("values", values.shape, f"({len(invoices)}, v) with known values")
        columns = _columns(clients, invoices)
        self.parts_, self.tables_ = [], []
        for key in self.keys:
            parts = {name: np.unique(columns[name][0]) for name in key}
            numbers, room = _numbers(columns, parts)
            if room <= DENSE:
                words, at, cells = np.arange(room), numbers, room
            else:
                at, found = pd.factorize(numbers)
                words, cells = np.asarray(found), len(found)
            means = np.full((cells, values.shape[1]), np.nan)
            for column, there in enumerate(known.T):
                weights = np.where(there, values[:, column], 0.0)
                count = np.bincount(at, weights=there, minlength=cells)
                total = np.bincount(at, weights=weights, minlength=cells)
                enough = count >= max(self.least, 1)
                means[enough, column] = total[enough] / count[enough]
            self.parts_.append(parts)
            self.tables_.append((words, means))
        self.mean_ = np.array([values[there, k].mean(dtype=np.float64) for k, there in enumerate(known.T)])
        return self

    def expected(self, clients: Clients, invoices: Invoices) -> NDArray[np.float64]:
        """``(n, v)`` means of the kind of each bill."""
        check_is_fitted(self)
        columns = _columns(clients, invoices)
        out = np.empty((0, 0))
        for parts, (words, means) in zip(self.parts_, self.tables_, strict=True):
            numbers, room = _numbers(columns, parts)
            # the last place stands for "never seen"
            table = np.concatenate([means, np.full((1, len(self.mean_)), np.nan)])
            dense = room <= DENSE
            place = numbers if dense else pd.Index(words).get_indexer(pd.Index(numbers))
            if not out.size:
                out = table[place]
                continue
            rows = np.flatnonzero(np.isnan(out).any(axis=1))
            out[rows] = np.where(np.isnan(out[rows]), table[place[rows]], out[rows])
        rows = np.flatnonzero(np.isnan(out).any(axis=1))
        out[rows] = np.where(np.isnan(out[rows]), self.mean_, out[rows])
        return out


def deviations(
    invoices: Invoices, values: NDArray[np.floating], expected: NDArray[np.floating]
) -> NDArray[np.float32]:
    """``(clients, 3)``: largest, smallest and mean difference of ``(n,)`` values from what was expected."""
    known = np.isfinite(values)
    difference = np.where(known, values - expected, 0.0)
    c = len(invoices.starts) - 1
    out = np.full((c, 3), np.nan, dtype=np.float32)
    some = np.flatnonzero(np.diff(invoices.starts) > 0)
    if len(some):
        at = invoices.starts[some]
        count = np.add.reduceat(known.astype(np.int64), at)
        high = np.maximum.reduceat(np.where(known, difference, -np.inf), at)
        low = np.minimum.reduceat(np.where(known, difference, np.inf), at)
        total = np.add.reduceat(difference, at)
        with np.errstate(invalid="ignore", divide="ignore"):
            table = np.stack([high, low, total / count], axis=1)
        out[some] = np.where(count[:, None] > 0, table, np.nan)
    return out


_Column = tuple[NDArray[np.int64], NDArray[np.integer]]


def _columns(clients: Clients, invoices: Invoices) -> dict[str, _Column]:
    """Name -> (few values, position among them of each bill): six columns without writing them out."""
    first = int(invoices.date.min(initial=0))
    days = np.arange(first, int(invoices.date.max(initial=0)) + 1).astype("datetime64[D]")
    month = days.astype("datetime64[M]").astype(np.int64)
    day = invoices.date - np.int32(first)
    tariff, tariffs = pd.factorize(invoices.tariff)
    return {
        "month": (month % 12, day),
        "year": (month // 12, day),
        "district": (clients.district.astype(np.int64), invoices.client),
        "region": (clients.region.astype(np.int64), invoices.client),
        "tariff": (np.asarray(tariffs, dtype=np.int64), tariff),
        "category": (clients.category.astype(np.int64), invoices.client),
    }


def _numbers(
    columns: dict[str, _Column], parts: dict[str, NDArray[np.int64]]
) -> tuple[NDArray[np.int64], int]:
    """One number per bill for its combination of values (-1: one was not learned), and how many there are."""
    room = 1
    groups: dict[int, list[tuple[NDArray[np.int64], NDArray[np.integer]]]] = {}
    for name, words in parts.items():
        values, at = columns[name]
        place = np.minimum(np.searchsorted(words, values), len(words) - 1)
        code = np.where(words[place] == values, place * room, _STRANGE)
        room *= len(words)
        groups.setdefault(id(at), []).append((code, at))
    # columns with one and the same position are added up before they are spread over the bills
    total = sum(sum(code for code, _ in group)[group[0][1]] for group in groups.values())  # type: ignore[index]
    numbers = np.asarray(total, dtype=np.int64)
    return np.where(numbers < 0, -1, numbers), room
