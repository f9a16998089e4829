"""Means of kinds of bills: learned where they are fitted, coarser where bills are few."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from steg_layout import invoices_of, made_clients

from loadprofile.errors import ShapeError
from loadprofile.features.billing import peers
from loadprofile.features.billing.peers import FULL, BillMeans, deviations
from loadprofile.ingest.steg.values import Clients, Invoices


def bills(count: int = 300) -> tuple[Clients, Invoices]:
    rng = np.random.default_rng(7)
    rows = []
    for i in range(count):
        day = np.datetime64("2010-01-05") + int(rng.integers(0, 700))
        amount = int(rng.integers(0, 500))
        rows.append({"client": i % 30, "date": str(day), "levels": [amount, 0, 0, 0], "old_index": i * 1000,
                     "new_index": i * 1000 + amount, "tariff": int(rng.choice([10, 11]))})  # fmt: skip
    return made_clients(30), invoices_of(rows, 30)


@pytest.mark.parametrize("dense", [1 << 25, 0], ids=["table", "lookup"])
def test_means_are_those_of_a_groupby(dense: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "DENSE", dense)
    clients, invoices = bills()
    level = invoices.levels[:, :1].astype(float)
    found = BillMeans(least=2).fit(clients, invoices, level).expected(clients, invoices)[:, 0]
    day = pd.to_datetime(invoices.date, unit="D")
    frame = pd.DataFrame({
        "month": day.month, "year": day.year, "tariff": invoices.tariff, "level": level[:, 0],
        **{name: getattr(clients, name)[invoices.client] for name in ("district", "region", "category")},
    })  # fmt: skip
    expected = pd.Series(np.nan, index=frame.index)
    for key in (FULL, ("month", "year", "tariff", "category"), ("month", "tariff")):
        groups = frame.groupby(list(key))["level"]
        mean = groups.transform("mean").where(groups.transform("size") >= 2)
        expected = expected.fillna(mean)
    expected = expected.fillna(frame["level"].mean())
    assert np.allclose(found, expected)


@pytest.mark.parametrize("dense", [1 << 25, 0], ids=["table", "lookup"])
def test_unseen_kinds_take_the_mean_of_all(dense: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "DENSE", dense)
    clients, invoices = bills()
    level = invoices.levels[:, :1].astype(float)
    means = BillMeans(least=1).fit(clients, invoices, level)
    strange = invoices_of([{"client": 0, "date": "2011-01-01", "levels": [5, 0, 0, 0], "old_index": 0,
                            "new_index": 5, "tariff": 99}], 30)  # fmt: skip
    assert means.expected(clients, strange)[:, 0] == pytest.approx(level.mean())


def test_deviations_are_largest_smallest_and_mean() -> None:
    _, invoices = bills(90)
    values = invoices.levels[:, 0].astype(float)
    values[4] = np.nan
    found = deviations(invoices, values, np.full(90, 100.0))
    frame = pd.DataFrame({"client": invoices.client, "off": values - 100}).groupby("client")["off"]
    expected = frame.agg(["max", "min", "mean"]).to_numpy()
    assert np.allclose(found, expected, rtol=1e-6)


def test_values_must_fit() -> None:
    clients, invoices = bills(10)
    with pytest.raises(ShapeError):
        BillMeans().fit(clients, invoices, np.full((10, 1), np.nan))
    with pytest.raises(ShapeError):
        BillMeans().fit(clients, invoices, np.zeros(10))
