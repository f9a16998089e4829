"""Models: one champion, every change of it recorded, the way back open."""

from __future__ import annotations

import hashlib

import pytest
import sqlalchemy as sa
from recorded import NOON

from loadprofile.errors import ConflictError, NotFoundError, RefusedError
from loadprofile.store.audit import audit_log
from loadprofile.store.database import Database
from loadprofile.store.model_register import (
    add_model,
    champion,
    model,
    models,
    promote,
    roll_back,
    score_model,
)
from loadprofile.store.work_tables import MODELS


def test_promotions_and_the_way_back(database: Database) -> None:
    with database.writing() as connection:
        assert champion(connection) is None
        with pytest.raises(ConflictError):
            roll_back(connection, "nothing yet", who="ann")
        a, b, c = (add_model(connection, n, {"seed": 1}, content=n.encode(), who="ann") for n in "abc")
        promote(connection, a, "first", who="ann")
        promote(connection, b, "better beyond the noise", who="ann")
        promote(connection, c, "better still", who="ann")
        states = models(connection).set_index("model_key")["state"]
        assert states.to_dict() == {a: "retired", b: "retired", c: "champion"}
        assert roll_back(connection, "worse in the field", who="bob")["model_key"] == b
        assert roll_back(connection, "still worse", who="bob")["model_key"] == a
        with pytest.raises(ConflictError):
            promote(connection, a, "again", who="ann")
        assert roll_back(connection, "the packaged one", who="bob") is None
        with pytest.raises(ConflictError):
            roll_back(connection, "no more", who="bob")
        promote(connection, c, "after all", who="ann")
        assert roll_back(connection, "no", who="ann") is None
        log = audit_log(connection, subject="model")
    assert log["what"].tolist().count("promoted") == 4
    assert log["comment"].dropna().iloc[0] == "first"


def test_there_is_room_for_one_champion(database: Database) -> None:
    with database.writing() as connection:
        keys = [add_model(connection, n, {}, content=n.encode(), who="ann") for n in "ab"]
    with pytest.raises(sa.exc.IntegrityError), database.writing() as connection:
        connection.execute(sa.update(MODELS).where(MODELS.c.model_key.in_(keys)).values(state="champion"))


def test_a_file_is_known_by_its_sum(database: Database) -> None:
    data = b"a model"
    digest = hashlib.sha256(data).hexdigest()
    with database.writing() as connection:
        key = add_model(connection, "m", {}, content=data, sha256=digest, who="ann", as_of=NOON)
        assert add_model(connection, "again", {}, content=data, who="bob") == key
        assert add_model(connection, "elsewhere", {}, path="m.lpm", sha256="ab", who="bob") != key
        assert model(connection, key, content=True)["content"] == data
        assert "content" not in model(connection, key)
        score_model(connection, key, {"auc": 0.9}, who="ann")
        score_model(connection, key, {"hits": 3}, who="ann")
        assert model(connection, key)["scores"] == {"auc": 0.9, "hits": 3}
        for wrong in ({}, {"content": b"x", "path": "p"}, {"path": "p"}, {"content": b"x", "sha256": "00"}):
            with pytest.raises(RefusedError):
                add_model(connection, "m", {}, who="ann", **wrong)
        with pytest.raises(NotFoundError):
            model(connection, 99)
        connection.execute(sa.update(MODELS).where(MODELS.c.model_key == key).values(content=b"another"))
        with pytest.raises(ConflictError):
            model(connection, key, content=True)
