"""One shape for every error: problem+json (RFC 9457), with a type that programs can act on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from loadprofile.errors import (
    ConflictError,
    DamagedStoreError,
    FullStoreError,
    LoadProfileError,
    LockedStoreError,
    ModelFileError,
    NotFoundError,
    NothingToJudgeError,
    ReadOnlyStoreError,
    SchemaVersionError,
    ShapeError,
    StaleError,
    StoreError,
    TransitionError,
    UnreachableStoreError,
)

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 50
"""Errors listed in one answer; the rest is counted."""

log = structlog.get_logger("loadprofile.http")


class ProblemBody(BaseModel):
    """An error, as RFC 9457 describes it."""

    type: str = Field(description="What kind of error, as a relative URI.", examples=["/problems/not-found"])
    title: str = Field(description="The kind in words; the same for every occurrence.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened this time, with its values.")
    instance: str = Field(description="The path that was asked for.")
    request_id: str = Field(description="Number of the request in the log.")
    errors: list[dict[str, Any]] = Field(
        default_factory=list, description="Where the request is wrong: `where`, `reason`."
    )


class ProblemError(Exception):
    """An answer that is an error: ``status``, ``kind`` (slug), ``title``, ``detail``, ``more`` fields."""

    def __init__(
        self,
        status: int,
        kind: str,
        title: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        self.status = status
        self.kind = kind
        self.title = title
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more
        super().__init__(f"{status} {kind}: {detail}")


def not_found(what: str, name: object) -> ProblemError:
    """404: there is no such thing, or the caller may not know of it."""
    return ProblemError(404, "not-found", "Not found", f"there is no {what} {name!s:.200}")


def refused(detail: str, **more: Any) -> ProblemError:
    """422: the request is well-formed and makes no sense."""
    return ProblemError(422, "invalid", "The request cannot be accepted", detail, **more)


def conflict(detail: str, **more: Any) -> ProblemError:
    """409: the request contradicts what is recorded."""
    return ProblemError(409, "conflict", "Conflict with what is recorded", detail, **more)


def stale(found: object, given: object) -> ProblemError:
    """412: somebody else changed it in the meantime."""
    return ProblemError(
        412, "stale", "Changed by somebody else",
        f"it now stands at version {found}, and the request was made on version {given!s:.100}",
    )  # fmt: skip


def unsupported(found: str, known: tuple[str, ...]) -> ProblemError:
    """415: a body of a kind that is not read here."""
    return ProblemError(
        415, "media-type", "Unsupported kind of body",
        f"found {found or 'no content type'!s:.100}, readable are {', '.join(known)}",
    )  # fmt: skip


def too_large(detail: str) -> ProblemError:
    """413: more than is taken at once."""
    return ProblemError(413, "too-large", "Too large", detail)


def malformed(found: Sequence[Any], total: int | None = None) -> ProblemError:
    """422 from the errors that pydantic found, each with ``loc`` and ``msg``."""
    listed = [
        {"where": ".".join(str(at)[:100] for at in e["loc"][:20]), "reason": str(e["msg"])[:300]}
        for e in found[:MOST_ERRORS]
    ]
    count = len(found) if total is None else total
    more = "" if count <= len(listed) else f", the first {len(listed)} are listed"
    first = f"{listed[0]['where']}: {listed[0]['reason']}" if listed else "unreadable"
    return refused(f"{first} ({count} in all{more})", errors=listed)


def request_id(request: Request) -> str:
    """The number of a request in the log."""
    return str(request.scope.get("state", {}).get("request_id", ""))


def problem_response(request: Request, problem: ProblemError) -> Response:
    """The answer for a problem."""
    request.scope.setdefault("state", {})["problem"] = problem.kind  # for the log
    body = {
        "type": f"/problems/{problem.kind}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": request.url.path,
        "request_id": request_id(request),
        "errors": [],
        **problem.more,
    }
    return Response(
        orjson.dumps(body, default=str, option=orjson.OPT_SERIALIZE_NUMPY),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=problem.headers,
    )


_RECORD: dict[type[StoreError], tuple[int, str, str, str]] = {
    LockedStoreError: (503, "busy", "1", "the record is being written by somebody else; try again"),
    FullStoreError: (507, "no-room", "", "no room is left for the record; nothing was written"),
    ReadOnlyStoreError: (503, "read-only", "", "the record can only be read at present; nothing was written"),
    UnreachableStoreError: (503, "unreachable", "5", "the record cannot be reached; try again"),
    DamagedStoreError: (503, "damaged", "", "the record is damaged; an operator has to see to it"),
    SchemaVersionError: (503, "not-migrated", "", "the record has tables of another version"),
}
"""Status, kind, seconds after which to try again, and words without the place, which is nobody's business."""


def as_problem(error: Exception) -> ProblemError:
    """What an error raised on purpose says to a client.

    Raises:
        Exception: the error itself, where it is a mistake of ours.
    """
    if isinstance(error, ProblemError):
        return error
    for kind, (status, slug, wait, words) in _RECORD.items():
        if isinstance(error, kind):
            headers = {"Retry-After": wait} if wait else {}
            return ProblemError(status, slug, "The record is not available", words, headers=headers)
    if isinstance(error, ShapeError):
        raise error
    if isinstance(error, NotFoundError):
        return not_found(error.kind, error.key)
    if isinstance(error, StaleError):
        return stale(error.found, error.expected)
    if isinstance(error, TransitionError | ConflictError):
        return conflict(str(error))
    if isinstance(error, NothingToJudgeError):
        return ProblemError(422, "nothing-to-judge", "Nothing could be judged", str(error))
    if isinstance(error, ModelFileError):
        return refused(f"this model may not be used: {error.reason}")
    return refused(str(error))


def install(app: FastAPI) -> None:
    """Make every error of the app a problem."""

    @app.exception_handler(ProblemError)
    async def _(request: Request, error: ProblemError) -> Response:
        return problem_response(request, error)

    @app.exception_handler(LoadProfileError)
    async def _(request: Request, error: LoadProfileError) -> Response:
        try:
            problem = as_problem(error)
        except LoadProfileError:
            return internal(request, error)
        if problem.status >= 500:
            log.error("record", request_id=request_id(request), reason=str(error))
        return problem_response(request, problem)

    @app.exception_handler(RequestValidationError)
    async def _(request: Request, error: RequestValidationError) -> Response:
        return problem_response(request, malformed(error.errors()))

    @app.exception_handler(HTTPException)
    async def _(request: Request, error: HTTPException) -> Response:
        if error.status_code == 400:  # what the framework says of a body that is no JSON
            return problem_response(request, refused(str(error.detail)))
        title = HTTPStatus(error.status_code).phrase
        kind = "too-large" if error.status_code == 413 else title.lower().replace(" ", "-")
        detail = str(error.detail) if error.detail else title
        problem = ProblemError(error.status_code, kind, title, detail, headers=dict(error.headers or {}))
        return problem_response(request, problem)


def internal(request: Request, error: Exception) -> Response:
    """500: the trace goes to the log with the number of the request; the client gets the number only."""
    number = request_id(request)
    log.error("failed", request_id=number, exc_info=error)
    problem = ProblemError(
        500, "internal", "Internal error", f"an error on our side; in the log it is request {number}"
    )
    return problem_response(request, problem)
