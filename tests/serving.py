"""Fixtures of the service: an app on a migrated record, keys of every role, and clients that carry them."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.http.app import create_app
from api.http.service import Service
from api.http.settings import Settings
from api.http.watch import configure_logs
from loadprofile.store.access import issue_key
from loadprofile.store.database import Database

ROLES = ("analyst", "field", "operator")


@dataclass(frozen=True, eq=False)
class Served:
    """A running app, and a key of each role."""

    client: TestClient
    service: Service
    keys: dict[str, str]

    def as_role(self, role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[role]}"}

    def call(self, method: str, path: str, role: str = "analyst", **given: Any) -> Any:
        headers = self.as_role(role) | given.pop("headers", {})
        return self.client.request(method, path, headers=headers, **given)

    def get(self, path: str, role: str = "analyst", **given: Any) -> Any:
        return self.call("GET", path, role, **given)

    def post(self, path: str, role: str = "analyst", **given: Any) -> Any:
        return self.call("POST", path, role, **given)


def served_on(url: str, **given: Any) -> Iterator[Served]:
    configure_logs(io.StringIO())  # what is logged where nothing is configured is pretty, and slow
    settings = Settings(database=url, rate="100000/minute", **given)
    app = create_app(settings)
    service: Service = app.state.service
    with service.database.writing() as connection:
        keys = {role: issue_key(connection, f"the {role}", role, who="test") for role in ROLES}
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Served(client, service, keys)


@pytest.fixture(scope="module")
def served(blank_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The service on SQLite, one record for a whole file of tests: each takes meters of its own."""
    path = tmp_path_factory.mktemp("served") / "record.db"
    shutil.copy(blank_file, path)
    yield from served_on(str(path))


@pytest.fixture
def served_on_both(database: Database) -> Iterator[Served]:
    """The service on an empty record, on each of the two databases."""
    yield from served_on(database.url)


def is_problem(response: Any, status: int, kind: str | None = None) -> dict[str, Any]:
    """The body of an answer that must be a problem of this status."""
    assert response.status_code == status, response.text[:500]
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert set(body) >= {"type", "title", "status", "detail", "instance", "request_id", "errors"}
    assert body["status"] == status
    assert body["type"].startswith("/problems/")
    assert body["request_id"] == response.headers["x-request-id"]
    if kind is not None:
        assert body["type"] == f"/problems/{kind}"
    return body
