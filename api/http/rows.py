"""Rows of the record as JSON: nothing missing is NaN, moments are ISO, evidence is a list."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
import pandas as pd
from fastapi.responses import Response


def plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a frame with None for what is missing, as Python's own values."""
    rows: list[dict[Any, Any]] = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(name): own(value) for name, value in row.items()} for row in rows]


def own(value: Any) -> Any:
    """A value as Python's own; NaN and NaT are None."""
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124


def named(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row of the record by plain names: SQLAlchemy's own kind of text is no key to the JSON writer."""
    return {str(name): value for name, value in row.items()}


def finding_row(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row of a worklist: empty texts of dates and incidents are None, evidence is parsed."""
    out = {str(name): own(value) for name, value in row.items()}
    for name in ("onset", "onset_low", "onset_high", "end", "incident_id"):
        out[name] = out.get(name) or None
    if isinstance(out.get("evidence"), str):
        out["evidence"] = json.loads(out["evidence"])
    return out


def json_response(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in JSON."""
    return Response(
        orjson.dumps(body, default=_told, option=orjson.OPT_SERIALIZE_NUMPY),
        status_code=status,
        media_type="application/json",
        headers=dict(headers or {}),
    )


def _told(value: Any) -> str:
    return str(value.isoformat() if hasattr(value, "isoformat") else value)
