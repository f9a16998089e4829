from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.errors import ShapeError
from loadprofile.profiles import LoadProfiles
from loadprofile.spool.store import EMPTY, KWH, Spool, SpoolWriter

DAYS = np.datetime64("2024-01-01") + np.arange(4)


def cube(names: list[str], kwh: np.ndarray, days: np.ndarray = DAYS) -> LoadProfiles:
    return LoadProfiles(np.array(names), days, kwh.astype(np.float32), 60)


def spooled(path: Path, *cubes: LoadProfiles) -> Spool:
    writer = SpoolWriter(path, 60, "UTC")
    for one in cubes:
        writer.add(one)
    return writer.finish()


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    known = ~np.isnan(a)
    return bool((known == ~np.isnan(b)).all() and (a.view(np.uint32) == b.view(np.uint32))[known].all())


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.integers(0, 70_000).map(lambda wh: np.float32(wh / 1000.0)),
            st.floats(width=32, allow_infinity=False),
        ),
        min_size=96,
        max_size=96,
    )
)
def test_every_reading_comes_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, values: list[float]
) -> None:
    kwh = np.array(values, dtype=np.float32).reshape(1, 4, 24)
    spool = spooled(tmp_path_factory.mktemp("spool") / "s", cube(["A"], kwh))
    assert same_bits(spool.take(np.array([0])).kwh, kwh)


def test_whole_watt_hours_take_two_bytes_and_others_four(tmp_path: Path) -> None:
    fine = np.full((1, 4, 24), 0.2145)
    coarse = np.full((1, 4, 24), 0.214)
    coarse[0, 1, 3] = np.nan
    odd = [np.array(coarse) for _ in range(3)]
    odd[0][0, 0, 0], odd[1][0, 0, 0], odd[2][0, 0, 0] = 65.535, -0.001, -0.0
    assert spooled(tmp_path / "a", cube(["A"], coarse)).short.all()
    for at, kwh in enumerate((fine, *odd)):
        assert not spooled(tmp_path / f"b{at}", cube(["A"], kwh)).short.any()
    assert (tmp_path / "a").stat().st_size * 2 == (tmp_path / "b0").stat().st_size


def test_meters_with_other_days_stand_at_their_place(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    first = cube(["A", "B"], rng.integers(0, 900, (2, 4, 24)) / 1000.0)
    later = cube(["C"], rng.random((1, 2, 24)), DAYS[-1] + np.arange(2))
    spool = spooled(tmp_path / "s", first, later)
    assert spool.days.tolist() == (DAYS[0] + np.arange(5)).tolist()
    taken = spool.take(np.array([2, 0]))
    assert taken.meter_ids.tolist() == ["C", "A"]
    assert np.isnan(taken.kwh[0, :3]).all()
    assert same_bits(taken.kwh[0, 3:], later.kwh[0])
    assert same_bits(taken.kwh[1, :4], first.kwh[0])
    assert np.isnan(taken.kwh[1, 4]).all()


def test_a_cut_span_is_the_cut_cube(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    parts = [cube([f"M{k}"], rng.random((1, 3, 24)), DAYS[0] + np.arange(k, k + 3)) for k in range(4)]
    spool = spooled(tmp_path / "s", *parts)
    every = np.arange(4)
    for low, high in ((1, 3), (0, 0), (2, 9), (5, 5)):
        first, last = DAYS[0] + low, DAYS[0] + high
        cut, whole = spool.between(first, last).take(every), spool.take(every).between(first, last)
        assert cut.days.tolist() == whole.days.tolist()
        assert same_bits(cut.kwh, whole.kwh)
    one = spool.only(np.array([2]))
    assert same_bits(one.take(np.array([0])).kwh, spool.take(np.array([2])).kwh)


def test_a_meter_comes_once(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path / "s", 60, "UTC")
    writer.add(cube(["A"], np.zeros((1, 4, 24))))
    with pytest.raises(ShapeError, match="twice"):
        writer.add(cube(["A"], np.zeros((1, 4, 24))))
    with pytest.raises(ShapeError, match="multiple"):
        writer.add_watt_hours(np.array(["B"]), DAYS[0], np.zeros((1, 25), dtype=np.uint16))


def test_watt_hours_are_written_as_they_are_and_counted(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path / "s", 60, "Europe/London")
    hours = np.arange(96, dtype=np.uint16).reshape(1, 96)
    hours[0, 5:9] = EMPTY
    tally = writer.add_watt_hours(np.array(["A"]), DAYS[0], hours)
    assert tally[0].sum() == 96
    assert tally[0, 2] == 4
    taken = writer.finish().take(np.array([0]))
    assert same_bits(taken.kwh.reshape(1, 96), KWH[hours])
    assert taken.timezone == "Europe/London"
