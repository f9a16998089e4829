from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from loadprofile.features import integrity
from loadprofile.features.integrity import integrity_features
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import TALLY, LoadProfiles


def profiles_of(kwh: np.ndarray, exists: np.ndarray | None = None) -> LoadProfiles:
    n, d, s = kwh.shape
    return LoadProfiles(
        meter_ids=np.array([f"m{i}" for i in range(n)]),
        days=np.datetime64("2010-01-01") + np.arange(d),
        kwh=kwh.astype(np.float32),
        step_minutes=1440 // s,
        exists=exists,  # type: ignore[arg-type]
    )


def test_rows_do_not_depend_on_company_or_order(rng: np.random.Generator) -> None:
    kwh = np.round(rng.gamma(1.0, 0.2, (4, 30, 48)), 3)
    kwh[1, 3:5] = np.nan
    kwh[2, 10:20] = 0.0
    profiles = profiles_of(kwh)
    together = integrity_features(profiles)
    order = np.array([2, 0, 3, 1])
    shuffled = integrity_features(profiles.take(order))
    np.testing.assert_array_equal(shuffled.values, together.values[order])
    for row in range(4):
        alone = integrity_features(profiles.take(slice(row, row + 1)))
        np.testing.assert_array_equal(alone.values[0], together.values[row])


def test_a_meter_without_readings_has_coverage_zero_and_nothing_else() -> None:
    table = integrity_features(profiles_of(np.full((1, 10, 24), np.nan)))
    known = [name for name in table.names if not np.isnan(table.column(name)[0])]
    assert known == ["integrity.coverage"]
    assert table.column("integrity.coverage")[0] == 0.0


def column(table: FeatureTable, name: str) -> float:
    return float(table.column(name)[0])


def test_every_column_is_explained_and_finite(rng: np.random.Generator) -> None:
    table = integrity_features(profiles_of(np.round(rng.gamma(1.0, 0.2, (1, 30, 48)), 3)))
    assert integrity.__doc__ is not None
    for name in table.names:
        group, short = name.split(".", 1)
        assert group in ("integrity", "when")
        if group == "integrity":
            assert short in integrity.__doc__, short


@pytest.mark.parametrize("slots", [24, 48, 96])
@pytest.mark.parametrize("days", [1, 2, 40, 536])
def test_any_step_and_any_number_of_days(rng: np.random.Generator, slots: int, days: int) -> None:
    kwh = np.round(rng.gamma(1.0, 0.2, (1, days, slots)), 3)
    kwh[0, 0, slots // 2] = np.nan
    table = integrity_features(profiles_of(kwh))
    assert column(table, "integrity.coverage") == pytest.approx(1 - 1 / (days * slots))
    assert column(table, "integrity.zero_share") == pytest.approx((kwh == 0).sum() / (days * slots - 1))
    for name in ("stuck_share", "repeat_day_share", "flat_day_share", "sentinel_share", "negative_share"):
        if name == "repeat_day_share" and days == 1:  # no complete day to compare
            assert np.isnan(column(table, f"integrity.{name}"))
            continue
        assert column(table, f"integrity.{name}") == 0.0, name


def test_a_skipped_hour_is_neither_missing_nor_a_break() -> None:
    kwh = np.full((1, 10, 24), 0.5) + 0.01 * np.arange(24)
    kwh[0, 4:6] = 0.0
    kwh[0, 5, 2] = np.nan
    exists = np.ones((10, 24), dtype=bool)
    exists[5, 2] = False
    table = integrity_features(profiles_of(kwh, exists))
    assert column(table, "integrity.coverage") == 1.0
    assert column(table, "integrity.missing_share") == 0.0
    assert column(table, "integrity.zero_longest_days") == pytest.approx(47 / 24)
    assert column(table, "when.zero_first") == 4.0
    assert column(table, "when.zero_last") == 6.0


def test_a_meter_that_starts_late_and_stops() -> None:
    kwh = np.random.default_rng(1).gamma(1.0, 0.2, (1, 100, 48))
    kwh[0, :10] = np.nan
    kwh[0, 60:] = np.nan
    kwh[0, 60, :12] = 0.3
    kwh[0, 20:23] = np.nan
    table = integrity_features(profiles_of(kwh))
    assert column(table, "integrity.starts_late_share") == pytest.approx(0.1)
    assert column(table, "integrity.ends_early_share") == pytest.approx((40 * 48 - 12) / 4800)
    assert column(table, "integrity.missing_share") == pytest.approx(144 / (50 * 48 + 12))
    assert column(table, "integrity.gap_midnight_share") == 1.0
    assert column(table, "when.first_reading") == 10.0
    assert column(table, "when.last_reading") == 60.25
    assert (column(table, "when.gap_first"), column(table, "when.gap_last")) == (20.0, 23.0)


def test_shares_of_rows_are_of_the_rows_read() -> None:
    tally = np.zeros((2, len(TALLY)), dtype=np.int64)
    tally[0] = [90, 2, 1, 4, 2, 1, 50]
    profiles = profiles_of(np.ones((2, 3, 24)))
    table = integrity_features(
        LoadProfiles(profiles.meter_ids, profiles.days, profiles.kwh, 60, row_tally=tally)
    )
    found = [table.column(f"integrity.{name}_share") for name in ("duplicate", "conflict", "rejected")]
    np.testing.assert_allclose(np.array(found).T, [[0.04, 0.02, 0.01], [np.nan] * 3], rtol=1e-6)


def test_readings_of_any_size_give_finite_features() -> None:
    kwh = np.random.default_rng(2).gamma(1.0, 1.0, (3, 20, 24))
    kwh[0, 3, 3] = 3e38
    kwh[1] *= 1e-38
    kwh[2, :, 5] = -3e38
    integrity_features(profiles_of(kwh))  # a FeatureTable refuses infinite values


def cube_of(frame: pd.DataFrame, step: int) -> LoadProfiles:
    days = len(frame) * step // 1440
    kwh = frame.to_numpy(np.float32).T.reshape(frame.shape[1], days, 1440 // step)
    return LoadProfiles(
        meter_ids=frame.columns.to_numpy(dtype=np.str_),
        days=np.datetime64(frame.index[0].date()) + np.arange(days),
        kwh=np.ascontiguousarray(kwh),
        step_minutes=step,
    )


def test_real_homes_that_stop_or_read_zero(shared_data: Path) -> None:
    london = pd.read_parquet(shared_data / "halfhourly/london.parquet")
    table = integrity_features(cube_of(london, 30)).to_frame()
    stopped = table["integrity.ends_early_share"].sort_values()[::-1]
    stops = {"MAC000071", "MAC000080", "MAC000095", "MAC000028", "MAC000008"}
    assert set(stopped.index[:5]) == stops
    assert stopped.iloc[5] < 0.01
    assert table["integrity.zero_share"].idxmax() == "MAC000004"
    ordinary = table.drop(index=list(stops))
    for name in ("stuck_share", "repeat_day_share", "sentinel_share", "grid_break_share", "unit_mix_share"):
        assert (ordinary[f"integrity.{name}"] == 0).all(), name


def test_ordinary_homes_show_no_fault(shared_data: Path) -> None:
    homes = pd.read_parquet(shared_data / "halfhourly/edrp_scotland.parquet")
    table = integrity_features(cube_of(homes, 30)).to_frame()
    for name in ("stuck_share", "flat_day_share", "sentinel_share", "unit_mix_share", "line_share"):
        assert (table[f"integrity.{name}"] == 0).mean() > 0.995, name
    assert (table["integrity.spike_count"] == 0).mean() > 0.99


def test_real_buildings_that_stand_still_or_repeat(shared_data: Path) -> None:
    estate = pd.read_parquet(shared_data / "hourly/cambridge_estates.parquet")
    year = estate[estate.index.year == 2018].dropna(axis=1, how="all")
    table = integrity_features(cube_of(year, 60)).to_frame()
    assert table["integrity.stuck_longest_days"].idxmax() == "b78"
    assert table.loc["b78", "integrity.stuck_longest_days"] > 120
    assert table["integrity.repeat_block_days"].idxmax() == "b16"
    assert table.loc["b16", "integrity.repeat_block_days"] > 30
    year = estate[estate.index.year == 2022].dropna(axis=1, how="all")
    stuck = integrity_features(cube_of(year, 60)).to_frame()
    begun = stuck["when.stuck_first"].dropna()
    assert (begun // 1 == 225).sum() >= 15  # 14 August: one flat day over the whole site
