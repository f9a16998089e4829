"""Benchmark of the feeder balance: is the thief found among the customers of the feeder?

    python tests/benchmarks/feeder_balance.py [--data DIR] [--feeders 12] [--repeats 2] [--seed 1]

SimBench low-voltage grids give the topology (13-118 customers a feeder), real homes (London, EDRP) the
use, the emulator one thief a feeder, technical losses of 2-8 %, noise, lamps and lost readings in the
totals. Prints markdown tables with 95 % Wilson intervals. Nothing here was trained: ranks are those of
``balance.evidence``, signs those of the sub-detectors' signatures at a strength of 0.5 and more.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import itertools
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from low_voltage import Neighbourhood, afflicted, neighbourhood, one_of_each

from loadprofile.classify.proportions import wilson
from loadprofile.emulate.surroundings import drawn_feeders, feeder_records
from loadprofile.features.balance import balance_features, likelier_feeders
from loadprofile.features.change import change_features
from loadprofile.features.daily import daily_blocks
from loadprofile.features.population import Context, Population
from loadprofile.features.table import FeatureTable, beside
from loadprofile.profiles import LoadProfiles
from loadprofile.screening import Survey, survey
from loadprofile.signs.balance import (
    feeder_lacks,
    in_the_residual,
    matched_by_feeder,
    unfollowed_rise,
    wrong_feeder,
)
from loadprofile.strength import Measures

THEFTS = (
    "partial_bypass", "full_bypass", "one_phase_bypass", "night_bypass", "daily_window", "peak_cap",
    "ramp_bypass", "constant_subtraction", "stolen_from_first_day",
)  # fmt: skip
FORMS = (
    "from day one: hours unmetered", "from day one: a phase", "from day one: nearly all",
    "from day one: weekends or weeks", "from day one: cap",
)  # fmt: skip
"""What ``stolen_from_first_day`` draws, in its order."""

SIZES = ((13, 30), (31, 60), (61, 90), (91, 118))
SHARES = (-1.0, 0.001, 0.0025, 0.005, 0.01, 0.02, 1.0)
SIGN = 0.5


def table(title: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    head = list(head)
    print(f"\n### {title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def share(hits: np.ndarray) -> str:
    low, high = wilson(float(hits.sum()), len(hits))
    return f"{hits.mean():.2f} [{low:.2f}, {high:.2f}]" if len(hits) else "-"


class Bench:
    """One neighbourhood surveyed once; what happens to a few meters is measured anew for these only."""

    def __init__(self, folder: Path, feeders: int, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.near: Neighbourhood = neighbourhood(folder, self.rng, feeders)
        self.base: Survey = survey(self.near.profiles)
        names = [n for n in self.base.features.names if n.startswith(("change.", "when.change"))]
        self.changes: FeatureTable = self.base.features.select(names)

    def seen(self, shown: LoadProfiles, used: np.ndarray, rows: np.ndarray, wrong: float = 0.0) -> Measures:
        """What the balance says of all meters after ``rows`` were altered."""
        values = self.changes.values.copy()
        if len(rows):
            part = shown.take(rows)
            expected = self.base.peers.expected(slice(None))[rows]
            values[rows] = (
                change_features(part, daily_blocks(part), expected).select(self.changes.names).values
            )
        changes = FeatureTable(shown.meter_ids, self.changes.names, values)
        drawn = replace(drawn_feeders(self.rng, 30), wrong=wrong)
        topology, totals = feeder_records(shown, used, self.near.place, drawn, self.rng)
        context = Context(topology=topology, feeders=totals)
        started = time.process_time()
        balance = balance_features(shown, changes, context)
        self.seconds = time.process_time() - started
        return Measures(Population(shown, beside([changes, balance]), len(shown), context))

    def ranks(self, m: Measures, rows: np.ndarray) -> np.ndarray:
        """Place of each row among the customers of its feeder, 1 = the likeliest thief."""
        evidence = np.nan_to_num(m["balance.evidence"], nan=-np.inf)
        place = self.near.place
        return np.array([1 + (evidence[place == place[r]] > evidence[r]).sum() for r in rows])


Case = tuple[int, int, bool, float]
"""Customers of the feeder, rank of the thief, whether a sign was spoken, stolen share of the feeder."""


def accused(m: Measures) -> np.ndarray:
    strength = np.fmax(feeder_lacks(m).strength, in_the_residual(m).strength)
    return np.nan_to_num(strength) >= SIGN


def thefts(bench: Bench, repeats: int) -> None:
    found: dict[str, list[Case]] = {}
    others = np.zeros(2, dtype=np.int64)
    size = np.bincount(bench.near.place)
    for kind in THEFTS:
        for _ in range(repeats * (2 if kind == "stolen_from_first_day" else 1)):
            rows = one_of_each(bench.near, bench.rng)
            shown, used, effects = afflicted(bench.near, rows, kind, bench.rng)
            m = bench.seen(shown, used, rows)
            signs = accused(m)
            for rank, row, effect in zip(bench.ranks(m, rows), rows.tolist(), effects, strict=True):
                form = effect.params.get("form") if kind == "stolen_from_first_day" else None
                name = kind if form is None else FORMS[int(form)]
                feeder = bench.near.place[row]
                stolen = used[row] - shown.kwh[row]
                touched = (np.nan_to_num(stolen) != 0).any(axis=1)
                daily = np.nansum(used[bench.near.place == feeder][:, touched])
                part = float(np.nansum(stolen) / daily)
                found.setdefault(name, []).append((int(size[feeder]), int(rank), bool(signs[row]), part))
            honest = np.delete(signs, rows)
            others += (int(honest.sum()), len(honest))
    head = ("theft", "feeders", "first of its feeder", "among the first three", "sign of fraud spoken")
    every = [case for cases in found.values() for case in cases]
    table("The thief among the customers of its feeder, by kind", head, (
        (name, str(len(cases)), *summary(cases)) for name, cases in [*found.items(), ("all", every)]
    ))  # fmt: skip
    table("The same by feeder size", ("customers", *head[1:]), (
        (f"{low}-{high}", str(len(part)), *summary(part))
        for low, high in SIZES
        if (part := [c for c in every if low <= c[0] <= high])
    ))  # fmt: skip
    table("The same by the stolen share of the feeder's energy", ("stolen", *head[1:]), (
        (f"{100 * low:g}-{100 * high:g} %", str(len(part)), *summary(part))
        for low, high in itertools.pairwise(SHARES)
        if (part := [c for c in every if low <= c[3] < high])
    ))  # fmt: skip
    low, high = wilson(float(others[0]), float(others[1]))
    print("\nHonest customers beside a thief with a sign of fraud:", end=" ")
    print(f"{others[0]} of {others[1]} [{low:.4f}, {high:.4f}]")


def summary(cases: list[Case]) -> tuple[str, str, str]:
    ranks, signs = np.array([c[1] for c in cases]), np.array([c[2] for c in cases])
    return share(ranks == 1), share(ranks <= 3), share(signs)


def neighbours(bench: Bench, repeats: int) -> None:
    rows_out = []
    near = bench.near
    for name in ("third_party", "tapped neighbour", "false rise"):
        real, false, blamed = [], [], []
        for _ in range(repeats):
            rows = one_of_each(near, bench.rng)
            touched = rows
            if name == "third_party":
                shown, used, _ = afflicted(near, rows, "third_party", bench.rng)
            else:
                kwh, used = near.profiles.kwh.copy(), near.profiles.kwh.copy()
                for row in rows.tolist():
                    day = int(bench.rng.integers(21, 70))
                    if name == "false rise":
                        kwh[row, day:] *= np.float32(bench.rng.uniform(1.3, 2.5))
                        continue
                    # part of a neighbour's load moves behind this customer's meter
                    mates = np.flatnonzero((near.place == near.place[row]) & (np.arange(len(kwh)) != row))
                    sizes = np.nanmean(near.profiles.kwh[mates], axis=(1, 2))
                    donor = int(mates[np.argsort(sizes)[int(0.8 * len(mates))]])
                    moved = np.nan_to_num(kwh[donor, day:]) * np.float32(bench.rng.uniform(0.4, 1.0))
                    kwh[row, day:] += moved
                    kwh[donor, day:] -= moved
                    touched = np.append(touched, donor)
                shown = near.profiles.with_kwh(kwh)
                used = kwh if name == "tapped neighbour" else used
            touched = np.unique(touched)
            m = bench.seen(shown, used, touched)
            real += (np.nan_to_num(matched_by_feeder(m).strength)[rows] >= SIGN).tolist()
            false += (np.nan_to_num(unfollowed_rise(m).strength)[rows] >= SIGN).tolist()
            blamed += accused(m)[rows].tolist()
        rows_out.append(
            (name, str(len(real)), share(np.array(real)), share(np.array(false)), share(np.array(blamed)))
        )
    head = (
        "what happened",
        "feeders",
        "said: matched by the feeder",
        "said: rise never delivered",
        "said: fraud",
    )
    table("A metered rise: real load of somebody else, or false readings", head, rows_out)


def topology(bench: Bench) -> None:
    reported, right, false, blamed, wrong_total, rest_total = 0, 0, 0, 0, 0, 0
    near = bench.near
    names = np.array([f"F{f:03d}" for f in near.place])
    for wrong in (0.02, 0.04, 0.06):
        m = bench.seen(near.profiles, near.profiles.kwh, np.empty(0, dtype=np.int64), wrong)
        context = m.population.context
        listed = context.topology["feeder_id"].to_numpy(dtype=str)
        likelier = likelier_feeders(m.population.features, context)
        said = np.nan_to_num(wrong_feeder(m).strength) >= SIGN
        off = listed != names
        ids = near.profiles.meter_ids
        reported += int((said & off).sum())
        right += sum(likelier.get(str(ids[i])) == names[i] for i in np.flatnonzero(said & off))
        false += int((said & ~off).sum())
        blamed += int(accused(m).sum())
        wrong_total, rest_total = wrong_total + int(off.sum()), rest_total + int((~off).sum())

    def rate(hits: int, of: int) -> str:
        low, high = wilson(hits, of)
        return f"{hits} of {of} [{low:.3f}, {high:.3f}]"

    table("Meters listed on the wrong feeder (2-6 % of all, nobody steals)", ("", "meters"), (
        ("reported", rate(reported, wrong_total)),
        ("reported with the right feeder", rate(right, wrong_total)),
        ("rightly listed meters reported", rate(false, rest_total)),
        ("anybody with a sign of fraud", rate(blamed, wrong_total + rest_total)),
    ))  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("LOADPROFILE_SHARED_DATA", "../shared/data"))
    )
    parser.add_argument("--feeders", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    started = time.perf_counter()
    bench = Bench(asked.data, asked.feeders, asked.seed)
    count, days = len(bench.near.profiles), len(bench.near.profiles.days)
    print(f"{asked.feeders} feeders, {count} customers, {days} days of half hours; seed {asked.seed}")
    thefts(bench, asked.repeats)
    neighbours(bench, asked.repeats)
    topology(bench)
    print(f"\nBalance features: {count / bench.seconds:,.0f} meters per CPU second;", end=" ")
    print(f"all of it took {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
