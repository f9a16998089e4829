"""The description of the API is true: each example is accepted, and no request breaks the service."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from serving import Served
from worked import opened, with_screening

from api.http.app import STATIC

ROUNDS = int(os.environ.get("LOADPROFILE_ROUNDS", "2"))
"""Drawn requests for each call; `make soak` has more."""


def description(served: Served) -> dict[str, Any]:
    response = served.client.get("/openapi.json")
    assert response.status_code == 200
    found: dict[str, Any] = response.json()
    return found


def test_every_call_is_described(served: Served) -> None:
    for path, calls in description(served)["paths"].items():
        for method, call in calls.items():
            assert call["summary"], (method, path)
            assert call["description"], (method, path)
            assert call["tags"], (method, path)
            assert "application/problem+json" in call["responses"]["default"]["content"], (method, path)
            if path not in {"/healthz", "/readyz"} and (method, path) != ("post", "/v1/session"):
                assert call["security"], (method, path)


def test_every_body_has_a_worked_example_that_is_accepted(served: Served) -> None:
    with_screening(served)
    found = description(served)
    examples = 0
    for path, calls in found["paths"].items():
        for method, call in calls.items():
            for kind, content in call.get("requestBody", {}).get("content", {}).items():
                schema = content["schema"]
                if "$ref" in schema:
                    schema = found["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
                example = content.get("example", schema.get("example"))
                if example is None:
                    assert schema.get("format") == "binary", (method, path, kind)
                    continue
                body = {"json": example} if kind == "application/json" else {"content": example}
                place, headers = path.replace("{model_key}", "999"), {"content-type": kind}
                if "{case_key}" in path:  # each on a case that is new, as the examples take it to be
                    case = _new_case(served)
                    place = path.replace("{case_key}", str(case["case_key"]))
                    headers["if-match"] = f'"{case["version"]}"'
                    if path.endswith("/move"):
                        served.post(
                            place.replace("/move", "/assign"),
                            json={"assignee": "x"},
                            headers={"if-match": "*"},
                        )
                        headers["if-match"] = "*"
                answer = served.call(method.upper(), place, "operator", headers=headers, **body)
                expected = {401} if path == "/v1/session" else {200, 201, 202}
                if "{model_key}" in path or path == "/v1/models/rollback":
                    expected = {404, 409}  # there is no such model, and none was promoted yet
                assert answer.status_code in expected, (method, path, kind, answer.text)
                examples += 1
    assert examples >= 25


def test_every_call_has_a_worked_example_for_the_shell(served: Served) -> None:
    with_screening(served)
    opened(served)
    screening = served.post("/v1/screenings", json={}).json()
    served.post(f"/v1/jobs/{screening['job']}/cancel")  # or its events would not end
    for path, calls in description(served)["paths"].items():
        for method, call in calls.items():
            (sample,) = call["x-codeSamples"]
            assert sample["source"] in call["description"], "the page shows it"
            words = shlex.split(sample["source"])
            given = {flag: words[at + 1] for at, flag in enumerate(words) if flag.startswith("-")}
            (url,) = [word for word in words if word.startswith("$service")]
            headers = dict(word.split(": ", 1) for word in words if re.match("[A-Z][A-Za-z-]+: ", word))
            assert (headers.pop("Authorization", None) is None) == (not call.get("security")), (method, path)
            sent = {"--json", "--data-binary"} & set(given)
            asked = given.get("-X", "POST" if sent else "GET")
            assert asked == method.upper(), path
            if "--json" in sent:
                json.loads(given["--json"])  # the test above sends it
                continue
            body: dict[str, Any] = {"content": b"\xff\xd8\xff a picture"} if sent else {}
            place = url.removeprefix("$service")
            answer = served.call(asked, place, "operator", headers=headers, **body)
            told = answer.json().get("type", "") if answer.status_code == 422 else ""
            fits = answer.status_code < 400 or answer.status_code in {404, 409, 412}
            fits |= told == "/problems/nothing-to-judge" or path in {"/v1/session", "/v1/models/files"}
            assert fits, (method, place, answer.text[:300])


def _new_case(served: Served) -> dict[str, Any]:
    """The open case of the first meter, opened anew."""
    case = opened(served)
    closing = {"json": {"state": "closed"}, "headers": {"if-match": "*"}}
    served.post(f"/v1/cases/{case['case_key']}/move", **closing)
    return opened(served)


def test_no_drawn_request_breaks_the_service(served: Served) -> None:
    """Requests that fit the description, and requests that do not, drawn by schemathesis."""
    schema = schemathesis.openapi.from_dict(_without_binaries(description(served)))
    broken: list[str] = []
    asked = 0

    def ask(case: Any) -> None:
        nonlocal asked
        asked += 1
        case.headers = {**(case.headers or {}), **served.as_role("operator")}
        response = served.client.request(**_as_request(case))
        if response.status_code >= 500:
            broken.append(f"{case.method} {case.formatted_path}: {response.text[:300]}")

    quick = settings(
        max_examples=ROUNDS, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    calls = [result.ok() for result in schema.get_all_operations()]
    assert len(calls) >= 50
    for call in calls:
        for mode in schemathesis.GenerationMode:
            # a call without parameters has nothing that could be wrong
            with suppress(Unsatisfiable, schemathesis.errors.SchemathesisError):
                quick(given(call.as_strategy(generation_mode=mode))(ask))()
    assert asked > 3 * len(calls)
    assert broken == []


def _without_binaries(found: dict[str, Any]) -> dict[str, Any]:
    """The description without bodies that drawn bytes never fit."""
    for calls in found["paths"].values():
        for call in calls.values():
            content = call.get("requestBody", {}).get("content", {})
            for kind in [k for k in content if k not in {"application/json", "text/csv"}]:
                del content[kind]
    return found


def _as_request(case: Any) -> dict[str, Any]:
    drawn = dict(case.as_transport_kwargs(base_url="http://testserver"))
    if isinstance(drawn.get("data"), bytes | str):
        drawn["content"] = drawn.pop("data")
    names = ("method", "url", "headers", "params", "json", "data", "content")
    return {name: drawn[name] for name in names if drawn.get(name) is not None}


def test_the_page_of_the_description_loads_nothing_from_elsewhere(served: Served) -> None:
    page = served.client.get("/docs")
    assert page.status_code == 200
    assert "http://" not in page.text
    assert "https://" not in page.text
    for name in ("vendor/swagger-ui-bundle.js", "vendor/swagger-ui.css", "api-docs.js"):
        assert f"/static/{name}" in page.text
        assert served.client.get(f"/static/{name}").status_code == 200
    assert "unsafe-eval" not in page.headers["content-security-policy"]


def test_files_of_others_are_what_they_were() -> None:
    folder = STATIC / "vendor"
    listed = dict(
        reversed(line.split(maxsplit=1)) for line in (folder / "SHA256SUMS").read_text().splitlines()
    )
    found = {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.iterdir()
        if p.suffix in {".js", ".css"}
    }
    assert {name.lstrip("*"): digest for name, digest in listed.items()} == found
    assert Path(folder / "README.md").is_file()


@pytest.mark.parametrize("path", ["/docs", "/healthz", "/static/api-docs.js", "/nowhere", "/openapi.json"])
def test_every_answer_has_its_headers(served: Served, path: str) -> None:
    headers = served.client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "unsafe-inline" not in headers["content-security-policy"].split("script-src")[1].split(";")[0]
    assert headers["x-request-id"]
