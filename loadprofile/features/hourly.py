"""Feature group 2: each clock hour as a series over the days.

After Calamaro et al., *Sustainability* 2021, 13(19), 10696, group 2: for each hour of the day its
level, spread and trend. Where we depart: the level and the spread are divided by the meter's own mean
power, so that size does not hide shape; the trend is robust; and the readings of an hour are first
joined to its mean power, so that 15-, 30- and 60-minute renditions of one meter have the same features.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from loadprofile.features import kernels
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import LoadProfiles

LEAST_DAYS = 7
"""An hour needs seven days with a known power, a trend seven pairs of days, a median seven days."""
LEAST_HOURS = 18
"""A day counts as a whole only with 18 known hours."""
NAMES = tuple(f"g2.h{h:02d}.{name}" for h in range(24) for name in kernels.PER_HOUR) + tuple(
    f"g2.{name}" for name in kernels.PER_METER
)


def weekend_days(days: NDArray[np.datetime64]) -> NDArray[np.bool_]:
    """``(d,)`` True on Saturdays and Sundays."""
    since_monday = (days.astype("datetime64[D]").astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    weekend: NDArray[np.bool_] = since_monday >= 5
    return weekend


def hourly_features(profiles: LoadProfiles, power: NDArray[np.float32] | None = None) -> FeatureTable:
    """Level, spread and trend of each clock hour (local time), and what days have in common.

    "Own mean" is the mean size, without sign, of the meter's hourly powers.

    - ``hHH.mean``, ``hHH.std``: over the days, divided by the own mean.
    - ``hHH.slope``: change per 30 days, divided by the own mean: the median of the differences between
      days one lag apart (Theil's incomplete method, *Proc. K. Ned. Akad. Wet.* 1950, with like
      weekdays, see ``kernels.trend_lag``). The lag is about half of the meter's own first to last
      day; from 60 weeks on it is 52 weeks, so that seasons cancel; below, they do not. NaN under 28 days.
    - ``stability``: median, over the days, of the correlation of the day's 24 powers with the median
      profile. Days without any variation have none.
    - ``level_kw``: mean power in kW, with sign.
    - ``night_share`` (00-06), ``evening_share`` (17-22): share of the mean day's energy.
    - ``load_factor``: median over the days of the day's mean over its highest hour.
    - ``weekend_ratio``: mean day of Saturdays and Sundays over mean day of the others.

    NaN where there are fewer days or hours than ``LEAST_DAYS``, ``LEAST_HOURS`` (2 weekend and 5 other
    days for the ratio), and in all but the level for a meter that only reads zero.

    Args:
        profiles: the cube, ``kwh`` ``(n, d, s)``.
        power: ``kernels.hourly_power(profiles.kwh)`` where it is at hand already.
    """
    if power is None:
        power = kernels.hourly_power(profiles.kwh)
    per_hour, per_meter = kernels.hourly(power, weekend_days(profiles.days), LEAST_DAYS, LEAST_HOURS)
    values = np.concatenate([per_hour.reshape(len(profiles), 24 * len(kernels.PER_HOUR)), per_meter], axis=1)
    return FeatureTable(profiles.meter_ids, NAMES, values)
