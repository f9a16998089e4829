"""Attachments of cases: photographs and papers, limited in kind and size, handed out as files only."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

import sqlalchemy as sa
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from api.http.bodies import media_type
from api.http.columns import Printable
from api.http.idempotency import WriteOnce, request_hash
from api.http.paging import BIGGEST_KEY
from api.http.problems import ProblemError, not_found, too_large, unsupported
from api.http.routes.cases import CHANGED, CaseKey, seen
from api.http.rows import json_response, plain
from api.http.security import AnyCaller
from api.http.service import Served, Service
from api.http.settings import Settings
from loadprofile.store import attachments as kept
from loadprofile.store.feedback import feedback

router = APIRouter(prefix="/v1", tags=["Verdicts"])

TAKEN: tuple[str, ...] = Settings.model_fields["attachments"].default
"""Kinds that are taken unless the settings say otherwise."""

AttachmentKey = Annotated[int, Path(ge=1, le=BIGGEST_KEY, examples=[1])]


class Attachment(BaseModel):
    """A file of a case."""

    attachment_key: int
    case_key: int
    feedback_key: int | None
    name: str
    media_type: str
    bytes: int
    sha256: str
    added_at: datetime
    added_by: str


class Attachments(BaseModel):
    """The files of a case."""

    attachments: list[Attachment]


@router.post("/cases/{case_key}/attachments", response_model=Attachment, status_code=201,
             summary="Attach a file to a case",
             openapi_extra={"requestBody": {"required": True, "content": {
                 name: {"schema": {"type": "string", "format": "binary"}} for name in TAKEN}}},
             responses={404: CHANGED[404], 413: {"description": "Too large."},
                        415: {"description": "Not a kind that is taken."}})  # fmt: skip
async def post_attachment(
    request: Request,
    caller: AnyCaller,
    service: Served,
    once: WriteOnce,
    case_key: CaseKey,
    name: Annotated[Printable, Query(min_length=1, max_length=200, examples=["meter.jpg"])],
    feedback_key: Annotated[int | None, Query(ge=1, le=BIGGEST_KEY, description="Of which verdict.")] = None,
) -> Response:
    """The body is the file. A file that is not what its `Content-Type` says is refused."""
    kind = media_type(request)
    if kind not in service.settings.attachments or kind not in kept.KINDS:
        raise unsupported(kind, tuple(k for k in service.settings.attachments if k in kept.KINDS))
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise unsupported("a packed body", ("identity",))
    content = await _file(request, service)

    def work(connection: sa.Connection) -> tuple[int, Mapping[str, Any]]:
        seen(connection, case_key, caller)
        _belongs(connection, case_key, feedback_key)
        key = kept.attach(
            connection, case_key, name, kind, content, who=caller.who, feedback_key=feedback_key
        )
        listed = plain(kept.attachments(connection, case_key))
        return 201, next(_file_row(row) for row in listed if row["attachment_key"] == key)

    digest = await run_in_threadpool(_sha256, content)
    return await run_in_threadpool(once.run, request_hash(request, digest), lambda: work)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def _file(request: Request, service: Service) -> bytes:
    """The body, as far as it may be long and in the time that it may take."""
    most = min(service.settings.max_attachment, kept.MOST_BYTES)
    parts, taken = [], 0
    try:
        async with service.big_bodies, asyncio.timeout(service.settings.body_seconds):
            async for chunk in request.stream():
                taken += len(chunk)
                if taken > most:
                    raise too_large(f"an attachment has at most {most:,} bytes")
                parts.append(chunk)
    except TimeoutError:
        raise ProblemError(
            408, "too-slow", "Too slow", f"the body took more than {service.settings.body_seconds:g} seconds"
        ) from None
    return b"".join(parts)


def _belongs(connection: sa.Connection, case_key: int, feedback_key: int | None) -> None:
    if feedback_key is not None:
        entries = feedback(connection, case_key=case_key, amended=True)
        if feedback_key not in set(entries["feedback_key"].tolist()):
            raise not_found(f"verdict in case {case_key}", feedback_key)


def _file_row(row: Mapping[str, Any]) -> dict[str, Any]:
    out = {name: row[name] for name in Attachment.model_fields}
    out["feedback_key"] = None if out["feedback_key"] is None else int(out["feedback_key"])
    return out


@router.get("/cases/{case_key}/attachments", response_model=Attachments, summary="List the files of a case",
            responses={404: CHANGED[404]})  # fmt: skip
def get_attachments(caller: AnyCaller, service: Served, case_key: CaseKey) -> Response:
    """Without their contents."""
    with service.database.reading() as connection:
        seen(connection, case_key, caller)
        rows = plain(kept.attachments(connection, case_key))
    return json_response({"attachments": [_file_row(row) for row in rows]})


@router.get("/attachments/{attachment_key}", response_class=Response, summary="Get a file",
            responses={200: {"content": {name: {} for name in kept.KINDS}},
                       404: {"description": "No such file."}})  # fmt: skip
def get_attachment(caller: AnyCaller, service: Served, attachment_key: AttachmentKey) -> Response:
    """As it was attached; browsers are told to save it, not to show it."""
    with service.database.reading() as connection:
        row = kept.attachment(connection, attachment_key)
        try:
            seen(connection, row["case_key"], caller)
        except ProblemError:
            raise not_found("attachment", attachment_key) from None
    return Response(
        bytes(row["content"]), media_type=row["media_type"],
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(row['name'], safe='')}",
            "Cache-Control": "private, no-store",
        },
    )  # fmt: skip
