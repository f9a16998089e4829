"""Pictures of the protocol ``causes``: calibration of every answer, and a figure against a quantity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from loadprofile.errors import ShapeError
from loadprofile.figures.evaluation import LINES
from loadprofile.figures.style import CAUSE_COLOUR, CAUSE_WORD, NOTE, QUIET, note, panels, say, sheet
from loadprofile.verdicts import CAUSES

Points = Sequence[tuple[float, float, float]]
"""(value, low, high) of each point, NaN where it cannot be told."""

Bins = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""said, happened, low, high of each bin."""


def cause_reliability(curves: Mapping[str, Bins]) -> Figure:
    """Calibration of each of the six answers, one panel each.

    Args:
        curves: cause -> (said, happened, low, high) of its bins, in 0..1.
    """
    figure = sheet(4.6)
    for axes, cause in zip(
        panels(figure, 2, 3, margins=(0.6, 0.15, 0.48, 0.3), gap=(0.35, 0.5)), CAUSES, strict=True
    ):
        said, happened, low, high = (100 * v for v in curves[str(cause)])
        axes.plot([0, 100], [0, 100], color=QUIET, linewidth=0.8, linestyle=(0, (4, 2)))
        axes.vlines(said, low, high, color=CAUSE_COLOUR[cause], linewidth=1.1)
        axes.plot(said, happened, "o-", color=CAUSE_COLOUR[cause], markersize=4, linewidth=1.2)
        axes.set_xlim(-3, 103)
        axes.set_ylim(-3, 103)
        if not len(said):
            note(axes, "no meters")
        first, lower = cause in (CAUSES[0], CAUSES[3]), CAUSES.index(cause) >= 3
        say(
            axes, CAUSE_WORD[cause],
            "stated probability, %" if lower else "", "share that was true, %" if first else "",
        )  # fmt: skip
    return figure


def against(
    x: Sequence[float],
    runs: Mapping[str, Points],
    title: str,
    x_words: str,
    y_words: str,
    *,
    logarithmic: bool = False,
    names: Sequence[str] | None = None,
) -> Figure:
    """One figure (in 0..1) against a quantity, one line with intervals for each run.

    Args:
        x: the ``k`` places.
        runs: name -> ``k`` points.
        title: of the panel.
        x_words: under the x axis.
        y_words: beside the y axis.
        logarithmic: x on a logarithmic axis.
        names: words in place of the numbers at the places, which then are evenly spaced.
    """
    for name, points in runs.items():
        if len(points) != len(x):
            raise ShapeError(name, len(points), len(x))
    below = 0.12 + 0.17 * -(-len(runs) // 2)
    figure = sheet(2.9 + below)
    (axes,) = panels(figure, margins=(0.62, 0.2, 0.48 + below, 0.3))
    say(axes, title, x_words, y_words)
    at = np.arange(len(x)) if names is not None else np.asarray(x, dtype=np.float64)
    if logarithmic and names is None:
        axes.set_xscale("log")
    drawn = []
    for number, (name, points) in enumerate(runs.items()):
        colour, dashes = LINES[number % len(LINES)]
        value, low, high = (100 * np.array(points, dtype=np.float64).reshape(-1, 3)).T
        known = np.isfinite(value)
        apart = (number - (len(runs) - 1) / 2) * 0.05
        place = at + apart if names is not None else at
        axes.vlines(place[known], low[known], high[known], color=colour, linewidth=0.9, alpha=0.7)
        (line,) = axes.plot(
            place[known], value[known], marker="o", markersize=3.5, color=colour, linestyle=dashes,
            linewidth=1.4, label=name,
        )  # fmt: skip
        drawn.append(line)
    if names is not None:
        axes.set_xticks(at, list(names))
    else:
        axes.set_xticks(at, [f"{v:g}" for v in x])
        axes.minorticks_off()
    axes.margins(x=0.03)
    axes.set_ylim(-2, 103)
    axes.grid(axis="y", color=QUIET, alpha=0.2, linewidth=0.6)
    if not drawn:
        note(axes, "nothing to draw")
        return figure
    figure.legend(
        handles=drawn, loc="lower left", bbox_to_anchor=(0.07, 0.0), ncol=2, frameon=False, fontsize=NOTE,
        handlelength=2.4, columnspacing=2.0, borderaxespad=0.3,
    )  # fmt: skip
    return figure
