from __future__ import annotations

import numpy as np

from loadprofile.signs.course import MOST_SAID, courses
from loadprofile.verdicts import CAUSES, Cause

DAYS = np.datetime64("2013-01-01") + np.arange(364)
FRAUD = CAUSES.index(Cause.FRAUD)


def said(stretches: list[tuple[int, int]]):
    rng = np.random.default_rng(2)
    power = np.exp(rng.normal(0, 0.2, (1, 364, 8)))
    for first, last in stretches:
        power[0, first:last] *= 0.3
    return courses(power.astype(np.float32), np.ones((1, 364, 8), np.float32), DAYS, np.array([FRAUD]))[0]


def test_every_date_is_written_with_its_change() -> None:
    course = said([(70, 140), (245, 315)])
    assert course is not None
    assert (course.name, course.found) == ("fraud.change_dates", 4.0)
    assert course.sentence.startswith("Against like meters the weekly level had 4 changes: ")
    assert course.sentence.count(" fell by ") == 2
    assert course.sentence.count("2013-") == 4
    assert (course.first, course.last) == (str(DAYS[70]), str(DAYS[315]))


def test_one_change_is_the_onset_and_needs_no_list() -> None:
    assert said([(200, 364)]) is None
    assert said([]) is None


def test_of_many_the_largest_are_written() -> None:
    course = said([(28 * k + 14, 28 * k + 28) for k in range(12)])
    assert course is not None
    assert course.found > MOST_SAID
    assert course.sentence.count("2013-") == MOST_SAID
