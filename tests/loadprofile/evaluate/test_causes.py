from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from loadprofile.cases import Source
from loadprofile.errors import OptionError
from loadprofile.evaluate import causes
from loadprofile.evaluate.causes import CausesEvaluation, evaluate_causes
from loadprofile.evaluate.protocols import HERE, PACKAGED
from loadprofile.evaluate.splits import LeakError
from loadprofile.models.model import Model
from loadprofile.profiles import LoadProfiles
from loadprofile.verdicts import SubDetector


@pytest.fixture(scope="module")
def sources(simulated_homes: LoadProfiles) -> list[Source]:
    return [
        Source(name, simulated_homes.take(np.arange(first, 70, 2)), 1.0)
        for first, name in enumerate(("a", "b"))
    ]


@pytest.fixture(scope="module")
def result(sources: list[Source], detectors: Sequence[SubDetector], small_model: Model) -> CausesEvaluation:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(causes, "ITERATIONS", 2)
        patch.setattr("loadprofile.evaluate.left_out.ITERATIONS", 2)
        patch.setattr("loadprofile.evaluate.left_out.ODDS_FOLDS", 2)
        for module in ("verdict_tables", "prevalence"):
            patch.setattr(f"loadprofile.evaluate.{module}.RESAMPLES", 10)
        return evaluate_causes(
            sources, detectors, small_model, populations=4, seed=2,
            parts=("verdicts", "data-sets", "prevalence"),
        )  # fmt: skip


def test_no_home_on_both_sides(result: CausesEvaluation) -> None:
    assert not set(result.train.home.tolist()) & set(result.judged.cases.home.tolist())


def test_both_programs_and_both_data_sets_are_judged(result: CausesEvaluation) -> None:
    assert set(result.judged.said) == {HERE, PACKAGED}
    assert set(result.judged.cases.source.tolist()) == {"a", "b"}
    tables = {t.name: t for t in result.tables}
    assert {"overall", "causes", "honest", "onset", "energy", "explained", "prevalence"} <= set(tables)
    assert len(tables["left_out_data_sets"].rows) == 4


def test_pictures_are_drawn(result: CausesEvaluation) -> None:
    assert {"confusion_here", "calibration_packaged", "recall_by_clarity", "prevalence"} <= set(
        result.figures
    )
    for figure in result.figures.values():
        figure.canvas.draw()


def test_what_was_not_asked_for_is_not_made(result: CausesEvaluation) -> None:
    assert not {"features", "classifiers", "learning"} & {t.name for t in result.tables}


def test_a_leaking_split_stops_the_run(
    sources: list[Source],
    detectors: Sequence[SubDetector],
    small_model: Model,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def leaking(ids: np.ndarray, fractions: object, seed: int) -> dict[str, np.ndarray]:
        return {"train": np.arange(len(ids)), "test": np.arange(3)}

    monkeypatch.setattr(causes, "by_meter", leaking)
    with pytest.raises(LeakError):
        evaluate_causes(sources, detectors, small_model, populations=2, seed=0)


def test_an_unknown_part_is_refused(
    sources: list[Source], detectors: Sequence[SubDetector], small_model: Model
) -> None:
    with pytest.raises(OptionError, match="parts"):
        evaluate_causes(sources, detectors, small_model, populations=2, seed=0, parts=("verdict",))
