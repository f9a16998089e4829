"""``/worklist``: the last screening as a dense list, incidents folded into one row each."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

import sqlalchemy as sa
from fastapi import Depends, Form, Query, Request, Response

from api.evidence.case_view import evidence_of, probability_of
from api.http.callers import Caller
from api.http.columns import Printable
from api.http.paging import BIGGEST_KEY
from api.http.problems import conflict
from api.http.security import AnalystCaller
from api.http.service import Served
from api.pages.rendering import fragment, page
from api.pages.visiting import page_router
from loadprofile.errors import NotFoundError
from loadprofile.report.words import cause_words, percent, statements
from loadprofile.store.case_work import assign
from loadprofile.store.cases import case, open_for_finding
from loadprofile.store.findings import SORTS, Filters, findings_page, screening
from loadprofile.store.incidents import incidents
from loadprofile.store.work_tables import SCREENINGS
from loadprofile.verdicts import CAUSES, UNDECIDED
from loadprofile.worklist import QUEUES

router = page_router()

ROWS = 50
MOST_UNFOLDED = 300
"""Meters of an incident that are listed under its row; the rest is counted."""

PRESETS = (
    ("Everything to do", "undone=1"),
    ("Field inspection", "queue=field+inspection&undone=1"),
    ("Undecided", "cause=undecided"),
    ("Mine", "assignee=me"),
    ("Data operations", "queue=data+operations"),
    ("Whole list", ""),
)
"""Filters that everybody has; own ones are kept in the browser."""

Key = Annotated[int, Query(ge=1, le=BIGGEST_KEY)]
Text = Annotated[Printable, Query(max_length=200)]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the filter form asks for, as it stands in the address."""

    cause: str = ""
    queue: str = ""
    feeder: str = ""
    assignee: str = ""
    meter: str = ""
    score: float | None = None
    recovery: float | None = None
    since: str = ""
    until: str = ""
    undone: bool = False
    unfolded: bool = False
    sort: str = "rank"

    def filters(self, caller: Caller) -> Filters:
        """For the record."""
        return Filters(
            causes=(self.cause,) if self.cause else None,
            queues=(self.queue,) if self.queue else _all_queues(self.undone),
            feeder_id=self.feeder or None,
            assignee=caller.name if self.assignee == "me" else self.assignee or None,
            least_score=self.score,
            least_recovery=self.recovery,
            onset_from=self.since or None,
            onset_to=self.until or None,
            with_case=False if self.undone else None,
            meter_ids=(self.meter,) if self.meter else None,
            folded=not self.unfolded,
        )

    def query(self, **more: Any) -> str:
        """The same as a query string."""
        given = {name: getattr(self, name) for name in self.__slots__} | more
        plain = {k: ("1" if v is True else v) for k, v in given.items() if v not in ("", None, False)}
        return urlencode({k: v for k, v in plain.items() if (k, v) != ("sort", "rank")})

    def exported(self, caller: Caller, run: Mapping[str, Any]) -> str:
        """The same as a query for ``/v1/worklist/export``; of a single meter the whole list is told."""
        filters = self.filters(caller)
        today = run["as_of"].date()
        given: dict[str, Any] = {
            "screening": run["screening_key"], "sort": self.sort, "cause": filters.causes,
            "queue": filters.queues, "feeder": filters.feeder_id, "assignee": filters.assignee,
            "min_score": self.score, "min_recovery": self.recovery, "with_case": filters.with_case,
            "max_age_days": _days_since(self.since, today), "min_age_days": _days_since(self.until, today),
        }  # fmt: skip
        return urlencode({k: v for k, v in given.items() if v is not None}, doseq=True)


def _days_since(day: str, today: date) -> int | None:
    try:
        return max((today - date.fromisoformat(day)).days, 0)
    except ValueError:
        return None


def _all_queues(undone: bool) -> tuple[str, ...] | None:
    return tuple(sorted(set(QUEUES.values()) - {"none"})) if undone else None


def _wanted(
    cause: Text = "",
    queue: Text = "",
    feeder: Text = "",
    assignee: Text = "",
    meter: Text = "",
    score: Annotated[str, Query(max_length=12)] = "",
    recovery: Annotated[str, Query(max_length=12)] = "",
    since: Annotated[str, Query(max_length=10, pattern=r"^(\d{4}-\d\d-\d\d)?$")] = "",
    until: Annotated[str, Query(max_length=10, pattern=r"^(\d{4}-\d\d-\d\d)?$")] = "",
    undone: bool = False,
    unfolded: bool = False,
    sort: Annotated[str, Query(max_length=30)] = "rank",
) -> Wanted:
    return Wanted(
        cause if cause in {*CAUSES, UNDECIDED} else "", queue if queue in QUEUES.values() else "",
        feeder.strip(), assignee.strip(), meter.strip(), _number(score), _number(recovery), since, until,
        undone, unfolded, sort if sort in SORTS else "rank",
    )  # fmt: skip


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


Asked = Annotated[Wanted, Depends(_wanted)]


def asked_screening(connection: sa.Connection, run: int | None) -> dict[str, Any] | None:
    """The screening that a page is about: the one named, else the last; None where nothing was screened yet.

    Raises:
        NotFoundError: there is none of that number.
    """
    try:
        return screening(connection, run)
    except NotFoundError:
        if run is not None:
            raise
        return None


@router.get("/worklist")
def worklist_page(
    request: Request,
    caller: AnalystCaller,
    service: Served,
    asked: Asked,
    run: Annotated[int | None, Query(alias="screening", ge=1, le=BIGGEST_KEY)] = None,
    cursor: Annotated[str | None, Query(max_length=600)] = None,
) -> Response:
    """One page of the list; with a cursor only the rows that follow."""
    with service.database.reading() as connection:
        found = asked_screening(connection, run)
        if found is None:
            return page(request, "worklist.html.j2", caller, title="Worklist", run=None, asked=asked, rows=[],
                        more=None, presets=PRESETS, runs=[], queues=[], meters=0)  # fmt: skip
        key = found["screening_key"]
        filters = asked.filters(caller)
        shown = findings_page(connection, key, filters, sort=asked.sort, limit=ROWS, cursor=cursor)
        rows = rows_of(connection, key, shown.frame, filters)
        runs = _runs(connection)
    more = None if shown.cursor is None else asked.query(screening=key, cursor=shown.cursor)
    if cursor is not None:
        return fragment("worklist_rows.html.j2", caller, rows=rows, more=more, run=found, asked=asked)
    return page(
        request, "worklist.html.j2", caller, title="Worklist", run=found, asked=asked, rows=rows, more=more,
        presets=PRESETS, runs=runs, queues=sorted(set(QUEUES.values()) - {"none"}), meters=found["meters"],
    )  # fmt: skip


@router.get("/worklist/incident")
def incident_rows(
    caller: AnalystCaller, service: Served, asked: Asked, run: Annotated[Key, Query(alias="screening")],
    incident: Annotated[Printable, Query(max_length=100)],
) -> Response:  # fmt: skip
    """The meters of one incident, to stand under its row."""
    with service.database.reading() as connection:
        filters = replace(asked.filters(caller), folded=False, incident_id=incident)
        shown = findings_page(connection, run, filters, limit=MOST_UNFOLDED)
        rows = rows_of(connection, run, shown.frame, None)
        found = screening(connection, run)
    return fragment(
        "worklist_rows.html.j2", caller, rows=rows, more=None, run=found, asked=asked, of_incident=incident
    )


@router.post("/worklist/take")
def take(
    caller: AnalystCaller,
    service: Served,
    asked: Asked,
    run: Annotated[int, Form(alias="screening", ge=1, le=BIGGEST_KEY)],
    meter_id: Annotated[Printable, Form(min_length=1, max_length=200)],
) -> Response:
    """Make a row's case one's own, opening it if there is none; the row as it is then."""

    def work(connection: sa.Connection) -> None:
        key, _ = open_for_finding(connection, meter_id, who=caller.who, screening_key=run)
        row = case(connection, key)
        if row["assignee"] not in {None, caller.name}:
            raise conflict(f"case {key} is {row['assignee']}'s already")
        if row["assignee"] is None:
            assign(connection, key, caller.name, who=caller.who, expected=row["version"])

    service.writer.run(work)
    with service.database.reading() as connection:
        filters = replace(asked.filters(caller), with_case=None, assignee=None)
        only = replace(filters, meter_ids=(meter_id,), folded=False)
        frame = findings_page(connection, run, only, limit=1).frame
        rows = rows_of(connection, run, frame, filters)
        found = screening(connection, run)
    return fragment("worklist_rows.html.j2", caller, rows=rows, more=None, run=found, asked=asked)


@router.post("/worklist/open")
def open_case_of(
    caller: AnalystCaller,
    service: Served,
    run: Annotated[int, Form(alias="screening", ge=1, le=BIGGEST_KEY)],
    meter_id: Annotated[Printable, Form(min_length=1, max_length=200)],
) -> Response:
    """Open the case of a row, or find it; the answer says where it is."""
    key, _ = service.writer.run(
        lambda connection: open_for_finding(connection, meter_id, who=caller.who, screening_key=run)
    )
    return Response(status_code=204, headers={"HX-Redirect": f"/cases/{key}", "Location": f"/cases/{key}"})


def rows_of(
    connection: sa.Connection, screening_key: int, frame: Any, filters: Filters | None
) -> list[dict[str, Any]]:
    """Rows as the template shows them; with filters, incidents as one row each with its sums."""
    sums = {}
    if filters is not None and filters.folded:
        ids = [i for i in frame["incident_id"].tolist() if i]
        sums = {
            row["incident_id"]: row
            for row in incidents(connection, screening_key, ids, filters).to_dict("records")
            if row["meters"] > 1
        }
    rows = []
    for row in frame.to_dict("records"):
        said = statements(evidence_of(json.loads(row["evidence"])[:1]))
        own = row["case_key"]
        rows.append(
            {
                **row,
                "probability": probability_of(row),
                "odds": _stacked(row),
                "odds_words": _odds_words(row),
                "why": said[0].sentence if said else "",
                "case_key": None if own is None or own != own else int(own),  # noqa: PLR0124
                "assignee": row["assignee"] if isinstance(row["assignee"], str) else None,
                "incident": sums.get(row["incident_id"]),
            }
        )
    return rows


def _stacked(row: Any) -> list[tuple[str, float, float]]:
    """Causes as pieces of one bar: (cause, where it begins, how wide), in percent."""
    pieces, at = [], 0.0
    for cause in (*CAUSES[1:], CAUSES[0]):
        wide = 100.0 * float(row[f"p_{cause}"])
        if wide >= 0.5:
            pieces.append((str(cause), round(at, 2), round(wide, 2)))
        at += wide
    return pieces


def _odds_words(row: Any) -> str:
    odds = sorted(((float(row[f"p_{cause}"]), cause_words(cause)) for cause in CAUSES), reverse=True)
    return ", ".join(f"{words} {percent(p)}" for p, words in odds if p >= 0.005)


def _runs(connection: sa.Connection) -> list[dict[str, Any]]:
    """The last finished screenings, newest first."""
    rows = connection.execute(
        sa.select(SCREENINGS.c.screening_key, SCREENINGS.c.finished_at, SCREENINGS.c.meters)
        .where(SCREENINGS.c.state == "done")
        .order_by(SCREENINGS.c.screening_key.desc())
        .limit(20)
    )
    return [dict(row) for row in rows.mappings()]
