"""Client and invoice tables as cases for the bill model, and what else is read off the same invoices once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadprofile.bills.cases import BillCases, BillLayout
from loadprofile.errors import NothingToJudgeError
from loadprofile.features.billing.checks import BillChecks, check_bills
from loadprofile.features.billing.describe import billing_features, fit_yardsticks, without_last
from loadprofile.features.billing.names import CLIENT
from loadprofile.features.billing.peers import BillMeans
from loadprofile.features.billing.periods import BillPeriods, bill_periods
from loadprofile.features.table import FeatureTable
from loadprofile.ingest.monthly_values import UNKNOWN
from loadprofile.ingest.steg.values import Clients, Invoices

STEG = BillLayout(
    "steg", crossed=(("district", "category"), ("category", "region")), change="level.elec.ratio"
)
"""Client table and invoice table."""

NOT_READ = ("when.", "client.")
"""Moments tell when a file was made; codes of a client are categories, not amounts."""


@dataclass(frozen=True, slots=True)
class StegView:
    """What of the invoices a model may see; one that learned with a view is asked with the same.

    Attributes:
        identity: False leaves out what names or describes the meter: it may be written after a visit.
        cut_last: so many of the last invoices of each client are not looked at.
    """

    identity: bool = True
    cut_last: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class StegBills:
    """Clients, the invoices that a view leaves, and what is measured on them.

    Attributes:
        clients: all of them.
        invoices: without those that are cut off.
        periods: of these.
        checks: the arithmetic of these.
    """

    clients: Clients
    invoices: Invoices
    periods: BillPeriods
    checks: BillChecks

    def __len__(self) -> int:
        return len(self.clients)

    def of(self, rows: NDArray[np.intp]) -> StegBills:
        """Some of the clients, in ascending order."""
        return _measured(self.clients.take(rows), self.invoices.of_clients(rows))


def steg_bills(clients: Clients, invoices: Invoices, view: StegView) -> StegBills:
    """The bills as a view shows them.

    Raises:
        OptionError: a negative number of invoices to cut off.
        NothingToJudgeError: none is left.
    """
    left = without_last(invoices, view.cut_last)
    if not len(left):
        raise NothingToJudgeError(
            len(clients), f"without the last {view.cut_last} invoices of each client none is left"
        )
    return _measured(clients, left)


def _measured(clients: Clients, invoices: Invoices) -> StegBills:
    periods = bill_periods(invoices)
    return StegBills(clients, invoices, periods, check_bills(invoices, periods))


def learned_from(clients: Clients) -> NDArray[np.intp]:
    """Rows of the clients whose target is known; all of them where none is."""
    known = np.flatnonzero(np.isfinite(clients.target))
    return known if len(known) else np.arange(len(clients))


def yardsticks_of(bills: StegBills) -> BillMeans:
    """Means of the kinds of bills, from the clients that may be learned from and from nobody else."""
    rows = learned_from(bills.clients)
    return fit_yardsticks(bills.clients.take(rows), bills.invoices.of_clients(rows))


def bill_table(bills: StegBills, yardsticks: BillMeans, view: StegView) -> FeatureTable:
    """Every feature of a view."""
    return billing_features(bills.clients, bills.invoices, yardsticks=yardsticks, identity=view.identity)


def steg_cases(bills: StegBills, table: FeatureTable) -> BillCases:
    """One case per client, also for those without an invoice.

    The label of this layout has no date, so every client stands on the day on which the data end: a split in
    time is not possible, and the calibration is learned on other clients instead.
    """
    clients = bills.clients
    kept = table.select(name for name in table.names if not name.startswith(NOT_READ))
    end = int(bills.invoices.date.max(initial=0))
    return BillCases(
        kept,
        {name: _words(getattr(clients, name)) for name in CLIENT},
        np.full(len(clients), np.datetime64(end, "D")),
        np.where(np.isfinite(clients.target), clients.target == 1, UNKNOWN).astype(np.int8),
    )


def _words(codes: NDArray[np.int32]) -> NDArray[np.str_]:
    return np.where(codes < 0, "", codes.astype(np.str_))
