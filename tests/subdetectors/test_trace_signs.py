# ruff: noqa: ARG005 - all plants have one signature
"""Exact traces of single kinds, planted in synthetic homes: seen, named, and said first."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from loadprofile.features.population import Population
from loadprofile.profiles import LoadProfiles
from loadprofile.verdicts import Findings
from subdetectors import examine_all

Days = NDArray[np.float64]
Plant = Callable[[Days, np.random.Generator], Days]


def pulses(kwh: Days, step: float = 0.001) -> Days:
    """What a register of that pulse shows: whole pulses, the rest carried on."""
    flat = np.diff(np.floor(np.concatenate([[0.0], np.cumsum(kwh.ravel())]) / step + 1e-9)) * step
    return np.round(flat, 6).reshape(kwh.shape)


def after(change: Plant) -> Plant:
    """From a day of its own on (many changes on one day would rightly be taken for a cohort)."""

    def plant(x: Days, rng: np.random.Generator) -> Days:
        since = int(rng.integers(38, 60))
        y = x.copy()
        y[since:] = change(x[since:].copy(), rng)
        return y

    return plant


def window(x: Days, first: int, last: int, value: float | Days) -> Days:
    x[:, first:last] = value
    return x


def sun(x: Days, rng: np.random.Generator) -> Days:
    made = 2.2 * x.mean() * np.exp(-0.5 * ((np.arange(48) - 24) / 5) ** 2) * rng.uniform(0.3, 1, (len(x), 1))
    return np.maximum(x - made, 0)


def index(x: Days, rng: np.random.Generator) -> Days:
    return (812.0 + np.cumsum(x)).reshape(x.shape)


def late(x: Days, rng: np.random.Generator) -> Days:
    y = x.copy()
    for first, last in ((30, 35), (52, 54)):
        y[last, 0] += y[first:last].sum()
        y[first:last] = np.nan
    return y


def foreign_dates(x: Days, rng: np.random.Generator) -> Days:
    day = np.arange(len(x))  # from 1 April: the 4th, 5th and 6th of each month have a date inside the data
    of_month = np.where(day < 30, day, np.where(day < 61, day - 30, day - 61)) + 1
    return np.where(((of_month <= 12) & ~np.isin(of_month, (4, 5, 6)))[:, None], np.nan, x)


def unstarted(x: Days, rng: np.random.Generator) -> Days:
    return np.where(x < np.quantile(x, 0.5), 0.0, x)


def uneven_caps(x: Days, rng: np.random.Generator) -> Days:
    return np.minimum(x, rng.uniform(0.3, 0.7, (len(x), 1)) * x.max(axis=1, keepdims=True))


def business(x: Days, rng: np.random.Generator) -> Days:
    return pulses(window(x, 19, 35, x[:, 19:35] + 2 * x.mean() * rng.uniform(0.6, 1.4, (len(x), 16))))


def solar_evenings(x: Days, rng: np.random.Generator) -> Days:
    y = sun(1.3 * x, rng)
    y[60:, 36:46] += 3 * x.mean()
    return pulses(y)


PLANTED: dict[str, tuple[str, Plant, float, str]] = {
    "index": ("data_mismatch.index_for_energy", after(index), 0.9, "register's index"),
    "late": ("data_mismatch.days_in_one_reading", late, 0.9, "one sum"),
    "dates": ("data_mismatch.swapped_dates", foreign_dates, 0.9, "3 months"),
    "cut": ("data_mismatch.cut_evenings", after(lambda x, r: window(x, 40, 48, np.nan)), 0.8, "to midnight"),
    "unstarted": ("maintenance.not_started", after(unstarted), 0.8, "low load"),
    "pieces": ("maintenance.counted_in_lumps", after(lambda x, r: pulses(x, 1.5)), 0.5, "lumps"),
    "gain": ("maintenance.scaled_load", after(lambda x, r: pulses(x * 1.37)), 0.4, "transformer"),
    "climbing": ("maintenance.rising_gain", lambda x, r: pulses(x * np.linspace(1, 2.2, len(x))[:, None]),
                 0.3, "evenly"),
    "shuffled": ("cyber_attack.shuffled_slots", after(lambda x, r: r.permuted(x, axis=1)), 0.5, "shuffled"),
    "drawn": ("fraud.random_numbers", after(lambda x, r: x.mean(axis=1, keepdims=True)
                                            * r.uniform(0.2, 0.8, x.shape)), 0.4, "one height"),
    "caps": ("fraud.own_ceiling", after(uneven_caps), 0.5, "cut off"),
    "business": ("super_consumption.day_block", after(business), 0.5, "9 and 18 h"),
    "dusk": ("super_consumption.evening_draw", solar_evenings, 0.4, "15 and 24 h"),
    "constant": ("super_consumption.constant_load", after(lambda x, r: pulses(x + x.mean())), 0.5, "kW or"),
}  # fmt: skip
"""Name -> signature, plant, least strength, words that its sentence must hold."""

TOLD_FIRST = (
    "index",
    "late",
    "dates",
    "cut",
    "unstarted",
    "pieces",
    "shuffled",
    "caps",
    "business",
    "constant",
)

Planted = tuple[dict[str, int], tuple[Findings, ...]]


@pytest.fixture(scope="module")
def planted(homes: Callable[..., LoadProfiles], population_of: Callable[..., Population]) -> Planted:
    profiles = homes(len(PLANTED) + 40, 84, 30, 11)
    kwh = profiles.kwh.astype(np.float64)
    for row, (_, plant, _, _) in enumerate(PLANTED.values()):
        kwh[row] = plant(np.round(kwh[row], 3), np.random.default_rng(row))
    at = dict(zip(PLANTED, range(len(PLANTED)), strict=True))
    return at, examine_all(population_of(profiles.with_kwh(kwh.astype(np.float32))))


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_trace_is_seen_and_named(name: str, planted: Planted) -> None:
    rows, findings = planted
    signature, _, least, words = PLANTED[name]
    row, cause = rows[name], signature.split(".", 1)[0]
    of_cause = next(f for f in findings if f.cause == cause)
    found = float(of_cause.signals.column(signature)[row])
    assert found >= least, (signature, found)
    said = next(e for e in of_cause.evidence[row] if e.name == signature)
    assert words in said.sentence


@pytest.mark.parametrize("name", [*TOLD_FIRST])
def test_what_happened_is_said_before_its_side_effects(name: str, planted: Planted) -> None:
    rows, findings = planted
    signature = PLANTED[name][0]
    of_cause = next(f for f in findings if f.cause == signature.split(".", 1)[0])
    assert of_cause.evidence[rows[name]][0].name == signature


def test_bystanders_do_not_show_them(planted: Planted) -> None:
    rows, findings = planted
    for signature in {signature for signature, _, _, _ in PLANTED.values()}:
        cause = signature.split(".", 1)[0]
        others = next(f for f in findings if f.cause == cause).signals.column(signature)[len(rows) :]
        assert (np.nan_to_num(others) >= 0.3).mean() <= 0.05, signature
