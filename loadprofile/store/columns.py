"""Column types that mean the same on SQLite and on PostgreSQL, and the list of all tables.

Instants are UTC and carry their zone in Python; SQLite would drop it. Days and wall-clock moments of
readings are local by nature: a day is an integer (days since 1970-01-01), so that thousands of them go
into arrays without a detour. Energies of a day are one blob: little-endian float32, NaN = no reading.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from loadprofile.errors import RefusedError, ShapeError

METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""All tables of the record."""

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""Keys that the database gives out; SQLite numbers only columns of the type INTEGER."""

_EPOCH = date(1970, 1, 1)


SORTED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Text whose order is that of its code points on both databases, whatever the server's language."""


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An instant: goes in with any zone, comes out in UTC. A naive one is refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Shift to UTC; SQLite gets it without the zone."""
        if value is None:
            return None
        moment = utc(value)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        """Attach or shift to UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def utc(moment: datetime) -> datetime:
    """The same instant in UTC.

    Raises:
        ShapeError: for a moment without a zone.
    """
    if moment.tzinfo is None:
        raise ShapeError("moment", f"{moment} without a zone", "an instant with a zone")
    return moment.astimezone(UTC)


def now(at: datetime | None = None) -> datetime:
    """``at`` in UTC, or this moment if it is None."""
    return datetime.now(UTC) if at is None else utc(at)


_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def writable(name: str, text: str, longest: int) -> str:
    """A text that both databases keep as it is: lines and tabs, but no other control characters.

    Raises:
        RefusedError: it has some (PostgreSQL takes no NUL), or is longer than ``longest``.
    """
    if len(text) > longest:
        raise RefusedError(name, text[:40], f"is longer than {longest}")
    if _CONTROLS.search(text):
        raise RefusedError(name, text[:40], "holds control characters")
    return text


def day_number(day: date | np.datetime64) -> int:
    """Days since 1970-01-01."""
    if isinstance(day, np.datetime64):
        return int(day.astype("datetime64[D]").astype(np.int64))
    return (day - _EPOCH).days


def packed(kwh: NDArray[np.float32]) -> bytes:
    """Energies as little-endian float32."""
    return np.ascontiguousarray(kwh, dtype="<f4").tobytes()


def unpacked(blobs: list[bytes], slots: int) -> NDArray[np.float32]:
    """``(len(blobs), slots)`` float32 from as many blobs.

    Raises:
        ShapeError: when a blob has another length.
    """
    joined = b"".join(blobs)
    if len(joined) != 4 * slots * len(blobs):
        raise ShapeError("bytes of readings", len(joined), 4 * slots * len(blobs))
    return np.frombuffer(joined, dtype="<f4").astype(np.float32, copy=False).reshape(len(blobs), slots)


def json_text(value: Any) -> str:
    """Compact JSON; NaN and infinities are refused, for they are none."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return utc(value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in JSON")
