"""``/v1/visits``: which meters a crew should drive to, why each was chosen, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from api.http.columns import Printable
from api.http.idempotency import RequestHash, WriteOnce
from api.http.paging import BIGGEST_KEY, Cursor, Limit, key_in, page_of
from api.http.routes.worklist import (
    MOST_REST,
    MOST_VISITS,
    REST,
    CauseName,
    QueueName,
    Text,
    Why,
    rested,
    visited,
    why_of,
)
from api.http.rows import json_response, plain
from api.http.security import AnalystCaller
from api.http.service import Served
from loadprofile.store.cases import open_for_finding
from loadprofile.store.findings import Filters, ranked_queues, screening
from loadprofile.store.visits import propose_visits, proposed_visits, record_visits

router = APIRouter(prefix="/v1/visits", tags=["Worklist"])


class NewVisits(BaseModel):
    """A crew that is to be sent, and out of what."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"example": {"visits": 2, "rest_days": 90}}
    )

    visits: Annotated[int, Field(ge=1, le=MOST_VISITS, description="How many the crew can make.")]
    screening: Annotated[int | None, Field(ge=1, le=BIGGEST_KEY)] = None
    seed: Annotated[int | None, Field(ge=0, le=2**31, description="Left out: the screening's number.")] = None
    causes: Annotated[list[CauseName] | None, Field(max_length=7, description="Of these causes only.")] = None
    queues: Annotated[list[QueueName] | None, Field(max_length=7, description="Of these queues only.")] = None
    feeder: Annotated[
        Printable | None, Field(max_length=200, description="On this feeder only: where the crew is.")
    ] = None
    min_recovery: Annotated[
        float | None, Field(allow_inf_nan=False, description="Expected to recover so many kWh at least.")
    ] = None
    rest_days: Annotated[int | None, Field(ge=0, le=MOST_REST, description=REST)] = None
    open_cases: Annotated[bool, Field(description="Open a case for each that has none.")] = True


class ProposedVisit(BaseModel):
    """A visit that is recorded as proposed."""

    visit_key: int
    meter_id: str
    rank: int
    case_key: int | None
    why: Why


class ProposedVisits(BaseModel):
    """What a crew should drive to."""

    screening: int
    visits: list[ProposedVisit]


class KeptVisit(BaseModel):
    """A visit that was proposed, and what is known of it since."""

    visit_key: int
    screening: int
    meter_id: str
    case_key: int | None
    proposed_at: datetime
    proposed_by: str
    why: Why
    feedback_key: int | None = Field(description="The last word on it; null: nobody reported yet.")
    outcome: str | None


class VisitPage(BaseModel):
    """A page of visits, the newest first."""

    visits: list[KeptVisit]
    next: str | None


@router.post("", status_code=201, response_model=ProposedVisits, summary="Propose visits to a crew")
def post_visits(
    caller: AnalystCaller, service: Served, once: WriteOnce, whole: RequestHash, new: NewVisits
) -> Response:
    """Draws what `GET /v1/worklist?visits=` shows, opens cases, and keeps why each meter was chosen.

    A meter that was proposed from the same screening before keeps that proposal; with `rest_days` the next
    crew is sent elsewhere. Probabilities are of the draw among the meters that the filters let through.
    """
    share = service.settings.exploration
    chosen_from = Filters(
        causes=None if new.causes is None else tuple(new.causes),
        queues=None if new.queues is None else tuple(new.queues), feeder_id=new.feeder,
        least_recovery=new.min_recovery,
    )  # fmt: skip
    filters = rested(chosen_from, new.rest_days)

    def work(connection: sa.Connection) -> tuple[int, Mapping[str, Any]]:
        key = screening(connection, new.screening)["screening_key"]
        seed = key if new.seed is None else new.seed
        chosen = propose_visits(ranked_queues(connection, key, filters), new.visits, share, seed)
        if new.open_cases:
            for name in chosen["meter_id"].tolist():
                open_for_finding(connection, name, who=caller.who, screening_key=key)
        keys = record_visits(connection, key, chosen, who=caller.who, share=share, seed=seed)
        rows = visited(connection, key, chosen, share)
        kept = proposed_visits(connection, key).set_index("visit_key")[["reason", "propensity", "share"]]
        return 201, {
            "screening": key,
            "visits": [
                {"visit_key": k, **{name: row[name] for name in ("meter_id", "rank", "case_key")},
                 "why": why_of(*kept.loc[k])}
                for k, row in zip(keys, rows, strict=True)
            ],
        }  # fmt: skip

    return once.run(whole, lambda: work)


@router.get("", response_model=VisitPage, summary="Read which visits were proposed")
def get_visits(
    caller: AnalystCaller,  # noqa: ARG001 - the role is what is needed
    service: Served,
    screening_key: Annotated[int | None, Query(alias="screening", ge=1, le=BIGGEST_KEY)] = None,
    meter_id: Text = None,
    reported: Annotated[
        bool | None, Query(description="Only those that were reported on, or only those still to be.")
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Why each was chosen and with what probability, and what was found there."""
    before = key_in(cursor)
    with service.database.reading() as connection:
        found = proposed_visits(
            connection, screening_key, meter_id=meter_id, reported=reported,
            before=before, limit=limit + 1,
        )  # fmt: skip
    page, more = page_of([_kept(row) for row in plain(found)], limit, "visit_key")
    return json_response({"visits": page, "next": more})


def _kept(row: Mapping[str, Any]) -> dict[str, Any]:
    out = {name: row[name] for name in ("visit_key", "meter_id", "proposed_at", "proposed_by", "outcome")}
    for name in ("case_key", "feedback_key"):
        out[name] = None if row[name] is None else int(row[name])
    why = why_of(row["reason"], row["propensity"], row["share"])
    return out | {"screening": row["screening_key"], "why": why}
