"""Models that are compared: loaded from what is recorded, and only if nobody altered it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from api.http.settings import Settings
from api.jobs.chosen_model import Models, choose
from loadprofile.errors import ModelFileError
from loadprofile.models.model import Model
from loadprofile.store.database import Database
from loadprofile.store.model_register import model


@dataclass(frozen=True, eq=False, slots=True)
class Rival:
    """A model to be compared with: what identifies it, itself, and the last visit that it may know of.

    Attributes:
        key: in the register; None for the one of the settings.
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


def rival(database: Database, settings: Settings, model_key: int | None = None) -> Rival:
    """A model of the register (None: the one in use), loaded.

    Raises:
        NotFoundError: there is none.
        ConflictError: its file was altered.
        ModelFileError: it is gone, or cannot be read by this version.
    """
    with database.reading() as connection:
        chosen = choose(connection, settings, model_key)
        manifest = {} if chosen.key is None else model(connection, chosen.key)["manifest"]
    fitted = Models(database).of(chosen)
    return Rival(chosen.key, chosen.name, chosen.sha256, fitted, manifest.get("verdicts_until"))


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
