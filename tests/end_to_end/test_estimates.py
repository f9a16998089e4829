"""Dates and energies on homes that no packaged part learned from: their 80 % intervals hold the truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from api.assembly import detectors, model_named
from loadprofile.cases import Source
from loadprofile.cube import read_profiles
from loadprofile.evaluate.judged import Judged, judged_cases
from loadprofile.ingest.options import ReadOptions

UTILITIES = 10
ROOM = 0.12
"""Some hundred and fifty rows: 80 % of them is measured to within 4 %, and the homes are few."""


@pytest.fixture(scope="module")
def judged(shared_data: Path) -> Judged:
    (homes,) = read_profiles([shared_data / "halfhourly" / "edrp_scotland.parquet"], ReadOptions()).profiles
    even = np.full(6, 1 / 6)
    models = {"packaged": model_named("default")}
    return judged_cases(Source("edrp", homes), detectors(), models, even, populations=UTILITIES, seed=41)


def test_intervals_hold_the_truth_four_times_in_five(judged: Judged) -> None:
    cases, said = judged.cases, judged.said["packaged"]
    right = (said.cause == cases.cause) & (cases.cause != "normal") & ~np.isnat(said.onset)
    assert right.sum() > 60
    held = (said.onset_low <= cases.onset) & (cases.onset <= said.onset_high)
    assert held[right].mean() == pytest.approx(0.8, abs=ROOM)
    asked = right & (cases.cause != "super_consumption") & np.isfinite(said.lost_kwh)
    lost = (said.lost_kwh_low <= cases.lost_kwh) & (cases.lost_kwh <= said.lost_kwh_high)
    assert lost[asked].mean() == pytest.approx(0.8, abs=ROOM)


def test_half_of_the_dates_are_right_to_the_day(judged: Judged) -> None:
    cases, said = judged.cases, judged.said["packaged"]
    right = (said.cause == cases.cause) & (cases.cause != "normal") & ~np.isnat(said.onset)
    off = np.abs((said.onset[right] - cases.onset[right]) / np.timedelta64(1440, "m"))
    assert np.median(off) < 1.0
