"""Time stamps as text: ISO 8601, day-first or month-first dates, offsets; each distinct text is read once.

A meter file repeats its stamps for every meter, so the careful reading of a stamp is done once per
distinct text and remembered: it may be slow and say exactly what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
from numpy.typing import NDArray

from loadprofile.ingest.clock import FIRST_YEAR, LAST_YEAR, Clock
from loadprofile.ingest.readings import ORDINARY

_TIME = (
    r"(?:[T ,]+(?P<hour>\d{1,2})[:.](?P<minute>\d\d)(?:[:.](?P<second>\d\d)(?:[.,]\d+)?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?)?"
    r"\s*(?P<offset>Z|UTC|GMT|[+-]\d\d:?\d\d|[+-]\d\d)?"
)
_YEAR_FIRST = re.compile(r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})" + _TIME)
_COMPACT = re.compile(
    r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"
    r"(?:[T ]?(?P<hour>\d\d):?(?P<minute>\d\d)(?::?(?P<second>\d\d))?)?"
    r"(?P<offset>Z|[+-]\d\d:?\d\d)?(?P<half>)"
)
_YEAR_LAST = re.compile(
    r"(?P<one>\d{1,2})(?P<mark>[-/.])(?P<two>\d{1,2})(?P=mark)(?P<year>\d{4}|\d\d)" + _TIME
)
_NAMED = re.compile(r"(?P<day>\d{1,2})[- /](?P<month>[A-Za-z]{3})[a-z]*[- /](?P<year>\d{4}|\d\d)" + _TIME)
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: 1 + i for i, name in enumerate(_MONTH_NAMES)}

UNREAD = -(1 << 62)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, eq=False, slots=True)
class Stamps:
    """Read time stamps: ``wall`` int64 local minutes since 1970, ``fold`` int8, ``reason`` (empty = good)."""

    wall: NDArray[np.int64]
    fold: NDArray[np.int8]
    reason: NDArray[np.object_]

    @property
    def good(self) -> NDArray[np.bool_]:
        """Which of them could be read."""
        out: NDArray[np.bool_] = self.wall != UNREAD
        return out

    def take(self, at: NDArray[np.int64]) -> Stamps:
        """Those at the given positions."""
        return Stamps(self.wall[at], self.fold[at], self.reason[at])


def dayfirst_of(texts: Iterable[str]) -> bool | None:
    """Whether slashed or dashed dates put the day first; None when the texts do not show it."""
    first = second = False
    for text in texts:
        found = _YEAR_LAST.fullmatch(text.strip())
        if found and found["mark"] != ".":
            first |= int(found["one"]) > 12
            second |= int(found["two"]) > 12
    return None if first == second else first


def is_ambiguous(texts: Iterable[str]) -> bool:
    """Whether any of the texts is a date such as 03/04/2013, whose order must be known."""
    matches = (_YEAR_LAST.fullmatch(text.strip()) for text in texts)
    return any(found is not None and found["mark"] != "." for found in matches)


def looks_like_time(text: str) -> bool:
    """Whether a cell can be read as a date or time stamp at all."""
    clean = text.strip()
    return any(pattern.fullmatch(clean) is not None for pattern in (_YEAR_FIRST, _YEAR_LAST, _NAMED)) or bool(
        re.fullmatch(r"(19|20)\d{6}T?(\d{4,6})?", clean)
    )


class StampReader:
    """Reads time stamps into the wall-clock minutes of one zone and remembers every text it has seen."""

    def __init__(self, clock: Clock, dayfirst: bool | None = None) -> None:
        self.clock = clock
        self.dayfirst = dayfirst
        self._at: dict[str, int] = {}
        self._wall: list[int] = []
        self._fold: list[int] = []
        self._reason: list[str] = []

    def read(self, texts: Sequence[str | None]) -> Stamps:
        """Read many texts (None = an empty cell)."""
        known = [text or "" for text in texts]
        fresh = list(dict.fromkeys(text for text in known if text not in self._at))
        if fresh:
            self._learn(fresh)
        at = [self._at[text] for text in known]
        wall = np.array([self._wall[i] for i in at], dtype=np.int64)
        fold = np.array([self._fold[i] for i in at], dtype=np.int8)
        reason = np.array([self._reason[i] for i in at], dtype=object)
        return Stamps(wall, fold, reason)

    def _learn(self, fresh: list[str]) -> None:
        walls = np.full(len(fresh), UNREAD, dtype=np.int64)
        folds = np.full(len(fresh), ORDINARY, dtype=np.int8)
        naive: list[int] = []
        aware: list[int] = []
        reasons = [""] * len(fresh)
        for i, text in enumerate(fresh):
            try:
                walls[i], is_instant = _minutes(text, self.dayfirst)
                (aware if is_instant else naive).append(i)
            except ValueError as error:
                reasons[i] = str(error)
        done = place(walls[naive], walls[aware], self.clock)
        for rows, stamps in ((naive, done[0]), (aware, done[1])):
            walls[rows], folds[rows] = stamps.wall, stamps.fold
            for row, reason in zip(rows, stamps.reason, strict=True):
                reasons[row] = reason
        for text, wall, fold, reason in zip(fresh, walls.tolist(), folds.tolist(), reasons, strict=True):
            self._at[text] = len(self._wall)
            self._wall.append(wall)
            self._fold.append(fold)
            self._reason.append(reason)


def place(naive: NDArray[np.int64], instants: NDArray[np.int64], clock: Clock) -> tuple[Stamps, Stamps]:
    """Naive wall-clock minutes and UTC minutes, both placed on the wall clock of a zone."""
    fold, skipped = clock.localize(naive)
    reason = np.full(len(naive), "", dtype=object)
    reason[skipped] = f"a time that the clock of {clock.zone} skipped"
    local = _plausible(Stamps(np.where(skipped, UNREAD, naive), fold, reason))
    wall, fold = clock.from_utc(instants)
    return local, _plausible(Stamps(wall, fold, np.full(len(wall), "", dtype=object)))


def _plausible(stamps: Stamps) -> Stamps:
    low = int((datetime(FIRST_YEAR, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds()) // 60
    high = int((datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds()) // 60
    odd = stamps.good & ((stamps.wall < low) | (stamps.wall >= high))
    stamps.wall[odd] = UNREAD
    stamps.reason[odd] = f"a year outside {FIRST_YEAR} to {LAST_YEAR}"
    return stamps


def _minutes(text: str, dayfirst: bool | None) -> tuple[int, bool]:
    """Minutes since 1970 of one text, and whether they are UTC (it had an offset)."""
    clean = text.strip().strip('"').strip()
    if not clean:
        raise ValueError("no time stamp")
    found = _YEAR_FIRST.fullmatch(clean) or _COMPACT.fullmatch(clean) or _NAMED.fullmatch(clean)
    if found is not None:
        part = found.groupdict()
        month = part["month"]
        year, day = int(part["year"]), int(part["day"])
        number = int(month) if month.isdigit() else _MONTHS.get(month.lower(), 0)
    else:
        found = _YEAR_LAST.fullmatch(clean)
        if found is None:
            raise ValueError("not a time stamp")
        part = found.groupdict()
        first, second, year = int(part["one"]), int(part["two"]), int(part["year"])
        # 31.12.2013 is day-first wherever it is written; for the other marks the file must have told.
        by_day = True if part["mark"] == "." else dayfirst
        if by_day is None:
            by_day = first > 12
        day, number = (first, second) if by_day else (second, first)
    year += 2000 if year < 100 else 0
    hour, minute, second = (int(part.get(key) or 0) for key in ("hour", "minute", "second"))
    half = (part.get("half") or "").replace(".", "").lower()
    if half:
        if not 1 <= hour <= 12:
            raise ValueError("not a time of day")
        hour = hour % 12 + (12 if half == "pm" else 0)
    if hour == 24:
        raise ValueError("24:00 is the end of an interval; the time stamp must be its start")
    try:
        moment = datetime(year, number, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise ValueError("no such date or time") from None
    if second in (1, 59):  # spreadsheets turn 00:30 into 00:29:59 or 00:30:01
        moment += timedelta(seconds=1 if second == 59 else -1)
    elif second:
        raise ValueError("not on a whole minute")
    offset = part.get("offset")
    if offset and offset not in ("Z", "UTC", "GMT"):
        sign = -1 if offset[0] == "-" else 1
        digits = offset[1:].replace(":", "").ljust(4, "0")
        shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        if shift > timedelta(hours=16):
            raise ValueError("no such time zone offset")
        moment = moment.replace(tzinfo=timezone(sign * shift))
    return int((moment - _EPOCH).total_seconds()) // 60, bool(offset)
