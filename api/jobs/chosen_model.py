"""Which model a screening uses, settled when it is asked for; and the model itself, loaded once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from api.assembly import model_named
from api.hashing import sha256
from api.http.settings import Settings
from loadprofile.errors import ModelFileError
from loadprofile.models.model import Model
from loadprofile.store.database import Database
from loadprofile.store.model_register import champion, model

KEPT = 2
"""Models that stay in memory: champion and challenger."""


@dataclass(frozen=True, slots=True)
class ChosenModel:
    """A model by what identifies it.

    Attributes:
        key: in the register; None for a model of a file.
        name: what people call it, or where the file lies.
        sha256: of the file.
    """

    key: int | None
    name: str
    sha256: str


def choose(connection: sa.Connection, settings: Settings, wanted: int | None = None) -> ChosenModel:
    """The wanted model of the register; else the champion; else the one of the settings.

    Raises:
        NotFoundError: no such model.
        ModelFileError: the file of the settings is not there.
    """
    row = champion(connection) if wanted is None else model(connection, wanted)
    if row is not None:
        return ChosenModel(row["model_key"], row["name"], row["sha256"])
    path = _path(settings.model)
    if not path.is_file():
        raise ModelFileError(settings.model, "no such file (or write: default)")
    return ChosenModel(None, settings.model, _sha256(path))


def _path(name: str) -> Path:
    return Path(str(files("loadprofile.models").joinpath("default.lpm"))) if name == "default" else Path(name)


def _sha256(path: Path) -> str:
    now = path.stat()
    return _sha256_of(path, now.st_mtime_ns, now.st_size)


@lru_cache(maxsize=8)
def _sha256_of(path: Path, _changed: int, _size: int) -> str:
    """Of a file as it was then: megabytes need not be read for every screening that is asked for."""
    return sha256(path)


class Models:
    """Loaded models by the SHA-256 of their files."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._loaded: OrderedDict[str, Model] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, chosen: ChosenModel) -> Model:
        """The model.

        Raises:
            ModelFileError: its file is gone, damaged, or not the one that was chosen.
            NotFoundError, ConflictError: the register has no such model, or an altered one.
        """
        with self._lock:
            if chosen.sha256 not in self._loaded:
                self._loaded[chosen.sha256] = self._load(chosen)
                while len(self._loaded) > KEPT:
                    self._loaded.popitem(last=False)
            self._loaded.move_to_end(chosen.sha256)
            return self._loaded[chosen.sha256]

    def _load(self, chosen: ChosenModel) -> Model:
        path = _path(chosen.name)
        if chosen.key is not None:
            with self.database.reading() as connection:
                row = model(connection, chosen.key, content=True)
            if row["content"] is not None:
                with TemporaryDirectory(prefix="loadprofile-") as folder:
                    path = Path(folder) / "model.lpm"
                    path.write_bytes(row["content"])
                    return model_named(str(path))
            path = Path(row["path"])
        if not path.is_file() or sha256(path) != chosen.sha256:
            raise ModelFileError(chosen.name, "its file is gone or not the one that was chosen")
        return model_named(str(path))
