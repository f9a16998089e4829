"""Neighbours and the feeder's balance, against sums by hand."""

from __future__ import annotations

import numpy as np
from town import Town

from api.evidence.case_view import case_view
from api.evidence.courses import readings_of
from api.evidence.neighbours import neighbourhood
from loadprofile.figures.meter import rolling_mean
from loadprofile.store.database import open_database
from loadprofile.store.loading import load_profiles
from loadprofile.store.meter_tables import FEEDER


def test_the_balance_is_the_feeder_less_its_meters(town: Town) -> None:
    database = open_database(town.path)
    with database.reading() as connection:
        view = case_view(connection, 1)
        profiles = readings_of(connection, view.meter_id)
        feeder = view.meter["feeder_id"]
        found = neighbourhood(connection, profiles, view.meter["meter_key"], feeder, view.marks)
        alone = neighbourhood(connection, profiles, view.meter["meter_key"], None, view.marks)
        (total,) = load_profiles(connection, [feeder], kind=FEEDER)
        (cube,) = load_profiles(connection)
    database.close()
    balance = found["feeder"]
    on = [i for i, m in enumerate(cube.meter_ids) if int(m[3:]) <= 18]
    if view.meter_id not in cube.meter_ids[on]:
        on = [i for i in range(len(cube)) if i not in on]
    assert balance["meters"] == len(on) == 18
    daily = cube.kwh[on].astype(float).sum(axis=2).sum(axis=0)
    metered = np.array([np.nan if v is None else v for v in balance["metered"]])
    expected = rolling_mean(daily, 7)
    both = np.isfinite(metered) & np.isfinite(expected)
    assert both.sum() > 200
    np.testing.assert_allclose(metered[both], expected[both], rtol=1e-3)
    np.testing.assert_allclose(
        [v for v in balance["total"] if v is not None][10:20],
        rolling_mean(np.nansum(total.kwh[0].astype(float), axis=1), 7)[10:20], rtol=2e-2,
    )  # fmt: skip
    assert found["others"]["meters"] == 17
    assert "feeder" in found["others"]["whose"]
    assert alone["feeder"] is None
    assert alone["others"]["whose"] == "other meters"
