"""``/visits``: what a crew should drive to, and why each meter was chosen; proposed by the API."""

from __future__ import annotations

from typing import Annotated

import sqlalchemy as sa
from fastapi import Query, Request, Response

from api.evidence.case_view import rows_of
from api.http.paging import BIGGEST_KEY
from api.http.security import AnalystCaller
from api.http.service import Served
from api.pages.rendering import page
from api.pages.visiting import page_router
from api.pages.worklist import asked_screening
from loadprofile.store.findings import Filters, findings_page
from loadprofile.store.visits import proposed_visits

router = page_router()

MOST = 1000


@router.get("/visits")
def visits_page(
    request: Request,
    caller: AnalystCaller,
    service: Served,
    run: Annotated[int | None, Query(alias="screening", ge=1, le=BIGGEST_KEY)] = None,
) -> Response:
    """Proposals of a screening, the last one by default, with what became of them."""
    with service.database.reading() as connection:
        found = asked_screening(connection, run)
        rows = [] if found is None else _rows(connection, int(found["screening_key"]))
    return page(
        request, "visits.html.j2", caller, title="Visits", run=found, rows=rows,
        share=service.settings.exploration,
    )  # fmt: skip


def _rows(connection: sa.Connection, screening_key: int) -> list[dict[str, object]]:
    proposed = proposed_visits(connection, screening_key, limit=MOST)
    if not len(proposed):
        return []
    meters = tuple(proposed["meter_id"].astype(str))
    found = findings_page(connection, screening_key, Filters(meter_ids=meters), limit=MOST).frame
    of = {row["meter_id"]: row for row in rows_of(found)}
    rows = [
        of[row["meter_id"]] | {name: row[name] for name in ("reason", "propensity", "proposed_at", "outcome")}
        for row in rows_of(proposed)
    ]
    return sorted(rows, key=lambda row: (row["reason"] == "exploration", row["rank"]))
