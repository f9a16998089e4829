"""Group 3 of one meter, seen: a boxplot for each season and clock hour.

After Calamaro et al., *Sustainability* 2021, 13(19), 10696, group 3.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from loadprofile.features.seasonal import SEASONS, season_numbers
from loadprofile.figures.hourly import hourly_power, quantiles
from loadprofile.figures.marks import Marks
from loadprofile.figures.style import (
    AFTER,
    BEFORE,
    FAINT,
    INK,
    LABEL,
    NOTE,
    QUIET,
    legend,
    panels,
    say,
    sheet,
)
from loadprofile.profiles import LoadProfiles

PITCH = 26
"""Hours from the start of one season to the next on the axis of the seasonal boxplots."""


def seasonal_boxplots(
    profiles: LoadProfiles, row: int, marks: Marks | None = None, hemisphere: str = "north"
) -> Figure:
    """Tukey boxplots of the mean power of each clock hour over the days of each season.

    Box = quartiles, white line = median, whiskers = the last day within 1.5 box lengths, dots = days outside.
    Where an onset is known the boxes are the days before it and the dashed line is the median of the days
    after it, so that a season is compared with the same season.
    """
    marks = marks or Marks()
    figure = sheet(2.5)
    (axes,) = panels(figure, margins=(0.62, 0.12, 0.46, 0.46))
    hours = hourly_power(profiles, row)
    season = season_numbers(profiles.days, hemisphere)
    before, after = marks.before(profiles.days), marks.after(profiles.days)
    if not after.any():
        before = np.ones_like(before)
    known = hours[np.isfinite(hours)]
    top = float(np.quantile(known, 0.998)) * 1.08 if known.size else 1.0
    bottom = min(0.0, float(np.quantile(known, 0.002)) * 1.08) if known.size else 0.0
    axes.set_ylim(bottom, top if top > bottom else bottom + 1.0)
    axes.set_xlim(0, len(SEASONS) * PITCH - 2)
    for at, name in enumerate(SEASONS):
        _one_season(axes, at * PITCH, hours, before & (season == at), after & (season == at), (bottom, top))
        axes.text(
            at * PITCH,
            1.02,
            name,
            transform=axes.get_xaxis_transform(),
            fontsize=LABEL,
            color=INK,
            va="bottom",
        )
        if at:
            axes.axvline(at * PITCH - 1, color=FAINT, linewidth=0.8)
    ticks = [at * PITCH + hour for at in range(len(SEASONS)) for hour in (0, 6, 12, 18)]
    axes.set_xticks(ticks, [str(tick % PITCH) for tick in ticks])
    say(axes, "Each hour of the day by season", "hour of the day", "mean power, kW", pad=17)
    named = [line for line in axes.lines if not str(line.get_label()).startswith("_")]
    if named:
        legend(axes, handles=named[:1], loc="lower right", bbox_to_anchor=(1.0, 1.1), borderaxespad=0.1)
    return figure


def _one_season(
    axes: Axes,
    start: int,
    hours: NDArray[np.float64],
    before: NDArray[np.bool_],
    after: NDArray[np.bool_],
    limits: tuple[float, float],
) -> None:
    """The 24 boxes of one season from ``start`` on; dots beyond the ``limits`` lie on them."""
    part = hours[before]
    x = start + np.arange(24) + 0.5
    if np.isfinite(part).any():
        low, median, high = quantiles(part, (0.25, 0.5, 0.75))
        reach = 1.5 * (high - low)
        inside = (part >= low - reach) & (part <= high + reach)
        bottom = np.where(inside, part, np.inf).min(axis=0)
        top = np.where(inside, part, -np.inf).max(axis=0)
        have = np.isfinite(median)
        axes.vlines(x[have], bottom[have], top[have], color=BEFORE, linewidth=0.8)
        left, right = x[have] - 0.33, x[have] + 0.33
        corners = [(left, low[have]), (right, low[have]), (right, high[have]), (left, high[have])]
        boxes = np.stack([np.column_stack(corner) for corner in corners], axis=1)
        axes.add_collection(PolyCollection(list(boxes), facecolors=BEFORE, alpha=0.75, linewidths=0))
        axes.hlines(median[have], left, right, color="white", linewidth=1.4)
        axes.hlines(median[have], left, right, color=INK, linewidth=0.7)
        day, hour = np.nonzero(np.isfinite(part) & ~inside)
        axes.plot(
            x[hour], np.clip(part[day, hour], *limits), ".", color=QUIET, markersize=1.8, alpha=0.5,
            markeredgewidth=0,
        )  # fmt: skip
    if np.isfinite(hours[after]).any():
        (median,) = quantiles(hours[after], (0.5,))
        axes.plot(
            x, median, color=AFTER, linewidth=1.4, linestyle=(0, (4, 1.5)), label="median after the onset"
        )
    if not np.isfinite(hours[before | after]).any():
        axes.text(
            start + 12, 0.5, "no readings", transform=axes.get_xaxis_transform(), ha="center", fontsize=NOTE,
            color=QUIET,
        )  # fmt: skip
