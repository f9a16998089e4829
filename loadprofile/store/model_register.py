"""The register of models: which there are, which is champion, who promoted it, and the way back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from loadprofile.errors import ConflictError, NotFoundError, RefusedError
from loadprofile.store.audit import audit
from loadprofile.store.cases import text_of
from loadprofile.store.columns import now
from loadprofile.store.work_tables import MODELS, PROMOTIONS

MOST_BYTES = 512 * 1024 * 1024


def add_model(
    connection: sa.Connection,
    name: str,
    manifest: Mapping[str, Any],
    *,
    who: str,
    content: bytes | None = None,
    path: str | None = None,
    sha256: str | None = None,
    as_of: datetime | None = None,
    scores: Mapping[str, Any] | None = None,
    at: datetime | None = None,
) -> int:
    """Register a model file as challenger; the same file again gives the key it has.

    Args:
        connection: of ``Database.writing``.
        name: what people call it.
        manifest: of the file (``loadprofile.models``), plain JSON values.
        who: who trained or brought it.
        content: the file itself, or
        path: where it lies (then with its ``sha256``).
        sha256: of the file; of ``content`` it is computed, and compared if given.
        as_of: it learned from nothing that became known later.
        scores: how it was measured.
        at: moment of registering.

    Raises:
        RefusedError: neither or both of content and path, too large, or a sum that does not fit.
    """
    if (content is None) == (path is None):
        raise RefusedError("model", name, "needs its content or its path")
    if content is not None:
        if len(content) > MOST_BYTES:
            raise RefusedError("bytes", len(content), f"is more than {MOST_BYTES}")
        digest = hashlib.sha256(content).hexdigest()
        if sha256 is not None and sha256 != digest:
            raise RefusedError("sha256", sha256, f"is not that of the file, {digest}")
    elif sha256 is None:
        raise RefusedError("sha256", None, "is needed with a path")
    else:
        digest = sha256
    known = connection.execute(sa.select(MODELS.c.model_key).where(MODELS.c.sha256 == digest)).scalar()
    if known is not None:
        return int(known)
    made = connection.execute(
        MODELS.insert().values(
            name=name,
            sha256=digest,
            manifest=dict(manifest),
            state="challenger",
            content=content,
            path=path,
            as_of=None if as_of is None else now(as_of),
            scores=None if scores is None else dict(scores),
            created_at=now(at),
            created_by=who,
        )
    )
    key = int(made.inserted_primary_key[0])  # type: ignore[index]
    audit(connection, who, "registered", "model", key, after={"name": name, "sha256": digest}, at=at)
    return key


def score_model(
    connection: sa.Connection,
    model_key: int,
    scores: Mapping[str, Any],
    *,
    who: str,
    at: datetime | None = None,
) -> None:
    """Keep how a model was measured beside what is known of it already."""
    before = model(connection, model_key)["scores"]
    connection.execute(
        sa.update(MODELS).where(MODELS.c.model_key == model_key).values(scores={**(before or {}), **scores})
    )
    audit(connection, who, "scored", "model", model_key, before=before, after=dict(scores), at=at)


def model(connection: sa.Connection, model_key: int, *, content: bool = False) -> dict[str, Any]:
    """A model's row, with its file if asked for.

    Raises:
        NotFoundError: there is none.
        ConflictError: the file is not the one that was registered.
    """
    columns = [column for column in MODELS.c if content or column.name != "content"]
    row = connection.execute(sa.select(*columns).where(MODELS.c.model_key == model_key)).mappings().first()
    if row is None:
        raise NotFoundError("model", model_key)
    data = row["content"] if content else None
    if data is not None and hashlib.sha256(data).hexdigest() != row["sha256"]:
        raise ConflictError("model", model_key, "its file was altered: the SHA-256 does not fit")
    return dict(row)


def champion(connection: sa.Connection) -> dict[str, Any] | None:
    """The model that screens now; None before the first promotion (then the packaged one does)."""
    key = connection.execute(sa.select(MODELS.c.model_key).where(MODELS.c.state == "champion")).scalar()
    return None if key is None else model(connection, key)


def models(connection: sa.Connection, *, before: int | None = None, limit: int | None = None) -> pd.DataFrame:
    """Models without their files, newest first: all, or a page of those registered before ``before``."""
    columns = [column for column in MODELS.c if column.name != "content"]
    asked = sa.select(*columns).order_by(MODELS.c.model_key.desc()).limit(limit)
    if before is not None:
        asked = asked.where(MODELS.c.model_key < before)
    rows = connection.execute(asked)
    return pd.DataFrame(rows.mappings().all(), columns=[column.name for column in columns])


def promote(
    connection: sa.Connection, model_key: int, reason: str, *, who: str, at: datetime | None = None
) -> None:
    """Make a model champion; the one before is retired. Whether it is better is the caller's to prove.

    Raises:
        NotFoundError: no such model.
        ConflictError: it is champion already.
    """
    if model(connection, model_key)["state"] == "champion":
        raise ConflictError("model", model_key, "is champion already")
    before = champion(connection)
    previous = None if before is None else before["model_key"]
    _crown(connection, model_key, previous, "retired")
    connection.execute(
        PROMOTIONS.insert().values(
            at=now(at), who=who, model_key=model_key, previous_key=previous, reason=text_of(reason, "reason")
        )
    )
    audit(
        connection, who, "promoted", "model", model_key, before={"champion": previous},
        after={"champion": model_key}, comment=reason, at=at,
    )  # fmt: skip


def roll_back(
    connection: sa.Connection, reason: str, *, who: str, at: datetime | None = None
) -> dict[str, Any] | None:
    """Undo the last promotion that was not undone: its predecessor is champion again; None if it had none.

    Raises:
        ConflictError: nothing was promoted.
    """
    last = connection.execute(
        sa.select(PROMOTIONS)
        .where(~PROMOTIONS.c.rolled_back)
        .order_by(PROMOTIONS.c.promotion_key.desc())
        .limit(1)
    ).first()
    if last is None:
        raise ConflictError("model", "", "there is no promotion to undo")
    _crown(connection, last.previous_key, last.model_key, "challenger")
    connection.execute(
        sa.update(PROMOTIONS).where(PROMOTIONS.c.promotion_key == last.promotion_key).values(rolled_back=True)
    )
    audit(
        connection, who, "rolled back", "model", last.model_key, before={"champion": last.model_key},
        after={"champion": last.previous_key}, comment=text_of(reason, "reason"), at=at,
    )  # fmt: skip
    return champion(connection)


def _crown(connection: sa.Connection, new: int | None, old: int | None, becomes: str) -> None:
    for key, state in (
        (old, becomes),
        (new, "champion"),
    ):  # the old one first: there is one champion at a time
        if key is not None:
            connection.execute(sa.update(MODELS).where(MODELS.c.model_key == key).values(state=state))
