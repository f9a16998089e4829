"""Integrity of a meter's own data: what is missing, zero, stuck, repeated, odd, off its grid.

All from one meter's readings, in order, before anything is filled; a reading that is not there is never
guessed. Slots that the clock change skipped are neither missing nor present. NaN = cannot tell, 0 = looked
and there is none. "Span" is the meter's own, first to last reading. Details stand at the kernels:
``runs``, ``day_vectors``, ``odd_values``, ``grid``. The checks are those of FACTS section 6 (VEE).

========================= ================================================================================
``integrity.``            definition (unit 1 unless said)
========================= ================================================================================
coverage                  readings / existing slots of the whole population span; 0 for an empty meter
missing_share             missing / existing slots inside the own span
starts_late_share         existing slots before the first reading / all; ends_early_share: after the last
ends_off_midnight         hours from the end of the last reading to the nearest midnight (NaN: < 1 day after)
gaps_per_30d              gaps inside the span per 30 days; longest_gap_days, gap_median_hours: their lengths
gap_midnight_share        share of the missing slots in gaps that begin and end at midnight
gap_rise                  missing share of the last third of the span minus that of the first (span >= 6 days)
catchup_gaps              gaps of 2 slots to 3 days: the ones asked for the sum after the gap
catchup_ratio             median of first reading after / usual energy of gap and slot; 1 = sum delivered
catchup_count             those with ratio in 0.5..1.6 and a reading above 3 times the slot's usual;
                          catchup_share: / catchup_gaps
catchup_rank              mean rank (0..1) of those readings among all of the meter; about 0.5 by chance
zero_share                exact zeros / readings; zero_longest_days, zero_runs_per_30d (runs >= 4 h)
zero_night_share          the same from 0 to 4 o'clock, when the sun explains none
zero_tail_days            days of zeros that end the span
zero_catchup_count        zero runs (2 h to 3 d, where zero is rare) after which the sum came;
                          zero_catchup_ratio: median over those followed by 3 times the usual
zero_usual                median over days of the day's share of zeros: large where zero is ordinary
zero_window_share         share of days with a window of zeros (see ``day_vectors.windows``)
zero_exact_hour_share     share of the windows that begin and end on the hour (NaN: < 3 windows, hourly data)
zero_same_start_share     share of the windows that begin at their most frequent slot (NaN: < 3 windows)
stuck_share, stuck_runs   readings in, and number of, constant runs >= 6 h the meter would not make by itself
stuck_longest_days        the longest; stuck_ratio: its value / own level
stuck_surprise            greatest -log10(expected number of such runs) over the runs >= 6 h, 0..99
constant_share            readings in any non-zero constant run >= 6 h, stuck or natural
line_share                readings on straight sloping runs >= 4 h (interpolated); line_longest_hours
repeat_day_share          days equal bit for bit to an earlier one / complete days
repeat_block_days         longest run of days that repeat at one lag; repeat_lag_days: that lag (NaN: none)
flat_day_share            days without a daily swing
spike_count, spike_ratio  isolated readings > 4 times the own 99.5 % quantile of positives; the greatest ratio
negative_share            negative readings; negative_longest_hours: the longest run
sentinel_share            readings that are a known "no value" number far above the others, or a negative one
cap_share, cap_days_share readings within 1 % below the 99.9 % quantile; days that touch it
peg_share, peg_excess     most frequent value of the upper fifth / readings; / mean count of the values there
unit_mix_share            days whose mean is 1000 times or 1/1000 of the median day's
grid_step_kwh             quantisation step (kWh); grid_kwh_rel: step / median positive reading
grid_exact_share          positive readings on the grid; 1 from 0.99 on
grid_change               log10(step after / before) where a span lies on another grid, 0 = one grid
grid_break_share          share of the readings in that span
levels_per_100            different values per 100 readings
duplicate_share           rows / rows read (NaN: not counted); conflict_share, rejected_share likewise
========================= ================================================================================

``when.`` (days since the first day of the cube, fraction = time of day): first_reading, last_reading (end of
it); gap_, zero_, stuck_, line_, negative_ first and last: start and end of the longest run; repeat_first and
_last: of the longest block; window_, flat_, unit_ first and last: first and last such day; spike: the
greatest; sentinel: the first; gap_, zero_, spike_ and negative_began: the first that counts; grid_change,
grid_change_end: of the span (end NaN: to the end of the data).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from loadprofile.features import day_vectors, grid, odd_values, runs
from loadprofile.features.beginnings import BEGINNINGS, beginnings
from loadprofile.features.day_facts import day_facts
from loadprofile.features.odd_values import LOWEST_SENTINEL
from loadprofile.features.ordering import in_rows, known_part, level_and_kinds, quantile, usual
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import TALLY, LoadProfiles

OWN = ("levels_per_100", "grid_kwh_rel", "sentinel_share", "when.sentinel")
ROWS = ("duplicate_share", "conflict_share", "rejected_share")
"""Shares of the rows read for a meter, from ``LoadProfiles.row_tally``."""

COLUMNS = (
    *runs.GAPS, *runs.ZEROS, *runs.STUCK, *runs.LINES,
    *day_vectors.REPEATS, *day_vectors.FLATS, *day_vectors.WINDOWS,
    *odd_values.SPIKES, *odd_values.NEGATIVES, *odd_values.CAPS, *odd_values.UNITS,
    *grid.GRID, *OWN, *BEGINNINGS, *ROWS,
)  # fmt: skip


def _named(column: str) -> str:
    return column if column.startswith("when.") else f"integrity.{column}"


def integrity_features(profiles: LoadProfiles, ordered: NDArray[np.float32] | None = None) -> FeatureTable:
    """The ``integrity.*`` columns of each meter and the ``when.*`` moments that belong to them.

    Each meter alone: the row of a meter does not depend on the others. Memory beyond the cube is that of
    ``TOGETHER`` meters. The columns are listed at the top of this module.

    Args:
        profiles: the cube.
        ordered: ``ordering.in_rows(profiles.kwh)`` where it is at hand already.
    """
    n, d, s = profiles.kwh.shape
    flat = profiles.kwh.reshape(n, d * s)
    exists = profiles.exists.ravel()
    pos = np.flatnonzero(exists)
    whole = len(pos) == len(exists)
    if not whole and not np.isnan(flat[:, ~exists]).all():
        ordered = None  # readings in slots that do not exist are left out here
    day, slot = (part.astype(np.int32) for part in np.divmod(pos, s))
    edges = np.concatenate([[0], np.cumsum(profiles.exists.sum(axis=1))]).astype(np.int64)
    width = len(COLUMNS) - len(ROWS)
    out = np.empty((n, len(COLUMNS)), dtype=np.float32)
    for first in range(0, n, TOGETHER):
        rows = slice(first, min(first + TOGETHER, n))
        # writable and row by row, or numba compiles again and the kernel strides (``[:, pos]`` gives columns)
        values = flat[rows].copy() if whole else np.take(flat[rows], pos, axis=1)
        ranks = in_rows(values) if ordered is None else ordered[rows]
        found = np.empty((len(values), width))
        _of_meters(values, ranks, day, slot, edges, s, found)
        for row in np.flatnonzero(np.isnan(found[:, SENTINEL])):
            share, at = odd_values.sentinels(values[row], known_part(ranks[row]))
            found[row, SENTINEL] = share
            found[row, SENTINEL + 1] = day[at] + slot[at] / s if at >= 0 else np.nan
        out[rows, :width] = np.clip(found, -1e30, 1e30)
    out[:, width:] = _row_shares(profiles.row_tally)
    names = tuple(_named(column) for column in COLUMNS)
    return FeatureTable(profiles.meter_ids, names, out)


TOGETHER = 32
"""Meters whose readings are copied and sorted at a time: a few MB, which stay in the cache."""

SENTINEL = COLUMNS.index("sentinel_share")


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _of_meters(
    values: NDArray[np.float32],
    ordered: NDArray[np.float32],
    day: NDArray[np.int32],
    slot: NDArray[np.int32],
    edges: NDArray[np.int64],
    s: int,
    out: NDArray[np.float64],
) -> None:
    """All columns but ``ROWS``; ``sentinel_share`` is NaN where ``sentinels`` must be asked."""
    for row in range(len(values)):
        own = values[row]
        rank = known_part(ordered[row])
        facts = day_facts(own, edges)
        positive = rank[np.searchsorted(rank, np.float32(0.0), side="right") :]
        top = quantile(positive, 0.995)
        energy, zero_share = usual(own, slot, s, top)
        on = grid.grid(own, day, slot, s, rank)
        step = on[0]
        level, kinds = level_and_kinds(rank)
        at = 0
        for part in (
            runs.gaps(own, day, slot, rank, energy),
            runs.zeros(own, day, slot, energy, zero_share),
            runs.stuck(own, day, slot, s, level, step),
            runs.lines(own, day, slot, s, step),
            day_vectors.repeats(own, edges, facts, s),
            day_vectors.flats(edges, facts, step),
            day_vectors.windows(own, edges, facts, slot, zero_share),
            odd_values.spikes(own, edges, facts, slot, s, top),
            odd_values.negatives(own, day, slot, facts, s),
            odd_values.caps(own, edges, facts, rank),
            odd_values.units(facts),
            on,
        ):
            out[row, at : at + len(part)] = part
            at += len(part)
        out[row, at] = 100.0 * kinds / len(rank) if kinds else np.nan
        out[row, at + 1] = step / quantile(positive, 0.5)
        ordinary = len(rank) > 0 and rank[0] >= 0.0 and rank[-1] < LOWEST_SENTINEL
        out[row, at + 2] = 0.0 if ordinary else np.nan
        out[row, at + 3] = np.nan
        out[row, at + 4 :] = beginnings(own, edges, facts, day, slot, s, top)


def _row_shares(tally: NDArray[np.int64]) -> NDArray[np.float64]:
    read = tally[:, : TALLY.index("negative")].sum(axis=1).astype(np.float64)
    read[read == 0] = np.nan
    picked = tally[:, [TALLY.index(name) for name in ("duplicate", "conflicting", "rejected")]]
    shares: NDArray[np.float64] = picked / read[:, None]
    return shares
