"""Who may do what: keys, sessions and roles, as dependencies of routes.

    @router.get("/things")
    def things(caller: AnalystCaller, service: Served) -> ...

A program sends ``Authorization: Bearer lp_...``. The page sends the cookie of its session, and with every
write the session's ``X-CSRF-Token``.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from api.http.callers import ANALYST, FIELD, OPERATOR, Caller
from api.http.problems import ProblemError
from api.http.service import Service, service_of
from api.http.sessions import COOKIE, caller_of_cookie

CSRF_HEADER = "x-csrf-token"
SAFE = {"GET", "HEAD", "OPTIONS"}

bearer = HTTPBearer(auto_error=False, scheme_name="key", description="An API key: `lp_<prefix>_<secret>`.")
cookie = APIKeyCookie(
    name=COOKIE, auto_error=False, scheme_name="session",
    description="A signed-in page; writes send `X-CSRF-Token` too.",
)  # fmt: skip


def unknown_caller(detail: str) -> ProblemError:
    """401: nobody we know."""
    return ProblemError(
        401, "unauthorized", "A key is needed", detail, headers={"WWW-Authenticate": "Bearer"}
    )


def forbidden(detail: str) -> ProblemError:
    """403: known, and may not."""
    return ProblemError(403, "forbidden", "Not allowed", detail)


def address_of(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else ""


async def known_caller(
    request: Request,
    key: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
    token: Annotated[str | None, Security(cookie)],
) -> Caller:
    """Whoever calls, after the limit of requests; the mark goes into the log.

    Raises:
        ProblemError: 401 without a valid key or session, 403 for a write without its token, 429.
    """
    service = service_of(request)
    if "authorization" in request.headers:
        caller = await _by_key(request, service, key.credentials if key else "")
    elif token:
        caller = await _by_session(request, service, token)
    else:
        raise unknown_caller("send a key: `Authorization: Bearer lp_...`")
    request.scope.setdefault("state", {})["caller"] = caller.mark
    service.requests.check(caller.mark)
    return caller


async def _by_key(request: Request, service: Service, secret: str) -> Caller:
    caller = service.keys.remembered(secret)
    if caller is None:
        service.strangers.peek(address_of(request))
        caller = await run_in_threadpool(service.keys.ask, secret)
    if caller is None:
        service.strangers.check(address_of(request))
        raise unknown_caller("this key is unknown, revoked or past its end")
    if service.keys.use_is_news(caller):
        service.keys.note_beside(caller)
    return caller


async def _by_session(request: Request, service: Service, token: str) -> Caller:
    caller = await run_in_threadpool(caller_of_cookie, service, token)
    if caller is None:
        raise unknown_caller("the session has ended; sign in again")
    if request.method not in SAFE:
        from_elsewhere(request)
        given = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(given.encode(), caller.csrf.encode()):
            raise forbidden("a write of a signed-in page needs its token in X-CSRF-Token")
    return caller


def from_elsewhere(request: Request) -> None:
    """Turn away what another site makes a browser send.

    Raises:
        ProblemError: 403.
    """
    site = request.headers.get("sec-fetch-site", "none")
    origin = request.headers.get("origin")
    if site not in {"same-origin", "none"} or (
        origin is not None and urlsplit(origin).netloc != request.headers.get("host", "")
    ):
        raise forbidden("this request was sent by another site")


def allow(*roles: str) -> Callable[[Caller], Awaitable[Caller]]:
    """A dependency that lets these roles (and operators) pass.

    Raises:
        ProblemError: 403 for others.
    """

    async def allowed(caller: Annotated[Caller, Depends(known_caller)]) -> Caller:
        if not caller.may(*roles):
            raise forbidden(
                f"this is for {' and '.join((*roles, OPERATOR))}, and the caller is {caller.role}"
            )
        return caller

    return allowed


AnyCaller = Annotated[Caller, Depends(allow(ANALYST, FIELD))]
"""Any role; a field team sees only what is assigned to it (``caller.sees_all``)."""

AnalystCaller = Annotated[Caller, Depends(allow(ANALYST))]
OperatorCaller = Annotated[Caller, Depends(allow())]
