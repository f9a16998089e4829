"""Watching: request numbers, structured logs, Prometheus metrics and the headers of every answer."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problems import internal

HEADERS: Sequence[tuple[bytes, bytes]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            b"font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
            b"frame-ancestors 'none'"
        ),
    ),
)
"""No inline script or style, nothing from elsewhere."""

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

log = structlog.get_logger("loadprofile.http")


class Metrics:
    """The counters of one app; each app has a registry of its own, so that tests do not share them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "loadprofile_http_requests", "Requests answered.", ("method", "route", "status"),
            registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "loadprofile_http_seconds", "Time to answer.", ("method", "route"), buckets=BUCKETS,
            registry=self.registry,
        )  # fmt: skip
        self.readings = Counter(
            "loadprofile_readings", "Readings submitted.", ("outcome",), registry=self.registry
        )
        self.jobs = Gauge("loadprofile_jobs", "Jobs in each state.", ("state",), registry=self.registry)
        self.cases = Gauge("loadprofile_cases", "Cases in each state.", ("state",), registry=self.registry)

    def show_states(self, jobs: Mapping[str, int], cases: Mapping[str, int]) -> None:
        """Set how many jobs and cases are in each state; empty = unknown, and no number is shown."""
        for gauge, counts in ((self.jobs, jobs), (self.cases, cases)):
            gauge.clear()
            for state, count in counts.items():
                gauge.labels(state).set(count)

    def text(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)


class Watch:
    """ASGI layer around the whole app.

    Here also stands the limit of a body, and not in the framework, whose own answer to a long body is no
    problem+json and lacks the headers.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, *, https: bool, limit: Callable[[str], int]) -> None:
        self.app = app
        self.metrics = metrics
        self.limit = limit
        self.headers = [*HEADERS]
        if https:
            self.headers.append((b"strict-transport-security", b"max-age=31536000"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Number, time, log and count one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        number = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = number
        status = 500
        started = time.perf_counter()

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                have = {name.lower() for name, _ in message["headers"]}
                extra = [(name, value) for name, value in self.headers if name not in have]
                message["headers"] = [*message["headers"], *extra, (b"x-request-id", number.encode())]
            await send(message)

        begun = False

        async def noticed(message: Message) -> None:
            nonlocal begun
            begun = True
            await answer(message)

        try:
            await self.app(scope, _Limited(scope, receive, self.limit(scope["path"])), noticed)
        except Exception as error:
            if begun:
                raise
            # Here and not in the framework's own last layer, so that this answer has its headers too.
            await internal(Request(scope), error)(scope, receive, answer)
        finally:
            seconds = time.perf_counter() - started
            # The pattern of the route, never the path: paths carry meter ids.
            route = getattr(scope.get("route"), "path", "unmatched")
            method = scope["method"] if scope["method"] in METHODS else "other"  # or a stranger makes series
            self.metrics.requests.labels(method, route, str(status)).inc()
            self.metrics.seconds.labels(method, route).observe(seconds)
            log.info(
                "request", request_id=number, method=method, route=route, status=status,
                ms=round(1000 * seconds, 2), caller=scope["state"].get("caller", ""),
                problem=scope["state"].get("problem", ""),
            )  # fmt: skip


class _Limited:
    """A body that is read only as far as it may be long."""

    def __init__(self, scope: Scope, receive: Receive, most: int) -> None:
        self.receive, self.most, self.taken = receive, most, 0
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        self.announced = int(announced) if announced.isdigit() else 0

    async def __call__(self) -> Message:
        if self.announced <= self.most:
            message = await self.receive()
            self.taken += len(message.get("body", b""))
            if self.taken <= self.most:
                return message
        # Of the framework's own kind: it takes any other error while it reads a body for a broken body.
        raise HTTPException(413, f"a body has at most {self.most:,} bytes")


def configure_logs(stream: Any = None) -> None:
    """JSON lines on stderr or on ``stream``; no bodies, no meter ids, no names of customers."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
