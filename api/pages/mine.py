"""``/mine``: the cases of whoever looks, made for a telephone; and the next one."""

from __future__ import annotations

from typing import Annotated

import sqlalchemy as sa
from fastapi import Query, Request, Response

from api.http.columns import Printable
from api.http.security import AnalystCaller, AnyCaller
from api.http.service import Served
from api.pages.rendering import page
from api.pages.visiting import page_router
from loadprofile.store.case_work import take_next
from loadprofile.store.cases import CaseFilters, list_cases
from loadprofile.store.meter_tables import METERS
from loadprofile.store.work_tables import CASE_METERS, CASE_STATES

router = page_router()

MOST = 200
OPEN = tuple(state for state in CASE_STATES if state != "closed")


@router.get("/mine")
def my_cases(
    request: Request,
    caller: AnyCaller,
    service: Served,
    closed: Annotated[bool, Query()] = False,
    nothing: Annotated[bool, Query()] = False,
) -> Response:
    """Open cases of one's own, most to recover first."""
    states = ("closed",) if closed else OPEN
    with service.database.reading() as connection:
        frame = list_cases(
            connection, CaseFilters(states=states, assignee=caller.name, asleep=True, suppressed=True),
            limit=MOST,
        )  # fmt: skip
        keys = [int(key) for key in frame["case_key"]]
        meters = connection.execute(
            sa.select(CASE_METERS.c.case_key, sa.func.min(METERS.c.meter_id), sa.func.count())
            .join(METERS, METERS.c.meter_key == CASE_METERS.c.meter_key)
            .where(CASE_METERS.c.case_key.in_(keys))
            .group_by(CASE_METERS.c.case_key)
        ).all()
    of = {row[0]: (row[1], row[2]) for row in meters}
    rows = [
        {**row, "meter_id": of[row["case_key"]][0], "meters": of[row["case_key"]][1]}
        for row in frame.astype(object).where(frame.notna(), None).to_dict("records")
    ]
    return page(request, "mine.html.j2", caller, title="My cases", rows=rows, closed=closed, nothing=nothing)


@router.post("/mine/next")
def next_case(
    caller: AnalystCaller, service: Served, queue: Annotated[Printable, Query(max_length=60)] = ""
) -> Response:
    """Take the most urgent case that nobody has; two who ask never get the same."""
    filters = CaseFilters(queues=(queue,) if queue else None)
    row = service.writer.run(lambda connection: take_next(connection, caller.name, filters))
    target = "/mine?nothing=1" if row is None else f"/cases/{row['case_key']}"
    return Response(status_code=204, headers={"HX-Redirect": target})
