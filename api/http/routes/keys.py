"""``/v1/keys`` and ``/v1/audit``: who may call, and who did what. For operators."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api.http.columns import Printable
from api.http.paging import Cursor, Limit, Moment, key_in, page_of
from api.http.problems import conflict
from api.http.security import OperatorCaller
from api.http.service import Served, Service
from loadprofile.store.access import issue_key, list_keys, revoke_key
from loadprofile.store.audit import audit_log

router = APIRouter(prefix="/v1", tags=["Operate"])


class NewKey(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"name": "head-end", "role": "analyst", "expires_at": "2199-12-31T00:00:00Z"}
        },
    )

    name: Annotated[Printable, Field(min_length=1, max_length=100, description="Who will use it.")]
    role: Literal["analyst", "field", "operator"]
    expires_at: Annotated[Moment | None, Field(description="Left out: it does not end by itself.")] = None


class MadeKey(BaseModel):
    """A key that was just made: the only time that it is shown."""

    prefix: str
    key: str
    name: str
    role: str


class Key(BaseModel):
    """A key, as far as it is known here."""

    prefix: str
    name: str
    role: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="To some minutes.")


class KeyPage(BaseModel):
    """A page of keys, the newest first."""

    keys: list[Key]
    next: str | None


class Entry(BaseModel):
    """Something that was done."""

    audit_key: int
    at: datetime
    who: str
    what: str
    subject: str
    subject_key: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    comment: str | None


class AuditPage(BaseModel):
    """A page of the log, the oldest first."""

    entries: list[Entry]
    next: str | None


@router.post("/keys", status_code=201, summary="Make a key")
def post_key(caller: OperatorCaller, service: Served, new: NewKey) -> MadeKey:
    """The key is shown once; the record holds a hash of it.

    An `Idempotency-Key` has no effect here: the answer would have to be kept, and the key with it.
    """
    secret = service.writer.run(
        lambda c: issue_key(c, new.name, new.role, who=caller.who, expires_at=new.expires_at)
    )
    return MadeKey(prefix=secret.split("_")[1], key=secret, name=new.name, role=new.role)


@router.get("/keys", summary="List keys")
def get_keys(
    caller: OperatorCaller,  # noqa: ARG001 - the role is what is needed
    service: Served,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> KeyPage:
    """All keys, revoked ones too."""
    before = key_in(cursor)
    with service.database.reading() as connection:
        found = list_keys(connection, before=before, limit=limit + 1)
    page, more = page_of(_plain(found), limit, "api_key")
    return KeyPage(keys=[Key(**row) for row in page], next=more)


@router.delete("/keys/{prefix}", status_code=204, summary="Revoke a key",
               responses={404: {"description": "No such key, or revoked already."}})  # fmt: skip
async def delete_key(
    caller: OperatorCaller,
    service: Served,
    prefix: Annotated[str, Path(pattern="^[0-9a-z]{1,20}$", examples=["0123456789ab"])],
) -> Response:
    """It ends at once here, and within five seconds in other processes of the service."""
    if caller.mark == f"lp_{prefix}":
        raise conflict("a key does not revoke itself; use another operator's")
    await run_in_threadpool(_revoke, service, prefix, caller.who)
    return Response(status_code=204)


def _revoke(service: Service, prefix: str, who: str) -> None:
    service.writer.run(lambda connection: revoke_key(connection, prefix, who=who))
    service.keys.forget(prefix)


@router.get("/audit", summary="Read the log of what was done")
def get_audit(
    caller: OperatorCaller,  # noqa: ARG001 - the role is what is needed
    service: Served,
    subject: Annotated[Printable | None, Query(max_length=100, examples=["api key"])] = None,
    subject_key: Annotated[Printable | None, Query(max_length=200)] = None,
    who: Annotated[Printable | None, Query(max_length=200)] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> AuditPage:
    """Who did what to which thing, when, and how it was before and after."""
    after = key_in(cursor)
    with service.database.reading() as connection:
        found = audit_log(
            connection, subject=subject, subject_key=subject_key, who=who,
            after_key=after or 0, limit=limit + 1,
        )  # fmt: skip
    page, more = page_of(_plain(found), limit, "audit_key")
    return AuditPage(entries=[Entry(**row) for row in page], next=more)


def _plain(frame: Any) -> list[dict[str, Any]]:
    """Rows of a frame with None for what is missing."""
    rows: list[dict[str, Any]] = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return rows
