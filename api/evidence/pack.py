"""The evidence pack of a case: one page to take along, as JSON, HTML or PDF.

What people wrote is data all the way. The PDF's template gets it as JSON and never as markup; the HTML's
template escapes it, and the page carries a policy that lets nothing run.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import matplotlib as mpl
import orjson
import sqlalchemy as sa
from jinja2 import Environment, PackageLoader, StrictUndefined

from api.evidence.case_view import CaseView
from api.evidence.courses import charts_of, readings_of
from api.evidence.neighbours import neighbourhood
from api.evidence.pictures import pictures_of
from api.evidence.timeline import timeline
from loadprofile.errors import NotFoundError
from loadprofile.figures.style import CAUSE_COLOUR
from loadprofile.report.words import cause_words, percent
from loadprofile.store.meters import as_told

SENTENCES, ENTRIES, MEMBERS = 8, 6, 12
"""What finds room on one page; the JSON has all of it."""

LONGEST = 400
"""Characters of a text on the page."""


def contents(
    connection: sa.Connection,
    view: CaseView,
    made_at: datetime,
    as_of: datetime | None = None,
    *,
    pictures: bool = True,
) -> dict[str, Any]:
    """Everything about the case, as plain values.

    Args:
        connection: of ``Database.reading``.
        view: of the case.
        made_at: this moment.
        as_of: readings, events, registers, bills, neighbours and facts of the meter as they were known then;
            None = as they are known now.
        pictures: whether to draw them.
    """
    meter = view.meter if as_of is None else as_told(connection, view.meter, as_of)
    finding = {k: v for k, v in view.finding.items() if k not in {"meter_key", "case_key", "case_state"}}
    body: dict[str, Any] = {
        "made_at": made_at,
        "readings_as_of": as_of or made_at,
        "meter": {k: v for k, v in meter.items() if k != "meter_key"},
        "case": view.case,
        "finding": finding,
        "screening": {k: v for k, v in view.screening.items() if k != "error"},
        "summary": view.summary,
        "how_lost": view.how_lost,
        "would_decide": view.would_decide,
        "meters": [
            {
                "meter_id": m.meter_id, "cause": m.cause, "probability": m.probability, "onset": m.onset,
                "lost_kwh": m.lost_kwh, "expected_recovery": m.expected_recovery,
            }
            for m in view.members
        ],
        "visits_proposed": view.visits,
        "feedback": view.feedback,
        "history": view.history,
        "attachments": view.attachments,
        "charts": None,
        "timeline": [],
    }  # fmt: skip
    try:
        profiles = readings_of(connection, view.meter_id, as_of)
    except NotFoundError:
        return body
    others = neighbourhood(
        connection, profiles, view.meter["meter_key"], view.meter["feeder_id"], view.marks, as_of
    )
    body["charts"] = charts_of(profiles, view.marks, view.hemisphere) | {"neighbours": others}
    body["timeline"] = timeline(connection, profiles, view.meter_id, view.feedback, as_of)
    if pictures:
        body["pictures"] = pictures_of(profiles, view.marks, body["charts"])
    return body


def as_json(body: dict[str, Any]) -> bytes:
    """The whole pack without its pictures."""
    plain = {name: value for name, value in body.items() if name != "pictures"}
    return orjson.dumps(plain, default=_told, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)


def _told(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)


def for_page(view: CaseView, body: dict[str, Any]) -> dict[str, Any]:
    """What stands on the printed page: texts only, cut to what finds room."""
    case = view.case or {}
    said = view.statements
    odds = [
        {"cause": one.words, "share": one.probability, "percent": percent(one.probability),
         "colour": CAUSE_COLOUR[one.cause]}
        for one in view.odds
    ]  # fmt: skip
    meter = body["meter"]
    facts = [
        ("meter", view.meter_id),
        ("feeder", meter["feeder_id"]),
        ("tariff", meter["tariff"]),
        ("category", meter["category"]),
        ("place", _place(meter["latitude"], meter["longitude"])),
        ("state", str(case.get("state", "no case")).replace("_", " ")),
        ("with", case.get("assignee")),
        ("whose work", view.finding["queue"]),
        ("model", view.screening["model_name"]),
        ("screened as of", _moment(view.screening["as_of"])),
        ("pictures as of", _moment(body["readings_as_of"])),
    ]
    entries = [e for e in body["timeline"] if e["odd"] or e["kind"] in {"event", "outage", "visit"}]
    reports = [v for v in view.feedback if v["present"]]
    others = [m.meter_id for m in view.members if m.meter_id != view.meter_id]
    return {
        "title": f"Case {case['case_key']}" if case else "No case",
        "cause": cause_words(view.finding["cause"]),
        "colour": CAUSE_COLOUR[view.finding["cause"]],
        "made_at": _moment(body["made_at"]),
        "facts": [[name, _cut(value, 80)] for name, value in facts if value not in (None, "")],
        "summary": _cut(" ".join(view.summary), 900),
        "odds": odds,
        "evidence": [[s.number, _cut(s.sentence), _cut(s.speaks_for, 80)] for s in said[:SENTENCES]],
        "more_evidence": max(len(said) - SENTENCES, 0),
        "would_decide": _cut(view.would_decide or "The evidence decides; a visit or the register confirms."),
        "lost": _cut(view.how_lost[0]),
        "others": _cut(", ".join(others[:MEMBERS]), 300),
        "more_others": max(view.companions - min(len(others), MEMBERS), 0),
        "timeline": [[e["from"][:16], _cut(e["words"], 110)] for e in entries[-ENTRIES:]],
        "reports": [
            [v["visited_on"].isoformat(), _cut(v["visited_by"], 40), str(v["outcome"]).replace("_", " "),
             _cut(" ".join(t for t in (v["kind"], v["notes"]) if t), 200)]
            for v in reports[-3:]
        ],
        "pictures": body.get("pictures"),
    }  # fmt: skip


def _place(latitude: float | None, longitude: float | None) -> str | None:
    known = latitude is not None and longitude is not None
    return f"{latitude:.5f}, {longitude:.5f}" if known else None


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _cut(text: Any, longest: int = LONGEST) -> str:
    plain = " ".join(str(text).split())
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"


@cache
def _style() -> str:
    return files("api.evidence").joinpath("templates/pack.css").read_text(encoding="utf-8")


@cache
def html_policy() -> str:
    """Content-Security-Policy of the page: its own style by its hash, pictures in the page, nothing else."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'"


def as_html(page: dict[str, Any]) -> str:
    """The page as one HTML file that needs nothing else."""
    environment = Environment(
        loader=PackageLoader("api.evidence"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    pictures = {
        name: "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode()
        for name, text in (page["pictures"] or {}).items()
    }
    template = environment.get_template("pack.html.j2")
    return template.render(page=page, pictures=pictures, style=_style(), policy=html_policy())


def as_pdf(page: dict[str, Any]) -> bytes:
    """The page as PDF, A4, one page whatever is in it."""
    import typst

    template = files("api.evidence").joinpath("templates/pack.typ").read_bytes()
    given = {"page": orjson.dumps(page).decode()}
    return bytes(typst.compile(template, format="pdf", font_paths=_fonts(), sys_inputs=given))


@cache
def _fonts() -> Any:
    """Those of matplotlib first, then the system's for letters that they lack."""
    import typst

    return typst.Fonts(font_paths=[str(Path(mpl.get_data_path()) / "fonts" / "ttf")])
