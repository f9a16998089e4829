from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from loadprofile.cases import Cases
from loadprofile.evaluate import left_out
from loadprofile.evaluate.left_out import data_sets_left_out, kind_folds, kinds_left_out
from loadprofile.evaluate.splits import LeakError, by_meter
from loadprofile.verdicts import CAUSES


@pytest.fixture(scope="module")
def halves(small_cases: Cases) -> tuple[Cases, Cases]:
    sides = by_meter(small_cases.home, {"train": 0.5, "test": 0.5}, 1)
    return small_cases.take(sides["train"]), small_cases.take(sides["test"])


def parrot(fits: list[Cases]) -> Callable[[Cases, int], Callable[[Cases], Any]]:
    """A model that names a kind's cause if it met the kind, else normal; it notes what it was fitted on."""

    def light(train: Cases, seed: int) -> Callable[[Cases], Any]:
        fits.append(train)
        known = dict(zip(train.kind.tolist(), train.cause.tolist(), strict=True))

        def answer(cases: Cases) -> Any:
            said = np.array([known.get(k, "normal") for k in cases.kind.tolist()])
            p = np.full((len(cases), len(CAUSES)), 0.02)
            p[np.arange(len(cases)), [[*map(str, CAUSES)].index(s) for s in said.tolist()]] = 0.9
            return p, said

        return answer

    return light


def test_each_kind_is_left_out_once_and_no_cause_all_at_once(small_cases: Cases) -> None:
    folds = kind_folds(small_cases, 0)
    every = [kind for fold in folds for kind in fold]
    assert sorted(every) == sorted(set(small_cases.kind.tolist()) - {"untouched"})
    for cause in CAUSES[1:]:
        kinds = set(small_cases.kind[small_cases.cause == str(cause)].tolist())
        assert all(kinds - fold for fold in folds)


def test_a_kind_that_is_left_out_was_not_learned(
    halves: tuple[Cases, Cases], monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[Cases] = []
    monkeypatch.setattr(left_out, "light_odds", parrot(fits))
    train, test = halves
    known = parrot([])(train, 0)
    by_cause, by_kind = kinds_left_out(train, test, known, 0, lambda _: None)
    assert len(fits) == len(kind_folds(train, 0))
    planted = by_cause.rows[0]
    assert planted["never seen"].value == 0.0  # type: ignore[union-attr]
    assert planted["known"].value == 1.0  # type: ignore[union-attr]
    assert planted["never seen: called normal"].value == 1.0  # type: ignore[union-attr]
    assert {row["kind"] for row in by_kind.rows} <= set(test.kind.tolist())


def test_a_data_set_is_judged_by_the_others(
    halves: tuple[Cases, Cases], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    fits: list[Cases] = []
    monkeypatch.setattr(left_out, "light_odds", parrot(fits))
    train, test = (replace(side, source=np.where(side.population % 2 == 0, "a", "b")) for side in halves)
    table = data_sets_left_out(train, test, parrot([])(train, 0), 0, lambda _: None)
    assert [set(f.source.tolist()) for f in fits] == [{"b"}, {"a"}]
    assert [(r["tested on"], r["trained on"]) for r in table.rows] == [
        ("a", "all data sets"), ("a", "the others only"), ("b", "all data sets"), ("b", "the others only"),
    ]  # fmt: skip


def test_rows_of_one_home_on_both_sides_are_refused(small_cases: Cases) -> None:
    known = parrot([])(small_cases, 0)
    with pytest.raises(LeakError):
        kinds_left_out(small_cases, small_cases, known, 0, lambda _: None)
    with pytest.raises(LeakError):
        data_sets_left_out(small_cases, small_cases.take(np.arange(3)), known, 0, lambda _: None)


def test_the_light_model_gives_odds(halves: tuple[Cases, Cases], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(left_out, "ITERATIONS", 3)
    train, test = halves
    p, said = left_out.light_odds(train, 0)(test)
    assert p.sum(axis=1) == pytest.approx(1.0)
    assert len(said) == len(test)
