from __future__ import annotations

import numpy as np
import pytest

from loadprofile.evaluate import cer
from loadprofile.evaluate.cer import ALONE, PAST, evaluate_cer, rotations, thresholds
from loadprofile.evaluate.splits import LeakError
from loadprofile.profiles import LoadProfiles


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cer, "ITERATIONS", 8)
    monkeypatch.setattr(cer, "RESAMPLES", 20)


def test_every_home_is_tested_once_and_on_one_side_only() -> None:
    ids = np.array([f"h{i // 3}" for i in range(180)])
    tested: list[str] = []
    for sides in rotations(ids, 4):
        homes = {name: set(ids[rows].tolist()) for name, rows in sides.items()}
        assert not homes["train"] & homes["test"]
        assert not homes["validation"] & (homes["train"] | homes["test"])
        assert set.union(*homes.values()) == set(ids.tolist())
        tested += sorted(homes["test"])
    assert sorted(tested) == sorted(set(ids.tolist()))


def test_with_many_homes_the_sides_are_those_of_the_literature(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cer, "ENOUGH_HOMES", 50)
    (sides,) = rotations(np.array([f"h{i}" for i in range(100)]), 0)
    assert {name: len(rows) for name, rows in sides.items()} == {"train": 80, "validation": 10, "test": 10}


def test_thresholds_are_the_best_of_all_cuts(rng: np.random.Generator) -> None:
    honest, stolen = rng.beta(1, 4, 300).round(2), rng.beta(3, 2, 200).round(2)

    def f1(cut: float) -> tuple[float, float]:
        alarms, recall = float((honest >= cut).mean()), float((stolen >= cut).mean())
        return 0.2 * recall / (0.1 * recall + 0.9 * alarms + 0.1), alarms

    cuts = np.unique(np.concatenate([honest, stolen]))
    best, few = thresholds(honest, stolen)
    assert f1(best)[0] == pytest.approx(max(f1(c)[0] for c in cuts))
    assert f1(few)[1] <= cer.MOST_ALARMS
    assert f1(few)[0] == pytest.approx(max(f1(c)[0] for c in cuts if f1(c)[1] <= cer.MOST_ALARMS))


def test_thefts_of_a_week_are_found_on_homes_never_met(simulated_homes: LoadProfiles) -> None:
    result = evaluate_cer(simulated_homes.take(np.arange(45)), seed=1)
    rows = result.tables[0].rows
    ours = [r for r in rows if str(r["method"]).startswith("this program")]
    assert len(ours) == 4
    assert all(r["AUC"].value > 0.9 for r in ours)  # type: ignore[union-attr]
    each = result.tables[1].rows
    assert {str(r["variant"]) for r in each} == {ALONE, PAST}
    assert len(each) == 2 * 13
    flat = next(r for r in each if r["attack"] == "h5" and r["variant"] == ALONE)
    assert flat["AUC"].value > 0.99  # type: ignore[union-attr]
    hidden = next(r for r in each if str(r["attack"]).startswith("h1,") and r["variant"] == ALONE)
    assert hidden["AUC"].value < 0.65  # type: ignore[union-attr]
    for figure in result.figures.values():
        figure.canvas.draw()


def test_a_leaking_split_stops_the_run(
    simulated_homes: LoadProfiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leaking(ids: np.ndarray, seed: int) -> list[dict[str, np.ndarray]]:
        rows = np.arange(len(ids))  # windows split at random: homes on all sides
        return [{"train": rows[::3], "validation": rows[1::3], "test": rows[2::3]}]

    monkeypatch.setattr(cer, "rotations", leaking)
    with pytest.raises(LeakError):
        evaluate_cer(simulated_homes, seed=1)
