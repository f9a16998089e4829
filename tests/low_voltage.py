"""Low-voltage neighbourhoods for tests and benchmarks: SimBench customers with real homes put on them.

SimBench (ODbL 1.0) says how many customers hang on a feeder and how large each is; London and EDRP homes
say how people live. A home is used again with its weeks rolled (13 whole weeks), so that no two
customers of a neighbourhood show the same readings in the same slots.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from loadprofile.emulate.phenomena import Effect, happen, named
from loadprofile.profiles import LoadProfiles

WEEKS = 13
DAYS = 7 * WEEKS


@dataclass(frozen=True, eq=False, slots=True)
class Neighbourhood:
    """Customers, the feeder of each (0, 1, ...) and the feeders' names in SimBench."""

    profiles: LoadProfiles
    place: np.ndarray
    subnets: tuple[str, ...]


def real_homes(folder: Path) -> np.ndarray:
    """``(h, 91, 48)`` kWh of the homes that are at least 97 % there, Sundays first."""
    parts = []
    for name, first in (("edrp_scotland", "2009-03-01"), ("london", "2013-03-03")):
        frame = pd.read_parquet(folder / "halfhourly" / f"{name}.parquet")
        frame = frame.loc[first:].iloc[: DAYS * 48]
        parts.append(frame.to_numpy(dtype=np.float32).T.reshape(-1, DAYS, 48))
    kwh = np.concatenate(parts)
    whole = np.isfinite(kwh).mean(axis=(1, 2)) >= 0.97
    alive = (np.nan_to_num(kwh) > 0).mean(axis=(1, 2)) > 0.5
    return kwh[whole & alive]


def neighbourhood(folder: Path, rng: np.random.Generator, feeders: int, largest: int = 118) -> Neighbourhood:
    """Feeders of all sizes (evenly from the smallest to the largest), customers of their own sizes."""
    loads = pd.read_parquet(folder / "feeders" / "simbench_lv_loads.parquet")
    size = loads.groupby("subnet").size()
    size = size[size <= largest]
    wanted = np.linspace(size.min(), size.max(), feeders)
    subnets: list[str] = []
    for target in wanted:
        free = size.drop(subnets)
        near = free.index[np.abs(free - target) <= np.abs(free - target).min() + 2]
        subnets.append(str(rng.choice(near.to_numpy(dtype=object))))
    homes = real_homes(folder)
    total = int(size[subnets].sum())
    pairs = rng.permutation(len(homes) * WEEKS)[:total]
    kwh = np.stack([np.roll(homes[p % len(homes)], 7 * (p // len(homes)), axis=0) for p in pairs.tolist()])
    place = np.repeat(np.arange(feeders), size[subnets].to_numpy())
    load = np.concatenate([loads.loc[loads["subnet"] == s, "pLoad"].to_numpy() for s in subnets])
    kwh = kwh * np.clip(load / np.median(load), 0.5, 3.0)[:, None, None]
    ids = np.array([f"C{i:05d}" for i in range(total)])
    days = np.datetime64("2009-03-01") + np.arange(DAYS)
    kwh = np.round(kwh, 3).astype(np.float32)
    return Neighbourhood(LoadProfiles(ids, days, kwh, 30), place, tuple(subnets))


def afflicted(
    near: Neighbourhood, rows: np.ndarray, kind: str, rng: np.random.Generator
) -> tuple[LoadProfiles, np.ndarray, list[Effect]]:
    """The same kind of thing happens to some meters, each with its own parameters.

    Returns:
        What the meters show, what was used, and what happened to each of the rows.
    """
    shown, used = near.profiles.kwh.copy(), near.profiles.kwh.copy()
    what, effects = named(kind), []
    for row in rows.tolist():
        for _ in range(20):  # what nobody could see proves nothing
            new, effect = happen(
                what, shown[[row]], np.array([row]), near.profiles.days, 30, rng, population=used
            )
            if not effect.faint[0]:
                break
        shown[[row]] = new
        if what.changes_use:
            used[[row]] = np.where(np.isfinite(new), new, used[[row]])
        effects.append(effect)
    return near.profiles.with_kwh(shown), used, effects


def one_of_each(near: Neighbourhood, rng: np.random.Generator) -> np.ndarray:
    """One customer of ordinary size drawn from each feeder: ``(feeders,)`` rows."""
    mean = np.nanmean(near.profiles.kwh, axis=(1, 2))
    rows = []
    for feeder in range(len(near.subnets)):
        members = np.flatnonzero(near.place == feeder)
        ordinary = members[mean[members] >= 0.5 * np.median(mean[members])]
        rows.append(int(rng.choice(ordinary)))
    return np.array(rows)
