from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.errors import OptionError
from loadprofile.features import extract
from loadprofile.features.distribution import LEAST_DAYS as G1_DAYS
from loadprofile.features.extract import describe
from loadprofile.features.hourly import LEAST_DAYS, LEAST_HOURS, weekend_days
from loadprofile.features.seasonal import LEAST_DAYS as BOX_DAYS
from loadprofile.features.seasonal import SEASONS, season_numbers
from loadprofile.profiles import LoadProfiles

SLOW = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("slow_twins.py"))))
FEW = settings(deadline=None, max_examples=15, derandomize=True)


def homes(seed=1, n=6, days=120, step=30, first="2013-01-20", missing=0.03):
    """Homes with morning and evening peaks, weekends, a season, gaps and a register of 1 Wh."""
    rng = np.random.default_rng(seed)
    slots = 1440 // step
    hour = np.arange(slots) * step / 60
    dates = np.datetime64(first) + np.arange(days)
    shape = 0.3 + np.exp(-((hour - 7.5) ** 2) / 3) + 1.6 * np.exp(-((hour - 19) ** 2) / 6)
    season = 1 + 0.3 * np.cos(2 * np.pi * np.arange(days) / 365)
    size = rng.lognormal(0, 0.6, (n, 1, 1)) * step / 60 * 0.4
    noise = rng.gamma(1.5, 1 / 1.5, (n, days, slots))
    kwh = size * season[:, None] * (1 + 0.3 * weekend_days(dates))[:, None] * shape * noise
    kwh = np.round(kwh, 3).astype(np.float32)
    kwh[rng.random(kwh.shape) < missing] = np.nan
    return LoadProfiles(np.array([f"m{i}" for i in range(n)]), dates, kwh, step)


def same(found, expected, rtol=1e-4):
    assert found.names == expected.names
    assert found.meter_ids.tolist() == expected.meter_ids.tolist()
    np.testing.assert_allclose(found.values, expected.values, rtol=rtol, atol=1e-5)


@pytest.mark.parametrize(
    ("step", "days"),
    [pytest.param(15, 200, id="15min"), pytest.param(30, 536, id="cer"), pytest.param(60, 365, id="60min")],
)
def test_every_column_is_that_of_the_slow_twins(step, days):
    profiles = homes(n=2, step=step, days=days)
    table = describe(profiles, "south")
    season = season_numbers(profiles.days, "south")
    for m in range(2):
        power = SLOW.hourly_power(profiles.kwh[m])
        expected = {
            f"g1.{k}": v
            for k, v in SLOW.distribution(profiles.kwh[m], 24, G1_DAYS * profiles.slots_per_day).items()
        }
        hours = SLOW.hourly(power, weekend_days(profiles.days), LEAST_DAYS, LEAST_HOURS)
        expected |= {f"g2.{k}": v for k, v in hours.items()}
        for (which, h), box in SLOW.boxplots(power, season, 4, BOX_DAYS).items():
            for name, value in zip(("low", "q1", "median", "q3", "high", "outliers"), box, strict=True):
                expected[f"g3.{SEASONS[which]}.h{h:02d}.{name}"] = value
        ours = table.group("g1", "g2", "g3")
        assert set(ours.names) == set(expected)
        np.testing.assert_allclose(
            ours.values[m], [expected[name] for name in ours.names], rtol=2e-3, atol=2e-4
        )


@FEW
@given(factor=st.floats(1e-3, 1e3))
def test_unit_does_not_matter_but_for_the_level(factor):
    profiles = homes()
    scaled = describe(profiles.with_kwh((profiles.kwh * np.float32(factor)).astype(np.float32)))
    table = describe(profiles)
    keep = [name for name in table.group("g1", "g2", "g3").names if name != "g2.level_kw"]
    same(scaled.select(keep), table.select(keep), rtol=2e-3)
    ratio = scaled.column("g2.level_kw") / table.column("g2.level_kw")
    np.testing.assert_allclose(ratio, factor, rtol=1e-4)


@FEW
@given(order=st.permutations(range(6)), batch=st.integers(1, 7))
def test_order_of_meters_and_size_of_batches_do_not_matter(order, batch):
    profiles = homes(days=40)
    whole = describe(profiles)
    size, extract.BATCH = extract.BATCH, batch
    try:
        shuffled = describe(profiles.take(np.array(order)))
    finally:
        extract.BATCH = size
    np.testing.assert_array_equal(shuffled.values, whole.take(np.array(order)).values)


def test_a_population_twice_as_large_changes_no_meter():
    profiles = homes()
    twice = LoadProfiles(
        np.array([f"{c}{i}" for c in "ab" for i in range(6)]), profiles.days,
        np.concatenate([profiles.kwh, profiles.kwh]), 30,
    )  # fmt: skip
    values = describe(twice).values
    np.testing.assert_array_equal(values[:6], describe(profiles).values)
    np.testing.assert_array_equal(values[6:], values[:6])


@FEW
@given(before=st.integers(0, 40), after=st.integers(0, 40))
def test_days_without_a_reading_are_ignored(before, after):
    profiles = homes(days=90)
    days = profiles.days[0] - before + np.arange(before + 90 + after)
    kwh = np.full((6, len(days), 48), np.nan, dtype=np.float32)
    kwh[:, before : before + 90] = profiles.kwh
    padded = LoadProfiles(profiles.meter_ids, days, kwh, 30)
    np.testing.assert_array_equal(
        describe(padded).group("g1", "g2", "g3").values, describe(profiles).group("g1", "g2", "g3").values
    )


@pytest.mark.parametrize("step", [15, 30])
def test_hourly_and_seasonal_features_do_not_depend_on_the_step(step):
    fine = homes(step=step, missing=0.0)
    hourly = fine.kwh.reshape(6, 120, 24, 60 // step).sum(axis=3, dtype=np.float32)
    coarse = LoadProfiles(fine.meter_ids, fine.days, hourly, 60)
    same(describe(fine).group("g2", "g3"), describe(coarse).group("g2", "g3"))


def test_missing_meters_are_nan_and_do_not_crash():
    profiles = homes()
    kwh = profiles.kwh.copy()
    kwh[1] = np.nan
    kwh[3] = np.inf  # never a reading
    table = describe(profiles.with_kwh(kwh)).group("g1", "g2", "g3")
    assert np.isnan(table.values[[1, 3]]).all()
    np.testing.assert_array_equal(
        np.delete(table.values, [1, 3], 0),
        np.delete(describe(profiles).group("g1", "g2", "g3").values, [1, 3], 0),
    )


@pytest.mark.parametrize(
    ("n", "days"),
    [pytest.param(0, 10, id="no-meters"), pytest.param(3, 0, id="no-days"), pytest.param(3, 1, id="a-day")],
)
def test_tiny_cubes_have_all_columns(n, days):
    table = describe(homes(n=n, days=days))
    assert table.values.shape == (n, len(describe(homes()).names))


def test_clock_change_days_are_neither_filled_nor_dropped():
    profiles = homes(first="2013-03-01", missing=0.0)
    kwh = profiles.kwh.copy()
    kwh[:, 30, 2:4] = np.nan  # the skipped hour
    changed, table = describe(profiles.with_kwh(kwh)), describe(profiles)
    differ = [a for a, x, y in zip(table.names, changed.values[0], table.values[0], strict=True) if x != y]
    assert any(name.startswith("g2.h01.") for name in differ)
    own = {name for name in differ if name.startswith("g3.")}
    # every other hour's box moves only with the meter's own mean
    same(
        changed.select(n for n in table.names if n.startswith("g3.") and ".h01." not in n),
        table.select(n for n in table.names if n.startswith("g3.") and ".h01." not in n),
        rtol=1e-3,
    )
    assert own


def test_an_unknown_hemisphere_is_refused():
    with pytest.raises(OptionError) as caught:
        describe(homes(), "east")
    assert caught.value.option == "hemisphere"
    assert caught.value.value == "east"


def test_describe_writes_nothing_into_the_cube():
    profiles = homes()
    before = profiles.kwh.copy()
    describe(profiles)
    np.testing.assert_array_equal(profiles.kwh, before)
    assert not describe(profiles).values.flags.writeable


def test_ordinary_homes_are_taller_than_wide_and_fully_described(shared_data):
    frame = pd.read_parquet(shared_data / "halfhourly/edrp_scotland.parquet").iloc[:, :80]
    kwh = frame.to_numpy(np.float32).T.reshape(80, -1, 48).copy()
    days = np.datetime64("2009-03-01") + np.arange(kwh.shape[1])
    table = describe(LoadProfiles(frame.columns.to_numpy().astype(np.str_), days, kwh, 30))
    assert np.median(table.column("g1.rule1")) > 0.3
    assert (table.column("g1.rule1") > 0).mean() > 0.7
    assert 0.2 < np.median(table.column("g2.level_kw")) < 0.6
    spring = table.select(name for name in table.names if name.startswith("g3.spring"))
    assert np.isfinite(spring.values).mean() > 0.99


def test_readings_near_the_end_of_float32_overflow_nothing():
    profiles = homes(days=60)
    kwh = profiles.kwh.copy()
    kwh[0, 10, 20], kwh[1, 10] = 3.4e38, -3.4e38
    assert not np.isinf(describe(profiles.with_kwh(kwh)).values).any()
