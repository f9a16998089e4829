from __future__ import annotations

import pandas as pd
import pytest

from api.visits import plan
from loadprofile.errors import OptionError

LIST = pd.DataFrame(
    {
        "meter_id": ["a", "b", "c", "d"],
        "p_fraud": [0.9, 0.5, 0.6, 0.01],
        "expected_recovery": [900.0, 500.0, 60.0, 0.0],
    }
)


def said(**asked: float) -> str:
    options = {"visits": None, "visit_cost": None, "precision": None} | asked
    return " ".join(plan(LIST, **options))  # type: ignore[arg-type]


def test_nothing_asked_nothing_said() -> None:
    assert said() == ""


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        pytest.param(
            {"visits": 2},
            ("visits: 2 ", "1.4 expected", "1,400 kWh", "expected_recovery of 500 or more, first a, b"),
            id="crew",
        ),
        pytest.param({"visits": 10}, ("visits: 3 ",), id="nobody_drives_for_nothing"),
        pytest.param({"visit_cost": 100.0}, ("visits: 2 ", "first a, b"), id="cost"),
        pytest.param({"visit_cost": 1000.0}, ("none is worth",), id="too_dear"),
        pytest.param({"precision": 0.7}, ("visits: 2 ", "p_fraud of 0.6 or more, first a, c"), id="hit_rate"),
        pytest.param({"precision": 0.95}, ("none is worth",), id="hit_rate_out_of_reach"),
    ],
)
def test_each_way_to_cut_the_list(asked: dict[str, float], words: tuple[str, ...]) -> None:
    for word in words:
        assert word in said(**asked)


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"visits": 2, "precision": 0.5}, id="two_at_once"),
        pytest.param({"precision": 1.0}, id="certainty"),
    ],
)
def test_contradictions_are_refused(asked: dict[str, float]) -> None:
    with pytest.raises(OptionError):
        said(**asked)
