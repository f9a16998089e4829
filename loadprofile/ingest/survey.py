"""First pass over interval files: which meters, which days, and which interval each meter keeps.

Interval and day range rest on all readings of a meter, so they cannot depend on the order of the rows.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from loadprofile.ingest.readings import Readings

FEW = 8
"""A meter with fewer readings takes the interval that most other meters have."""

STRAY_SHARE = 1e-4
STRAY_DAYS = 366
"""Days more than a year away from all others, with less than this share of the readings, are mistakes."""


class Survey:
    """Counts readings per meter and quarter of the day, and per day."""

    def __init__(self) -> None:
        self.quarters = np.zeros((0, 96), dtype=np.int64)
        self.days: dict[int, int] = {}

    def add(self, readings: Readings) -> None:
        """Take one chunk into account (blanks count for the days only)."""
        known = max(len(readings.vocabulary), len(self.quarters))
        if known > len(self.quarters):
            more = np.zeros((known - len(self.quarters), 96), dtype=np.int64)
            self.quarters = np.concatenate([self.quarters, more])
        on_quarter = readings.minute % 15 == 0
        seen = on_quarter & ~np.isnan(readings.kwh)
        key = readings.codes[seen].astype(np.int64) * 96 + readings.minute[seen] // 15
        self.quarters += np.bincount(key, minlength=known * 96).reshape(known, 96)
        for day, count in zip(*np.unique(readings.day, return_counts=True), strict=True):
            self.days[int(day)] = self.days.get(int(day), 0) + int(count)

    def window(self) -> tuple[int, int]:
        """First and last day (since 1970) that belong to the data.

        Days that lie more than ``STRAY_DAYS`` away from all others and hold hardly any readings are left out.
        """
        days = np.array(sorted(self.days), dtype=np.int64)
        counts = np.array([self.days[int(day)] for day in days])
        cuts = np.flatnonzero(np.diff(days) > STRAY_DAYS) + 1
        groups = np.split(np.arange(len(days)), cuts)
        total = counts.sum()
        kept = [g for g in groups if counts[g].sum() >= max(STRAY_SHARE * total, 1)] if total else groups
        if (
            len(groups) > 1 and total <= 2 / STRAY_SHARE
        ):  # too few readings for a share: trust the larger part
            biggest = max(counts[g].sum() for g in groups)
            kept = [g for g in groups if counts[g].sum() * 1000 >= biggest or counts[g].sum() > 48]
        return int(days[kept[0][0]]), int(days[kept[-1][-1]])

    def is_daily(self) -> bool:
        """Whether over a week or more no meter has readings at two times of day (these are daily totals)."""
        times = (self.quarters > 0).sum(axis=1)
        return len(self.days) >= 7 and bool((times <= 1).all() and (self.quarters.sum(axis=1) >= 7).any())

    def steps(self, wanted: int | None = None) -> NDArray[np.int64]:
        """Interval in minutes of every meter: the one it keeps for at least half of the time.

        A quarter-hour meter has as many readings at :15 and :45 as at :00 and :30; a half-hour meter as many
        at :30 as at :00. Meters with too few readings to tell take the commonest interval of the others.
        """
        if wanted is not None:
            return np.full(len(self.quarters), wanted, dtype=np.int64)
        at = self.quarters.reshape(-1, 24, 4).sum(axis=1)
        full, quarter = at[:, 0] + at[:, 2], at[:, 1] + at[:, 3]
        step = np.full(len(at), 60, dtype=np.int64)
        step[(2 * at[:, 2] >= at[:, 0]) & (at[:, 2] > 0) & (at[:, 0] > 0)] = 30
        step[(2 * quarter >= full) & (quarter > 0) & (full > 0)] = 15
        count = at.sum(axis=1)
        sure = count >= FEW
        if sure.any():
            step[~sure] = _commonest(step[sure])
        elif (count > 0).any():
            step[count == 0] = _commonest(step[count > 0])
        return step


def _commonest(steps: Iterable[int]) -> int:
    values, counts = np.unique(np.asarray(steps), return_counts=True)
    return int(values[np.argmax(counts)])
