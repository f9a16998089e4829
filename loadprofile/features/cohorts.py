"""Cohorts: what happened to many meters at once is one incident, and rarely a thief.

Reduces the whole population's features, slot counts and a second pass over the readings to columns
``cohort.*`` and one incident number per meter. A coincidence counts by its binomial surprise against
what the population ordinarily does at that clock time and in those weeks, so that an evening in
December is no incident.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from loadprofile.errors import ShapeError
from loadprofile.features.coincidence import Changes, find_together, tail
from loadprofile.features.daily import DailyBlocks
from loadprofile.features.partners import donor_similarity, swap_similarity
from loadprofile.features.slot_scan import Seen, Surprises, one_after_another, scan, surprises
from loadprofile.features.slots import SlotCounts
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import LoadProfiles, frozen

Array = NDArray[np.float64]

LEAST_SURPRISE = 1.5
"""-log10 chance, after counting how many questions were asked, that makes an incident."""

MARKED_GLR = 8.0
OVER_MEDIAN = 1.3
"""Changes under this, or under so many times the population's median, take no part in cohorts of onsets:
everybody has a best split, and a clock change or a holiday gives many the same weak one."""

SHIFTED_JUMP = 6.0
NAMES = (
    "onset_size", "onset_surprise", "ratio_agreement", "ratio_size", "ratio_surprise", "same_slot_size",
    "same_slot_surprise", "same_both_size", "same_both_surprise", "gap_size", "gap_surprise", "zero_size",
    "zero_surprise", "repeat_size", "stuck_size", "grid_size", "spike_size", "sentinel_size",
    "jump_share", "jump_surprise", "joined", "joined_share", "joined_surprise", "swap_similarity",
    "donor_similarity", "donor_margin", "incident_size",
)  # fmt: skip


SAME_SLOT = (
    ("stuck_size", "when.stuck_first"), ("repeat_size", "when.repeat_first"),
    ("grid_size", "when.grid_change"), ("spike_size", "when.spike"), ("sentinel_size", "when.sentinel"),
)  # fmt: skip
"""Moments of which it is counted how many others have theirs in the same slot."""


@dataclass(frozen=True, eq=False, slots=True)
class Cohorts:
    """Facts of coincidence for a whole population.

    Attributes:
        features: columns ``cohort.*``; sizes count the *others*.
        incident: ``(n,)`` int64, number of the incident a meter belongs to, -1 = none. Numbered by the
            smallest meter id of each incident, so that the order of meters does not matter.
    """

    features: FeatureTable
    incident: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.incident.shape != (len(self.features),):
            raise ShapeError("incident", self.incident.shape, (len(self.features),))
        object.__setattr__(self, "incident", frozen(self.incident))


def find_cohorts(
    table: FeatureTable,
    counts: SlotCounts,
    batches: Iterable[LoadProfiles],
    blocks: DailyBlocks | None = None,
    donors: tuple[Array, Array] | None = None,
    look: Callable[[Surprises, Array, Array], Seen] | None = None,
) -> Cohorts:
    """Find what meters share with others.

    Args:
        table: the whole population's columns ``change.glr, change.log_ratio, change.log_ratio_se,
            when.change, when.change_end``, and, where there, ``when.stuck_first`` and ``when.repeat_first``.
        counts: ``count_slots`` of all batches, added up.
        batches: the readings of the same meters in the same order, in any batching (a second pass).
        blocks: the whole population's daily blocks, for donors; without them those columns are NaN.
        donors: what ``find_donors`` said of the same meters, where that was asked before.
        look: scans all meters of the table (``slot_scan.scan``) in place of the pass over ``batches``.

    Raises:
        ShapeError: when batches hold other meters than the table.
    """
    n = len(table)
    columns = np.full((len(NAMES), n), np.nan, dtype=np.float32)
    out = dict(zip(NAMES, columns, strict=True))
    onset = table.column("when.change").astype(np.float64)
    end = table.column("when.change_end").astype(np.float64)
    glr = table.column("change.glr").astype(np.float64)
    marked = _marked(glr, onset)
    found = surprises(counts)
    seen = look(found, marked, end) if look else _look(table, batches, found, marked, end)
    links = [np.empty((0, 2), dtype=np.int64), *_shared_slots(seen, found, out)]
    changes = Changes(
        onset=_on_grid(marked, counts),
        log_ratio=table.column("change.log_ratio").astype(np.float64),
        error=table.column("change.log_ratio_se").astype(np.float64),
        strength=glr,
        day_count=len(counts.days),
        slots_per_day=1440 // counts.step_minutes,
    )
    together = find_together(changes, LEAST_SURPRISE)
    said = {
        "onset_size": together.day_size, "onset_surprise": together.day_surprise,
        "ratio_agreement": together.agreement, "ratio_size": together.ratio_size,
        "ratio_surprise": together.ratio_surprise, "same_slot_size": together.slot_size,
        "same_slot_surprise": together.slot_surprise, "same_both_size": together.both_size,
        "same_both_surprise": together.both_surprise,
    }  # fmt: skip
    for name, numbers in said.items():
        out[name][:] = numbers
    for name, source in SAME_SLOT:
        if source in table.names:
            moments = _on_grid(table.column(source).astype(np.float64), counts)
            out[name][:], same = _same_slot(moments, counts)
            links.append(same)
    out["swap_similarity"][seen.sided] = swap_similarity(marked[seen.sided], seen.before, seen.after)
    if donors is None and blocks is not None:
        donors = find_donors(table, blocks)
    if donors is not None:
        out["donor_similarity"][:], out["donor_margin"][:] = donors
    links[0] = together.links
    incident, sizes = _incidents(n, links, table.meter_ids)
    out["incident_size"][:] = sizes
    names = tuple(f"cohort.{name}" for name in NAMES)
    return Cohorts(FeatureTable(table.meter_ids, names, columns.T), incident)


def find_donors(table: FeatureTable, blocks: DailyBlocks) -> tuple[Array, Array]:
    """Whose load was added to each meter (``partners.donor_similarity``), among the meters of ``blocks``."""
    weekend = (blocks.days.astype(np.int64) + 3) % 7 >= 5
    glr = table.column("change.glr").astype(np.float64)
    onset, end = (table.column(f"when.{name}").astype(np.float64) for name in ("change", "change_end"))
    return donor_similarity(blocks.power, _marked(glr, onset), end, glr, weekend)


def _marked(glr: Array, onset: Array) -> Array:
    """Onsets of the changes that take part in cohorts, NaN for the others."""
    marked: Array = np.where(glr >= max(MARKED_GLR, OVER_MEDIAN * _median(glr)), onset, np.nan)
    return marked


def _median(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else 0.0


def _on_grid(moments: Array, counts: SlotCounts) -> Array:
    """Moments rounded to slots: float32 features are a few seconds off."""
    s = 1440 // counts.step_minutes
    return np.rint(moments * s) / s


def _same_slot(moments: Array, counts: SlotCounts) -> tuple[Array, NDArray[np.int64]]:
    """How many others share each moment, and links where that is no accident."""
    size = np.full(len(moments), np.nan)
    known = np.flatnonzero(np.isfinite(moments))
    if len(known) == 0:
        return size, np.empty((0, 2), dtype=np.int64)
    _, inverse, count = np.unique(moments[known], return_inverse=True, return_counts=True)
    size[known] = count[inverse] - 1
    # an onset at a given slot: midnights are favoured, so one chance in the number of days
    surprise = tail(size[known], len(known) - 1, 1.0 / max(len(counts.days), 2))
    keep = known[surprise - np.log10(len(known)) >= LEAST_SURPRISE]
    return size, _chain(np.rint(moments[keep] * 96).astype(np.int64), keep)


def _chain(keys: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Links between neighbours among the rows with equal keys, ``(p, 2)``."""
    order = np.argsort(keys, kind="stable")
    same = np.diff(keys[order]) == 0
    return np.column_stack([rows[order][:-1][same], rows[order][1:][same]]).astype(np.int64)


def _look(
    table: FeatureTable, batches: Iterable[LoadProfiles], found: Surprises, onset: Array, end: Array
) -> Seen:
    """Scan batch after batch."""
    parts, row = [], 0
    for batch in batches:
        rows = slice(row, row + len(batch))
        if not np.array_equal(batch.meter_ids, table.meter_ids[rows]):
            raise ShapeError("batches", "other meters or order", "the meters of table")
        parts.append(scan(batch, found, onset[rows], end[rows]))
        row += len(batch)
    if row != len(table):
        raise ShapeError("batches", f"{row} meters", len(table))
    return one_after_another(parts)


def _shared_slots(
    seen: Seen, found: Surprises, out: dict[str, NDArray[np.float32]]
) -> list[NDArray[np.int64]]:
    """Sizes and surprises of slots shared with others, and links where that is no chance."""
    sizes = {"gap": found.gap_size, "zero": found.zero_size}
    penalty = {
        "gap": np.log10(max(found.gaps, 1) + 1.0), "zero": np.log10(len(found.zero)),
        "up": np.log10(len(found.up)), "down": np.log10(len(found.down)),
    }  # fmt: skip
    links = []
    for kind, least in (
        ("gap", LEAST_SURPRISE), ("zero", LEAST_SURPRISE), ("up", SHIFTED_JUMP), ("down", SHIFTED_JUMP),
    ):  # fmt: skip
        at, values = getattr(seen, kind), getattr(found, kind)
        has = np.flatnonzero(at >= 0)
        surprise = np.zeros(len(at))
        surprise[has] = values[at[has]]
        if kind in sizes:
            out[f"{kind}_size"][:] = 0.0
            out[f"{kind}_size"][has] = sizes[kind][at[has]] - 1
            out[f"{kind}_surprise"][:] = surprise
        linked = has[surprise[has] - penalty[kind] >= least]
        if len(linked):
            links.append(_chain(at[linked], linked))
    for name in ("zero_size", "zero_surprise"):
        out[name][~seen.known] = np.nan
    for name in ("jump_share", "jump_surprise", "joined", "joined_share", "joined_surprise"):
        out[name][:] = getattr(seen, name)
    return links


def _incidents(
    n: int, kinds: list[NDArray[np.int64]], ids: NDArray[np.str_]
) -> tuple[NDArray[np.int64], Array]:
    """Number of each meter's incident and how many others are in it; kinds of links in order of weight.

    Linked meters of one kind are one incident. Where half of them are in one of an earlier kind already,
    the rest join that; otherwise those still free make a new one: two unlike coincidences that share a
    meter stay two.
    """
    incident = np.full(n, -1, dtype=np.int64)
    rank = np.empty(n, dtype=np.int64)
    rank[np.argsort(ids, kind="stable")] = np.arange(n)
    fresh = 0
    for links in kinds:
        if len(links) == 0:
            continue
        graph = sparse.coo_matrix((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(n, n))
        _, label = csgraph.connected_components(graph, directed=False)
        linked = np.unique(links)
        linked = linked[np.argsort(rank[linked])]
        for name in dict.fromkeys(label[linked].tolist()):
            members = linked[label[linked] == name]
            free = members[incident[members] < 0]
            taken = incident[members][incident[members] >= 0]
            if 2 * len(taken) >= len(members) and len(taken):
                values, counts = np.unique(taken, return_counts=True)
                incident[free] = values[np.argmax(counts)]
            elif len(free) > 1:
                incident[free] = fresh
                fresh += 1
    order = np.argsort(rank)
    numbers = {
        old: new for new, old in enumerate(dict.fromkeys(incident[order][incident[order] >= 0].tolist()))
    }
    incident = np.array([numbers.get(int(old), -1) for old in incident], dtype=np.int64)
    sizes = np.bincount(incident[incident >= 0], minlength=max(fresh, 1))
    others = np.where(incident >= 0, sizes[incident] - 1, 0).astype(np.float64)
    return incident, others
