"""Models over HTTP: challengers prove themselves, force is recorded, files from outside are checked."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path

import pytest
from serving import Served, is_problem

from api.http.routes.models import NewModel
from api.http.settings import Settings
from api.jobs.chosen_model import choose
from api.jobs.kinds import KINDS
from api.jobs.running import run_job
from api.learning_jobs import Wish
from api.rivals import rival
from loadprofile.errors import ConflictError, ModelFileError
from loadprofile.models.model import Model
from loadprofile.store.audit import audit_log
from loadprofile.store.database import Database
from loadprofile.store.jobs import job
from loadprofile.store.model_register import MODELS, PROMOTIONS, add_model, score_model

SETTINGS = Settings()


@pytest.fixture(scope="module")
def file(small_model: Model, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("model") / "small.lpm"
    small_model.save(str(path))
    return Path(path).read_bytes()


def scores(database: Database, better: bool, champion: str | None = None) -> dict[str, object]:
    with database.reading() as connection:
        now = choose(connection, SETTINGS)
    known = {"model_key": now.key, "name": now.name, "sha256": now.sha256}
    return {
        "champion": known | ({} if champion is None else {"sha256": champion, "name": "an older one"}),
        "better": better, "because": "not better beyond the noise",
    }  # fmt: skip


def registered(served: Served, content: bytes, told: dict[str, object] | None) -> int:
    with served.service.database.writing() as connection:
        key = add_model(connection, content[:8].decode("latin-1"), {"name": "x"}, who="ann", content=content)
        if told is not None:
            score_model(connection, key, told, who="ann")
    return key


def bring(served: Served, content: bytes, digest: str | None = None, role: str = "operator"):  # type: ignore[no-untyped-def]
    said = hashlib.sha256(content).hexdigest() if digest is None else digest
    return served.post(
        f"/v1/models/files?name=lab&sha256={said}", role, content=content,
        headers={"content-type": "application/octet-stream"},
    )  # fmt: skip


def test_a_challenger_is_asked_for_as_a_job(served_on_both: Served) -> None:
    headers = {"Idempotency-Key": "train-1"}
    body = {"name": "spring", "populations": 7}
    answers = [served_on_both.post("/v1/models", json=body, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json(), "asked for once"
    with served_on_both.service.database.reading() as connection:
        found = job(connection, answers[0].json()["job"])
        log = audit_log(connection, subject="learning")
    assert found["kind"] == "learning"
    assert Wish(**found["arguments"]["wish"]).populations == 7
    assert log["what"].tolist() == ["started"]
    for wrong in (
        {"populations": 1},
        {"populations": "7"},
        {"as_of": "2024-01-01"},
        {"verified_counts": 0},
        {"x": 1},
    ):
        is_problem(served_on_both.post("/v1/models", json=wrong), 422)
    is_problem(served_on_both.post("/v1/models/77/scores", json={}), 404)
    assert set(NewModel.model_fields) <= set(asdict(Wish("n", "m")))


def test_only_who_proved_to_be_better_is_promoted(served_on_both: Served) -> None:
    served, database = served_on_both, served_on_both.service.database
    unscored = registered(served, b"unscored model", None)
    good = registered(served, b"good model", scores(database, better=True))
    poor = registered(served, b"poor model", scores(database, better=False))
    other = registered(served, b"scored long ago", scores(database, better=True, champion="1" * 64))
    first = served.get("/v1/models?limit=3").json()
    rest = served.get(f"/v1/models?limit=3&cursor={first['next']}").json()
    listed = [row["model_key"] for row in first["models"] + rest["models"]]
    assert (listed, len(first["models"]), rest["next"]) == ([other, poor, good, unscored], 3, None)
    reason = {"reason": "the visits of spring"}
    for key, word in ((unscored, "never scored"), (poor, "beyond the noise"), (other, "an older one")):
        body = is_problem(
            served.post(f"/v1/models/{key}/promotion", "operator", json=reason), 409, "not-better"
        )
        assert word in body["detail"]
    is_problem(served.post(f"/v1/models/{good}/promotion", "analyst", json=reason), 403)
    is_problem(served.post(f"/v1/models/{good}/promotion", "operator", json={}), 422)
    done = served.post(f"/v1/models/{good}/promotion", "operator", json=reason)
    assert done.json() == {
        "model_key": good, "name": "good mod", "sha256": hashlib.sha256(b"good model").hexdigest(),
        "forced": False,
    }  # fmt: skip
    is_problem(served.post(f"/v1/models/{good}/promotion", "operator", json=reason | {"force": True}), 409)
    is_problem(served.post("/v1/models/77/promotion", "operator", json=reason), 404)


def test_force_is_recorded_and_one_call_rolls_back(served_on_both: Served) -> None:
    served, database = served_on_both, served_on_both.service.database
    poor = registered(served, b"poor model", scores(database, better=False))
    forced = {"reason": "the board wants it", "force": True}
    assert served.post(f"/v1/models/{poor}/promotion", "operator", json=forced).json()["forced"] is True
    with database.reading() as connection:
        reasons = connection.execute(PROMOTIONS.select()).mappings().all()
    assert [row["reason"] for row in reasons] == [
        "forced although not better beyond the noise: the board wants it"
    ]
    why = {"reason": "too many wrong visits"}
    is_problem(served.post("/v1/models/rollback", "analyst", json=why), 403)
    back = served.post("/v1/models/rollback", "operator", json=why)
    assert (back.json()["model_key"], back.json()["name"]) == (None, "default")
    is_problem(served.post("/v1/models/rollback", "operator", json=why), 409)
    assert served.get(f"/v1/models/{poor}").json()["state"] == "challenger"


def test_a_model_from_outside_is_read_without_trust(served: Served, file: bytes) -> None:
    is_problem(bring(served, file, role="analyst"), 403)
    is_problem(bring(served, file, "0" * 64), 422)
    is_problem(bring(served, file, "short"), 422)
    is_problem(bring(served, b"no model at all"), 422)
    torn = bytearray(file)
    torn[len(torn) // 2] ^= 0xFF
    body = is_problem(bring(served, bytes(torn)), 422)
    assert "may not be used" in body["detail"]
    assert "/tmp" not in body["detail"]
    made = bring(served, file)
    assert made.status_code == 201
    key = made.json()["model_key"]
    assert bring(served, file).json()["model_key"] == key, "the same file is the same model"
    found = served.get(f"/v1/models/{key}").json()
    assert (found["name"], found["state"], found["scores"]) == ("lab", "challenger", None)
    assert found["manifest"]["name"] == "small"
    page = served.get("/v1/models?limit=1").json()
    assert [row["model_key"] for row in page["models"]] == [key]
    assert page["next"] is None
    is_problem(served.get("/v1/models/99"), 404)


def test_a_tampered_file_is_refused_by_its_hash(served: Served, file: bytes) -> None:
    database = served.service.database
    key = bring(served, file).json()["model_key"]
    assert rival(database, SETTINGS, key).name == "lab"
    with database.writing() as connection:
        connection.execute(MODELS.update().where(MODELS.c.model_key == key).values(content=b"x" + file[1:]))
    with pytest.raises(ConflictError, match="altered"):
        rival(database, SETTINGS, key)
    forced = {"reason": "in a hurry", "force": True}
    body = is_problem(served.post(f"/v1/models/{key}/promotion", "operator", json=forced), 409)
    assert "SHA-256" in body["detail"]
    with database.writing() as connection:
        connection.execute(MODELS.update().where(MODELS.c.model_key == key).values(content=file))


def test_a_file_beside_the_record_is_refused_when_it_changes(
    served: Served, file: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "beside.lpm"
    path.write_bytes(file + b"\0")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with served.service.database.writing() as connection:
        key = add_model(connection, "beside", {}, who="ann", path=str(path), sha256=digest)
    path.write_bytes(file)
    with pytest.raises(ModelFileError, match="not the one"):
        rival(served.service.database, SETTINGS, key)
    with pytest.raises(ModelFileError, match="no such file"), served.service.database.reading() as connection:
        choose(connection, Settings(model=str(tmp_path / "none.lpm")))


def test_the_job_scores_a_model_that_is_there(
    served: Served, file: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = bring(served, file).json()["model_key"]
    asked = served.post(f"/v1/models/{key}/scores", json={"populations": 4}).json()["job"]
    database = served.service.database
    monkeypatch.setattr("api.learning_jobs.score", lambda *_: scores(database, better=False))
    run_job(database, served.service.settings, asked, KINDS)
    with database.reading() as connection:
        done = job(connection, asked)
    assert done["state"] == "done", done["error"]
    assert done["result"] == {"model": key, "better": False, "because": "not better beyond the noise"}
    assert served.get(f"/v1/models/{key}").json()["scores"]["better"] is False
