"""Words in the templates."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from api.pages.rendering import (
    day_of,
    environment,
    instant,
    kwh,
    local_moment,
    number,
    person,
    share,
    unbroken,
)
from api.pages.sign_in import own_path


def test_what_is_not_known_is_a_dash() -> None:
    nan = float("nan")
    assert {kwh(None), kwh(nan), number(nan), share(None), local_moment(""), instant(None), day_of(None)} == {
        "–"
    }


def test_words() -> None:
    assert (kwh(12345.6), number(1234.5, 1), share(0.031)) == ("12,346", "1,234.5", "3\u00a0%")
    assert local_moment("2023-05-03T14:30") == "3 May 2023 14:30"
    assert local_moment("2023-05-03T14:30", time=False) == "3 May 2023"
    assert instant(datetime(2024, 1, 2, 3, 4, tzinfo=UTC)) == "2024-01-02 03:04 UTC"
    assert day_of(np.int64(19000)) == day_of(19000) == "2022-01-08"


def test_numbers_stay_with_their_units_and_days_in_one_piece() -> None:
    told = unbroken("use <b>fell</b> by 4.5 % from 2023-10-10T06:00, 12 kWh in 30 min; 3 percent, 5 h-like")
    assert told == (
        'use &lt;b&gt;fell&lt;/b&gt; by 4.5\u00a0% from <span class="nowrap">2023-10-10T06:00</span>, '
        "12\u00a0kWh in 30\u00a0min; 3 percent, 5 h-like"
    )
    assert (
        environment().from_string("{{ text | unbroken }}").render(text="1 % & more") == "1\u00a0% &amp; more"
    )
    assert (person("user:ada"), person("key nightly")) == ("ada", "key nightly")


def test_a_template_that_lacks_a_value_fails_and_does_not_show_nothing() -> None:
    made = environment().from_string("{{ missing }}")
    with pytest.raises(Exception, match="missing"):
        made.render()


@pytest.mark.parametrize("target", ["//a", "https://a", "/\\a", "a", "", "/a\nb", "javascript:alert(1)"])
def test_nobody_is_sent_elsewhere_after_signing_in(target: str) -> None:
    assert own_path(target) == "/"
    assert own_path("/cases/3?meter=a%2Fb") == "/cases/3?meter=a%2Fb"
