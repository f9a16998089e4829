"""A challenger from the record: what it may learn from, what it is scored on, and that it is kept whole."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from api import learning_jobs
from api.learning_jobs import Learned, Wish, learn, score
from api.rivals import Rival
from loadprofile.emulate.households import simulate_homes
from loadprofile.errors import ConflictError
from loadprofile.learning.verified import is_held_out
from loadprofile.models.model import Model
from loadprofile.profiles import LoadProfiles
from loadprofile.store.cases import open_case
from loadprofile.store.database import Database, open_database
from loadprofile.store.feedback import Visit, record_feedback
from loadprofile.store.model_register import MODELS, add_model, model
from loadprofile.store.readings import record_readings

NOON = datetime(2022, 7, 1, 12, tzinfo=UTC)
WISH = Wish("own", NOON.isoformat(), populations=5, iterations=4, simulated_homes=40, seed=3)
STAGES: list[tuple[float, str]] = []


@pytest.fixture(scope="module")
def homes() -> LoadProfiles:
    made = simulate_homes(30, 120, 60, np.random.default_rng(2), start=np.datetime64("2022-01-01"))
    kwh = made.kwh.copy()
    kwh[:4, 60:] *= 0.2  # what visits will call fraud
    return made.with_kwh(kwh)


@pytest.fixture(scope="module")
def record(blank_file, tmp_path_factory, homes):  # type: ignore[no-untyped-def]
    import shutil

    path = tmp_path_factory.mktemp("learning") / "record.db"
    shutil.copy(blank_file, path)
    database = open_database(path)
    ids = homes.meter_ids.tolist()
    with database.writing() as connection:
        record_readings(connection, homes, who="test", known_at=NOON - timedelta(days=9))
        for at, (row, month) in enumerate(
            [(0, 4), (10, 4), (1, 4), (11, 5), (2, 5), (12, 5), (3, 6), (13, 6)]
        ):
            day, guilty = date(2022, month, 3 + at), row < 4
            visit = Visit(ids[row], "fraud_confirmed" if guilty else "nothing_found", day, "bob",
                          kind="bypass" if guilty else None)  # fmt: skip
            record_feedback(connection, visit, who="ann", at=NOON - timedelta(days=2))
        late = Visit(ids[14], "nothing_found", date(2022, 6, 20), "bob")
        record_feedback(connection, late, who="ann", at=NOON + timedelta(days=1))
        open_case(connection, [ids[20]], "fraud", who="ann", at=NOON - timedelta(days=1))
    yield database
    database.close()


@pytest.fixture(scope="module")
def champion(small_model: Model) -> Rival:
    return Rival(None, "small", "0" * 64, small_model)


@pytest.fixture(scope="module")
def learned(record: Database, champion: Rival) -> Learned:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning_jobs, "DAYS", 100)
        return learn(record, WISH, champion, lambda share, what: STAGES.append((share, what)))


def test_verdicts_known_by_then_are_split_by_the_day_of_the_visit(learned: Learned) -> None:
    assert learned.manifest["verified"] == 6
    assert learned.scores["verdicts_until"] == learned.manifest["verdicts_until"] == "2022-05-08"
    assert learned.scores["sets"]["later verdicts"]["cases"] == 2
    assert learned.manifest["not_ordinary"] == 5, "four thefts and an open case"


def test_the_way_there_is_reported(learned: Learned) -> None:
    shares = [share for share, _ in STAGES]
    assert shares == sorted(shares)
    assert {"reading", "emulated utilities", "scoring"} <= {what for _, what in STAGES}


def test_it_is_scored_beside_the_champion_and_wins_only_beyond_the_noise(learned: Learned) -> None:
    scores = learned.scores
    assert scores["champion"] == {"model_key": None, "name": "small", "sha256": "0" * 64}
    emulated = scores["sets"]["emulated cases"]
    assert emulated["tells"]
    assert not scores["sets"]["later verdicts"]["tells"], "two meters tell nothing"
    low, high = emulated["gain"]["low"], emulated["gain"]["high"]
    assert low <= emulated["gain"]["value"] <= high
    assert scores["better"] == (low > 0)
    assert "2 meters only" in scores["because"]


def test_no_meter_is_learned_from_and_scored_on(record: Database, homes: LoadProfiles) -> None:
    known = learning_jobs._known(record, WISH, None, None)
    learn_from, score_on = learning_jobs._sources(record, WISH, known)
    taught, asked = ({m for s in some for m in s.profiles.meter_ids.tolist() if s.name.startswith("stored")}
                     for some in (learn_from, score_on))  # fmt: skip
    assert taught
    assert asked
    assert not taught & asked
    assert not (taught | asked) & set(known.scored.meter_ids.tolist())
    assert not (taught | asked) & set(known.refused)
    assert is_held_out(np.array(sorted(asked))).all()
    assert not is_held_out(np.array(sorted(taught))).any()
    assert homes.meter_ids[20] not in taught | asked, "its case is open"


def test_a_verified_meter_is_seen_as_it_was_before_its_visit(
    record: Database, homes: LoadProfiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def noted(profiles: LoadProfiles, told: object, *_: object, **given: object) -> object:
        seen.append((profiles.days[-1], told))
        return real(profiles, told, *_, **given)

    real = learning_jobs.verified_cases
    monkeypatch.setattr(learning_jobs, "verified_cases", noted)
    known = learning_jobs._known(record, WISH, None, None)
    _, rows = learning_jobs._verified(record, WISH, known.learned, known.refused)
    assert len(rows) == 6
    assert [str(day) for day, _ in seen] == ["2022-04-02", "2022-04-30"], "readings end there"
    assert all((day < told.visited_on).all() for day, told in seen)


def test_what_the_champion_may_know_of_does_not_score(record: Database) -> None:
    known = learning_jobs._known(record, WISH, None, "2022-06-09")
    assert len(known.scored) == 1
    assert len(learning_jobs._known(record, WISH, None, "2022-06-30").scored) == 0
    wish = Wish("own", NOON.isoformat(), score_from="2022-05-01")
    assert len(learning_jobs._known(record, wish, None, None).learned) == 3
    early = Wish("own", (NOON - timedelta(days=5)).isoformat())
    assert len(learning_jobs._known(record, early, None, None).learned) == 0, "nothing was known yet"


def test_it_is_registered_as_the_file_it_is(record: Database, learned: Learned, champion: Rival) -> None:
    with record.writing() as connection:
        key = learned.register(connection, who="ann")
        assert learned.register(connection, who="ann") == key
        row = model(connection, key, content=True)
    assert row["state"] == "challenger"
    assert row["as_of"] == NOON
    assert row["scores"]["because"] == learned.scores["because"]
    with record.writing() as connection:
        connection.execute(MODELS.update().values(content=b"x" + row["content"][1:]))
    with record.reading() as connection, pytest.raises(ConflictError, match="altered"):
        model(connection, key, content=True)


def test_a_model_from_outside_is_scored_the_same_way(record: Database, champion: Rival) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning_jobs, "DAYS", 100)
        few = Wish("own", NOON.isoformat(), populations=2, simulated_homes=20)
        scores = score(record, few, champion, champion, lambda _, __: None)
    assert scores["sets"]["emulated cases"]["gain"]["value"] == 0.0
    assert scores["sets"]["later verdicts"]["cases"] == 8
    assert not scores["better"]
    with record.writing() as connection:
        assert add_model(connection, "outside", {}, who="ann", content=b"other", scores=scores)
