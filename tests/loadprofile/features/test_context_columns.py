"""Columns ``context.*`` of a population: absent inputs leave them empty and change nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loadprofile.emulate.households import simulate_homes
from loadprofile.features.change import by_temperature, seasonal
from loadprofile.features.context_columns import NAMES
from loadprofile.features.population import Context
from loadprofile.profiles import LoadProfiles
from loadprofile.screening import survey

GIVEN = {
    "holidays": ("context.holiday",),
    "weather": ("context.heating", "context.cooling", "context.weather", "context.sun"),
    "export": ("context.export",),
    "reactive": ("context.reactive", "context.power"),
}


@pytest.fixture(scope="module")
def homes() -> LoadProfiles:
    made = simulate_homes(12, 130, 60, np.random.default_rng(8), start=np.datetime64("2022-01-01"))
    kwh = made.kwh.copy()
    kwh[:4, 70:] *= np.float32(0.4)
    return made.with_kwh(kwh)


@pytest.fixture(scope="module")
def everything(homes: LoadProfiles) -> Context:
    stamps = pd.date_range("2022-01-01", periods=130 * 24, freq="h")
    rng = np.random.default_rng(1)
    air = pd.DataFrame(
        {
            "timestamp": stamps,
            "temperature_c": 8 + np.repeat(5 * np.sin(np.arange(130) / 6) + rng.normal(0, 1, 130), 24),
            "irradiance": rng.uniform(0, 300, len(stamps)).repeat(1),
        }
    )
    return Context(
        holidays=pd.DataFrame({"date": pd.to_datetime(["2022-01-03", "2022-04-15"]), "name": ""}),
        weather=air,
        export=(homes.with_kwh(np.zeros_like(homes.kwh)),),
        reactive=(homes.with_kwh((0.2 * homes.kwh + 0.01).astype(np.float32)),),
    )


def test_nothing_given_leaves_every_column_empty(homes: LoadProfiles) -> None:
    features = survey(homes).features
    assert set(NAMES) <= set(features.names)
    assert np.isnan(features.group("context").values).all()


@pytest.mark.parametrize("name", GIVEN)
def test_each_input_fills_its_own_columns_and_no_others(
    homes: LoadProfiles, everything: Context, name: str
) -> None:
    context = Context(**{name: getattr(everything, name)})
    table = survey(homes, context).features
    filled = {n for n in NAMES if np.isfinite(table.column(n)).any()}
    assert filled
    assert all(n.startswith(GIVEN[name]) for n in filled)


def test_channels_change_no_other_column(homes: LoadProfiles, everything: Context) -> None:
    plain = survey(homes).features
    known = survey(homes, Context(export=everything.export, reactive=everything.reactive)).features
    others = [n for n in plain.names if not n.startswith("context.")]
    np.testing.assert_array_equal(plain.select(others).values, known.select(others).values)


def test_order_and_batches_of_meters_do_not_matter(
    homes: LoadProfiles, everything: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = survey(homes, everything).features.group("context")
    monkeypatch.setattr("loadprofile.features.context_columns.BATCH", 5)
    order = np.random.default_rng(0).permutation(12)
    two = survey(homes.take(order), everything).features.group("context")
    np.testing.assert_allclose(one.values[order], two.values, rtol=1e-5, atol=1e-6)


def test_the_temperature_stands_where_the_cosine_did() -> None:
    days = np.arange(np.datetime64("2021-01-01"), np.datetime64("2022-01-01"))
    season = seasonal(days)
    stamps = days.astype("datetime64[s]")
    mild = pd.DataFrame({"timestamp": stamps, "temperature_c": 8.0 - 8 * season})
    need = by_temperature(days, mild)
    assert abs(need.mean()) < 1e-9
    assert np.corrcoef(need, season)[0, 1] > 0.95
    hardly = mild.iloc[:100]
    np.testing.assert_array_equal(by_temperature(days, hardly), season)


def test_what_bears_on_some_meters(everything: Context) -> None:
    events = pd.DataFrame({"meter_id": ["SIM0001", "SIM0009"], "code": [1, 2]})
    context = Context(
        events=events, holidays=everything.holidays, weather=everything.weather, export=everything.export
    )
    some = context.about(["SIM0009", "SIM0003"])
    assert some.events is not None
    assert some.events["code"].tolist() == [2]
    assert some.export is not None
    assert some.export[0].meter_ids.tolist() == ["SIM0003", "SIM0009"]
    assert some.holidays is everything.holidays
    assert some.weather is everything.weather
    assert context.about(["nobody"]).export == ()
