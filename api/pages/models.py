"""``/models``: the register: which model screens now, which stand beside it, how each was measured."""

from __future__ import annotations

import sqlalchemy as sa
from fastapi import Request, Response

from api.evidence.case_view import rows_of
from api.http.security import AnalystCaller
from api.http.service import Served
from api.pages.model_words import fact_lines, score_sheet, verdict_words
from api.pages.rendering import page
from api.pages.visiting import page_router
from loadprofile.store.model_register import models
from loadprofile.store.work_tables import PROMOTIONS

router = page_router()


@router.get("/models")
def models_page(request: Request, caller: AnalystCaller, service: Served) -> Response:
    """The register."""
    with service.database.reading() as connection:
        rows = rows_of(models(connection))
        log = connection.execute(sa.select(PROMOTIONS).order_by(PROMOTIONS.c.promotion_key.desc()).limit(20))
        promotions = [dict(row) for row in log.mappings()]
    names = {row["model_key"]: row["name"] for row in rows}
    for row in rows:
        row["sheet"] = score_sheet(row["scores"])
        row["facts"] = fact_lines(row["manifest"])
    return page(
        request, "models.html.j2", caller, title="Models", rows=rows, promotions=promotions, names=names,
        packaged=service.settings.model, verdict_words=verdict_words,
    )  # fmt: skip
