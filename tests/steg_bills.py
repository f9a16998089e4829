"""A made utility with clients and invoices, some of them with a planted cause, for tests of bills."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from steg_layout import made_clients, write_clients, write_table

from loadprofile.bills.fitting import fit_bill_model
from loadprofile.bills.model import BillModel
from loadprofile.bills.steg import STEG, StegBills, StegView, steg_bills
from loadprofile.bills.steg_judging import steg_training
from loadprofile.emulate.invoice_faults import FileFaults
from loadprofile.emulate.invoices import MadeInvoices, make_invoices
from loadprofile.ingest.steg.reader import read_steg
from loadprofile.ingest.steg.values import Clients

STOLEN = ("level_drop", "index_stall", "estimated")
"""Causes that are called fraud in these tables; the others are faults of data and meters."""
ODDITIES = FileFaults(shifted=1000, letter=500, foreign=300, duplicate=500, zero=200)


@dataclass(frozen=True)
class MadeUtility:
    """Clients whose target is what was planted, their files, and the truth."""

    clients: Clients
    made: MadeInvoices
    files: tuple[Path, Path]
    cause: dict[str, str]

    def bills(self, view: StegView | None = None) -> StegBills:
        intake = read_steg(self.files)
        return steg_bills(intake.clients, intake.invoices, view or StegView())

    def of(self, *causes: str) -> np.ndarray:
        """Rows of the clients with one of the causes."""
        return np.array([self.cause.get(name, "") in causes for name in self.clients.client_ids.tolist()])


def make_utility(folder: Path, count: int, seed: int, *, target: bool = True) -> MadeUtility:
    clients = replace(made_clients(count, seed), client_ids=np.array([f"s{seed}-{i}" for i in range(count)]))
    made = make_invoices(
        clients, np.random.default_rng(seed), invoices=22 * count, cause_share=0.04, faults=ODDITIES
    )
    cause = dict(zip(made.causes["client_id"], made.causes["cause"], strict=True))
    told = np.array([cause.get(name, "") in STOLEN for name in clients.client_ids.tolist()])
    clients = replace(clients, target=told.astype(np.float32))
    folder.mkdir(parents=True, exist_ok=True)
    table = write_clients(folder / "clients.csv", clients)
    if not target:
        pd.read_csv(table, dtype=str).drop(columns="target").to_csv(table, index=False)
    return MadeUtility(clients, made, (table, write_table(folder / "invoices.csv", made.table)), cause)


@pytest.fixture(scope="session")
def steg_utility(tmp_path_factory: pytest.TempPathFactory) -> MadeUtility:
    return make_utility(tmp_path_factory.mktemp("steg") / "learned", 900, 11)


@pytest.fixture(scope="session")
def other_utility(tmp_path_factory: pytest.TempPathFactory) -> MadeUtility:
    """Clients that nothing was learned from, in a table without targets."""
    return make_utility(tmp_path_factory.mktemp("steg") / "asked", 500, 12, target=False)


@pytest.fixture(scope="session")
def steg_model(steg_utility: MadeUtility) -> BillModel:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("loadprofile.bills.fitting.ROUNDS", 40)
        patch.setattr("loadprofile.bills.fitting.SEEDS", 1)
        cases, parts = steg_training(steg_utility.bills(), StegView())
        return fit_bill_model(cases, STEG, extras=parts, manifest={"name": "made"})
