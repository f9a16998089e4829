"""``/v1/feedback`` and the verdicts of a case: what visits found.

Entries are never altered: one is amended by a new one that points at it.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from datetime import date, datetime
from functools import partial
from typing import Annotated, Any, Literal

import pandas as pd
import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool

from api.http.bodies import CSV, JSON, Upload, receiving
from api.http.bombs import check_text
from api.http.columns import Printable
from api.http.idempotency import RequestHash, Work, WriteOnce, request_hash
from api.http.openapi import body_of
from api.http.paging import BIGGEST_KEY, Cursor, Limit, key_in, page_of
from api.http.problems import malformed, not_found, refused, too_large
from api.http.routes.cases import CHANGED, CaseKey, seen
from api.http.routes.worklist import Text
from api.http.rows import json_response, plain
from api.http.security import AnalystCaller, AnyCaller
from api.http.service import Served, Service
from loadprofile.store.feedback import Visit, feedback, record_feedback, record_feedback_frame

router = APIRouter(prefix="/v1", tags=["Verdicts"])

MOST_ROWS = 20_000
"""Verdicts of one batch."""

SEPARATORS = ",;\t"
"""Of cells; spreadsheets of half the world write semicolons, for their decimal sign is the comma."""

SHOWN = 100
Outcome = Literal[
    "fraud_confirmed", "other_cause_confirmed", "right_to_raise", "nothing_found", "inconclusive",
    "no_access",
]  # fmt: skip
OtherCause = Literal["data_mismatch", "maintenance", "cyber_attack", "super_consumption"]
Amount = Annotated[float | None, Field(ge=0, le=1e12, allow_inf_nan=False)]
Short = Annotated[Printable, Field(min_length=1, max_length=200)]
Key = Annotated[int | None, Field(ge=1, le=BIGGEST_KEY)]


class CaseVerdict(BaseModel):
    """What somebody found at a meter of a case."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "example": {
                "meter_id": "M000", "outcome": "fraud_confirmed", "kind": "bypass",
                "visited_on": "2024-05-03", "visited_by": "crew 3", "kwh_recovered": 2400.0,
                "money_recovered": 610.0, "currency": "EUR", "notes": "bridge behind the meter",
            }
        },
    )  # fmt: skip

    meter_id: Annotated[Short | None, Field(description="May be left out of a case of one meter.")] = None
    outcome: Outcome
    cause: Annotated[OtherCause | None, Field(description="With `other_cause_confirmed`: which.")] = None
    kind: Annotated[Short | None, Field(description="Of the fraud; needed with `fraud_confirmed`.")] = None
    visited_on: Annotated[date, Field(strict=False)]
    visited_by: Short
    kwh_recovered: Amount = None
    money_recovered: Amount = None
    currency: Annotated[str | None, Field(pattern="^[A-Z]{3}$")] = None
    notes: Annotated[str, Field(max_length=10_000)] = ""
    amends: Annotated[Key, Field(description="The entry that this one replaces.")] = None


class Verdict(CaseVerdict):
    """What somebody found at a meter."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "example": {
                "meter_id": "M000", "outcome": "nothing_found", "visited_on": "2024-05-03",
                "visited_by": "crew 3",
            }
        },
    )  # fmt: skip

    meter_id: Short
    case_key: Key = None
    visit_key: Annotated[Key, Field(description="The proposal that it answers.")] = None


class VerdictBatch(BaseModel):
    """Verdicts of many visits."""

    model_config = ConfigDict(extra="forbid")

    verdicts: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MOST_ROWS)]


class RejectedVerdict(BaseModel):
    """A row that was not recorded."""

    row: int = Field(description="From 1.")
    reason: str


class BatchRecorded(BaseModel):
    """What became of every row."""

    read: int
    accepted: int
    repeated: int = Field(description="Known already, word for word.")
    rejected: int
    reasons: list[RejectedVerdict]
    ignored: list[str] = Field(description="Columns that were not read, for no verdict has them.")


class Recorded(BaseModel):
    """An entry that was made, or was there."""

    feedback_key: int
    new: bool


class Entry(BaseModel):
    """An entry."""

    feedback_key: int
    meter_id: str
    case_key: int | None
    visit_key: int | None
    amends: int | None
    outcome: Outcome
    cause: str | None
    kind: str | None
    visited_on: date
    visited_by: str
    kwh_recovered: float | None
    money_recovered: float | None
    currency: str | None
    notes: str
    recorded_at: datetime
    recorded_by: str
    reason: str | None = Field(description="Why the visit was proposed.")
    propensity: float | None = Field(description="With which probability it was.")


class EntryPage(BaseModel):
    """A page of entries, the oldest first."""

    entries: list[Entry]
    next: str | None


EXAMPLE = {
    "verdicts": [
        {"meter_id": "M001", "outcome": "nothing_found", "visited_on": "2024-05-03", "visited_by": "crew 3"}
    ]
}
EXAMPLE_CSV = (
    "meter_id,outcome,visited_on,visited_by,cause,kind,kwh_recovered,money_recovered,currency,notes\n"
    "M001,other_cause_confirmed,2024-05-03,crew 3,maintenance,phase lost,120,,,\n"
    "M002,no_access,2024-05-03,crew 3,,,,,,gate locked\n"
)


@router.post("/feedback", response_model=BatchRecorded, summary="Report what visits found",
             openapi_extra=body_of(VerdictBatch, EXAMPLE, {"text/csv": EXAMPLE_CSV}))  # fmt: skip
async def post_feedback(
    request: Request, caller: AnalystCaller, service: Served, once: WriteOnce
) -> Response:
    """Many at once, as JSON or CSV with columns `meter_id, outcome, visited_on, visited_by` and as needed.

    A CSV as a spreadsheet writes it will do: semicolons, decimal commas, the code page of Western Europe.
    Days are written as 2024-05-03. A row that cannot be recorded is listed with its reason; the others are.
    The same row again changes nothing. The case is the one named, else the meter's open one; likewise the
    proposed visit.
    """
    async with receiving(request, service, (JSON, CSV)) as upload:
        return await run_in_threadpool(
            once.run, request_hash(request, upload.sha256), partial(_batch, upload, service, caller.who)
        )


def _batch(upload: Upload, service: Service, who: str) -> Work:
    frame = _table(upload, service)
    if len(frame) > MOST_ROWS:
        raise too_large(f"a batch has at most {MOST_ROWS:,} verdicts")

    def work(connection: sa.Connection) -> tuple[int, Mapping[str, Any]]:
        done = record_feedback_frame(connection, frame, who=who)
        reasons = [{"row": row, "reason": reason[:300]} for row, reason in done.rejected[:SHOWN]]
        return 200, {
            "read": len(frame), "accepted": done.accepted, "repeated": done.repeated,
            "rejected": len(done.rejected), "reasons": reasons,
            "ignored": [name[:100] for name in done.ignored[:SHOWN]],
        }  # fmt: skip

    return work


def _table(upload: Upload, service: Service) -> pd.DataFrame:
    if upload.kind == JSON:
        try:
            found = VerdictBatch.model_validate_json(upload.data)
        except ValidationError as error:
            raise malformed(error.errors()) from None
        rows = [{str(k)[:60]: _scalar(v) for k, v in row.items()} for row in found.verdicts]
        return pd.DataFrame(rows, dtype=object)
    if upload.path.stat().st_size > service.settings.max_json:
        raise too_large(f"a table of verdicts has at most {service.settings.max_json:,} bytes")
    check_text(upload.path, service.settings)
    try:
        text = _decoded(upload.path.read_bytes())
        sign = max(SEPARATORS, key=text.partition("\n")[0].count)
        table = pd.read_csv(
            io.StringIO(text), dtype=str, keep_default_na=False, nrows=MOST_ROWS + 1, sep=sign
        )
    except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise refused(f"not a CSV table: {str(error)[:200]}") from None
    return table if sign == "," else _with_points(table)


def _decoded(data: bytes) -> str:
    """The text, as programs write it (UTF-8) or as spreadsheets do."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252")


def _with_points(table: pd.DataFrame) -> pd.DataFrame:
    """Decimal commas as points; an amount with a point beside them could mean two things, and stays odd."""
    for name in {"kwh_recovered", "money_recovered"} & set(table.columns):
        cells = table[name]
        if cells.str.contains(",").any():
            points = cells.str.contains(".", regex=False)
            table[name] = cells.str.replace(",", ".").where(~points, cells + " among decimal commas")
    return table


def _scalar(value: Any) -> Any:
    if isinstance(value, bool | list | dict) or (isinstance(value, float) and not math.isfinite(value)):
        raise refused("a verdict holds texts and numbers only")
    return value


@router.post("/cases/{case_key}/verdicts", response_model=Recorded, status_code=201,
             summary="Report what a visit of a case found",
             responses={200: {"description": "It was known already.", "model": Recorded}, 404: CHANGED[404],
                        409: {"description": "The entry was amended by another."}})  # fmt: skip
def post_verdict(
    caller: AnyCaller, once: WriteOnce, whole: RequestHash, case_key: CaseKey, found: CaseVerdict
) -> Response:
    """A field team reports on the cases that are assigned to it. The state of the case stays what it is."""

    def work(connection: sa.Connection) -> tuple[int, Mapping[str, Any]]:
        row = seen(connection, case_key, caller)
        meter = found.meter_id
        if meter is None:
            if len(row["meter_ids"]) != 1:
                raise refused(f"the case has {len(row['meter_ids'])} meters: say which was visited")
            meter = row["meter_ids"][0]
        if meter not in row["meter_ids"]:
            raise not_found(f"meter in case {case_key}", meter)
        told = found.model_dump(exclude={"meter_id", "amends"})
        visit = Visit(meter_id=meter, case_key=case_key, **told)
        key, fresh = record_feedback(connection, visit, who=caller.who, amends=found.amends)
        return 201 if fresh else 200, {"feedback_key": key, "new": fresh}

    return once.run(whole, lambda: work)


@router.get("/cases/{case_key}/verdicts", response_model=EntryPage, summary="Read the verdicts of a case",
            responses={404: CHANGED[404]})  # fmt: skip
def get_verdicts(
    caller: AnyCaller,
    service: Served,
    case_key: CaseKey,
    amended: Annotated[bool, Query(description="Also entries that were replaced.")] = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """What visits found, the oldest first."""
    after = key_in(cursor)
    with service.database.reading() as connection:
        seen(connection, case_key, caller)
        found = feedback(connection, case_key=case_key, amended=amended, after=after, limit=limit + 1)
    return _page(found, limit)


@router.get("/feedback", response_model=EntryPage, summary="Read what visits found")
def get_feedback(
    caller: AnalystCaller,  # noqa: ARG001 - the role is what is needed
    service: Served,
    meter_id: Text = None,
    amended: Annotated[bool, Query(description="Also entries that were replaced.")] = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Of all meters or of one, the oldest first."""
    after = key_in(cursor)
    meters = None if meter_id is None else [meter_id]
    with service.database.reading() as connection:
        found = feedback(connection, meter_ids=meters, amended=amended, after=after, limit=limit + 1)
    return _page(found, limit)


def _page(found: pd.DataFrame, limit: int) -> Response:
    page, more = page_of([_entry(row) for row in plain(found)], limit, "feedback_key")
    return json_response({"entries": page, "next": more})


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    out = {name: row[name] for name in Entry.model_fields}
    for name in ("case_key", "visit_key", "amends"):
        out[name] = None if out[name] is None else int(out[name])
    return out
