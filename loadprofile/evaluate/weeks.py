"""Weeks of homes, as they are and tampered with by the published functions: the rows of protocol ``cer``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from loadprofile.emulate import published
from loadprofile.errors import NothingToJudgeError
from loadprofile.features.weekly import raw_level, weekly_features
from loadprofile.profiles import LoadProfiles

LEAST_PRESENT = 0.95
"""Share of a week's readings that must be there."""
BATCH = 4096
STEPS = (0.1, 0.05, 0.025, 0.02, 0.0125, 0.01, 0.005, 0.0025, 0.002, 0.001, 0.0005, 0.0001)

Attack = Callable[[NDArray[np.float64], np.random.Generator], NDArray[np.float64]]


def one_factor(x: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """h1 with one factor for the whole week: not part of the protocol, and not to be seen in a week alone."""
    return rng.uniform(0.1, 0.8, (len(x), 1, 1)) * x


ATTACKS: Mapping[str, Attack] = MappingProxyType(
    {f"h{i}": getattr(published, f"h{i}") for i in range(1, 7)}
    | {f"fdi{i}": getattr(published, f"fdi{i}") for i in range(1, 7)}
)
"""Name -> function on ``(w, 8, s)`` days, the first of which is the day before the week."""


@dataclass(frozen=True, eq=False, slots=True)
class Weeks:
    """Weeks of homes, each with the day before it.

    Attributes:
        kwh: ``(w, 8, s)`` float32.
        home: ``(w,)`` int64, row of the meter; weeks of a home together, in order of time.
        step: ``(w,)`` float64, kWh in which the home's readings count, 0 = no step found.
    """

    kwh: NDArray[np.float32]
    home: NDArray[np.int64]
    step: NDArray[np.float64]


def weeks_of(profiles: LoadProfiles) -> Weeks:
    """All whole weeks of all homes, from the second day on.

    Raises:
        NothingToJudgeError: no week with enough readings.
    """
    n, d, s = profiles.kwh.shape
    count = (d - 1) // 7
    if not count:
        raise NothingToJudgeError(n, "fewer than 8 days of readings")
    at = 7 * np.arange(count)[:, None] + np.arange(8)
    kwh = profiles.kwh[:, at].reshape(n * count, 8, s)
    week = kwh[:, 1:]
    known = np.isfinite(week).mean(axis=(1, 2))
    used = np.nansum(week, axis=(1, 2)) > 0
    keep = (known >= LEAST_PRESENT) & used
    if not keep.any():
        raise NothingToJudgeError(n, "no week with enough readings")
    steps = register_steps(profiles.kwh.reshape(n, d * s))
    home = np.repeat(np.arange(n), count)[keep]
    return Weeks(np.ascontiguousarray(kwh[keep]), home, steps[home])


def register_steps(kwh: NDArray[np.float32]) -> NDArray[np.float64]:
    """``(n,)`` largest of ``STEPS`` of which all of a meter's readings ``(n, t)`` are multiples, 0 = none."""
    found = np.zeros(len(kwh))
    for row, readings in enumerate(kwh):
        known = readings[np.isfinite(readings)].astype(np.float64)
        for step in STEPS:
            off = known / step
            if known.size and np.abs(off - np.rint(off)).max() < 0.02:
                found[row] = step
                break
    return found


def tampered(
    weeks: Weeks, which: NDArray[np.int64], attacks: Mapping[str, Attack], seed: int
) -> NDArray[np.float64]:
    """``(w, 7, s)`` the weeks after attack number ``which`` (-1 = as they are), rounded by the register."""
    out = weeks.kwh[:, 1:].astype(np.float64)
    for number, attack in enumerate(attacks.values()):
        rows = np.flatnonzero(which == number)
        done = attack(weeks.kwh[rows].astype(np.float64), np.random.default_rng([seed, number]))[:, 1:]
        step = weeks.step[rows][:, None, None]
        rounded = np.rint(done / np.where(step > 0, step, 1.0)) * step
        out[rows] = np.where(step > 0, rounded, done)
    return out


def seen(week: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """``(w, k)`` figures of each week alone; ``(w, l)`` its levels, of use beside other weeks only."""
    parts = [week[i : i + BATCH] for i in range(0, len(week), BATCH)]
    own = [weekly_features(part)[1] for part in parts]
    return np.concatenate(own), np.concatenate([raw_level(part)[1] for part in parts])
