"""The six probabilities of one meter, and how strong the evidence for each is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from loadprofile.figures.style import CAUSE_COLOUR, CAUSE_WORD, INK, NOTE, QUIET, legend, panels, say, sheet
from loadprofile.verdicts import CAUSES, Evidence


def strongest(evidence: Sequence[Evidence]) -> NDArray[np.float64]:
    """``(6,)`` strength of the strongest statement that speaks for each cause; NaN where none does."""
    out = np.full(len(CAUSES), np.nan)
    for statement in evidence:
        name = statement.name.split(".", 1)[0]
        if name in CAUSES:
            at = list(CAUSES).index(name)  # type: ignore[arg-type]
            out[at] = np.fmax(out[at], statement.strength)
    return out


def cause_bars(probabilities: NDArray[np.floating], strengths: NDArray[np.floating] | None = None) -> Figure:
    """Bars: probability of each of the six causes. Diamonds: its strongest sign, 0 to 1, where it has one."""
    figure = sheet(1.9, 4.6)
    (axes,) = panels(figure, margins=(1.3, 0.5, 0.46, 0.3))
    y = np.arange(len(CAUSES))
    share = np.asarray(probabilities, dtype=np.float64) * 100
    axes.barh(y, share, height=0.62, color=[CAUSE_COLOUR[c] for c in CAUSES])
    for at, value in enumerate(share):
        axes.text(108, at, f"{value:.0f} %", va="center", ha="left", fontsize=NOTE, color=INK)
    if strengths is not None and np.isfinite(strengths).any():
        axes.plot(
            np.asarray(strengths, dtype=np.float64) * 100, y, "d", color=INK, markersize=5,
            markerfacecolor="white", label="strength of its strongest sign, %", linestyle="none",
            clip_on=False,
        )  # fmt: skip
        legend(axes, loc="lower right", bbox_to_anchor=(1.06, 1.0), borderaxespad=0.0)
    axes.set_yticks(y, [CAUSE_WORD[c] for c in CAUSES])
    axes.set_ylim(len(CAUSES) - 0.4, -0.6)
    axes.set_xlim(0, 104)
    axes.set_xticks(range(0, 101, 25))
    axes.grid(axis="x", color=QUIET, alpha=0.2, linewidth=0.6)
    axes.set_axisbelow(True)
    say(axes, "Probability", "%")
    return figure
