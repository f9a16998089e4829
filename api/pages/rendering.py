"""Templates and the words in them: numbers with units, moments, causes."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from functools import cache
from typing import Any
from urllib.parse import quote

import numpy as np
from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from api.http.callers import Caller
from api.pages.assets import asset
from loadprofile.figures.marks import moment, written
from loadprofile.report.words import cause_words, figure_of, percent
from loadprofile.store.work_tables import CASE_STATES, OUTCOMES
from loadprofile.verdicts import CAUSES, UNDECIDED

NO_BREAK = "\u00a0"
_WITH_UNIT = re.compile(r"(\d) (%|kWh|kW|h|min|days?|times|meters|cases)(?![\w-])")
_ISO = re.compile(r"\b\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?)?")

STATE_WORDS = {
    "new": "new", "assigned": "assigned", "in_field": "in field", "waiting_for_data": "waiting for data",
    "closed": "closed",
}  # fmt: skip
OUTCOME_WORDS = {
    "fraud_confirmed": "fraud confirmed",
    "other_cause_confirmed": "other cause confirmed",
    "right_to_raise": "right to raise, but not fraud",
    "nothing_found": "nothing found",
    "inconclusive": "inconclusive",
    "no_access": "no access",
}
assert set(STATE_WORDS) == set(CASE_STATES)
assert set(OUTCOME_WORDS) == set(OUTCOMES)


def kwh(value: Any) -> str:
    """An energy in kWh, thousands set apart; a dash where it is not known."""
    if value is None or not math.isfinite(value):
        return "–"
    return figure_of(float(value), "")


def number(value: Any, places: int = 0) -> str:
    """A number with so many places; a dash where it is not known."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:,.{places}f}"


def share(value: Any) -> str:
    """A share in percent, on one line; a dash where it is not known."""
    return "–" if value is None or not math.isfinite(value) else percent(float(value)).replace(" ", NO_BREAK)


def unbroken(text: str) -> Markup:
    """A sentence whose numbers stay on one line with their units, and ISO days and moments in themselves."""
    said = str(escape(text))
    said = _WITH_UNIT.sub(rf"\1{NO_BREAK}\2", said)
    return Markup(_ISO.sub(r'<span class="nowrap">\g<0></span>', said))  # noqa: S704 - escaped above


def person(who: str) -> str:
    """Whoever did something, without what the record puts before people's names; keys stay keys."""
    return who.removeprefix("user:")


def local_moment(text: str | None, *, time: bool = True) -> str:
    """A local ISO day or moment of the record, such as ``3 May 2013 14:30``; a dash for none."""
    return written(moment(text or ""), time=time) or "–"


def instant(value: datetime | None) -> str:
    """An instant, to the minute, in UTC; a dash for none."""
    return "–" if value is None else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def day_of(value: date | datetime | np.datetime64 | int | None) -> str:
    """A day as ISO text; days since 1970-01-01 are days too."""
    if value is None:
        return "–"
    if isinstance(value, int | np.integer):
        return str(np.datetime64(int(value), "D"))
    return str(value)[:10]


@cache
def environment() -> Environment:
    """The templates of the pages; everything that is put into them is escaped."""
    made = Environment(
        loader=PackageLoader("api.pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.filters.update(
        kwh=kwh, number=number, share=share, local=local_moment, instant=instant, day=day_of,
        cause=cause_words, state=STATE_WORDS.__getitem__, outcome=OUTCOME_WORDS.__getitem__,
        path=lambda text: quote(str(text), safe=""), unbroken=unbroken, person=person,
    )  # fmt: skip
    made.globals.update(asset=asset, causes=(*CAUSES, UNDECIDED), outcomes=OUTCOMES)
    return made


def fragment(name: str, caller: Caller, **given: Any) -> HTMLResponse:
    """A part of a page. Nobody else's copy of it may be kept: it is about one moment and one caller."""
    text = environment().get_template(name).render(caller=caller, **given)
    return HTMLResponse(text, headers={"Cache-Control": "no-store"})


def page(request: Request, name: str, caller: Caller, **given: Any) -> HTMLResponse:
    """A whole page."""
    return fragment(name, caller, here=request.url.path, **given)
