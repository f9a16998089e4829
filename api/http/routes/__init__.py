"""Routes: what may be asked of the service, one file for each kind of thing."""

from api.http.routes import facts, health, keys, kpis, meters, models, readings, session

ROUTERS = (
    readings.router,
    facts.router,
    meters.router,
    models.router,
    kpis.router,
    keys.router,
    session.router,
    health.router,
)
