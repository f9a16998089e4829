"""What the description of the API says of bodies that routes read themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
    """The description with the models of ``body_of`` in it."""
    parts = schema.setdefault("components", {}).setdefault("schemas", {})
    for name, model in BODY_MODELS.items():
        own = model.model_json_schema(ref_template="#/components/schemas/{model}")
        parts.update(own.pop("$defs", {}))
        parts[name] = own
    return schema
