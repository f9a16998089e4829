"""Columns ``context.*``: what holidays, weather, export and reactive energy say of each meter's change.

NaN = that input was not given, or it cannot be told. The other optional inputs have their own places:
feeders in ``balance``, outages, events and registers in ``circumstances``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from loadprofile.features import energy_channels, holidays, weather
from loadprofile.features.daily import DailyBlocks
from loadprofile.features.population import Context
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import LoadProfiles
from loadprofile.spool.store import Spool

Floats = NDArray[np.float64]

NAMES = (
    *holidays.NAMES,
    *weather.NAMES,
    *energy_channels.EXPORT_NAMES,
    *energy_channels.REACTIVE_NAMES,
)

BATCH = 250
"""Meters at a time."""


def context_features(
    profiles: LoadProfiles | Spool, blocks: DailyBlocks, changes: FeatureTable, context: Context | None
) -> FeatureTable:
    """Columns ``NAMES`` of all meters.

    Args:
        profiles: all meters, in memory or on disk.
        blocks: of the same meters.
        changes: with ``when.change`` and ``when.change_end`` of the same meters, days since the first.
        context: the optional inputs; what is None leaves its columns empty.
    """
    out = np.full((len(profiles), len(NAMES)), np.nan, dtype=np.float32)
    given = context or Context()
    if not all(x is None for x in (given.holidays, given.weather, given.export, given.reactive)):
        air = None if given.weather is None else weather.daily_weather(given.weather, profiles.days)
        for start in range(0, len(profiles), BATCH):
            rows = slice(start, min(start + BATCH, len(profiles)))
            out[rows] = _of(profiles.take(rows), blocks.take(rows), changes.take(rows), given, air)
    return FeatureTable(profiles.meter_ids, NAMES, out)


def _of(
    profiles: LoadProfiles,
    blocks: DailyBlocks,
    changes: FeatureTable,
    given: Context,
    air: weather.DailyWeather | None,
) -> Floats:
    onset, end = (changes.column(f"when.{name}").astype(np.float64) for name in ("change", "change_end"))
    daily = blocks.daily()
    parts = {
        names: np.full((len(profiles), len(names)), np.nan)
        for names in (
            holidays.NAMES, weather.NAMES, energy_channels.EXPORT_NAMES, energy_channels.REACTIVE_NAMES
        )
    }  # fmt: skip
    if given.holidays is not None:
        found = holidays.holiday_features(daily, profiles.days, onset, end, given.holidays)
        parts[holidays.NAMES] = found
    if air is not None:
        weekend = holidays.weekdays(profiles.days, given.holidays) >= 5
        parts[weather.NAMES] = weather.weather_features(blocks.power, daily, air, onset, end, weekend)
    for names, cubes, measure in (
        (energy_channels.EXPORT_NAMES, given.export, energy_channels.export_features),
        (energy_channels.REACTIVE_NAMES, given.reactive, energy_channels.reactive_features),
    ):
        if cubes is not None:
            parts[names] = measure(profiles, energy_channels.on_grid(profiles, cubes), onset, end)
    values = np.concatenate([parts[names] for names in parts], axis=1)
    values[~np.isfinite(values)] = np.nan
    return values
