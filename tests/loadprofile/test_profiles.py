"""The population cube: what it checks when made, and its views."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from loadprofile.errors import ShapeError
from loadprofile.profiles import TALLY, LoadProfiles


def cube(**changes: object) -> LoadProfiles:
    parts: dict[str, object] = {
        "meter_ids": np.array(["a", "b", "c"]),
        "days": np.arange("2013-01-01", "2013-01-05", dtype="datetime64[D]"),
        "kwh": np.arange(3 * 4 * 24, dtype=np.float32).reshape(3, 4, 24),
        "step_minutes": 60,
    }
    return LoadProfiles(**(parts | changes))  # type: ignore[arg-type]


def test_defaults() -> None:
    made = cube()
    assert len(made) == 3
    assert made.slots_per_day == 24
    assert made.timezone == "UTC"
    assert made.exists.shape == (4, 24)
    assert made.exists.all()
    assert made.row_tally.shape == (3, len(TALLY))
    assert made.folded_kwh.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        pytest.param({"step_minutes": 10}, "step_minutes", id="step"),
        pytest.param({"kwh": np.zeros((3, 4, 48), dtype=np.float32)}, "kwh", id="slots"),
        pytest.param({"kwh": np.zeros((3, 4, 24))}, "kwh dtype", id="float64"),
        pytest.param({"meter_ids": np.array(["a", "a", "b"])}, "meter_ids", id="repeated_ids"),
        pytest.param(
            {"days": np.array(["2013-01-01", "2013-01-02", "2013-01-04", "2013-01-05"], "datetime64[D]")},
            "days", id="hole",
        ),
        pytest.param({"exists": np.ones((4, 48), dtype=bool)}, "exists", id="exists"),
        pytest.param({"row_tally": np.zeros((3, 2), dtype=np.int64)}, "row_tally", id="tally"),
        pytest.param({"folded_kwh": np.zeros(2)}, "folded_kwh", id="folded"),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit(changes: dict[str, object], name: str) -> None:
    with pytest.raises(ShapeError) as caught:
        cube(**changes)
    assert caught.value.name == name


def test_nothing_can_be_written_to() -> None:
    made = cube()
    with pytest.raises(ValueError, match="read-only"):
        made.kwh[0, 0, 0] = 1
    with pytest.raises(FrozenInstanceError):
        made.step_minutes = 30  # type: ignore[misc]


def test_views_share_memory_and_keep_the_order() -> None:
    made = cube()
    parts = list(made.batches(2))
    assert [p.meter_ids.tolist() for p in parts] == [["a", "b"], ["c"]]
    assert all(np.shares_memory(p.kwh, made.kwh) for p in parts)
    picked = made.take(np.array([2, 0]))
    assert picked.meter_ids.tolist() == ["c", "a"]
    np.testing.assert_array_equal(picked.kwh, made.kwh[[2, 0]])


def test_between_keeps_both_ends() -> None:
    part = cube().between(np.datetime64("2013-01-02"), np.datetime64("2013-01-03"))
    assert part.days.astype(str).tolist() == ["2013-01-02", "2013-01-03"]
    np.testing.assert_array_equal(part.kwh, cube().kwh[:, 1:3])
    assert len(cube().between(np.datetime64("2012-01-01"), np.datetime64("2019-01-01")).days) == 4


def test_other_energies_for_the_same_meters() -> None:
    other = cube().with_kwh(np.zeros((3, 4, 24), dtype=np.float32))
    assert other.kwh.sum() == 0
    assert other.meter_ids.tolist() == ["a", "b", "c"]
