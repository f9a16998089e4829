from __future__ import annotations

import numpy as np

from loadprofile.features.integrity import integrity_features
from loadprofile.profiles import LoadProfiles


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
