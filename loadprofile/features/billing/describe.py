"""Features of a client's bills: everything of ``BILL_FEATURES``, with two switches for honest ablation.

The label of the known tables has no date, so what was written after an inspection may be among the
features: ``identity=False`` leaves out what names or describes the meter, ``cut_last=k`` the last invoices.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.errors import OptionError, ShapeError
from loadprofile.features.billing.checks import CHECKS, BillChecks, check_bills
from loadprofile.features.billing.history import contract, histories
from loadprofile.features.billing.names import BILL_FEATURES, CLIENT
from loadprofile.features.billing.peers import BillMeans, deviations
from loadprofile.features.billing.periods import BillPeriods, bill_periods
from loadprofile.features.billing.spread import spreads
from loadprofile.features.billing.use import use_of_bills
from loadprofile.features.table import FeatureTable
from loadprofile.ingest.steg.values import Clients, Invoices


def fit_yardsticks(clients: Clients, invoices: Invoices, least: int = 5) -> BillMeans:
    """Learn the means of the kinds of bills: amount per day and level 1.

    Give it the training clients and nobody else. ``least``: bills that a kind needs.
    """
    return BillMeans(least).fit(clients, invoices, _compared(invoices, bill_periods(invoices)))


def _compared(invoices: Invoices, periods: BillPeriods) -> NDArray[np.float64]:
    """``(n, 2)`` what is compared with the mean of its kind."""
    return np.stack([periods.per_day, invoices.levels[:, 0]], axis=1).astype(np.float64)


def billing_features(
    clients: Clients,
    invoices: Invoices,
    *,
    yardsticks: BillMeans | None = None,
    identity: bool = True,
    cut_last: int = 0,
    as_of: int | None = None,
) -> FeatureTable:
    """One row per client, also for those without an invoice (NaN).

    Args:
        clients: all clients of ``invoices``.
        invoices: sorted, as read.
        yardsticks: learned on training clients; None = the columns ``deviation.*`` are absent.
        identity: False leaves out the columns that name or describe the meter.
        cut_last: so many of the last invoices of each client (all energies together) are ignored.
        as_of: days since 1970-01-01 of the end of the data; None = the last invoice of all.

    Raises:
        OptionError: a negative ``cut_last``.
        ShapeError: invoices of other clients.
    """
    if len(invoices.starts) != len(clients) + 1:
        raise ShapeError("invoices.starts", len(invoices.starts), len(clients) + 1)
    end = int(invoices.date.max(initial=0)) if as_of is None else as_of
    invoices = without_last(invoices, cut_last)
    periods = bill_periods(invoices)
    c = len(clients)
    use = use_of_bills(invoices, periods)
    counts, extras = histories(invoices, periods)
    checks = check_bills(invoices, periods)
    parts: list[NDArray[np.floating]] = [
        use.reshape(c, -1),
        np.concatenate([counts.reshape(c, 2, -1), extras], axis=2).reshape(c, -1),
        np.stack([_codes(getattr(clients, name)) for name in CLIENT], axis=1),
        contract(clients, invoices, end),
        spreads(invoices, periods).reshape(c, -1),
        checked(checks).reshape(c, -1),
    ]
    names = [name for name in BILL_FEATURES if not name.startswith("deviation.")]
    if yardsticks is not None:
        names = list(BILL_FEATURES)
        values = _compared(invoices, periods)
        expected = yardsticks.expected(clients, invoices)
        found = [deviations(invoices, values[:, k], expected[:, k]) for k in range(2)]
        parts.append(np.stack(found, axis=2).reshape(c, -1))
    table = FeatureTable(clients.client_ids, tuple(names), np.concatenate(parts, axis=1, dtype=np.float32))
    return table if identity else without_identity(table)


def without_identity(table: FeatureTable) -> FeatureTable:
    """The columns that neither name nor describe the meter."""
    return table.select(name for name in table.names if not BILL_FEATURES[name].identity)


def _codes(values: NDArray[np.int32]) -> NDArray[np.float32]:
    return np.where(values < 0, np.nan, values).astype(np.float32)


def checked(checks: BillChecks) -> NDArray[np.float32]:
    """``(c, 2, len(CHECKS))`` counts; NaN for an energy without an invoice."""
    out = checks.count.astype(np.float32)
    out[checks.bills == 0] = np.nan
    return out.reshape(len(out), 2, len(CHECKS))


def without_last(invoices: Invoices, cut: int) -> Invoices:
    """The invoices without the last ``cut`` of each client by date (of one date: the later rows go first).

    Raises:
        OptionError: a negative number.
    """
    if cut < 0:
        raise OptionError("cut_last", cut, "must not be negative")
    if not cut:
        return invoices
    keep = np.ones(len(invoices), dtype=np.bool_)
    _drop_last(invoices.starts, invoices.date, cut, keep)
    return invoices.take(np.flatnonzero(keep))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _drop_last(starts, date, cut, keep):  # type: ignore[no-untyped-def] # pragma: no cover # noqa: ANN001, ANN202
    for client in range(len(starts) - 1):
        for _ in range(min(cut, starts[client + 1] - starts[client])):
            latest = -1
            for row in range(starts[client], starts[client + 1]):
                if keep[row] and (latest < 0 or date[row] >= date[latest]):
                    latest = row
            keep[latest] = False
