"""One look for every picture: sizes, colours, panels, words.

Everything is set on the artists themselves. Nothing here reads or writes matplotlib's global
settings, so that pictures can be made in several threads and leave a caller's own alone.
The colours are those of Okabe and Ito (2008), which stay apart in the common kinds of colour
blindness; where colour carries a meaning, a marker, a label or an order carries it too.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

from loadprofile.verdicts import CAUSES, UNDECIDED, Cause

WIDTH = 7.1
"""Width of a full picture in inches: the text width of an A4 page."""

INK, QUIET, FAINT = "#222222", "#6b6b6b", "#d9d9d9"
BEFORE, AFTER = "#0072B2", "#D55E00"
NO_READING = "#e6e6e6"

CAUSE_COLOUR: dict[str, str] = {
    Cause.NORMAL: "#8c8c8c",
    Cause.DATA_MISMATCH: "#0072B2",
    Cause.MAINTENANCE: "#E69F00",
    Cause.CYBER_ATTACK: "#CC79A7",
    Cause.SUPER_CONSUMPTION: "#009E73",
    Cause.FRAUD: "#D55E00",
    UNDECIDED: "#222222",
}
CAUSE_MARKER: dict[str, str] = {
    Cause.NORMAL: "o",
    Cause.DATA_MISMATCH: "s",
    Cause.MAINTENANCE: "^",
    Cause.CYBER_ATTACK: "D",
    Cause.SUPER_CONSUMPTION: "P",
    Cause.FRAUD: "X",
    UNDECIDED: "v",
}
CAUSE_WORD: dict[str, str] = {cause: str(cause).replace("_", " ") for cause in (*CAUSES, UNDECIDED)} | {
    Cause.CYBER_ATTACK: "cyber-attack",
    Cause.SUPER_CONSUMPTION: "super-consumption",
}
TITLE, LABEL, TICK, NOTE = 9.5, 8.5, 8.0, 7.5
DPI = 130


def sheet(height: float, width: float = WIDTH) -> Figure:
    """An empty white Figure of ``width`` x ``height`` inches with its own Agg canvas."""
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def panels(
    figure: Figure,
    rows: int = 1,
    columns: int = 1,
    *,
    margins: tuple[float, float, float, float] = (0.62, 0.15, 0.48, 0.34),
    gap: tuple[float, float] = (0.6, 0.6),
    widths: Sequence[float] | None = None,
    heights: Sequence[float] | None = None,
) -> list[Axes]:
    """Axes on a grid, row by row; ``margins`` (left, right, bottom, top) and ``gap`` in inches.

    Fixed inches instead of a layout solver: the solver draws every picture twice.
    """
    wide, high = figure.get_size_inches()
    left, right, bottom, top = margins
    each_wide = (wide - left - right - gap[0] * (columns - 1)) / columns
    each_high = (high - top - bottom - gap[1] * (rows - 1)) / rows
    grid = figure.add_gridspec(
        rows, columns, left=left / wide, right=1 - right / wide, bottom=bottom / high, top=1 - top / high,
        wspace=gap[0] / each_wide, hspace=gap[1] / each_high, width_ratios=widths, height_ratios=heights,
    )  # fmt: skip
    return [dress(figure.add_subplot(grid[r, c])) for r in range(rows) for c in range(columns)]


def dress(axes: Axes) -> Axes:
    """Quiet spines and ticks."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(QUIET)
        axes.spines[side].set_linewidth(0.7)
    axes.set_title("", y=1.0)  # a place of its own: finding one costs as much as drawing the panel
    axes.tick_params(labelsize=TICK, colors=INK, color=QUIET, width=0.7, length=3)
    return axes


def say(axes: Axes, title: str = "", x: str = "", y: str = "", *, pad: float = 5) -> None:
    """Title (left, ``pad`` points above the panel) and axis labels."""
    if title:
        axes.set_title(title, loc="left", y=1.0, fontsize=TITLE, color=INK, pad=pad)
    if x:
        axes.set_xlabel(x, fontsize=LABEL, color=INK, labelpad=3)
    if y:
        axes.set_ylabel(y, fontsize=LABEL, color=INK, labelpad=4)


def note(axes: Axes, words: str) -> None:
    """A sentence in the middle of a panel that has nothing to draw."""
    axes.text(
        0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center",
        fontsize=LABEL, color=QUIET, wrap=False,
    )  # fmt: skip


def legend(axes: Axes, **options: object) -> None:
    """A frameless legend in the style's size; nothing when there is nothing to name."""
    handles = options.get("handles")
    if handles is None and not axes.get_legend_handles_labels()[1]:
        return
    settings: dict[str, object] = {"frameon": False, "fontsize": NOTE, "handlelength": 1.6, **options}
    axes.legend(**settings)  # type: ignore[arg-type]


def power_map() -> Colormap:
    """Pale yellow to deep blue: prints well, and leaves white free for an exact zero."""
    return ListedColormap(mpl.colormaps["YlGnBu"](np.linspace(0.10, 1.0, 256)), name="power")


_FONT = get_font(findfont(FontProperties()))


def printable(words: str, longest: int = 24) -> str:
    """``words`` with a box for every character the font lacks, cut to ``longest`` characters."""
    shown = "".join(c if c.isprintable() and _FONT.get_char_index(ord(c)) else "□" for c in words)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"
