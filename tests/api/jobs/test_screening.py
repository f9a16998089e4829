"""Screenings as jobs: the same list as the command line gives, whatever happens to the worker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from same_list import assert_same_list

from api.http.settings import Settings
from api.jobs import screening as job_kind
from api.jobs.chosen_model import ChosenModel, Models
from api.jobs.kinds import KINDS
from api.jobs.one_meter import OneMeter
from api.jobs.queue import Queue
from api.jobs.running import Attempt, run_job
from api.jobs.screening import ask
from api.jobs.tending import MOST_ATTEMPTS, tend
from loadprofile.emulate.scenario import draw
from loadprofile.errors import NotFoundError, NothingToJudgeError
from loadprofile.models.model import Model
from loadprofile.profiles import LoadProfiles
from loadprofile.screening import judge, survey
from loadprofile.store.access_tables import JOBS
from loadprofile.store.cases import list_cases
from loadprofile.store.columns import now
from loadprofile.store.database import Database
from loadprofile.store.findings import screening, whole_worklist
from loadprofile.store.jobs import cancel_job, job
from loadprofile.store.readings import record_readings
from loadprofile.verdicts import SubDetector
from loadprofile.worklist import worklist


@pytest.fixture(scope="module")
def homes(simulated_homes: LoadProfiles) -> LoadProfiles:
    return draw(simulated_homes, np.random.default_rng(4), prevalence=0.3).profiles


@pytest.fixture(scope="module")
def model_file(small_model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "small.lpm"
    small_model.save(str(path))
    return path


@pytest.fixture
def settings(database: Database, model_file: Path) -> Settings:
    return Settings(database=database.url, model=str(model_file), silence=0.5)


@pytest.fixture
def filled(database: Database, homes: LoadProfiles) -> Database:
    with database.writing() as connection:
        record_readings(connection, homes, who="test", source="test")
    return database


@pytest.fixture
def queue(database: Database) -> Iterator[Queue]:
    made = Queue(database.url)
    while made.take() is not None:
        pass
    yield made
    made.close()


def asked(database: Database, settings: Settings, **given: Any) -> tuple[int, int]:
    with database.writing() as connection:
        return ask(connection, settings, who="ann", **given)


def state_of(database: Database, key: int, of: int) -> tuple[dict[str, Any], dict[str, Any]]:
    with database.reading() as connection:
        return job(connection, of), screening(connection, key)


def listed(database: Database, key: int) -> pd.DataFrame:
    with database.reading() as connection:
        return whole_worklist(connection, key)


def test_the_list_is_that_of_the_command_line(
    filled: Database, settings: Settings, homes: LoadProfiles, small_model: Model,
    detectors: Sequence[SubDetector],
) -> None:  # fmt: skip
    key, of = asked(filled, settings, open_cases=3)
    run_job(filled, settings, of, KINDS)
    done, row = state_of(filled, key, of)
    assert (done["state"], done["error"], row["state"], row["meters"]) == ("done", None, "done", len(homes))
    assert done["result"]["meters"] == sum(done["result"]["causes"].values()) == len(homes)
    assert len(row["settings"]["model_sha256"]) == 64
    expected = worklist(judge(survey(homes), detectors, small_model)[0])
    assert_same_list(listed(filled, key), expected)
    with filled.reading() as connection:
        cases = list_cases(connection)
    assert len(cases) == done["result"]["cases_opened"] >= 1
    _one_meter_is_judged_as_in_the_list(filled, homes, model_file=settings.model, expected=expected)


def _one_meter_is_judged_as_in_the_list(
    filled: Database, homes: LoadProfiles, model_file: str, expected: pd.DataFrame
) -> None:
    """Of a meter that is as it was, the answer is its row; of one that changed, that of another."""
    one = OneMeter(filled, Models(filled))
    for _, row in expected.iloc[[0, 1, 30]].iterrows():
        found = one.judge(row["meter_id"])
        assert found.as_screened
        assert_same_list(
            pd.DataFrame([dict(found.row)]), row.drop("rank").to_frame().T.reset_index(drop=True)
        )
    name = expected["meter_id"].iloc[-1]
    at = np.flatnonzero(homes.meter_ids == name)
    kwh = homes.kwh[at].copy()
    kwh[:, 50:] *= 0.1
    other = LoadProfiles(np.array(["new meter"]), homes.days, kwh, homes.step_minutes)
    with filled.writing() as connection:
        record_readings(connection, other, who="test", source="test")
    found = one.judge("new meter")
    assert not found.as_screened
    usual = expected["anomaly_score"].iloc[-1]
    assert found.row["anomaly_score"] > usual
    with pytest.raises(NotFoundError):
        one.judge("nowhere")
    few = LoadProfiles(np.array(["short"]), homes.days[:3], homes.kwh[:1, :3], homes.step_minutes)
    with filled.writing() as connection:
        record_readings(connection, few, who="test", source="test")
    with pytest.raises(NothingToJudgeError):
        one.judge("short")


class Killed(BaseException):
    """What a worker that is killed does not get to handle."""


def test_a_screening_that_was_killed_gives_the_same_list(
    filled: Database, settings: Settings, homes: LoadProfiles, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while it writes; then readings change; another worker begins again on what was known."""
    monkeypatch.setattr(job_kind, "RECORDED", 20)
    key, of = asked(filled, settings)
    plain, of_plain = asked(filled, settings)
    run_job(filled, settings, of_plain, KINDS)
    real, written = job_kind.record_findings, []

    def dies(*given: Any) -> int:
        written.append(1)
        if len(written) == 3:
            raise Killed
        return real(*given)

    monkeypatch.setattr(job_kind, "record_findings", dies)
    with pytest.raises(Killed):
        run_job(filled, settings, of, KINDS)
    monkeypatch.setattr(job_kind, "record_findings", real)
    assert state_of(filled, key, of)[0]["state"] == "running"
    with filled.writing() as connection:
        changed = homes.with_kwh(np.asarray(homes.kwh * 2, dtype=np.float32))
        record_readings(connection, changed, correct=True, who="test", source="test")
    _is_silent(filled, of)
    assert tend(filled, settings, queue, KINDS) == [of]
    assert queue.take() == of
    run_job(filled, settings, of, KINDS)
    done, row = state_of(filled, key, of)
    assert (done["state"], done["attempts"], row["state"]) == ("done", 2, "done")
    pd.testing.assert_frame_equal(listed(filled, key), listed(filled, plain), atol=1e-4)


def _is_silent(database: Database, key: int) -> None:
    with database.writing() as connection:
        connection.execute(
            JOBS.update().where(JOBS.c.job_key == key).values(heartbeat_at=now() - timedelta(hours=1))
        )


def test_a_job_in_other_hands_is_left_alone(filled: Database, settings: Settings, queue: Queue) -> None:
    """A worker that was taken for dead writes nothing more."""
    key, of = asked(filled, settings)

    def meanwhile(attempt: Attempt) -> Any:
        _is_silent(filled, of)
        tend(filled, settings, queue, KINDS)
        run_job(filled, settings, of, KINDS)  # by another worker
        return lambda _: pytest.fail("the last write of a job that is another's")

    run_job(filled, settings, of, {"screening": job_kind.Kind(meanwhile, job_kind.ended)})
    done, row = state_of(filled, key, of)
    assert (done["state"], done["attempts"], row["state"], row["meters"]) == ("done", 2, "done", 70)


@pytest.mark.parametrize("when", ["measuring", "judging", "recording"])
def test_a_screening_is_cancelled_between_batches(
    filled: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    monkeypatch.setattr(job_kind, "RECORDED", 20)
    key, of = asked(filled, settings)
    say = Attempt.say

    def cancelled(self: Attempt, share: float, stage: str) -> None:
        if stage == when:
            with filled.writing() as connection:
                cancel_job(connection, of)
        say(self, share, stage)

    monkeypatch.setattr(Attempt, "say", cancelled)
    run_job(filled, settings, of, KINDS)
    done, row = state_of(filled, key, of)
    assert (done["state"], row["state"], row["meters"]) == ("cancelled", "cancelled", 0)
    assert not len(listed(filled, key))


def test_failures_end_job_and_screening_alike(filled: Database, settings: Settings, queue: Queue) -> None:
    key, of = asked(filled, settings, as_of=now() - timedelta(days=9000))
    run_job(filled, settings, of, KINDS)
    done, row = state_of(filled, key, of)
    assert (done["state"], row["state"]) == ("failed", "failed")
    assert "no readings were known" in done["error"]
    assert row["error"] == done["error"]
    run_job(filled, settings, of, KINDS)
    assert state_of(filled, key, of)[0]["attempts"] == 1, "what has ended is not done again"
    run_job(filled, settings, 10_000, KINDS)

    def breaks(_: Attempt) -> Any:
        raise ZeroDivisionError("a secret of ours")

    key, of = asked(filled, settings)
    run_job(filled, settings, of, {"screening": job_kind.Kind(breaks, job_kind.ended)})
    done, row = state_of(filled, key, of)
    assert (done["state"], row["state"]) == ("failed", "failed")
    assert "secret" not in done["error"]

    key, of = asked(filled, settings)
    with filled.writing() as connection:
        connection.execute(
            JOBS.update()
            .where(JOBS.c.job_key == of)
            .values(state="running", attempts=MOST_ATTEMPTS, heartbeat_at=now() - timedelta(hours=1))
        )
    assert of not in tend(filled, settings, queue, KINDS)
    done, row = state_of(filled, key, of)
    assert (done["state"], row["state"]) == ("failed", "failed")
    assert "given up" in done["error"]


def test_a_meter_stands_once_where_its_interval_changed(
    database: Database, settings: Settings, homes: LoadProfiles
) -> None:
    """Under the interval length of its latest readings."""
    half = homes.between(homes.days[0], homes.days[44])
    rest = homes.between(homes.days[45], homes.days[-1])
    hourly = rest.kwh.reshape(len(rest), len(rest.days), 24, 2).sum(axis=3)
    later = LoadProfiles(rest.meter_ids, rest.days, np.ascontiguousarray(hourly), 60)
    with database.writing() as connection:
        record_readings(connection, half, who="test", source="test")
        record_readings(connection, later.take(np.arange(35)), who="test", source="test")
    key, of = asked(database, settings)
    run_job(database, settings, of, KINDS)
    done, _ = state_of(database, key, of)
    assert (done["state"], done["error"]) == ("done", None)
    assert sorted(listed(database, key)["meter_id"]) == sorted(homes.meter_ids.tolist())


def test_another_file_than_the_chosen_model_is_refused(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    from loadprofile.errors import ModelFileError

    with pytest.raises(ModelFileError, match="not the one"):
        Models(database).of(ChosenModel(None, settings.model, "0" * 64))
    with pytest.raises(ModelFileError), database.writing() as connection:
        ask(connection, settings.model_copy(update={"model": str(tmp_path / "none.lpm")}), who="ann")


def test_what_the_queue_lost_is_queued_again(database: Database, settings: Settings, queue: Queue) -> None:
    _, of = asked(database, settings)
    assert tend(database, settings, queue, KINDS) == [], "it may be on its way"
    with database.writing() as connection:
        connection.execute(JOBS.update().values(created_at=now() - timedelta(minutes=1)))
    assert tend(database, settings, queue, KINDS) == [of]
    assert tend(database, settings, queue, KINDS) == [], "it waits in the queue"
    assert [queue.take(), queue.take()] == [of, None]
