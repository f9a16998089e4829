"""Group 1 of one meter, seen: how often each energy occurs, with the paper's Rule 1 drawn.

After Calamaro et al., *Sustainability* 2021, 13(19), 10696, group 1 and Rule 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from loadprofile.figures.marks import Marks
from loadprofile.figures.style import AFTER, BEFORE, legend, note, panels, say, sheet
from loadprofile.profiles import LoadProfiles


@dataclass(frozen=True, slots=True)
class Peak:
    """The main peak of a histogram (Rule 1 of the paper): height against width.

    ``height``: share of readings in the tallest bin; ``left``, ``right``: where the run of bins at
    least half as tall ends (kWh); ``width = right - left``.
    """

    height: float
    at: float
    left: float
    right: float

    @property
    def width(self) -> float:
        """Width at half height, kWh per interval."""
        return self.right - self.left


def peak_of(share: NDArray[np.float64], edges: NDArray[np.float64]) -> Peak | None:
    """The tallest bin and the unbroken run of bins around it that reach half its height; None if empty."""
    if not share.size or not share.max() > 0:
        return None
    top = int(share.argmax())
    tall = share >= share[top] / 2
    left = right = top
    while left > 0 and tall[left - 1]:
        left -= 1
    while right < len(share) - 1 and tall[right + 1]:
        right += 1
    return Peak(
        float(share[top]),
        float((edges[top] + edges[top + 1]) / 2),
        float(edges[left]),
        float(edges[right + 1]),
    )


def bins_for(values: NDArray[np.float64], wanted: int = 48) -> NDArray[np.float64]:
    """Bin edges from the lowest to the 99th percentile of ``values`` (non-empty, kWh).

    Bins are whole multiples of the meter's own recording step where it has one: other widths would
    draw a comb that is in the bins and not in the data.
    """
    low, high = float(min(values.min(), 0.0)), float(np.quantile(values, 0.99))
    if high <= low:
        high = low + (abs(low) * 0.1 or 1.0)
    width = (high - low) / wanted
    distinct = np.unique(np.round(values, 5))
    step = float(np.diff(distinct).min()) if 1 < distinct.size <= 4 * wanted * 20 else 0.0
    if step > width / 20:
        width = max(1.0, np.ceil(width / step - 1e-6)) * step
        low = (np.floor(low / step) - 0.5) * step
    return np.asarray(low + width * np.arange(int(np.ceil((high - low) / width)) + 1))


def before_after_histogram(profiles: LoadProfiles, row: int, marks: Marks | None = None) -> Figure:
    """How often each interval energy occurs before and after the onset, with Rule 1 drawn.

    The paper's Rule 1: a verified ordinary customer's peak is taller than wide, a verified fraud's
    lower than its width at half height ("shaving the peak"). Bars are shares of the readings of each
    side, so that a long and a short side compare. Exact zeros are left out of the bars and given as a
    share: one tall bar at zero would hide the rest (here we depart from the paper, which keeps them).
    """
    marks = marks or Marks()
    figure = sheet(2.6)
    (axes,) = panels(figure, margins=(0.62, 0.15, 0.46, 0.66))
    kwh = profiles.kwh[row].astype(np.float64)
    sides = [
        ("before the onset", marks.before(profiles.days), BEFORE),
        ("after", marks.after(profiles.days), AFTER),
    ]
    if not sides[1][1].any():
        sides = [("all readings", np.ones(len(profiles.days), dtype=np.bool_), BEFORE)]
    say(
        axes,
        "How often each energy occurs",
        f"energy of a reading, kWh per {profiles.step_minutes} min",
        "share of readings, %",
        pad=29,
    )
    readings = [kwh[rows][np.isfinite(kwh[rows])] for _, rows, _ in sides]
    together = np.concatenate(readings)
    together = together[together != 0]
    if not together.size:
        note(axes, "every reading is exactly zero" if any(r.size for r in readings) else "no readings")
        return figure
    edges = bins_for(together)
    tallest = 0.0
    for (name, _, colour), values in zip(sides, readings, strict=True):
        used = values[values != 0]
        share = np.histogram(used, edges)[0] / max(values.size, 1)
        peak = peak_of(share, edges)
        axes.stairs(
            share * 100,
            edges,
            fill=True,
            color=colour,
            alpha=0.22,
            label=_histogram_words(name, values, peak),
        )
        axes.stairs(share * 100, edges, color=colour, linewidth=1.1)
        if peak is not None:
            tallest = max(tallest, peak.height * 100)
            axes.plot([peak.at, peak.at], [0, peak.height * 100], color=colour, linewidth=0.9, linestyle=":")
            half = [peak.height * 50, peak.height * 50]
            axes.plot([peak.left, peak.right], half, color=colour, linewidth=2.0, solid_capstyle="butt")
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0, tallest * 1.08)
    legend(axes, loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.1, labelspacing=0.25)
    return figure


def _histogram_words(name: str, values: NDArray[np.float64], peak: Peak | None) -> str:
    words = f"{name}: {values.size:,} readings"
    zeros = float((values == 0).mean()) if values.size else 0.0
    if zeros > 0:
        words += f", {zeros * 100:.1f} % exactly 0" if zeros >= 0.001 else ", under 0.1 % exactly 0"
    if peak is not None:
        words += f"; peak {peak.height * 100:.1f} % of readings, {peak.width:.2g} kWh wide at half height"
    return words
