"""``/submit``: a file in, what became of each row out. The file goes to the API; this is only its form."""

from __future__ import annotations

from fastapi import Request, Response

from api.http.security import AnalystCaller
from api.http.service import Served
from api.pages.rendering import page
from api.pages.visiting import page_router

router = page_router()

KINDS = (
    ("readings", "Readings of meters", "meter_id, timestamp, kwh; or one column for each meter; Parquet too"),
    ("feeders", "Readings of feeders", "totals at transformers, under the feeder's id; as readings"),
    ("topology", "Topology", "meter_id, feeder_id"),
    ("events", "Events of meters", "meter_id, timestamp, code, perhaps vocabulary"),
    ("registers", "Register readings", "meter_id, timestamp, register_kwh, perhaps multiplier"),
    ("outages", "Known outages", "meter_id, start, end"),
    ("invoices", "Bills", "meter_id, first_day, last_day, kwh, perhaps amount, currency, basis"),
    ("meters", "Facts about meters", "meter_id and any of tariff, category, latitude, longitude"),
)
"""What may be submitted: where it goes, its name, its columns."""


@router.get("/submit")
async def submit_page(request: Request, caller: AnalystCaller, service: Served) -> Response:
    """Drag a file."""
    return page(
        request, "submit.html.j2", caller, title="Submit", kinds=KINDS, most=service.settings.max_body
    )
