from __future__ import annotations

import numpy as np
import pytest

from loadprofile.errors import ShapeError
from loadprofile.figures.proving import against, cause_reliability
from loadprofile.verdicts import CAUSES


def test_every_answer_has_a_panel() -> None:
    bins = tuple(np.array([0.1, 0.9]) for _ in range(4))
    empty = tuple(np.array([]) for _ in range(4))
    figure = cause_reliability({str(c): (bins if c == "fraud" else empty) for c in CAUSES})  # type: ignore[misc]
    figure.canvas.draw()
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "normal", "data mismatch", "maintenance", "cyber-attack", "super-consumption", "fraud",
    ]  # fmt: skip
    assert [bool(axes.texts) for axes in figure.axes] == [True] * 5 + [False]


def test_a_figure_that_cannot_be_told_leaves_a_hole() -> None:
    points = [(0.5, 0.4, 0.6), (float("nan"),) * 3, (0.7, 0.6, 0.8)]
    figure = against([1, 10, 100], {"a": points, "b": points}, "t", "x", "y", logarithmic=True)
    figure.canvas.draw()
    (axes,) = figure.axes
    assert [len(line.get_xdata()) for line in axes.get_lines()] == [2, 2]  # type: ignore[arg-type]
    assert axes.get_xscale() == "log"


def test_names_stand_at_even_places() -> None:
    figure = against([0, 1], {"a": [(0.1, 0.0, 0.2)] * 2}, "t", "x", "y", names=["low", "high"])
    figure.canvas.draw()
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["low", "high"]


def test_each_run_has_a_point_for_each_place() -> None:
    with pytest.raises(ShapeError):
        against([0, 1], {"a": [(0.1, 0.0, 0.2)]}, "t", "x", "y")
