"""The app: what every request needs, put together once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from api.http import docs, problems
from api.http.limiting import Limiter
from api.http.routes import ROUTERS
from api.http.settings import Settings
from api.http.watch import Metrics, Watch
from loadprofile.store.database import Database, open_database

STATIC = Path(__file__).parents[1] / "pages" / "static"

DESCRIPTION = """
Submit load profiles, screen them, work the list, report what was found, and let that make the next list better.

Every call needs a key: `Authorization: Bearer lp_...`. Roles: *operator* may do everything, *analyst* all but
keys and promotions, *field* sees and answers only the cases assigned to it. Every error has one shape,
`application/problem+json`. Writes take an `Idempotency-Key`: the same call twice changes nothing.
"""


@dataclass(frozen=True, eq=False, slots=True)
class Service:
    """What routes work with.

    Attributes:
        settings: as given.
        database: the record.
        metrics: counters of this app.
        limiter: requests per key.
    """

    settings: Settings
    database: Database
    metrics: Metrics
    limiter: Limiter


def create_app(settings: Settings) -> FastAPI:
    """The service on a record that is already migrated."""
    service = Service(settings, open_database(settings.database), Metrics(), Limiter(settings.rate))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        service.database.close()

    app = FastAPI(
        title="loadprofile",
        summary="What is wrong behind a smart meter's load profile, and how sure that is.",
        description=DESCRIPTION,
        version=version("loadprofile"),
        docs_url=None,
        redoc_url=None,
        max_body_size=settings.max_body,
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
    for router in ROUTERS:
        app.include_router(router)
    app.include_router(docs.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(Watch, metrics=service.metrics, https=settings.cookies_over_https_only)
    return app
