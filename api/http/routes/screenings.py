"""``/v1/screenings`` and ``POST /v1/meters/{id}/screen``: all meters as a job, or one meter at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

import numpy as np
import sqlalchemy as sa
from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from api.http.columns import Printable
from api.http.idempotency import RequestHash, WriteOnce
from api.http.paging import BIGGEST_KEY, Cursor, Limit, Moment, newest_first, page_of
from api.http.problems import not_found, refused
from api.http.rows import finding_row, json_response
from api.http.security import AnalystCaller
from api.http.service import Served
from api.jobs.chosen_model import choose
from api.jobs.screening import ask
from loadprofile.store.findings import screening
from loadprofile.store.work_tables import SCREENINGS

router = APIRouter(prefix="/v1", tags=["Screen"])

MeterName = Annotated[Printable, Field(min_length=1, max_length=200)]
Share = Annotated[float, Field(gt=0.0, lt=1.0, allow_inf_nan=False)]
Key = Annotated[int, Field(ge=1, le=BIGGEST_KEY)]
ScreeningKey = Annotated[int, Path(ge=1, le=BIGGEST_KEY, examples=[1])]
MOST_LISTED = 100_000


class NewScreening(BaseModel):
    """What is to be screened, with what; everything may be left out."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"example": {"open_cases": 5}})

    meters: Annotated[
        list[MeterName] | None,
        Field(min_length=1, max_length=MOST_LISTED,
              description="Only these, as a population of their own; left out: all."),
    ] = None  # fmt: skip
    model: Annotated[Key | None, Field(description="Of the register; left out: the champion.")] = None
    prevalence: Annotated[Share | None, Field(description="Share of meters believed to be fraud.")] = None
    first: Annotated[date | None, Field(strict=False, alias="from", description="First local day.")] = None
    last: Annotated[date | None, Field(strict=False, alias="to", description="Last local day.")] = None
    as_of: Annotated[Moment | None, Field(strict=False, description="What was known at this moment.")] = None
    open_cases: Annotated[
        int, Field(ge=0, le=1000, description="Open cases for so many of the first rows, when it is done.")
    ] = 0


class Started(BaseModel):
    """A screening that was asked for, and the job that does it."""

    screening: int
    job: int


class Screening(BaseModel):
    """A screening."""

    screening_key: int
    state: Literal["running", "done", "failed", "cancelled"]
    started_at: datetime
    finished_at: datetime | None
    who: str
    model_key: int | None
    model_name: str
    settings: dict[str, Any] = Field(description="With the SHA-256 of the model's file.")
    as_of: datetime = Field(description="What was known at this moment is what was screened.")
    first_day: date | None
    last_day: date | None
    meters: int
    error: str | None


class ScreeningPage(BaseModel):
    """A page of screenings, the newest first."""

    screenings: list[Screening]
    next: str | None


class OneMeterJudged(BaseModel):
    """What was found about one meter; nothing of it is recorded."""

    meter_id: str
    finding: dict[str, Any] = Field(description="A row of the worklist, without a rank.")
    screening: int = Field(description="The screening whose facts of the population it was held against.")
    population_as_of: datetime
    from_: date = Field(alias="from", description="First day that was judged.")
    to: date = Field(description="Last one; later readings count with the next screening.")
    as_screened: bool = Field(
        description="Whether its coincidences with others are those of that screening (its change is the "
        "same); if not they were asked anew, without whose load it might share."
    )


@router.post("/screenings", status_code=202, response_model=Started, summary="Screen all meters, or some")
def post_screening(
    caller: AnalystCaller, service: Served, once: WriteOnce, whole: RequestHash, new: NewScreening
) -> Response:
    """A job does it: watch `/v1/jobs/{job}`, then read `/v1/worklist`.

    It sees what is known now (or was at `as_of`), and uses the champion among the models, or the one named.
    """
    if new.first is not None and new.last is not None and new.first > new.last:
        raise refused("from is after to")

    def work(connection: sa.Connection) -> tuple[int, Mapping[str, Any]]:
        key, job = ask(
            connection, service.settings, who=caller.who, meter_ids=new.meters, model_key=new.model,
            prevalence=new.prevalence, as_of=new.as_of, open_cases=new.open_cases,
            first=None if new.first is None else np.datetime64(new.first, "D"),
            last=None if new.last is None else np.datetime64(new.last, "D"),
        )  # fmt: skip
        return 202, {"screening": key, "job": job}

    return once.run(whole, lambda: work, lambda body: service.queue.put(body["job"]))


@router.get("/screenings", response_model=ScreeningPage, summary="List screenings")
def get_screenings(
    caller: AnalystCaller,  # noqa: ARG001 - the role is what is needed
    service: Served,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """All that were asked for, the newest first."""
    asked = newest_first(sa.select(SCREENINGS), SCREENINGS.c.screening_key, limit, cursor)
    with service.database.reading() as connection:
        rows = [_shown(row) for row in connection.execute(asked).mappings()]
    page, more = page_of(rows, limit, "screening_key")
    return json_response({"screenings": page, "next": more})


@router.get("/screenings/{screening_key}", response_model=Screening, summary="Get a screening",
            responses={404: {"description": "No such screening."}})  # fmt: skip
def get_screening(
    caller: AnalystCaller,  # noqa: ARG001 - the role is what is needed
    service: Served,
    screening_key: ScreeningKey,
) -> Response:
    """Who asked for it, with which model, on what was known when, and how it ended."""
    with service.database.reading() as connection:
        return json_response(_shown(screening(connection, screening_key)))


def _shown(row: Mapping[Any, Any]) -> dict[str, Any]:
    out = {str(name): value for name, value in row.items()}
    for name in ("first_day", "last_day"):
        out[name] = None if out[name] is None else str(np.datetime64(out[name], "D"))
    return out


@router.post("/meters/{meter_id:path}/screen", response_model=OneMeterJudged, summary="Screen one meter",
             responses={404: {"description": "No such meter, or nothing was screened yet."}})  # fmt: skip
def post_meter_screening(
    caller: AnalystCaller,  # noqa: ARG001 - the role is what is needed
    service: Served,
    meter_id: Annotated[str, Path(max_length=200, examples=["A100"])],
    model: Annotated[
        int | None, Query(ge=1, le=BIGGEST_KEY, description="Of the register; left out: the screening's.")
    ] = None,
) -> Response:
    """At once, on what is stored of it now, against what the last screening measured of its population.

    Nothing is recorded. A meter that was not part of that screening is judged too, if there are meters of its
    interval length and zone.
    """
    if not meter_id or not meter_id.isprintable():
        raise not_found("meter", meter_id)
    chosen = None
    if model is not None:
        with service.database.reading() as connection:
            chosen = choose(connection, service.settings, model)
    judged = service.one_meter.judge(meter_id, chosen)
    return json_response(
        {
            "meter_id": meter_id, "finding": finding_row(judged.row), "screening": judged.screening_key,
            "population_as_of": judged.known_as_of, "from": str(judged.first), "to": str(judged.last),
            "as_screened": judged.as_screened,
        }
    )  # fmt: skip
