"""Pictures of a population and of an evaluation."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from sklearn.metrics import average_precision_score, roc_auc_score

from loadprofile.errors import ShapeError
from loadprofile.figures.evaluation import confusion, gain_curve, model_bars, pr_roc, reliability
from loadprofile.figures.population import block_order, correlation_heatmaps, pca_map
from loadprofile.verdicts import CAUSES, UNDECIDED


def draw(figure: Figure) -> Figure:
    FigureCanvasAgg(figure).draw()
    return figure


def test_blocks_in_the_order_of_the_groups() -> None:
    names = ["peers.a", "g2.a", "g1.b", "odd.x", "g1.a", "g2.b"]
    order, blocks = block_order(names)
    assert [names[i] for i in order] == ["g1.b", "g1.a", "g2.a", "g2.b", "peers.a", "odd.x"]
    assert blocks == [("g1", 0, 2), ("g2", 2, 4), ("peers", 4, 5), ("odd", 5, 6)]


def test_correlation_heat_maps() -> None:
    rng = np.random.default_rng(1)
    before = np.corrcoef(rng.normal(size=(12, 50)))
    before[3] = before[:, 3] = np.nan
    names = tuple(f"g{1 + i // 4}.f{i}" for i in range(12))
    figure = draw(correlation_heatmaps(before, before[:4, :4], names, names[:4]))
    assert "12 features" in figure.axes[0].get_title(loc="left")
    assert "4 features" in figure.axes[1].get_title(loc="left")
    draw(correlation_heatmaps(np.ones((1, 1)), np.ones((0, 0)), ["g1.a"], []))
    with pytest.raises(ShapeError):
        correlation_heatmaps(before, before, names, names[:4])


@pytest.mark.parametrize("n", [1, 2, 300])
def test_pca_map(n: int) -> None:
    rng = np.random.default_rng(n)
    scores = rng.normal(size=(n, 3))
    causes = rng.choice([*map(str, CAUSES), UNDECIDED], n)
    ids = np.array([f"meter $x^{i}$ \u7535" for i in range(n)])
    figure = draw(pca_map(scores, causes, ids, np.arange(min(n, 30)), np.abs(scores[:, 2]) + 0.1, (0.3, 0.1)))
    assert "30 % of variance" in figure.axes[0].get_xlabel()
    draw(pca_map(scores, causes, ids, [], None))
    scores[0] = np.nan
    draw(pca_map(scores, causes, ids, [0], np.full(n, np.nan)))


def test_labels_do_not_overlap() -> None:
    rng = np.random.default_rng(4)
    scores = rng.normal(size=(60, 2)) * 0.05
    scores[0] = (3, 3)
    figure = draw(
        pca_map(scores, np.full(60, "fraud"), np.array([f"MAC{i:06d}" for i in range(60)]), np.arange(20))
    )
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    boxes = [t.get_window_extent(renderer) for t in figure.axes[0].texts if t.get_text().startswith("MAC")]
    assert len(boxes) >= 2
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            assert not a.overlaps(b)


def test_an_odd_meter_does_not_press_the_rest_together() -> None:
    rng = np.random.default_rng(4)
    scores = rng.normal(size=(300, 2))
    scores[7] = (1e6, 0)
    axes = draw(pca_map(scores, np.full(300, "normal"), np.arange(300).astype(str), [])).axes[0]
    assert axes.get_xlim()[1] < 10
    assert "beyond the edge" in axes.texts[0].get_text()


def test_reliability() -> None:
    rng = np.random.default_rng(5)
    p = rng.random(5000)
    axes = draw(reliability(p, rng.random(5000) < p)).axes
    curve = axes[0].lines[1]
    assert np.abs(np.asarray(curve.get_xdata()) - np.asarray(curve.get_ydata())).max() < 6
    assert sum(bar.get_height() for bar in axes[1].patches) == 5000
    draw(reliability(np.array([]), np.array([], dtype=bool)))
    draw(reliability(np.array([0.0, 1.0, np.nan]), np.array([False, True, True])))
    with pytest.raises(ShapeError):
        reliability(p, np.array([True]))


def test_gain_of_a_perfect_and_a_useless_score() -> None:
    truth = np.arange(1000) < 100
    axes = draw(gain_curve(truth.astype(float), truth, np.full(1000, 3.0))).axes[0]
    assert axes.texts[0].get_text().startswith("100 % found")
    labels = axes.get_legend_handles_labels()[1]
    assert "meters (100 to find)" in labels
    assert "energy (300 kWh)" in labels
    reverse = draw(gain_curve(-truth.astype(float), truth)).axes[0]
    assert reverse.texts[0].get_text().startswith("0 % found")
    draw(gain_curve(np.array([np.nan, 1.0]), np.array([True, False])))
    draw(gain_curve(np.array([0.1, 1.0]), np.array([False, False])))


def test_areas_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(6)
    truth = rng.random(700) < 0.1
    score = np.round(truth * 0.5 + rng.random(700), 1)  # many ties
    figure = draw(pr_roc({"ours": (score, truth), "one kind only": (score, np.zeros(700, dtype=bool))}))
    (label,) = [line.get_label() for line in figure.axes[1].lines if "AUC" in str(line.get_label())]
    ap, auc = average_precision_score(truth, score), roc_auc_score(truth, score)
    assert label == f"ours: AP {ap:.3f}, AUC {auc:.3f}"
    draw(pr_roc({}))


def test_confusion() -> None:
    counts = np.zeros((6, 7), dtype=np.int64)
    counts[np.arange(6), np.arange(6)] = 300
    counts[0, 6] = 1
    axes = draw(confusion(counts, [*map(str, CAUSES)], [*map(str, CAUSES), UNDECIDED])).axes[0]
    words = [t.get_text() for t in axes.texts]
    assert "1\n<1 %" in words
    assert words.count("300\n100 %") == 5
    assert "300\n>99 %" in words
    with pytest.raises(ShapeError):
        confusion(counts, ["a"], ["b"])


def test_models_side_by_side() -> None:
    value = np.array([0.7, np.nan, 0.9])
    axes = draw(model_bars(["a", "b", "c"], value, value - 0.05, value + 0.03, "AUC", 0.5)).axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["c", "a", "b"]
    assert [t.get_text() for t in axes.texts] == [
        "0.900  (0.850 to 0.930)",
        "0.700  (0.650 to 0.730)",
        "not measured",
    ]
    draw(model_bars([], np.array([]), np.array([]), np.array([]), "AUC"))


def test_no_global_setting_is_touched() -> None:
    before = dict(mpl.rcParams)
    draw(reliability(np.array([0.2, 0.8]), np.array([False, True])))
    assert dict(mpl.rcParams) == before
