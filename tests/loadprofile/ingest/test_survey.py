"""The first pass: intervals and the span of days."""

from __future__ import annotations

import numpy as np
import pytest

from loadprofile.ingest.readings import ORDINARY, Readings, Vocabulary
from loadprofile.ingest.survey import Survey


def surveyed(*meters: tuple[list[int], list[int]]) -> Survey:
    """A survey of meters given as (days, minutes of the day) that are combined with each other."""
    survey, vocabulary = Survey(), Vocabulary()
    for number, (days, minutes) in enumerate(meters):
        code = vocabulary.code(str(number))
        day, minute = (grid.ravel() for grid in np.meshgrid(days, minutes))
        n = len(day)
        survey.add(
            Readings(
                vocabulary=vocabulary,
                codes=np.full(n, code, dtype=np.int32),
                day=day.astype(np.int32),
                minute=minute.astype(np.int16),
                fold=np.full(n, ORDINARY, dtype=np.int8),
                kwh=np.ones(n, dtype=np.float32),
                line=np.arange(n, dtype=np.int64),
                file="f",
            )
        )
    return survey


def every(step: int, first: int = 0) -> list[int]:
    return list(range(first, 1440, step))


@pytest.mark.parametrize(
    ("minutes", "step"),
    [
        pytest.param(every(15), 15, id="quarters"),
        pytest.param(every(30), 30, id="halves"),
        pytest.param(every(60), 60, id="hours"),
        pytest.param(every(60, 30), 60, id="hours_stamped_half_past"),
        pytest.param(every(60) + every(120, 30), 30, id="half_of_the_day_in_halves"),
        pytest.param(every(60) + every(240, 30), 60, id="a_quarter_of_the_day_in_halves"),
        pytest.param(every(5), 15, id="finer_than_quarters"),
    ],
)
def test_interval_of_one_meter(minutes: list[int], step: int) -> None:
    assert surveyed(([1, 2], minutes)).steps().tolist() == [step]


def test_few_readings_follow_the_others() -> None:
    survey = surveyed(([1], every(30)), ([1], every(30)), ([1], [0, 60]), ([1], every(60)))
    assert survey.steps().tolist() == [30, 30, 30, 60]
    assert survey.steps(15).tolist() == [15, 15, 15, 15]


def test_window_leaves_out_stray_days_only() -> None:
    days = list(range(10_000, 10_100))
    assert surveyed((days, every(30)), ([20_000], [0])).window() == (10_000, 10_099)
    assert surveyed((days, every(30)), ([10_200], [0])).window() == (10_000, 10_200)
    far = list(range(14_000, 14_100))
    assert surveyed((days, every(30)), (far, every(30))).window() == (10_000, 14_099)


def test_daily_totals() -> None:
    assert surveyed((list(range(30)), [0]), (list(range(30)), [720])).is_daily()
    assert not surveyed((list(range(30)), [0, 60])).is_daily()
    assert not surveyed(([1, 2], [0])).is_daily()
