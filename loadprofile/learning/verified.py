"""Verdicts from the field as cases: the verified meters as they looked before the visit, among all others.

Nothing from the future: a meter is surveyed on the days up to the visit only, and so is all that is known of
it besides. What a visit repaired would otherwise be what is learned.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadprofile.cases import Cases
from loadprofile.errors import ShapeError
from loadprofile.features.population import Context
from loadprofile.features.table import FeatureTable
from loadprofile.profiles import LoadProfiles
from loadprofile.screening import LEAST_DAYS, can_be_judged, examine, model_inputs, survey
from loadprofile.verdicts import CAUSES, Cause, SubDetector

UNTOUCHED = "untouched"
"""Kind of a meter at which nothing was wrong; never held out as a kind."""


@dataclass(frozen=True, eq=False, slots=True)
class Labels:
    """What visits found.

    Attributes:
        meter_ids: ``(m,)`` str; a meter may have been visited more than once.
        cause: ``(m,)`` str, each one of ``CAUSES``.
        kind: ``(m,)`` str, kind of fraud or fault in the field's words; "" where not told.
        visited_on: ``(m,)`` datetime64[D].
        propensity: ``(m,)`` probability with which the visit was chosen; NaN where nobody drew.

    Raises:
        ShapeError: lengths differ, or a cause is none of the six.
    """

    meter_ids: NDArray[np.str_]
    cause: NDArray[np.str_]
    kind: NDArray[np.str_]
    visited_on: NDArray[np.datetime64]
    propensity: NDArray[np.float64]

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self)[1:]:
            if getattr(self, field.name).shape != self.meter_ids.shape:
                raise ShapeError(field.name, getattr(self, field.name).shape, self.meter_ids.shape)
        strange = set(self.cause.tolist()) - {str(cause) for cause in CAUSES}
        if strange:
            raise ShapeError("cause", sorted(strange), [str(cause) for cause in CAUSES])

    def __len__(self) -> int:
        return len(self.meter_ids)

    def take(self, rows: NDArray[Any]) -> Labels:
        """Some of them (indices or a boolean mask)."""
        values = {field.name: getattr(self, field.name)[rows] for field in dataclasses.fields(self)}
        return Labels(**values)


def is_held_out(meter_ids: NDArray[np.str_], share: float = 0.2) -> NDArray[np.bool_]:
    """``(n,)`` whether a home is kept aside for scoring.

    It depends on the id alone, so that no challenger of any generation has learned from these homes, the
    present champion neither.
    """
    cut = int(share * 2**32)
    return np.array(
        [
            int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") < cut
            for name in meter_ids.tolist()
        ],
        dtype=np.bool_,
    )


def looks(visited_on: NDArray[np.datetime64]) -> list[tuple[np.datetime64, NDArray[np.intp]]]:
    """At which days to look back: one for each month of visits, with the rows it serves.

    It is the day before the month's first visit, so that none of its visits is in what is seen.
    """
    months = visited_on.astype("datetime64[M]")
    return [
        (visited_on[rows].min() - np.timedelta64(1, "D"), rows)
        for rows in (np.flatnonzero(months == month) for month in np.unique(months))
    ]


def verified_cases(
    profiles: LoadProfiles,
    labels: Labels,
    detectors: Sequence[SubDetector],
    *,
    context: Context | None = None,
    hemisphere: str = "north",
    source: str = "",
    number: int = -1,
) -> tuple[Cases, NDArray[np.intp]]:
    """Verified meters as they are, seen among all others.

    Args:
        profiles: the population; its last day is before the visits.
        labels: of meters of it; others are left out.
        detectors: the sub-detectors.
        context: what is known besides, also before the visits.
        hemisphere: ``north`` or ``south``.
        source: short name of where the meters are from; by default the interval length.
        number: of the population; below 0, since emulated ones count from 0.

    Returns:
        the cases, and of each the row of ``labels``. Meters with too few readings to be judged are left out.
    """
    place = {name: at for at, name in enumerate(profiles.meter_ids.tolist())}
    rows = np.array([at for at, name in enumerate(labels.meter_ids.tolist()) if name in place], dtype=np.intp)
    measured = survey(profiles, context, hemisphere=hemisphere)
    at = np.array([place[labels.meter_ids[row]] for row in rows], dtype=np.intp)
    judged = can_be_judged(measured.blocks)[at] if len(at) else np.zeros(0, dtype=np.bool_)
    rows, at = rows[judged], at[judged]
    table = model_inputs(measured.features, examine(measured, detectors)).take(at)
    cause = labels.cause[rows]
    told = np.array(
        [f"verified {k}" if k else f"verified {c}" for k, c in zip(labels.kind[rows], cause, strict=True)]
    )
    cases = observed_cases(
        table, cause, np.where(cause == str(Cause.NORMAL), UNTOUCHED, told.astype(np.str_)), profiles,
        source=source or f"{profiles.step_minutes}min", number=number,
    )  # fmt: skip
    return cases, rows


def observed_cases(
    table: FeatureTable,
    cause: NDArray[np.str_],
    kind: NDArray[np.str_],
    profiles: LoadProfiles,
    *,
    source: str,
    number: int,
) -> Cases:
    """Real meters whose cause somebody verified; when it began and what it cost is not known.

    Args:
        table: ``(m, k)`` of these meters, with their own ids.
        cause: ``(m,)``, one of the six each.
        kind: ``(m,)``, in the field's words.
        profiles: the population they were seen in.
        source: short name of where the meters are from.
        number: of the population.
    """
    ids = table.meter_ids
    m = len(ids)
    nat = np.full(m, np.datetime64("NaT", "m"))
    return Cases(
        table=dataclasses.replace(table, meter_ids=np.array([f"{number}:{i}" for i in ids], dtype=np.str_)),
        cause=cause,
        kind=kind,
        home=np.array([f"{source}:{i}" for i in ids], dtype=np.str_),
        source=np.full(m, source),
        onset=nat,
        lost_kwh=np.zeros(m),
        visible=np.full(m, np.nan),
        population=np.full(m, number),
        clarity=np.full(m, np.nan),
        faint=np.zeros(m, dtype=np.bool_),
        end=nat,
        cohort=np.full(m, ""),
        days=np.full(m, len(profiles.days)),
        step_minutes=np.full(m, profiles.step_minutes),
        onset_off=np.full(m, np.nan),
        lost_off=np.full(m, np.nan),
    )


def before(context: Context, end: np.datetime64) -> Context:
    """What was there by the end of a day: later events and readings of registers are left out."""
    limit = (end.astype("datetime64[D]") + np.timedelta64(1, "D")).astype("datetime64[s]")
    cut: dict[str, pd.DataFrame] = {}
    for name, column in (("events", "timestamp"), ("registers", "timestamp"), ("outages", "start")):
        frame = getattr(context, name)
        if frame is not None:
            cut[name] = frame[frame[column].to_numpy() < limit]
    return dataclasses.replace(context, **cut)  # type: ignore[arg-type]


def long_enough(profiles: LoadProfiles) -> bool:
    """Whether anything can be judged on so many days."""
    return len(profiles) > 0 and len(profiles.days) >= LEAST_DAYS
