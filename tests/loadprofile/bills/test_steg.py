"""Cases of client and invoice tables: what the model may see, and from whom it is learned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from steg_bills import MadeUtility

from loadprofile.bills.cases import BillCases
from loadprofile.bills.steg import StegBills, StegView, bill_table, steg_bills, steg_cases, yardsticks_of
from loadprofile.bills.steg_judging import steg_training
from loadprofile.features.billing.describe import fit_yardsticks
from loadprofile.features.billing.names import BILL_FEATURES
from loadprofile.ingest.steg.values import Clients, Invoices


def unknown(utility: MadeUtility, rows: np.ndarray) -> tuple[Clients, Invoices]:
    """The tables with some targets taken away."""
    bills = utility.bills()
    target = bills.clients.target.copy()
    target[rows] = np.nan
    return replace(bills.clients, target=target), bills.invoices


def test_the_model_sees_no_moment_no_code_of_a_client_and_what_the_view_leaves(
    steg_utility: MadeUtility,
) -> None:
    for view in (StegView(), StegView(identity=False, cut_last=2)):
        bills = steg_utility.bills(view)
        cases = steg_cases(bills, bill_table(bills, yardsticks_of(bills), view))
        names = cases.features.names
        assert not [name for name in names if name.startswith(("when.", "client."))]
        named = [name for name in names if BILL_FEATURES[name].identity]
        assert bool(named) == view.identity
        assert set(cases.categories) == {"district", "region", "category"}
        assert len(np.unique(cases.as_of)) == 1
        assert cases.target.tolist() == bills.clients.target.tolist()
        whole = np.diff(steg_utility.bills().invoices.starts)
        assert (np.diff(bills.invoices.starts) == np.maximum(whole - view.cut_last, 0)).all()


def test_only_clients_with_a_target_are_learned_from(steg_utility: MadeUtility) -> None:
    """A planted leak across clients: bills of the others must not be in what is learned."""
    others = np.arange(0, 900, 3)
    clients, invoices = unknown(steg_utility, others)
    levels = invoices.levels.copy()
    levels[np.isin(invoices.client, others)] += 1000

    def learned(bills: StegBills, leak: bool = False) -> tuple[BillCases, dict[str, object]]:
        with pytest.MonkeyPatch.context() as patch:
            if leak:
                everybody = fit_yardsticks(bills.clients, bills.invoices)
                patch.setattr("loadprofile.bills.steg_judging.yardsticks_of", lambda _: everybody)
            return steg_training(bills, StegView())

    view = StegView()
    before, after = (steg_bills(clients, rows, view) for rows in (invoices, replace(invoices, levels=levels)))
    for leak, same in ((False, True), (True, False)):
        (one, parts), (other, again) = learned(before, leak), learned(after, leak)
        assert np.array_equal(one.features.values, other.features.values, equal_nan=True) == same
    assert len(one) == 600
    np.testing.assert_array_equal(parts["check_shares"], again["check_shares"])
    np.testing.assert_array_equal(parts["multiples"], again["multiples"])
