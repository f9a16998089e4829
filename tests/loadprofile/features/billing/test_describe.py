"""Features of bills: against an obvious pandas twin, the real client by hand, and what was planted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from steg_layout import invoices_of, made_clients, write_clients, write_table

from loadprofile.emulate.invoice_faults import FileFaults
from loadprofile.emulate.invoices import MadeInvoices, make_invoices
from loadprofile.errors import OptionError, ShapeError
from loadprofile.features.billing.describe import billing_features, fit_yardsticks, without_last
from loadprofile.features.billing.history import REMARKS
from loadprofile.features.billing.names import BILL_FEATURES
from loadprofile.features.billing.periods import DAYS_A_MONTH, bill_periods
from loadprofile.features.billing.spread import SPREAD_OF
from loadprofile.features.table import FeatureTable
from loadprofile.ingest.steg.reader import read_steg
from loadprofile.ingest.steg.values import Clients, Invoices


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Clients, Invoices, MadeInvoices]:
    folder = tmp_path_factory.mktemp("steg")
    clients = made_clients(400)
    made = make_invoices(clients, np.random.default_rng(8), cause_share=0.02, faults=FileFaults(letter=3000))
    paths = [write_clients(folder / "c.csv", clients), write_table(folder / "i.csv", made.table)]
    return clients, read_steg(paths).invoices, made


def frame_of(invoices: Invoices) -> pd.DataFrame:
    frame = pd.DataFrame({
        name: getattr(invoices, name)
        for name in ("client", "date", "energy", "counter", "tariff", "status", "code", "remark",
                     "coefficient", "old_index", "new_index", "months")
    }).astype(np.int64)  # fmt: skip
    for k in range(4):
        frame[f"level_{k + 1}"] = invoices.levels[:, k].astype(np.int64)
    frame["billed"] = frame[[f"level_{k + 1}" for k in range(4)]].sum(axis=1)
    frame["moved"] = frame["new_index"] - frame["old_index"]
    frame["days"] = frame.groupby(["client", "energy", "counter"])["date"].diff()
    covered = frame["days"].fillna(frame["months"].where(frame["months"] >= 0) * DAYS_A_MONTH)
    frame["covered"] = covered.where(covered >= 10)
    frame["per_day"] = frame["billed"] / frame["covered"]
    return frame


def twin(invoices: Invoices, clients: int) -> pd.DataFrame:
    """Slow and obvious: one client at a time, the definitions written out."""
    frame = frame_of(invoices)
    rows = []
    for client in range(clients):
        own = frame[frame["client"] == client]
        found: dict[str, float] = {}
        for energy, word in ((0, "elec"), (1, "gaz")):
            bills = own[own["energy"] == energy].sort_values("date", kind="stable")
            if not len(bills):
                continue
            found |= {
                f"{name.replace('.', f'.{word}.', 1)}": value for name, value in use_twin(bills).items()
            }
            found |= {f"history.{word}.{name}": value for name, value in history_twin(bills).items()}
        for column in SPREAD_OF:
            values = own[column]
            if (
                column not in ("old_index", "new_index", "moved", "billed", "coefficient")
                and column[:5] != "level"
            ):
                values = values[values >= 0]
            values = values.dropna().astype(float)
            if len(values):
                told = {
                    "mean": values.mean(), "std": values.std(), "min": values.min(), "max": values.max(),
                    "median": values.median(), "range": values.max() - values.min(), "sum": values.sum(),
                    "values": values.nunique(),
                }  # fmt: skip
                found |= {f"spread.{column}.{name}": value for name, value in told.items()}
        rows.append(found)
    return pd.DataFrame(rows)


def use_twin(bills: pd.DataFrame) -> dict[str, float]:
    known = bills[bills["per_day"].notna()]
    zero = bills["billed"] == 0
    out = {
        "use.bills": len(bills),
        "run.zero_share": zero.mean(),
        "run.zero_longest": longest(zero),
        "run.zero_last": longest(zero, at_end=True),
        "estimate.repeated_share": ((bills["billed"].diff() == 0) & ~zero).mean(),
        "run.unread_bills": ((bills["moved"] == 0) & ~zero).sum(),
    }
    stands = (bills["moved"] == 0) & ((bills["moved"] != 0).cumsum() > 0)
    out |= {"run.stall_bills": stands.sum(), "run.stall_longest": longest(stands)}
    if (~zero).any():
        filled = bills.loc[~zero, "billed"]
        out |= {
            "estimate.hundreds_share": (filled % 100 == 0).mean(),
            "estimate.tens_share": (filled % 10 == 0).mean(),
        }
    if not len(known):
        return out
    use, days = known["per_day"], known["covered"]
    middle = known["date"] - days / 2
    out |= {
        "use.per_day": (use * days).sum() / days.sum(), "use.per_day_std": use.std(), "use.days": days.sum(),
        "use.per_day_max": use.max(), "run.low_longest": longest(use < use.median() * 0.1),
    }  # fmt: skip
    if use.mean() > 0:
        out["use.per_day_variation"] = use.std() / use.mean()
        if len(known) > 2:
            out["use.trend"] = np.polyfit(middle, use, 1)[0] * 365.25 / use.mean()
        quarter = (((middle + 31) % 365.25) / 365.25 * 4).astype(int).clip(upper=3)
        for k, name in enumerate(("winter", "spring", "summer", "autumn")):
            if (quarter == k).any():
                out[f"season.{name}"] = use[quarter == k].mean() / use.mean()
    recent = known["date"] > known["date"].max() - 365.25
    if (~recent).any() and (use * days)[~recent].sum() > 0:
        past = (use * days)[~recent].sum() / days[~recent].sum()
        out["use.recent_ratio"] = (use * days)[recent].sum() / days[recent].sum() / past
    return out


def history_twin(bills: pd.DataFrame) -> dict[str, float]:
    out: dict[str, float] = {}
    for name in ("counter", "status", "code", "coefficient", "tariff", "remark"):
        values = bills.loc[bills[name] >= 0, ["date", name]]
        changed = values[name].diff().fillna(0) != 0
        out |= {f"{name}_values": values[name].nunique(), f"{name}_changes": changed.sum()}
        if changed.any():
            out[f"{name}_age"] = bills["date"].max() - values.loc[changed, "date"].iloc[-1]
    out |= {f"remark_{value}_share": (bills["remark"] == value).mean() for value in REMARKS}
    return out | {
        "last_status": bills["status"].iloc[-1], "unknown_status": (bills["status"] < 0).sum(),
        "other_status_share": (bills["status"] > 0).mean(), "last_tariff": bills["tariff"].iloc[-1],
    }  # fmt: skip


def longest(flags: pd.Series, *, at_end: bool = False) -> int:
    run = best = 0
    for flag in flags:
        run = run + 1 if flag else 0
        best = max(best, run)
    return run if at_end else best


def test_features_agree_with_the_obvious_twin(made: tuple[Clients, Invoices, MadeInvoices]) -> None:
    clients, invoices, _ = made
    some = np.arange(0, 400, 27)
    clients, invoices = clients.take(some), invoices.of_clients(some)
    table = billing_features(clients, invoices)
    expected = twin(invoices, len(clients))
    assert len(expected.columns) > 200
    for name in expected.columns:
        found, right = table.column(name), expected[name].to_numpy(dtype=float)
        assert np.allclose(found, right, rtol=2e-4, atol=2e-5, equal_nan=True), name


def test_every_column_has_a_unit_and_a_sentence(made: tuple[Clients, Invoices, MadeInvoices]) -> None:
    clients, invoices, _ = made
    table = billing_features(clients, invoices, yardsticks=fit_yardsticks(clients, invoices))
    assert table.names == tuple(BILL_FEATURES)
    assert np.array_equal(table.column("client.region"), clients.region)
    assert all(feature.meaning.endswith(".") for feature in BILL_FEATURES.values())
    assert BILL_FEATURES["use.elec.per_day"].unit == "kWh/day"
    assert BILL_FEATURES["use.gaz.per_day"].unit == "gas units/day"


def found_of(made: tuple[Clients, Invoices, MadeInvoices], cause: str) -> tuple[FeatureTable, pd.DataFrame]:
    clients, invoices, truth = made
    planted = truth.causes[truth.causes["cause"] == cause]
    assert len(planted) == 8
    at = {name: i for i, name in enumerate(clients.client_ids.tolist())}
    rows = np.array([at[name] for name in planted["client_id"]])
    return billing_features(clients, invoices).take(rows), planted


def test_a_planted_drop_of_level_is_found_with_its_date_and_size(made: tuple) -> None:
    table, planted = found_of(made, "level_drop")
    days = (planted["date"] - pd.Timestamp(0)).dt.days.to_numpy()
    # the change begins with the bill before the first lower one: one period of four months
    late = days - table.column("when.elec.level")
    assert np.median(np.abs(late - 122)) < 40
    close = np.abs(table.column("level.elec.ratio") / planted["amount"].to_numpy() - 1)
    assert np.median(close) < 0.15
    assert (table.column("level.elec.strength") > 4).mean() >= 0.75


def test_a_planted_stall_and_estimates_are_counted(made: tuple) -> None:
    table, planted = found_of(made, "index_stall")
    assert np.array_equal(table.column("run.elec.stall_longest"), planted["amount"].to_numpy())
    table, planted = found_of(made, "estimated")
    assert (table.column("estimate.elec.repeated_longest") >= 3).all()
    assert (table.column("estimate.elec.repeated_longest") < 40).all()


def test_the_real_client_by_hand(shared_data: Path) -> None:
    folder = shared_data / "steg"
    intake = read_steg([folder / "invoices_train_Client_0.csv", folder / "client_train.parquet"])
    one = np.array([0])
    table = billing_features(intake.clients.take(one), intake.invoices.of_clients(one))

    def value(name: str) -> float:
        return float(table.column(name)[0])

    assert value("use.elec.bills") == 35
    assert np.isnan(value("use.gaz.bills"))
    # last index less the first, less what no bill shows, plus the step back of 2013-03-29 (see the checks)
    assert value("spread.billed.sum") == 17_078 - 3685 - 2697 + 2008
    # since the bill after 2013-03-29 a third of what the same seasons used before, though bills scatter
    assert str(np.datetime64("1970-01-01") + int(value("when.elec.level"))) == "2013-03-29"
    assert value("level.elec.ratio") == pytest.approx(0.324, abs=0.001)
    assert value("history.elec.counter_values") == 1
    assert value("history.elec.remark_values") == 3
    assert value("history.elec.code_changes") == 1
    assert value("history.elec.code_age") == (
        np.datetime64("2019-03-19") - np.datetime64("2015-07-13")
    ).astype(int)
    assert value("spread.level_1.max") == 1200
    assert value("spread.months.max") == 12
    assert value("run.elec.zero_longest") == 0
    # bought from 2005-06 (4 months before the first bill) to 2019-03-19
    assert value("use.elec.days") == pytest.approx(4 * DAYS_A_MONTH + 4901, abs=1)
    assert value("contract.months") == pytest.approx(290.6, abs=0.2)


def test_a_client_without_an_invoice_has_a_row_of_unknowns() -> None:
    clients = made_clients(3)
    bills = invoices_of(
        [{"client": 1, "date": "2014-03-01", "levels": [5, 0, 0, 0], "old_index": 0, "new_index": 5}], 3
    )
    table = billing_features(clients, bills)
    assert len(table) == 3
    assert np.isnan(table.column("use.elec.bills")).tolist() == [True, False, True]
    assert not np.isnan(table.column("client.district")).any()
    assert table.column("contract.bills").tolist() == [0, 1, 0]


def test_switches_leave_out_what_they_say(made: tuple) -> None:
    clients, invoices, _ = made
    every = billing_features(clients, invoices)
    plain = billing_features(clients, invoices, identity=False)
    left_out = set(every.names) - set(plain.names)
    assert {n for n in every.names if ".counter" in n or ".status" in n or ".code" in n} <= left_out
    assert not [n for n in plain.names if "index.m" in n or "last_status" in n]
    assert np.array_equal(every.select(plain.names).values, plain.values, equal_nan=True)
    shorter = without_last(invoices, 3)
    count, before = np.diff(shorter.starts), np.diff(invoices.starts)
    assert np.array_equal(count, np.maximum(before - 3, 0))
    for client in range(0, 400, 37):
        all_dates = np.sort(invoices.date[invoices.starts[client] : invoices.starts[client + 1]])
        kept = np.sort(shorter.date[shorter.starts[client] : shorter.starts[client + 1]])
        assert np.array_equal(kept, all_dates[: len(kept)])
    cut = billing_features(clients, invoices, cut_last=3, as_of=int(invoices.date.max()))
    direct = billing_features(clients, shorter, as_of=int(invoices.date.max()))
    assert np.array_equal(cut.values, direct.values, equal_nan=True)


def test_nonsense_is_refused(made: tuple) -> None:
    clients, invoices, _ = made
    with pytest.raises(OptionError, match="cut_last"):
        billing_features(clients, invoices, cut_last=-1)
    with pytest.raises(ShapeError):
        billing_features(clients.take(np.arange(3)), invoices)


def test_features_of_a_client_do_not_depend_on_the_others(made: tuple) -> None:
    clients, invoices, _ = made
    table = billing_features(clients, invoices, as_of=18_000)
    some = np.array([3, 50, 399])
    alone = billing_features(clients.take(some), invoices.of_clients(some), as_of=18_000)
    assert np.array_equal(alone.values, table.values[some], equal_nan=True)


def test_periods_are_in_order_of_time(made: tuple) -> None:
    _, invoices, _ = made
    periods = bill_periods(invoices)
    rows = periods.by_time
    assert np.array_equal(np.sort(rows), np.arange(len(invoices)))
    order = np.lexsort((invoices.date[rows], invoices.energy[rows], invoices.client[rows]))
    assert np.array_equal(order, np.arange(len(rows)))
