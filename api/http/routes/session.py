"""``/v1/session``: sign in to the page, see who one is, sign out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api.http.security import AnyCaller, address_of, from_elsewhere
from api.http.service import Served
from api.http.sessions import COOKIE, drop_cookie, set_cookie, sign_in
from loadprofile.store.logins import log_out

router = APIRouter(prefix="/v1/session", tags=["Session"])


class Credentials(BaseModel):
    """A name and its password."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"name": "ada", "password": "a long pass phrase"}}
    )

    name: Annotated[str, Field(min_length=1, max_length=200)]
    password: Annotated[str, Field(min_length=1, max_length=1000)]


class SignedIn(BaseModel):
    """A session that began; its cookie came in the headers."""

    name: str
    role: str
    csrf: str = Field(description="To be sent as `X-CSRF-Token` with every write.")
    expires_at: datetime


class Me(BaseModel):
    """Who is calling."""

    name: str
    role: str
    csrf: str = Field(description="Empty for a key.")


@router.post("", summary="Sign in")
async def post_session(
    request: Request, response: Response, service: Served, credentials: Credentials
) -> SignedIn:
    """For the page; programs use keys."""
    from_elsewhere(request)
    async with service.passwords:
        session = await run_in_threadpool(
            sign_in, service, credentials.name, credentials.password, address_of(request)
        )
    set_cookie(response, service, session.token)
    return SignedIn(
        name=session.caller.name, role=session.caller.role, csrf=session.csrf, expires_at=session.expires_at
    )


@router.get("", summary="See who one is")
async def get_session(caller: AnyCaller) -> Me:
    """Name and role of the key or session that calls."""
    return Me(name=caller.name, role=caller.role, csrf=caller.csrf)


@router.delete("", status_code=204, summary="Sign out")
async def delete_session(request: Request, caller: AnyCaller, service: Served) -> Response:  # noqa: ARG001
    """Ends the session of the cookie."""
    token = request.cookies.get(COOKIE, "")
    if token:
        await run_in_threadpool(service.writer.run, lambda connection: log_out(connection, token[:200]))
    response = Response(status_code=204)
    drop_cookie(response, service)
    return response
