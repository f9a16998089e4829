"""Integrity of a meter's own data: what is missing, zero, stuck, repeated, odd, off its grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from loadprofile.features import day_vectors, grid, odd_values, runs
from loadprofile.features.ordering import level_and_kinds, quantile, ranked, usual
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import TALLY, LoadProfiles

OWN = ("levels_per_100", "grid_kwh_rel", "sentinel_share", "when.sentinel")
ROWS = ("duplicate_share", "conflict_share", "rejected_share")
"""Shares of the rows read for a meter, from ``LoadProfiles.row_tally``."""

COLUMNS = (
    *runs.GAPS, *runs.ZEROS, *runs.STUCK, *runs.LINES,
    *day_vectors.REPEATS, *day_vectors.FLATS, *day_vectors.WINDOWS,
    *odd_values.SPIKES, *odd_values.NEGATIVES, *odd_values.CAPS, *odd_values.UNITS,
    *grid.GRID, *OWN, *ROWS,
)  # fmt: skip


def _named(column: str) -> str:
    return column if column.startswith("when.") else f"integrity.{column}"


def integrity_features(profiles: LoadProfiles) -> FeatureTable:
    """Integrity features of each meter."""
    exists = profiles.exists.ravel()
    pos = np.flatnonzero(exists)
    whole = len(pos) == len(exists)
    s = profiles.slots_per_day
    day, slot = (part.astype(np.int32) for part in np.divmod(pos, s))
    edges = np.concatenate([[0], np.cumsum(profiles.exists.sum(axis=1))]).astype(np.int64)
    width = len(COLUMNS) - len(ROWS)
    out = np.empty((len(profiles), len(COLUMNS)), dtype=np.float32)
    for row in range(len(profiles)):
        flat = profiles.kwh[row].reshape(-1)
        values = np.ascontiguousarray(flat if whole else flat[pos])
        with np.errstate(over="ignore"):
            out[row, :width] = _of_meter(values, day, slot, edges, s)
    out[:, width:] = _row_shares(profiles.row_tally)
    names = tuple(_named(column) for column in COLUMNS)
    return FeatureTable(profiles.meter_ids, names, out)


def _of_meter(
    values: NDArray[np.float32],
    day: NDArray[np.int32],
    slot: NDArray[np.int32],
    edges: NDArray[np.int64],
    s: int,
) -> NDArray[np.float64]:
    rank = ranked(values)
    positive = rank[np.searchsorted(rank, np.float32(0.0), side="right") :]
    top = quantile(positive, 0.995)
    energy, zero_share = usual(values, slot, s, top)
    on = grid.grid(values, day, slot, s, rank)
    step = float(on[0])
    share, at = odd_values.sentinels(values, rank)
    level, kinds = level_and_kinds(rank)
    own = np.array([
        100.0 * kinds / len(rank) if kinds else np.nan,
        step / quantile(positive, 0.5),
        share,
        day[at] + slot[at] / s if at >= 0 else np.nan,
    ])  # fmt: skip
    return np.concatenate([
        runs.gaps(values, day, slot, rank, energy),
        runs.zeros(values, day, slot, energy, zero_share),
        runs.stuck(values, day, slot, s, level, step),
        runs.lines(values, day, slot, s, step),
        day_vectors.repeats(values, edges, s),
        day_vectors.flats(values, edges, step),
        day_vectors.windows(values, edges, slot, zero_share),
        odd_values.spikes(values, day, slot, s, top),
        odd_values.negatives(values, day, slot, s),
        odd_values.caps(values, edges, rank),
        odd_values.units(values, edges),
        on,
        own,
    ])  # fmt: skip


def _row_shares(tally: NDArray[np.int64]) -> NDArray[np.float64]:
    read = tally[:, : TALLY.index("negative")].sum(axis=1).astype(np.float64)
    read[read == 0] = np.nan
    picked = tally[:, [TALLY.index(name) for name in ("duplicate", "conflicting", "rejected")]]
    shares: NDArray[np.float64] = picked / read[:, None]
    return shares
