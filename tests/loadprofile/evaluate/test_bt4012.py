"""Protocol bt4012: what is learned, from whom, and that a planted leak does not pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from steg_layout import made_clients, write_clients, write_table

from loadprofile.emulate.invoice_faults import FileFaults
from loadprofile.emulate.invoices import make_invoices
from loadprofile.errors import NothingToLearnError
from loadprofile.evaluate import bt4012
from loadprofile.evaluate.bt4012_features import report_features, risky
from loadprofile.evaluate.cells import as_markdown
from loadprofile.evaluate.splits import LeakError
from loadprofile.features.billing.describe import billing_features, fit_yardsticks
from loadprofile.ingest.steg.reader import read_steg
from loadprofile.ingest.steg.values import Clients, Invoices

Builder = Callable[[Clients, Invoices, np.ndarray], np.ndarray]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadprofile.bills.fitting.ROUNDS", 3)
    monkeypatch.setattr("loadprofile.bills.fitting.SEEDS", 1)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[Clients, Invoices]:
    folder = tmp_path_factory.mktemp("steg")
    clients = made_clients(900, seed=5)
    made = make_invoices(clients, np.random.default_rng(5), invoices=12_000, faults=FileFaults())
    paths = [write_clients(folder / "c.csv", clients), write_table(folder / "i.csv", made.table)]
    intake = read_steg(paths)
    return intake.clients, intake.invoices


def report(clients: Clients, invoices: Invoices, train: np.ndarray) -> np.ndarray:
    return report_features(clients, invoices, train).values


def own(clients: Clients, invoices: Invoices, train: np.ndarray) -> np.ndarray:
    yardsticks = fit_yardsticks(clients.take(train), invoices.of_clients(train))
    return billing_features(clients, invoices, yardsticks=yardsticks, as_of=18_000).values


def learned_on_all(clients: Clients, invoices: Invoices, train: np.ndarray) -> np.ndarray:
    """The leak: fraud rates of all clients, test clients included."""
    return report_features(clients, invoices, np.arange(len(clients))).values


def knows_the_others(build: Builder, clients: Clients, invoices: Invoices, train: np.ndarray) -> bool:
    """Whether a training client's features change with the others' targets or invoices."""
    others = np.setdiff1d(np.arange(len(clients)), train)
    before = build(clients, invoices, train)[train]
    target = clients.target.copy()
    target[others] = 1 - target[others]
    told = build(replace(clients, target=target), invoices, train)[train]
    levels = invoices.levels.copy()
    levels[np.isin(invoices.client, others)] += 1000
    billed = build(clients, replace(invoices, levels=levels), train)[train]
    same = [np.array_equal(before, found, equal_nan=True) for found in (told, billed)]
    return not all(same)


def test_features_learn_from_training_clients_only(tables: tuple[Clients, Invoices]) -> None:
    clients, invoices = tables
    train = bt4012.split(clients, 0)["train"]
    assert not knows_the_others(report, clients, invoices, train)
    assert not knows_the_others(own, clients, invoices, train)
    assert knows_the_others(learned_on_all, clients, invoices, train)  # the check sees a planted leak


def test_a_client_on_two_sides_stops_the_run(tables: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    clients, invoices = tables
    right = bt4012.by_meter

    def leaking(*args: object, **kwargs: object) -> dict[str, np.ndarray]:
        sides = right(*args, **kwargs)
        return sides | {"test": np.append(sides["test"], sides["train"][0])}

    monkeypatch.setattr(bt4012, "by_meter", leaking)
    with pytest.raises(LeakError):
        bt4012.evaluate_bt4012(clients, invoices, seed=0)


def test_sides_are_disjoint_and_hold_their_share_of_frauds(tables: tuple) -> None:
    clients, _ = tables
    sides = bt4012.split(clients, 3)
    together = np.concatenate(list(sides.values()))
    assert np.array_equal(np.sort(together), np.arange(900))
    assert [len(rows) for rows in sides.values()] == pytest.approx([720, 90, 90], abs=2)
    rates = [clients.target[rows].mean() for rows in sides.values()]
    assert max(rates) - min(rates) < 0.012  # one client of ninety


def test_frauds_are_repeated_among_training_clients_only() -> None:
    truth = np.zeros(100, dtype=bool)
    truth[[1, 5, 90]] = True
    rows = bt4012.oversampled(np.arange(80), truth, 0)
    assert truth[rows].sum() == (~truth[rows]).sum() == 78
    assert set(rows.tolist()) == set(range(80))
    blind = bt4012.blinded(made_clients(10), np.arange(4))
    assert np.isnan(blind.target[4:]).all()
    assert np.isfinite(blind.target[:4]).all()


def test_codes_above_the_mean_rate_are_risky_and_unseen_ones_are_not() -> None:
    codes = np.array([60, 60, 62, 62, 63])
    target = np.array([1.0, 0.0, 0.0, 0.0, np.nan])
    assert risky(codes, target).tolist() == [60]


def test_report_features_by_hand(tables: tuple) -> None:
    clients, invoices = tables
    train = np.arange(0, 900, 2)
    table = report_features(clients, invoices, train)
    assert np.isfinite(table.values).all()
    at = {name: k for k, name in enumerate(table.names)}
    for client in (0, 7, 450):
        rows = slice(invoices.starts[client], invoices.starts[client + 1])
        tariffs = len(set(invoices.tariff[rows].tolist()))
        assert table.values[client, at["tariff_one"]] == (tariffs == 1)
        assert table.values[client, at["remark_many"]] == (len(set(invoices.remark[rows].tolist())) >= 3)
    assert table.values[train][:, at["level_1"]].mean() == pytest.approx(0, abs=1e-9)
    assert table.values[train][:, at["level_1"]].std() == pytest.approx(1)
    one_hot = [k for name, k in at.items() if name.startswith("district_")]
    assert (table.values[:, one_hot].sum(axis=1) == 1).all()


def test_the_threshold_is_the_best_hundredth() -> None:
    scores = np.array([0.2, 0.4, 0.615, 0.9])
    assert bt4012.best_threshold(scores, np.array([False, False, True, True])) == pytest.approx(0.41)


def test_the_table_says_what_was_published_reproduced_and_ours(tables: tuple) -> None:
    clients, invoices = tables
    pieces: list[int] = []
    result = bt4012.evaluate_bt4012(clients, invoices, seed=0, made=True, resamples=20, each=pieces.append)
    assert pieces[-1] == len(pieces) == bt4012.bt4012_pieces() == 8
    rows = result.tables[0].rows
    assert [row["source"] for row in rows] == ["published"] * 3 + ["reproduced"] * 3 + ["ours"] * 5
    methods = [str(row["method"]) for row in rows]
    for part in ("as `train` makes it", "without meter identity", "without the last 3 invoices"):
        assert any(part in method for method in methods)
    cut = bt4012.evaluate_bt4012(clients, invoices, seed=0, identity=False, cut_last=0, resamples=5)
    assert len(cut.tables[0].rows) == 8
    assert bt4012.bt4012_pieces(identity=False, cut_last=0) == 5
    assert [row["F1"] for row in rows[:3]] == [0.175, 0.157, 0.148]
    text = as_markdown(result.tables[0])
    assert bt4012.MADE in text
    assert bt4012.MADE.upper()[:4] in result.about[0].upper()
    # targets of made_clients are drawn by chance: nothing may rank them
    for row in rows[3:]:
        assert row["AUC"].low < 0.5 + 0.2 < 1
        assert row["AUC"].low <= row["AUC"].value <= row["AUC"].high


def test_too_few_frauds_are_refused(tables: tuple) -> None:
    clients, invoices = tables
    few = replace(clients, target=np.zeros(900, dtype=np.float32))
    with pytest.raises(NothingToLearnError, match="frauds"):
        bt4012.evaluate_bt4012(few, invoices, seed=0)


def test_clients_without_a_target_are_left_out_and_real_bills_are_not_called_made(tables: tuple) -> None:
    clients, invoices = tables
    target = clients.target.copy()
    target[::3] = np.nan
    result = bt4012.evaluate_bt4012(replace(clients, target=target), invoices, seed=0, resamples=5)
    assert result.about[0].startswith("600 clients")
    assert bt4012.MADE not in " ".join(result.about) + as_markdown(result.tables[0])
