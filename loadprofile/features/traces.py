"""Exact traces of single kinds of trouble in a meter's own readings: more columns ``integrity.*``.

What each column says stands at its kernel: ``day_order`` (random order, days cut at their own top),
``index_runs`` (an index in place of energy), ``dead_band`` (nothing between zero and a threshold),
``swapped_dates`` (day and month exchanged), ``gap_clock`` (the same part of each day absent), ``late_days``
(whole days in one reading). Each meter alone; NaN = cannot tell, 0 = looked and there is none; ``when.`` in
days since the first day of the cube.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from loadprofile.features.day_order import CEILING, DISORDER, day_order
from loadprofile.features.dead_band import BAND, dead_band
from loadprofile.features.gap_clock import CLOCK, gap_clock
from loadprofile.features.index_runs import INDEX, index_runs
from loadprofile.features.late_days import LATE, late_days
from loadprofile.features.swapped_dates import DATES, swapped_dates
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import LoadProfiles

COLUMNS = (*DISORDER, *CEILING, *INDEX, *BAND, *DATES, *CLOCK, *LATE)


def trace_features(profiles: LoadProfiles, step_kwh: NDArray[np.floating]) -> FeatureTable:
    """The columns of all traces, ``(n, k)``.

    Args:
        profiles: the cube.
        step_kwh: ``(n,)`` step in which each meter counts (``integrity.grid_step_kwh``), NaN = none found.
    """
    kwh = profiles.kwh
    parts = [
        day_order(kwh, step_kwh),
        index_runs(kwh),
        dead_band(kwh, step_kwh),
        swapped_dates(kwh, profiles.days),
        gap_clock(kwh, profiles.exists),
        late_days(kwh),
    ]
    names = tuple(name if name.startswith("when.") else f"integrity.{name}" for name in COLUMNS)
    values = np.clip(np.concatenate(parts, axis=1), -1e30, 1e30)
    return FeatureTable(profiles.meter_ids, names, values.astype(np.float32))
