"""``/models``: the register: which model screens now, which stand beside it, how each was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from fastapi import Request, Response

from api.evidence.case_view import rows_of
from api.http.security import AnalystCaller
from api.http.service import Served
from api.pages.rendering import page
from api.pages.visiting import page_router
from loadprofile.store.model_register import models
from loadprofile.store.work_tables import PROMOTIONS

router = page_router()


def plain_scores(scores: Mapping[str, Any] | None, before: str = "") -> list[tuple[str, str]]:
    """Scores as ``(name, value)``, nested names joined by dots; intervals as ``value (low to high)``."""
    out: list[tuple[str, str]] = []
    for name, value in (scores or {}).items():
        full = f"{before}{name}".replace("_", " ")
        if isinstance(value, Mapping):
            if {"value", "low", "high"} <= set(value):
                texts = [_text(value[part]) for part in ("value", "low", "high")]
                out.append((full, f"{texts[0]} ({texts[1]} to {texts[2]})"))
            else:
                out += plain_scores(value, f"{before}{name}.")
        elif isinstance(value, list | tuple):
            out.append((full, ", ".join(_text(v) for v in value)))
        else:
            out.append((full, _text(value)))
    return out


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@router.get("/models")
def models_page(request: Request, caller: AnalystCaller, service: Served) -> Response:
    """The register."""
    with service.database.reading() as connection:
        rows = rows_of(models(connection))
        log = connection.execute(sa.select(PROMOTIONS).order_by(PROMOTIONS.c.promotion_key.desc()).limit(20))
        promotions = [dict(row) for row in log.mappings()]
    names = {row["model_key"]: row["name"] for row in rows}
    for row in rows:
        row["told"] = plain_scores(row["scores"])
        row["facts"] = plain_scores(row["manifest"])
    return page(
        request, "models.html.j2", caller, title="Models", rows=rows, promotions=promotions, names=names,
        packaged=service.settings.model,
    )  # fmt: skip
