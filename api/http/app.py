"""The app: what every request needs, put together once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from importlib.metadata import version
from typing import Any

import structlog
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from api.http import docs, problems
from api.http.openapi import described
from api.http.routes import ROUTERS
from api.http.service import Service, make_service
from api.http.settings import MEBIBYTE, Settings
from api.http.watch import Watch
from api.pages import ROUTERS as PAGES
from api.pages.assets import STATIC, Assets
from loadprofile.errors import StoreError
from loadprofile.store.database import open_database
from loadprofile.store.idempotency import forget_answers

log = structlog.get_logger("loadprofile.http")

UPLOADS = re.compile(
    r"/v1/(models/files|readings|meters|events|registers|outages|topology|invoices|feedback|cases/[^/]+/attachments)"
    r"|/cases/[^/]+/attachments"
)
"""Where bodies may be large; elsewhere they are a few fields."""

SMALL_BODY = MEBIBYTE

FORGET_EVERY = 3600.0
"""Seconds between looks for answers that were kept long enough."""

DESCRIPTION = """
Submit load profiles, screen them, work the list, report what was found, and let that make the next list
better.

Every call needs a key: `Authorization: Bearer lp_...`. Roles: *operator* may do everything, *analyst* all but
keys and promotions, *field* sees and answers only the cases assigned to it. Every error has one shape,
`application/problem+json`. Writes that add something take an `Idempotency-Key`: the same call twice changes
nothing. Changes of a case take the `ETag` that was seen as `If-Match`: who was slower overwrites nothing.

The examples want two variables: `service=http://127.0.0.1:8000` and `key=lp_...`.
"""


async def _forget_old_answers(service: Service) -> None:
    """Drop answers to writes that nobody will ask for again (``replay_days``), now and every hour."""
    kept = timedelta(days=service.settings.replay_days)
    while True:
        try:
            await run_in_threadpool(service.writer.run, lambda c: forget_answers(c, kept=kept))
        except StoreError as error:  # the record is busy or away: they can wait for another hour
            log.warning("old answers stay", reason=str(error))
        await asyncio.sleep(FORGET_EVERY)


def create_app(settings: Settings) -> FastAPI:
    """The service on a record that is already migrated."""
    service = make_service(settings, open_database(settings.database))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        forgetting = asyncio.create_task(_forget_old_answers(service))
        yield
        # What still writes beside requests ends first: it would open the record again, for nobody to close.
        forgetting.cancel()
        with suppress(asyncio.CancelledError):
            await forgetting
        await service.keys.settled()
        service.database.close()
        service.probe.database.close()
        service.queue.close()

    app = FastAPI(
        title="loadprofile",
        summary="What is wrong behind a smart meter's load profile, and how sure that is.",
        description=DESCRIPTION,
        version=version("loadprofile"),
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses={
            "default": {
                "description": "Any error, as problem+json.",
                "model": problems.ProblemBody,
                "content": {problems.MEDIA_TYPE: {}},
            }
        },
    )
    app.state.service = service
    problems.install(app)
    for router in (*ROUTERS, *PAGES):
        app.include_router(router)
    app.include_router(docs.router)
    app.mount("/static", Assets(directory=STATIC), name="static")
    app.add_middleware(
        Watch,
        metrics=service.metrics,
        https=settings.cookies_over_https_only,
        limit=lambda path: settings.max_body if UPLOADS.fullmatch(path) else SMALL_BODY,
    )

    def description() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = described(FastAPI.openapi(app))
        return app.openapi_schema

    app.openapi = description  # type: ignore[method-assign]
    return app
