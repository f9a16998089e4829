# ruff: noqa: ARG005 - all plants have one signature
"""Each trace is planted in synthetic homes and its signature must see and name it; honest look-alikes not.

One population carries many planted meters at once, the rest are ordinary, so that peers and chance are real.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from loadprofile.features.population import Population
from loadprofile.profiles import LoadProfiles
from loadprofile.verdicts import Evidence, Findings
from subdetectors import examine_all

Days = NDArray[np.float64]
Plant = Callable[[Days, np.random.Generator], Days]
HALF = 50


def pulses(kwh: Days, step: float = 0.001) -> Days:
    """What a register of that pulse shows: whole pulses, the rest carried on."""
    flat = np.diff(np.floor(np.concatenate([[0.0], np.cumsum(kwh.ravel())]) / step + 1e-9)) * step
    return np.round(flat, 6).reshape(kwh.shape)


def after(change: Callable[[Days, np.random.Generator], Days], day: int | None = None) -> Plant:
    """From a day of its own on (many changes on one day would rightly be taken for a cohort)."""

    def plant(x: Days, rng: np.random.Generator) -> Days:
        since = int(rng.integers(38, 60)) if day is None else day
        y = x.copy()
        y[since:] = change(x[since:].copy(), rng)
        return y

    return plant


def window(x: Days, first: int, last: int, value: float | Days) -> Days:
    x[:, first:last] = value
    return x


def gaps(hours: float, every: float, carried: bool) -> Plant:
    def plant(x: Days, rng: np.random.Generator) -> Days:
        y = x.ravel().copy()
        at, pause = 20 * 48 + 7, every
        while at < len(y) - 200:
            n = int(hours * 2)
            if carried:
                y[at + n] += y[at : at + n].sum()
            y[at : at + n] = np.nan
            at += int(pause * 48 * rng.uniform(0.6, 1.4))
            pause = max(pause * 0.9, 1.0)
        return y.reshape(x.shape)

    return plant


def at(day: int, slot: int, value: float) -> Plant:
    def plant(x: Days, rng: np.random.Generator) -> Days:
        y = x.copy()
        y[day, slot] = value
        return y

    return plant


def replay(lag: int, days: int, first: int = 40) -> Plant:
    def plant(x: Days, rng: np.random.Generator) -> Days:
        y = x.copy()
        tape = x[first - lag : first]
        y[first : first + days] = np.tile(tape, (-(-days // lag), 1))[:days]
        return y

    return plant


def straight(x: Days, rng: np.random.Generator) -> Days:
    y = x.copy().ravel()
    for first in range(500, 3500, 300):
        y[first : first + 16] = np.linspace(y[first], y[first + 15] + 0.2, 16)
    return y.reshape(x.shape)


def stuck(x: Days, rng: np.random.Generator) -> Days:
    y = x.copy()
    y.ravel()[HALF * 48 + 11 : HALF * 48 + 11 + 240] = 0.137
    return y


def shift(slots: int) -> Callable[[Days, np.random.Generator], Days]:
    return lambda x, rng: np.roll(x.ravel(), slots).reshape(x.shape)


def sloping(x: Days, rng: np.random.Generator) -> Days:
    return pulses(x * np.linspace(1.0, 0.35, len(x))[:, None])


def jitter(x: Days, rng: np.random.Generator) -> Days:
    return pulses(0.45 * x * rng.gamma(1.2, 1 / 1.2, x.shape))


def weekends(x: Days, rng: np.random.Generator) -> Days:
    y = x.copy()
    day = np.arange(len(x))  # 2013-04-01 is a Monday
    y[(day % 7 >= 5) & (day >= 41)] *= 0.15
    return pulses(y)


def zero_days(x: Days, rng: np.random.Generator) -> Days:
    y = x.copy()
    y[30:37] = 0
    return y


def dead(x: Days, rng: np.random.Generator) -> Days:
    y = x.copy()
    y.ravel()[HALF * 48 + 13 :] = 0
    return y


def fridge(x: Days, rng: np.random.Generator) -> Days:
    """What an empty home draws: its old base, on and off."""
    cycle = 0.75 + 0.5 * (np.sin(np.arange(x.size) * 1.7).reshape(x.shape) > 0.2)
    return pulses(np.quantile(x, 0.08) * cycle * rng.uniform(0.95, 1.05, x.shape))


def pulled_after_outage(x: Days, rng: np.random.Generator) -> Days:
    y = x.copy()
    flat = y.ravel()
    flat[HALF * 48 + 20 :] *= 0.4
    y = pulses(y)
    y.ravel()[HALF * 48 + 20 : HALF * 48 + 29] = 0
    return y


def reordered(x: Days, rng: np.random.Generator) -> Days:
    price = np.argsort(np.cos((np.arange(48) / 2 - 18) / 24 * 2 * np.pi), kind="stable")
    y = np.empty_like(x)
    y[:, price] = np.sort(x, axis=1)[:, ::-1]
    return y


def lost_phases(x: Days, rng: np.random.Generator) -> Days:
    return pulses(x * 0.34 * np.exp(rng.normal(0, 0.05, x.shape)))


def saturated(x: Days, rng: np.random.Generator) -> Days:
    return pulses(np.minimum(x, x.mean()) + 0.25 * np.maximum(x - x.mean(), 0))


def nights(x: Days, rng: np.random.Generator) -> Days:
    return pulses(window(x, 2, 11, x[:, 2:11] + x.mean() * 2.5))


def evenings(x: Days, rng: np.random.Generator) -> Days:
    return pulses(window(x, 36, 42, x[:, 36:42] / 20))


def less(x: Days, rng: np.random.Generator) -> Days:
    return pulses(np.maximum(x - x.mean() / 2, 0))


def absent(x: Days, rng: np.random.Generator) -> Days:
    return np.full_like(x, np.nan)


def car(x: Days, rng: np.random.Generator) -> Days:
    return pulses(window(x, 40, 46, x[:, 40:46] + (rng.random((len(x), 1)) < 0.7) * x.mean() * 9))


def sun(x: Days, rng: np.random.Generator) -> Days:
    made = 2.2 * x.mean() * np.exp(-0.5 * ((np.arange(48) - 24) / 5) ** 2) * rng.uniform(0.3, 1, (len(x), 1))
    return pulses(np.maximum(x - made, 0))


def switched_off(x: Days, rng: np.random.Generator) -> Days:
    hours = (np.arange(48) >= 30) & (np.arange(48) < 42)
    return np.where((rng.random((len(x), 1)) < 0.7) & hours, 0, x)


def evened(x: Days, rng: np.random.Generator) -> Days:
    return pulses(x.mean(axis=1, keepdims=True) * np.exp(rng.normal(0, 0.15, x.shape)))


def some_days(chosen: Callable[[NDArray[np.int64]], NDArray[np.bool_]], change: Plant) -> Plant:
    return lambda x, rng: np.where(chosen(np.arange(len(x)))[:, None], change(x, rng), x)


def tenant(x: Days, rng: np.random.Generator) -> Days:
    return pulses(0.7 * np.roll(x, 9, axis=1) * rng.gamma(1.5, 1 / 1.5, x.shape))


PLANTED: dict[str, tuple[str, Plant, float, str]] = {
    "x40": ("data_mismatch.scaled_grid", after(lambda x, r: x * 40), 0.8, "40"),
    "half": ("data_mismatch.scaled_grid", after(lambda x, r: x * 0.5), 0.8, "1/2"),
    "ten": ("data_mismatch.rational_step", after(lambda x, r: x * 10), 0.5, "10 within"),
    "wh": ("data_mismatch.unit_mix", after(lambda x, r: x * 1000, 76), 0.5, "thousandfold"),
    "decimals": ("data_mismatch.rounded", after(lambda x, r: np.round(x, 1)), 0.5, "decimals"),
    "zeros": ("data_mismatch.zero_factor", zero_days, 0.5, "7.0 days"),
    "tail": ("data_mismatch.missing_tail", after(lambda x, r: x * np.nan, 70), 0.7, "never delivered"),
    "days": ("data_mismatch.midnight_gap", some_days(lambda d: d // 4 == 9, absent), 0.5, "midnight"),
    "2^31": ("data_mismatch.sentinel", at(60, 7, 2147483.647), 0.9, "stand-in"),
    "spike": ("data_mismatch.spike", at(33, 9, 60.0), 0.9, "2013-05-04T04:30"),
    "copies": ("data_mismatch.copied_days", replay(1, 5), 0.5, "1 day before"),
    "lines": ("data_mismatch.linear_fill", straight, 0.5, "straight"),
    "hours": ("data_mismatch.time_shift", after(shift(6)), 0.5, "3.0 h"),
    "minus": ("data_mismatch.negative", some_days(lambda d: d % 9 == 4, lambda x, r: -x), 0.5, "negative"),
    "phases": ("maintenance.lost_phase", after(lost_phases), 0.4, "only voltage"),
    "slow": ("maintenance.slow_decline", sloping, 0.5, "per 30 days"),
    "stuck": ("maintenance.stuck_register", stuck, 0.9, "5.0 days"),
    "dead": ("maintenance.dead_register", dead, 0.7, "fridge"),
    "carry": ("maintenance.sum_after_gap", gaps(5, 4, carried=True), 0.7, "carries"),
    "rising": ("maintenance.rising_gaps", gaps(7, 8, carried=False), 0.3, "last third"),
    "lumps": ("maintenance.coarse_counting", after(lambda x, r: pulses(x, 0.17)), 0.5, "step"),
    "saturated": ("maintenance.compression", after(saturated), 0.25, "highest loads"),
    "odd": ("cyber_attack.forged_numbers", after(lambda x, r: x * 0.7385), 0.5, "no usual factor"),
    "replay": ("cyber_attack.replayed_days", replay(3, 24), 0.6, "3 days earlier"),
    "sorted": ("cyber_attack.sorted_days", after(reordered), 0.5, "reordered"),
    "more": ("super_consumption.sustained_increase", after(lambda x, r: pulses(x * 1.9)), 0.5, "kWh a day"),
    "nights": ("super_consumption.night_block", after(nights), 0.5, "night"),
    "car": ("super_consumption.car_charging", after(car), 0.4, "large load"),
    "constant": ("super_consumption.constant_load", after(lambda x, r: pulses(x + x.mean())), 0.5, "power"),
    "sun": ("super_consumption.photovoltaics", after(sun), 0.4, "generation"),
    "shunt": ("fraud.drop", after(lambda x, r: pulses(x * 0.45)), 0.5, "at every hour alike"),
    "opened": ("fraud.outage_then_drop", pulled_after_outage, 0.5, "h without readings"),
    "evenings": ("fraud.bypass_window", after(evenings), 0.4, "18 to 21"),
    "weekends": ("fraud.weekend_drop", weekends, 0.5, "weekends"),
    "nought": ("fraud.zero_windows", after(switched_off), 0.5, "exactly zero"),
    "cap": ("fraud.capped", lambda x, r: np.minimum(x, np.quantile(x, 0.85)), 0.5, "ceiling"),
    "less": ("fraud.constant_subtracted", after(less), 0.4, "power"),
    "gone": ("fraud.nearly_nothing", after(lambda x, r: pulses(x * 0.02)), 0.5, "bypass"),
    "noisy": ("fraud.random_scaling", after(jitter), 0.3, "jitter"),
    "flat": ("fraud.flattened", after(evened), 0.5, "times as much"),
    "mirror": ("fraud.reversed_day", after(lambda x, r: x[:, ::-1]), 0.5, "reversed"),
    "pulled": ("fraud.pulled_meter", gaps(19, 9, carried=False), 0.3, "no sum after"),
}  # fmt: skip
"""Name -> signature, plant, least strength, words that its sentence must hold."""

DROPS = ("fraud.drop", "fraud.outage_then_drop", "fraud.ramped_down")
HONEST: dict[str, tuple[Plant, tuple[str, ...], float]] = {
    "vacation": (some_days(lambda d: d // 14 == 3, fridge), (*DROPS, "fraud.flattened", "fraud.capped"), 0.3),
    "tenant": (after(tenant), (*DROPS, "data_mismatch.rational_step", "data_mismatch.scaled_grid"), 0.35),
    "saving": (after(lambda x, r: pulses(x * 0.93)), (*DROPS, "maintenance.slow_decline"), 0.3),
    "gap": (gaps(1, 20, carried=False), ("fraud.pulled_meter", "maintenance.rising_gaps"), 0.3),
    "guests": (
        some_days(lambda d: d // 3 == 12, lambda x, r: pulses(1.6 * x)),
        ("super_consumption.sustained_increase",), 0.4,
    ),
    "week": (
        some_days(lambda d: d // 7 == 5, lambda x, r: pulses(0.8 * x)),
        (*DROPS, "fraud.weekend_drop", "maintenance.lost_phase"), 0.3,
    ),
    "empty": (
        after(fridge),
        ("maintenance.stuck_register", "maintenance.dead_register", "data_mismatch.flat_fill"), 0.1,
    ),
}  # fmt: skip
"""Name -> plant, signatures that must not exceed the strength given."""


Planted = tuple[dict[str, int], tuple[Findings, ...]]


@pytest.fixture(scope="module")
def planted(homes: Callable[..., LoadProfiles], population_of: Callable[..., Population]) -> Planted:
    names = [*PLANTED, *HONEST]
    profiles = homes(len(names) + 60, 84, 30, 3)
    kwh = profiles.kwh.astype(np.float64)
    for row, name in enumerate(names):
        plant = PLANTED[name][1] if name in PLANTED else HONEST[name][0]
        kwh[row] = plant(np.round(kwh[row], 3), np.random.default_rng(row))
    return dict(zip(names, range(len(names)), strict=True)), examine_all(
        population_of(profiles.with_kwh(kwh.astype(np.float32)))
    )


def strength(findings: tuple[Findings, ...], signature: str, row: int) -> float:
    cause = signature.split(".", 1)[0]
    return next(float(f.signals.column(signature)[row]) for f in findings if f.cause == cause)


def spoken(findings: tuple[Findings, ...], signature: str, row: int) -> Evidence | None:
    return next((e for f in findings for e in f.evidence[row] if e.name == signature), None)


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_trace_is_seen_and_named(name: str, planted: Planted) -> None:
    rows, findings = planted
    signature, _, least, words = PLANTED[name]
    found = strength(findings, signature, rows[name])
    assert found >= least, (signature, found)
    said = spoken(findings, signature, rows[name])
    if said is not None:
        assert words in said.sentence
        assert re.search(r"\d", said.sentence)


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_look_alike_is_not_called(name: str, planted: Planted) -> None:
    rows, findings = planted
    for signature in HONEST[name][1]:
        found = np.nan_to_num(strength(findings, signature, rows[name]))
        assert found <= HONEST[name][2], (signature, found)


def test_bystanders_stay_quiet(planted: Planted) -> None:
    rows, findings = planted
    for found in findings:
        others = np.nan_to_num(found.score[len(rows) :])
        assert (others >= 0.5).mean() <= 0.05, (found.cause, np.flatnonzero(others >= 0.5) + len(rows))
