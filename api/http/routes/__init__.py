"""Routes: what may be asked of the service, one file for each kind of thing."""

from api.http.routes import evidence, facts, health, keys, meters, readings, session

ROUTERS = (
    readings.router,
    facts.router,
    meters.router,
    evidence.router,
    keys.router,
    session.router,
    health.router,
)
