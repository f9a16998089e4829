"""JSON column arrays against a slow twin; numbers are numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.http.columns import cubes_of, parsed
from api.http.problems import ProblemError
from api.http.settings import Settings

SETTINGS = Settings()


def slow_twin(entries: list[dict[str, Any]], zone: str) -> dict[tuple[str, str, int], list[float]]:
    """Every reading by meter, local day and minute, one by one."""
    out: dict[tuple[str, str, int], list[float]] = {}
    for entry in entries:
        moment = datetime.fromisoformat(entry["start"])
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        moment = moment.astimezone(UTC)
        for at, value in enumerate(entry["kwh"]):
            local = (moment + timedelta(minutes=at * entry["step_minutes"])).astimezone(ZoneInfo(zone))
            key = (entry["meter_id"], local.date().isoformat(), local.hour * 60 + local.minute)
            if value is not None:
                out.setdefault(key, []).append(value)
    return out


def entries() -> st.SearchStrategy[dict[str, Any]]:
    near_changes = st.sampled_from(
        [
            "2013-03-30", "2013-03-31T00:30", "2013-10-26T12:00", "2013-10-27T00:00",
            "2013-10-27T00:30+00:00", "2013-06-01T10:00", "2015-01-01T00:00Z",
        ]
    )  # fmt: skip
    value = st.none() | st.integers(-2000, 60000).map(lambda watt_hours: watt_hours / 1000)
    return st.fixed_dictionaries(
        {
            "meter_id": st.sampled_from(["A", "B", "C"]), "start": near_changes,
            "step_minutes": st.just(30), "kwh": st.lists(value, min_size=1, max_size=120),
        }
    )  # fmt: skip


@settings(deadline=None)  # the first example may wait for the kernels to compile
@given(st.lists(entries(), min_size=1, max_size=5), st.sampled_from(["UTC", "Europe/London"]))
def test_cubes_hold_what_the_slow_twin_finds(given_entries: list[dict[str, Any]], zone: str) -> None:
    body = parsed(orjson.dumps({"readings": given_entries}))
    intake = cubes_of(body, zone, "kWh", SETTINGS)
    twin = slow_twin(given_entries, zone)
    found = {}
    for cube in intake.profiles:
        for i, d, s in np.argwhere(~np.isnan(cube.kwh)).tolist():
            found[str(cube.meter_ids[i]), str(cube.days[d]), s * cube.step_minutes] = float(cube.kwh[i, d, s])
    assert set(found) == set(twin)
    for key, values in twin.items():
        fits = [float(np.float32(v)) for v in values]
        fits += [float(np.float32((a + b) / 2)) for a in values for b in values]  # a folded hour
        assert any(abs(found[key] - v) < 1e-5 for v in fits)
    assert intake.counts.read == sum(len(e["kwh"]) for e in given_entries)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ("[1, true]", "kwh.1"), ('["1.0"]', "kwh.0"), ("[NaN]", "finite"), ("[Infinity]", "finite"),
        ("[1e999]", "finite"), ("[1e300]", "too large"), ("[[1]]", "kwh.0"), ("[]", "at least 1"),
        ('{"0": 1}', "array"), ("null", "array"), ("[1,]", "JSON"),
    ],
)  # fmt: skip
def test_numbers_are_numbers(values: str, word: str) -> None:
    text = f'{{"readings":[{{"meter_id":"A","start":"2024-01-01","step_minutes":30,"kwh":{values}}}]}}'
    with pytest.raises(ProblemError) as problem:
        cubes_of(parsed(text.encode()), "UTC", "kWh", SETTINGS)
    assert problem.value.status == 422
    assert word in problem.value.detail


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("start", "yesterday"), ("start", "2024-01-01T00:10"), ("start", "2024-01-01T00:00:30"),
        ("start", "0001-01-01T00:00+14:00"), ("start", "1812-01-01"), ("start", "2013-03-31T01:30"),
        ("step_minutes", 7), ("step_minutes", "30"), ("step_minutes", True), ("step_minutes", 30.5),
        ("meter_id", ""), ("meter_id", "x" * 201), ("meter_id", "A\0"), ("meter_id", " A"), ("meter_id", 7),
        ("timezone", "/etc/localtime"), ("timezone", "../UTC"), ("timezone", "A\0"), ("colour", "red"),
    ],
)  # fmt: skip
def test_what_is_no_submission(field: str, value: object) -> None:
    entry = {"meter_id": "A", "start": "2024-01-01", "step_minutes": 30, "kwh": [1.0], field: value}
    with pytest.raises(ProblemError) as problem:
        cubes_of(parsed(orjson.dumps({"readings": [entry]})), "Europe/London", "kWh", SETTINGS)
    assert problem.value.status == 422


def test_readings_years_apart_make_no_giant_cube() -> None:
    entries = [
        {"meter_id": f"M{i}", "start": f"{1991 + i % 60}-01-01", "step_minutes": 15, "kwh": [0.1]}
        for i in range(3000)
    ]
    body = parsed(orjson.dumps({"readings": entries}))
    intake = cubes_of(body, "UTC", "kWh", SETTINGS)
    assert sum(cube.kwh.size for cube in intake.profiles) < 20_000_000
    starts = ("1991-01-01", "2058-01-01")
    same = [e | {"meter_id": f"M{i // 2}", "start": starts[i % 2]} for i, e in enumerate(entries)]
    with pytest.raises(ProblemError) as problem:
        cubes_of(parsed(orjson.dumps({"readings": same})), "UTC", "kWh", SETTINGS)
    assert problem.value.status == 413


def test_units_become_kwh() -> None:
    body = parsed(b'{"readings":[{"meter_id":"A","start":"2024-01-01","step_minutes":15,"kwh":[2]}]}')
    for unit, kwh in (("kWh", 2.0), ("Wh", 0.002), ("kW", 0.5)):
        (cube,) = cubes_of(body, "UTC", unit, SETTINGS).profiles
        assert cube.kwh[0, 0, 0] == pytest.approx(kwh)
