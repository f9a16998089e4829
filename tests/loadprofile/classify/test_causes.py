from __future__ import annotations

import numpy as np
import pytest

from loadprofile.classify.causes import CauseOdds
from loadprofile.classify.known_columns import KnownColumns
from loadprofile.errors import ShapeError
from loadprofile.verdicts import CAUSES

NAMES = np.array([str(c) for c in CAUSES])


def data(rng: np.random.Generator, m: int = 480) -> tuple[np.ndarray, np.ndarray]:
    code = np.arange(m) % 6
    X = rng.normal(size=(m, 4)).astype(np.float32)
    X[:, 0] += code
    X[:, 3] = np.nan
    return X, NAMES[code]


def test_columns_stand_in_the_order_of_the_causes(rng: np.random.Generator) -> None:
    X, y = data(rng)
    model = CauseOdds(max_iter=10, folds=2).fit(X, y)
    p = model.predict_proba(np.array([[0, 0, 0, np.nan], [5, 0, 0, np.nan]], dtype=np.float32))
    assert p[0].argmax() == 0
    assert p[1].argmax() == 5
    assert model.prior_ == pytest.approx(1 / 6)
    assert set(model.predict(X)) <= set(NAMES.tolist())
    assert (model.predict(X) == y).mean() > 0.5


def test_calibration_rows_are_scored_without_their_home_or_kind(rng: np.random.Generator) -> None:
    """A column that gives each home away must not help out of fold."""
    m = 480
    home = np.repeat(np.arange(40), 12)
    y = NAMES[rng.integers(6, size=40)][home]
    y[:6] = NAMES
    X = np.column_stack([home, rng.normal(size=m)]).astype(np.float32)
    model = CauseOdds(max_iter=10, folds=4).fit(X, y, homes=home, kinds=y)
    assert (model.out_of_fold_.argmax(axis=1) == [NAMES.tolist().index(c) for c in y]).mean() < 0.4
    assert (NAMES[model.booster_.predict(X)] == y).mean() > 0.6  # in the fold it does know them


@pytest.mark.parametrize(
    "lost", [pytest.param("fraud", id="no_fraud"), pytest.param("normal", id="no_normal")]
)
def test_a_missing_answer_is_named(rng: np.random.Generator, lost: str) -> None:
    X, y = data(rng)
    with pytest.raises(ShapeError, match=lost):
        CauseOdds().fit(X[y != lost], y[y != lost])


def test_known_columns_drops_only_the_empty(rng: np.random.Generator) -> None:
    X, _ = data(rng)
    X[0, 1] = np.nan
    kept = KnownColumns().fit(X)
    assert kept.known_.tolist() == [True, True, True, False]
    assert kept.transform(X).shape == (len(X), 3)


def test_weights_count(rng: np.random.Generator) -> None:
    X, y = data(rng)
    plain = CauseOdds(max_iter=5, folds=2).fit(X, y)
    even = CauseOdds(max_iter=5, folds=2).fit(X, y, weights=np.full(len(y), 2.0))
    assert even.prior_ == pytest.approx(plain.prior_)
    fraud = y == "fraud"
    more = CauseOdds(max_iter=5, folds=2).fit(X, y, weights=np.where(fraud, 4.0, 1.0))
    assert more.prior_[NAMES.tolist().index("fraud")] == pytest.approx(4 / 9)
    at = NAMES.tolist().index("fraud")
    assert more.predict_proba(X)[:, at].mean() > 1.5 * plain.predict_proba(X)[:, at].mean()
    for wrong in (np.zeros(len(y)), np.ones(3), np.full(len(y), np.nan)):
        with pytest.raises(ShapeError, match="weights"):
            CauseOdds().fit(X, y, weights=wrong)
