"""Spread of every numeric column of a client's invoices, both energies together.

These are what the leading entries of the public competition on this layout were built on. Some columns
are names of meters rather than measurements; ``billing.py`` can leave those out.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.features.billing.periods import BillPeriods
from loadprofile.ingest.steg.values import Invoices

SPREAD_OF = ("tariff", "counter", "status", "code", "remark", "coefficient", "level_1", "level_2", "level_3",
             "level_4", "old_index", "new_index", "months", "moved", "billed", "days")  # fmt: skip
"""Columns of the invoices; ``moved`` is new minus old index, ``billed`` the sum of the levels, ``days`` the
days since the invoice before of the same counter."""
STATISTICS = ("mean", "std", "min", "max", "median", "range", "sum", "values")


def spreads(invoices: Invoices, periods: BillPeriods) -> NDArray[np.float32]:
    """``(clients, len(SPREAD_OF), len(STATISTICS))``; unknown values are left out; NaN = none is known."""
    c = len(invoices.starts) - 1
    out = np.full((c, len(SPREAD_OF), len(STATISTICS)), np.nan, dtype=np.float32)
    longest = int(np.diff(invoices.starts).max(initial=0))
    known = {"tariff": 0, "counter": 0, "status": 0, "code": 0, "remark": 0, "months": 0, "days": 0}
    least = np.iinfo(np.int64).min
    for which, name in enumerate(SPREAD_OF):
        column: NDArray[np.signedinteger]
        if name == "billed":
            column = periods.billed
        elif name == "days":
            column = periods.days
        elif name == "moved":
            column = invoices.new_index - invoices.old_index
        elif name.startswith("level_"):
            column = invoices.levels[:, int(name[-1]) - 1]
        else:
            column = getattr(invoices, name)
        _spread(invoices.starts, column, known.get(name, least), longest, out[:, which])
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _spread(starts, values, least, longest, out):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN202
    room = np.empty(longest, dtype=np.int64)
    for client in range(len(starts) - 1):
        n, total = 0, 0.0
        for row in range(starts[client], starts[client + 1]):
            value = np.int64(values[row])
            if value < least:
                continue
            place = n
            while place > 0 and room[place - 1] > value:
                room[place] = room[place - 1]
                place -= 1
            room[place] = value
            total += value
            n += 1
        if n == 0:
            continue
        mean, squares, different = total / n, 0.0, 1
        for i in range(n):
            squares += (room[i] - mean) ** 2
            if i > 0:
                different += room[i] != room[i - 1]
        found = out[client]
        found[0], found[6], found[7] = mean, total, different
        if n > 1:
            found[1] = np.sqrt(squares / (n - 1))
        found[2], found[3], found[5] = room[0], room[n - 1], room[n - 1] - room[0]
        found[4] = (room[(n - 1) // 2] + room[n // 2]) / 2
