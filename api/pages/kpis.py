"""``/kpis``: what the work comes to, each figure with how sure it is."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import sqlalchemy as sa
from fastapi import Query, Request, Response

from api.evidence.case_view import rows_of
from api.http.security import AnalystCaller
from api.http.service import Served
from api.pages.rendering import page
from api.pages.visiting import page_router
from loadprofile.store.drift import input_drift
from loadprofile.store.kpis import (
    backlog,
    calibration,
    exploration,
    hit_rates,
    never_inspected,
    onset_to_case,
    recovered,
)
from loadprofile.store.meter_tables import READING_DAYS
from loadprofile.verdicts import CAUSES, Cause

router = page_router()

QUANTITY_WORDS = {
    "kwh_per_day": "mean use, kWh per day",
    "known": "share of readings that is there",
    "variation": "how unlike the days are (spread over mean)",
    "zero_days": "share of days of zeros",
    "weekend": "weekends against all days",
}
SPAN = 28
"""Days on each side of the comparison of inputs; a year apart where there are so many."""


@router.get("/kpis")
def kpis_page(
    request: Request,
    caller: AnalystCaller,
    service: Served,
    cause: Annotated[str, Query(max_length=40)] = str(Cause.FRAUD),
) -> Response:
    """Hit rates, recovery, backlog, calibration, exploration, drift."""
    asked = cause if cause in tuple(CAUSES) else str(Cause.FRAUD)
    with service.database.reading() as connection:
        rates = {by: rows_of(hit_rates(connection, by)) for by in ("cause", "queue", "month", "reason")}
        given = {
            "rates": rates,
            "recovered": _by_month(rows_of(recovered(connection))),
            "backlog": rows_of(backlog(connection)),
            "waits": rows_of(onset_to_case(connection)),
            "calibration": rows_of(calibration(connection, asked)),
            "exploration": rows_of(exploration(connection).tail(12)),
            "inspected": never_inspected(connection),
            "drift": _drift(connection),
        }
    return page(request, "kpis.html.j2", caller, title="KPIs", cause=asked, group_words=group_words,
                quantity_words=QUANTITY_WORDS, **given)  # fmt: skip


def group_words(by: str, value: str) -> str:
    """A group of visits by cause, queue, month or reason in words."""
    if by == "reason":
        return {"ranked": "by rank", "exploration": "by chance"}.get(value, "not proposed")
    return "without a case or a proposal" if value == ("none" if by == "queue" else "") else value


def _by_month(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a month: its visits and energy, and what came back in each currency."""
    months: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        months.setdefault(row["month"], []).append(row)
    return [
        {
            "month": month,
            "visits": of[0]["visits"],  # of the whole month in each row
            **{name: sum(row[name] for row in of) for name in ("kwh", "kwh_per_visit")},
            "money": [
                (row["money"], row["money_per_visit"], row["currency"]) for row in of if row["currency"]
            ],
        }
        for month, of in months.items()
    ]


def _drift(connection: sa.Connection) -> dict[str, object] | None:
    """How far the last days of the record differ from the same season before, or from the days before."""
    low, high = connection.execute(
        sa.select(sa.func.min(READING_DAYS.c.day), sa.func.max(READING_DAYS.c.day))
    ).one()
    if low is None or high - low < 2 * SPAN:
        return None
    end = np.datetime64(int(high), "D")
    year = high - 364 - SPAN + 1 >= low
    back = 364 if year else SPAN
    after = (end - SPAN + 1, end)
    before = (after[0] - back, after[1] - back)
    rows = rows_of(input_drift(connection, before, after))
    return {"rows": rows, "before": before, "after": after, "same_season": year}
