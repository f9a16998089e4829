"""Outages, events and registers against each meter's own spans."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from loadprofile.features.circumstances import events_near, outage_share, register_checks
from loadprofile.features.population import Context, Population
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import LoadProfiles

DAY = np.datetime64("2013-04-01", "m")


def moments(*days: float) -> np.ndarray:
    return np.array(
        [DAY + np.timedelta64(round(d * 1440), "m") if np.isfinite(d) else np.datetime64("NaT") for d in days]
    )


def population(context: Context, kwh: np.ndarray | None = None) -> Population:
    kwh = np.full((3, 10, 48), 0.5, dtype=np.float32) if kwh is None else kwh
    ids = np.array([f"m{i}" for i in range(len(kwh))])
    days = np.arange(np.datetime64("2013-04-01"), np.datetime64("2013-04-11"))
    table = FeatureTable(ids, ("g1.x",), np.zeros((len(kwh), 1), dtype=np.float32))
    return Population(LoadProfiles(ids, days, kwh, 30), table, len(kwh), context)


def outages(*rows: tuple[str, str, str]) -> Context:
    return Context(outages=pd.DataFrame(rows, columns=["meter_id", "start", "end"]))


def test_outage_share_counts_overlaps_once() -> None:
    context = outages(
        ("m0", "2013-04-02 00:00", "2013-04-02 12:00"),
        ("m0", "2013-04-02 06:00", "2013-04-02 18:00"),
        ("m0", "2013-04-03 18:00", "2013-04-09 00:00"),
        ("m1", "2013-04-07 00:00", "2013-04-08 00:00"),
        ("stranger", "2013-04-01 00:00", "2013-04-09 00:00"),
    )
    share = outage_share(population(context), moments(1, 1, np.nan), moments(3, 3, 3))
    assert share[0] == pytest.approx(0.5)  # 18 h and 6 h of 48
    assert share[1] == 0.0
    assert np.isnan(share[2])


def test_no_outages_given_is_not_no_outage() -> None:
    assert np.isnan(outage_share(population(Context()), moments(1, 1, 1), moments(3, 3, 3))).all()


def test_events_count_within_three_days_and_by_meaning() -> None:
    events = pd.DataFrame(
        {
            "meter_id": ["m0", "m0", "m0", "m1"],
            "timestamp": ["2013-04-03 10:00", "2013-04-05 10:00", "2013-04-09 10:00", "2013-04-03 10:00"],
            "code": [44, 44, 44, 1],
            "meaning": ["cover_open", "cover_open", "cover_open", "power_down"],
        }
    )
    counted = events_near(population(Context(events=events)), ("cover_open",), moments(3, 3, np.nan))
    assert counted[:2].tolist() == [2.0, 0.0]
    assert np.isnan(counted[2])
    assert np.isnan(events_near(population(Context()), ("cover_open",), moments(3, 3, 3))).all()
    nameless = events.drop(columns="meaning")
    assert np.isnan(
        events_near(population(Context(events=nameless)), ("cover_open",), moments(3, 3, 3))
    ).all()


def test_registers_check_sums_and_gaps() -> None:
    kwh = np.full((3, 10, 48), 0.5, dtype=np.float32)
    kwh[:, 4] = np.nan
    days = pd.date_range("2013-04-01", periods=11, freq="D")
    rows = []
    for meter, multiplier, stands in (("m0", 1.0, False), ("m1", 40.0, False), ("m2", 1.0, True)):
        daily = np.full(10, 24.0)
        if stands:
            daily[4] = 0.0
        register = np.concatenate([[100.0], 100.0 + np.cumsum(daily)])
        rows.append(
            pd.DataFrame(
                {
                    "meter_id": meter,
                    "timestamp": days,
                    "register_kwh": register / 1.0,
                    "multiplier": multiplier,
                }
            )
        )
    registers = pd.concat(rows).sample(frac=1.0, random_state=3)
    checks = register_checks(population(Context(registers=registers), kwh))
    assert checks.sum_ratio == pytest.approx([1.0, 1 / 40, 1.0])
    assert checks.windows.tolist() == [9, 9, 9]
    assert checks.gap_advance[[0, 2]] == pytest.approx([1.0, 0.0])
    assert checks.gap_hours.tolist() == [24, 24, 24]


def test_a_register_that_runs_backwards_is_left_out() -> None:
    registers = pd.DataFrame(
        {
            "meter_id": "m0",
            "timestamp": pd.date_range("2013-04-01", periods=4, freq="D"),
            "register_kwh": [99990.0, 99990.0 + 24, 14.0, 38.0],
        }
    )
    checks = register_checks(population(Context(registers=registers)))
    assert checks.sum_ratio[0] == pytest.approx(1.0)
    assert checks.windows[0] == 2
    assert np.isnan(checks.gap_advance[0])
    assert np.isnan(checks.sum_ratio[1:]).all()
