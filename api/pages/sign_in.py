"""``/sign-in``: where a browser gets its session; the form is sent as JSON to ``/v1/session``."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse

from api.http.callers import Caller
from api.http.security import AnyCaller
from api.pages.rendering import page
from api.pages.visiting import page_router

router = page_router()


def own_path(target: str) -> str:
    """Where to go after signing in: a path of this service, never another site."""
    fits = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if fits and "\\" not in target else "/"


@router.get("/sign-in")
async def sign_in_page(
    request: Request, target: Annotated[str, Query(alias="next", max_length=2000)] = "/"
) -> Response:
    """Name and password."""
    nobody = Caller("", "", "", "")
    return page(request, "sign_in.html.j2", nobody, title="Sign in", target=own_path(target))


@router.get("/")
async def home(caller: AnyCaller) -> Response:
    """The list that this caller works from."""
    return RedirectResponse("/worklist" if caller.sees_all else "/mine", status_code=303)
