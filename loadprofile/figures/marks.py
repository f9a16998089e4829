"""Marks on a time axis: when it began, how sure that is, when it ended, which days the evidence is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from loadprofile.figures.style import AFTER, INK, NOTE
from loadprofile.verdicts import Evidence, Verdicts

NAT = np.datetime64("NaT", "m")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Marks:
    """What to mark on the time axis of one meter.

    Attributes:
        onset, low, high, end: datetime64[m], NaT = none; ``low..high`` is the interval around the onset.
        spans: ``(number, first, last)`` of each statement that has a window; the number is its place in
            the list of evidence, from 1.
    """

    onset: np.datetime64 = NAT
    low: np.datetime64 = NAT
    high: np.datetime64 = NAT
    end: np.datetime64 = NAT
    spans: tuple[tuple[int, np.datetime64, np.datetime64], ...] = field(default=())

    def before(self, days: NDArray[np.datetime64]) -> NDArray[np.bool_]:
        """``(d,)`` days wholly before the onset; all days where there is none."""
        if np.isnat(self.onset):
            return np.ones(len(days), dtype=np.bool_)
        return np.asarray(days + np.timedelta64(1, "D") <= self.onset, dtype=np.bool_)

    def after(self, days: NDArray[np.datetime64]) -> NDArray[np.bool_]:
        """``(d,)`` days from the onset to the end; a day inside which it began is on neither side."""
        if np.isnat(self.onset):
            return np.zeros(len(days), dtype=np.bool_)
        began = days >= self.onset
        return np.asarray(began if np.isnat(self.end) else began & (days < self.end), dtype=np.bool_)


def marks_of(verdicts: Verdicts, row: int, spans: int = 6) -> Marks:
    """The marks of one verdict, with the windows of its first ``spans`` statements."""
    said = verdicts.evidence[row] if verdicts.evidence else ()
    return Marks(
        onset=verdicts.onset[row], low=verdicts.onset_low[row], high=verdicts.onset_high[row],
        end=verdicts.end[row], spans=windows(said[:spans]),
    )  # fmt: skip


def windows(evidence: Sequence[Evidence]) -> tuple[tuple[int, np.datetime64, np.datetime64], ...]:
    """Windows of the statements that have one; a date without a time of day means the whole day."""
    found = []
    for number, statement in enumerate(evidence, start=1):
        first, last = moment(statement.first), moment(statement.last)
        if np.isnat(first):
            continue
        if np.isnat(last):
            last = first
        if "T" not in statement.last and " " not in statement.last:
            last = last + np.timedelta64(1, "D")
        found.append((number, first, last))
    return tuple(found)


def moment(text: str) -> np.datetime64:
    """An ISO date or date-time as datetime64[m]; NaT for anything else."""
    try:
        return np.datetime64(text.strip()[:16].replace(" ", "T"), "m") if text.strip() else NAT
    except ValueError:
        return NAT


def on_axis(when: np.datetime64) -> float:
    """A moment as days since 1970-01-01, the unit of every time axis here."""
    return float(when.astype("datetime64[m]").astype(np.int64)) / 1440.0


def day_numbers(days: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Days as days since 1970-01-01."""
    return days.astype("datetime64[D]").astype(np.int64).astype(np.float64)


def written(when: np.datetime64, *, time: bool = False) -> str:
    """``3 May 2013`` (with ``time``: ``3 May 2013 14:30``); empty for NaT."""
    if np.isnat(when):
        return ""
    date, clock = str(when.astype("datetime64[m]")).split("T")
    year, month, day = date.split("-")
    words = f"{int(day)} {MONTHS[int(month) - 1]} {year}"
    return f"{words} {clock}" if time and clock != "00:00" else words


def date_axis(axes: Axes, days: NDArray[np.datetime64], *, labels: bool = True) -> None:
    """Limits and ticks of a time axis: days, months or years, the year said where it begins."""
    first, last = days[0].astype("datetime64[D]"), days[-1].astype("datetime64[D]") + np.timedelta64(1, "D")
    axes.set_xlim(on_axis(first), on_axis(last))
    ticks = _ticks(first, last)
    words, year = [], ""
    for tick in ticks:
        text = str(tick.astype("datetime64[D]"))
        month = MONTHS[int(text[5:7]) - 1]
        own = (
            month
            if text[8:] == "01" and len(ticks) > 1 and _months_apart(ticks)
            else f"{int(text[8:])} {month}"
        )
        if _years_apart(ticks):
            own = text[:4]
        elif text[:4] != year:
            own = f"{own}\n{text[:4]}"
        year = text[:4]
        words.append(own)
    axes.set_xticks([on_axis(t) for t in ticks], words if labels else [""] * len(ticks))


def _months_apart(ticks: NDArray[np.datetime64]) -> bool:
    return bool((np.diff(ticks).astype(np.int64) >= 28).all())


def _years_apart(ticks: NDArray[np.datetime64]) -> bool:
    return len(ticks) > 1 and bool((np.diff(ticks).astype(np.int64) >= 365).all())


def _ticks(first: np.datetime64, last: np.datetime64) -> NDArray[np.datetime64]:
    """At most 13 round dates from ``first`` up to but not including ``last``."""
    length = int((last - first).astype(np.int64))
    if length > 3 * 366:
        step = -(-length // (366 * 12))
        years = np.arange(first.astype("datetime64[Y]"), last.astype("datetime64[Y]") + 1)
        years = years[years.astype(np.int64) % step == 0]
        ticks = years.astype("datetime64[D]")
    elif length > 100:
        step = 1 if length < 400 else 3
        months = np.arange(first.astype("datetime64[M]"), last.astype("datetime64[M]") + 1)
        ticks = months[months.astype(np.int64) % step == 0].astype("datetime64[D]")
    else:
        step = next(s for s in (1, 2, 7, 14) if s * 12 >= length or s == 14)
        ticks = np.arange(first, last, np.timedelta64(step, "D"))
    inside = (ticks >= first) & (ticks < last)
    return np.asarray(ticks[inside] if inside.any() else np.array([first]))


def draw_onset(axes: Axes, marks: Marks, *, words: bool = True) -> None:
    """Onset and end as lines across the panel, the onset's interval as a band, named above it."""
    low, high = axes.get_xlim()
    moments = [(marks.onset, "onset", "-"), (marks.end, "end", (0, (4, 2)))]
    seen = [m for m in moments if not np.isnat(m[0]) and low <= on_axis(m[0]) <= high]
    for when, _, dashes in seen:
        axes.axvline(on_axis(when), color=INK, linewidth=1.1, linestyle=dashes, zorder=5)  # type: ignore[arg-type]
    if words:
        named = [(on_axis(when), f"{name} {written(when)}") for when, name, _ in seen]
        if len(named) == 2 and named[1][0] - named[0][0] < 0.26 * (high - low):  # no room for two
            named = [(named[0][0], f"{named[0][1]}, {named[1][1]}")]
        for x, text in named:
            late = (x - low) > 0.7 * (high - low)
            axes.annotate(
                text, (x, 1.0), xycoords=("data", "axes fraction"), xytext=(-3 if late else 3, 2),
                textcoords="offset points", ha="right" if late else "left", va="bottom",
                fontsize=NOTE, color=INK, annotation_clip=False,
            )  # fmt: skip
    if not (np.isnat(marks.onset) or np.isnat(marks.low) or np.isnat(marks.high)):
        left, right = max(on_axis(marks.low), low), min(on_axis(marks.high), high)
        if right > left:
            axes.axvspan(left, right, color=INK, alpha=0.13, linewidth=0, zorder=4)


def draw_spans(axes: Axes, marks: Marks) -> None:
    """Windows of the evidence as numbered bars, one lane each, on a strip of its own."""
    axes.set_ylim(len(marks.spans) - 0.5, -0.5)
    axes.axis("off")
    low, high = axes.get_xlim()
    for lane, (number, first, last) in enumerate(marks.spans):
        left, right = max(on_axis(first), low), min(on_axis(last), high)
        if right < left:
            continue
        right = max(right, left + (high - low) * 0.004)
        axes.plot([left, right], [lane, lane], color=AFTER, linewidth=3.2, solid_capstyle="butt")
        near = left - low > 0.03 * (high - low)
        axes.annotate(
            str(number), (left if near else right, lane), xytext=(-3 if near else 3, 0),
            textcoords="offset points", ha="right" if near else "left", va="center",
            fontsize=NOTE, color=INK, annotation_clip=False,
        )  # fmt: skip
