"""Categories as numbers: smoothed, out of fold, and nothing of a row in its own rate."""

from __future__ import annotations

import numpy as np
import pytest

from loadprofile.bills.cases import BillCases
from loadprofile.bills.encoding import BillEncoder
from loadprofile.classify.calibration import logit
from loadprofile.errors import ShapeError
from loadprofile.features.table import FeatureTable


def cases(values: list[str], target: list[int], ids: list[str] | None = None) -> BillCases:
    n = len(values)
    names = np.array(ids or [f"c{i}" for i in range(n)])
    table = FeatureTable(names, ("use.mean",), np.arange(n, dtype=np.float32)[:, None])
    return BillCases(
        table, {"zone": np.array(values)}, np.full(n, np.datetime64("2020-01-01")), np.array(target, np.int8)
    )


def column(encoder: BillEncoder, X: np.ndarray, name: str) -> np.ndarray:
    return X[:, encoder.columns_.index(name)]


def test_rates_are_smoothed_towards_the_rate_of_all() -> None:
    seen = cases(["a"] * 30 + ["b"] * 10, [1] * 10 + [0] * 20 + [0] * 10)
    encoder = BillEncoder(weight=20.0).fit(seen)
    X = encoder.transform(cases(["a", "b", "never"], [0, 0, 0]))
    base = 10 / 40
    want = logit([(10 + 20 * base) / 50, (0 + 20 * base) / 30, base])
    np.testing.assert_allclose(column(encoder, X, "rate.zone"), want)
    np.testing.assert_allclose(column(encoder, X, "count.zone"), np.log1p([30, 10, 0]))
    assert encoder.said_of("zone", "a") == pytest.approx((1 / 3, 30))
    assert encoder.said_of("zone", "never") == (base, 0)


def test_a_row_has_no_part_in_its_own_rate() -> None:
    values = [f"only{i}" for i in range(60)]
    seen = cases(values, [i % 2 for i in range(60)])
    encoder = BillEncoder()
    own = column(encoder, encoder.fit_transform(seen), "rate.zone")
    assert np.ptp(own) == pytest.approx(0.0)  # each is alone in its category: nothing is known of it
    assert np.ptp(column(encoder, encoder.transform(seen), "rate.zone")) > 0.1  # what would have leaked


def test_rows_of_one_customer_tell_nothing_of_each_other() -> None:
    ids = [f"c{i // 4}" for i in range(80)]
    seen = cases(ids, [(i // 4) % 2 for i in range(80)], ids)
    encoder = BillEncoder()
    assert np.ptp(column(encoder, encoder.fit_transform(seen), "rate.zone")) == pytest.approx(0.0)


def test_rare_values_have_no_code_and_pairs_have_one() -> None:
    n = 60
    seen = cases(["a"] * 30 + ["b"] * 28 + ["c"] * 2, [0, 1] * 30)
    both = BillCases(seen.features, {**seen.categories, "kind": np.array(["x"] * n)}, seen.as_of, seen.target)
    encoder = BillEncoder(crossed=[["zone", "kind"], ["zone", "absent"]]).fit(both)
    X = encoder.transform(both)
    assert (column(encoder, X, "code.zone")[-2:] == -1).all()
    assert len(np.unique(column(encoder, X, "code.zone + kind"))) == 3
    assert "code.zone + absent" not in encoder.columns_


def test_what_cannot_be_learned_from_is_refused() -> None:
    with pytest.raises(ShapeError, match="0 and 1"):
        BillEncoder().fit(cases(["a", "b"], [1, -1]))
    encoder = BillEncoder().fit(cases(["a", "b"], [1, 0]))
    other = cases(["a"], [0])
    with pytest.raises(ShapeError, match="without zone"):
        encoder.transform(BillCases(other.features, {}, other.as_of, other.target))
