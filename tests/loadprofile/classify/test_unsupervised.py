from __future__ import annotations

import numpy as np
import pytest
from pyod.models.copod import COPOD
from pyod.models.ecod import ECOD
from sklearn.metrics import roc_auc_score

from loadprofile.classify.unsupervised import DETECTORS, Unusual
from loadprofile.errors import OptionError

NAMES = [pytest.param(name, id=name) for name in DETECTORS]


def _meters(rng: np.random.Generator, n: int) -> np.ndarray:
    values = rng.normal(size=(n, 6))
    values[rng.random(values.shape) < 0.05] = np.nan
    return values


def _in_batches(score, values: np.ndarray, size: int) -> np.ndarray:
    return np.concatenate([score(values[at : at + size]) for at in range(0, len(values), size)])


@pytest.mark.parametrize("name", NAMES)
def test_a_meters_score_does_not_depend_on_its_batch(name, rng):
    fitted = Unusual(name).fit(_meters(rng, 300))
    values = 1.5 * _meters(rng, 90)
    whole = fitted.score(values)
    order = rng.permutation(90)
    np.testing.assert_allclose(_in_batches(fitted.score, values, 31), whole, atol=1e-9)
    np.testing.assert_allclose(fitted.score(values[order]), whole[order], atol=1e-9)


@pytest.mark.parametrize("outside", [pytest.param(ECOD, id="ecod"), pytest.param(COPOD, id="copod")])
def test_why_ecod_and_copod_are_not_in_the_table(outside, rng):
    model = outside().fit(rng.normal(size=(300, 6)))
    values = 1.5 * rng.normal(size=(90, 6))
    whole = model.decision_function(values)
    assert np.abs(_in_batches(model.decision_function, values, 7) - whole).max() > 0.5
    assert outside.__name__.lower() not in DETECTORS


@pytest.mark.parametrize("name", NAMES)
def test_higher_is_more_unusual(name, rng):
    fitted = Unusual(name).fit(_meters(rng, 400))
    strange = _meters(rng, 40) + 4 * rng.choice([-1, 1], size=(40, 6))
    values = np.concatenate([_meters(rng, 200), strange])
    assert roc_auc_score(np.arange(240) >= 200, fitted.score(values)) > 0.9


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_and_nothing_else_decides(name, rng):
    train, values = _meters(rng, 200), _meters(rng, 30)
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = Unusual(name, seed=5).fit(train).score(values)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    np.random.seed(2)  # noqa: NPY002
    np.testing.assert_array_equal(Unusual(name, seed=5).fit(train).score(values), first)


def test_unknown_detector_is_named(rng):
    with pytest.raises(OptionError, match="isolation_forest"):
        Unusual("ecod").fit(_meters(rng, 20))
