"""What routes work with, made once for each app."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Annotated

import anyio
from fastapi import Depends, Request

from api.http.keys import KeyRing
from api.http.limiting import Limiter
from api.http.settings import Settings
from api.http.watch import Metrics
from api.http.writing import Writer
from api.jobs.chosen_model import Models
from api.jobs.one_meter import OneMeter
from api.jobs.queue import Queue
from loadprofile.store.database import Database, open_database

BIG_BODIES = 2
"""Large bodies that are taken in at once; others wait. It bounds what uploads can take of memory."""

STREAMS = 100
"""Listeners to the progress of jobs at once; each asks the record now and then."""

PASSWORDS = 2
"""Passwords that are checked at once: each takes 64 MB and a moment by design."""


PROBED_EVERY = 2.0
"""Seconds for which an answer of ``/readyz`` holds, so that asking often costs nothing."""

COUNTED_EVERY = 5.0
"""Seconds for which the numbers of jobs and cases in ``/metrics`` hold."""


class Probe:
    """Whether the record was asked lately."""

    def __init__(self, database: Database, every: float = PROBED_EVERY) -> None:
        self.database = database
        self.every = every
        self._noted = -every

    def is_fresh(self) -> bool:
        """Whether it need not be asked again."""
        return time.monotonic() - self._noted < self.every

    def note(self) -> None:
        """It was asked, and answered."""
        self._noted = time.monotonic()


@dataclass(frozen=True, eq=False, slots=True)
class Service:
    """What routes work with.

    Attributes:
        settings: as given.
        database: the record.
        metrics: counters of this app.
        writer: runs writes; routes never write past it.
        keys: knows API keys.
        requests, strangers, sign_ins: limits per key, per address with wrong keys, per name and address.
        running: writes with an ``Idempotency-Key`` that are at work in this process.
        big_bodies, passwords: how many at once.
        queue: hands jobs to workers.
        models: loaded models.
        one_meter: judges single meters.
        streams: how many listen to the progress of jobs.
        probe, probing: a connection of its own that asks whether the record is ready, one at a time.
        count, counting: when jobs and cases were last counted for ``/metrics``, one at a time.
    """

    settings: Settings
    database: Database
    metrics: Metrics
    writer: Writer
    keys: KeyRing
    requests: Limiter
    strangers: Limiter
    sign_ins: Limiter
    probe: Probe
    count: Probe
    queue: Queue
    models: Models
    one_meter: OneMeter
    running: dict[tuple[str, str], object] = field(default_factory=dict)
    big_bodies: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(BIG_BODIES))
    passwords: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(PASSWORDS))
    streams: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(STREAMS))
    probing: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(1))
    counting: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(1))


def make_service(settings: Settings, database: Database) -> Service:
    """A service on an open record."""
    writer, models = Writer(database), Models(database)
    return Service(
        settings, database, Metrics(), writer, KeyRing(database, writer), Limiter(settings.rate),
        Limiter(settings.stranger_rate), Limiter(settings.sign_in_rate),
        Probe(open_database(settings.database, wait_seconds=1.0, pool=1)), Probe(database, COUNTED_EVERY),
        Queue(settings.database), models, OneMeter(database, models),
    )  # fmt: skip


def service_of(request: Request) -> Service:
    """The service of the app that got this request."""
    service: Service = request.app.state.service
    return service


async def _served(request: Request) -> Service:
    return service_of(request)


Served = Annotated[Service, Depends(_served)]
