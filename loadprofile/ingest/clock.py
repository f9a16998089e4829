"""Local wall-clock time: which minutes a zone skips and which it shows twice.

All instants and wall-clock times are int64 minutes since 1970-01-01 00:00 (of UTC, of the wall clock).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from loadprofile.ingest.readings import EITHER_PASS, FIRST_PASS, ORDINARY, SECOND_PASS

FIRST_YEAR, LAST_YEAR = 1990, 2060
"""Years in which interval meters are plausible; a stamp outside is taken for a mistake."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STRIDE = 3 * 1440  # no zone changed its clock twice within three days


@dataclass(frozen=True, eq=False, slots=True)
class Clock:
    """The clock changes of one zone between ``FIRST_YEAR`` and ``LAST_YEAR``.

    Attributes:
        zone: its name.
        at: ``(c,)`` instants (UTC minutes) at which the offset changes.
        offset: ``(c + 1,)`` minutes to add to UTC, before the first change, between, after the last.
    """

    zone: str
    at: NDArray[np.int64]
    offset: NDArray[np.int64]

    @property
    def skipped(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Wall-clock minutes that never showed: begins and ends (excluded)."""
        forward = np.diff(self.offset) > 0
        return (self.at + self.offset[:-1])[forward], (self.at + self.offset[1:])[forward]

    @property
    def repeated(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Wall-clock minutes that showed twice: begins and ends (excluded)."""
        back = np.diff(self.offset) < 0
        return (self.at + self.offset[1:])[back], (self.at + self.offset[:-1])[back]

    def localize(self, wall: NDArray[np.int64]) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
        """For naive wall-clock minutes: the fold, and whether the clock skipped them."""
        fold = np.where(_inside(wall, *self.repeated), EITHER_PASS, ORDINARY).astype(np.int8)
        return fold, _inside(wall, *self.skipped)

    def from_utc(self, instant: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
        """For instants (UTC minutes): the wall-clock minutes, and the fold with its pass known."""
        turn = np.searchsorted(self.at, instant, side="right")
        wall = instant + self.offset[turn]
        begins, ends = self.repeated
        back = np.flatnonzero(np.diff(self.offset) < 0)
        inside = _inside(wall, begins, ends)
        fold = np.full(wall.shape, ORDINARY, dtype=np.int8)
        if inside.any():
            nearest = np.searchsorted(begins, wall[inside], side="right") - 1
            late = instant[inside] >= self.at[back[nearest]]
            fold[inside] = np.where(late, SECOND_PASS, FIRST_PASS)
        return wall, fold

    def exists(self, first_day: int, days: int, step: int) -> NDArray[np.bool_]:
        """``(days, 1440 // step)``: False for slots that the clock skipped altogether.

        ``first_day`` counts from 1970-01-01.
        """
        slots = 1440 // step
        begin = first_day * 1440 + np.arange(days * slots, dtype=np.int64) * step
        gone = _inside(begin, *self.skipped) & _inside(begin + step - 1, *self.skipped)
        out: NDArray[np.bool_] = ~gone.reshape(days, slots)
        return out


def _inside(wall: NDArray[np.int64], begins: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each minute lies in one of the sorted, disjoint intervals ``[begin, end)``."""
    if not len(begins):
        return np.zeros(wall.shape, dtype=np.bool_)
    at = np.searchsorted(begins, wall, side="right") - 1
    found: NDArray[np.bool_] = (at >= 0) & (wall < ends[np.maximum(at, 0)])
    return found


@lru_cache(maxsize=32)
def clock_of(zone: str) -> Clock:
    """The clock of a zone (changes are searched three days at a time, then to the minute)."""
    info = ZoneInfo(zone)

    def offset(minute: int) -> int:
        shift = (_EPOCH + timedelta(minutes=minute)).astimezone(info).utcoffset() or timedelta(0)
        return int(shift.total_seconds() // 60)

    first = int((datetime(FIRST_YEAR, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds() // 60)
    last = int((datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds() // 60)
    known = offset(first)
    at: list[int] = []
    offsets = [known]
    for day in range(first, last, _STRIDE):
        now = offset(day + _STRIDE)
        if now == known:
            continue
        low, high = day, day + _STRIDE
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == known else (low, middle)
        at.append(high)
        offsets.append(now)
        known = now
    return Clock(zone, np.array(at, dtype=np.int64), np.array(offsets, dtype=np.int64))
