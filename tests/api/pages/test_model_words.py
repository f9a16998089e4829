"""Scores of models in words: every figure with its meaning and the better direction, nothing left out."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from api.pages.model_words import fact_lines, plain_lines, score_sheet, verdict_words
from loadprofile.evaluate.estimates import Estimate
from loadprofile.learning.contest import FIGURES, Contest, is_better


def scores(gain: Estimate, meters: int = 60) -> dict[str, Any]:
    """As a learning job leaves them."""
    first, second = (
        {name: Estimate(at, at - 0.1, at + 0.1, meters) for name in FIGURES} for at in (0.5, 0.4)
    )
    found = Contest(2 * meters, meters, first, second, gain)
    better, why = is_better({"later verdicts": found})
    return {
        "champion": {"model_key": None, "name": "default", "sha256": "ab"}, "better": better, "because": why,
        "sets": {"later verdicts": found.plain()}, "verdicts_until": "2024-03-01",
        "as_of": "2024-05-01T10:00:00+02:00",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("low", "high", "meters", "headline", "said"),
    [
        (0.05, 0.15, 60, "better on later verdicts", "better than the champion beyond the noise"),
        (-0.05, 0.25, 60, "not better beyond the noise", "the interval holds 0"),
        (-0.3, -0.1, 60, "worse on later verdicts", "worse than the champion"),
        (0.05, 0.15, 3, "nothing to score it on", "has no say"),
    ],
)
def test_what_a_contest_comes_to(low: float, high: float, meters: int, headline: str, said: str) -> None:
    sheet = score_sheet(scores(Estimate((low + high) / 2, low, high, meters), meters))
    assert sheet is not None
    assert (sheet.headline, sheet.better) == (headline, low > 0 and meters > 20)
    (one,) = sheet.comparisons
    assert said in verdict_words(one)
    assert (one.cases, one.meters, sheet.champion, sheet.others) == (2 * meters, meters, "default", ())
    assert [(f.better, f.mine, f.champions) for f in one.figures] == [
        (way, "0.4 (0.3 to 0.5)", "0.5 (0.4 to 0.6)") for way in ("lower", "higher", "higher", "higher")
    ]
    assert all(f.name not in FIGURES and f.reading for f in one.figures), "no raw names"


def test_what_cannot_be_told_is_a_dash_and_what_is_unknown_stays() -> None:
    nan = float("nan")
    made = scores(Estimate(nan, nan, nan, 60))
    made["sets"]["later verdicts"]["challenger"]["new figure"] = {"value": None, "low": None, "high": None}
    sheet = score_sheet(made | {"extra": {"b": 0.123456, "c": [1, 2.5]}})
    assert sheet is not None
    assert sheet.others == (("extra.b", "0.123"), ("extra.c", "1, 2.5"))
    assert [(f.name, f.mine) for f in sheet.comparisons[0].figures][-1] == ("new figure", "–")
    assert sheet.comparisons[0].verdict == "silent"
    other = copy.deepcopy(made)
    other["sets"]["later verdicts"] = {"auc": {"value": 0.61, "low": 0.5, "high": 0.7}}
    told = score_sheet(other)
    assert told is not None
    assert told.others == (("sets.later verdicts.auc", "0.61 (0.5 to 0.7)"),)
    assert score_sheet(None) is None


def test_a_manifest_in_words() -> None:
    told = fact_lines(
        {"not_ordinary": 3, "data": [{"name": "stored 30min", "meters": 18, "attribution": "us"}],
         "cases": {"cyber_attack": 8}, "prior": {"fraud": 0.05}, "of_our_own": True,
         "wish": {"score_from": None}, "created_as_of": "2026-11-22T10:03:08.887731+00:00"}
    )  # fmt: skip
    assert told == [
        ("meters left out as examples of ordinary ones", "3"),
        ("homes it learned from", "stored 30min: 18 meters"),
        ("cases of cyber-attack", "8"), ("taken to be fraud, share of meters", "0.05"), ("of our own", "yes"),
        ("visits from this day on score", "–"),
        ("learned from what was known by", "2026-11-22 10:03 UTC"),
    ]  # fmt: skip
    assert plain_lines({"a": {"b": {"value": 2.0, "low": 1.0, "high": 3.0}}}) == [("a.b", "2 (1 to 3)")]
