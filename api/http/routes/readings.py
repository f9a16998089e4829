"""``POST /v1/readings``: interval readings in, what became of each row out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.http.bodies import CSV, JSON, MEDIA, Upload, receiving
from api.http.columns import ReadingsBody
from api.http.idempotency import Work, WriteOnce, request_hash
from api.http.intake import READINGS, cubes_in, recordable, told
from api.http.openapi import body_of
from api.http.security import AnalystCaller
from api.http.service import Served, Service
from loadprofile.cube import Intake
from loadprofile.errors import OptionError
from loadprofile.ingest.options import ReadOptions
from loadprofile.store.readings import PARTS, Conflict, record_readings

router = APIRouter(prefix="/v1", tags=["Submit"])

SHOWN = 100
"""Rejects and conflicts listed in an answer; the rest is counted."""


class RejectedRow(BaseModel):
    """A row that did not become a reading."""

    line: int = Field(description="1-based line, row, or entry of `readings`.")
    reason: str
    text: str


class ConflictingReading(BaseModel):
    """A reading that contradicts what is recorded."""

    meter_id: str
    at: str = Field(description="Local start of the interval.")
    known: float | None = Field(description="kWh on record; null: the day is on record in other intervals.")
    given: float


class Submitted(BaseModel):
    """What became of every reading: `read` is the sum of the counts after it."""

    read: int
    accepted: int = Field(description="New in the record.")
    corrected: int = Field(description="Replaced another value (only with `correct`).")
    folded: int = Field(description="Second pass of a repeated hour, averaged with the first.")
    duplicate: int = Field(description="Twice in this submission.")
    repeated: int = Field(description="In the record already, with the same value.")
    conflicting: int = Field(description="Another value is known; turned away.")
    missing: int = Field(description="There, but blank.")
    rejected: int = Field(description="Not readable as a reading.")
    meters: int
    reasons: list[RejectedRow] = Field(description="The first rows that were rejected or conflict.")
    conflicts: list[ConflictingReading] = Field(description="The first conflicts with the record.")
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read a submission; the options of the command line."""

    options: ReadOptions
    correct: bool
    kind: str


def _reading(
    timezone: Annotated[
        str, Query(max_length=64, description="Zone of times without offset, and of the meters' days.")
    ] = "UTC",
    unit: Annotated[Literal["kWh", "kW", "Wh"], Query(description="Energy or mean power.")] = "kWh",
    correct: Annotated[
        bool, Query(description="Other values replace known ones; the old version is kept.")
    ] = False,
    kind: Annotated[
        Literal["customer", "feeder"], Query(description="Meters of customers, or totals of feeders.")
    ] = "customer",
    layout: Annotated[
        Literal["auto", "long", "wide", "series"], Query(alias="format", description="Layout of a table.")
    ] = "auto",
    decimal: Annotated[Literal[".", ","] | None, Query(description="Decimal sign of a CSV.")] = None,
    dayfirst: Annotated[bool | None, Query(description="How to read 03/04/2013.")] = None,
    start: Annotated[
        str | None, Query(max_length=20, description="First time of a wide table without.")
    ] = None,
    step: Annotated[Literal["15", "30", "60"] | None, Query(description="Interval in minutes.")] = None,
    columns: Annotated[
        list[str], Query(alias="map", max_length=3, description="NAME=COLUMN, such as meter_id=MPAN.")
    ] = [],  # noqa: B006 - FastAPI copies defaults
) -> Reading:
    mapped = {}
    for pair in columns:
        name, sign, column = pair.partition("=")
        if not sign or not name or not column:
            raise OptionError("map", pair[:60], "write NAME=COLUMN, such as meter_id=MPAN")
        mapped[name.strip()] = column.strip()
    options = ReadOptions(
        format=layout, timezone=timezone, unit=unit, column_map=mapped, dayfirst=dayfirst, decimal=decimal,
        start=start, step=None if step is None else int(step),
    )  # fmt: skip
    return Reading(options, correct, kind)


EXAMPLE = {
    "readings": [
        {"meter_id": "A100", "start": "2024-01-01", "step_minutes": 30, "kwh": [0.214, 0.187, None, 0.2]},
        {"meter_id": "A101", "start": "2024-01-01T00:00+01:00", "step_minutes": 60, "kwh": [0.5, 0.4],
         "timezone": "Europe/Paris"},
    ]
}  # fmt: skip
EXAMPLE_CSV = (
    "meter_id,timestamp,kwh\nB100,2024-01-01T00:00,0.214\nB100,2024-01-01T00:30,0.187\n"
    "B100,2024-01-01T01:00,\nB100,2024-01-01T01:30,0.2\n"
)


@router.post(
    "/readings",
    response_model=Submitted,
    summary="Submit readings of one meter or of thousands",
    openapi_extra=body_of(
        ReadingsBody,
        EXAMPLE,
        {name: EXAMPLE_CSV if k == CSV else None for name, k in MEDIA.items() if k in READINGS and k != JSON},
    ),
)
async def submit_readings(
    request: Request,
    caller: AnalystCaller,
    service: Served,
    once: WriteOnce,
    reading: Annotated[Reading, Depends(_reading)],
) -> Response:
    """Record interval energies.

    JSON: one array of values for each meter. CSV and Parquet: long (`meter_id,timestamp,kwh`) or wide (one
    column for each meter). Parquet and Arrow also: one row for each meter with all its readings in one cell
    (`meter_id`, `start`, `step_minutes`, and `kwh` or `wh`). Zip or gzip of CSV or Parquet files too.

    A bad row never turns away the good ones: it is counted and listed. What is recorded already is counted as
    repeated, so that the same submission twice changes nothing; another value for a known interval is turned
    away as conflicting, unless it comes with `correct=true`.
    """
    async with receiving(request, service, READINGS) as upload:
        return await run_in_threadpool(
            once.run, request_hash(request, upload.sha256),
            partial(_prepared, upload, reading, service, caller.who), partial(_count, service),
        )  # fmt: skip


def _prepared(upload: Upload, reading: Reading, service: Service, who: str) -> Work:
    intake = recordable(cubes_in(upload, reading.options, service.settings))

    def work(connection: sa.Connection) -> tuple[int, Mapping[str, Any]]:
        total = dict.fromkeys(PARTS, 0)
        conflicts: list[Conflict] = []
        for cube in intake.profiles:
            done = record_readings(
                connection, cube, correct=reading.correct, who=who, source=f"api: {who}", kind=reading.kind
            )
            for name in PARTS:
                total[name] += getattr(done, name)
            conflicts += done.conflicts[: SHOWN - len(conflicts)]
        total["rejected"] = intake.counts.rejected  # those without a meter too
        return 200, _answer(intake, total, conflicts)

    return work


def _count(service: Service, body: Mapping[str, Any]) -> None:
    for name in PARTS:
        service.metrics.readings.labels(name).inc(body[name])


def _answer(intake: Intake, total: Mapping[str, int], conflicts: list[Conflict]) -> Mapping[str, Any]:
    return {
        "read": intake.counts.read,
        **total,
        "meters": len({name for cube in intake.profiles for name in cube.meter_ids.tolist()}),
        "reasons": list(told(intake.rejects, SHOWN)),
        "conflicts": [
            {
                "meter_id": c.meter_id, "at": str(c.day + np.timedelta64(c.minute, "m")),
                "known": None if np.isnan(c.known) else _shown(c.known), "given": _shown(c.given),
            }
            for c in conflicts
        ],
        "warnings": list(intake.warnings),
    }  # fmt: skip


def _shown(kwh: float) -> float:
    """The shortest number that is the same float32: what was sent, not what its binary form looks like."""
    return float(str(np.float32(kwh)))
