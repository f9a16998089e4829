from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from loadprofile.cases import Cases
from loadprofile.evaluate import ablation
from loadprofile.evaluate.ablation import by_classifier, by_feature_group, feature_sets, learning_curve
from loadprofile.evaluate.splits import LeakError, by_meter
from loadprofile.models.model import Model
from loadprofile.training import ABSOLUTE


@pytest.fixture(scope="module")
def halves(small_cases: Cases) -> tuple[Cases, Cases]:
    sides = by_meter(small_cases.home, {"train": 0.5, "test": 0.5}, 1)
    return small_cases.take(sides["train"]), small_cases.take(sides["test"])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ablation, "ITERATIONS", 2)
    monkeypatch.setattr(ablation, "CLASSIFIERS_COMPARED", ("decision_tree",))
    monkeypatch.setattr(ablation, "DETECTORS_COMPARED", ("hbos",))
    monkeypatch.setattr(ablation, "MATURING", ("decision_tree",))
    monkeypatch.setattr(ablation, "SIZES", (40,))
    monkeypatch.setattr(ablation, "REPEATS", 1)
    monkeypatch.setattr(ablation, "RESAMPLES", 10)


def test_sets_grow_and_shrink_by_whole_groups(small_cases: Cases) -> None:
    sets = feature_sets(small_cases.table.names)
    ladder = list(sets.values())[: len(ablation.GROUPS)]
    assert all(set(a) < set(b) for a, b in pairwise(ladder))
    everything = set(ladder[-1])
    assert everything == {n for n in small_cases.table.names if n not in ABSOLUTE}
    without = {name: everything - set(s) for name, s in sets.items() if name.startswith("everything without")}
    assert all(len({n.split(".")[0] for n in gone}) >= 1 for gone in without.values())
    assert {n.split(".")[0] for n in without["everything without the paper's three"]} == {"g1", "g2", "g3"}


def test_every_comparison_is_made(
    halves: tuple[Cases, Cases], small_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, test = halves
    some = {"peers": tuple(n for n in train.table.names if n.startswith("peers."))}
    monkeypatch.setattr(ablation, "feature_sets", lambda _: some | {"again": some["peers"]})
    calls: list[int] = []
    assert len(by_feature_group(train, test, 0, calls.append).rows) == len(calls)
    methods = by_classifier(train, test, small_model, 0, lambda _: None).rows
    assert len(methods) == ablation.classifier_fits()
    assert {str(r["family"]) for r in methods} == {"paper", "no labels"}
    sizes = [r["labelled meters"] for r in learning_curve(train, test, 0, lambda _: None).rows]
    assert sizes == [40, len(train)]


def test_an_answer_never_met_scores_lowest() -> None:
    from sklearn.tree import DecisionTreeClassifier

    model = DecisionTreeClassifier(random_state=0).fit([[0.0], [1.0]], [0, 5])
    scores = ablation._six(model, np.array([[0.0], [1.0]]))
    assert scores.argmax(axis=1).tolist() == [0, 5]
    assert (scores[:, 1:5] < scores[:, [0, 5]].min()).all()


def test_rows_of_one_home_on_both_sides_are_refused(small_cases: Cases, small_model: Model) -> None:
    for run in (
        lambda: by_feature_group(small_cases, small_cases, 0, lambda _: None),
        lambda: by_classifier(small_cases, small_cases, small_model, 0, lambda _: None),
        lambda: learning_curve(small_cases, small_cases, 0, lambda _: None),
    ):
        with pytest.raises(LeakError):
            run()
