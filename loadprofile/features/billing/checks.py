"""Arithmetic that invoices must obey, measured per client and energy, with the worst invoice for evidence.

| check | an invoice counts when | ``amount`` is the sum of |
|---|---|---|
| sum | the levels are not coefficient x (new - old index) | billed minus register, kWh |
| coefficient | the levels are new - old index, and the coefficient is not 1 | kWh not billed for it |
| index_gap | it begins above the end of the one before (same counter) | units between, x coefficient |
| index_overlap | it begins below that, but not below its beginning | units billed twice, x coefficient |
| index_restart | it begins below the beginning of the one before | units back, x coefficient |
| negative | new is below old index and no wrap-around explains it | units below zero |
| below_zero | an index is negative | 0 |
| wrap_around | new is below old, and the register's last digit explains it | 0 |
| period_gap | the days since the one before exceed its months by > 45 days | days that no bill covers |
| period_overlap | they fall short of its months by > 45 days | days covered twice |
| same_day | same counter and date as the one before, other values | 0 |
| billed_still | the index stands still and something is billed | kWh |
| stall | the index stands still after it had moved | 0 |
| both_energies | the counter number occurs under ELEC and under GAZ | 0 |

A wrap-around is accepted when the amount billed says so, or when it needs less than a tenth of the
register. Amounts of GAZ are in units of the gas meter. Measurements, not verdicts: whose work a broken
sum is, the sub-detectors say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.errors import ShapeError
from loadprofile.features.billing.periods import DAYS_A_MONTH, BillPeriods
from loadprofile.ingest.steg.values import Invoices
from loadprofile.profiles import frozen

CHECKS = ("sum", "coefficient", "index_gap", "index_overlap", "index_restart", "negative", "below_zero",
          "wrap_around", "period_gap", "period_overlap", "same_day", "billed_still", "stall",
          "both_energies")  # fmt: skip
SLACK_DAYS = 45
"""Bills come some weeks early or late; half a billing period is no fault of the sequence."""
(
    _SUM, _COEFFICIENT, _GAP, _OVERLAP, _RESTART, _NEGATIVE, _BELOW, _WRAP, _PGAP, _POVER, _SAME, _STILL,
    _STALL, _BOTH,
) = range(len(CHECKS))  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class BillChecks:
    """What the checks found; axes: client, energy (ELEC, GAZ), check (``CHECKS``).

    Attributes:
        bills: ``(c, 2)`` int32, invoices that were checked.
        count: ``(c, 2, k)`` int32, invoices that break the rule.
        amount: ``(c, 2, k)`` float64, signed sum over them; see the table in ``billing/checks.py``.
        first, worst: ``(c, 2, k)`` int64, row in ``Invoices`` of the earliest and of the largest; -1 = none.
        worst_amount: ``(c, 2, k)`` float64, amount of the worst one.
    """

    bills: NDArray[np.int32]
    count: NDArray[np.int32]
    amount: NDArray[np.float64]
    first: NDArray[np.int64]
    worst: NDArray[np.int64]
    worst_amount: NDArray[np.float64]

    def __post_init__(self) -> None:
        shape = (*self.bills.shape, len(CHECKS))
        for name in ("count", "amount", "first", "worst", "worst_amount"):
            if getattr(self, name).shape != shape:
                raise ShapeError(f"checks.{name}", getattr(self, name).shape, shape)

    def of(self, check: str) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int64]]:
        """``(c, 2)`` count, amount and worst row of one check."""
        at = CHECKS.index(check)
        return self.count[:, :, at], self.amount[:, :, at], self.worst[:, :, at]


def check_bills(invoices: Invoices, periods: BillPeriods) -> BillChecks:
    """Hold every invoice against the rules."""
    c, k = len(invoices.starts) - 1, len(CHECKS)
    bills = np.zeros((c, 2), dtype=np.int32)
    count = np.zeros((c, 2, k), dtype=np.int32)
    amount, worst_amount = np.zeros((c, 2, k)), np.zeros((c, 2, k))
    first = np.full((c, 2, k), -1, dtype=np.int64)
    worst = np.full((c, 2, k), -1, dtype=np.int64)
    _check(
        invoices.starts, invoices.energy, invoices.counter, invoices.date, invoices.months,
        invoices.coefficient, invoices.old_index, invoices.new_index, periods.billed, periods.days,
        bills, count, amount, first, worst, worst_amount,
    )  # fmt: skip
    found = (bills, count, amount, first, worst, worst_amount)
    return BillChecks(*(frozen(array) for array in found))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _check(  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN202
    starts, energy, counter, date, months, coefficient, old, new, billed, days,  # noqa: ANN001
    bills, count, amount, first, worst, worst_amount,  # noqa: ANN001
):  # fmt: skip
    broken = np.empty(len(CHECKS), dtype=np.bool_)
    by = np.empty(len(CHECKS), dtype=np.float64)
    for client in range(len(starts) - 1):
        middle = starts[client]
        while middle < starts[client + 1] and energy[middle] == 0:
            middle += 1
        for row in range(starts[client], starts[client + 1]):
            kind = energy[row]
            bills[client, kind] += 1
            broken[:] = False
            by[:] = 0.0
            factor = np.float64(coefficient[row]) if coefficient[row] > 0 else 1.0
            begin, end = np.int64(old[row]), np.int64(new[row])
            moved = end - begin
            if moved < 0:
                size = np.int64(10)
                while size <= begin:
                    size *= 10
                over = moved + size
                if billed[row] == over * factor or (over * 10 <= size and size >= 10_000):
                    broken[_WRAP] = True
                    moved = over
                else:
                    broken[_NEGATIVE] = True
                    by[_NEGATIVE] = moved
            broken[_BELOW] = begin < 0 or end < 0
            right = moved * factor
            if billed[row] != right and not broken[_NEGATIVE]:
                if moved != 0 and billed[row] == moved:
                    broken[_COEFFICIENT] = True
                    by[_COEFFICIENT] = right - moved
                else:
                    broken[_SUM] = True
                    by[_SUM] = billed[row] - right
            broken[_STILL] = moved == 0 and billed[row] > 0
            by[_STILL] = billed[row]
            if days[row] >= 0:
                ended, began = np.int64(new[row - 1]), np.int64(old[row - 1])
                if begin > ended:
                    broken[_GAP] = True
                    by[_GAP] = (begin - ended) * factor
                elif begin < ended:
                    if begin >= began:
                        broken[_OVERLAP] = True
                        by[_OVERLAP] = (ended - begin) * factor
                    else:
                        broken[_RESTART] = True
                        by[_RESTART] = (ended - begin) * factor
                broken[_SAME] = days[row] == 0
                broken[_STALL] = moved == 0 and ended != began
                if moved == 0 and not broken[_STALL]:
                    # stands still since an earlier bill: counts if it ever moved before
                    back = row - 1
                    while days[back] >= 0 and new[back] == old[back]:
                        back -= 1
                    broken[_STALL] = new[back] != old[back]
                if months[row] > 0 and days[row] > 0:
                    apart = days[row] - months[row] * DAYS_A_MONTH
                    broken[_PGAP] = apart > SLACK_DAYS
                    broken[_POVER] = apart < -SLACK_DAYS
                    by[_PGAP], by[_POVER] = apart, -apart
            for other in range(
                middle if kind == 0 else starts[client], starts[client + 1] if kind == 0 else middle
            ):
                if counter[other] == counter[row]:
                    broken[_BOTH] = True
                    break
            for check in range(len(CHECKS)):
                if broken[check]:
                    count[client, kind, check] += 1
                    amount[client, kind, check] += by[check]
                    seen = first[client, kind, check]
                    if seen < 0 or date[row] < date[seen]:
                        first[client, kind, check] = row
                    top = worst[client, kind, check]
                    if top < 0 or abs(by[check]) > abs(worst_amount[client, kind, check]):
                        worst[client, kind, check] = row
                        worst_amount[client, kind, check] = by[check]
