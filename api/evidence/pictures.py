"""Pictures of a case for print, as SVG: letters are outlines, so that they look the same everywhere."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from loadprofile.figures.marks import Marks, date_axis, day_numbers, draw_onset
from loadprofile.figures.meter import day_hour_heatmap
from loadprofile.figures.style import AFTER, BEFORE, QUIET, legend, panels, say, sheet
from loadprofile.profiles import LoadProfiles

COLOURS = ((BEFORE, "-"), (AFTER, "--"))
HALF = 3.45
"""Width in inches of a picture that shares the line with another."""


def svg(figure: Figure) -> str:
    """A figure as SVG text, without the day on which it was drawn."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, dpi=200)
    return buffer.getvalue()


def pictures_of(profiles: LoadProfiles, marks: Marks, numbers: Mapping[str, Any]) -> dict[str, str]:
    """Heat map, histogram, mean day and neighbours as SVG; ``numbers``: what the page's charts get."""
    return {
        "days": svg(day_hour_heatmap(profiles, 0, marks)),
        "histogram": svg(_histogram(numbers)),
        "hours": svg(_hours(numbers)),
        "others": svg(_others(profiles, marks, numbers["neighbours"])),
    }


def _floats(values: list[float | None]) -> Any:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


def _histogram(numbers: Mapping[str, Any]) -> Figure:
    figure = sheet(1.75, HALF)
    (axes,) = panels(figure, margins=(0.5, 0.08, 0.42, 0.3))
    edges = _floats(numbers["histogram"]["edges"])
    sides = numbers["histogram"]["sides"]
    for side, (colour, dashes) in zip(sides, _styles(sides), strict=True):
        axes.stairs(_floats(side["share"]), edges, color=colour, linestyle=dashes, label=side["name"])
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(bottom=0)
    say(axes, "How often each energy occurs", f"kWh per {numbers['step_minutes']} min", "% of readings")
    legend(axes, loc="upper right")
    return figure


def _styles(sides: list[Any]) -> tuple[tuple[str, str], ...]:
    return COLOURS if len(sides) == 2 else COLOURS[:1]


def _hours(numbers: Mapping[str, Any]) -> Figure:
    figure = sheet(1.75, HALF)
    (axes,) = panels(figure, margins=(0.5, 0.08, 0.42, 0.3))
    x = np.arange(24) + 0.5
    for side, (colour, dashes) in zip(numbers["hours"], _styles(numbers["hours"]), strict=True):
        axes.fill_between(
            x, _floats(side["low"]), _floats(side["high"]), color=colour, alpha=0.18, linewidth=0
        )
        axes.plot(x, _floats(side["mean"]), color=colour, linestyle=dashes, linewidth=1.3, label=side["name"])
    axes.set_xlim(0, 24)
    axes.set_xticks(range(0, 25, 6))
    say(axes, "Mean day (band: half of days)", "hour of the day", "kW")
    legend(axes, loc="upper left")
    return figure


def _others(profiles: LoadProfiles, marks: Marks, numbers: Mapping[str, Any]) -> Figure:
    figure = sheet(1.65)
    (axes,) = panels(figure, margins=(0.62, 0.15, 0.34, 0.32))
    date_axis(axes, profiles.days)
    x = day_numbers(profiles.days) + 0.5
    axes.plot(
        x, _floats(numbers["kwh"]), ".", color=BEFORE, markersize=2.6, markeredgewidth=0, label="this meter"
    )
    course = numbers["others"]
    if course is not None:
        axes.fill_between(
            x, _floats(course["low"]), _floats(course["high"]), color=QUIET, alpha=0.2, linewidth=0
        )
        axes.plot(
            x, _floats(course["middle"]), color=QUIET, linestyle="--", linewidth=1.0,
            label=f"{course['meters']} other meters at this level",
        )  # fmt: skip
    axes.set_ylim(bottom=min(0.0, float(np.nanmin(_floats(numbers["kwh"]), initial=0.0))))
    draw_onset(axes, marks, words=False)
    say(axes, "Energy per day", y="kWh per day")
    legend(axes, loc="lower right", bbox_to_anchor=(1.0, 0.98), ncol=2, borderaxespad=0.0)
    return figure
