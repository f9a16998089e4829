"""``/v1/worklist``: what a screening found, most urgent first; where a crew should go; tables."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import pandas as pd
import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.http.columns import Printable
from api.http.exports import harmless_frame
from api.http.paging import BIGGEST_KEY, Limit
from api.http.problems import not_found, refused, too_large
from api.http.rows import finding_row, json_response
from api.http.security import AnalystCaller
from api.http.service import Served
from loadprofile.errors import OptionError
from loadprofile.store.findings import Filters, finding, findings_page, ranked_queues, screening
from loadprofile.store.visits import EXPLORATION, propose_visits
from loadprofile.verdicts import CAUSES, UNDECIDED
from loadprofile.worklist import QUEUES

router = APIRouter(prefix="/v1", tags=["Worklist"])

CAUSE_NAMES = (*map(str, CAUSES), UNDECIDED)
QUEUE_NAMES = tuple(dict.fromkeys(QUEUES.values()))
MOST_EXPORTED, MOST_IN_SHEET = 200_000, 100_000
MOST_VISITS = 1000
MOST_REST = 40_000
REST = (
    "Without meters that somebody got into in so many days up to today, or whose visit was proposed in them "
    "and is still to be reported on."
)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LONGEST_CELL = 32_000
"""A cell of a spreadsheet holds 32,767 characters."""


def _cause(name: str) -> str:
    if name not in CAUSE_NAMES:
        raise ValueError(f"is none of {', '.join(CAUSE_NAMES)}")
    return name


def _queue(name: str) -> str:
    if name not in QUEUE_NAMES:
        raise ValueError(f"is none of {', '.join(QUEUE_NAMES)}")
    return name


CauseName = Annotated[str, AfterValidator(_cause)]
QueueName = Annotated[str, AfterValidator(_queue)]
Text = Annotated[Printable | None, Query(max_length=200)]
Days = Annotated[int | None, Query(ge=0, le=40_000)]
Number = Annotated[float | None, Query(allow_inf_nan=False)]
ScreeningKey = Annotated[
    int | None,
    Query(
        alias="screening",
        ge=1,
        le=BIGGEST_KEY,
        description="Left out: the last of all meters that is done.",
    ),
]
Sort = Annotated[Literal["rank", "expected_recovery", "anomaly_score", "lost_kwh", "onset"], Query()]
Visits = Annotated[
    int | None,
    Query(ge=1, le=MOST_VISITS, description="Only what a crew of so many visits should drive to, and why."),
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters of a worklist.

    Attributes:
        filters: all but those below.
        older, younger: least and greatest age, in days from the onset to the moment the screening knows of.
        rest: days for which a meter that was visited is left in peace.
    """

    filters: Filters
    older: int | None = None
    younger: int | None = None
    rest: int | None = None

    def at(self, row: Mapping[str, Any]) -> Filters:
        """With ages as dates."""
        today = row["as_of"].date()
        given = {name: getattr(self.filters, name) for name in Filters.__slots__}
        try:
            if self.older is not None:
                given["onset_to"] = (today - timedelta(days=self.older)).isoformat()
                given["onset_from"] = "0000"
            if self.younger is not None:
                given["onset_from"] = (today - timedelta(days=self.younger)).isoformat()
        except OverflowError:
            raise refused("an age before the first year") from None
        return rested(Filters(**given), self.rest)


def rested(filters: Filters, days: int | None) -> Filters:
    """Without meters that were visited in the last so many days, or that a crew is to visit already."""
    if days is None:
        return filters
    return replace(filters, rested_since=datetime.now(UTC).date() - timedelta(days=days))


def _wanted(
    cause: Annotated[list[CauseName] | None, Query(max_length=7, description="One of these causes.")] = None,
    queue: Annotated[list[QueueName] | None, Query(max_length=7, description="One of these queues.")] = None,
    feeder: Text = None,
    incident: Text = None,
    assignee: Text = None,
    min_score: Number = None,
    min_recovery: Number = None,
    min_age_days: Days = None,
    max_age_days: Days = None,
    with_case: Annotated[bool | None, Query(description="With an open case, or without.")] = None,
    rest_days: Annotated[int | None, Query(ge=0, le=MOST_REST, description=REST)] = None,
) -> Wanted:
    return Wanted(
        Filters(
            causes=None if cause is None else tuple(cause), queues=None if queue is None else tuple(queue),
            feeder_id=feeder, incident_id=incident, least_score=min_score, least_recovery=min_recovery,
            assignee=assignee, with_case=with_case,
        ),
        min_age_days, max_age_days, rest_days,
    )  # fmt: skip


WantedRows = Annotated[Wanted, Depends(_wanted)]


class Why(BaseModel):
    """Why a visit is proposed."""

    reason: Literal["ranked", "exploration"]
    probability: float = Field(description="With which it was chosen, over all draws; for later weighing.")
    sentence: str


class Row(BaseModel):
    """A row: the columns of the worklist file, and what is being done about it."""

    model_config = ConfigDict(extra="allow")

    rank: int
    meter_id: str
    anomaly_score: float
    cause: str
    onset: str | None
    lost_kwh: float | None
    expected_recovery: float
    queue: str
    incident_id: str | None
    would_decide: str
    evidence: list[dict[str, Any]]
    feeder_id: str | None
    case_key: int | None
    case_state: str | None
    assignee: str | None
    why: Why | None = Field(default=None, description="Of proposed visits.")


class WorklistPage(BaseModel):
    """A page of a worklist."""

    screening: int
    rows: list[Row]
    next: str | None


@router.get("/worklist", response_model=WorklistPage, summary="Read the worklist")
def get_worklist(
    caller: AnalystCaller,  # noqa: ARG001 - the role is what is needed
    service: Served,
    wanted: WantedRows,
    screening_key: ScreeningKey = None,
    sort: Sort = "rank",
    visits: Visits = None,
    limit: Limit = 100,
    cursor: Annotated[str | None, Query(max_length=600)] = None,
) -> Response:
    """What a screening found, page by page; or, with `visits`, where a crew should go.

    Most visits go where they are expected to pay. The share that is set (5 % unless said otherwise) is drawn
    by chance from all other meters of the same choice, the same for every reader of a screening.
    `POST /v1/visits` records them.
    """
    with service.database.reading() as connection:
        row = screening(connection, screening_key)
        filters, key = wanted.at(row), row["screening_key"]
        if visits is not None:
            chosen = propose_visits(
                ranked_queues(connection, key, filters), visits, service.settings.exploration, key
            )
            rows, more = visited(connection, key, chosen, service.settings.exploration), None
        else:
            page = findings_page(connection, key, filters, sort=sort, limit=limit, cursor=cursor)
            rows, more = [finding_row(r) for r in page.frame.to_dict("records")], page.cursor
    return json_response({"screening": key, "rows": rows, "next": more})


def visited(connection: sa.Connection, key: int, chosen: pd.DataFrame, share: float) -> list[dict[str, Any]]:
    """The rows of chosen meters, in the order in which they were chosen, each with why."""
    if not len(chosen):
        return []
    names = chosen["meter_id"].tolist()
    page = findings_page(connection, key, Filters(meter_ids=tuple(names)), limit=max(len(names), 1))
    found = {r["meter_id"]: finding_row(r) for r in page.frame.to_dict("records")}
    told = zip(names, chosen["reason"].tolist(), chosen["propensity"].tolist(), strict=True)
    return [found[name] | {"why": why_of(reason, chance, share)} for name, reason, chance in told]


def why_of(reason: str, chance: float, share: float) -> dict[str, Any]:
    """Why a visit is proposed, in words too."""
    sentence = (
        f"drawn by chance, so that not only suspects are visited ({100 * share:g} % of all visits)"
        if reason == EXPLORATION
        else "among the first of the queue field inspection, by expected recovery"
    )
    return {"reason": reason, "probability": float(chance), "sentence": sentence}


@router.get("/worklist/export", summary="Take the worklist away", response_class=Response,
            responses={200: {"content": {"text/csv": {}, XLSX: {}}}})  # fmt: skip
def export_worklist(
    caller: AnalystCaller,  # noqa: ARG001 - the role is what is needed
    service: Served,
    wanted: WantedRows,
    screening_key: ScreeningKey = None,
    sort: Sort = "rank",
    visits: Visits = None,
    kind: Annotated[Literal["csv", "xlsx"], Query(alias="format")] = "csv",
    most: Annotated[int, Query(ge=1, le=MOST_EXPORTED, alias="rows", description="At most.")] = MOST_EXPORTED,
) -> Response:
    """All rows that fit the filters as one table; or, with `visits`, those that a crew should go to, and why.

    CSV has the columns of the worklist file, evidence as JSON. XLSX has the evidence in sentences. Texts that
    a spreadsheet would run as formulas are led by an apostrophe.
    """
    with service.database.reading() as connection:
        row = screening(connection, screening_key)
        filters, key = wanted.at(row), row["screening_key"]
        if visits is None:
            frame = _all(connection, key, filters, sort, most, MOST_IN_SHEET if kind == "xlsx" else most)
        else:
            chosen = propose_visits(
                ranked_queues(connection, key, filters), visits, service.settings.exploration, key
            )
            found = findings_page(connection, key, Filters(meter_ids=tuple(chosen["meter_id"])), limit=1000)
            why = chosen[["meter_id", "reason", "propensity"]].rename(columns={"propensity": "probability"})
            frame = why[["meter_id"]].merge(found.frame, on="meter_id")[list(found.frame.columns)]
            frame = frame.merge(why, on="meter_id").head(most)
    content = _csv(frame) if kind == "csv" else _xlsx(frame)
    name = f"worklist-{key}.{kind}"
    return Response(
        content, media_type="text/csv" if kind == "csv" else XLSX,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )  # fmt: skip


def _all(
    connection: sa.Connection, key: int, filters: Filters, sort: str, most: int, fits: int
) -> pd.DataFrame:
    frames, cursor, rows = [], None, 0
    while True:
        page = findings_page(connection, key, filters, sort=sort, limit=min(1000, most - rows), cursor=cursor)
        frames.append(page.frame)
        rows, cursor = rows + len(page.frame), page.cursor
        if rows > fits:
            raise too_large(f"a spreadsheet takes {fits:,} rows here; filter, or ask for CSV")
        if cursor is None or rows >= most:
            break
    return pd.concat([f for f in frames if len(f)] or frames[:1], ignore_index=True)


def _csv(frame: pd.DataFrame) -> bytes:
    return harmless_frame(frame).to_csv(index=False).encode()


def _xlsx(frame: pd.DataFrame) -> bytes:
    import xlsxwriter

    said = frame.assign(evidence=frame["evidence"].map(_sentences))
    safe = harmless_frame(said)
    into = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "nan_inf_to_errors": False,
    }
    with xlsxwriter.Workbook(into, options) as book:
        sheet = book.add_worksheet("worklist")
        sheet.write_row(0, 0, list(safe.columns))
        sheet.freeze_panes(1, 2)
        for at, values in enumerate(safe.astype(object).where(safe.notna(), None).itertuples(index=False), 1):
            sheet.write_row(at, 0, values)
    return into.getvalue()


def _sentences(evidence: str) -> str:
    text = "\n".join(str(said.get("sentence", "")) for said in json.loads(evidence))
    return text if len(text) <= LONGEST_CELL else text[:LONGEST_CELL] + " ..."


@router.get("/findings/{meter_id:path}", response_model=Row, summary="Get what was found about a meter",
            responses={404: {"description": "Nothing was."}})  # fmt: skip
def get_finding(
    caller: AnalystCaller,  # noqa: ARG001 - the role is what is needed
    service: Served,
    meter_id: Annotated[str, Path(max_length=200, examples=["A100"])],
    screening_key: ScreeningKey = None,
) -> Response:
    """In its last screening that is done, or in another."""
    if not meter_id or not meter_id.isprintable():
        raise not_found("finding of meter", meter_id)
    with service.database.reading() as connection:
        try:
            row = finding(connection, meter_id, screening_key)
        except OptionError as error:
            raise refused(str(error)) from None
    shown = {name: value for name, value in row.items() if name != "meter_key"}
    return json_response(finding_row(shown))
