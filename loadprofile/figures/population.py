"""The whole population: what the correlation filter dropped, and where the suspects lie among the rest."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from loadprofile.errors import ShapeError
from loadprofile.figures.style import (
    CAUSE_COLOUR,
    CAUSE_MARKER,
    CAUSE_WORD,
    INK,
    LABEL,
    NOTE,
    QUIET,
    TICK,
    legend,
    note,
    panels,
    printable,
    say,
    sheet,
)  # fmt: skip
from loadprofile.verdicts import CAUSES, UNDECIDED

GROUP_ORDER = ("g1", "g2", "g3", "integrity", "change", "peers", "cohort")


def block_order(names: Sequence[str]) -> tuple[NDArray[np.intp], list[tuple[str, int, int]]]:
    """Order of the columns group by group, and ``(group, start, stop)`` in that order."""
    groups = [name.split(".", 1)[0] for name in names]
    known = {group: at for at, group in enumerate(GROUP_ORDER)}
    rank = sorted(set(groups), key=lambda g: (known.get(g, len(known)), g))
    place = {group: at for at, group in enumerate(rank)}
    order = np.array(sorted(range(len(names)), key=lambda i: (place[groups[i]], i)), dtype=np.intp)
    blocks, start = [], 0
    for group, members in groupby(order.tolist(), key=lambda i: groups[i]):
        count = len(list(members))
        blocks.append((group, start, start + count))
        start += count
    return order, blocks


def correlation_heatmaps(
    before: NDArray[np.floating],
    after: NDArray[np.floating],
    names_before: Sequence[str],
    names_after: Sequence[str],
) -> Figure:
    """Correlation of the features before and after the filter, block by block (the paper's heat map).

    Args:
        before: ``(k, k)`` correlations of all features; NaN (a constant column) is drawn grey.
        after: ``(m, m)`` correlations of the kept ones.
        names_before: the ``k`` names; the part before the first dot is the group.
        names_after: the ``m`` names.
    """
    for name, matrix, names in (("before", before, names_before), ("after", after, names_after)):
        if matrix.shape != (len(names), len(names)):
            raise ShapeError(name, matrix.shape, (len(names), len(names)))
    figure = sheet(2.9)
    left, right = panels(figure, 1, 2, margins=(0.92, 0.62, 0.12, 0.34), gap=(0.95, 0.0))
    image = None
    for axes, matrix, names, word in (
        (left, before, names_before, "Before the filter"), (right, after, names_after, "After"),
    ):  # fmt: skip
        say(axes, f"{word}: correlation of {len(names)} features")
        if not len(names):
            note(axes, "no features")
            continue
        order, blocks = block_order(names)
        axes.set_facecolor("#b0b0b0")
        image = axes.imshow(
            np.asarray(matrix)[np.ix_(order, order)], cmap="RdBu_r", vmin=-1, vmax=1, aspect="equal",
            interpolation="antialiased",
        )  # fmt: skip
        _name_blocks(axes, blocks, len(names))
    if image is not None:
        box = right.get_position()
        wide = figure.get_figwidth()
        bar = figure.colorbar(image, cax=figure.add_axes((box.x1 + 0.12 / wide, 0.25, 0.11 / wide, 0.5)))
        bar.outline.set_visible(False)  # type: ignore[operator]
        bar.set_ticks([-1, -0.5, 0, 0.5, 1])
        bar.ax.tick_params(labelsize=TICK, width=0.7, length=2)
        bar.ax.set_title("r", y=1.0, fontsize=LABEL, loc="left", pad=5)
    return figure


def _name_blocks(axes: Axes, blocks: list[tuple[str, int, int]], size: int) -> None:
    """Lines between the groups; names of the groups that are wide enough to carry one."""
    for _, start, _ in blocks[1:]:
        axes.axhline(start - 0.5, color=INK, linewidth=0.5)
        axes.axvline(start - 0.5, color=INK, linewidth=0.5)
    middles = [(start + stop) / 2 - 0.5 for _, start, stop in blocks]
    shown: list[int] = []
    for at, middle in enumerate(middles):
        if not shown or middle - middles[shown[-1]] >= size * 0.07:
            shown.append(at)
    words = [f"{blocks[at][0]} ({blocks[at][2] - blocks[at][1]})" for at in shown]
    axes.set_yticks([middles[at] for at in shown], words)
    axes.set_xticks([])
    axes.tick_params(labelsize=NOTE, length=2)


def pca_map(
    scores: NDArray[np.floating],
    causes: NDArray[np.str_],
    meter_ids: NDArray[np.str_],
    suspects: NDArray[np.intp] | Sequence[int],
    distance: NDArray[np.floating] | None = None,
    explained: Sequence[float] | None = None,
    labelled: int = 14,
) -> Figure:
    """The population on its first two principal components, and its distance to the principal planes.

    The paper's geometry: frauds lie nearer to the principal planes than ordinary customers; the right
    panel shows whether that holds here. A meter outside the middle 98 % of the population that is not a
    suspect is drawn at the edge, so that one odd meter does not press the rest into a point.

    Args:
        scores: ``(n, >= 2)`` principal component scores.
        causes: ``(n,)`` cause of each meter, one of the six or ``undecided``.
        meter_ids: ``(n,)`` str.
        suspects: rows to draw in the colour of their cause, most urgent first.
        distance: ``(n,)`` distance of each meter to the principal planes, in standardised features.
        explained: share of variance of each component, to write on the axes.
        labelled: how many suspects get their id beside them; one that finds no free place gets none.
    """
    if scores.ndim != 2 or scores.shape[1] < 2 or len(scores) != len(causes):
        raise ShapeError("scores", scores.shape, (len(causes), ">= 2"))
    rows = np.asarray(suspects, dtype=np.intp)
    figure = sheet(4.0)
    if distance is None:
        (left,) = panels(figure, margins=(0.62, 0.15, 0.5, 0.72))
    else:
        left, right = panels(
            figure, 1, 2, margins=(0.62, 0.15, 0.5, 0.72), gap=(1.2, 0.0), widths=(1.75, 1.0)
        )
    shares = [f" ({100 * e:.0f} % of variance)" for e in explained[:2]] if explained is not None else ["", ""]
    say(
        left,
        "The population on its principal components",
        f"component 1{shares[0]}",
        f"component 2{shares[1]}",
        pad=32,
    )
    known = np.isfinite(scores[:, :2]).all(axis=1)
    if not known.any():
        note(left, "no meter has scores")
    else:
        _scatter(left, scores, causes, meter_ids, rows[known[rows]], known, labelled)
    handles = [_key(cause) for cause in (*CAUSES[1:], UNDECIDED, CAUSES[0]) if (causes[rows] == cause).any()]
    handles.append(
        Line2D([], [], color="#b5b5b5", marker=".", linestyle="none", markersize=4, label="other meters")
    )
    legend(
        left, handles=handles, loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncol=4, borderaxespad=0.1,
        columnspacing=1.0, handletextpad=0.2,
    )  # fmt: skip
    if distance is not None:
        _distances(right, np.asarray(distance, dtype=np.float64), causes, rows)
    return figure


def _key(cause: str) -> Line2D:
    return Line2D(
        [], [], color=CAUSE_COLOUR[cause], marker=CAUSE_MARKER[cause], linestyle="none", markersize=5.5,
        markeredgecolor="white", markeredgewidth=0.4, label=CAUSE_WORD[cause],
    )  # fmt: skip


def _scatter(
    axes: Axes,
    scores: NDArray[np.floating],
    causes: NDArray[np.str_],
    meter_ids: NDArray[np.str_],
    rows: NDArray[np.intp],
    known: NDArray[np.bool_],
    labelled: int,
) -> None:
    points = scores[:, :2].astype(np.float64)
    middle = np.quantile(points[known], [0.01, 0.99], axis=0)
    both = np.vstack([middle, points[rows]])
    low, high = both.min(axis=0), both.max(axis=0)
    spare = np.where(high > low, 0.08 * (high - low), 1.0)
    low, high = low - spare, high + spare
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    rest = known.copy()
    rest[rows] = False
    beyond = rest & ((points < low) | (points > high)).any(axis=1)
    edge = np.clip(points, low, high)
    axes.plot(*points[rest & ~beyond].T, ".", color="#b5b5b5", markersize=4, markeredgewidth=0, alpha=0.8)
    axes.plot(*edge[beyond].T, ".", color="#b5b5b5", markersize=5, markeredgewidth=0, clip_on=False)
    for row in rows[::-1]:
        cause = str(causes[row])
        axes.plot(
            *points[row], color=CAUSE_COLOUR[cause], marker=CAUSE_MARKER[cause], markersize=6.5,
            markeredgecolor="white", markeredgewidth=0.5, linestyle="none",
        )  # fmt: skip
    if beyond.any():
        axes.text(
            0.99, 0.01, f"{int(beyond.sum())} other meters lie beyond the edge", transform=axes.transAxes,
            ha="right", va="bottom", fontsize=NOTE, color=QUIET,
        )  # fmt: skip
    words = [printable(str(meter_ids[row]), 16) for row in rows[:labelled]]
    _label(axes, points[rows], words)


PLACES = [
    (6, 0),
    (-6, 0),
    (0, 7),
    (0, -7),
    (6, 7),
    (-6, 7),
    (6, -7),
    (-6, -7),
    (14, 13),
    (-14, 13),
    (14, -13),
    (-14, -13),
]


def _label(axes: Axes, points: NDArray[np.float64], words: Sequence[str]) -> None:
    """Ids beside the first points, each at the first place that touches no point and no other label."""
    at = axes.transData.transform(points)
    frame = axes.get_window_extent()
    point = axes.figure.dpi / 72.0  # type: ignore[union-attr]
    high = NOTE * point
    taken: list[tuple[float, float, float, float]] = [
        (x - 3.5 * point, y - 3.5 * point, x + 3.5 * point, y + 3.5 * point) for x, y in at
    ]
    for (x, y), word in zip(at, words, strict=False):
        wide = 0.62 * high * len(word)
        for dx, dy in PLACES:
            left = x + dx * point if dx > 0 else x + dx * point - wide if dx < 0 else x - wide / 2
            bottom = y + dy * point - high / 2
            box = (left, bottom, left + wide, bottom + high)
            inside = box[0] > frame.x0 and box[2] < frame.x1 and box[1] > frame.y0 and box[3] < frame.y1
            if inside and not any(_touch(box, other) for other in taken):
                taken.append(box)
                axes.annotate(
                    word, (x, y), xycoords="figure pixels", xytext=(dx, dy), textcoords="offset points",
                    ha="left" if dx > 0 else "right" if dx < 0 else "center", va="center", fontsize=NOTE,
                    color=INK, parse_math=False,
                )  # fmt: skip
                break


def _touch(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _distances(
    axes: Axes, distance: NDArray[np.float64], causes: NDArray[np.str_], rows: NDArray[np.intp]
) -> None:
    """One line of points a cause, spread evenly; the bar is the median."""
    say(axes, "Distance to the planes", "distance (standardised features)", pad=32)
    suspect = np.zeros(len(distance), dtype=np.bool_)
    suspect[rows] = True
    order: list[str] = [cause for cause in (*CAUSES, UNDECIDED) if (causes == cause).any()]
    positive = distance[np.isfinite(distance) & (distance > 0)]
    if not positive.size:
        note(axes, "no distances")
        return
    if positive.max() > 30 * np.median(positive):
        axes.set_xscale("log")
    for line, cause in enumerate(order):
        here = np.flatnonzero((causes == cause) & np.isfinite(distance))
        spread = ((np.arange(len(here)) * 0.618034) % 1.0 - 0.5) * 0.6
        for chosen, colour, size in (
            (~suspect[here], "#b5b5b5", 3.0),
            (suspect[here], CAUSE_COLOUR[cause], 5.0),
        ):
            axes.plot(
                distance[here][chosen], line + spread[chosen], CAUSE_MARKER[cause] if size > 4 else ".",
                color=colour, markersize=size, markeredgewidth=0, linestyle="none",
            )  # fmt: skip
        if here.size:
            middle = float(np.median(distance[here]))
            axes.plot([middle, middle], [line - 0.38, line + 0.38], color=INK, linewidth=1.4)
    counts = [int((causes == cause).sum()) for cause in order]
    axes.set_yticks(range(len(order)), [f"{CAUSE_WORD[c]} ({n})" for c, n in zip(order, counts, strict=True)])
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.text(
        0.0, 1.02, "grey: not a suspect; bar: median", transform=axes.transAxes, fontsize=NOTE, color=QUIET
    )
