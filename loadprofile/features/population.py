"""Population: everything a sub-detector may look at, for one batch of meters.

Screening is map -> reduce -> map. The facts that need all meters (peer groups, how many meters
did the same in the same slot, cohorts that changed together) are reduced once and travel with
each batch; the cube and the features are the batch's own.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadprofile.errors import ShapeError
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import LoadProfiles


@dataclass(frozen=True, eq=False, slots=True)
class Context:
    """Optional inputs. Each is None when it was not given; a sub-detector says what it missed.

    Attributes:
        events: columns ``meter_id, timestamp, code`` (int) and ``vocabulary``.
        registers: ``meter_id, timestamp, register_kwh, multiplier``.
        outages: known supply interruptions, ``meter_id, start, end``.
        topology: ``meter_id, feeder_id``.
        feeders: readings of the feeder meters (the balance side of the topology).
        holidays: ``date, name``, days off that hold for all meters.
        weather: ``timestamp, temperature_c, irradiance`` (degrees Celsius, W/m2), sorted by time.
        export, reactive: energy sent out and reactive energy of the same meters, kWh and kvarh in
            ``LoadProfiles.kwh``; one cube for each interval length.
    """

    events: pd.DataFrame | None = None
    registers: pd.DataFrame | None = None
    outages: pd.DataFrame | None = None
    topology: pd.DataFrame | None = None
    feeders: LoadProfiles | None = None
    holidays: pd.DataFrame | None = None
    weather: pd.DataFrame | None = None
    export: tuple[LoadProfiles, ...] | None = None
    reactive: tuple[LoadProfiles, ...] | None = None

    def about(self, meter_ids: Collection[str]) -> Context:
        """What bears on some of the meters: rows of theirs, and all that holds for everybody."""
        wanted = set(meter_ids)
        some: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, pd.DataFrame) and "meter_id" in value.columns:
                some[field.name] = value[value["meter_id"].astype(str).isin(wanted)]
            elif isinstance(value, tuple):
                rows = [np.flatnonzero(np.isin(cube.meter_ids, sorted(wanted))) for cube in value]
                some[field.name] = tuple(
                    cube.take(at) for cube, at in zip(value, rows, strict=True) if len(at)
                )
        return replace(self, **some)

    @property
    def has_balances(self) -> bool:
        """Whether meters can be held against the totals of their feeders."""
        return self.topology is not None and self.feeders is not None


@dataclass(frozen=True, eq=False, slots=True)
class Population:
    """One batch of meters with its features and the facts of the whole population.

    Attributes:
        profiles: the batch's cube.
        features: all feature groups of the batch: ``g1 g2 g3 integrity change peers cohort balance
            context when``.
            Columns of the group ``when`` are moments, in days since the population's first day
            (fractions are the time of day); they tell time and never enter a classifier.
        population_size: number of meters in the whole population, this batch included.
        context: the optional inputs.
        incident: ``(n,)`` int64, number of the population incident each meter belongs to, -1 = none
            (``Cohorts.incident``); None where nobody looked.
    """

    profiles: LoadProfiles
    features: FeatureTable
    population_size: int
    context: Context
    incident: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if not np.array_equal(self.profiles.meter_ids, self.features.meter_ids):
            raise ShapeError("features", "other meters or order", "the meters of profiles")
        if self.incident is not None and self.incident.shape != (len(self.profiles),):
            raise ShapeError("incident", self.incident.shape, (len(self.profiles),))

    def moment(self, name: str) -> NDArray[np.datetime64]:
        """A ``when.*`` column as ``(n,)`` datetime64[m]; NaT where the feature is NaN."""
        return moments(
            self.features.column(f"when.{name}"), self.profiles.days[0], self.profiles.step_minutes
        )


def moments(
    days_since: NDArray[np.floating], first: np.datetime64, step_minutes: int
) -> NDArray[np.datetime64]:
    """Days since ``first`` as datetime64[m], rounded to the interval grid; NaN -> NaT.

    The grid matters: float32 features are exact to a few seconds in a year but not in twenty.
    """
    known = np.isfinite(days_since)
    slots = np.rint(np.where(known, days_since, 0.0).astype(np.float64) * (1440 / step_minutes))
    out: NDArray[np.datetime64] = first.astype("datetime64[m]") + (
        slots.astype(np.int64) * step_minutes
    ).astype("timedelta64[m]")
    out[~known] = np.datetime64("NaT")
    return out
