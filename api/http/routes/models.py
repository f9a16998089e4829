"""``/v1/models``: train challengers, bring models from outside, score, promote and roll back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from functools import partial
from typing import Annotated, Any

import orjson
import pandas as pd
import sqlalchemy as sa
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api.http.bodies import MODEL, receiving
from api.http.columns import Printable
from api.http.idempotency import RequestHash, Work, WriteOnce, request_hash
from api.http.paging import BIGGEST_KEY, Cursor, Limit, Moment, key_in, page_of
from api.http.problems import ProblemError, refused
from api.http.security import AnalystCaller, OperatorCaller
from api.http.service import Served, Service
from api.jobs.chosen_model import ChosenModel, choose
from api.learning_jobs import KIND, Wish
from api.rivals import from_bytes
from loadprofile.store.audit import audit
from loadprofile.store.jobs import add_job
from loadprofile.store.model_register import add_model, model, models, promote, roll_back

router = APIRouter(prefix="/v1/models", tags=["Learn"])

ModelKey = Annotated[int, Path(ge=1, le=BIGGEST_KEY, examples=[1])]
Name = Annotated[Printable, Field(min_length=1, max_length=100)]
Reason = Annotated[Printable, Field(min_length=3, max_length=1000)]


FILE_BODY = {
    "required": True,
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}


class NewModel(BaseModel):
    """What is to be learned; everything may be left out."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"example": {"name": "spring", "populations": 100}}
    )

    name: Annotated[Name, Field(description="What people will call it.")] = "challenger"
    as_of: Annotated[
        Moment | None, Field(strict=False, description="Learn from nothing that became known later; now.")
    ] = None
    score_from: Annotated[
        date | None,
        Field(strict=False, description="Verdicts of visits from this day on score; else the latest 30 %."),
    ] = None
    populations: Annotated[int, Field(ge=2, le=2000, description="Emulated utilities to learn from.")] = 100
    iterations: Annotated[int, Field(ge=1, le=1000, description="Boosting rounds.")] = 160
    meters: Annotated[int, Field(ge=10, le=20_000, description="Stored meters, at most.")] = 1000
    verified_counts: Annotated[
        float,
        Field(gt=0, le=1000, allow_inf_nan=False, description="Emulated cases that a verdict is worth."),
    ] = 3.0
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0


class NewScores(BaseModel):
    """How a model is to be scored beside the champion."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"example": {"populations": 100}}
    )

    populations: Annotated[int, Field(ge=2, le=2000, description="A quarter of them score.")] = 100
    as_of: Annotated[Moment | None, Field(strict=False, description="Verdicts known then; now.")] = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0


class Promotion(BaseModel):
    """Why a model becomes champion."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"example": {"reason": "better on the visits of spring"}},
    )

    reason: Reason
    force: Annotated[
        bool, Field(description="Also where it did not prove to be better; that is recorded with the reason.")
    ] = False


class RollBack(BaseModel):
    """Why the last promotion is undone."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"example": {"reason": "too many wrong visits"}}
    )

    reason: Reason


class Queued(BaseModel):
    """The job that does it."""

    job: int


class ModelRow(BaseModel):
    """A model of the register."""

    model_key: int
    name: str
    sha256: str = Field(description="Of its file.")
    state: str = Field(description="challenger, champion or retired.")
    as_of: datetime | None = Field(description="It learned from nothing that became known later.")
    created_at: datetime
    created_by: str
    scores: dict[str, Any] | None = Field(
        description="Beside which champion, on which cases, with intervals; `better` and `because`."
    )
    manifest: dict[str, Any]


class ModelPage(BaseModel):
    """A page of models, the newest first."""

    models: list[ModelRow]
    next: str | None


class InUse(BaseModel):
    """The model that screens from now on."""

    model_key: int | None = Field(description="null: the one of the settings, which is in no register.")
    name: str
    sha256: str
    forced: bool = False


@router.post("", status_code=202, response_model=Queued, summary="Train a challenger")
def post_model(
    caller: AnalystCaller, service: Served, once: WriteOnce, content_hash: RequestHash, wish: NewModel
) -> Response:
    """Learn from stored profiles and verdicts, as a job; then score it beside the champion.

    It learns from emulated cases on ordinary stored meters (never on flagged ones that nobody closed) and on
    simulated homes, and from verdicts weighed by the inverse of the probability with which each visit was
    chosen. It is scored on later verdicts and on homes kept aside. The job's result names the model.
    """
    asked = Wish(
        name=wish.name, as_of=(wish.as_of or datetime.now(UTC)).isoformat(),
        score_from=None if wish.score_from is None else wish.score_from.isoformat(),
        populations=wish.populations, iterations=wish.iterations, meters=wish.meters,
        verified_counts=wish.verified_counts, seed=wish.seed, hemisphere=service.settings.hemisphere,
    )  # fmt: skip
    work = partial(_queued, {"wish": asdict(asked)}, caller.who)
    return once.run(content_hash, lambda: work, partial(_hand_out, service))


@router.post("/{model_key}/scores", status_code=202, response_model=Queued,
             summary="Score a model beside the champion",
             responses={404: {"description": "No such model."}})  # fmt: skip
def post_scores(
    caller: AnalystCaller, service: Served, once: WriteOnce, content_hash: RequestHash, model_key: ModelKey,
    how: NewScores,
) -> Response:  # fmt: skip
    """For a model from outside, or when there is another champion by now. A job; the scores stay with it."""
    asked = Wish(
        name="scores", as_of=(how.as_of or datetime.now(UTC)).isoformat(), populations=how.populations,
        seed=how.seed, hemisphere=service.settings.hemisphere,
    )  # fmt: skip

    def work(connection: sa.Connection) -> tuple[int, Mapping[str, Any]]:
        model(connection, model_key)
        return _queued({"wish": asdict(asked), "model": model_key}, caller.who, connection)

    return once.run(content_hash, lambda: work, partial(_hand_out, service))


def _hand_out(service: Service, body: Mapping[str, Any]) -> None:
    service.queue.put(body["job"])


def _queued(
    arguments: Mapping[str, Any], who: str, connection: sa.Connection
) -> tuple[int, Mapping[str, Any]]:
    key = add_job(connection, KIND, arguments, who=who)
    audit(connection, who, "started", "learning", key, after=arguments)
    return 202, {"job": key}


@router.post("/files", status_code=201, response_model=ModelRow, summary="Bring a model from outside",
             openapi_extra={"requestBody": FILE_BODY})  # fmt: skip
async def post_file(
    request: Request,
    caller: OperatorCaller,
    service: Served,
    once: WriteOnce,
    name: Annotated[Name, Query(examples=["from the laboratory"])],
    sha256: Annotated[
        str,
        Query(
            pattern="^[0-9a-fA-F]{64}$",
            description="Of the file, as it came to you by another way.",
            examples=["0" * 64],
        ),
    ],
) -> Response:
    """A model file (`.lpm`). It is read with our own list of types, never unpickled; it is a challenger then.

    Whoever can alter the file can alter the sums in it: so its SHA-256 has to come with the call.
    """
    async with receiving(request, service, (MODEL,)) as upload:
        if upload.sha256 != sha256.lower():
            raise refused(f"the file's SHA-256 is {upload.sha256}, and the call says another")
        return await run_in_threadpool(
            once.run, request_hash(request, upload.sha256),
            partial(_brought, upload.path.read_bytes(), name, caller.who),
        )  # fmt: skip


def _brought(content: bytes, name: str, who: str) -> Work:
    manifest = from_bytes(content).manifest

    def work(connection: sa.Connection) -> tuple[int, Mapping[str, Any]]:
        key = add_model(connection, name, orjson.loads(orjson.dumps(manifest)), who=who, content=content)
        return 201, _row(model(connection, key))

    return work


@router.get("", response_model=ModelPage, summary="List models")
def get_models(
    caller: AnalystCaller,  # noqa: ARG001 - the role is what is needed
    service: Served,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """All models of the register with their scores."""
    before = key_in(cursor)
    with service.database.reading() as connection:
        frame = models(connection, before=before, limit=limit + 1)
    rows = [_row(row) for row in frame.astype(object).where(frame.notna(), None).to_dict("records")]
    page, more = page_of(rows, limit, "model_key")
    return _json({"models": page, "next": more})


@router.get("/{model_key}", response_model=ModelRow, summary="Get a model",
            responses={404: {"description": "No such model."}})  # fmt: skip
def get_model(caller: AnalystCaller, service: Served, model_key: ModelKey) -> Response:  # noqa: ARG001
    """What it learned from, and how it was scored."""
    with service.database.reading() as connection:
        return _json(_row(model(connection, model_key)))


@router.post("/{model_key}/promotion", response_model=InUse, summary="Make a model champion",
             responses={404: {"description": "No such model."},
                        409: {"description": "It did not prove to be better."}})  # fmt: skip
def post_promotion(
    caller: OperatorCaller, service: Served, once: WriteOnce, content_hash: RequestHash, model_key: ModelKey,
    why: Promotion,
) -> Response:  # fmt: skip
    """Only where it was scored beside the present champion and is better beyond the noise.

    With `force` also where not: the promotion is recorded as forced, with what speaks against it.
    """
    return once.run(content_hash, lambda: partial(_promoted, service, model_key, why, caller.who))


def _promoted(
    service: Service, model_key: int, why: Promotion, who: str, connection: sa.Connection
) -> tuple[int, Mapping[str, Any]]:
    row = model(connection, model_key, content=True)  # refuses a file that was altered
    doubt = _doubt(row["scores"], choose(connection, service.settings))
    if doubt is not None and not why.force:
        raise ProblemError(
            409, "not-better", "Not better beyond the noise",
            f"{doubt}; with `force` it is promoted all the same, and that is recorded",
        )  # fmt: skip
    reason = why.reason if doubt is None else f"forced although {doubt}: {why.reason}"
    promote(connection, model_key, reason, who=who)
    told = {name: row[name] for name in ("model_key", "name", "sha256")}
    return 200, {**told, "forced": doubt is not None}


def _doubt(scores: Mapping[str, Any] | None, champion: ChosenModel) -> str | None:
    """What speaks against a promotion; None = nothing."""
    if scores is None:
        return "it was never scored"
    if scores["champion"]["sha256"] != champion.sha256:
        return f"it was scored beside {scores['champion']['name']} and the champion is {champion.name}"
    return None if scores["better"] else str(scores["because"])


@router.post("/rollback", response_model=InUse, summary="Undo the last promotion",
             responses={409: {"description": "Nothing was promoted."}})  # fmt: skip
def post_rollback(
    caller: OperatorCaller, service: Served, once: WriteOnce, content_hash: RequestHash, why: RollBack
) -> Response:
    """The champion before it screens again, or the model of the settings if there was none."""

    def work(connection: sa.Connection) -> tuple[int, Mapping[str, Any]]:
        roll_back(connection, why.reason, who=caller.who)
        now = choose(connection, service.settings)
        return 200, {"model_key": now.key, "name": now.name, "sha256": now.sha256, "forced": False}

    return once.run(content_hash, lambda: work)


def _row(row: Mapping[Any, Any]) -> dict[str, Any]:
    plain = {str(name): None if value is pd.NaT else value for name, value in row.items()}
    return {name: plain[name] for name in ModelRow.model_fields}


def _json(body: Mapping[str, Any]) -> Response:
    return Response(orjson.dumps(body, default=str), media_type="application/json")
