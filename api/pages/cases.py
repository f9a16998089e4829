"""``/cases/K`` and ``/meters/M``: everything about one case, and the numbers that its charts are drawn from.

A meter is named in the query, never in the path of a chart: ids may hold anything.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
import sqlalchemy as sa
from fastapi import Depends, Path, Query, Request, Response

from api.evidence.case_view import CaseView, case_view, meter_view
from api.evidence.courses import charts_of, packed_readings, readings_of
from api.evidence.neighbours import neighbourhood
from api.evidence.timeline import timeline
from api.http.callers import Caller
from api.http.columns import Printable
from api.http.paging import BIGGEST_KEY
from api.http.problems import not_found
from api.http.routes.cases import seen
from api.http.security import AnyCaller
from api.http.service import Served
from api.pages.rendering import page
from api.pages.visiting import page_router
from loadprofile.store.attachments import attachment
from loadprofile.store.feedback import OTHER_CAUSES

router = page_router()

CaseKey = Annotated[int, Path(ge=1, le=BIGGEST_KEY)]
Meter = Annotated[Printable | None, Query(max_length=200)]
Run = Annotated[int | None, Query(alias="screening", ge=1, le=BIGGEST_KEY)]


def view_for(
    connection: sa.Connection, caller: Caller, case_key: int | None, meter: str | None, run: int | None
) -> CaseView:
    """The view of a case or of a meter, as far as the caller may see it."""
    if case_key is not None:
        seen(connection, case_key, caller)
        return case_view(connection, case_key, meter)
    if meter is None or not caller.sees_all:
        raise not_found("meter", meter or "")
    return meter_view(connection, meter, run)


@router.get("/cases/{case_key}")
def case_page(request: Request, caller: AnyCaller, service: Served, case_key: CaseKey, meter: Meter = None,
              as_opened: Annotated[bool, Query()] = False) -> Response:  # fmt: skip
    """A case, from one of its meters."""
    with service.database.reading() as connection:
        view = view_for(connection, caller, case_key, meter, None)
    return shown(request, caller, view, as_opened=as_opened)


@router.get("/meters/{meter_id:path}")
def meter_page(
    request: Request, caller: AnyCaller, service: Served,
    meter_id: Annotated[Printable, Path(max_length=200)], run: Run = None,
) -> Response:  # fmt: skip
    """A meter as a screening saw it, with or without a case."""
    with service.database.reading() as connection:
        view = view_for(connection, caller, None, meter_id, run)
    return shown(request, caller, view, as_opened=False)


def shown(request: Request, caller: Caller, view: CaseView, *, as_opened: bool) -> Response:
    """The page of a view."""
    return page(
        request, "case.html.j2", caller, title=f"Meter {view.meter_id}", view=view,
        charts=chart_query(view, as_opened=as_opened), as_opened=as_opened, other_causes=OTHER_CAUSES,
        marks=_marks(view),
    )  # fmt: skip


def chart_query(view: CaseView, *, as_opened: bool) -> str:
    """What the charts of a view are asked for with."""
    given: dict[str, Any] = {"meter": view.meter_id}
    if view.case is not None:
        given["case"] = view.case["case_key"]
    else:
        given["screening"] = view.finding["screening_key"]
    if as_opened:
        given["as_opened"] = 1
    return urlencode(given)


def _marks(view: CaseView) -> str:
    """Onset, end and windows of the evidence for the scripts, as JSON of local ISO moments."""
    marks = view.marks

    def told(name: str) -> str:
        text = str(getattr(marks, name))
        return "" if text == "NaT" else text

    spans = [[number, str(first), str(last)] for number, first, last in marks.spans]
    return orjson.dumps(
        {name: told(name) for name in ("onset", "low", "high", "end")} | {"spans": spans}
    ).decode()


class Charted:
    """What a chart is asked for: a view, and whether as it was known when the case was opened."""

    def __init__(
        self,
        caller: AnyCaller,
        meter: Annotated[Printable, Query(max_length=200)],
        case_key: Annotated[int | None, Query(alias="case", ge=1, le=BIGGEST_KEY)] = None,
        run: Run = None,
        as_opened: Annotated[bool, Query()] = False,
    ) -> None:
        self.caller, self.meter, self.case_key, self.run, self.as_opened = (
            caller, meter, case_key, run, as_opened,
        )  # fmt: skip

    def may_see(self, connection: sa.Connection) -> datetime | None:
        """Check who asks; the moment whose knowledge is wanted, None = now.

        Raises:
            ProblemError: 404.
        """
        if self.case_key is None:
            if not self.caller.sees_all:
                raise not_found("meter", self.meter)
            return None
        row = seen(connection, self.case_key, self.caller)
        if self.meter not in row["meter_ids"]:
            raise not_found(f"meter of case {self.case_key}", self.meter)
        return row["as_of"] if self.as_opened else None


Chart = Annotated[Charted, Depends()]


@router.get("/charts/readings")
def readings_chart(service: Served, chart: Chart) -> Response:
    """Every reading of the meter, packed (see ``packed_readings``)."""
    with service.database.reading() as connection:
        as_of = chart.may_see(connection)
        body = packed_readings(readings_of(connection, chart.meter, as_of))
    return Response(body, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


@router.get("/charts/courses")
def courses_chart(service: Served, chart: Chart) -> Response:
    """Histogram, hourly profile, seasons, neighbours and timeline, as JSON."""
    with service.database.reading() as connection:
        as_of = chart.may_see(connection)
        view = view_for(connection, chart.caller, chart.case_key, chart.meter, chart.run)
        profiles = readings_of(connection, chart.meter, as_of)
        others = neighbourhood(
            connection, profiles, view.meter["meter_key"], view.meter["feeder_id"], view.marks, as_of
        )
        entries = timeline(connection, profiles, chart.meter, view.feedback, as_of)
    body = charts_of(profiles, view.marks, view.hemisphere) | {"neighbours": others, "timeline": entries}
    return Response(orjson.dumps(body), media_type="application/json", headers={"Cache-Control": "no-store"})


@router.get("/cases/{case_key}/attachments/{attachment_key}")
def attached_file(caller: AnyCaller, service: Served, case_key: CaseKey, attachment_key: CaseKey) -> Response:
    """A file of a case, to be saved: never shown as a page of this service."""
    with service.database.reading() as connection:
        seen(connection, case_key, caller)
        row = attachment(connection, attachment_key)
    if row["case_key"] != case_key:
        raise not_found("attachment", attachment_key)
    plain = row["name"].encode("ascii", "replace").decode().replace('"', "'").replace("?", "_")
    return Response(
        row["content"], media_type=row["media_type"],
        headers={"Content-Disposition": f'attachment; filename="{plain}"', "Cache-Control": "no-store",
                 "Content-Security-Policy": "default-src 'none'; sandbox"},
    )  # fmt: skip
