"""``/v1/jobs``: how far they are, by asking or by listening, and ending them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import anyio
import orjson
import sqlalchemy as sa
from fastapi import APIRouter, Path, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.http.paging import BIGGEST_KEY, Cursor, Limit, newest_first, page_of
from api.http.problems import ProblemError
from api.http.rows import json_response, named
from api.http.security import AnalystCaller
from api.http.service import Served, Service
from api.jobs.kinds import KINDS
from loadprofile.store.access_tables import JOBS
from loadprofile.store.audit import audit
from loadprofile.store.jobs import cancel_job, job

router = APIRouter(prefix="/v1/jobs", tags=["Jobs"])

ASKED_EVERY = 0.5
QUIET_SECONDS = 15.0
LONGEST_SECONDS = 3600.0
"""Of one stream of events; a client that wants more connects again."""

State = Literal["queued", "running", "done", "failed", "cancelled"]
JobKey = Annotated[int, Path(ge=1, le=BIGGEST_KEY, examples=[1])]


class Job(BaseModel):
    """A job."""

    job_key: int
    kind: str
    arguments: dict[str, Any]
    state: State
    progress: float = Field(description="0 to 1.")
    stage: str
    cancel_requested: bool
    attempts: int = Field(description="More than one: workers died at it, or were stopped.")
    created_at: datetime
    created_by: str
    started_at: datetime | None
    heartbeat_at: datetime | None
    finished_at: datetime | None
    result: dict[str, Any] | None
    error: str | None


class JobPage(BaseModel):
    """A page of jobs, the newest first."""

    jobs: list[Job]
    next: str | None


@router.get("", response_model=JobPage, summary="List jobs")
def get_jobs(
    caller: AnalystCaller,  # noqa: ARG001 - the role is what is needed
    service: Served,
    state: Annotated[State | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """All jobs, or those in one state, the newest first."""
    asked = newest_first(sa.select(JOBS), JOBS.c.job_key, limit, cursor)
    if state is not None:
        asked = asked.where(JOBS.c.state == state)
    with service.database.reading() as connection:
        rows = [_shown(row) for row in connection.execute(asked).mappings()]
    page, more = page_of(rows, limit, "job_key")
    return json_response({"jobs": page, "next": more})


@router.get("/{job_key}", response_model=Job, summary="Get a job",
            responses={404: {"description": "No such job."}})  # fmt: skip
def get_job(
    caller: AnalystCaller,  # noqa: ARG001 - the role is what is needed
    service: Served,
    job_key: JobKey,
) -> Response:
    """How far it is, and its result once it is done."""
    return json_response(_read(service, job_key))


def _shown(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A job; of listed meters only how many there are, for there may be many thousands."""
    out = named(row)
    meters = out["arguments"].get("meters")
    if isinstance(meters, list):
        out["arguments"] = {**out["arguments"], "meters": len(meters)}
    return out


def _read(service: Service, job_key: int) -> dict[str, Any]:
    with service.database.reading() as connection:
        return _shown(job(connection, job_key))


@router.post("/{job_key}/cancel", response_model=Job, summary="Cancel a job",
             responses={404: {"description": "No such job."},
                        409: {"description": "It has ended."}})  # fmt: skip
def cancel(caller: AnalystCaller, service: Served, job_key: JobKey) -> Response:
    """A job that waits is cancelled at once, one at work after the batch of meters that it is at."""
    service.writer.run(lambda connection: cancelled(connection, job_key, who=caller.who))
    return json_response(_read(service, job_key))


def cancelled(connection: sa.Connection, job_key: int, *, who: str) -> None:
    """Ask a job to stop; with one that nobody began ends what belongs to it, a screening too."""
    row = job(connection, job_key)
    state = cancel_job(connection, job_key)
    if state == "cancelled" and row["kind"] in KINDS:
        KINDS[row["kind"]].ended(connection, row["arguments"], "cancelled", None)
    audit(connection, who, "cancelled", "job", job_key, before={"state": row["state"]})


@router.get("/{job_key}/events", summary="Listen to a job", response_class=StreamingResponse,
            responses={200: {"content": {"text/event-stream": {}}},
                       404: {"description": "No such job."}})  # fmt: skip
async def get_events(
    caller: AnalystCaller,  # noqa: ARG001 - the role is what is needed
    service: Served,
    job_key: JobKey,
) -> StreamingResponse:
    """Server-sent events: `progress` whenever it moved, `end` when it ended; each holds the job as JSON."""
    row = await run_in_threadpool(_read, service, job_key)
    if service.streams.available_tokens < 1:
        raise ProblemError(
            503, "busy", "Too many listeners", "ask for the job now and then", headers={"Retry-After": "5"}
        )
    return StreamingResponse(
        _events(service, row), media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )  # fmt: skip


async def _events(service: Service, row: dict[str, Any]) -> AsyncIterator[bytes]:
    last, told, begun = None, time.monotonic(), time.monotonic()
    async with service.streams:
        while True:
            ended = row["state"] in {"done", "failed", "cancelled"}
            now = (row["state"], row["progress"], row["stage"], row["attempts"], row["cancel_requested"])
            if now != last or ended:
                body = orjson.dumps(row, default=str).decode()
                yield f"event: {'end' if ended else 'progress'}\ndata: {body}\n\n".encode()
                last, told = now, time.monotonic()
            elif time.monotonic() - told > QUIET_SECONDS:
                yield b": still at it\n\n"
                told = time.monotonic()
            if ended or time.monotonic() - begun > LONGEST_SECONDS:
                return
            await anyio.sleep(ASKED_EVERY)
            row = await run_in_threadpool(_read, service, row["job_key"])
