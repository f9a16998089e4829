"""``/v1/cases``: what somebody works on, one open per meter and cause or per incident.

A field team sees the cases assigned to it, and others as if they did not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from api.http.callers import Caller
from api.http.columns import Printable
from api.http.idempotency import RequestHash, WriteOnce
from api.http.paging import BIGGEST_KEY, Cursor, Limit, cursor_after, key_in, page_of, values_of
from api.http.problems import not_found
from api.http.routes.worklist import CauseName, QueueName, Text
from api.http.rows import json_response, named, plain
from api.http.security import AnalystCaller, AnyCaller
from api.http.service import Served
from api.jobs.screening import open_first
from loadprofile.store import case_work, cases
from loadprofile.store.cases import CaseFilters
from loadprofile.store.columns import now
from loadprofile.store.findings import screening

router = APIRouter(prefix="/v1/cases", tags=["Cases"])

State = Literal["new", "assigned", "in_field", "waiting_for_data", "closed"]

CaseKey = Annotated[int, Path(ge=1, le=BIGGEST_KEY, examples=[1])]
Words = Annotated[str, Field(min_length=1, max_length=10_000)]
Name = Annotated[Printable, Field(min_length=1, max_length=200)]


class Case(BaseModel):
    """A case."""

    case_key: int
    version: int = Field(description="Also the `ETag`.")
    meter_ids: list[str]
    cause: str
    queue: str
    incident_id: str | None
    feeder_id: str | None
    state: State
    assignee: str | None
    priority: float = Field(description="Expected recovery when it was opened, kWh.")
    onset: str | None
    screening_key: int | None
    as_of: datetime = Field(description="What was known when it was opened.")
    opened_at: datetime
    opened_by: str
    changed_at: datetime
    closed_at: datetime | None
    resolution: str | None
    snoozed_until: datetime | None
    snooze_reason: str | None
    suppressed_at: datetime | None
    suppress_reason: str | None


class CaseRow(BaseModel):
    """A case in a list."""

    model_config = ConfigDict(extra="allow")

    case_key: int
    version: int
    cause: str
    state: State
    assignee: str | None
    priority: float


class CasePage(BaseModel):
    """A page of cases, the most urgent first."""

    cases: list[CaseRow]
    next: str | None


class Happened(BaseModel):
    """Something that was done with a case."""

    audit_key: int
    at: datetime
    who: str
    what: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    comment: str | None


class History(BaseModel):
    """A page of what was done, the oldest first."""

    entries: list[Happened]
    next: str | None


class Body(BaseModel):
    """What a body may not have: fields that nobody reads, and numbers as text."""

    model_config = ConfigDict(extra="forbid", strict=True)


class NewCase(Body):
    """A meter whose finding becomes a case; of an incident, all its meters."""

    model_config = ConfigDict(json_schema_extra={"example": {"meter_id": "M000"}})

    meter_id: Name
    screening: Annotated[int | None, Field(ge=1, le=BIGGEST_KEY)] = None


class FirstRows(Body):
    """How many of the first rows of a list become cases."""

    model_config = ConfigDict(json_schema_extra={"example": {"rows": 3}})

    rows: Annotated[int, Field(ge=1, le=1000)]
    screening: Annotated[int | None, Field(ge=1, le=BIGGEST_KEY)] = None


class Opened(BaseModel):
    """What became of the first rows."""

    opened: int = Field(description="New cases; the other rows had one, are normal, or share an incident.")


class NextWanted(Body):
    """What kind of case the caller takes next."""

    model_config = ConfigDict(json_schema_extra={"example": {"causes": ["fraud", "maintenance"]}})

    causes: Annotated[list[CauseName] | None, Field(max_length=7)] = None
    queues: Annotated[list[QueueName] | None, Field(max_length=7)] = None
    feeder: Annotated[Printable | None, Field(max_length=200)] = None


class Comment(Body):
    """A comment."""

    model_config = ConfigDict(json_schema_extra={"example": {"comment": "the neighbour has the key"}})

    comment: Words


CHANGED: dict[int | str, dict[str, Any]] = {
    404: {"description": "No such case, or it is not the caller's."},
    412: {"description": "Somebody else changed it."},
    428: {"description": "`If-Match` is missing."},
}


def seen(connection: sa.Connection, case_key: int, caller: Caller) -> dict[str, Any]:
    """A case that the caller may see.

    Raises:
        ProblemError: 404 for one assigned to somebody else, to a field team.
        NotFoundError: there is none.
    """
    row = cases.case(connection, case_key)
    if not caller.sees_all and row["assignee"] != caller.name:
        raise not_found("case", case_key)
    return row


def shown(row: Mapping[str, Any], status: int = 200) -> Response:
    """A case with its version as ETag."""
    return json_response(named(row), status, {"ETag": f'"{row["version"]}"'})


@router.get("", response_model=CasePage, summary="List cases")
def get_cases(
    caller: AnyCaller,
    service: Served,
    state: Annotated[list[State] | None, Query(max_length=5)] = None,
    cause: Annotated[list[CauseName] | None, Query(max_length=7)] = None,
    queue: Annotated[list[QueueName] | None, Query(max_length=7)] = None,
    assignee: Text = None,
    feeder: Text = None,
    meter_id: Text = None,
    min_age_days: Annotated[
        int | None, Query(ge=0, le=40_000, description="Opened so many days ago, or longer.")
    ] = None,
    snoozed: Annotated[bool, Query(description="Also those left out until later.")] = False,
    suppressed: Annotated[bool, Query(description="Also those hidden for good.")] = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """The most urgent first. A field team gets those assigned to it."""
    values = values_of(cursor, float, int)
    filters = CaseFilters(
        states=None if state is None else tuple(state), causes=None if cause is None else tuple(cause),
        queues=None if queue is None else tuple(queue),
        assignee=assignee if caller.sees_all else caller.name, feeder_id=feeder, meter_id=meter_id,
        opened_by_then=None if min_age_days is None else now() - timedelta(days=min_age_days),
        asleep=snoozed, suppressed=suppressed,
    )  # fmt: skip
    after = None if values is None else (values[0], values[1])
    with service.database.reading() as connection:
        # one more than asked for tells whether there is another page
        found = cases.list_cases(connection, filters, limit=limit + 1, after=after)
    rows = plain(found)
    more = None
    if len(rows) > limit:
        last = rows[limit - 1]
        more = cursor_after(float(last["priority"]), last["case_key"])
    return json_response({"cases": rows[:limit], "next": more})


@router.post("", response_model=Case, status_code=201, summary="Open a case",
             responses={200: {"description": "There was an open one.", "model": Case},
                        404: {"description": "Nothing was found about this meter."}})  # fmt: skip
def post_case(caller: AnalystCaller, once: WriteOnce, whole: RequestHash, new: NewCase) -> Response:
    """From what a screening found about a meter; the meters of an incident are one case."""

    def work(connection: sa.Connection) -> tuple[int, Mapping[str, Any]]:
        key, fresh = cases.open_for_finding(
            connection, new.meter_id, who=caller.who, screening_key=new.screening
        )
        return 201 if fresh else 200, named(cases.case(connection, key))

    return once.run(whole, lambda: work)


@router.post("/first", response_model=Opened, summary="Open cases for the first rows of a list")
def post_first(caller: AnalystCaller, once: WriteOnce, whole: RequestHash, wanted: FirstRows) -> Response:
    """For so many rows that are not normal, most urgent first."""

    def work(connection: sa.Connection) -> tuple[int, Mapping[str, Any]]:
        key = screening(connection, wanted.screening)["screening_key"]
        return 200, {"opened": open_first(connection, key, wanted.rows, who=caller.who)}

    return once.run(whole, lambda: work)


@router.post("/next", response_model=Case, summary="Take the next case",
             responses={204: {"description": "There is none."}})  # fmt: skip
def post_next(caller: AnalystCaller, once: WriteOnce, whole: RequestHash, wanted: NextWanted) -> Response:
    """The most urgent new case that nobody has is now the caller's; two callers never get the same."""
    filters = CaseFilters(
        causes=None if wanted.causes is None else tuple(wanted.causes),
        queues=None if wanted.queues is None else tuple(wanted.queues), feeder_id=wanted.feeder,
    )  # fmt: skip

    def work(connection: sa.Connection) -> tuple[int, Mapping[str, Any]]:
        taken = case_work.take_next(connection, caller.name, filters)
        return (200, named(taken)) if taken is not None else (204, {})

    answer = once.run(whole, lambda: work)
    return Response(status_code=204) if answer.status_code == 204 else answer


@router.get("/{case_key}", response_model=Case, summary="Get a case", responses={404: CHANGED[404]})
def get_case(caller: AnyCaller, service: Served, case_key: CaseKey) -> Response:
    """With its version as `ETag`."""
    with service.database.reading() as connection:
        return shown(seen(connection, case_key, caller))


@router.get("/{case_key}/history", response_model=History, summary="Read what was done with a case",
            responses={404: CHANGED[404]})  # fmt: skip
def get_history(
    caller: AnyCaller, service: Served, case_key: CaseKey, limit: Limit = 100, cursor: Cursor = None
) -> Response:
    """Who did what and when, how it was before and after, and every comment."""
    after = key_in(cursor)
    with service.database.reading() as connection:
        seen(connection, case_key, caller)
        found = cases.history(connection, case_key, after_key=after or 0, limit=limit + 1)
    page, more = page_of(plain(found), limit, "audit_key")
    return json_response({"entries": page, "next": more})


@router.post("/{case_key}/comments", response_model=Case, status_code=201, summary="Comment on a case",
             responses={404: CHANGED[404]})  # fmt: skip
def comment(
    caller: AnyCaller, once: WriteOnce, whole: RequestHash, case_key: CaseKey, said: Comment
) -> Response:
    """It stands in the history; nothing is overwritten, so no version is asked for."""

    def work(connection: sa.Connection) -> tuple[int, Mapping[str, Any]]:
        seen(connection, case_key, caller)
        case_work.comment_on(connection, case_key, said.comment, who=caller.who)
        return 201, named(cases.case(connection, case_key))

    return once.run(whole, lambda: work)
