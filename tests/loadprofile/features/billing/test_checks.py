"""The arithmetic of invoices: each rule on the smallest example that breaks it, and on planted causes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steg_layout import invoices_of, made_clients, write_clients, write_table

from loadprofile.emulate.invoice_faults import FileFaults
from loadprofile.emulate.invoices import make_invoices
from loadprofile.features.billing.checks import CHECKS, BillChecks, check_bills
from loadprofile.features.billing.periods import bill_periods
from loadprofile.ingest.steg.reader import read_steg
from loadprofile.ingest.steg.values import Invoices

DATES = ("2014-03-01", "2014-07-01", "2014-11-01", "2015-03-01")


def bill(at: int, old: int, new: int, billed: int | None = None, **more: object) -> dict[str, object]:
    amount = new - old if billed is None else billed
    return {"date": DATES[at], "old_index": old, "new_index": new, "levels": [amount, 0, 0, 0]} | more


def broken(checks: BillChecks, client: int = 0, energy: int = 0) -> dict[str, float]:
    """Checks that found something, with their amount."""
    return {
        name: float(checks.amount[client, energy, k])
        for k, name in enumerate(CHECKS)
        if checks.count[client, energy, k]
    }


def checked(invoices: Invoices) -> BillChecks:
    return check_bills(invoices, bill_periods(invoices))


@pytest.mark.parametrize(
    ("bills", "expected"),
    [
        pytest.param([bill(0, 0, 9), bill(1, 9, 20)], {}, id="faultless"),
        pytest.param([bill(0, 0, 9, 12)], {"sum": 3.0}, id="sum"),
        pytest.param([bill(0, 0, 9, 90, coefficient=10)], {}, id="coefficient_applied"),
        pytest.param([bill(0, 0, 9, coefficient=10)], {"coefficient": 81.0}, id="coefficient_forgotten"),
        pytest.param([bill(0, 0, 9), bill(1, 30, 40)], {"index_gap": 21.0}, id="gap"),
        pytest.param([bill(0, 0, 9), bill(1, 5, 20)], {"index_overlap": 4.0}, id="overlap"),
        pytest.param([bill(0, 50, 90), bill(1, 0, 20)], {"index_restart": 90.0}, id="restart"),
        pytest.param([bill(0, 900, 300, 0)], {"negative": -600.0}, id="negative"),
        pytest.param([bill(0, 99_990, 20, 30)], {"wrap_around": 0.0}, id="wrap"),
        pytest.param([bill(0, -9, 0)], {"below_zero": 0.0}, id="below_zero"),
        pytest.param([bill(0, 0, 9), bill(2, 9, 20)], {"period_gap": 245 - 121.75}, id="period_gap"),
        pytest.param(
            [bill(0, 0, 9), bill(1, 9, 20, months=8)], {"period_overlap": 243.5 - 122}, id="period_overlap"
        ),
        pytest.param([bill(0, 0, 9), bill(0, 9, 20)], {"same_day": 0.0}, id="same_day"),
        pytest.param([bill(0, 9, 9, 50)], {"billed_still": 50.0, "sum": 50.0}, id="billed_still"),
        pytest.param([bill(0, 0, 9), bill(1, 9, 9), bill(2, 9, 9)], {"stall": 0.0}, id="stall"),
        pytest.param([bill(0, 9, 9), bill(1, 9, 9)], {}, id="never_moved"),
        pytest.param([bill(0, 0, 9), bill(1, 0, 7, counter=2)], {}, id="another_counter"),
        pytest.param([bill(0, 0, 9), bill(1, 9, 20, months=-1)], {}, id="months_unknown"),
    ],
)
def test_each_rule(bills: list[dict[str, object]], expected: dict[str, float]) -> None:
    assert broken(checked(invoices_of(bills))) == expected


def test_energies_are_kept_apart() -> None:
    rows = [bill(0, 0, 9), bill(1, 9, 20), bill(1, 30, 40, energy=1), bill(2, 50, 60, energy=1)]
    checks = checked(invoices_of(rows))
    assert broken(checks, energy=0) == {"both_energies": 0.0}
    assert broken(checks, energy=1) == {"both_energies": 0.0, "index_gap": 10.0}
    assert checks.bills.tolist() == [[2, 2]]


def test_first_and_worst_invoice_are_named() -> None:
    bills = invoices_of([bill(0, 0, 9, 10), bill(1, 9, 20, 80), bill(2, 20, 30, 29)])
    checks = checked(bills)
    count, amount, worst = checks.of("sum")
    assert (count[0, 0], amount[0, 0], worst[0, 0]) == (3, 1 + 69 + 19, 1)
    assert checks.first[0, 0, CHECKS.index("sum")] == 0
    assert checks.worst_amount[0, 0, CHECKS.index("sum")] == 69
    assert bills.line[worst[0, 0]] == 3


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-30, 60), st.integers(0, 90), st.integers(-20, 20)), min_size=1, max_size=4
    )
)
def test_amounts_reconcile_for_any_bills(steps: list[tuple[int, int, int]]) -> None:
    """Last index = first + everything billed - billed wrongly + gaps - overlaps - steps back."""
    rows, index = [], 1000
    for at, (jump, units, wrong) in enumerate(steps):
        old = index + (jump if at else 0)
        index = old + units
        rows.append(bill(at, old, index, max(units + wrong, 0)))
    bills = invoices_of(rows)
    found = broken(checked(bills))
    total = 1000 + int(bills.levels.sum()) - found.get("sum", 0.0) + found.get("index_gap", 0.0)
    assert total - found.get("index_overlap", 0.0) - found.get("index_restart", 0.0) == index


def test_planted_causes_are_measured(tmp_path: Path) -> None:
    clients = made_clients(300)
    made = make_invoices(clients, np.random.default_rng(3), cause_share=0.03, faults=FileFaults())
    paths = [write_clients(tmp_path / "c.csv", clients), write_table(tmp_path / "i.csv", made.table)]
    bills = read_steg(paths).invoices
    checks = checked(bills)
    place = {name: i for i, name in enumerate(clients.client_ids.tolist())}
    told = {"index_gap": "index_gap", "overlap": "index_overlap", "coefficient_error": "coefficient",
            "sum_error": "sum", "wrap_around": "wrap_around", "months_error": "period_overlap",
            "index_stall": "stall"}  # fmt: skip
    where: dict[str, set[int]] = {name: set() for name in told.values()}
    for row in made.causes.itertuples():
        client = place[row.client_id]
        if row.cause not in told:
            continue
        name = told[row.cause]
        where[name].add(client)
        count, amount, worst = checks.of(name)
        assert count[client, 0] >= 1, row
        if row.cause in ("index_gap", "overlap"):
            assert amount[client, 0] == row.amount
            day = np.datetime64("1970-01-01") + bills.date[worst[client, 0]]
            assert day == np.datetime64(row.date, "D")
        if row.cause == "sum_error":
            assert checks.worst_amount[client, 0, CHECKS.index("sum")] == row.amount
        if row.cause == "index_stall":
            assert count[client, 0] == row.amount
    for name, planted in where.items():
        assert set(np.flatnonzero(checks.of(name)[0].sum(axis=1)).tolist()) == planted, name


def test_the_real_client_by_hand(shared_data: Path) -> None:
    folder = shared_data / "steg"
    intake = read_steg([folder / "invoices_train_Client_0.csv", folder / "client_train.parquet"])
    one = intake.invoices.of_clients(np.array([0]))
    checks = checked(one)
    found = broken(checks)
    # 2019-03-19 says 8 months, 102 days after the bill before it: the largest of the overlaps
    count, _, worst = checks.of("period_overlap")
    assert str(np.datetime64("1970-01-01") + one.date[worst[0, 0]]) == "2019-03-19"
    assert checks.worst_amount[0, 0, CHECKS.index("period_overlap")] == pytest.approx(243.5 - 102)
    # between 2017-07-17 and 2018-12-07 lie 508 days, 12 months were billed
    _, _, gap = checks.of("period_gap")
    assert str(np.datetime64("1970-01-01") + one.date[gap[0, 0]]) == "2018-12-07"
    # every bill's levels are its index difference
    assert not {"sum", "coefficient", "negative", "index_overlap", "stall", "wrap_around"} & set(found)
    # 2012-03 250, 2013-02 1970, 2013-07 305, 2014-03 172 units were never billed; the bill of 2013-02-12
    # (14264 to 14302) stands a year too early in the sequence, so the one after it begins 2008 below it
    assert (checks.of("index_gap")[0][0, 0], found["index_gap"]) == (4, 250 + 1970 + 305 + 172)
    assert found["index_restart"] == 14302 - 12294
    assert 3685 + one.levels.sum() + found["index_gap"] - found["index_restart"] == 17_078
    assert (count[0, 0], checks.of("period_gap")[0][0, 0]) == (4, 4)
