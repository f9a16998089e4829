"""``POST /v1/events | registers | outages | topology | invoices | meters``: what is known beside readings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import Annotated, Any

import pandas as pd
import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.http.bodies import ARROW, CSV, JSON, MEDIA, PACKED, PARQUET, Upload, receiving
from api.http.facts import KINDS, FactKind, table_in
from api.http.idempotency import Work, WriteOnce, request_hash
from api.http.intake import told
from api.http.openapi import body_of
from api.http.routes.readings import SHOWN, RejectedRow
from api.http.security import AnalystCaller
from api.http.service import Served, Service
from loadprofile.ingest.context import Context
from loadprofile.ingest.options import ReadOptions
from loadprofile.store.facts import record_facts
from loadprofile.store.meters import tell_meters

router = APIRouter(prefix="/v1", tags=["Submit"])

TABLES = (JSON, CSV, PARQUET, ARROW, PACKED)


class ConflictingRow(BaseModel):
    """A row that contradicts what is recorded."""

    row: int = Field(description="Of the rows that were not rejected, from 1.")
    reason: str


class FactsSubmitted(BaseModel):
    """What became of every row: `read` is the sum of the counts after it."""

    read: int
    accepted: int
    corrected: int = Field(description="Replaced another value (only with `correct`).")
    repeated: int = Field(description="Known already.")
    conflicting: int = Field(description="Another value is known; turned away.")
    rejected: int = Field(description="Not readable.")
    reasons: list[RejectedRow]
    conflicts: list[ConflictingRow]


Zone = Annotated[str, Query(max_length=64, description="Zone of times without offset.")]
Correct = Annotated[bool, Query(description="Other values replace known ones; the old version is kept.")]

EXAMPLES: Mapping[str, tuple[list[dict[str, Any]], str]] = {
    "events": (
        [{"meter_id": "A100", "timestamp": "2024-03-02T10:15:00Z", "code": "40"}],
        "meter_id,timestamp,code,vocabulary\nB100,2024-03-02T10:15,44,dlms\n",
    ),
    "registers": (
        [{"meter_id": "A100", "timestamp": "2024-03-01T00:00:00Z", "register_kwh": 10432.7}],
        "meter_id,timestamp,register_kwh,multiplier\nB100,2024-03-01T00:00,5210.4,1\n",
    ),
    "outages": (
        [{"meter_id": "A100", "start": "2024-03-05T02:00:00Z", "end": "2024-03-05T05:30:00Z"}],
        "meter_id,start,end\nB100,2024-03-05T02:00,2024-03-05T05:30\n",
    ),
    "topology": (
        [{"meter_id": "A100", "feeder_id": "F7"}, {"meter_id": "A101", "feeder_id": "F7"}],
        "meter_id,feeder_id\nB100,F7\nB101,F8\n",
    ),
    "invoices": (
        [{"meter_id": "A100", "first_day": "2024-01-01", "last_day": "2024-01-31", "kwh": 310.5,
          "amount": 92.1, "currency": "EUR", "basis": "actual"}],
        "meter_id,first_day,last_day,kwh,amount,currency,basis\nB100,2024-01-01,2024-01-31,310,92,EUR,actual\n",
    ),
    "meters": (
        [{"meter_id": "A100", "tariff": "domestic", "category": "home", "latitude": 53.35,
          "longitude": -6.26}],
        "meter_id,tariff,category,latitude,longitude\nB100,domestic,home,53.36,-6.25\n",
    ),
}  # fmt: skip

SAID = {
    "events": "events that meters logged",
    "registers": "readings of cumulative registers",
    "outages": "known interruptions of supply",
    "topology": "which feeder each meter hangs on",
    "invoices": "bills",
    "meters": "facts of meters: tariff, category, coordinates",
}


def _described(kind: str) -> dict[str, Any]:
    rows, text = EXAMPLES[kind]
    return {
        "response_model": FactsSubmitted,
        "summary": f"Submit {SAID[kind]}",
        "openapi_extra": body_of(
            KINDS[kind].body,
            {kind: rows},
            {name: text if k == CSV else None for name, k in MEDIA.items() if k in TABLES and k != JSON},
        ),
    }


@router.post("/events", **_described("events"))
async def submit_events(
    request: Request, caller: AnalystCaller, service: Served, once: WriteOnce, timezone: Zone = "UTC",
    correct: Correct = False,
) -> Response:  # fmt: skip
    """`meter_id, timestamp, code`; `vocabulary` says whose codes they are."""
    write = partial(_recorded, timezone=timezone, correct=correct, who=caller.who)
    return await _submit("events", request, service, once, write, timezone)


@router.post("/registers", **_described("registers"))
async def submit_registers(
    request: Request, caller: AnalystCaller, service: Served, once: WriteOnce, timezone: Zone = "UTC",
    correct: Correct = False,
) -> Response:  # fmt: skip
    """`meter_id, timestamp, register_kwh` and, if it is not 1, `multiplier`."""
    write = partial(_recorded, timezone=timezone, correct=correct, who=caller.who)
    return await _submit("registers", request, service, once, write, timezone)


@router.post("/outages", **_described("outages"))
async def submit_outages(
    request: Request, caller: AnalystCaller, service: Served, once: WriteOnce, timezone: Zone = "UTC",
    correct: Correct = False,
) -> Response:  # fmt: skip
    """`meter_id, start, end`; without an end it lasts still."""
    write = partial(_recorded, timezone=timezone, correct=correct, who=caller.who)
    return await _submit("outages", request, service, once, write, timezone)


@router.post("/topology", **_described("topology"))
async def submit_topology(
    request: Request, caller: AnalystCaller, service: Served, once: WriteOnce, correct: Correct = False,
    since: Annotated[
        date | None, Query(description="Day from which it holds; left out: since ever.", ge=date(1970, 1, 1))
    ] = None,
) -> Response:  # fmt: skip
    """`meter_id, feeder_id`."""
    write = partial(_recorded, timezone="UTC", correct=correct, who=caller.who, since=since)
    return await _submit("topology", request, service, once, write, "UTC")


@router.post("/invoices", **_described("invoices"))
async def submit_invoices(
    request: Request, caller: AnalystCaller, service: Served, once: WriteOnce, correct: Correct = False
) -> Response:
    """`meter_id, first_day, last_day` (both included), `kwh, amount, currency, basis`."""
    write = partial(_recorded, timezone="UTC", correct=correct, who=caller.who)
    return await _submit("invoices", request, service, once, write, "UTC")


@router.post("/meters", **_described("meters"))
async def submit_meters(
    request: Request, caller: AnalystCaller, service: Served, once: WriteOnce
) -> Response:
    """What is left out stays as it was; the log keeps what it was before."""
    return await _submit("meters", request, service, once, partial(_told_meters, who=caller.who), "UTC")


Written = tuple[Mapping[str, int], list[dict[str, Any]]]
Write = Callable[[sa.Connection, FactKind, pd.DataFrame], Written]


async def _submit(
    name: str, request: Request, service: Service, once: WriteOnce, write: Write, timezone: str
) -> Response:
    ReadOptions(timezone=timezone)  # is it a zone?
    async with receiving(request, service, TABLES) as upload:
        return await run_in_threadpool(
            once.run, request_hash(request, upload.sha256),
            partial(_prepared, upload, KINDS[name], service, write, timezone),
        )  # fmt: skip


def _prepared(upload: Upload, kind: FactKind, service: Service, write: Write, timezone: str) -> Work:
    table = table_in(upload, kind, timezone, service.settings)

    def work(connection: sa.Connection) -> tuple[int, Mapping[str, Any]]:
        counts, conflicts = write(connection, kind, table.frame)
        return 200, _answer(table, counts, conflicts)

    return work


def _recorded(
    connection: sa.Connection,
    kind: FactKind,
    frame: pd.DataFrame,
    *,
    timezone: str,
    correct: bool,
    who: str,
    since: date | None = None,
) -> Written:
    given = frame if since is None else frame.assign(since=pd.Timestamp(since))
    done = record_facts(connection, kind.name, given, timezone=timezone, correct=correct, who=who)
    counts = {name: getattr(done, name) for name in ("accepted", "corrected", "repeated", "conflicting")}
    return counts, [{"row": row + 1, "reason": why} for row, why in done.conflicts[:SHOWN]]


def _told_meters(connection: sa.Connection, _kind: FactKind, frame: pd.DataFrame, *, who: str) -> Written:
    told_of = [
        {str(name): value for name, value in row.items() if not (pd.isna(value) or value == "")}
        for row in frame.to_dict("records")
    ]
    changed = tell_meters(connection, told_of, who=who)
    return {"accepted": changed, "corrected": 0, "repeated": len(told_of) - changed, "conflicting": 0}, []


def _answer(table: Context, counts: Mapping[str, int], conflicts: list[dict[str, Any]]) -> Mapping[str, Any]:
    return {
        "read": table.read, **counts, "rejected": table.rejected,
        "reasons": list(told(table.rejects, SHOWN)), "conflicts": conflicts,
    }  # fmt: skip
