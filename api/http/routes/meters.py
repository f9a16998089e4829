"""``GET /v1/meters``: what is recorded of meters, and their readings as they were known at any moment."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from api.evidence.courses import readings_of
from api.evidence.timeline import timeline
from api.http.paging import Cursor, Limit, Moment, cursor_after, page_of, values_of
from api.http.problems import ProblemError, not_found
from api.http.rows import plain
from api.http.security import AnalystCaller
from api.http.service import Served
from loadprofile.profiles import LoadProfiles
from loadprofile.store.feedback import feedback
from loadprofile.store.loading import as_known, load_profiles, stored_groups
from loadprofile.store.meter_tables import CUSTOMER, METERS, TOPOLOGY
from loadprofile.store.meters import as_told, key_of, list_meters

router = APIRouter(prefix="/v1/meters", tags=["Meters"])

JSON = "application/json"
PARQUET = "application/vnd.apache.parquet"
ARROW = "application/vnd.apache.arrow.stream"
NEXT = "Next-Cursor"

Kind = Annotated[Literal["customer", "feeder"], Query(description="A customer's meter or a feeder's total.")]
MeterId = Annotated[str, Path(max_length=200, examples=["A100"])]
AsOf = Annotated[Moment | None, Query(description="What was known at this moment; left out: now.")]


class Meter(BaseModel):
    """A meter."""

    meter_id: str
    kind: str
    timezone: str | None = Field(description="Zone of its days; null until readings came.")
    tariff: str | None
    category: str | None
    latitude: float | None
    longitude: float | None
    feeder_id: str | None = Field(description="The feeder that it hangs on at present.")
    created_at: datetime


class MeterPage(BaseModel):
    """A page of meters, by id."""

    meters: list[Meter]
    next: str | None = Field(description="Cursor of the next page; null at the end.")


class Span(BaseModel):
    """Days for which there are readings of one interval length."""

    step_minutes: int
    first_day: date
    last_day: date


class MeterDetail(Meter):
    """A meter and the span of its readings."""

    readings: list[Span]


class Series(BaseModel):
    """Readings in slots of local wall-clock time; null: no reading, or an hour that the clock skipped."""

    step_minutes: int
    timezone: str
    days: list[date]
    kwh: list[list[float | None]] = Field(description="One list for each day, one value for each slot.")


class MeterReadings(BaseModel):
    """A page of readings; a meter whose interval length changed has two series."""

    meter_id: str
    as_of: datetime | None
    series: list[Series]
    next: str | None


class Happened(BaseModel):
    """Something that happened at a meter, in local time."""

    kind: Literal["event", "register", "bill", "outage", "visit"]
    from_: str = Field(alias="from")
    to: str
    words: str
    odd: bool = Field(description="A register or bill that the interval readings contradict.")


class Timeline(BaseModel):
    """What happened at a meter, the oldest first."""

    meter_id: str
    as_of: datetime | None
    entries: list[Happened]


@router.get("", summary="List meters", response_model=MeterPage)
def get_meters(
    caller: AnalystCaller,  # noqa: ARG001 - the role is what is needed
    service: Served,
    kind: Kind = "customer",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Meters by id, one page."""
    values = values_of(cursor, str)
    with service.database.reading() as connection:
        found = list_meters(connection, kind=kind, after=values[0] if values else "", limit=limit + 1)
    rows = [_meter(row) for row in found.to_dict("records")]
    page, more = page_of(rows, limit, "meter_id")
    return _json({"meters": page, "next": more})


@router.get("/{meter_id:path}/readings", summary="Get readings of a meter", response_model=MeterReadings,
            responses={200: {"content": {PARQUET: {}, ARROW: {}}},
                       404: {"description": "No such meter."}})  # fmt: skip
def get_readings(
    request: Request,
    caller: AnalystCaller,  # noqa: ARG001 - the role is what is needed
    service: Served,
    meter_id: MeterId,
    first: Annotated[date | None, Query(alias="from", description="First local day.")] = None,
    last: Annotated[date | None, Query(alias="to", description="Last local day, included.")] = None,
    as_of: AsOf = None,
    kind: Kind = "customer",
    limit: Annotated[int, Query(ge=1, le=3700, description="Days of a page, at most.")] = 366,
    cursor: Cursor = None,
) -> Response:
    """Readings of some days as they are known, or as they were known at `as_of`.

    As JSON, or by `Accept` as Parquet or Arrow in the layout of one row for each meter, which can be
    submitted again as it is. The cursor of the next page stands in the header `Next-Cursor` too.
    """
    wanted = _wanted(request.headers.get("accept", ""))
    values = values_of(cursor, str)
    begin = first if values is None else _day(values[0])
    with service.database.reading() as connection:
        _known(connection, meter_id, kind)
        groups = stored_groups(connection, [meter_id], begin, last, as_of, kind=kind)
        cubes: Sequence[LoadProfiles] = ()
        more = None
        if groups:
            low = min(group.first_day for group in groups)
            high = min(max(group.last_day for group in groups), low + limit - 1)
            cubes = load_profiles(
                connection, [meter_id], np.datetime64(low, "D"), np.datetime64(high, "D"), as_of, kind=kind
            )
            if high < max(group.last_day for group in groups):
                more = cursor_after(str(np.datetime64(high + 1, "D")))
    headers = {} if more is None else {NEXT: more}
    if wanted != JSON:
        return Response(_table(cubes, wanted), media_type=wanted, headers=headers)
    series = [
        {
            "step_minutes": cube.step_minutes, "timezone": cube.timezone,
            "days": np.datetime_as_string(cube.days).tolist(), "kwh": np.ascontiguousarray(cube.kwh[0]),
        }
        for cube in cubes
    ]  # fmt: skip
    return _json({"meter_id": meter_id, "as_of": as_of, "series": series, "next": more}, headers)


@router.get("/{meter_id:path}/timeline", summary="Read what happened at a meter", response_model=Timeline,
            responses={404: {"description": "No such meter, or no readings of it."}})  # fmt: skip
def get_timeline(
    caller: AnalystCaller,  # noqa: ARG001 - the role is what is needed
    service: Served,
    meter_id: MeterId,
    as_of: AsOf = None,
) -> Response:
    """Events, registers, bills, known outages and visits, oldest first, as they are known or were at `as_of`.

    Registers and bills are set against the interval readings of the same time. Of each kind the latest are
    listed, some hundreds.
    """
    with service.database.reading() as connection:
        _known(connection, meter_id, CUSTOMER)
        reports = [
            row | {"present": True} for row in plain(feedback(connection, meter_ids=[meter_id], as_of=as_of))
        ]
        entries = timeline(connection, readings_of(connection, meter_id, as_of), meter_id, reports, as_of)
    return _json({"meter_id": meter_id, "as_of": as_of, "entries": entries})


@router.get("/{meter_id:path}", summary="Get a meter", response_model=MeterDetail,
            responses={404: {"description": "No such meter."}})  # fmt: skip
def get_meter(
    caller: AnalystCaller,  # noqa: ARG001 - the role is what is needed
    service: Served,
    meter_id: MeterId,
    kind: Kind = "customer",
    as_of: AsOf = None,
) -> Response:
    """What is known of a meter, and for which days there are readings; now, or as it was at `as_of`."""
    with service.database.reading() as connection:
        key = _known(connection, meter_id, kind)
        row = dict(connection.execute(sa.select(METERS).where(METERS.c.meter_key == key)).mappings().one())
        if as_of is not None and kind == CUSTOMER:
            row = as_told(connection, row, as_of)
        feeder = connection.execute(
            sa.select(TOPOLOGY.c.feeder_id)
            .where(TOPOLOGY.c.meter_key == key, as_known(TOPOLOGY, as_of))
            .order_by(TOPOLOGY.c.since.desc())
        ).scalar()
        groups = stored_groups(connection, [meter_id], as_of=as_of, kind=kind)
    spans = [
        {
            "step_minutes": g.step_minutes, "first_day": str(np.datetime64(g.first_day, "D")),
            "last_day": str(np.datetime64(g.last_day, "D")),
        }
        for g in groups
    ]  # fmt: skip
    return _json({**_meter({**row, "feeder_id": feeder}), "readings": spans})


def _known(connection: sa.Connection, meter_id: str, kind: str) -> int:
    if not meter_id or not meter_id.isprintable():
        raise not_found("meter", meter_id)
    return key_of(connection, meter_id, kind)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise not_found("page", text) from None


def _meter(row: Mapping[Any, Any]) -> dict[str, Any]:
    plain = {str(name): None if value != value else value for name, value in row.items()}  # noqa: PLR0124
    return {name: plain[name] for name in Meter.model_fields}


def _json(body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        orjson.dumps(body, default=_iso, option=orjson.OPT_SERIALIZE_NUMPY),
        media_type=JSON,
        headers=dict(headers or {}),
    )


def _iso(value: Any) -> str:
    return str(value.isoformat())


def _wanted(accept: str) -> str:
    """The media type of the answer."""
    asked = [part.split(";")[0].strip().lower() for part in accept.split(",") if part.strip()]
    for kind in asked:
        if kind in {JSON, PARQUET, ARROW}:
            return kind
        if kind in {"*/*", "application/*"}:
            return JSON
    if asked:
        raise ProblemError(
            406, "not-acceptable", "Not acceptable", f"answers are {JSON}, {PARQUET} or {ARROW}"
        )
    return JSON


def _table(cubes: Sequence[LoadProfiles], kind: str) -> bytes:
    """The series layout: one row for each meter and interval length."""
    table = pa.table(
        {
            "meter_id": pa.array([str(c.meter_ids[0]) for c in cubes], pa.string()),
            "start": pa.array([c.days[0].item() for c in cubes], pa.date32()),
            "step_minutes": pa.array([c.step_minutes for c in cubes], pa.int32()),
            "timezone": pa.array([c.timezone for c in cubes], pa.string()),
            "kwh": pa.array([c.kwh[0].reshape(-1) for c in cubes], pa.list_(pa.float32())),
        }
    )
    into = io.BytesIO()
    if kind == PARQUET:
        pq.write_table(table, into, compression="zstd")
    else:
        with pa.ipc.new_stream(into, table.schema) as stream:
            stream.write_table(table)
    return into.getvalue()
