"""Fleets: the flow of ``screening.py`` for more meters than memory holds.

The fleet is divided into parts of at most ``PART`` meters by a hash of the meter id, so that a part is a
random sample whatever the order of the files. Map: each part is measured whole; its meters are each
other's peers and donors. Reduce: how many meters of the *fleet* did something in each slot, and which
changed together (``find_cohorts`` over all meters; the readings are streamed). Map: the verdicts of each
part. Between the maps features wait on disk. A fleet of one part is judged exactly as ``survey`` and
``judge`` do; nothing depends on the order of the meters.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadprofile.engines.local import Engine, LocalEngine
from loadprofile.features.balance import stated_feeders
from loadprofile.features.cohorts import Cohorts, find_cohorts, find_donors
from loadprofile.features.daily import DailyBlocks, daily_blocks
from loadprofile.features.peers import Foreseen, PeerGroups
from loadprofile.features.population import Context
from loadprofile.features.slot_scan import Seen, Surprises, one_after_another, scan
from loadprofile.features.slots import SlotCounts, summed
from loadprofile.features.table import FeatureTable, below, beside
from loadprofile.fleet_worklist import Listed, leave
from loadprofile.models.model import Model
from loadprofile.profiles import LoadProfiles
from loadprofile.screening import BATCH, Survey, can_be_judged, measure, nothing_to_judge, verdicts_on
from loadprofile.spool.store import Spool
from loadprofile.verdicts import Findings, SubDetector, Verdicts
from loadprofile.worklist import ranked_together, worklist

PART = 5000
"""Meters surveyed together: 350 MB of half-hourly readings for a year, and enough to be peers."""

JUDGED = 500
"""Meters of a part that are judged together."""

LINKED = (
    "change.glr", "change.log_ratio", "change.log_ratio_se", "when.change", "when.change_end",
    "when.stuck_first", "when.repeat_first", "when.grid_change", "when.spike", "when.sentinel",
)  # fmt: skip
"""What is asked of every meter of the fleet to find cohorts."""


def divide(
    meter_ids: NDArray[np.str_], together: Mapping[str, str] | None = None, size: int = PART
) -> tuple[NDArray[np.intp], ...]:
    """Rows of each part: as few parts as there must be, about equally large, in the order of the ids' hashes.

    Args:
        meter_ids: ``(n,)``.
        together: meter id -> name of something whose meters must stay in one part (a feeder).
        size: most meters of a part, unless one feeder has more.
    """
    n = len(meter_ids)
    if n == 0:
        return ()
    own = np.fromiter((_hash(name) for name in meter_ids.tolist()), dtype=np.uint64, count=n)
    group = own
    if together:
        named = (_hash(together.get(name, name)) for name in meter_ids.tolist())
        group = np.fromiter(named, dtype=np.uint64, count=n)
    order = np.lexsort((own, group))
    ordered = group[order]
    due = np.arange(n) * -(-n // size) // n
    cuts = [0]
    for at in np.flatnonzero(ordered[1:] != ordered[:-1]) + 1:
        if due[at] >= len(cuts):
            cuts.append(int(at))
    return tuple(np.sort(rows) for rows in np.split(order, cuts[1:]))


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest())


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """One part of a fleet, by reference.

    Attributes:
        spool: its meters, and where their readings are.
        path: where what was measured of it waits.
        context: the optional inputs about its meters.
        hemisphere: north or south.
    """

    spool: Spool
    path: Path
    context: Context
    hemisphere: str


@dataclass(frozen=True, eq=False, slots=True)
class Summary:
    """What the fleet must know of a part.

    Attributes:
        linked: the columns ``LINKED`` of its meters.
        donors: what ``find_donors`` said, two ``(m,)`` arrays.
        judged: how many of them can be judged.
    """

    linked: FeatureTable
    donors: tuple[NDArray[np.float64], NDArray[np.float64]]
    judged: int


@dataclass(frozen=True, eq=False, slots=True)
class Fleet:
    """A measured fleet: references, and what its meters share.

    Attributes:
        parts: the parts.
        cohorts: of all meters, part after part.
    """

    parts: tuple[Part, ...]
    cohorts: Cohorts

    def shared(self, part: int) -> tuple[FeatureTable, NDArray[np.int64]]:
        """Columns ``cohort.*`` and incident numbers of one part's meters."""
        first = sum(len(p.spool) for p in self.parts[:part])
        rows = slice(first, first + len(self.parts[part].spool))
        table = self.cohorts.features
        return (
            FeatureTable(table.meter_ids[rows], table.names, table.values[rows]),
            self.cohorts.incident[rows],
        )


def measure_fleet(
    spool: Spool,
    folder: Path,
    context: Context | None = None,
    *,
    hemisphere: str = "north",
    engine: Engine | None = None,
    within: Engine | None = None,
    size: int = PART,
) -> Fleet:
    """Measure all meters of a spool; what is measured of each part is written to ``folder``.

    ``engine`` runs the parts, ``within`` the batches of one part (it goes wherever the part does).

    Raises:
        NothingToJudgeError: when no meter can be judged.
    """
    engine = engine or LocalEngine()
    context = context or Context()
    held = divide(spool.meter_ids, stated_feeders(context), size)
    about = (context.about(spool.meter_ids[rows].tolist()) for rows in held)
    parts = tuple(
        Part(spool.only(rows), folder / f"part{at:05d}.npz", known, hemisphere)
        for at, (rows, known) in enumerate(zip(held, about, strict=True))
    )
    found = engine.map(partial(measure_part, within=within), parts)
    if not any(summary.judged for summary in found):
        raise nothing_to_judge(len(spool))
    donors = tuple(np.concatenate([s.donors[k] for s in found]) for k in range(2))
    cohorts = find_cohorts(
        below([s.linked for s in found]), summed(_slots_of(part) for part in parts), (), None,
        (donors[0], donors[1]), partial(_look, engine, parts),
    )  # fmt: skip
    return Fleet(parts, cohorts)


def _look(
    engine: Engine,
    parts: Sequence[Part],
    found: Surprises,
    onset: NDArray[np.float64],
    end: NDArray[np.float64],
) -> Seen:
    """Map between the reduces: the readings once more, against what the fleet did."""
    edges = np.cumsum([0, *(len(part.spool) for part in parts)])
    rows = [slice(int(a), int(b)) for a, b in pairwise(edges)]
    tasks = [(part, onset[r], end[r]) for part, r in zip(parts, rows, strict=True)]
    return one_after_another(engine.map(partial(_look_at_part, found), tasks))


def _look_at_part(found: Surprises, task: tuple[Part, NDArray[np.float64], NDArray[np.float64]]) -> Seen:
    part, onset, end = task
    seen = []
    for start in range(0, len(part.spool), BATCH):
        rows = slice(start, start + BATCH)
        seen.append(scan(part.spool.take(rows), found, onset[rows], end[rows]))
    return one_after_another(seen)


def measure_part(part: Part, within: Engine | None = None) -> Summary:
    """Map 1: measure one part, leave it on disk, and say what the fleet must know."""
    found = measure(part.spool, part.context, hemisphere=part.hemisphere, engine=within)
    peers = found.peers
    np.savez(
        part.path, values=found.table.values, names=np.array(found.table.names), shapes=peers.shapes,
        labels=peers.labels, steady=peers.steady, usual=peers.usual, spread=peers.spread,
        slots=found.counts.counts, gaps=found.counts.gaps,
    )  # fmt: skip
    return Summary(
        found.table.select(LINKED),
        find_donors(found.table, found.blocks),
        int(can_be_judged(found.blocks).sum()),
    )


def _slots_of(part: Part) -> SlotCounts:
    """What a part's meters did in each slot."""
    with np.load(part.path, allow_pickle=False) as kept:
        return SlotCounts(
            part.spool.days, part.spool.step_minutes, len(part.spool), kept["slots"], kept["gaps"]
        )


def recalled(
    part: Part, shared: FeatureTable, incident: NDArray[np.int64], rows: NDArray[np.intp] | None = None
) -> Survey:
    """The survey of a part, or of some of its meters (``rows`` counts within the part)."""
    rows = np.arange(len(part.spool)) if rows is None else rows
    profiles = part.spool.take(rows)
    blocks = daily_blocks(profiles)
    with np.load(part.path, allow_pickle=False) as kept:
        own = FeatureTable(profiles.meter_ids, tuple(kept["names"].tolist()), kept["values"][rows])
        peers = PeerGroups(
            blocks, kept["shapes"][rows], kept["labels"][rows], kept["steady"][rows], kept["usual"][rows],
            kept["spread"],
        )  # fmt: skip
    features = beside([own, FeatureTable(own.meter_ids, shared.names, shared.values[rows])])
    return Survey(profiles, features, blocks, peers, incident[rows], part.context)


def judge_fleet(
    fleet: Fleet,
    detectors: Sequence[SubDetector],
    model: Model,
    prior: NDArray[np.float64] | None = None,
    *,
    first_incident: int = 0,
    engine: Engine | None = None,
    within: Engine | None = None,
) -> list[Listed]:
    """The worklist of each part, left beside what was measured of it; engines as of ``measure_fleet``.

    Incidents are numbered for the whole fleet, from ``first_incident`` on.
    """
    engine = engine or LocalEngine()
    prior = model.prior if prior is None else prior
    tasks = [(part, *fleet.shared(at)) for at, part in enumerate(fleet.parts)]
    return engine.map(partial(_judge_part, tuple(detectors), model, prior, first_incident, within), tasks)


def _judge_part(
    detectors: Sequence[SubDetector],
    model: Model,
    prior: NDArray[np.float64],
    first_incident: int,
    within: Engine | None,
    task: tuple[Part, FeatureTable, NDArray[np.int64]],
) -> Listed:
    """Map 2: verdicts of one part, as rows of the worklist."""
    part = task[0]

    def judged(start: int) -> pd.DataFrame:
        rows = np.arange(start, min(start + JUDGED, len(part.spool)))
        measured = recalled(*task, rows)
        verdicts, _ = verdicts_on(measured, can_be_judged(measured.blocks), detectors, model, prior)
        incident = np.where(verdicts.incident < 0, -1, verdicts.incident + first_incident)
        return worklist(replace(verdicts, incident=incident))

    frames = (within or LocalEngine()).map(judged, range(0, len(part.spool), JUDGED))
    return leave(ranked_together(frames), part.path.with_suffix(".worklist"))


def look_closer(
    fleet: Fleet,
    meter_ids: Sequence[str],
    detectors: Sequence[SubDetector],
    model: Model,
    prior: NDArray[np.float64],
) -> tuple[Survey, Verdicts, tuple[Findings, ...]]:
    """Some meters of a fleet with all that is known of them, in the order of their ids: for a report.

    Raises:
        KeyError: a meter that is not in the fleet.
    """
    wanted = set(meter_ids)
    found: list[Survey] = []
    for at, part in enumerate(fleet.parts):
        rows = np.flatnonzero([name in wanted for name in part.spool.meter_ids.tolist()])
        if len(rows):
            found.append(recalled(part, *fleet.shared(at), rows))
    names = [name for survey in found for name in survey.profiles.meter_ids.tolist()]
    if len(names) != len(wanted):
        raise KeyError(min(wanted - set(names)))
    order = np.argsort(np.array(names))
    one = found[0].profiles
    cubes = [s.profiles for s in found]
    profiles = LoadProfiles(
        np.array(names)[order], one.days, np.concatenate([c.kwh for c in cubes])[order], one.step_minutes,
        one.timezone, one.exists, np.concatenate([c.row_tally for c in cubes])[order],
        np.concatenate([c.folded_kwh for c in cubes])[order],
    )  # fmt: skip
    features = below([s.features for s in found])
    everything = Survey(
        profiles,
        FeatureTable(profiles.meter_ids, features.names, features.values[order]),
        DailyBlocks(profiles.meter_ids, one.days, np.concatenate([s.blocks.power for s in found])[order]),
        Foreseen(np.concatenate([s.peers.expected(slice(None)) for s in found])[order]),
        np.concatenate([s.incident for s in found])[order],
        fleet_context(fleet, wanted),
    )
    return everything, *verdicts_on(everything, can_be_judged(everything.blocks), detectors, model, prior)


def fleet_context(fleet: Fleet, meter_ids: set[str]) -> Context:
    """The optional inputs about some meters, gathered from the parts."""
    contexts = [part.context.about(meter_ids) for part in fleet.parts]
    joined: dict[str, Any] = {}
    for field in fields(Context):
        values = [v for v in (getattr(c, field.name) for c in contexts) if v is not None]
        if values and isinstance(values[0], tuple):
            joined[field.name] = tuple(cube for cubes in values for cube in cubes)
        elif values and isinstance(values[0], pd.DataFrame) and "meter_id" in values[0].columns:
            joined[field.name] = pd.concat(values, ignore_index=True)
    return replace(contexts[0], **joined)
