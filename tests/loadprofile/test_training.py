from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from loadprofile.cases import Cases
from loadprofile.errors import ModelFileError, ShapeError
from loadprofile.models.model import Model
from loadprofile.training import ABSOLUTE, fit_model
from loadprofile.verdicts import CAUSES


def odds(model: Model, cases: Cases) -> np.ndarray:
    return model.probabilities(cases.table, model.prior)


def test_odds_are_probabilities(small_model: Model, small_cases: Cases) -> None:
    p = odds(small_model, small_cases)
    assert p.shape == (len(small_cases), len(CAUSES))
    assert p.sum(axis=1) == pytest.approx(1.0)
    assert (p > 0).all()


def test_prior_moves_the_odds_as_bayes_says(small_model: Model, small_cases: Cases) -> None:
    few = small_cases.take(np.arange(5)).table
    flat = np.full(6, 1 / 6)
    tilted = np.array([0.5, 0.1, 0.1, 0.1, 0.1, 0.1])
    a, b = (small_model.probabilities(few, p) for p in (flat, tilted))
    assert b[:, 0] / b[:, 5] == pytest.approx(5 * a[:, 0] / a[:, 5])


def test_a_saved_model_says_the_same(small_model: Model, small_cases: Cases, tmp_path: Path) -> None:
    path = tmp_path / "m.lpm"
    small_model.save(str(path))
    again = Model.load(str(path))
    assert np.array_equal(odds(small_model, small_cases), odds(again, small_cases))
    assert np.array_equal(
        small_model.distance(small_cases.table), again.distance(small_cases.table), equal_nan=True
    )
    assert again.manifest["name"] == "small"
    assert again.held_out["probabilities"].shape == (len(small_cases), 6)


def test_an_altered_model_is_refused(small_model: Model, tmp_path: Path) -> None:
    path = tmp_path / "m.lpm"
    small_model.save(str(path))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(ModelFileError):
        Model.load(str(path))


def test_no_classifier_sees_moments_or_absolute_levels(small_model: Model) -> None:
    for names in (small_model.space_names, small_model.odds_names):
        assert not ABSOLUTE & set(names)
        assert not [n for n in names if n.startswith("when.")]


def test_a_missing_cause_is_refused(small_cases: Cases) -> None:
    with pytest.raises(ShapeError, match="fraud"):
        fit_model(small_cases.take(small_cases.cause != "fraud"), iterations=2)


def test_held_out_scores_do_not_know_their_own_home(small_cases: Cases) -> None:
    """Shuffled labels: a model that saw the rows it scores would still look good; ours must not."""
    rng = np.random.default_rng(0)
    shuffled = rng.permutation(small_cases.cause)
    from dataclasses import replace

    from sklearn.metrics import roc_auc_score

    model = fit_model(replace(small_cases, cause=shuffled), seed=0, iterations=6)
    normal = model.held_out["cause"] == 0
    assert roc_auc_score(normal, model.held_out["probabilities"][:, 0]) < 0.62
