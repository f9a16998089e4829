"""``GET /v1/cases/{case_key}/evidence``: the evidence pack of a case."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from api.evidence.case_view import case_view
from api.evidence.pack import as_html, as_json, as_pdf, contents, for_page, html_policy
from api.http.columns import Printable
from api.http.routes.cases import CaseKey, seen
from api.http.security import AnyCaller
from api.http.service import Served

router = APIRouter(prefix="/v1/cases", tags=["Cases"])

EXAMPLE: dict[str, Any] = {
    "made_at": "2024-03-01T08:00:00+00:00",
    "readings_as_of": "2024-03-01T08:00:00+00:00",
    "meter": {"meter_id": "A100", "feeder_id": "F12", "tariff": None, "timezone": "UTC"},
    "case": {"case_key": 7, "version": 2, "cause": "fraud", "state": "assigned", "meter_ids": ["A100"]},
    "finding": {"cause": "fraud", "p_fraud": 0.905, "onset": "2023-08-24", "lost_kwh": 3183.0},
    "summary": ["Most likely fraud: fraud 91 %, data mismatch 4 %."],
    "would_decide": "",
    "feedback": [],
    "history": [],
}


@router.get(
    "/{case_key}/evidence",
    summary="Get the evidence pack of a case",
    response_class=Response,
    responses={
        200: {
            "description": "The pack: everything as JSON, or one printable page.",
            "content": {
                "application/json": {"schema": {"type": "object"}, "example": EXAMPLE},
                "text/html": {"schema": {"type": "string"}},
                "application/pdf": {"schema": {"type": "string", "format": "binary"}},
            },
        },
        404: {"description": "No such case, or not one of the caller's."},
    },
)
def get_evidence(
    caller: AnyCaller,
    service: Served,
    case_key: CaseKey,
    kind: Annotated[Literal["json", "html", "pdf"], Query(alias="format")] = "json",
    meter_id: Annotated[
        Printable | None, Query(max_length=200, description="One of the case's meters; left out: the first.")
    ] = None,
    as_opened: Annotated[
        bool, Query(description="The data as they were known when the case was opened, not as they are now.")
    ] = False,
) -> Response:
    """What was found and why, the pictures, the work and the visits: to read, to print, to take along.

    JSON holds all of it and the numbers behind the pictures; HTML and PDF are one page that needs nothing
    else. What the screening found is what it found; the readings, events, registers and bills beside it are
    those known now (`readings_as_of`), or with `as_opened` those known when the case was opened.
    """
    with service.database.reading() as connection:
        row = seen(connection, case_key, caller)
        as_of = row["as_of"] if as_opened else None
        view = case_view(connection, case_key, meter_id)
        body = contents(connection, view, datetime.now(UTC), as_of, pictures=kind != "json")
    headers = {"Cache-Control": "no-store"}
    if kind == "json":
        return Response(as_json(body), media_type="application/json", headers=headers)
    page = for_page(view, body)
    if kind == "html":
        headers["Content-Security-Policy"] = html_policy()
        return Response(as_html(page), media_type="text/html; charset=utf-8", headers=headers)
    headers["Content-Disposition"] = f'inline; filename="case-{case_key}.pdf"'
    return Response(as_pdf(page), media_type="application/pdf", headers=headers)
