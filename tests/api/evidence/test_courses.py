"""Numbers behind the charts, beside slow obvious twins."""

from __future__ import annotations

import json
import struct

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from api.evidence.courses import charts_of, packed_readings
from loadprofile.figures.marks import Marks
from loadprofile.profiles import LoadProfiles

START = np.datetime64("2023-01-01")


def made(rng: np.random.Generator, days: int, step: int = 60) -> LoadProfiles:
    kwh = rng.gamma(2.0, 0.2, (1, days, 1440 // step)).astype(np.float32)
    kwh[rng.random(kwh.shape) < 0.05] = np.nan
    kwh[rng.random(kwh.shape) < 0.05] = 0.0
    return LoadProfiles(np.array(["M"]), START + np.arange(days), kwh, step)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), days=st.integers(1, 40), step=st.sampled_from([15, 30, 60]))
def test_packing_loses_nothing(seed: int, days: int, step: int) -> None:
    profiles = made(np.random.default_rng(seed), days, step)
    body = packed_readings(profiles)
    (size,) = struct.unpack("<I", body[:4])
    header = json.loads(body[4 : 4 + size])
    kwh = np.frombuffer(body[4 + size :], "<f4").reshape(header["days"], header["slots"])
    np.testing.assert_array_equal(kwh, profiles.kwh[0])


def test_hours_and_histogram_against_loops(rng: np.random.Generator) -> None:
    profiles = made(rng, 120)
    onset = START + np.timedelta64(60, "D")
    found = charts_of(profiles, Marks(onset=onset.astype("datetime64[m]")))
    kwh = profiles.kwh[0].astype(float)
    for side, rows in zip(found["hours"], (range(60), range(60, 120)), strict=True):
        for hour in range(24):
            known = [kwh[d, hour] for d in rows if not np.isnan(kwh[d, hour])]
            assert abs(side["mean"][hour] - sum(known) / len(known)) < 1e-3
            assert abs(side["low"][hour] - np.quantile(known, 0.25)) < 1e-3
    before, after = found["histogram"]["sides"]
    readings = kwh[:60][np.isfinite(kwh[:60])]
    assert before["readings"] == readings.size
    assert abs(before["zero"] - 100 * (readings == 0).mean()) < 0.01
    assert 90 < sum(before["share"]) + before["zero"] <= 100.1, "the last percent lies beyond the last bin"
    assert after["readings"] == int(np.isfinite(kwh[60:]).sum())


def test_seasonal_boxes_against_loops(rng: np.random.Generator) -> None:
    profiles = made(rng, 365)
    found = charts_of(profiles, Marks())
    winter = [m in {12, 1, 2} for m in (profiles.days.astype("datetime64[M]").astype(int) % 12 + 1)]
    kwh = profiles.kwh[0].astype(float)
    for hour in (0, 13):
        known = np.array([v for v, w in zip(kwh[:, hour], winter, strict=True) if w and not np.isnan(v)])
        q1, q2, q3 = np.quantile(known, [0.25, 0.5, 0.75])
        inside = known[(known >= q1 - 1.5 * (q3 - q1)) & (known <= q3 + 1.5 * (q3 - q1))]
        expected = [inside.min(), q1, q2, q3, inside.max()]
        np.testing.assert_allclose(found["seasons"][0]["boxes"][hour], expected, atol=1e-3)


def test_a_meter_without_a_single_reading(rng: np.random.Generator) -> None:
    empty = made(rng, 10)
    empty = empty.with_kwh(np.full_like(empty.kwh, np.nan))
    found = charts_of(empty, Marks())
    assert found["histogram"]["sides"][0]["readings"] == 0
    assert found["hours"][0]["mean"] == [None] * 24
