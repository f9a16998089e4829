"""``/healthz``, ``/readyz``, ``/metrics``: for whoever keeps the service running."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from api.http.callers import OPERATOR
from api.http.security import address_of, bearer, cookie, forbidden, known_caller
from api.http.service import Served, Service
from loadprofile.errors import LockedStoreError, StoreError
from loadprofile.store.cases import cases_by_state
from loadprofile.store.jobs import jobs_by_state
from loadprofile.store.meter_tables import METERS
from loadprofile.store.migrating import check_version

router = APIRouter(tags=["Operate"])

log = structlog.get_logger("loadprofile.http")
HERE = {"127.0.0.1", "::1", "localhost"}


class Health(BaseModel):
    """That it is so."""

    status: str


@router.get("/healthz", summary="Is the process alive?")
async def healthz() -> Health:
    """Asks nothing of the record."""
    return Health(status="alive")


@router.get(
    "/readyz", summary="Can work be taken?", responses={503: {"description": "The record is not there."}}
)
async def readyz(service: Served) -> Health:
    """The record answers, its tables are of this version, and it can be written."""
    async with service.probing:
        if not service.probe.is_fresh():
            await run_in_threadpool(_probe, service)
            service.probe.note()
    return Health(status="ready")


def _probe(service: Service) -> None:
    database = service.probe.database
    check_version(database)
    try:
        with database.writing() as connection:
            connection.execute(METERS.update().where(METERS.c.meter_key == -1).values(tariff=None))
    except LockedStoreError:
        return  # somebody is writing: so it can be written


async def _may_watch(
    request: Request,
    service: Served,
    key: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    token: Annotated[str | None, Depends(cookie)],
) -> None:
    if service.settings.open_metrics and address_of(request) in HERE:
        return
    caller = await known_caller(request, key, token)
    if caller.role != OPERATOR:
        raise forbidden("metrics are for operators")


@router.get("/metrics", summary="Prometheus metrics", dependencies=[Depends(_may_watch)],
            response_class=Response, responses={200: {"content": {"text/plain": {}}}})  # fmt: skip
async def metrics(service: Served) -> Response:
    """Counters of this process, for operators; for anybody on this machine where `open_metrics` is set.

    Jobs and cases by state are those of the record, counted at most every few seconds; where the record does
    not answer they are left out and everything else is told.
    """
    async with service.counting:
        if not service.count.is_fresh():
            await run_in_threadpool(_count, service)
            service.count.note()
    return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _count(service: Service) -> None:
    try:
        with service.count.database.reading() as connection:
            jobs, cases = jobs_by_state(connection), cases_by_state(connection)
    except StoreError as error:
        log.warning("not counted", reason=str(error))
        jobs, cases = {}, {}
    service.metrics.show_states(jobs, cases)
