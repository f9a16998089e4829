"""Pages of lists: a cursor says where the last page ended; clients hand it back as it is."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import sqlalchemy as sa
from fastapi import Query
from pydantic import AfterValidator, AwareDatetime

from api.http.problems import refused

Limit = Annotated[int, Query(ge=1, le=1000, description="Rows of a page, at most.")]
Cursor = Annotated[
    str | None, Query(max_length=600, description="`next` of the page before; leave out for the first.")
]
BIGGEST_KEY = 2**63 - 1


def cursor_after(*values: Any) -> str:
    """A cursor that holds these values."""
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


def values_of(cursor: str | None, *kinds: type) -> list[Any] | None:
    """What a cursor holds; None for the first page.

    Raises:
        ProblemError: 422 for one that was not given out by ``cursor_after`` for values of these kinds.
    """
    if cursor is None:
        return None
    try:
        values = orjson.loads(base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        values = None
    fits = isinstance(values, list) and len(values) == len(kinds)
    if not fits or any(type(value) is not kind for value, kind in zip(values, kinds, strict=True)):
        raise refused("this cursor was not given out by this list")
    if any(isinstance(v, int) and not 0 <= v <= BIGGEST_KEY for v in values) or any(
        isinstance(v, str) and not v.isprintable() for v in values
    ):
        raise refused("this cursor was not given out by this list")
    return list(values)


def key_in(cursor: str | None) -> int | None:
    """The key that a cursor of a list in the order of its keys holds; None for the first page.

    Raises:
        ProblemError: 422 for a cursor that was not given out.
    """
    values = values_of(cursor, int)
    return None if values is None else int(values[0])


def newest_first(
    asked: sa.Select[Any], key: sa.ColumnElement[int], limit: int, cursor: str | None
) -> sa.Select[Any]:
    """The query for one page by a growing key, and for one row more, which tells that others follow.

    Raises:
        ProblemError: 422 for a cursor that was not given out.
    """
    before = key_in(cursor)
    asked = asked.order_by(key.desc()).limit(limit + 1)
    return asked if before is None else asked.where(key < before)


def page_of(rows: Sequence[dict[str, Any]], limit: int, key: str) -> tuple[list[dict[str, Any]], str | None]:
    """The page, of rows of which one more was asked for, and the cursor behind it; None on the last."""
    page = list(rows[:limit])
    return page, cursor_after(page[-1][key]) if len(rows) > limit else None


def _plausible(moment: datetime) -> datetime:
    if not 1970 <= moment.year <= 2200:
        raise ValueError("a year from 1970 to 2200 is needed")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_plausible)]
"""An instant with its offset, in a year in which there may be records."""
