"""The course of a meter's level in one statement: every date on which it changed, and by how much.

A verdict has one onset and one end. A bypass that is opened and closed, or a fault that was repaired, has
more dates: they are said beside it, for meters that are not called normal.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from loadprofile.features.change_dates import change_dates, daily_log_level
from loadprofile.strength import change_in_percent, count
from loadprofile.verdicts import CAUSES, Evidence

MOST_SAID = 8
"""So many dates are written out; the largest changes where there are more."""

LEAST_CHANGES = 2
"""A single change is what the onset says."""


def courses(
    power: NDArray[np.float32],
    expected: NDArray[np.float32],
    days: NDArray[np.datetime64],
    leading: NDArray[np.int64],
) -> tuple[Evidence | None, ...]:
    """The statement of each meter, None where its level changed less than twice.

    Args:
        power: ``(m, d, 8)`` kW of each 3-hour block.
        expected: ``(m, d, 8)`` movement of the peers.
        days: ``(d,)``.
        leading: ``(m,)`` index of the cause under whose name it is said.
    """
    levels = daily_log_level(power, expected)
    return tuple(
        _said(change_dates(level), days, str(CAUSES[at]))
        for level, at in zip(levels, leading.tolist(), strict=True)
    )


def _said(changes: list[tuple[int, float]], days: NDArray[np.datetime64], cause: str) -> Evidence | None:
    if len(changes) < LEAST_CHANGES:
        return None
    largest = sorted(changes, key=lambda change: -abs(change[1]))[:MOST_SAID]
    dated = "; ".join(f"{days[day]} {change_in_percent(step)}" for day, step in sorted(largest))
    more = f" (the {MOST_SAID} largest)" if len(changes) > MOST_SAID else ""
    return Evidence(
        name=f"{cause}.change_dates",
        sentence=f"Against like meters the weekly level had {count(len(changes), 'change', 'changes')}"
        f"{more}: {dated}.",
        quantity="change points of the weekly level", found=float(len(changes)), expected=math.nan,
        unit="changes", first=str(days[changes[0][0]]), last=str(days[changes[-1][0]]), source="peers",
    )  # fmt: skip
