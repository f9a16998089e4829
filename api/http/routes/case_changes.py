"""Changes of cases: assign, move, snooze, suppress.

Every change names the version that it was made from (``If-Match``), so that nobody overwrites what another
did in the meantime.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Header
from fastapi.responses import Response
from pydantic import ConfigDict, Field

from api.http.callers import Caller
from api.http.paging import Moment
from api.http.problems import ProblemError
from api.http.routes.cases import CHANGED, Body, Case, CaseKey, Name, State, Words, seen, shown
from api.http.security import AnalystCaller, AnyCaller, forbidden
from api.http.service import Served, Service
from loadprofile.store import case_work, cases

router = APIRouter(prefix="/v1/cases", tags=["Cases"])

IN_FIELD = ("assigned", "in_field", "waiting_for_data")
"""States between which a field team moves its cases."""
VERSION = re.compile(r'\s*(?:W/)?"(\d{1,18})"\s*')


class Assignment(Body):
    """Whose it is to be."""

    model_config = ConfigDict(json_schema_extra={"example": {"assignee": "the field"}})

    assignee: Annotated[Name | None, Field(description="Name of a key or user; null: nobody.")]


class Move(Body):
    """Where it goes."""

    model_config = ConfigDict(json_schema_extra={"example": {"state": "in_field", "comment": "van 3"}})

    state: State
    comment: Annotated[Words | None, Field(description="With `closed`: the resolution.")] = None


class Snooze(Body):
    """Until when it is left out of the lists, and why."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"until": "2199-01-01T08:00:00Z", "reason": "meter is exchanged then"}}
    )

    until: Annotated[Moment, Field(strict=False)]
    reason: Words


class Reason(Body):
    """Why."""

    model_config = ConfigDict(json_schema_extra={"example": {"reason": "known vacancy"}})

    reason: Words


def _expected(
    given: Annotated[
        str | None,
        Header(alias="If-Match", max_length=60, description="The `ETag` that was seen, or `*`.",
               examples=['"1"', "*"]),
    ] = None,
) -> int | None:  # fmt: skip
    if given is None:
        raise ProblemError(
            428, "version-needed", "Say which version you saw",
            "send If-Match with the ETag of the case as you saw it, or * to change it whatever it is now",
        )  # fmt: skip
    if given.strip() == "*":
        return None
    found = VERSION.fullmatch(given)
    if found is None:
        raise ProblemError(412, "stale", "Changed by somebody else", "If-Match is not an ETag of a case")
    return int(found[1])


Expected = Annotated[int | None, Depends(_expected)]


def _changed(
    service: Service,
    caller: Caller,
    case_key: int,
    change: Callable[[sa.Connection, Mapping[str, Any]], object],
) -> Response:
    def write(connection: sa.Connection) -> dict[str, Any]:
        change(connection, seen(connection, case_key, caller))
        return cases.case(connection, case_key)

    return shown(service.writer.run(write))


@router.post("/{case_key}/assign", response_model=Case, summary="Assign a case",
             responses={**CHANGED, 409: {"description": "It is closed."}})  # fmt: skip
def assign(
    caller: AnalystCaller, service: Served, case_key: CaseKey, expected: Expected, to: Assignment
) -> Response:
    """To a person or a field team by name, or to nobody."""
    return _changed(
        service, caller, case_key,
        lambda c, _: case_work.assign(c, case_key, to.assignee, who=caller.who, expected=expected),
    )  # fmt: skip


@router.post("/{case_key}/move", response_model=Case, summary="Move a case to another state",
             responses={**CHANGED, 409: {"description": "Its state cannot become that one."}})  # fmt: skip
def move(caller: AnyCaller, service: Served, case_key: CaseKey, expected: Expected, to: Move) -> Response:
    """Close it, open it again, or say where it is. A field team does not close."""
    if not caller.sees_all and to.state not in IN_FIELD:
        raise forbidden(f"a field team moves its cases to {', '.join(IN_FIELD)}")
    return _changed(
        service, caller, case_key,
        lambda c, _: case_work.move(
            c, case_key, to.state, who=caller.who, expected=expected, comment=to.comment
        ),
    )  # fmt: skip


@router.post("/{case_key}/snooze", response_model=Case, summary="Leave a case until later", responses=CHANGED)
def snooze(
    caller: AnalystCaller, service: Served, case_key: CaseKey, expected: Expected, until: Snooze
) -> Response:
    """It is out of the lists until then, and back by itself."""
    return _changed(
        service, caller, case_key,
        lambda c, _: case_work.snooze(
            c, case_key, until.until, until.reason, who=caller.who, expected=expected
        ),
    )  # fmt: skip


@router.post("/{case_key}/wake", response_model=Case, summary="End a snooze", responses=CHANGED)
def wake(caller: AnalystCaller, service: Served, case_key: CaseKey, expected: Expected) -> Response:
    """Before its time."""
    return _changed(
        service, caller, case_key, lambda c, _: case_work.wake(c, case_key, who=caller.who, expected=expected)
    )


@router.post("/{case_key}/suppress", response_model=Case, summary="Hide a case for good", responses=CHANGED)
def suppress(
    caller: AnalystCaller, service: Served, case_key: CaseKey, expected: Expected, why: Reason
) -> Response:
    """It stays recorded and open, so that no new one comes in its place."""
    return _changed(
        service, caller, case_key,
        lambda c, _: case_work.suppress(c, case_key, why.reason, who=caller.who, expected=expected),
    )  # fmt: skip


@router.post("/{case_key}/unsuppress", response_model=Case, summary="Show a hidden case", responses=CHANGED)
def unsuppress(caller: AnalystCaller, service: Served, case_key: CaseKey, expected: Expected) -> Response:
    """It is in the lists again."""
    return _changed(
        service, caller, case_key,
        lambda c, _: case_work.unsuppress(c, case_key, who=caller.who, expected=expected),
    )  # fmt: skip
