"""A made utility with monthly bills and planted theft, for tests of everything that reads bills."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loadprofile.bills.cases import MONTHLY, monthly_cases
from loadprofile.bills.fitting import fit_bill_model
from loadprofile.bills.losses import fit_losses
from loadprofile.bills.model import BillModel
from loadprofile.ingest.monthly_values import MONTHS, MonthlyHistories

KINDS = ("level", "zeros", "repeats")
"""How theft shows in the made bills: a lasting drop, months of nothing, one amount again and again."""


def made_histories(
    n: int, seed: int, first: str = "2020-01", months: int = 10
) -> tuple[MonthlyHistories, np.ndarray]:
    """``n`` simulated customers with a season, one in five steals; and each one's kind ("" = honest)."""
    rng = np.random.default_rng(seed)
    as_of = (np.datetime64(first) + rng.integers(0, months, n)).astype("datetime64[D]")
    month = as_of.astype("datetime64[M]").astype(int)[:, None] - MONTHS + np.arange(MONTHS)
    season = 1.0 + 0.15 * np.cos(2 * np.pi * month / 12)
    noise = np.where(rng.random(n) < 0.15, 0.45, 0.10)[:, None]  # some honest lives are erratic
    level = np.exp(rng.normal(5.3, 0.5, n))[:, None]
    kwh = np.rint(level * season * np.exp(rng.normal(0.0, 1.0, (n, MONTHS)) * noise)) + 3.0
    kind = np.where(rng.random(n) < 0.2, rng.choice(KINDS, n), "").astype(np.str_)
    start = rng.integers(3, 9, n)
    after = np.arange(MONTHS) >= start[:, None]
    fallen = np.rint(kwh * rng.uniform(0.25, 0.5, n)[:, None])
    kwh = np.where((kind == "level")[:, None] & after, fallen, kwh)
    some = (np.arange(MONTHS) >= start[:, None]) & (np.arange(MONTHS) < start[:, None] + 3)
    kwh = np.where((kind == "zeros")[:, None] & some, 0.0, kwh)
    same = np.take_along_axis(kwh, np.minimum(start, 6)[:, None], axis=1)
    held = (np.arange(MONTHS) >= start[:, None] - 3) & (np.arange(MONTHS) < start[:, None] + 3)
    kwh = np.where((kind == "repeats")[:, None] & held, same, kwh)
    tariff = rng.choice(["home", "shop", ""], n, p=[0.7, 0.25, 0.05])
    zone = rng.choice(["north", "south"], n)
    return MonthlyHistories(
        ids=np.array([f"c{seed}-{i}" for i in range(n)]), kwh=kwh, as_of=as_of,
        categories={"tipo_tarifa": tariff, "zona": zone}, target=(kind != "").astype(np.int8),
    ), kind  # fmt: skip


def as_table(histories: MonthlyHistories, *, target: bool = True) -> pd.DataFrame:
    """The histories in the layout of the Energizados set."""
    frame = pd.DataFrame({"row_id": histories.ids})
    for k in range(MONTHS):
        frame[f"{MONTHS - k}_anterior"] = histories.kwh[:, k]
    for name, values in histories.categories.items():
        frame[name] = values
    frame["fecha_inspeccion"] = histories.as_of.astype("datetime64[ns]")
    return frame.assign(target=histories.target) if target else frame


@pytest.fixture(scope="session")
def bill_model() -> BillModel:
    histories, _ = made_histories(1200, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("loadprofile.bills.fitting.ROUNDS", 30)
        patch.setattr("loadprofile.bills.losses.MOST_PLANTED", 1500)
        return fit_bill_model(
            monthly_cases(histories), MONTHLY, extras=fit_losses(histories), manifest={"name": "made"}
        )
