"""Models of the register as they are asked: loaded from what is recorded, and only if nobody altered it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa

from api.assembly import model_named
from api.hashing import sha256
from loadprofile.errors import ModelFileError
from loadprofile.models.model import Model
from loadprofile.store.database import Database
from loadprofile.store.model_register import champion, model


@dataclass(frozen=True, eq=False, slots=True)
class Rival:
    """A model to be compared with: what identifies it, itself, and the last visit that it may know of.

    Attributes:
        key: in the register; None for the packaged one.
        name: what people call it.
        sha256: of its file.
        fitted: the model.
        knows_until: ISO day of the last visit that it may have learned from; None = of none.
    """

    key: int | None
    name: str
    sha256: str
    fitted: Model
    knows_until: str | None = None


def in_use(connection: sa.Connection, fallback: str) -> dict[str, Any]:
    """``model_key, name, sha256`` of the champion; of ``fallback`` (``default`` or a path) without one.

    Raises:
        ModelFileError: there is no such file.
    """
    row = champion(connection)
    if row is not None:
        return {name: row[name] for name in ("model_key", "name", "sha256")}
    path = packaged(fallback)
    if not path.is_file():
        raise ModelFileError(fallback, "no such file (or write: default)")
    return {"model_key": None, "name": fallback, "sha256": sha256(path)}


def packaged(name: str) -> Path:
    """Where the file of a model lies that is in no register."""
    return Path(str(files("loadprofile.models").joinpath("default.lpm"))) if name == "default" else Path(name)


def rival(database: Database, fallback: str, model_key: int | None = None) -> Rival:
    """A model of the register (None: the one in use), loaded.

    Raises:
        NotFoundError: there is none.
        ConflictError: its file was altered.
        ModelFileError: it cannot be read by this version.
    """
    with database.reading() as connection:
        known: dict[str, Any] = {"model_key": model_key}
        if model_key is None:
            known = in_use(connection, fallback)
        if known["model_key"] is None:
            fitted = model_named(str(packaged(fallback)))
            return Rival(None, known["name"], known["sha256"], fitted)
        row = model(connection, known["model_key"], content=True)
    return Rival(
        row["model_key"], row["name"], row["sha256"], loaded(row), row["manifest"].get("verdicts_until")
    )


def loaded(row: dict[str, Any]) -> Model:
    """The model of a row of the register.

    Raises:
        ModelFileError: its file is gone, was altered, or cannot be read by this version.
    """
    if row["content"] is None:
        path = Path(row["path"])
        if not path.is_file() or sha256(path) != row["sha256"]:
            raise ModelFileError(row["name"], "its file is gone or not the one that was registered")
        return model_named(str(path))
    return from_bytes(row["content"])


def from_bytes(content: bytes) -> Model:
    """A model out of the bytes of its file: skops only, with our own list of types.

    Raises:
        ModelFileError: damaged, altered, of another layout, or with types that are not trusted.
    """
    with TemporaryDirectory(prefix="loadprofile-") as folder:
        path = Path(folder) / "model.lpm"
        path.write_bytes(content)
        try:
            return Model.load(str(path))
        except ModelFileError as error:
            raise ModelFileError("model", error.reason) from None
