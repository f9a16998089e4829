"""``/jobs``: what the workers do, how far they are; screenings are begun here."""

from __future__ import annotations

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Path, Request, Response

from api.evidence.case_view import rows_of
from api.http.paging import BIGGEST_KEY
from api.http.routes.jobs import cancelled
from api.http.security import AnalystCaller
from api.http.service import Served
from api.pages.job_words import job_words
from api.pages.rendering import fragment, page
from api.pages.visiting import page_router
from loadprofile.store.columns import now
from loadprofile.store.jobs import jobs
from loadprofile.store.work_tables import SCREENINGS

router = page_router()

SHOWN = 50


def listed(connection: sa.Connection) -> dict[str, Any]:
    """The last jobs and the last screenings."""
    runs = connection.execute(
        sa.select(SCREENINGS).order_by(SCREENINGS.c.screening_key.desc()).limit(20)
    ).mappings()
    moment = now()
    rows = rows_of(jobs(connection, limit=SHOWN))
    return {
        "jobs": [{**row, "words": job_words(row, moment)} for row in rows],
        "screenings": [dict(row) for row in runs],
        "busy": any(row["state"] in {"queued", "running"} for row in rows),
    }


@router.get("/jobs")
def jobs_page(request: Request, caller: AnalystCaller, service: Served) -> Response:
    """All of it."""
    with service.database.reading() as connection:
        found = listed(connection)
    return page(request, "jobs.html.j2", caller, title="Jobs", **found)


@router.get("/jobs/list")
def jobs_list(caller: AnalystCaller, service: Served) -> Response:
    """The part that changes."""
    with service.database.reading() as connection:
        found = listed(connection)
    return fragment("jobs_list.html.j2", caller, **found)


@router.post("/jobs/{job_key}/cancel")
def cancel(
    caller: AnalystCaller, service: Served, job_key: Annotated[int, Path(ge=1, le=BIGGEST_KEY)]
) -> Response:
    """Ask it to stop."""
    service.writer.run(lambda connection: cancelled(connection, job_key, who=caller.who))
    return jobs_list(caller, service)
