"""Who looks at a page, and what is shown when something goes wrong.

A page is asked for by a browser: without a session it is sent to sign in, and an error is a page. What htmx
asks for, and programs, get problem+json as everywhere else; the page's script shows its words.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from api.http.callers import Caller
from api.http.problems import ProblemError, as_problem, request_id
from loadprofile.errors import LoadProfileError

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def is_visit(request: Request) -> bool:
    """Whether a person opens a page, and not a script a part of it."""
    asked = request.headers.get("accept", "")
    return request.method == "GET" and "text/html" in asked and "hx-request" not in request.headers


class PageRoute(APIRoute):
    """A route whose errors are pages for those who visit it."""

    def get_route_handler(self) -> Handler:
        """The handler, with its errors caught."""
        handle = super().get_route_handler()

        async def visited(request: Request) -> Response:
            try:
                return await handle(request)
            except (ProblemError, LoadProfileError) as error:
                if not is_visit(request):
                    raise
                problem = as_problem(error)
                if problem.status == 401:
                    return to_sign_in(request)
                return error_page(request, problem)

        return visited


def page_router() -> APIRouter:
    """A router of pages; they are no part of the API's description."""
    return APIRouter(route_class=PageRoute, include_in_schema=False)


def to_sign_in(request: Request) -> RedirectResponse:
    """Sign in first, then come back here."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    target = "/sign-in" if here == "/" else f"/sign-in?next={quote(here, safe='')}"
    return RedirectResponse(target, status_code=303)


def error_page(request: Request, problem: ProblemError) -> Response:
    """An error in words, with the number under which it stands in the log."""
    from api.pages.rendering import page

    request.scope.setdefault("state", {})["problem"] = problem.kind
    nobody = Caller("", "", "", "")
    response = page(
        request, "error.html.j2", nobody, problem=problem, number=request_id(request), title=problem.title
    )
    response.status_code = problem.status
    response.headers.update(problem.headers)
    return response
