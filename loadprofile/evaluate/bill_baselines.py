"""What stands beside the bill model: a rule, a detector without labels, the paper's six classifiers."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from loadprofile.bills.cases import BillCases, BillLayout
from loadprofile.bills.encoding import BillEncoder
from loadprofile.classify.supervised import PAPER_SIX, make_classifier, score_of
from loadprofile.classify.unsupervised import Unusual

DROP_RULE = "consumption drop rule"
ISOLATION = "isolation forest"
BASELINES = (DROP_RULE, ISOLATION, *PAPER_SIX)


def baselines_for(layout: BillLayout) -> tuple[str, ...]:
    """Those that can be asked of this kind of bills."""
    return BASELINES if layout.change else BASELINES[1:]


def baseline_scores(
    name: str, train: BillCases, test: BillCases, layout: BillLayout, seed: int
) -> NDArray[np.float64]:
    """``(n,)`` scores of the test rows, higher = more suspicious.

    The rule: how far consumption fell (``BillLayout.change``); nothing is learned. The detector sees the
    features. The six see what our trees see: features, rates and counts of categories, comparisons.
    """
    if name == DROP_RULE:
        return np.nan_to_num(-test.features.column(layout.change).astype(np.float64))
    if name == ISOLATION:
        seen = train.features.values
        return Unusual("isolation_forest", seed).fit(seen).score(test.features.values)
    encoder = BillEncoder(seed=seed)
    X, Z = encoder.fit_transform(train), encoder.transform(test)
    keep = [i for i, column in enumerate(encoder.columns_) if not column.startswith("code.")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a baseline that does not converge is told by its figures
        model = make_classifier(name, seed).estimator.fit(X[:, keep], train.target)
        return score_of(model, Z[:, keep])
