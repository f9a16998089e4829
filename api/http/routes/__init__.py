"""Routes: what may be asked of the service, one file for each kind of thing."""

from api.http.routes import (
    attachments,
    case_changes,
    cases,
    evidence,
    facts,
    health,
    jobs,
    keys,
    kpis,
    meters,
    models,
    readings,
    screenings,
    session,
    verdicts,
    worklist,
)

ROUTERS = (
    readings.router,
    facts.router,
    screenings.router,
    meters.router,
    worklist.router,
    cases.router,
    case_changes.router,
    verdicts.router,
    attachments.router,
    jobs.router,
    models.router,
    kpis.router,
    evidence.router,
    keys.router,
    session.router,
    health.router,
)
