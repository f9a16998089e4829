"""What each invoice covers: its days, its amount, its amount per day; and the order of time.

An invoice covers the days since the invoice before it of the same counter. The first of a counter covers
the months that it names; where it names none, its amount per day is unknown. Periods below ten days say
nothing about a level of use and have none either.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.ingest.steg.values import Invoices
from loadprofile.profiles import frozen

DAYS_A_MONTH = 30.4375
LEAST_DAYS = 10


@dataclass(frozen=True, eq=False, slots=True)
class BillPeriods:
    """One value per row of ``Invoices``.

    Attributes:
        days: ``(n,)`` int32, days since the invoice before of the same counter; -1 = there is none.
        billed: ``(n,)`` int64, sum of the four levels (kWh for ELEC, units of the gas meter for GAZ).
        per_day: ``(n,)`` float32, ``billed`` per day covered; NaN = cannot be told.
        by_time: ``(n,)`` int64, rows in order of client, energy, date (counters mixed).
    """

    days: NDArray[np.int32]
    billed: NDArray[np.int64]
    per_day: NDArray[np.float32]
    by_time: NDArray[np.int64]


def bill_periods(invoices: Invoices) -> BillPeriods:
    """Days, amounts and the order of time of all invoices."""
    n = len(invoices)
    days = np.empty(n, dtype=np.int32)
    billed = np.empty(n, dtype=np.int64)
    per_day = np.empty(n, dtype=np.float32)
    by_time = np.empty(n, dtype=np.int64)
    _periods(
        invoices.starts, invoices.energy, invoices.counter, invoices.date, invoices.months,
        invoices.levels, days, billed, per_day, by_time,
    )  # fmt: skip
    return BillPeriods(frozen(days), frozen(billed), frozen(per_day), frozen(by_time))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _periods(starts, energy, counter, date, months, levels, days, billed, per_day, by_time):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN202
    for client in range(len(starts) - 1):
        first, last = starts[client], starts[client + 1]
        for row in range(first, last):
            billed[row] = (
                np.int64(levels[row, 0]) + np.int64(levels[row, 1])
                + np.int64(levels[row, 2]) + np.int64(levels[row, 3])
            )  # fmt: skip
            known = row > first and counter[row] == counter[row - 1] and energy[row] == energy[row - 1]
            days[row] = date[row] - date[row - 1] if known else -1
            covered = np.float64(days[row])
            if not known:
                covered = months[row] * DAYS_A_MONTH
            per_day[row] = billed[row] / covered if covered >= LEAST_DAYS else np.nan
            # Insertion into the order of time: the rows of one counter are in order already.
            place = row
            while (
                place > first
                and energy[by_time[place - 1]] == energy[row]
                and date[by_time[place - 1]] > date[row]
            ):
                by_time[place] = by_time[place - 1]
                place -= 1
            by_time[place] = row
