"""Feature group 3: a boxplot for each season and clock hour.

After Calamaro et al., *Sustainability* 2021, 13(19), 10696, group 3: the five-number summary for each
season and hour (Spear 1952; Wickham and Stryjewski 2011), with Tukey's whiskers: the outermost
readings within 1.5 interquartile ranges of the box. Where we depart: in units of the meter's own mean
power, from hourly powers whatever the step (as in group 2), and with the share of outliers added.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from loadprofile.errors import OptionError
from loadprofile.features import kernels
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import LoadProfiles

Hemisphere = Literal["north", "south"]
SEASONS = ("winter", "spring", "summer", "autumn")
LEAST_DAYS = 14
"""A box needs 14 days of its season with the hour known; below, its six numbers are NaN."""
NAMES = tuple(f"g3.{season}.h{h:02d}.{name}" for season in SEASONS for h in range(24) for name in kernels.BOX)


def season_numbers(days: NDArray[np.datetime64], hemisphere: str = "north") -> NDArray[np.int8]:
    """``(d,)`` index into ``SEASONS``: meteorological seasons, three whole months each.

    Winter begins in December north of the equator and in June south of it. Near the equator either
    does: the names are then only labels for quarters of the year.

    Raises:
        OptionError: for another hemisphere than ``"north"`` or ``"south"``.
    """
    if hemisphere not in get_args(Hemisphere):
        raise OptionError("hemisphere", hemisphere, "must be 'north' or 'south'")
    since_december = (days.astype("datetime64[M]").astype(np.int64) + 1) % 12
    turned = since_december + (6 if hemisphere == "south" else 0)
    return (turned % 12 // 3).astype(np.int8)


def seasonal_features(
    profiles: LoadProfiles, hemisphere: str = "north", power: NDArray[np.float32] | None = None
) -> FeatureTable:
    """``g3.<season>.hHH.{low,q1,median,q3,high,outliers}`` of each meter.

    ``low`` and ``high`` are the whisker ends; all but ``outliers`` (a share of the readings, 0..1) are
    divided by the meter's own mean power without sign. Quartiles are linear between ranks. All days of
    the same season fall together, also of several years. NaN in seasons with fewer than ``LEAST_DAYS``
    known days for that hour, and everywhere for a meter that only reads zero.

    Args:
        profiles: the cube, ``kwh`` ``(n, d, s)``.
        hemisphere: ``"north"`` or ``"south"``.
        power: ``kernels.hourly_power(profiles.kwh)`` where it is at hand already.

    Raises:
        OptionError: for another hemisphere.
    """
    season = season_numbers(profiles.days, hemisphere)
    if power is None:
        power = kernels.hourly_power(profiles.kwh)
    boxes = kernels.boxplots(power, season, len(SEASONS), LEAST_DAYS)
    return FeatureTable(profiles.meter_ids, NAMES, boxes.reshape(len(profiles), len(NAMES)))
