"""What the description of the API says of bodies that routes read themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from pydantic import BaseModel

BODY_MODELS: dict[str, type[BaseModel]] = {}
"""Models of bodies that the framework does not see, by name; ``described`` adds them to the schema."""


def body_of(
    model: type[BaseModel], example: Mapping[str, Any], others: Mapping[str, str | None]
) -> dict[str, Any]:
    """``openapi_extra`` of a route that takes JSON of this model, or other media types.

    Args:
        model: of the JSON body.
        example: a body that the running service accepts.
        others: media types with a worked example, or None for binary ones.
    """
    BODY_MODELS[model.__name__] = model
    content: dict[str, Any] = {
        "application/json": {
            "schema": {"$ref": f"#/components/schemas/{model.__name__}"}, "example": dict(example)
        }
    }  # fmt: skip
    for name, text in others.items():
        kind = {"type": "string"} if text is not None else {"type": "string", "format": "binary"}
        content[name] = {"schema": kind} | ({} if text is None else {"example": text})
    return {"requestBody": {"required": True, "content": content}}


def described(schema: dict[str, Any]) -> dict[str, Any]:
    """The description with the models of ``body_of`` in it, and with a worked example of each call."""
    parts = schema.setdefault("components", {}).setdefault("schemas", {})
    for name, model in BODY_MODELS.items():
        own = model.model_json_schema(ref_template="#/components/schemas/{model}")
        parts.update(own.pop("$defs", {}))
        parts[name] = own
    for path, calls in schema["paths"].items():
        for method, call in calls.items():
            said = " ".join(_worked(method.upper(), path, call, parts))
            call["x-codeSamples"] = [{"lang": "Shell", "source": said}]
            call["description"] = f"{call.get('description', '')}\n\n```sh\n{said}\n```"
    return schema


def _worked(method: str, path: str, call: Mapping[str, Any], parts: Mapping[str, Any]) -> Iterator[str]:
    """A call for curl, word by word, with the examples of its parameters and of its body."""
    place, query = path, {}
    headers = ['"Authorization: Bearer $key"'] if call.get("security") else []
    for parameter in call.get("parameters", ()):
        name, where = parameter["name"], parameter["in"]
        value = str(next(iter(parameter["schema"].get("examples", ("",)))))
        if where == "path":
            place = place.replace(f"{{{name}}}", quote(value, safe=""))
        elif where == "query" and parameter["required"]:
            query[name] = value
        elif name == "If-Match":  # in the description it may be left out, so that we can say what it is for
            headers.append(f"'{name}: {value}'")
    yield "curl"
    body = call.get("requestBody", {}).get("content", {})
    if method not in {"GET", "POST"} or (method == "POST" and not body):
        yield f"-X {method}"
    for header in headers:
        yield f"-H {header}"
    yield f'"$service{place}{"?" + urlencode(query) if query else ""}"'
    for kind, content in body.items():
        told = content["schema"]
        if "$ref" in told:
            told = parts[told["$ref"].rsplit("/", 1)[1]]
        example = content.get("example", told.get("example"))
        if example is None:
            yield f"-H 'Content-Type: {kind}' --data-binary @file"
        else:
            text = orjson.dumps(example).decode().replace("'", "'\\''")
            yield f"--json '{text}'"
        return
