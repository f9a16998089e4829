"""What a screening leaves behind: facts of its populations, so that one meter can be judged against them.

Of each part of a population the movement of the peer groups, what happened in each slot, and a row for each
meter: its group, the moments by which it was compared with others, and what came of that. They are arrays in
numpy's own format (no pickle), compressed, and come with the SHA-256 that the record keeps.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from loadprofile.features.daily import daily_blocks
from loadprofile.features.peer_differences import own_numbers
from loadprofile.features.slots import SlotCounts, summed
from loadprofile.features.table import FeatureTable
from loadprofile.fleet import LINKED, Fleet, Part
from loadprofile.screening import BATCH
from loadprofile.store.screening_parts import keep_part, part

INDEX = "facts"


@dataclass(frozen=True, eq=False, slots=True)
class PartFacts:
    """Facts of one part of a population.

    Attributes:
        meter_ids: ``(n,)`` ids, ascending as in the part.
        step_minutes, timezone, hemisphere: of the population.
        days: ``(d,)`` datetime64[D].
        shapes, labels, steady, spread: as of ``PeerGroups``.
        own: ``(n, 8)``, of ``peer_differences.own_numbers``.
        counts: what the whole population did in each slot.
        linked: columns ``LINKED``.
        shared: columns ``cohort.*`` and ``balance.*``.
        incident: ``(n,)``, numbered as in the worklist; -1 = none.
    """

    meter_ids: NDArray[np.str_]
    step_minutes: int
    timezone: str
    hemisphere: str
    days: NDArray[np.datetime64]
    shapes: NDArray[np.float64]
    labels: NDArray[np.int64]
    steady: NDArray[np.bool_]
    spread: NDArray[np.float32]
    own: NDArray[np.float64]
    counts: SlotCounts
    linked: FeatureTable
    shared: FeatureTable
    incident: NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Index:
    """Which meter is in which part, and what the parts are called."""

    place: Mapping[str, int]
    names: tuple[str, ...]
    steps: NDArray[np.int64]
    timezones: NDArray[np.str_]


Packed = tuple[NDArray[np.str_], bytes]
"""The meters of a part, and its facts."""


def packed_facts(fleet: Fleet, first_incident: int) -> list[Packed]:
    """The facts of each part of a measured fleet."""
    counts = summed(_slots_of(held) for held in fleet.parts)
    return [
        (held.spool.meter_ids, _packed_part(fleet, at, counts, first_incident))
        for at, held in enumerate(fleet.parts)
    ]


def _slots_of(held: Part) -> SlotCounts:
    with np.load(held.path, allow_pickle=False) as kept:
        return SlotCounts(
            held.spool.days, held.spool.step_minutes, len(held.spool), kept["slots"], kept["gaps"]
        )


def _packed_part(fleet: Fleet, at: int, counts: SlotCounts, first_incident: int) -> bytes:
    held = fleet.parts[at]
    cohort, incident = fleet.shared(at)
    with np.load(held.path, allow_pickle=False) as kept:
        measured = FeatureTable(held.spool.meter_ids, tuple(kept["names"].tolist()), kept["values"])
        arrays = {name: kept[name] for name in ("shapes", "labels", "steady", "spread")}
    balance = measured.group("balance")
    own = np.concatenate([own_numbers(daily_blocks(cube).power) for cube in held.spool.batches(BATCH)])
    into = io.BytesIO()
    np.savez_compressed(
        into, meter_ids=held.spool.meter_ids, step_minutes=np.int64(held.spool.step_minutes),
        timezone=np.str_(held.spool.timezone), hemisphere=np.str_(held.hemisphere),
        days=held.spool.days.astype(np.int64),
        own=own, slots=counts.counts, gaps=counts.gaps, meters=np.int64(counts.meters),
        linked=measured.select(LINKED).values,
        shared_names=np.array([*cohort.names, *balance.names]),
        shared=np.concatenate([cohort.values, balance.values], axis=1),
        incident=np.where(incident < 0, -1, incident + first_incident), **arrays,
    )  # fmt: skip
    return into.getvalue()


def keep_facts(connection: sa.Connection, screening_key: int, parts: Sequence[Packed]) -> None:
    """Keep the facts of all parts with a screening, and the index to them."""
    for at, (_, content) in enumerate(parts):
        keep_part(connection, screening_key, f"{INDEX}/{at:05d}", content)
    into = io.BytesIO()
    found = [_read(content, ("step_minutes", "timezone")) for _, content in parts]
    np.savez_compressed(
        into, meter_ids=np.concatenate([ids for ids, _ in parts]),
        part=np.repeat(np.arange(len(parts)), [len(ids) for ids, _ in parts]),
        steps=np.array([int(f["step_minutes"]) for f in found]),
        timezones=np.array([str(f["timezone"]) for f in found]),
    )  # fmt: skip
    keep_part(connection, screening_key, INDEX, into.getvalue())


def _read(content: bytes, names: tuple[str, ...]) -> dict[str, Any]:
    with np.load(io.BytesIO(content), allow_pickle=False) as kept:
        return {name: kept[name] for name in names}


def index_of(connection: sa.Connection, screening_key: int) -> Index:
    """The index of a screening's facts.

    Raises:
        NotFoundError: it left none.
    """
    kept = _read(part(connection, screening_key, INDEX), ("meter_ids", "part", "steps", "timezones"))
    names = tuple(f"{INDEX}/{at:05d}" for at in range(len(kept["steps"])))
    place = dict(zip(kept["meter_ids"].tolist(), kept["part"].tolist(), strict=True))
    return Index(place, names, kept["steps"], kept["timezones"])


def facts_of(connection: sa.Connection, screening_key: int, name: str) -> PartFacts:
    """The facts of one part.

    Raises:
        NotFoundError: there are none of this name.
    """
    content = part(connection, screening_key, name)
    with np.load(io.BytesIO(content), allow_pickle=False) as kept:
        ids = kept["meter_ids"]
        days = kept["days"].astype("datetime64[D]")
        step = int(kept["step_minutes"])
        counts = SlotCounts(days, step, int(kept["meters"]), kept["slots"], kept["gaps"])
        return PartFacts(
            ids, step, str(kept["timezone"]), str(kept["hemisphere"]), days, kept["shapes"], kept["labels"],
            kept["steady"], kept["spread"], kept["own"], counts, FeatureTable(ids, LINKED, kept["linked"]),
            FeatureTable(ids, tuple(kept["shared_names"].tolist()), kept["shared"]), kept["incident"],
        )  # fmt: skip
