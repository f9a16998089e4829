"""Sentences: the planted cause is named, with its numbers."""

from __future__ import annotations

import numpy as np
import pytest
from bills import KINDS, made_histories

from loadprofile.bills.cases import monthly_cases
from loadprofile.bills.comparison import compare
from loadprofile.bills.judging import judge_monthly
from loadprofile.bills.model import BillModel
from loadprofile.bills.words import SIGN_OF, credited, feature_words, monthly_words, shown, signs_of
from loadprofile.features.monthly import LEVEL, MISSING, REPEATS, ZEROS
from loadprofile.features.table import FeatureTable
from loadprofile.ingest.monthly_values import MonthlyHistories


def one_of_many(row: list[float]) -> MonthlyHistories:
    """The given months among 40 even histories of the same tariff and district."""
    kwh = np.tile(np.array([100.0, 101.0] * 6), (41, 1))
    kwh[0] = row
    return MonthlyHistories(
        ids=np.array([f"c{i}" for i in range(41)]), kwh=kwh,
        as_of=np.full(41, np.datetime64("2018-01-15")),
        categories={"tipo_tarifa": np.full(41, "t"), "zona": np.full(41, "z")},
        target=np.zeros(41, dtype=np.int8),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("months", "sign", "words"),
    [
        pytest.param(
            [200, 201, 200, 201, 200, 201, 100, 99, 100, 101, 100, 99], LEVEL,
            "billed 50% less since 2017-07 than in the months before, while the 40 customers of the same "
            "tariff and district kept their level", id="level",
        ),
        pytest.param(
            [90, 80, 0, 0, 0, 0, 70, 80, 90, 85, 70, 75], ZEROS,
            "nothing billed for 4 months from 2017-03, 80 kWh in the median of the others", id="zeros",
        ),
        pytest.param(
            [90, 80, 77, 77, 77, 60, 70, 80, 90, 85, 70, 75], REPEATS,
            "exactly 77 kWh billed 3 months in a row from 2017-03", id="repeats",
        ),
        pytest.param(
            [np.nan, np.nan, 90, -8, 77, 60, 70, 80, 90, 85, 70, 75], MISSING,
            "2 of 12 months without a bill, 1 with a negative one", id="missing",
        ),
    ],
)  # fmt: skip
def test_each_sign_says_what_was_planted(months: list[float], sign: str, words: str) -> None:
    histories = one_of_many(months)
    said = monthly_words(histories, compare(histories))(sign, 0)
    assert said is not None
    assert said.sentence == words
    assert said.first >= "2017-01"
    assert said.last == "2017-12"


def test_even_bills_have_nothing_to_show() -> None:
    histories = one_of_many([100.0, 101.0] * 6)
    say = monthly_words(histories, compare(histories))
    assert [say(sign, 0) for sign in (ZEROS, REPEATS, MISSING, "category.zona", "nonsense")] == [None] * 5


@pytest.mark.parametrize("kind", KINDS)
def test_the_planted_cause_is_named_first(kind: str, bill_model: BillModel) -> None:
    histories, kinds = made_histories(500, 21)
    verdicts = judge_monthly(bill_model, histories)
    p = verdicts.probabilities[:, -1]
    rows = np.flatnonzero((kinds == kind) & (p > 0.5))
    assert len(rows) > 10
    first = [verdicts.evidence[row][0].name for row in rows]
    assert np.mean([name == f"fraud.{kind}" for name in first]) > 0.8
    said = [any(e.name == f"fraud.{kind}" for e in verdicts.evidence[row]) for row in rows]
    assert np.mean(said) > 0.9


def test_signs_keep_the_sum_of_their_columns(bill_model: BillModel) -> None:
    cases = monthly_cases(made_histories(20, 22)[0])
    added, base, names = bill_model.explain(cases)
    signs = signs_of(added, base, names, SIGN_OF)
    np.testing.assert_allclose(signs.added.sum(axis=1) + signs.base, bill_model.score(cases), atol=1e-9)
    histories = made_histories(20, 22)[0]
    moved = credited(signs, histories, compare(histories)).added
    assert not np.array_equal(moved, signs.added)
    np.testing.assert_allclose(moved.sum(axis=1), signs.added.sum(axis=1), atol=1e-9)
    assert {"level", "zeros", "repeats", "category.zona", "category.tipo_tarifa"} <= set(signs.names)


def test_a_column_is_told_where_it_stands_out() -> None:
    values = np.stack([np.arange(41.0), np.r_[7.0, np.zeros(40)], np.full(41, np.nan)], axis=1)
    table = FeatureTable(np.array([f"c{i}" for i in range(41)]), ("share", "many", "sum"), values)
    sign_of = dict.fromkeys(("share", "many", "sum"), "sign")
    phrases = {"share": "{share} of it, {usual} in the median", "many": "{signed} of {middle}"}
    say = feature_words(table, phrases, {"share": "1", "many": "kWh"}, sign_of)
    first, last = say("sign", 0), say("sign", 40)
    assert first is not None
    assert last is not None
    assert (first.sentence, first.found, first.expected, first.unit) == ("+7 of 0", 7.0, 0.0, "kWh")
    assert last.sentence == "4000% of it, 2000% in the median"
    assert say("sign", 20) is None
    assert say("unknown", 0) is None


def test_numbers_of_sentences() -> None:
    assert [shown(x) for x in (0.03456, 12.34, 99.96, 1234.5, -1234567.0)] == [
        "0.0346", "12.3", "100", "1,234", "-1,234,567",
    ]  # fmt: skip
