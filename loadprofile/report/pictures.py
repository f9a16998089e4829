"""Which pictures a report holds, with the words that stand under each, and a Figure as PNG bytes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from loadprofile.figures.distribution import before_after_histogram
from loadprofile.figures.evaluation import gain_curve, reliability
from loadprofile.figures.hourly import hourly_trends
from loadprofile.figures.marks import marks_of
from loadprofile.figures.meter import daily_total, day_hour_heatmap
from loadprofile.figures.population import correlation_heatmaps, pca_map
from loadprofile.figures.seasonal import seasonal_boxplots
from loadprofile.figures.style import DPI
from loadprofile.report.contents import Report
from loadprofile.verdicts import Cause, Verdicts

MOST_SUSPECTS = 60


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn picture: ``name`` becomes part of the file's name, ``caption`` stands under it."""

    name: str
    caption: str
    data: bytes
    width: int
    height: int


def png(figure: Figure, dpi: int = DPI) -> bytes:
    """The figure as PNG; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(
        buffer, format="png", dpi=dpi, metadata={"Software": None}, pil_kwargs={"compress_level": 2}
    )
    return buffer.getvalue()


def picture(name: str, figure: Figure, more: str = "") -> Picture:
    """Draw a figure; ``more`` is said after its caption."""
    wide, high = (round(side * DPI) for side in figure.get_size_inches())
    return Picture(name, f"{CAPTIONS[name]} {more}".rstrip(), png(figure), wide, high)


CAPTIONS = {
    "days": (
        "Every reading: days from left to right, the time of day from bottom to top. The scale ends at the "
        "99th percentile. Numbered bars above are the windows of the evidence with the same number; the "
        "line is the onset, the grey band beside it its 80 % interval."
    ),
    "energy": (
        "Energy of each day with at least half of its readings, scaled to the whole day. Dashed: what its "
        "peers did, brought to this meter's level over the days before the onset; the band holds 80 % of "
        "those days."
    ),
    "distribution": (
        "How often each energy occurs. Dotted: height of the main peak; bar: its width at half that height. "
        "An ordinary customer's peak is taller than wide, a shaved one lower (Calamaro et al. 2021, Rule 1); "
        "a fault in the data chain can look the same. Exact zeros are not in the bars."
    ),
    "hours": (
        "Left: the mean day. Right: the course of each hour over the days, all to one scale; dashed: its "
        "robust trend, in % of that hour's mean per 30 days; grey line: the onset."
    ),
    "seasons": (
        "Boxplots of each hour in each season over the days before the onset (all days where there is "
        "none): box = quartiles, line = median, whiskers = last day within 1.5 box lengths, dots = days "
        "outside."
    ),
    "planes": (
        "Each point is a meter, seen through all its features at once. Coloured: the first "
        f"{MOST_SUSPECTS} suspects of the worklist. Right: distance to the principal planes; in the paper "
        "frauds lie nearer to them than ordinary customers."
    ),
    "correlation": (
        "Correlation of the features with each other, in blocks by group, before and after the filter "
        "dropped those that another one stands for."
    ),
    "calibration": "Does a stated probability come true?",
    "gain": "What visits in this order find.",
}


def lost_energy(verdicts: Verdicts, row: int) -> tuple[float, float, float]:
    """Lost energy of one meter (kWh) and the ends of its 80 % interval."""
    return (
        float(verdicts.lost_kwh[row]),
        float(verdicts.lost_kwh_low[row]),
        float(verdicts.lost_kwh_high[row]),
    )


def meter_pictures(report: Report, row: int, expected_kw: NDArray[np.floating] | None) -> Iterator[Picture]:
    """The pictures of one meter's page, in the order of the page."""
    profiles, verdicts = report.profiles, report.verdicts
    marks = marks_of(verdicts, row)
    yield picture("days", day_hour_heatmap(profiles, row, marks))
    yield picture("energy", daily_total(profiles, row, marks, expected_kw, lost_energy(verdicts, row)))
    yield picture("distribution", before_after_histogram(profiles, row, marks))
    yield picture("hours", hourly_trends(profiles, row, marks))
    yield picture("seasons", seasonal_boxplots(profiles, row, marks, report.hemisphere))


def run_pictures(report: Report) -> Iterator[Picture]:
    """The pictures of the whole run; only those whose values are there."""
    if report.planes is not None:
        at = {str(m): row for row, m in enumerate(report.profiles.meter_ids)}
        listed = report.worklist[report.worklist["cause"] != str(Cause.NORMAL)]["meter_id"]
        suspects = [at[str(m)] for m in listed.head(MOST_SUSPECTS)]
        yield picture(
            "planes",
            pca_map(
                report.planes.scores,
                report.verdicts.cause,
                report.profiles.meter_ids,
                suspects,
                report.planes.distance,
                report.planes.explained,
            ),
        )
    if report.correlation is not None:
        c = report.correlation
        yield picture("correlation", correlation_heatmaps(c.before, c.after, c.names_before, c.names_after))
    if report.held_out is not None:
        h = report.held_out
        yield picture("calibration", reliability(h.probabilities, h.truth), h.source)
        yield picture("gain", gain_curve(h.probabilities, h.truth, h.kwh), h.source)
