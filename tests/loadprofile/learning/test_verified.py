from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from loadprofile.cases import Cases, joined
from loadprofile.errors import ShapeError
from loadprofile.features.population import Context
from loadprofile.learning.verified import Labels, before, is_held_out, looks, verified_cases
from loadprofile.profiles import LoadProfiles
from loadprofile.verdicts import SubDetector


def labels(*rows: tuple[str, str, str, str]) -> Labels:
    ids, cause, kind, day = (np.array(column, dtype=np.str_) for column in zip(*rows, strict=True))
    return Labels(ids, cause, kind, day.astype("datetime64[D]"), np.full(len(rows), np.nan))


@pytest.fixture(scope="module")
def found(simulated_homes: LoadProfiles, detectors: Sequence[SubDetector]) -> tuple[Cases, np.ndarray]:
    ids = simulated_homes.meter_ids
    told = labels(
        (ids[3], "fraud", "bypass", "2022-05-04"), ("nobody", "fraud", "bypass", "2022-05-05"),
        (ids[1], "normal", "", "2022-05-06"), (ids[2], "maintenance", "", "2022-05-07"),
    )  # fmt: skip
    return verified_cases(simulated_homes.take(np.arange(30)), told, detectors)


def test_verified_meters_become_cases(found: tuple[Cases, np.ndarray], simulated_homes: LoadProfiles) -> None:
    cases, rows = found
    assert rows.tolist() == [0, 2, 3]
    assert cases.cause.tolist() == ["fraud", "normal", "maintenance"]
    assert cases.kind.tolist() == ["verified bypass", "untouched", "verified maintenance"]
    assert cases.home.tolist() == [f"30min:{simulated_homes.meter_ids[at]}" for at in (3, 1, 2)]


def test_they_stand_beside_emulated_ones(found: tuple[Cases, np.ndarray], small_cases: Cases) -> None:
    both = joined([small_cases, found[0]])
    assert len(both) == len(small_cases) + 3
    assert np.isnan(both.onset_off[-3:]).all()


def test_a_meter_without_enough_readings_is_left_out(
    simulated_homes: LoadProfiles, detectors: Sequence[SubDetector]
) -> None:
    kwh = simulated_homes.kwh[:30].copy()
    kwh[3, 10:] = np.nan
    few = simulated_homes.take(np.arange(30)).with_kwh(kwh)
    told = labels((few.meter_ids[3], "fraud", "bypass", "2022-05-04"))
    cases, rows = verified_cases(few, told, detectors)
    assert len(cases) == len(rows) == 0


def test_one_looks_back_from_before_the_first_visit_of_each_month() -> None:
    days = np.array(["2022-03-09", "2022-04-30", "2022-03-02", "2022-04-01"], dtype="datetime64[D]")
    found = looks(days)
    assert [(str(day), rows.tolist()) for day, rows in found] == [
        ("2022-03-01", [0, 2]),
        ("2022-03-31", [1, 3]),
    ]
    assert all((days[rows] > day).all() for day, rows in found)
    assert looks(days[:0]) == []


def test_homes_that_are_kept_aside_are_always_the_same() -> None:
    ids = np.array([f"m{i}" for i in range(4000)])
    held = is_held_out(ids)
    assert held.mean() == pytest.approx(0.2, abs=0.02)
    assert np.array_equal(is_held_out(ids[::-1])[::-1], held)
    assert not is_held_out(ids, 0.0).any()
    assert is_held_out(ids[:0]).shape == (0,)


def test_what_came_after_the_day_is_not_there() -> None:
    times = pd.to_datetime(["2022-03-01T23:59", "2022-03-02T00:00"])
    context = Context(
        events=pd.DataFrame({"meter_id": ["a", "a"], "timestamp": times, "code": [1, 2]}),
        outages=pd.DataFrame({"meter_id": ["a", "a"], "start": times, "end": times}),
    )
    cut = before(context, np.datetime64("2022-03-01"))
    assert cut.events is not None
    assert cut.outages is not None
    assert cut.events["code"].tolist() == [1]
    assert len(cut.outages) == 1
    assert cut.registers is None


def test_what_are_no_labels() -> None:
    with pytest.raises(ShapeError, match="cause"):
        labels(("a", "theft", "", "2022-03-01"))
    with pytest.raises(ShapeError, match="kind"):
        Labels(
            np.array(["a"]),
            np.array(["fraud"]),
            np.array([]),
            np.array(["2022-03-01"], dtype="M8[D]"),
            np.ones(1),
        )
