"""Numbers and verdicts in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from loadprofile.report.words import energy, figure_of, percent, summary
from loadprofile.verdicts import UNDECIDED, Verdicts

NAT = np.datetime64("NaT", "m")


@pytest.mark.parametrize(
    ("share", "words"),
    [
        pytest.param(0.0, "0 %", id="none"),
        pytest.param(0.004, "under 1 %", id="nearly-none"),
        pytest.param(0.63, "63 %", id="some"),
        pytest.param(0.997, "over 99 %", id="nearly-all"),
        pytest.param(1.0, "100 %", id="all"),
        pytest.param(float("nan"), "not known", id="unknown"),
    ],
)
def test_percent(share: float, words: str) -> None:
    assert percent(share) == words


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        pytest.param(1234.4, "kWh", "1,234 kWh", id="thousands"),
        pytest.param(12.34, "kWh", "12.3 kWh", id="tens"),
        pytest.param(0.0347, "kW", "0.035 kW", id="small"),
        pytest.param(0.767, "%", "76.7 %", id="share-as-percent"),
        pytest.param(3.0, "days", "3 days", id="whole"),
        pytest.param(2.5e9, "kWh", "2.50e+09 kWh", id="sentinel"),
        pytest.param(0.38, "1", "0.380", id="ratio"),
        pytest.param(float("nan"), "kWh", "not known", id="unknown"),
    ],
)
def test_figures_have_units(value: float, unit: str, words: str) -> None:
    assert figure_of(value, unit) == words


def test_energy() -> None:
    assert energy(100, 80, 130) == "100 kWh (80 % interval: 80 to 130 kWh)"
    assert energy(100, float("nan"), 130) == "100 kWh"
    assert energy(float("nan"), 1, 2) == "not known"


def verdict() -> Verdicts:
    zero = np.zeros(1)
    nat = np.full(1, NAT)
    return Verdicts(
        np.array(["m"]), np.array([[0.1, 0.1, 0.4, 0.0, 0.0, 0.4]]), np.array([0.9]), np.array([UNDECIDED]),
        nat, nat, nat, nat, zero, zero, zero, np.full(1, -1), ("",),
    )  # fmt: skip


def test_undecided_gives_the_odds() -> None:
    assert summary(verdict(), 0)[0] == "The evidence does not decide: maintenance 40 %, fraud 40 %."


def test_summary_says_end_loss_and_company() -> None:
    one = replace(
        verdict(),
        cause=np.array(["fraud"]),
        onset=np.array([np.datetime64("2013-02-01T00:00")]),
        end=np.array([np.datetime64("2013-02-05T12:00")]),
        lost_kwh=np.array([np.nan]),
    )
    words = " ".join(summary(one, 0, companions=2))
    assert "It began on 1 Feb 2013; it ended on 5 Feb 2013 12:00." in words
    assert "cannot be told" in words
    assert "2 other meters were hit" in words
    normal = " ".join(summary(replace(verdict(), cause=np.array(["normal"])), 0))
    assert "Nobody needs to act." in normal
    assert "began" not in normal
