"""Running the service: record, first key, logs, and the server itself."""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog
import uvicorn
from uvicorn.supervisors import Multiprocess

from api.http.keys import first_key
from api.http.settings import Settings
from api.http.watch import configure_logs
from api.jobs.worker import Workers
from loadprofile.store.database import open_database
from loadprofile.store.migrating import migrate

if TYPE_CHECKING:
    from fastapi import FastAPI


class _Forward(logging.Handler):
    """Takes what libraries log and writes it as our own lines."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        log = structlog.get_logger(record.name)
        log.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)


class _Config(uvicorn.Config):
    """The server's own, but for its shared socket."""

    def bind_socket(self) -> socket.socket:
        """Connections of a socket that several processes share send at once too.

        asyncio sees to that only for sockets that it opened; without it each answer waits 40 ms for the
        client's acknowledgement of its first half.
        """
        made = super().bind_socket()
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made


def prepare(settings: Settings) -> str | None:
    """Bring the record to this version; returns the operator key of a record that never had one."""
    migrate(settings.database)
    database = open_database(settings.database)
    try:
        return first_key(database)
    finally:
        database.close()


def log_in_lines() -> None:
    """Everything that is logged goes to stderr as JSON lines."""
    configure_logs(sys.stderr)
    logging.basicConfig(handlers=[_Forward()], level=logging.INFO, force=True)


def from_environment() -> FastAPI:
    """The app of one of several server processes; its settings come from variables."""
    from api.http.app import create_app

    log_in_lines()
    return _warm(create_app(Settings()))


def _warm(app: FastAPI) -> FastAPI:
    """The app, which gets ready for single meters beside its first requests."""
    threading.Thread(target=app.state.service.one_meter.warm_up, name="warm-up", daemon=True).start()
    return app


def run(settings: Settings, say: Callable[[str], None]) -> None:
    """Serve until the process is ended."""
    secret = prepare(settings)
    if secret is not None:
        say("This record has no key yet. Here is one for an operator; it is shown this once:")
        say(secret)
    log_in_lines()
    several = settings.processes > 1
    app: FastAPI | str = "api.http.serving:from_environment"
    if several:
        os.environ.update(settings.as_variables())  # they get nothing else
    else:
        from api.http.app import create_app  # takes seconds, and the parent of several needs no app

        app = _warm(create_app(settings))
    config = _Config(
        app,
        factory=several,
        workers=settings.processes,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=settings.behind_proxy,
        timeout_graceful_shutdown=30,
        timeout_worker_healthcheck=60,  # a busy machine takes its time to import everything
    )
    bound = config.bind_socket()
    bound.listen(config.backlog)  # who reads the address may call at once, and waits for the rest
    say(f"http://{settings.host}:{bound.getsockname()[1]}  (API: /docs)")
    workers = Workers(settings)
    workers.start()
    try:
        if several:
            Multiprocess(config, sockets=[bound]).run()
        else:
            uvicorn.Server(config).run(sockets=[bound])
    finally:
        workers.stop()
