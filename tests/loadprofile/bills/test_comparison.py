"""Peers: the season is theirs, the drop is one's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from bills import made_histories

from loadprofile.bills.comparison import LEAST_PEERS, compare, groupings_of
from loadprofile.ingest.monthly_values import MONTHS, MonthlyHistories


def seasonal(n: int = 40) -> MonthlyHistories:
    """All fall by two thirds in the last four months, as in a tourist town."""
    rng = np.random.default_rng(1)
    histories, _ = made_histories(n, 1)
    shape = np.where(np.arange(MONTHS) < 8, 300.0, 100.0)
    kwh = np.rint(shape * np.exp(rng.normal(0, 0.05, (n, MONTHS))) * np.exp(rng.normal(0, 0.5, n))[:, None])
    as_of = np.full(n, np.datetime64("2021-01-01"))
    return replace(histories, kwh=kwh, as_of=as_of)


def test_a_drop_that_all_share_is_no_drop() -> None:
    histories = seasonal()
    compared = compare(histories)
    assert not compared.dropped.any()
    assert np.exp(compared.index[0, -1] - compared.index[0, 0]) < 0.4
    kwh = histories.kwh.copy()
    kwh[7, 5:] *= 0.4
    compared = compare(replace(histories, kwh=kwh))
    assert np.flatnonzero(compared.dropped).tolist() == [7]
    assert compared.at[7] == 5
    assert abs(np.exp(compared.change[7]) - 0.4) < 0.06


def test_the_finest_grouping_with_enough_peers() -> None:
    histories = seasonal(60)
    tariff = np.array(["home"] * 50 + ["shop"] * 10)
    zone = np.array(["n"] * 30 + ["s"] * 5 + ["n"] * 15 + ["n"] * 10)
    compared = compare(replace(histories, categories={"tipo_tarifa": tariff, "zona": zone}))
    assert groupings_of(("zona", "tipo_tarifa")) == (("tipo_tarifa", "zona"), ("tipo_tarifa",), ())
    assert compared.grouping[0] == 0
    assert compared.count[0] == 44
    assert compared.grouping[32] == 1  # five in that zone are too few
    assert compared.count[32] == 49
    assert compared.grouping[55] == 2  # ten shops are too few


def test_order_makes_no_difference_and_few_rows_have_no_peers() -> None:
    histories = seasonal()
    turned = np.arange(len(histories))[::-1]
    np.testing.assert_allclose(compare(histories.take(turned)).change, compare(histories).change[turned])
    alone = compare(histories.take(np.arange(LEAST_PEERS)))
    assert (alone.grouping == -1).all()
    assert (alone.index == 0).all()
    assert groupings_of(()) == ((),)
    assert groupings_of(("x",)) == (("x",), ())


def test_missing_months_are_no_change() -> None:
    histories = seasonal()
    kwh = histories.kwh.copy()
    kwh[3] = np.nan
    kwh[4, :11] = np.nan
    compared = compare(replace(histories, kwh=kwh))
    assert np.isnan(compared.change[[3, 4]]).all()
    assert not compared.dropped[[3, 4]].any()
