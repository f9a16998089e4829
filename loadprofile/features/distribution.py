"""Feature group 1: how one meter's interval energies are distributed.

After Calamaro, Beck, Ben Melech and Shmilovitz, *Sustainability* 2021, 13(19), 10696, group 1 and
Rule 1: the histogram of an honest customer is made of peaks that are each taller than wide; who
shaves the peak has one that is lower than its width at half height. No earlier time of the same
customer is needed, so theft from the first day can show. A fault in the data chain looks alike:
these numbers describe, they do not accuse.

Where we depart from the paper: it draws counts over kWh, so that "taller than wide" depends on the
units of both axes. Here both are shares: the height is the fullest bin's share of the readings and
the width a share of the meter's own scale, which is its **99 % quantile** (its largest reading where
that quantile is not above zero). So a large and a small customer of the same habits have the same
features, and one wild reading does not squeeze the rest into one bin. Rule 1 is given as the
logarithm of height to width (positive: taller than wide), for a classifier to weigh.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from loadprofile.features import histograms
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import LoadProfiles

BINS = 24
"""Bins of equal width from 0 to the meter's own scale, both ends included."""
LEAST_DAYS = 2
"""A meter needs as many readings as two full days have; below, the group is NaN."""
NAMES = tuple(f"g1.{name}" for name in histograms.COLUMNS) + tuple(f"g1.bin{b:02d}" for b in range(BINS))


def distribution_features(profiles: LoadProfiles, ordered: NDArray[np.float32] | None = None) -> FeatureTable:
    """Histogram and moments of each meter's readings (kWh per interval), on its own scale.

    All are free of scale; shares are of the readings that are there:

    - ``bin00..bin23``: share in each bin; ``under``: below zero; ``over``: above the scale.
    - ``peak_height``: share in the fullest bin. ``half_height_width``: width around the highest bin at
      half its height, as a share of the scale, on the histogram smoothed by (1, 2, 1)/4 and linear
      between bin centres; it ends with the histogram. ``height_to_width``: their quotient, ``rule1``
      its natural logarithm.
    - ``modes``: local maxima of the smoothed histogram that stand out by a tenth of the highest.
    - ``skew``, ``kurtosis`` (0 for a normal distribution): NaN for a meter whose readings are all equal.
    - ``entropy``: of all bins, ``under`` and ``over``; 0 one bin, 1 all alike.
    - ``zero_share``: readings of exactly 0.
    - ``near_peak_share``: readings of at least 90 % of the peak; the peak is the 99.9 % quantile, for
      one wild reading must not set it. ``peak_to_mean``: that peak over the mean size of a reading.
    - ``q05_rel``, ``q95_rel``: quantiles over the mean size (without sign) of a reading.

    NaN: everything below two days' worth of readings; what needs a scale for a meter that never reads
    above zero.

    Args:
        profiles: the cube, ``kwh`` ``(n, d, s)``.
        ordered: ``ordering.in_rows(profiles.kwh)`` where it is at hand already.
    """
    least = LEAST_DAYS * profiles.slots_per_day
    values = histograms.distribution(profiles.kwh, BINS, least, ordered)
    return FeatureTable(profiles.meter_ids, NAMES, values)
