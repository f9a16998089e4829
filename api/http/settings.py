"""Settings of the service: from the command line, then ``LOADPROFILE_*`` variables, then these defaults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

MEBIBYTE = 1024 * 1024


class Settings(BaseSettings):
    """What an operator may set.

    Attributes:
        database: SQLAlchemy URL of the record; SQLite beside the working folder unless told otherwise.
        host, port: where to listen; only this machine unless told otherwise.
        model: name in the record, path, or ``default`` for the packaged model, while none was promoted.
        max_body: bytes of a request, at most.
        max_json: bytes of a JSON body, at most (as objects they take about ten times as much).
        max_unpacked: bytes that a compressed upload may unfold to, at most.
        max_attachment: bytes of one attachment of a verdict, at most.
        max_rows: readings of one submission, at most.
        max_meters: meters of one submission, at most.
        max_cells: cells of the cubes of one submission, at most (a few readings years apart make large ones).
        body_seconds: how long a client may take to send a body.
        rate: requests a key may make, in the notation of the library ``limits``.
        stranger_rate: requests with a wrong key, per address.
        sign_in_rate: attempts to sign in per name and address.
        session_hours: how long a signed-in page stays so.
        replay_days: how long the answer to a write is kept under its ``Idempotency-Key``.
        open_metrics: whether ``/metrics`` needs no key for callers on this machine.
        secure_cookies: send cookies over HTTPS only; off by itself for a service on this machine alone.
        exploration: share of proposed visits that are drawn by chance.
        hemisphere: which months are winter.
        workers: worker processes for jobs; 0 = none here (they are started elsewhere).
        silence: seconds without a sign of life after which a job is taken from its worker.
        processes: processes that answer requests; limits of rates hold for each of them.
        behind_proxy: whether ``X-Forwarded-*`` of a proxy on this machine tell where a request is from.
    """

    model_config = SettingsConfigDict(env_prefix="LOADPROFILE_", frozen=True, extra="ignore")

    database: str = "sqlite:///loadprofile.db"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    model: str = "default"
    max_body: Annotated[int, Field(gt=0)] = 64 * MEBIBYTE
    max_unpacked: Annotated[int, Field(gt=0)] = 512 * MEBIBYTE
    max_attachment: Annotated[int, Field(gt=0)] = 10 * MEBIBYTE
    max_json: Annotated[int, Field(gt=0)] = 16 * MEBIBYTE
    max_rows: Annotated[int, Field(gt=0)] = 20_000_000
    max_meters: Annotated[int, Field(gt=0)] = 50_000
    max_cells: Annotated[int, Field(gt=0)] = 100_000_000
    body_seconds: Annotated[float, Field(gt=0)] = 120.0
    rate: str = "6000/minute"
    stranger_rate: str = "60/minute"
    sign_in_rate: str = "10/minute"
    session_hours: Annotated[float, Field(gt=0, le=24 * 30)] = 12.0
    replay_days: Annotated[float, Field(gt=0)] = 7.0
    open_metrics: bool = False
    secure_cookies: bool | None = None
    exploration: Annotated[float, Field(ge=0.0, le=0.5)] = 0.05
    hemisphere: str = "north"
    workers: Annotated[int, Field(ge=0, le=16)] = 1
    silence: Annotated[float, Field(ge=0.5)] = 30.0
    processes: Annotated[int, Field(ge=1, le=64)] = 1
    behind_proxy: bool = False
    attachments: tuple[str, ...] = ("image/jpeg", "image/png", "application/pdf", "text/plain")
    log_file: Path | None = None

    @property
    def only_here(self) -> bool:
        """Whether nobody but this machine can reach the service."""
        return self.host in {"127.0.0.1", "localhost", "::1"}

    @property
    def cookies_over_https_only(self) -> bool:
        """Whether cookies carry ``Secure``."""
        return not self.only_here if self.secure_cookies is None else self.secure_cookies

    def as_variables(self) -> dict[str, str]:
        """The same as variables, for processes that get nothing else."""
        out = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if value is not None:
                out[f"LOADPROFILE_{name.upper()}"] = (
                    json.dumps(value) if isinstance(value, tuple) else str(value)
                )
        return out
