from __future__ import annotations

import numpy as np

from loadprofile.evaluate.light import light_booster


def test_it_learns_and_drops_columns_that_hold_nothing() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(400, 6)).astype(np.float32)
    values[:, 3] = np.nan
    truth = values[:, 0] + values[:, 1] > 0
    model = light_booster(1, 30).fit(values[:300], truth[:300])
    assert (model.predict(values[300:]) == truth[300:]).mean() > 0.85
    again = light_booster(1, 30).fit(values[:300], truth[:300])
    np.testing.assert_array_equal(again.predict_proba(values), model.predict_proba(values))
