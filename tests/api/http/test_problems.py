"""Every error has one shape, whatever goes wrong and wherever."""

from __future__ import annotations

import pytest
from serving import Served, is_problem

from api.http.problems import as_problem
from loadprofile import errors

ANYWHERE = ("/nowhere", "/v1/nowhere", "/v1/meters/none-such", "/static/none-such")


def routes(served: Served) -> list[tuple[str, str]]:
    paths = served.client.app.openapi()["paths"]  # type: ignore[attr-defined]
    return [(method.upper(), path) for path, calls in paths.items() for method in calls]


@pytest.mark.parametrize("path", ANYWHERE)
def test_what_is_not_there(served: Served, path: str) -> None:
    is_problem(served.get(path), 404, "not-found")


def test_methods_that_are_not_there(served: Served) -> None:
    for path in {path for _, path in routes(served)}:
        response = served.call("TRACE", path.replace("{", "").replace("}", ""))
        is_problem(response, 405, "method-not-allowed")


def test_no_route_answers_without_a_key(served: Served) -> None:
    open_to_all = {("GET", "/healthz"), ("GET", "/readyz"), ("POST", "/v1/session")}
    for method, path in routes(served):
        response = served.client.request(method, path.replace("{", "").replace("}", ""))
        if (method, path) not in open_to_all:
            is_problem(response, 401, "unauthorized")
            assert response.headers["www-authenticate"] == "Bearer"


def test_every_route_that_takes_a_body_refuses_other_kinds_and_broken_ones(served: Served) -> None:
    for path, calls in served.client.app.openapi()["paths"].items():  # type: ignore[attr-defined]
        for method, call in calls.items():
            if "requestBody" not in call or path == "/v1/session":
                continue
            of = {"if-match": '"1"'}  # or a change of a case is refused for want of its version
            odd = {"content": b"<x/>", "headers": {"content-type": "application/xml"} | of}
            response = served.call(method.upper(), path, "operator", **odd)
            assert response.status_code in {415, 422}
            is_problem(response, response.status_code)
            broken = {"content": b'{"a": ', "headers": {"content-type": "application/json"} | of}
            is_problem(served.call(method.upper(), path, "operator", **broken), 422)


def test_a_body_that_is_too_long(served: Served) -> None:
    long = {"content": b"x" * (2 << 20), "headers": {"content-type": "application/json"}}
    is_problem(served.post("/v1/keys", "operator", **long), 413, "too-large")
    is_problem(served.post("/v1/session", **long), 413, "too-large")


def test_validation_tells_where(served: Served) -> None:
    body = is_problem(served.get("/v1/meters?limit=0"), 422, "invalid")
    assert body["errors"][0]["where"] == "query.limit"


def test_a_mistake_of_ours_tells_nothing_but_its_number(
    served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret of the house")

    monkeypatch.setattr("api.http.routes.meters.list_meters", fail)
    response = served.get("/v1/meters")
    body = is_problem(response, 500, "internal")
    assert "secret" not in response.text
    assert body["request_id"] in body["detail"]
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (errors.LockedStoreError("/secret/place"), 503, "busy"),
        (errors.FullStoreError("/secret/place"), 507, "no-room"),
        (errors.ReadOnlyStoreError("/secret/place"), 503, "read-only"),
        (errors.UnreachableStoreError("/secret/place", "gone"), 503, "unreachable"),
        (errors.DamagedStoreError("/secret/place", "torn"), 503, "damaged"),
        (errors.SchemaVersionError("/secret/place", "1", "2"), 503, "not-migrated"),
        (errors.NotFoundError("case", 3), 404, "not-found"),
        (errors.StaleError("case", 3, 1, 2), 412, "stale"),
        (errors.TransitionError("case", 3, "closed", "new", ()), 409, "conflict"),
        (errors.ConflictError("meter", "A", "is there"), 409, "conflict"),
        (errors.RefusedError("meter_id", "", "is empty"), 422, "invalid"),
        (errors.OptionError("unit", "x", "is none"), 422, "invalid"),
    ],
)  # fmt: skip
def test_errors_of_the_record_are_problems(
    served: Served, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, kind: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("api.http.routes.meters.list_meters", fail)
    response = served.get("/v1/meters")
    is_problem(response, status, kind)
    assert "/secret/place" not in response.text
    assert ("retry-after" in response.headers) == (kind in {"busy", "unreachable"})


def test_arrays_that_do_not_fit_are_a_mistake_of_ours() -> None:
    with pytest.raises(errors.ShapeError):
        as_problem(errors.ShapeError("kwh", 1, 2))
