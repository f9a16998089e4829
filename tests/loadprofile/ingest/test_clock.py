"""Clock changes against the standard library, minute by minute where it matters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadprofile.ingest.clock import clock_of
from loadprofile.ingest.readings import EITHER_PASS, FIRST_PASS, ORDINARY, SECOND_PASS

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
ZONES = ["UTC", "Europe/Dublin", "Europe/London", "Australia/Lord_Howe", "Asia/Kolkata", "America/New_York"]


def minutes(moment: datetime) -> int:
    return int((moment.replace(tzinfo=None) - EPOCH).total_seconds()) // 60


@settings(max_examples=200, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    at=st.datetimes(datetime(1995, 1, 1), datetime(2050, 1, 1)),  # noqa: DTZ001
)
def test_instants_against_zoneinfo(zone: str, at: datetime) -> None:
    instant = at.replace(second=0, microsecond=0, tzinfo=UTC)
    local = instant.astimezone(ZoneInfo(zone))
    wall, fold = clock_of(zone).from_utc(np.array([minutes(instant)]))
    assert wall[0] == minutes(local)
    naive = local.replace(tzinfo=None)
    early, late = (naive.replace(tzinfo=ZoneInfo(zone), fold=f).utcoffset() for f in (0, 1))
    assert early is not None
    assert late is not None
    if early > late:  # the clock showed this minute twice
        assert fold[0] == (SECOND_PASS if local.fold else FIRST_PASS)
    else:
        assert fold[0] == ORDINARY


@pytest.mark.parametrize("zone", ZONES)
def test_every_quarter_of_a_year_on_the_wall(zone: str) -> None:
    clock, info = clock_of(zone), ZoneInfo(zone)
    walls = [datetime(2010, 1, 1) + timedelta(minutes=15 * i) for i in range(35_040)]  # noqa: DTZ001
    fold, skipped = clock.localize(np.array([minutes(w) for w in walls]))
    offsets = [
        (w.replace(tzinfo=info).utcoffset(), w.replace(tzinfo=info, fold=1).utcoffset()) for w in walls
    ]
    assert skipped.tolist() == [a < b for a, b in offsets]
    assert (fold == EITHER_PASS).tolist() == [a > b for a, b in offsets]


def test_slots_that_do_not_exist() -> None:
    first = minutes(datetime(2010, 3, 27)) // 1440  # noqa: DTZ001
    for step, gone in ((15, [4, 5, 6, 7]), (30, [2, 3]), (60, [1])):
        exists = clock_of("Europe/Dublin").exists(first, 3, step)
        assert exists.shape == (3, 1440 // step)
        assert np.flatnonzero(~exists[1]).tolist() == gone
        assert exists[[0, 2]].all()
    lord_howe = clock_of("Australia/Lord_Howe").exists(minutes(datetime(2010, 10, 3)) // 1440, 1, 60)  # noqa: DTZ001
    assert lord_howe.all()  # half an hour of the slot was skipped, half of it was not


def test_known_changes_of_ireland() -> None:
    begins, ends = clock_of("Europe/Dublin").repeated
    days = (begins // 1440).astype("datetime64[D]").astype(str).tolist()
    assert {"2009-10-25", "2010-10-31"} <= set(days)
    assert set((ends - begins).tolist()) == {60}
