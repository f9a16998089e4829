"""Group 2 of one meter, seen: the mean day before and after, and the course of each hour over the days.

After Calamaro et al., *Sustainability* 2021, 13(19), 10696, group 2.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from loadprofile.figures.marks import Marks
from loadprofile.figures.meter import in_view, mean_without_nan, power_of
from loadprofile.figures.style import AFTER, BEFORE, FAINT, INK, legend, note, panels, say, sheet
from loadprofile.profiles import LoadProfiles


def hourly_power(profiles: LoadProfiles, row: int) -> NDArray[np.float64]:
    """``(d, 24)`` mean power (kW) of each clock hour of each day; NaN where nothing was read."""
    power = power_of(profiles, row)
    return mean_without_nan(power.reshape(len(power), 24, 60 // profiles.step_minutes), 2)


def hourly_trends(profiles: LoadProfiles, row: int, marks: Marks | None = None) -> Figure:
    """The mean day before and after the onset, and for each clock hour its course over the days.

    Left: mean power of each hour; the band holds the middle half of the days. Right: one small panel an
    hour, mean of each of up to 60 stretches of days, all to one scale, with the straight line of the
    median of all pairwise slopes (Theil-Sen) and its slope in % of the hour's mean per 30 days.
    """
    marks = marks or Marks()
    figure = sheet(3.0)
    left, right = panels(figure, 1, 2, margins=(0.62, 0.12, 0.46, 0.3), gap=(0.35, 0.0), widths=(1.0, 1.75))
    hours = hourly_power(profiles, row)
    say(left, "Mean day (band: half of days)", "hour of the day", "mean power, kW")
    drawn = False
    sides = [
        ("before the onset", marks.before(profiles.days), BEFORE, "-"),
        ("after", marks.after(profiles.days), AFTER, "--"),
    ]
    if not sides[1][1].any():
        sides = [("all days", np.ones(len(profiles.days), dtype=np.bool_), BEFORE, "-")]
    x = np.arange(24) + 0.5
    for name, rows, colour, dashes in sides:
        part = hours[rows]
        if not np.isfinite(part).any():
            continue
        drawn = True
        low, high = quantiles(part, (0.25, 0.75))
        left.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
        left.plot(x, mean_without_nan(part, 0), color=colour, linewidth=1.4, linestyle=dashes, label=name)
    left.set_xlim(0, 24)
    left.set_xticks(range(0, 25, 6))
    if drawn:
        low, high = left.get_ylim()
        left.set_ylim(min(0.0, low), max(0.0, low) + (high - max(0.0, low)) * 1.22)
        legend(left, loc="upper left")
    else:
        note(left, "no readings")
    _small_multiples(right, hours, marks, profiles, row)
    return figure


def quantiles(part: NDArray[np.float64], wanted: tuple[float, ...]) -> NDArray[np.float64]:
    """``(len(wanted), columns)`` quantiles of the known values of each column; NaN where there are none."""
    ordered = np.sort(part, axis=0)  # NaN last
    count = np.isfinite(part).sum(axis=0)
    out = np.full((len(wanted), part.shape[1]), np.nan)
    for k, q in enumerate(wanted):
        place = q * np.maximum(count - 1, 0)
        under = np.floor(place).astype(np.intp)
        over = np.minimum(under + 1, np.maximum(count - 1, 0))
        columns = np.arange(part.shape[1])
        low, high = ordered[under, columns], ordered[over, columns]
        out[k] = np.where(count > 0, low + (high - low) * (place - under), np.nan)
    return out


def stretches(hours: NDArray[np.float64], most: int = 60) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Middle days ``(b,)`` and means ``(b, 24)`` of equal stretches of 7 days or more (1 if under 28)."""
    d = len(hours)
    length = max(7 if d >= 28 else 1, -(-d // most))
    starts = np.arange(0, d, length)
    means = np.stack([mean_without_nan(hours[a : a + length], 0) for a in starts])
    return np.minimum(starts + length / 2, (starts + d) / 2), means


def theil_sen(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and intercept: the median of all pairwise slopes; NaN with fewer than 3 known points."""
    known = np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) < 3:
        return float("nan"), float("nan")
    a, b = np.triu_indices(len(x), 1)
    slope = float(np.median((y[b] - y[a]) / (x[b] - x[a])))
    return slope, float(np.median(y - slope * x))


def _small_multiples(
    axes: Axes, hours: NDArray[np.float64], marks: Marks, profiles: LoadProfiles, row: int
) -> None:
    """Twenty-four small panels in one: far cheaper than twenty-four Axes."""
    say(axes, "Each hour over the days (slope per 30 days)")
    axes.axis("off")
    axes.set_xlim(0, 6)
    axes.set_ylim(4, 0)
    if not len(hours):
        return
    view = in_view(profiles, row)
    hours, first = hours[view], profiles.days[view][0]
    at, means = stretches(hours)
    known = means[np.isfinite(means)]
    if not known.size:
        note(axes, "no readings")
        return
    bottom, top = min(0.0, float(known.min())), float(np.quantile(known, 0.995))
    top = top if top > bottom else bottom + 1.0
    wide, high, d = 0.86, 0.60, len(hours)
    courses, lines, frames = [], [], []
    for hour in range(24):
        column, line = hour % 6, hour // 6
        floor = line + 0.30 + high

        def place(
            days: NDArray[np.float64], kw: NDArray[np.float64], c: int = column, f: float = floor
        ) -> NDArray[np.float64]:
            level = np.clip((kw - bottom) / (top - bottom), 0, 1.05)
            return np.column_stack([c + days / d * wide, f - level * high])

        courses += [place(at[a:b], means[a:b, hour]) for a, b in _runs(np.isfinite(means[:, hour]))]
        frames.append(np.array([[column, floor], [column + wide, floor]]))
        slope, start = theil_sen(at, means[:, hour])
        words = f"{hour:02d} h"
        level = float(mean_without_nan(means[:, hour], 0))
        if np.isfinite(slope):
            known_at = at[np.isfinite(means[:, hour])]
            ends = np.array([known_at[0], known_at[-1]])
            lines.append(place(ends, start + slope * ends))
            if level > 0:
                change = signed(slope * 30 / level * 100)
                words += f" {change} %" if len(change) < 4 else f" {change}%"
        axes.text(column, line + 0.24, words, fontsize=6.4, color=INK, va="bottom")
        if not np.isnat(marks.onset):
            day = (marks.onset - first.astype("datetime64[m]")).astype(np.int64) / 1440.0
            if 0 < day < d:
                frames.append(
                    np.array([[column + day / d * wide, floor], [column + day / d * wide, floor - high]])
                )
    axes.add_collection(LineCollection(frames, colors=FAINT, linewidths=0.8))
    axes.add_collection(LineCollection(courses, colors=BEFORE, linewidths=0.9))
    axes.add_collection(LineCollection(lines, colors=AFTER, linewidths=1.0, linestyles=[(0, (3, 1.5))]))


def signed(value: float) -> str:
    """A whole number with its sign (a true minus), and a zero without one."""
    whole = round(value)
    sign = "+" if whole > 0 else "\N{MINUS SIGN}" if whole < 0 else ""
    return f"{sign}{abs(whole)}"


def _runs(known: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Half-open ranges of the unbroken runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
