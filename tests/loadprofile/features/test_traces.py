from __future__ import annotations

from collections.abc import Callable

import numpy as np

from loadprofile.features.extract import describe
from loadprofile.features.traces import COLUMNS, trace_features
from loadprofile.profiles import LoadProfiles


def test_rows_do_not_depend_on_company_or_order(make_homes: Callable[..., LoadProfiles]) -> None:
    profiles = make_homes(12, 40)
    kwh = profiles.kwh.copy()
    kwh[2] = np.nan
    kwh[3, 10:20] = 0.0
    kwh[4, 5:30, 40:] = np.nan
    profiles = profiles.with_kwh(kwh)
    step = np.full(12, np.nan)
    together = trace_features(profiles, step)
    order = np.random.default_rng(0).permutation(12)
    turned = trace_features(profiles.take(order), step)
    np.testing.assert_array_equal(turned.values, together.values[order])
    silent = together.values[2]
    assert np.isnan(silent).all()


def test_every_meter_is_described_with_its_own_counting_step(make_homes: Callable[..., LoadProfiles]) -> None:
    profiles = make_homes(6, 30)
    table = describe(profiles)
    own = trace_features(profiles, table.column("integrity.grid_step_kwh"))
    assert len(own.names) == len(COLUMNS)
    np.testing.assert_array_equal(table.select(own.names).values, own.values)
