"""What stands beside the amounts: counters, status, codes, coefficient, remarks, tariffs, and the contract.

Counts of different values and of changes in order of time; the energies apart where a thing belongs to a
meter. What the codes mean is not published, so they are counted, not interpreted.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.features.billing.periods import DAYS_A_MONTH, BillPeriods
from loadprofile.ingest.steg.values import Clients, Invoices

HISTORIES = ("counter", "status", "code", "coefficient", "tariff", "remark")
COUNTS = ("values", "changes", "age")
"""Different known values; changes from bill to bill; days from the last change to the last bill."""
REMARKS = (6, 7, 8, 9)
EXTRAS = ("last_status", "other_status_share", "unknown_status", "last_code", "last_coefficient",
          "last_tariff", *(f"remark_{value}_share" for value in REMARKS))  # fmt: skip
CONTRACT = ("months", "bills", "bills_per_month", "months_billed", "first_bill_months", "silent_days",
            "energies")  # fmt: skip


def histories(invoices: Invoices, periods: BillPeriods) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """``(clients, 2, len(HISTORIES), len(COUNTS))`` and ``(clients, 2, len(EXTRAS))`` for ELEC and GAZ."""
    c = len(invoices.starts) - 1
    counts = np.full((c, 2, len(HISTORIES), len(COUNTS)), np.nan, dtype=np.float32)
    extras = np.full((c, 2, len(EXTRAS)), np.nan, dtype=np.float32)
    columns = (
        invoices.counter, invoices.status, invoices.code, invoices.coefficient, invoices.tariff,
        invoices.remark,
    )  # fmt: skip
    for which, column in enumerate(columns):
        _changes(
            invoices.starts, invoices.energy, invoices.date, column, periods.by_time, counts[:, :, which]
        )
    _extras(
        invoices.starts, invoices.energy, invoices.status, invoices.code, invoices.coefficient,
        invoices.tariff, invoices.remark, periods.by_time, np.array(REMARKS), extras,
    )  # fmt: skip
    return counts, extras


def contract(clients: Clients, invoices: Invoices, as_of: int) -> NDArray[np.float32]:
    """``(clients, len(CONTRACT))``: how long the contract and how dense the bills.

    Args:
        clients: whose contracts.
        invoices: of these clients.
        as_of: days since 1970-01-01 of the day that the data end.
    """
    c = len(clients)
    count = np.diff(invoices.starts)
    some = count > 0
    at = invoices.starts[:-1][some]
    last, first = np.full(c, np.nan), np.full(c, np.nan)
    months, energies = np.zeros(c), np.zeros(c)
    if some.any():
        last[some] = np.maximum.reduceat(invoices.date, at)
        first[some] = np.minimum.reduceat(invoices.date, at)
        months[some] = np.add.reduceat(np.maximum(invoices.months, 0), at)
        kinds = np.maximum.reduceat(invoices.energy, at) - np.minimum.reduceat(invoices.energy, at)
        energies[some] = 1 + (kinds > 0)
    created = np.where(
        np.isnat(clients.created), np.nan, clients.created.astype("datetime64[D]").astype(np.int64)
    )
    length = (last - created) / DAYS_A_MONTH
    with np.errstate(invalid="ignore", divide="ignore"):
        dense = np.where(length >= 1, count / length, np.nan)
    table = [length, count, dense, months, (first - created) / DAYS_A_MONTH, as_of - last, energies]
    return np.stack(table, axis=1).astype(np.float32)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _changes(starts, energy, date, values, by_time, out):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN202
    for client in range(len(starts) - 1):
        first = starts[client]
        while first < starts[client + 1]:
            kind = energy[by_time[first]]
            last, different, changes, changed = first, 0, 0, np.int64(-1)
            before = np.int64(-1)
            while last < starts[client + 1] and energy[by_time[last]] == kind:
                row = by_time[last]
                value = values[row]
                if value >= 0:
                    new = True
                    if value == before:
                        new = False
                    else:
                        for place in range(first, last):
                            if values[by_time[place]] == value:
                                new = False
                                break
                    different += new
                    if before >= 0 and value != before:
                        changes += 1
                        changed = row
                    before = value
                last += 1
            out[client, kind, 0], out[client, kind, 1] = different, changes
            if changed >= 0:
                out[client, kind, 2] = date[by_time[last - 1]] - date[changed]
            first = last


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _extras(starts, energy, status, code, coefficient, tariff, remark, by_time, remarks, out):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN202
    for client in range(len(starts) - 1):
        first = starts[client]
        while first < starts[client + 1]:
            kind = energy[by_time[first]]
            found = out[client, kind]
            last, other, unknown = first, 0, 0
            for k in range(len(remarks)):
                found[6 + k] = 0
            while last < starts[client + 1] and energy[by_time[last]] == kind:
                row = by_time[last]
                other += status[row] > 0
                unknown += status[row] < 0
                for k in range(len(remarks)):
                    found[6 + k] += remark[row] == remarks[k]
                last += 1
            row, n = by_time[last - 1], last - first
            for k in range(len(remarks)):
                found[6 + k] /= n
            found[0], found[3], found[4] = status[row], code[row], coefficient[row]
            found[5] = tariff[row]
            found[1], found[2] = other / n, unknown
            first = last
