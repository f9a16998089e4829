"""A simulated town in a record: readings, feeders, events, registers, bills, one screening, some cases.

Everything in it is made by a program: homes, what was done to them, and what the utility knows beside.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from serving import Served, served_on

from api.assembly import model_named, screen
from loadprofile.emulate.households import simulate_homes
from loadprofile.emulate.phenomena import named
from loadprofile.emulate.scenario import Scenario, _labels, _State
from loadprofile.emulate.surroundings import Feeders, events, feeder_records, outages, registers
from loadprofile.features.population import Context
from loadprofile.ingest.event_meanings import code_table
from loadprofile.store.case_work import assign
from loadprofile.store.cases import open_for_finding
from loadprofile.store.database import Database, open_database
from loadprofile.store.facts import record_facts
from loadprofile.store.findings import finish_screening, record_findings, start_screening, whole_worklist
from loadprofile.store.logins import add_user
from loadprofile.store.meter_tables import FEEDER
from loadprofile.store.migrating import migrate
from loadprofile.store.readings import record_readings

HOMES = 36
DAYS = 365
ON_FEEDER = 18
PASSWORD = "correct horse battery"
PEOPLE = (("ada", "analyst"), ("bob", "analyst"), ("fay", "field"), ("olga", "operator"))
HAPPENS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("pulled_meter", (1,)),
    ("weekend_bypass", (4,)),
    ("daily_window", (7,)),
    ("magnet", (10,)),
    ("on_off_bypass", (13,)),
    ("full_bypass", (16,)),
    ("stuck_register", (19,)),
    ("phase_lost", (22,)),
    ("block_gaps", (25, 26, 27, 28, 29)),
    ("third_party", (31,)),
)
"""What is done to which homes."""


@dataclass(frozen=True)
class Town:
    """Where the record is, and the rows of its worklist by meter."""

    path: Path
    worklist: pd.DataFrame

    @property
    def suspects(self) -> list[str]:
        """Meters that are not called normal, most urgent first."""
        return [str(m) for m in self.worklist.loc[self.worklist["cause"] != "normal", "meter_id"]]


def scenario_of(homes: int, days: int, seed: int) -> Scenario:
    rng = np.random.default_rng(seed)
    profiles = simulate_homes(homes, days, 30, rng, start=np.datetime64("2023-03-01"))
    state = _State(profiles, rng)
    for kind, rows in HAPPENS:
        state._happen(named(kind), np.array(rows))
    shown = profiles.with_kwh(state.kwh)
    return Scenario(shown, _labels(profiles, state), tuple(state.effects), state.used, state.counted)


def bills(scenario: Scenario) -> pd.DataFrame:
    """A bill for each meter and quarter, from what was metered."""
    profiles = scenario.profiles
    daily = np.nansum(profiles.kwh, axis=2)
    quarter = profiles.days.astype("datetime64[M]").astype(np.int64) // 3
    rows = []
    for q in np.unique(quarter):
        at = np.flatnonzero(quarter == q)
        kwh = daily[:, at].sum(axis=1).round(0)
        rows += [
            {"meter_id": m, "first_day": str(profiles.days[at[0]]), "last_day": str(profiles.days[at[-1]]),
             "kwh": k, "amount": round(0.3 * k, 2), "currency": "EUR", "basis": "actual"}
            for m, k in zip(profiles.meter_ids.tolist(), kwh.tolist(), strict=True)
        ]  # fmt: skip
    return pd.DataFrame(rows)


def coded(frame: pd.DataFrame) -> pd.DataFrame:
    """Emulated events under the numbers that meters send."""
    table = code_table()
    numbers = table[table["vocabulary"] == "dlms"].drop_duplicates("meaning").set_index("meaning")["code"]
    known = frame[frame["meaning"].isin(numbers.index)]
    return known.assign(code=known["meaning"].map(numbers), vocabulary="dlms")


def build(path: Path, seed: int = 11, homes: int = HOMES, days: int = DAYS) -> Town:
    """Simulate, record, screen."""
    scenario = scenario_of(homes, days, seed)
    profiles = scenario.profiles
    rng = np.random.default_rng(seed)
    place = np.arange(len(profiles)) // ON_FEEDER
    topology, feeders = feeder_records(profiles, scenario.used, place, Feeders(), rng)
    context = Context(
        coded(events(scenario, rng)), registers(scenario, rng), outages(scenario, rng), topology, feeders
    )
    result = screen([profiles], model_named("default"), context=context)
    known = datetime(2024, 3, 1, 6, tzinfo=UTC)
    migrate(path)
    database = open_database(path)
    with database.writing() as connection:
        record_readings(connection, profiles, known)
        record_readings(connection, feeders, known, kind=FEEDER)
        tables = {"topology": topology, "events": context.events, "registers": context.registers,
                  "outages": context.outages, "invoices": bills(scenario)}  # fmt: skip
        for kind, frame in tables.items():
            if frame is not None and len(frame):
                record_facts(connection, kind, frame.astype(object).where(frame.notna(), None), known)
        key = start_screening(
            connection, who="key nightly", model_name="default", as_of=known, first=profiles.days[0],
            last=profiles.days[-1], settings={"prevalence": None}, at=known,
        )  # fmt: skip
        record_findings(connection, key, result.worklist)
        finish_screening(connection, key, at=known)
        for name, role in PEOPLE:
            add_user(connection, name, role, PASSWORD, who="test")
    town = Town(path, read_back(database))
    with database.writing() as connection:
        for meter in town.suspects[:3]:
            open_for_finding(connection, meter, who="key nightly", at=known)
    database.close()
    return town


def read_back(database: Database) -> pd.DataFrame:
    with database.reading() as connection:
        return whole_worklist(connection)


@pytest.fixture(scope="session")
def built_town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """The town as it was built; nobody writes into it."""
    return build(tmp_path_factory.mktemp("town") / "town.db")


@pytest.fixture(scope="module")
def town(built_town: Town, tmp_path_factory: pytest.TempPathFactory) -> Town:
    """A copy of the town for one file of tests."""
    path = tmp_path_factory.mktemp("town") / "record.db"
    shutil.copy(built_town.path, path)
    return Town(path, built_town.worklist)


class Visitor:
    """Somebody signed in, in a browser without scripts. Visitors of one record share its client."""

    def __init__(self, served: Served, town: Town, name: str) -> None:
        self.served, self.town, self.name = served, town, name
        self.csrf = ""
        self.sign_in()

    def sign_in(self) -> None:
        self.leave()
        given = {"name": self.name, "password": PASSWORD}
        self.csrf = self.served.client.post("/v1/session", json=given).json()["csrf"]

    def leave(self) -> None:
        self.served.client.cookies.clear()

    def get(self, path: str, **given: Any) -> Any:
        headers = {"accept": "text/html,*/*"} | given.pop("headers", {})
        return self.served.client.get(path, headers=headers, **given)

    def see(self, path: str) -> str:
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.text[:500])
        return str(answer.text)

    def post(self, path: str, data: Any = None, **given: Any) -> Any:
        headers = {"X-CSRF-Token": self.csrf, "HX-Request": "true"} | given.pop("headers", {})
        return self.served.client.post(path, data=data, headers=headers, **given)

    def give(self, case_key: int, name: str) -> None:
        """Assign a case behind the page's back."""
        with self.served.service.database.writing() as connection:
            assign(connection, case_key, name, who="test")


@pytest.fixture(scope="module")
def town_served(town: Town) -> Iterator[Served]:
    yield from served_on(str(town.path), sign_in_rate="1000/minute")


@pytest.fixture
def ada(town_served: Served, town: Town) -> Visitor:
    """An analyst."""
    return Visitor(town_served, town, "ada")


@pytest.fixture
def bob(town_served: Served, town: Town) -> Visitor:
    """Another analyst."""
    return Visitor(town_served, town, "bob")


@pytest.fixture
def fay(town_served: Served, town: Town) -> Visitor:
    """A field team."""
    return Visitor(town_served, town, "fay")


@pytest.fixture
def olga(town_served: Served, town: Town) -> Visitor:
    """An operator."""
    return Visitor(town_served, town, "olga")
