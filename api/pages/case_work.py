"""What is done with a case from its page; each answer is the part of the page that changed.

Every form names the version of the case that it was made from: who was slower is told so, and nothing is
overwritten.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Form, Response, UploadFile
from starlette.concurrency import run_in_threadpool

from api.evidence.case_view import case_view
from api.http.callers import Caller
from api.http.columns import Printable
from api.http.paging import BIGGEST_KEY
from api.http.problems import refused, too_large
from api.http.routes.case_changes import IN_FIELD
from api.http.routes.cases import seen
from api.http.security import AnalystCaller, AnyCaller, forbidden
from api.http.service import Served, Service
from api.pages.cases import CaseKey
from api.pages.rendering import fragment
from api.pages.visiting import page_router
from loadprofile.store import case_work
from loadprofile.store.attachments import attach
from loadprofile.store.feedback import OTHER_CAUSES, Visit, record_feedback

router = page_router()

Version = Annotated[int, Form(ge=1, le=BIGGEST_KEY)]
Meter = Annotated[Printable, Form(min_length=1, max_length=200)]
Reason = Annotated[str, Form(max_length=10_000)]
Amount = Annotated[str, Form(max_length=20)]


def worked(
    service: Service,
    caller: Caller,
    case_key: int,
    meter: str,
    work: Callable[[sa.Connection], Any],
    said: str,
) -> Response:
    """Do it, and show the case's work and record as they are then."""

    def allowed(connection: sa.Connection) -> None:
        seen(connection, case_key, caller)
        work(connection)

    service.writer.run(allowed)
    with service.database.reading() as connection:
        view = case_view(connection, case_key, meter)
    return fragment("case_work.html.j2", caller, view=view, said=said, other_causes=OTHER_CAUSES, again=True)


@router.post("/cases/{case_key}/assign")
def assign_case(
    caller: AnalystCaller, service: Served, case_key: CaseKey, version: Version, meter: Meter,
    assignee: Annotated[Printable, Form(max_length=200)] = "",
) -> Response:  # fmt: skip
    """Give it to somebody; to oneself with ``me``, to nobody with an empty name."""
    whom = caller.name if assignee == "me" else assignee or None
    return worked(
        service, caller, case_key, meter,
        lambda connection: case_work.assign(connection, case_key, whom, who=caller.who, expected=version),
        f"assigned to {whom}" if whom else "assigned to nobody",
    )  # fmt: skip


@router.post("/cases/{case_key}/move")
def move_case(
    caller: AnyCaller, service: Served, case_key: CaseKey, version: Version, meter: Meter,
    state: Annotated[Printable, Form(max_length=40)], comment: Reason = "",
) -> Response:  # fmt: skip
    """Move it to another state; closing needs words."""
    if not caller.sees_all and state not in IN_FIELD:
        raise forbidden("a field team moves its case between assigned, in field and waiting for data")
    if state == "closed" and not comment.strip():
        raise refused("say what came of it before closing the case")
    return worked(
        service, caller, case_key, meter,
        lambda connection: case_work.move(
            connection, case_key, state, who=caller.who, expected=version, comment=comment.strip() or None
        ),
        f"moved to {state.replace('_', ' ')}",
    )  # fmt: skip


@router.post("/cases/{case_key}/snooze")
def snooze_case(
    caller: AnalystCaller, service: Served, case_key: CaseKey, version: Version, meter: Meter,
    reason: Reason, until: Annotated[date, Form()],
) -> Response:  # fmt: skip
    """Leave it out of the lists until the beginning of a day (UTC)."""
    moment = datetime.combine(until, time(), tzinfo=UTC)
    return worked(
        service, caller, case_key, meter,
        lambda connection: case_work.snooze(
            connection, case_key, moment, reason, who=caller.who, expected=version
        ),
        f"asleep until {until}",
    )  # fmt: skip


@router.post("/cases/{case_key}/suppress")
def suppress_case(
    caller: AnalystCaller, service: Served, case_key: CaseKey, version: Version, meter: Meter, reason: Reason
) -> Response:  # fmt: skip
    """Hide it for good; it stays recorded."""
    return worked(
        service, caller, case_key, meter,
        lambda connection: case_work.suppress(
            connection, case_key, reason, who=caller.who, expected=version
        ),
        "suppressed",
    )  # fmt: skip


@router.post("/cases/{case_key}/wake")
def wake_case(
    caller: AnalystCaller, service: Served, case_key: CaseKey, version: Version, meter: Meter
) -> Response:
    """End its snooze, or show it again."""

    def work(connection: sa.Connection) -> None:
        row = seen(connection, case_key, caller)
        undo = case_work.unsuppress if row["suppressed_at"] is not None else case_work.wake
        undo(connection, case_key, who=caller.who, expected=version)

    return worked(service, caller, case_key, meter, work, "back in the lists")


@router.post("/cases/{case_key}/comment")
def comment_case(
    caller: AnyCaller, service: Served, case_key: CaseKey, meter: Meter, comment: Reason
) -> Response:
    """Add a comment to the history."""
    return worked(
        service, caller, case_key, meter,
        lambda connection: case_work.comment_on(connection, case_key, comment, who=caller.who),
        "comment added",
    )  # fmt: skip


@router.post("/cases/{case_key}/verdict")
def report(
    caller: AnyCaller, service: Served, case_key: CaseKey, meter: Meter,
    outcome: Annotated[Printable, Form(max_length=40)],
    visited_on: Annotated[date, Form()],
    visited_by: Annotated[Printable, Form(min_length=1, max_length=200)],
    cause: Annotated[Printable, Form(max_length=40)] = "",
    kind: Annotated[Printable, Form(max_length=200)] = "",
    kwh_recovered: Amount = "",
    money_recovered: Amount = "",
    currency: Annotated[Printable, Form(max_length=3)] = "",
    notes: Annotated[str, Form(max_length=10_000)] = "",
    amends: Annotated[int | None, Form(ge=1, le=BIGGEST_KEY)] = None,
) -> Response:  # fmt: skip
    """What a visit found; with ``amends`` in place of an earlier entry, which stays on record."""
    visit = Visit(
        meter, outcome, visited_on, visited_by, cause=cause or None, kind=kind or None,
        kwh_recovered=_amount("kWh recovered", kwh_recovered),
        money_recovered=_amount("money recovered", money_recovered),
        currency=currency.upper() or None, notes=notes.replace("\r\n", "\n"), case_key=case_key,
    )  # fmt: skip
    return worked(
        service, caller, case_key, meter,
        lambda connection: record_feedback(connection, visit, who=caller.who, amends=amends),
        f"verdict recorded: {outcome.replace('_', ' ')}",
    )  # fmt: skip


def _amount(name: str, text: str) -> float | None:
    if not text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        raise refused(f"{name}: {text!r} is no number") from None


@router.post("/cases/{case_key}/attachments")
async def attach_file(
    caller: AnyCaller, service: Served, case_key: CaseKey, meter: Meter, file: UploadFile
) -> Response:
    """Keep a photograph or a paper with the case."""
    most = service.settings.max_attachment
    content = await file.read(most + 1)
    if len(content) > most:
        raise too_large(f"an attachment has at most {most:,} bytes")
    kind = (file.content_type or "").split(";")[0].strip()
    if kind not in service.settings.attachments:
        raise refused(
            f"attachments are {', '.join(service.settings.attachments)}; this is {kind or 'unknown'}"
        )

    def work(connection: sa.Connection) -> None:
        attach(connection, case_key, file.filename or "", kind, content, who=caller.who)

    return await run_in_threadpool(worked, service, caller, case_key, meter, work, "file attached")
