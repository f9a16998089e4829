"""How marked a meter's changes are beside those of its population.

The longer a span, the more every home has changed by chance, season or the times: over a year the best split
of an ordinary home scores what would be a clear change in a quarter. What counts is how far a meter stands
out among the others of the same span.
"""

from __future__ import annotations

import numpy as np

from loadprofile.features.channels import CHANNELS
from loadprofile.features.contrasts import CONTRASTS
from loadprofile.features.scans import SCANNED
from loadprofile.features.table import FeatureTable

LEAST_METERS = 12
"""Fewer meters with a value than this are no yardstick: NaN."""

COMPARED = (
    *(f"change.{name}" for name in (
        "glr", "single_glr", "level_glr", "block_glr", "texture_glr", "second_glr", "lag_glr", "close_glr",
        "z", "level_z", "log_ratio", "block_spread", "hour_misfit", "trend_total",
    )),
    *(f"scan.{channel}.{name}" for channel in (*CHANNELS, *CONTRASTS) for name in SCANNED),
)  # fmt: skip
"""Columns that are compared."""


def relative_features(table: FeatureTable) -> FeatureTable:
    """Columns ``relative.<column>``: the value over the population's median absolute value.

    Signed as the value; 1 = as marked as half of the population. NaN where the value is unknown or fewer than
    ``LEAST_METERS`` meters have one.

    Args:
        table: the whole population's columns; those of ``COMPARED`` that are there are compared.
    """
    names = [name for name in COMPARED if name in table.names]
    values = table.select(tuple(names)).values.astype(np.float64)
    out = np.full(values.shape, np.nan)
    known = np.isfinite(values)
    for k in np.flatnonzero(known.sum(axis=0) >= LEAST_METERS):
        usual = float(np.median(np.abs(values[known[:, k], k])))
        if usual > 0:
            out[:, k] = np.clip(values[:, k] / usual, -1e3, 1e3)
    return FeatureTable(table.meter_ids, tuple(f"relative.{n}" for n in names), out.astype(np.float32))
