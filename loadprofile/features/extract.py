"""Everything that can be said about a meter from its own readings: one row of features per meter."""

from __future__ import annotations

from loadprofile.features import kernels
from loadprofile.features.distribution import distribution_features
from loadprofile.features.hourly import hourly_features
from loadprofile.features.integrity import integrity_features
from loadprofile.features.ordering import in_rows
from loadprofile.features.seasonal import seasonal_features
from loadprofile.features.table import FeatureTable, below, beside
from loadprofile.features.traces import trace_features
from loadprofile.profiles import LoadProfiles

BATCH = 64
"""Meters at a time: their readings, in order of time and of size, stay in the processor's cache."""


def describe(profiles: LoadProfiles, hemisphere: str = "north") -> FeatureTable:
    """Groups ``g1``, ``g2``, ``g3`` and ``integrity`` (with its ``when``) of each meter, side by side.

    A meter's row depends on nothing but that meter's readings and the cube's days: not on the other
    meters, their order or their number. Days before or after all readings change nothing in ``g1..g3``;
    in ``integrity`` they count, for there the cube's days are the span a meter should have covered.

    Args:
        profiles: the cube, ``kwh`` ``(n, d, s)`` in kWh.
        hemisphere: ``"north"`` or ``"south"``; it names the seasons of ``g3``.

    Returns:
        ``(n, k)``; NaN = cannot be told from what is there.

    Raises:
        OptionError: for another hemisphere.
    """
    if len(profiles) <= BATCH:
        return _describe(profiles, hemisphere)
    return below([_describe(batch, hemisphere) for batch in profiles.batches(BATCH)])


def _describe(profiles: LoadProfiles, hemisphere: str) -> FeatureTable:
    power = kernels.hourly_power(profiles.kwh)
    ordered = in_rows(profiles.kwh)
    integrity = integrity_features(profiles, ordered)
    return beside(
        [
            distribution_features(profiles, ordered),
            hourly_features(profiles, power),
            seasonal_features(profiles, hemisphere, power),
            integrity,
            trace_features(profiles, integrity.column("integrity.grid_step_kwh")),
        ]
    )
