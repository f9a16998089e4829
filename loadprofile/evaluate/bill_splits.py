"""Splits in time for visits: learn from what was known, be judged on what came after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadprofile.bills.cases import BillCases
from loadprofile.errors import OptionError
from loadprofile.evaluate.splits import LeakError


@dataclass(frozen=True, eq=False, slots=True)
class TimeSplit:
    """One origin.

    Attributes:
        first, last: months that are judged, ISO.
        train: rows of visits before ``first``, of customers that are not judged.
        test: rows of visits from ``first`` to ``last``.
    """

    first: str
    last: str
    train: NDArray[np.intp]
    test: NDArray[np.intp]


Splitter = Callable[[BillCases, int, int], list[TimeSplit]]


def time_splits(cases: BillCases, months: int, count: int) -> list[TimeSplit]:
    """The last ``count`` stretches of ``months`` months, each with everything before it to learn from.

    Args:
        cases: with known targets.
        months: length of a stretch.
        count: stretches, the last one ends with the data.

    Raises:
        OptionError: no month would be left to learn from.
    """
    month = cases.as_of.astype("datetime64[M]")
    end, start = month.max(), month.min()
    if int((end - start).astype(int)) < months * count:
        raise OptionError(
            "protocol", "rolling", f"visits from {start} to {end}: {months * count} months to judge and "
            "at least one to learn from are needed",
        )  # fmt: skip
    out = []
    for back in range(count, 0, -1):
        last = end - np.timedelta64(months * (back - 1), "M")
        first = last - np.timedelta64(months - 1, "M")
        test = (month >= first) & (month <= last)
        judged = np.isin(cases.ids, cases.ids[test])
        out.append(
            TimeSplit(str(first), str(last), np.flatnonzero((month < first) & ~judged), np.flatnonzero(test))
        )
    return out


def assert_time_order(train: BillCases, test: BillCases) -> None:
    """Nothing to learn from is of the days that are judged or later, and no customer is on both sides.

    Raises:
        LeakError: with the customers that are.
    """
    late = train.as_of >= test.as_of.min()
    if late.any():
        raise LeakError(
            "what is learned from, of the judged days or later", "test", tuple(train.ids[late].tolist())
        )
    shared = np.intersect1d(train.ids, test.ids)
    if len(shared):
        raise LeakError("train", "test", tuple(shared.tolist()))
