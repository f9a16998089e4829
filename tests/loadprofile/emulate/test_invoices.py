"""Made invoices: the layout is the real one, sums and registers hold, and the ledger says what does not."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc
import pytest
from steg_layout import HEADER, made_clients

from loadprofile.emulate.bill_causes import CAUSES
from loadprofile.emulate.invoice_faults import REAL_FAULTS, FileFaults
from loadprofile.emulate.invoices import make_invoices
from loadprofile.errors import OptionError


def test_the_layout_is_the_real_one_and_chance_is_seeded() -> None:
    clients = made_clients(200)
    made = make_invoices(clients, np.random.default_rng(0), invoices=3000)
    assert ",".join(made.table.column_names) == HEADER
    assert made.table.num_rows == pytest.approx(3000, rel=0.05)
    again = make_invoices(clients, np.random.default_rng(0), invoices=3000)
    assert made.table.equals(again.table)
    assert set(pc.unique(made.table["counter_type"]).to_pylist()) == {"ELEC", "GAZ"}
    owners = made.table["client_id"].to_pylist()
    assert set(owners) <= set(clients.client_ids.tolist())


def test_without_causes_and_faults_every_sum_holds() -> None:
    made = make_invoices(made_clients(200), np.random.default_rng(1), cause_share=0, faults=FileFaults())
    frame = made.table.to_pandas()
    levels = frame[[f"consommation_level_{k}" for k in range(1, 5)]].sum(axis=1)
    assert (levels == frame["new_index"] - frame["old_index"]).all()
    ordered = frame.assign(
        client_id=frame["client_id"].astype(str), counter_type=frame["counter_type"].astype(str)
    )
    ordered = ordered.sort_values(
        ["client_id", "counter_type", "counter_number", "invoice_date", "old_index"]
    )
    same = ordered.groupby(["client_id", "counter_type", "counter_number"])["new_index"].shift()
    assert (ordered["old_index"][same.notna()] == same[same.notna()]).all()
    assert len(made.causes) == len(made.faults) == len(made.rejects) == 0
    created = made_clients(200).created
    first = ordered.astype({"invoice_date": str}).groupby("client_id")["invoice_date"].min()
    at = [int(name[1:]) for name in first.index]
    late = first.astype("datetime64[s]").to_numpy().astype("datetime64[D]") - created[at]
    assert late.astype(int).min() >= -9  # bills come some days early or late


def test_every_cause_is_planted_once_a_client() -> None:
    made = make_invoices(made_clients(500), np.random.default_rng(2), cause_share=0.01)
    assert made.causes["cause"].value_counts().to_dict() == dict.fromkeys(CAUSES, 5)
    assert made.causes["client_id"].is_unique


def test_faults_come_at_the_rates_of_the_real_file() -> None:
    assert round(REAL_FAULTS.shifted * 4.476749) == 34
    assert round(REAL_FAULTS.letter * 4.476749) == 13
    made = make_invoices(made_clients(300), np.random.default_rng(2))
    assert len(made.faults) == 0  # ten thousand rows: the rates say none, so none is planted


def test_nonsense_is_refused() -> None:
    with pytest.raises(OptionError, match="cause_share"):
        make_invoices(made_clients(5), np.random.default_rng(0), cause_share=0.5)
    with pytest.raises(OptionError, match="invoices"):
        make_invoices(made_clients(5), np.random.default_rng(0), invoices=0)
