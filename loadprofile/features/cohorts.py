"""Cohorts: what happened to many meters at once is one incident, and rarely a thief.

Reduces the whole population's features, slot counts and a second pass over the readings to columns
``cohort.*`` and one incident number per meter. A coincidence counts by its binomial surprise against
what the population ordinarily does at that clock time and in those weeks, so that an evening in
December is no incident.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from loadprofile.errors import ShapeError
from loadprofile.features.coincidence import Changes, find_together, tail
from loadprofile.features.daily import DailyBlocks
from loadprofile.features.partners import donor_similarity, sides, swap_similarity
from loadprofile.features.slots import ZERO_RUN_HOURS, SlotCounts, meter_slots
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import LoadProfiles, frozen

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
    "zero_surprise", "repeat_size", "stuck_size", "jump_share", "jump_surprise", "swap_similarity",
    "donor_similarity", "donor_margin", "incident_size",
)  # fmt: skip


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
    donors: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> Cohorts:
    """Find what meters share with others.

    Args:
        table: the whole population's columns ``change.glr, change.log_ratio, change.log_ratio_se,
            when.change, when.change_end``, and, where there, ``when.stuck_first`` and ``when.repeat_first``.
        counts: ``count_slots`` of all batches, added up.
        batches: the readings of the same meters in the same order, in any batching (a second pass).
        blocks: the whole population's daily blocks, for donors; without them those columns are NaN.
        donors: what ``find_donors`` said of the same meters, where that was asked before.

    Raises:
        ShapeError: when batches hold other meters than the table.
    """
    n = len(table)
    out = {name: np.full(n, np.nan) for name in NAMES}
    onset = table.column("when.change").astype(np.float64)
    end = table.column("when.change_end").astype(np.float64)
    glr = table.column("change.glr").astype(np.float64)
    marked = _marked(glr, onset)
    before, after = np.full((n, 24), np.nan), np.full((n, 24), np.nan)
    links = [
        np.empty((0, 2), dtype=np.int64),
        *_scan(table, counts, batches, marked, end, before, after, out),
    ]
    changes = Changes(
        onset=_on_grid(marked, counts),
        log_ratio=table.column("change.log_ratio").astype(np.float64),
        error=table.column("change.log_ratio_se").astype(np.float64),
        strength=glr,
        day_count=len(counts.days),
        slots_per_day=1440 // counts.step_minutes,
    )
    together = find_together(changes, LEAST_SURPRISE)
    out |= {
        "onset_size": together.day_size, "onset_surprise": together.day_surprise,
        "ratio_agreement": together.agreement, "ratio_size": together.ratio_size,
        "ratio_surprise": together.ratio_surprise, "same_slot_size": together.slot_size,
        "same_slot_surprise": together.slot_surprise, "same_both_size": together.both_size,
        "same_both_surprise": together.both_surprise,
    }  # fmt: skip
    for name, source in (("stuck_size", "when.stuck_first"), ("repeat_size", "when.repeat_first")):
        if source in table.names:
            moments = _on_grid(table.column(source).astype(np.float64), counts)
            out[name], same = _same_slot(moments, counts)
            links.append(same)
    out["swap_similarity"] = swap_similarity(marked, before, after)
    if donors is None and blocks is not None:
        donors = find_donors(table, blocks)
    if donors is not None:
        out["donor_similarity"], out["donor_margin"] = donors
    links[0] = together.links
    incident, sizes = _incidents(n, links, table.meter_ids)
    out["incident_size"] = sizes
    values = np.stack([out[name] for name in NAMES], axis=1).astype(np.float32)
    names = tuple(f"cohort.{name}" for name in NAMES)
    return Cohorts(FeatureTable(table.meter_ids, names, values), incident)


def find_donors(table: FeatureTable, blocks: DailyBlocks) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Whose load was added to each meter (``partners.donor_similarity``), among the meters of ``blocks``."""
    weekend = (blocks.days.astype(np.int64) + 3) % 7 >= 5
    glr = table.column("change.glr").astype(np.float64)
    onset, end = (table.column(f"when.{name}").astype(np.float64) for name in ("change", "change_end"))
    return donor_similarity(blocks.power, _marked(glr, onset), end, glr, weekend)


def _marked(glr: NDArray[np.float64], onset: NDArray[np.float64]) -> NDArray[np.float64]:
    """Onsets of the changes that take part in cohorts, NaN for the others."""
    marked: NDArray[np.float64] = np.where(glr >= max(MARKED_GLR, OVER_MEDIAN * _median(glr)), onset, np.nan)
    return marked


def _median(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else 0.0


def _on_grid(moments: NDArray[np.float64], counts: SlotCounts) -> NDArray[np.float64]:
    """Moments rounded to slots: float32 features are a few seconds off."""
    s = 1440 // counts.step_minutes
    return np.rint(moments * s) / s


def _same_slot(
    moments: NDArray[np.float64], counts: SlotCounts
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
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


def _scan(
    table: FeatureTable,
    counts: SlotCounts,
    batches: Iterable[LoadProfiles],
    onset: NDArray[np.float64],
    end: NDArray[np.float64],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    out: dict[str, NDArray[np.float64]],
) -> list[NDArray[np.int64]]:
    """Second pass over the readings: gaps, zero runs and jumps against the counts; sides of each change."""
    total = counts.counts.shape[1]
    gap_key = counts.gaps[:, 0] * (total + 1) + counts.gaps[:, 1]
    gap_surprise = counts.gap_surprise()
    surprise = {kind: counts.surprise(kind) for kind in ("zero", "up", "down")}
    best: dict[str, list[tuple[int, int]]] = {"gap": [], "zero": [], "up": [], "down": []}
    penalty = {
        "gap": np.log10(max(len(gap_key), 1) + 1.0), "zero": np.log10(total), "up": np.log10(total),
        "down": np.log10(total),
    }  # fmt: skip
    row = 0
    for batch in batches:
        stop = row + len(batch)
        if not np.array_equal(batch.meter_ids, table.meter_ids[row:stop]):
            raise ShapeError("batches", "other meters or order", "the meters of table")
        before[row:stop], after[row:stop] = sides(batch.kwh, onset[row:stop], end[row:stop])
        exists = batch.exists.ravel()
        for i in range(len(batch)):
            flat = batch.kwh[i].ravel()
            gaps, zeros, up, down = meter_slots(flat, exists, ZERO_RUN_HOURS * batch.slots_per_day // 24)
            known = np.isfinite(flat).any()
            for kind, at in (("gap", gaps), ("zero", zeros)):
                values, sizes, keys = gap_surprise, counts.gaps[:, 2], gap_key
                if kind == "gap":
                    where = np.searchsorted(gap_key, at[:, 0] * (total + 1) + at[:, 1])
                else:
                    where, values, sizes = at, surprise["zero"], counts.counts[2]
                    keys = np.arange(total)
                out[f"{kind}_size"][row], out[f"{kind}_surprise"][row] = 0.0, 0.0
                if len(where):
                    top = where[np.argmax(values[where])]
                    out[f"{kind}_size"][row] = sizes[top] - 1
                    out[f"{kind}_surprise"][row] = values[top]
                    if values[top] - penalty[kind] >= LEAST_SURPRISE:
                        best[kind].append((int(keys[top]), row))
            if not known:
                out["zero_size"][row] = out["zero_surprise"][row] = np.nan
            jumps = np.concatenate([surprise["up"][up], surprise["down"][down]])
            if len(jumps):
                out["jump_share"][row] = (jumps >= 4).mean()
                out["jump_surprise"][row] = jumps.max()
            for kind, at in (("up", up), ("down", down)):
                if len(at):
                    top = at[np.argmax(surprise[kind][at])]
                    if surprise[kind][top] - penalty[kind] >= SHIFTED_JUMP:
                        best[kind].append((int(top), row))
            row += 1
    if row != len(table):
        raise ShapeError("batches", f"{row} meters", len(table))
    links = []
    for pairs in best.values():
        if pairs:
            keys, rows = np.array(pairs, dtype=np.int64).T
            links.append(_chain(keys, rows))
    return links


def _incidents(
    n: int, kinds: list[NDArray[np.int64]], ids: NDArray[np.str_]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
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
