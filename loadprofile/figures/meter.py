"""One meter over its days: the day x hour heat map, and the daily energy beside what its peers did."""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from loadprofile.figures.marks import Marks, date_axis, day_numbers, draw_onset, draw_spans
from loadprofile.figures.style import (
    AFTER,
    BEFORE,
    INK,
    LABEL,
    NO_READING,
    QUIET,
    TICK,
    legend,
    note,
    panels,
    power_map,
    say,
    sheet,
)  # fmt: skip
from loadprofile.profiles import LoadProfiles

NEGATIVE = "#CC79A7"


def power_of(profiles: LoadProfiles, row: int) -> NDArray[np.float64]:
    """``(d, s)`` mean power in kW of one meter's slots; NaN = no reading."""
    return np.asarray(profiles.kwh[row].astype(np.float64) * (60.0 / profiles.step_minutes))


def mean_without_nan(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Mean of what is known along ``axis``; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


LONG = 3 * 366
"""Days from which a cube is too long to show a meter beside years it has no reading in."""


def in_view(profiles: LoadProfiles, row: int) -> slice:
    """The days worth drawing: all of them, but in a cube of many years only the meter's own, and a bit."""
    if len(profiles.days) <= LONG:
        return slice(0, len(profiles.days))
    read = np.flatnonzero(np.isfinite(profiles.kwh[row]).any(axis=1))
    if not read.size:
        return slice(0, len(profiles.days))
    spare = max(30, int(read[-1] - read[0]) // 20)
    return slice(max(0, int(read[0]) - spare), min(len(profiles.days), int(read[-1]) + spare + 1))


def day_hour_heatmap(profiles: LoadProfiles, row: int, marks: Marks | None = None) -> Figure:
    """Mean power (kW) over days and hours of one meter.

    The scale ends at the 99th percentile of the readings above zero, so that one spike does not hide
    the rest. Three things have colours of their own and cannot be taken for a low reading: no reading
    (hatched grey), an exact zero (white), a negative reading (pink). Windows of the evidence lie above
    as numbered bars.

    Args:
        profiles: the population's cube.
        row: which meter.
        marks: onset, end and windows to mark.
    """
    marks = marks or Marks()
    view = in_view(profiles, row)
    days, exists = profiles.days[view], profiles.exists[view]
    lanes = len(marks.spans)
    strip = 0.1 * lanes
    figure = sheet(2.75 + strip)
    margins = (0.62, 1.0, 0.42, 0.46 + strip)
    (axes,) = panels(figure, margins=margins)
    if len(days):
        _paint(axes, power_of(profiles, row)[view], days, exists)
        date_axis(axes, days)
    axes.set_ylim(0, 24)
    axes.set_yticks(range(0, 25, 6), [f"{h:02d}:00" for h in range(0, 25, 6)])
    say(axes, y="time of day")
    figure.text(
        0.62 / figure.get_figwidth(), 1 - 0.06 / figure.get_figheight(),
        f"Mean power by day and time of day ({profiles.step_minutes}-minute readings)",
        fontsize=9.5, color=INK, va="top",
    )  # fmt: skip
    if len(days):
        draw_onset(axes, marks)
        if lanes:
            box = axes.get_position()
            high = figure.get_figheight()
            above = figure.add_axes((box.x0, box.y1 + 0.15 / high, box.width, strip / high))
            above.set_xlim(axes.get_xlim())
            draw_spans(above, marks)
    return figure


def _paint(
    axes: Axes, power: NDArray[np.float64], days: NDArray[np.datetime64], exists: NDArray[np.bool_]
) -> None:
    """The picture itself, its scale and the legend of the colours outside the scale."""
    known = np.isfinite(power)
    positive = power[power > 0]
    top = float(np.quantile(positive, 0.99)) if positive.size else 1.0
    norm = Normalize(0.0, top)
    shown = power_map()(norm(np.where(known, power, 0.0)))
    shown[power == 0] = to_rgba("white")
    shown[power < 0] = to_rgba(NEGATIVE)
    shown[~known] = (0.0, 0.0, 0.0, 0.0)
    shown[~exists] = to_rgba(NO_READING)
    axes.patch.set(facecolor=NO_READING, hatch="//////", edgecolor="#b5b5b5", linewidth=0)
    x = day_numbers(days)
    axes.imshow(
        shown.transpose(1, 0, 2), origin="lower", aspect="auto", extent=(x[0], x[-1] + 1, 0, 24),
        interpolation="nearest" if len(days) <= 430 else "antialiased", interpolation_stage="rgba",
    )  # fmt: skip
    figure = axes.figure
    box = axes.get_position()
    wide = figure.get_figwidth()  # type: ignore[union-attr]
    right = figure.add_axes((box.x1 + 0.1 / wide, box.y0 + 0.36 * box.height, 0.11 / wide, 0.58 * box.height))
    bar = figure.colorbar(  # type: ignore[union-attr]
        ScalarMappable(norm, power_map()),
        cax=right,
        extend="max" if positive.size and positive.max() > top else "neither",
    )
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.ax.tick_params(labelsize=TICK, width=0.7, length=2)
    bar.ax.set_title("kW", fontsize=LABEL, loc="left", y=1.0, pad=4 + 6 * (bar.extend == "max"))
    kinds = [(~known & exists, "no reading", NO_READING), (power == 0, "exactly 0", "white"),
             (power < 0, "negative", NEGATIVE)]  # fmt: skip
    handles = [
        Patch(facecolor=colour, edgecolor="#9a9a9a", linewidth=0.5, label=word,
              hatch="//////" if word == "no reading" else None)
        for where, word, colour in kinds if where.any()
    ]  # fmt: skip
    if handles:
        legend(
            axes, handles=handles, loc="lower left", bbox_to_anchor=(1.005, -0.03), handlelength=1.0,
            handleheight=0.9, borderaxespad=0.0, handletextpad=0.5,
        )  # fmt: skip
    if not known.any():
        axes.text(
            0.5, 0.5, "no readings at all", transform=axes.transAxes, ha="center", va="center",
            fontsize=LABEL, color=INK, bbox={"facecolor": "white", "edgecolor": "none", "pad": 3},
        )  # fmt: skip


def daily_total(
    profiles: LoadProfiles,
    row: int,
    marks: Marks | None = None,
    expected_kw: NDArray[np.floating] | None = None,
    lost_kwh: tuple[float, float, float] | None = None,
) -> Figure:
    """Energy per day of one meter, with what it would have been had the meter gone on as its peers did.

    A day is shown when at least half of its readings are there, as their mean power x 24 h. The
    peers' course is brought to this meter's level by the median ratio over the days before the onset
    (all days where there is none); the band holds 80 % of those days. Between onset and end the area
    between the peers' course and what was found is what the lost energy is reckoned from.

    Args:
        profiles: the population's cube.
        row: which meter.
        marks: onset and end to mark.
        expected_kw: ``(d, 8)`` what the peers did, mean power of 3-hour blocks, any scale; None or NaN
            where there are too few peers.
        lost_kwh: lost energy with its 80 % interval (value, low, high) to write beside the area.
    """
    marks = marks or Marks()
    figure = sheet(2.3)
    (axes,) = panels(figure, margins=(0.62, 0.15, 0.42, 0.62))
    say(axes, "Energy per day", y="kWh per day", pad=24)
    view = in_view(profiles, row)
    days = profiles.days[view]
    if not len(days):
        note(axes, "no days")
        return figure
    date_axis(axes, days)
    found = daily_energy(profiles, row)
    if not np.isfinite(found).any():
        note(axes, "no day has half of its readings")
        draw_onset(axes, marks)
        return figure
    x = day_numbers(days) + 0.5
    window = max(7, len(x) // 120)
    axes.plot(x, found[view], ".", color=BEFORE, markersize=3.2, alpha=0.6, markeredgewidth=0)
    smooth = rolling_mean(found, window)
    (own,) = axes.plot(x, smooth[view], color=BEFORE, linewidth=1.3)
    named: list[tuple[Artist | tuple[Artist, ...], str]] = [
        (own, f"this meter, {window}-day mean (dots: single days)")
    ]
    course = None if expected_kw is None else _course(found, expected_kw, marks, profiles)
    if course is not None:
        level, low, high = course
        usual = rolling_mean(level, window)
        band = axes.fill_between(
            x, usual[view] * low, usual[view] * high, color=QUIET, alpha=0.18, linewidth=0
        )
        (line,) = axes.plot(x, usual[view], color=QUIET, linewidth=1.0, linestyle=(0, (4, 2)))
        named.append(((band, line), "had it gone on as its peers did (band: 80 % of days)"))
        if lost_kwh is not None and np.isfinite(lost_kwh[0]) and lost_kwh[0] > 0:
            less = marks.after(profiles.days) & (usual > smooth)
            axes.fill_between(
                x, smooth[view], usual[view], where=less[view], color=AFTER, alpha=0.35, linewidth=0
            )
            axes.set_title(
                _lost_words(lost_kwh),
                loc="right",
                y=1.0,
                fontsize=LABEL,
                color=AFTER,
                pad=24,
                fontweight="bold",
            )
    _limits(axes, found)
    draw_onset(axes, marks)
    legend(
        axes, handles=[h for h, _ in named], labels=[w for _, w in named], loc="lower left",
        bbox_to_anchor=(0.0, 1.1), ncol=2, borderaxespad=0.0, columnspacing=1.5,
    )  # fmt: skip
    return figure


def daily_energy(profiles: LoadProfiles, row: int) -> NDArray[np.float64]:
    """``(d,)`` kWh per day: mean power x 24 h where at least half of the day's readings are there."""
    power = power_of(profiles, row)
    enough = np.isfinite(power).sum(axis=1) * 2 >= np.maximum(profiles.exists.sum(axis=1), 1)
    return np.where(enough, mean_without_nan(power, 1) * 24.0, np.nan)


def _lost_words(lost: tuple[float, float, float]) -> str:
    value, low, high = lost
    words = f"not billed: {value:,.0f} kWh"
    return (
        f"{words} (80 %: {low:,.0f} to {high:,.0f} kWh)" if np.isfinite(low) and np.isfinite(high) else words
    )


def _limits(axes: Axes, found: NDArray[np.float64]) -> None:
    """From zero (or the lowest day below it) to a little above the 99.5th percentile of days."""
    known = found[np.isfinite(found)]
    top = float(np.quantile(known, 0.995))
    bottom = min(0.0, float(known.min()) * 1.05)
    axes.set_ylim(bottom, top * 1.15 if top > 0 else 1.0)


def _course(
    found: NDArray[np.float64], expected_kw: NDArray[np.floating], marks: Marks, profiles: LoadProfiles
) -> tuple[NDArray[np.float64], float, float] | None:
    """The peers' daily energy at this meter's level, and the 10 % and 90 % quantiles of own / peers."""
    blocks = np.asarray(expected_kw, dtype=np.float64)
    peers = np.where(np.isfinite(blocks).sum(axis=1) >= 6, mean_without_nan(blocks, 1) * 24.0, np.nan)
    fit = marks.before(profiles.days) & np.isfinite(found) & np.isfinite(peers) & (peers > 0)
    if fit.sum() < 10:
        return None
    ratio = found[fit] / peers[fit]
    middle = float(np.median(ratio))
    if middle <= 0:
        return None
    low, high = (float(q) / middle for q in np.quantile(ratio, [0.1, 0.9]))
    return peers * middle, low, high


def rolling_mean(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Centred mean of the known values; NaN where the middle is unknown or under half are known."""
    known = np.isfinite(values)
    total = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    count = np.concatenate([[0], np.cumsum(known)])
    at = np.arange(len(values))
    left, right = np.maximum(at - window // 2, 0), np.minimum(at + window // 2 + 1, len(values))
    n = count[right] - count[left]
    enough = known & (2 * n >= right - left)
    return np.where(enough, (total[right] - total[left]) / np.maximum(n, 1), np.nan)
