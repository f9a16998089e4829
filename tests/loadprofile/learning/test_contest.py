from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from loadprofile.evaluate.estimates import Estimate
from loadprofile.learning.contest import LEAST_METERS, Contest, contest, is_better
from loadprofile.verdicts import CAUSES

N = 240


def odds(truth: np.ndarray, sure: float, rng: np.random.Generator) -> np.ndarray:
    """Odds that lean to the truth by ``sure``, with noise."""
    z = rng.normal(0, 1, (len(truth), len(CAUSES)))
    z[np.arange(len(truth)), truth] += sure
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def world() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 6, N)
    return {
        "truth": truth, "meters": np.array([f"m{i // 2}" for i in range(N)]),
        "good": odds(truth, 2.5, rng), "poor": odds(truth, 0.5, rng), "same": odds(truth, 0.5, rng),
    }  # fmt: skip


def test_the_better_one_wins_and_the_like_does_not(world: dict[str, np.ndarray]) -> None:
    asked = {"truth": world["truth"], "meters": world["meters"], "resamples": 200}
    won = contest(world["poor"], world["good"], **asked)
    assert won.gain.low > 0
    assert (won.cases, won.meters) == (N, N // 2)
    assert is_better({"verdicts": won}) == (True, is_better({"verdicts": won})[1])
    lost = contest(world["good"], world["poor"], **asked)
    assert lost.gain.value == pytest.approx(-won.gain.value)
    assert not is_better({"verdicts": lost})[0]
    draw = contest(world["poor"], world["same"], **asked)
    assert draw.gain.low < 0 < draw.gain.high
    better, why = is_better({"verdicts": draw})
    assert not better
    assert why.startswith("not better beyond the noise")
    assert contest(world["poor"], world["poor"], **asked).gain == Estimate(0.0, 0.0, 0.0, N // 2)


def test_figures_are_those_written_out(world: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    weights = rng.uniform(0.2, 3.0, N)
    found = contest(world["poor"], world["good"], world["truth"], world["meters"], weights, resamples=5)
    p = world["good"]
    loss = -sum(w * math.log(p[i, t]) for i, (w, t) in enumerate(zip(weights, world["truth"], strict=True)))
    right = sum(w for w, row, t in zip(weights, p, world["truth"], strict=True) if row.argmax() == t)
    assert found.challenger["log loss"].value == pytest.approx(loss / weights.sum())
    assert found.challenger["right"].value == pytest.approx(right / weights.sum())


def test_too_few_meters_tell_nothing(world: dict[str, np.ndarray]) -> None:
    few = slice(0, LEAST_METERS)  # two rows of each meter
    found = contest(
        world["poor"][few], world["good"][few], world["truth"][few], world["meters"][few], resamples=50
    )
    assert not found.tells
    better, why = is_better({"verdicts": found})
    assert not better
    assert "nothing to score it on" in why
    assert f"{LEAST_METERS // 2} meters only" in why


def test_better_here_and_worse_there_is_not_better(world: dict[str, np.ndarray]) -> None:
    asked = {"truth": world["truth"], "meters": world["meters"], "resamples": 100}
    won = contest(world["poor"], world["good"], **asked)
    lost = contest(world["good"], world["poor"], **asked)
    better, why = is_better({"verdicts": won, "emulated cases": lost})
    assert not better
    assert "worse on emulated cases" in why
    draw = contest(world["poor"], world["same"], **asked)
    assert is_better({"verdicts": won, "emulated cases": draw})[0]


def test_what_cannot_be_told_is_none_in_json(world: dict[str, np.ndarray]) -> None:
    one: Contest = contest(
        world["poor"][:1], world["good"][:1], world["truth"][:1], world["meters"][:1], resamples=5
    )
    plain = replace(one).plain()
    assert plain["champion"]["AUC of fraud"]["value"] is None
    assert isinstance(plain["gain"]["value"], float)
    empty = contest(world["poor"][:0], world["good"][:0], world["truth"][:0], world["meters"][:0]).plain()
    assert empty["cases"] == 0
    assert empty["tells"] is False
