"""``/v1/kpis``: what the work comes to."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

import pandas as pd
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.http.paging import Cursor, Limit, Moment, key_in, page_of
from api.http.problems import refused
from api.http.security import AnalystCaller
from api.http.service import Served
from loadprofile.store import kpis
from loadprofile.store.columns import now
from loadprofile.store.drift import input_drift

router = APIRouter(prefix="/v1/kpis", tags=["KPIs"])

AsOf = Annotated[
    Moment | None, Query(description="As it was known at this moment.", examples=["2024-06-01T00:00:00Z"])
]
Low = Annotated[float | None, Field(description="Lower end of the 95 % interval (Wilson).")]
High = Annotated[float | None, Field(description="Its upper end.")]
Cause = Literal["normal", "data_mismatch", "maintenance", "cyber_attack", "super_consumption", "fraud"]


def _example(**row: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": row})


class HitRate(BaseModel):
    """Hits among the visits that told something."""

    model_config = _example(
        group="fraud", visits=25, judged=22, hits=14, right_to_raise=3, found=15, share=0.636, low=0.43,
        high=0.803,
    )  # fmt: skip
    group: str = Field(description="Cause or queue that visits were made for, month, or reason of proposal.")
    visits: int
    judged: int = Field(description="Those that told something: not `no_access`, not `inconclusive`.")
    hits: int = Field(description="Those that confirmed the cause that they were made for.")
    right_to_raise: int
    found: int = Field(description="Those that confirmed fraud or another cause, whichever was expected.")
    share: float | None = Field(description="Hits of judged visits; null without any.")
    low: Low
    high: High


class HitRates(BaseModel):
    """Hit rates by one property."""

    by: str
    rates: list[HitRate]


class Recovered(BaseModel):
    """What the visits of a month brought back."""

    model_config = _example(
        month="2024-05", currency="EUR", visits=25, kwh=18240.0, money=4560.0, kwh_per_visit=729.6,
        money_per_visit=182.4,
    )  # fmt: skip
    month: str
    currency: str = Field(description="A row for each that money came in; empty in a month without money.")
    visits: int = Field(description="All of the month, also those that brought nothing back.")
    kwh: float
    money: float
    kwh_per_visit: float = Field(description="Over all visits of the month, whatever the currency.")
    money_per_visit: float = Field(description="Over all visits of the month, with money or without.")


class Recovery(BaseModel):
    """What visits brought back."""

    months: list[Recovered]


class Waiting(BaseModel):
    """Open cases of one queue and state, and how long they wait."""

    model_config = _example(
        queue="field inspection", state="new", cases=40, snoozed=3, suppressed=1, median_days=6.5,
        oldest_days=41.0,
    )  # fmt: skip
    queue: str
    state: str
    cases: int
    snoozed: int
    suppressed: int
    median_days: float
    oldest_days: float


class Backlog(BaseModel):
    """Open cases."""

    at: datetime
    cases: list[Waiting]


class Delay(BaseModel):
    """Days from the onset that was found to the opening of the case."""

    model_config = _example(cause="fraud", cases=31, q25=12.0, median=24.5, q75=51.0)
    cause: str
    cases: int
    q25: float
    median: float
    q75: float


class OnsetToCase(BaseModel):
    """How long it takes from the onset to a case."""

    causes: list[Delay]


class Bin(BaseModel):
    """Visits to meters of which about the same probability was stated."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={
            "example": {"from": 0.7, "to": 0.8, "visits": 12, "stated": 0.74, "confirmed": 9, "share": 0.75,
                        "low": 0.468, "high": 0.911}
        },
    )  # fmt: skip
    begin: float = Field(alias="from")
    to: float
    visits: int
    stated: float = Field(description="Mean of the probabilities that were stated.")
    confirmed: int
    share: float | None
    low: Low
    high: High


class Calibration(BaseModel):
    """Stated probabilities of a cause against what visits found."""

    cause: str
    bins: list[Bin]


class Explored(BaseModel):
    """Visits proposed out of one screening, and how many of them chance drew."""

    model_config = _example(
        screening_key=7, as_of="2024-05-01T06:00:00Z", visits=25, exploration=1, share=0.04, wanted=0.05
    )
    screening_key: int
    as_of: datetime
    visits: int
    exploration: int
    share: float
    wanted: float = Field(description="The share that was asked for.")


class Exploration(BaseModel):
    """A page of screenings, the oldest first."""

    screenings: list[Explored]
    next: str | None


class Inspected(BaseModel):
    """How many meters nobody ever looked at."""

    model_config = _example(meters=10000, inspected=420, share=0.958)
    meters: int
    inspected: int = Field(description="A visit got in.")
    share: float | None = Field(description="Share of all meters that was never inspected.")


class Drifted(BaseModel):
    """How much a quantity moved between two spans of days."""

    model_config = _example(
        quantity="kwh_per_day", psi=0.07, noise=0.004, meters_before=9800, meters_after=9950
    )
    quantity: str
    psi: float | None = Field(
        description="Population stability index: below 0.1 little changed, above 0.25 much."
    )
    noise: float | None = Field(
        description="What chance alone exceeds in one of twenty comparisons of meters that did not change."
    )
    meters_before: int
    meters_after: int


class Drift(BaseModel):
    """Whether what comes in looks like what came in before."""

    quantities: list[Drifted]


@router.get("/hit-rates", summary="Hit rates by cause, queue, month or reason")
def get_hit_rates(
    caller: AnalystCaller,  # noqa: ARG001 - the role is what is needed
    service: Served,
    by: Annotated[
        Literal["cause", "queue", "month", "reason"], Query(description="What to group by.")
    ] = "cause",
    as_of: AsOf = None,
) -> HitRates:
    """A hit confirmed the cause that the visit was made for. With 95 % intervals."""
    with service.database.reading() as connection:
        frame = kpis.hit_rates(connection, by, as_of)
    return HitRates(by=by, rates=[HitRate(**row) for row in _rows(frame.rename(columns={by: "group"}))])


@router.get("/recovery", summary="kWh and money recovered per visit")
def get_recovery(caller: AnalystCaller, service: Served, as_of: AsOf = None) -> Recovery:  # noqa: ARG001
    """By month of the visit and by currency; each visit that was made counts, whatever it found."""
    with service.database.reading() as connection:
        frame = kpis.recovered(connection, as_of)
    return Recovery(months=[Recovered(**row) for row in _rows(frame)])


@router.get("/backlog", summary="Open cases and how long they wait")
def get_backlog(
    caller: AnalystCaller,  # noqa: ARG001
    service: Served,
    at: Annotated[Moment | None, Query(description="Ages at this moment; now if left out.")] = None,
) -> Backlog:
    """By queue and state; snoozed and suppressed ones are counted among them."""
    moment = now(at)
    with service.database.reading() as connection:
        frame = kpis.backlog(connection, moment)
    return Backlog(at=moment, cases=[Waiting(**row) for row in _rows(frame)])


@router.get("/onset-to-case", summary="Days from onset to case")
def get_onset_to_case(caller: AnalystCaller, service: Served) -> OnsetToCase:  # noqa: ARG001
    """Quartiles by cause; cases without an onset do not count."""
    with service.database.reading() as connection:
        frame = kpis.onset_to_case(connection)
    return OnsetToCase(causes=[Delay(**row) for row in _rows(frame)])


@router.get("/calibration", summary="Stated probabilities against verdicts")
def get_calibration(
    caller: AnalystCaller,  # noqa: ARG001
    service: Served,
    cause: Annotated[Cause, Query(description="Whose probability.")] = "fraud",
    bins: Annotated[int, Query(ge=1, le=100, description="Bins of equal width over 0..1.")] = 10,
    as_of: AsOf = None,
) -> Calibration:
    """Bins without visits are left out. Most visits were made because a probability was high."""
    with service.database.reading() as connection:
        frame = kpis.calibration(connection, cause, bins, as_of)
    return Calibration(cause=cause, bins=[Bin(**row) for row in _rows(frame)])


@router.get("/exploration", summary="Share of visits that chance drew")
def get_exploration(
    caller: AnalystCaller,  # noqa: ARG001
    service: Served,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Exploration:
    """By screening, beside the share that was asked for."""
    after = key_in(cursor)
    with service.database.reading() as connection:
        frame = kpis.exploration(connection, after=after, limit=limit + 1)
    page, more = page_of(_rows(frame), limit, "screening_key")
    return Exploration(screenings=[Explored(**row) for row in page], next=more)


@router.get("/inspected", summary="Share of meters that nobody ever inspected")
def get_inspected(caller: AnalystCaller, service: Served, as_of: AsOf = None) -> Inspected:  # noqa: ARG001
    """Of all meters of customers in the record."""
    with service.database.reading() as connection:
        (row,) = _rows(pd.DataFrame([kpis.never_inspected(connection, as_of)]))
    return Inspected(**row)


@router.get("/drift", summary="Drift of the readings between two spans of days")
def get_drift(
    caller: AnalystCaller,  # noqa: ARG001
    service: Served,
    before_from: Annotated[date, Query(examples=["2023-01-01"])],
    before_to: Annotated[date, Query(examples=["2023-01-31"])],
    after_from: Annotated[date, Query(examples=["2024-01-01"])],
    after_to: Annotated[date, Query(examples=["2024-01-31"])],
    as_of: AsOf = None,
) -> Drift:
    """Of the meters' mean use, completeness, variation from day to day, days of zeros, and weekends.

    Compare spans of the same season. Each span has at most 400 days.
    """
    for name, low, high in (("before", before_from, before_to), ("after", after_from, after_to)):
        if not 0 <= (high - low).days < 400:
            raise refused(f"{name}_from to {name}_to: 1 to 400 days are needed, in order of time")
    with service.database.reading() as connection:
        frame = input_drift(connection, (before_from, before_to), (after_from, after_to), as_of)
    return Drift(quantities=[Drifted(**row) for row in _rows(frame)])


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a frame; None for what is missing or cannot be told."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]
