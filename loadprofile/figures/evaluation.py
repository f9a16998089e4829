"""How good the answers are: calibration, gain, precision-recall and ROC, confusion, models side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator
from numpy.typing import NDArray

from loadprofile.classify.proportions import wilson
from loadprofile.errors import ShapeError
from loadprofile.figures.style import (
    AFTER,
    BEFORE,
    CAUSE_WORD,
    INK,
    LABEL,
    NOTE,
    QUIET,
    legend,
    note,
    panels,
    say,
    sheet,
)  # fmt: skip

LINES: tuple[tuple[str, Any], ...] = (
    (BEFORE, "-"),
    (AFTER, "--"),
    ("#009E73", "-."),
    ("#CC79A7", ":"),
    ("#E69F00", (0, (5, 1, 1, 1))),
    ("#222222", (0, (1, 1))),
    ("#56B4E9", (0, (7, 2))),
)


def _intervals(hits: NDArray[Any], of: NDArray[Any]) -> NDArray[np.float64]:
    """``(2, k)`` 95 % intervals of shares; NaN where ``of`` is 0."""
    return np.array([wilson(float(h), float(n)) for h, n in zip(hits, of, strict=True)]).reshape(-1, 2).T


def reliability(probabilities: NDArray[np.floating], truth: NDArray[np.bool_], bins: int = 10) -> Figure:
    """Calibration: of the meters given probability p, the share in which it was true.

    Equal-width bins; the whiskers are 95 % Wilson intervals; below, how many meters each bin holds.

    Args:
        probabilities: ``(n,)`` in 0..1; NaN is left out.
        truth: ``(n,)`` what was the case.
        bins: how many.
    """
    p, y = _together(probabilities, truth)
    figure = sheet(4.2, 3.9)
    top, bottom = panels(figure, 2, 1, margins=(0.78, 0.15, 0.48, 0.3), gap=(0.0, 0.22), heights=(3.0, 1.0))
    say(top, "Calibration", y="share that was true, %")
    say(bottom, x="stated probability, %", y="meters")
    top.plot([0, 100], [0, 100], color=QUIET, linewidth=0.8, linestyle=(0, (4, 2)), label="perfect")
    for axes in (top, bottom):
        axes.set_xlim(-2, 102)
    top.set_ylim(-2, 102)
    top.tick_params(labelbottom=False)
    if not p.size:
        note(top, "no meters")
        return figure
    at = np.minimum((p * bins).astype(np.intp), bins - 1)
    count = np.bincount(at, minlength=bins)
    hits = np.bincount(at, weights=y, minlength=bins)
    have = count > 0
    stated = np.bincount(at, weights=p, minlength=bins)[have] / count[have] * 100
    share = hits[have] / count[have] * 100
    low, high = _intervals(hits[have], count[have]) * 100
    top.vlines(stated, low, high, color=BEFORE, linewidth=1.1)
    top.plot(
        stated, share, "o-", color=BEFORE, markersize=4.5, linewidth=1.2, label="this model, 95 % interval"
    )
    error = float(np.sum(np.abs(share - stated) * count[have]) / count.sum())
    top.text(
        0.98, 0.04, f"Brier score {np.mean((p - y) ** 2):.3f}\nmean gap {error:.1f} points",
        transform=top.transAxes, ha="right", va="bottom", fontsize=NOTE, color=INK,
    )  # fmt: skip
    legend(top, loc="upper left")
    centres = (np.arange(bins) + 0.5) / bins * 100
    bottom.bar(centres, count, width=86 / bins, color=BEFORE, alpha=0.6)
    if count.max() > 50 * max(1, int(count[have].min())):
        bottom.set_yscale("log")
        bottom.set_ylim(bottom=0.7)
        bottom.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        bottom.yaxis.set_minor_locator(NullLocator())
    return figure


def gain_curve(
    score: NDArray[np.floating], truth: NDArray[np.bool_], kwh: NDArray[np.floating] | None = None
) -> Figure:
    """Share of what there is to find against the share of meters visited, best score first.

    Grey: visits drawn by lot. Dotted: perfect order. With ``kwh`` a second line counts energy.

    Args:
        score: ``(n,)`` higher = visited earlier; NaN is visited last.
        truth: ``(n,)`` meters worth a visit.
        kwh: ``(n,)`` energy lost at each meter (negative and NaN count as 0), or None.
    """
    if len(score) != len(truth):
        raise ShapeError("truth", len(truth), len(score))
    figure = sheet(3.4, 3.9)
    (axes,) = panels(figure, margins=(0.62, 0.15, 0.48, 0.3))
    say(axes, "Gain", "meters visited, % (best first)", "found, %")
    hits = np.asarray(truth, dtype=np.float64)
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 103)
    if not hits.sum() > 0:
        note(axes, "nothing to find")
        return figure
    visited = np.arange(len(hits) + 1) / len(hits) * 100
    order = np.argsort(-np.where(np.isnan(score), -np.inf, score), kind="stable")
    axes.plot([0, 100], [0, 100], color=QUIET, linewidth=0.8, linestyle=(0, (4, 2)), label="visits by lot")
    axes.plot(
        visited, _rising(np.sort(hits)[::-1]), color=INK, linewidth=0.9, linestyle=":", label="perfect order"
    )
    found = _rising(hits[order])
    axes.plot(visited, found, color=BEFORE, linewidth=1.6, label=f"meters ({int(hits.sum())} to find)")
    if kwh is not None:
        energy = np.where(np.isfinite(kwh), np.maximum(kwh, 0.0), 0.0) * hits
        if energy.sum() > 0:
            axes.plot(
                visited, _rising(energy[order]), color=AFTER, linewidth=1.6, linestyle="--",
                label=f"energy ({energy.sum():,.0f} kWh)",
            )  # fmt: skip
    tenth = float(np.interp(10, visited, found))
    axes.plot([10, 10], [0, tenth], color=QUIET, linewidth=0.8)
    axes.annotate(
        f"{tenth:.0f} % found in the first 10 %", (10, tenth), xytext=(8, -9), textcoords="offset points",
        fontsize=NOTE, color=INK, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )  # fmt: skip
    legend(axes, loc="lower right")
    return figure


def _rising(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.concatenate([[0.0], np.cumsum(values)]) / values.sum() * 100)


def pr_roc(runs: Mapping[str, tuple[NDArray[np.floating], NDArray[np.bool_]]]) -> Figure:
    """Precision against recall, and recall against false alarms, of one or more scores.

    Args:
        runs: name -> (score, truth); ties are one point, NaN scores are left out.
    """
    below = 0.06 + 0.17 * -(-len(runs) // 2)
    figure = sheet(3.1 + below)
    left, right = panels(figure, 1, 2, margins=(0.62, 0.15, 0.48 + below, 0.3), gap=(0.75, 0.0))
    say(left, "Precision and recall", "recall, %", "precision, %")
    say(right, "ROC", "false alarms, % of ordinary meters", "recall, %")
    right.plot([0, 100], [0, 100], color=QUIET, linewidth=0.8, linestyle=(0, (4, 2)))
    named: list[Line2D] = []
    for (name, (score, truth)), (colour, dashes) in zip(runs.items(), _cycle(len(runs)), strict=True):
        p, y = _together(score, truth)
        if not 0 < y.sum() < len(y):
            continue
        hits, alarms = _sweep(p, y)
        recall, false = hits / y.sum(), alarms / (len(y) - y.sum())
        precision = hits / np.maximum(hits + alarms, 1)
        average = float(np.sum(np.diff(recall, prepend=0.0) * precision))
        recall_0, false_0 = np.append(0.0, recall), np.append(0.0, false)
        area = float(np.trapezoid(recall_0, false_0))
        look: dict[str, Any] = {"color": colour, "linestyle": dashes, "linewidth": 1.4}
        left.step(recall * 100, precision * 100, where="pre", **look)
        (line,) = right.plot(
            false_0 * 100, recall_0 * 100, label=f"{name}: AP {average:.3f}, AUC {area:.3f}", **look
        )  # type: ignore[arg-type]
        if not named:
            left.axhline(y.mean() * 100, color=QUIET, linewidth=0.8, linestyle=(0, (4, 2)))
        named.append(line)
    for axes in (left, right):
        axes.set_xlim(-1, 101)
        axes.set_ylim(0, 103)
        if not named:
            note(axes, "needs meters of both kinds")
    if named:
        figure.legend(
            handles=named, loc="lower left", bbox_to_anchor=(0.07, 0.0), ncol=2, frameon=False, fontsize=NOTE,
            handlelength=2.4, columnspacing=2.0, borderaxespad=0.3,
        )  # fmt: skip
    return figure


def _cycle(count: int) -> list[tuple[str, Any]]:
    return [LINES[at % len(LINES)] for at in range(count)]


def _sweep(
    score: NDArray[np.float64], truth: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Hits and false alarms when everything at or above each distinct score is raised, highest first."""
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    hits = np.cumsum(truth[order])[ends]
    return hits, ends + 1 - hits


def _together(
    score: NDArray[np.floating], truth: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores and truths as floats, meters without a score left out."""
    if len(score) != len(truth):
        raise ShapeError("truth", len(truth), len(score))
    p = np.asarray(score, dtype=np.float64)
    known = ~np.isnan(p)
    return p[known], np.asarray(truth, dtype=np.float64)[known]


def confusion(counts: NDArray[np.integer], truth_names: Sequence[str], said_names: Sequence[str]) -> Figure:
    """What each kind of meter was called. Colour: share of its row; words: meters and share.

    Args:
        counts: ``(t, p)`` meters of each true kind (rows) by what was said (columns).
        truth_names: the ``t`` kinds.
        said_names: the ``p`` answers (may hold ``undecided``).
    """
    if counts.shape != (len(truth_names), len(said_names)):
        raise ShapeError("counts", counts.shape, (len(truth_names), len(said_names)))
    figure = sheet(0.95 + 0.42 * len(truth_names))
    (axes,) = panels(figure, margins=(1.9, 0.15, 0.12, 0.82))
    total = counts.sum(axis=1, keepdims=True)
    share = counts / np.maximum(total, 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1.25, aspect="auto")
    for at, row in enumerate(counts):
        for to, count in enumerate(row):
            if count:
                axes.text(
                    to, at, f"{count:,}\n{_percent(share[at, to])}", ha="center", va="center", fontsize=NOTE,
                    color="white" if share[at, to] > 0.6 else INK, linespacing=1.1,
                )  # fmt: skip
    words = [CAUSE_WORD.get(name, name) for name in truth_names]
    axes.set_yticks(range(len(words)), [f"{w} ({n:,})" for w, n in zip(words, total[:, 0], strict=True)])
    axes.set_xticks(range(len(said_names)), [_two_lines(CAUSE_WORD.get(name, name)) for name in said_names])
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_xticks(np.arange(len(said_names) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(truth_names) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="minor", length=0)
    axes.set_xlabel("said (meters, % of the row)", fontsize=LABEL)
    axes.xaxis.set_label_position("top")
    axes.set_ylabel("was", fontsize=LABEL)
    return figure


def _percent(share: float) -> str:
    if 0 < share < 0.005:
        return "<1 %"
    return ">99 %" if 0.995 < share < 1 else f"{share * 100:.0f} %"


def _two_lines(words: str) -> str:
    return words.replace(" ", "\n").replace("-", "-\n")


def model_bars(
    names: Sequence[str],
    values: NDArray[np.floating],
    low: NDArray[np.floating],
    high: NDArray[np.floating],
    measure: str,
    chance: float | None = None,
) -> Figure:
    """Models side by side, best first: a point with its interval and the numbers written out.

    Args:
        names: of the ``m`` models.
        values: ``(m,)`` the measure; NaN = not measured, drawn as such.
        low: ``(m,)`` lower end of its interval.
        high: ``(m,)`` upper end.
        measure: its name with its unit, e.g. ``"AUC (0.5 = chance), 95 % interval"``.
        chance: value of a useless model, marked when given.
    """
    if not len(names) == len(values) == len(low) == len(high):
        raise ShapeError("values", (len(values), len(low), len(high)), len(names))
    figure = sheet(0.85 + 0.24 * max(len(names), 1))
    longest = max((len(name) for name in names), default=0)
    (axes,) = panels(figure, margins=(max(1.9, 0.2 + 0.067 * longest), 1.6, 0.48, 0.3))
    say(axes, "Models side by side", measure)
    value = np.asarray(values, dtype=np.float64)
    order = np.argsort(-np.where(np.isnan(value), -np.inf, value), kind="stable")
    for line, at in enumerate(order):
        known = np.isfinite(value[at])
        words = f"{value[at]:.3f}  ({low[at]:.3f} to {high[at]:.3f})" if known else "not measured"
        axes.text(
            1.02, line, words, transform=axes.get_yaxis_transform(), va="center", fontsize=NOTE,
            color=INK if known else QUIET,
        )  # fmt: skip
        if known:
            axes.plot([low[at], high[at]], [line, line], color=BEFORE, linewidth=1.6, solid_capstyle="butt")
            axes.plot(value[at], line, "o", color=BEFORE, markersize=5)
    if chance is not None:
        axes.axvline(chance, color=QUIET, linewidth=0.8, linestyle=(0, (4, 2)))
    axes.set_yticks(range(len(names)), [names[at] for at in order])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="x", color=QUIET, alpha=0.2, linewidth=0.6)
    return figure
