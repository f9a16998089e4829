"""Signs of export, reactive energy, weather and days off, on one meter each beside ordinary ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from loadprofile.emulate.households import simulate_homes
from loadprofile.features.population import Context
from loadprofile.profiles import LoadProfiles
from loadprofile.screening import Survey, examine, survey
from loadprofile.verdicts import Findings
from subdetectors import ORDERED

ONSET = 70
SUNNY, BLIND, SAVING, SWAPPED, STUCK, NETTED, FEAST, HEATED = range(8)
Found = Mapping[str, Findings]


@pytest.fixture(scope="module")
def homes() -> LoadProfiles:
    return simulate_homes(40, 140, 30, np.random.default_rng(21), start=np.datetime64("2023-02-01"))


@pytest.fixture(scope="module")
def given(homes: LoadProfiles) -> tuple[LoadProfiles, Context]:
    """One meter of each kind named above, beside ordinary ones."""
    rng = np.random.default_rng(5)
    hour = np.arange(48) / 2
    used, export = homes.kwh.astype(np.float64), np.zeros(homes.kwh.shape)
    air = 14 - 9 * np.cos(np.arange(140) / 140 * np.pi) + rng.normal(0, 2, 140)  # 5 degrees, then 23
    used[HEATED] += 0.05 * np.maximum(17 - air, 0)[:, None] * np.ones(48)
    used[SAVING, ONSET:] *= 0.4
    feast = [ONSET + k for k in range(3)]
    used[FEAST, feast] *= 2.5
    reactive = 0.02 + 0.25 * used**0.7
    shown = used.copy()
    shown[BLIND, ONSET:] *= 0.4
    made = 0.7 * np.clip(np.cos((hour - 12.5) / 7 * np.pi / 2), 0, None) * rng.uniform(0.15, 1, (140, 1))
    made[:ONSET] = 0
    made[:, (hour < 6) | (hour > 19)] = 0
    shown[SUNNY] = np.maximum(used[SUNNY] - made, 0.03 * used[SUNNY])
    export[SUNNY] = np.maximum(made - used[SUNNY], 0)
    shown[SWAPPED, ONSET:], export[SWAPPED, ONSET:] = 0, used[SWAPPED, ONSET:]
    shown[STUCK, ONSET:] = 0
    shown[NETTED, ONSET:, 24:28] = -0.4
    stamps = (homes.days.astype("datetime64[s]")[:, None] + np.arange(24) * np.timedelta64(3600, "s")).ravel()
    context = Context(
        holidays=pd.DataFrame({"date": homes.days[feast].astype("datetime64[s]"), "name": "feast"}),
        weather=pd.DataFrame({"timestamp": stamps, "temperature_c": air.repeat(24)}),
        export=(homes.with_kwh(np.round(export, 3).astype(np.float32)),),
        reactive=(homes.with_kwh(np.round(reactive, 3).astype(np.float32)),),
    )
    return homes.with_kwh(np.round(shown, 3).astype(np.float32)), context


@pytest.fixture(scope="module")
def measured(given: tuple[LoadProfiles, Context]) -> Survey:
    return survey(*given)


@pytest.fixture(scope="module")
def seen(measured: Survey) -> Found:
    return {str(f.cause): f for f in examine(measured, [kind() for kind in ORDERED])}


@pytest.fixture(scope="module")
def blind(given: tuple[LoadProfiles, Context]) -> Found:
    return {str(f.cause): f for f in examine(survey(given[0]), [kind() for kind in ORDERED])}


def strength(found: Found, name: str) -> np.ndarray:
    return np.nan_to_num(found[name.split(".", 1)[0]].signals.column(name).astype(np.float64))


def said(found: Found, row: int, name: str) -> str:
    return next((e.sentence for e in found[name.split(".", 1)[0]].evidence[row] if e.name == name), "")


@pytest.mark.parametrize(
    ("name", "row", "least", "words"),
    [
        ("super_consumption.own_generation", SUNNY, 0.5, "own generation"),
        ("fraud.reactive_stays", BLIND, 0.4, "while reactive energy"),
        ("data_mismatch.channels_exchanged", SWAPPED, 0.4, "terminals or channels are exchanged"),
        ("maintenance.reactive_alone", STUCK, 0.6, "the active register is not"),
        ("data_mismatch.negative_beside_export", NETTED, 0.6, "nothing was sent out"),
    ],
)
def test_each_sign_is_seen_said_with_numbers_and_alone(
    seen: Found, blind: Found, name: str, row: int, least: float, words: str
) -> None:
    values = strength(seen, name)
    assert values[row] > least
    sentence = said(seen, row, name)
    assert words in sentence
    assert any(c.isdigit() for c in sentence)
    assert np.delete(values, [row, SWAPPED, STUCK]).max() < 0.2
    assert np.isnan(blind[name.split(".", 1)[0]].signals.column(name)).all()


def test_panels_with_export_are_no_bypass(seen: Found, blind: Found) -> None:
    before, now = (
        max(strength(f, f"fraud.{n}")[SUNNY] for n in ("drop", "bypass_window", "zero_windows"))
        for f in (blind, seen)
    )
    assert now <= 0.3 * before + 0.02
    assert seen["fraud"].score[SUNNY] <= blind["fraud"].score[SUNNY]


def test_a_saving_takes_its_reactive_energy_along(seen: Found) -> None:
    assert strength(seen, "fraud.reactive_stays")[SAVING] < 0.1
    assert strength(seen, "fraud.drop")[BLIND] > 0.2


def test_the_weather_is_told_in_the_sentence(measured: Survey, seen: Found) -> None:
    explains = measured.features.column("context.weather_explains")
    assert explains[HEATED] > 0.5
    assert abs(explains[SAVING]) < 0.5
    assert "outdoor temperature explains" in said(seen, SAVING, "fraud.drop")


def test_a_feast_excuses_a_short_change(measured: Survey) -> None:
    share = measured.features.column("context.holiday_share")
    brief = measured.features.column("change.duration_days") < 5
    if brief[FEAST]:
        assert share[FEAST] > 0.6
    assert measured.features.column("context.holiday_effect")[FEAST] > 0.5


def test_what_was_not_given_is_missed(blind: Found, seen: Found) -> None:
    missed = {name: set(found.missed) for name, found in blind.items()}
    assert {"export", "reactive", "weather"} <= missed["fraud"]
    assert "reactive" in missed["maintenance"]
    assert "export" in missed["data_mismatch"]
    assert "holidays" in missed["cyber_attack"]
    assert not {"export", "reactive", "weather", "holidays"} & {n for f in seen.values() for n in f.missed}
