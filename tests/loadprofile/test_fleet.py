from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from loadprofile.emulate.scenario import draw
from loadprofile.errors import NothingToJudgeError
from loadprofile.features.population import Context
from loadprofile.fleet import divide, fleet_context, judge_fleet, look_closer, measure_fleet, recalled
from loadprofile.fleet_worklist import Listed, listed_together
from loadprofile.models.model import Model
from loadprofile.profiles import LoadProfiles
from loadprofile.screening import judge, survey
from loadprofile.spool.store import Spool, SpoolWriter
from loadprofile.verdicts import SubDetector
from loadprofile.worklist import worklist


@pytest.fixture(scope="module")
def touched(simulated_homes: LoadProfiles) -> LoadProfiles:
    return draw(simulated_homes, np.random.default_rng(4), prevalence=0.3).profiles


def spooled(profiles: LoadProfiles, path: Path, batch: int) -> Spool:
    writer = SpoolWriter(path, profiles.step_minutes, profiles.timezone)
    for part in profiles.batches(batch):
        writer.add(part)
    return writer.finish()


def in_full(parts: Sequence[Listed]) -> pd.DataFrame:
    return pd.concat(list(listed_together(parts).rows(17)), ignore_index=True)


def listed(
    spool: Spool, folder: Path, detectors: Sequence[SubDetector], model: Model, size: int
) -> pd.DataFrame:
    folder.mkdir()
    fleet = measure_fleet(spool, folder, size=size)
    return in_full(judge_fleet(fleet, detectors, model))


def test_a_fleet_of_one_part_is_judged_as_a_population(
    touched: LoadProfiles, detectors: Sequence[SubDetector], small_model: Model, tmp_path: Path
) -> None:
    expected = worklist(judge(survey(touched), detectors, small_model)[0])
    found = listed(spooled(touched, tmp_path / "s", 13), tmp_path / "f", detectors, small_model, 5000)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, atol=1e-4)


def test_a_fleet_of_many_parts_does_not_depend_on_the_order_of_the_meters(
    touched: LoadProfiles,
    detectors: Sequence[SubDetector],
    small_model: Model,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shuffled = touched.take(np.random.default_rng(2).permutation(len(touched)))
    a = listed(spooled(touched, tmp_path / "a", 500), tmp_path / "fa", detectors, small_model, 25)
    monkeypatch.setattr("loadprofile.fleet.BATCH", 7)
    b = listed(spooled(shuffled, tmp_path / "b", 11), tmp_path / "fb", detectors, small_model, 25)
    assert len(a) == len(touched)
    pd.testing.assert_frame_equal(a, b, atol=1e-4)


class Elsewhere:
    """An engine that hands over copies, as another process would get them."""

    def map(self, function: Any, batches: Any) -> list[Any]:
        return [
            pickle.loads(pickle.dumps(function))(pickle.loads(pickle.dumps(b))) for b in list(batches)[::-1]
        ][::-1]


def test_parts_can_be_measured_elsewhere(touched: LoadProfiles, tmp_path: Path) -> None:
    spool = spooled(touched, tmp_path / "s", 500)
    plain = measure_fleet(spool, tmp_path, size=30)
    (tmp_path / "other").mkdir()
    other = measure_fleet(spool, tmp_path / "other", size=30, engine=Elsewhere())
    assert np.array_equal(plain.cohorts.features.values, other.cohorts.features.values, equal_nan=True)
    assert len(pickle.dumps(plain.parts[0])) < 100_000
    for a, b in zip(plain.parts, other.parts, strict=True):
        with np.load(a.path) as one, np.load(b.path) as two:
            assert np.array_equal(one["values"], two["values"], equal_nan=True)


def test_an_incident_is_one_across_parts(
    touched: LoadProfiles, simulated_homes: LoadProfiles, tmp_path: Path
) -> None:
    kwh = simulated_homes.kwh.copy()
    hit = np.arange(0, len(kwh), 5)
    kwh[hit, 40:44] = np.nan
    spool = spooled(simulated_homes.with_kwh(kwh), tmp_path / "s", 500)
    fleet = measure_fleet(spool, tmp_path, size=20)
    assert len(fleet.parts) > 2
    number = dict(
        zip(fleet.cohorts.features.meter_ids.tolist(), fleet.cohorts.incident.tolist(), strict=True)
    )
    assert len({number[name] for name in simulated_homes.meter_ids[hit].tolist()}) == 1
    assert number[str(simulated_homes.meter_ids[hit[0]])] >= 0


def test_meters_looked_at_closer_are_judged_as_in_the_list(
    touched: LoadProfiles, detectors: Sequence[SubDetector], small_model: Model, tmp_path: Path
) -> None:
    fleet = measure_fleet(spooled(touched, tmp_path / "s", 500), tmp_path, size=30)
    table = in_full(judge_fleet(fleet, detectors, small_model)).set_index("meter_id")
    names = table.index[:7].tolist()
    measured, verdicts, findings = look_closer(fleet, names, detectors, small_model, small_model.prior)
    assert verdicts.meter_ids.tolist() == sorted(names)
    assert table.loc[sorted(names), "cause"].tolist() == verdicts.cause.tolist()
    assert table.loc[sorted(names), "lost_kwh"].to_numpy() == pytest.approx(
        verdicts.lost_kwh, abs=2e-3, nan_ok=True
    )
    assert len(findings[0].meter_ids) == 7
    whole = dict(zip(touched.meter_ids.tolist(), touched.kwh, strict=True))
    for name, kwh in zip(verdicts.meter_ids.tolist(), measured.profiles.kwh, strict=True):
        assert np.array_equal(kwh, whole[name], equal_nan=True)


def test_parts_are_even_small_enough_and_hold_every_meter() -> None:
    ids = np.array([f"M{k}" for k in range(1003)])
    parts = divide(ids, size=100)
    assert len(parts) == 11
    assert max(map(len, parts)) <= 100
    assert min(map(len, parts)) >= 90
    assert sorted(np.concatenate(parts).tolist()) == list(range(1003))
    again = divide(ids[::-1], size=100)
    assert [set(ids[p]) for p in parts] == [set(ids[::-1][p]) for p in again]


def test_the_meters_of_a_feeder_stay_together() -> None:
    ids = np.array([f"M{k}" for k in range(400)])
    feeder = {name: f"F{at % 20}" for at, name in enumerate(ids.tolist())}
    parts = divide(ids, feeder, size=100)
    homes = [{feeder[name] for name in ids[p].tolist()} for p in parts]
    assert len(parts) > 2
    assert sum(map(len, homes)) == len(set().union(*homes)) == 20


def test_nothing_to_judge_and_optional_inputs(touched: LoadProfiles, tmp_path: Path) -> None:
    week = touched.between(touched.days[0], touched.days[6])
    with pytest.raises(NothingToJudgeError):
        measure_fleet(spooled(week, tmp_path / "w", 500), tmp_path, size=30)
    name = str(touched.meter_ids[3])
    outages = pd.DataFrame(
        {"meter_id": [name, "else"], "start": ["2024-01-01"] * 2, "end": ["2024-01-02"] * 2}
    )
    fleet = measure_fleet(spooled(touched, tmp_path / "s", 500), tmp_path, Context(outages=outages), size=30)
    about = [
        meter
        for part in fleet.parts
        if part.context.outages is not None
        for meter in part.context.outages["meter_id"]
    ]
    assert about == [name]


def test_weather_holds_for_all_parts_and_channels_go_with_their_meters(
    touched: LoadProfiles, tmp_path: Path
) -> None:
    days = touched.days.astype("datetime64[s]")
    context = Context(
        holidays=pd.DataFrame({"date": days[[3, 40]], "name": ""}),
        weather=pd.DataFrame({"timestamp": days, "temperature_c": np.sin(np.arange(len(days)) / 4) + 9}),
        reactive=(touched.with_kwh((0.3 * touched.kwh).astype(np.float32)),),
    )
    fleet = measure_fleet(spooled(touched, tmp_path / "s", 500), tmp_path, context, size=30)
    assert len(fleet.parts) > 1
    for part in fleet.parts:
        assert part.context.reactive is not None
        assert sorted(part.context.reactive[0].meter_ids.tolist()) == sorted(part.spool.meter_ids.tolist())
    some = {str(part.spool.meter_ids[0]) for part in fleet.parts}
    gathered = fleet_context(fleet, some)
    assert gathered.holidays is not None
    assert len(gathered.holidays) == 2  # once, not once a part
    assert gathered.weather is not None
    assert len(gathered.weather) == len(days)
    assert gathered.reactive is not None
    assert {name for cube in gathered.reactive for name in cube.meter_ids.tolist()} == some
    known = recalled(fleet.parts[0], *fleet.shared(0)).features.group("context")
    whole = survey(touched, context).features.group("context")
    one = [touched.meter_ids.tolist().index(name) for name in known.meter_ids.tolist()]
    factor = "context.power_factor"
    np.testing.assert_allclose(known.column(factor), whole.column(factor)[one], rtol=1e-4)
