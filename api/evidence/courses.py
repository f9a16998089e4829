"""Numbers behind the pictures of one meter: every reading, how often each energy occurs, hours, seasons.

The same quantities that ``loadprofile.figures`` draws, as plain lists for the page's charts.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import orjson
import sqlalchemy as sa
from numpy.typing import NDArray

from loadprofile.errors import NotFoundError
from loadprofile.features.seasonal import SEASONS, season_numbers
from loadprofile.figures.distribution import bins_for, peak_of
from loadprofile.figures.hourly import hourly_power, quantiles
from loadprofile.figures.marks import Marks
from loadprofile.figures.meter import daily_energy, mean_without_nan
from loadprofile.profiles import LoadProfiles
from loadprofile.store.columns import packed
from loadprofile.store.loading import load_profiles

Floats = NDArray[np.float64]


def readings_of(connection: sa.Connection, meter_id: str, as_of: datetime | None = None) -> LoadProfiles:
    """The readings of one meter, as known at a moment; where its interval length changed, the longer part.

    Raises:
        NotFoundError: there are none.
    """
    cubes = load_profiles(connection, [meter_id], as_of=as_of)
    if not cubes:
        raise NotFoundError("readings of meter", meter_id)
    return max(cubes, key=lambda cube: int(np.isfinite(cube.kwh).any(axis=2).sum()))


def packed_readings(profiles: LoadProfiles) -> bytes:
    """All readings of one meter for the heat map, compact.

    Four bytes: length of the header; the header as JSON, padded with blanks so that numbers begin at a
    multiple of four; then ``d x s`` float32 kWh, little-endian, NaN = no reading. A meter-year of half hours
    is 70 kB.
    """
    skipped = np.argwhere(~profiles.exists)
    header = orjson.dumps(
        {
            "first_day": str(profiles.days[0]), "days": len(profiles.days), "slots": profiles.kwh.shape[2],
            "step_minutes": profiles.step_minutes, "timezone": profiles.timezone, "skipped": skipped.tolist(),
        }
    )  # fmt: skip
    header += b" " * (-(4 + len(header)) % 4)
    return struct.pack("<I", len(header)) + header + packed(profiles.kwh[0])


def charts_of(profiles: LoadProfiles, marks: Marks, hemisphere: str = "north") -> dict[str, Any]:
    """What the histogram, the hourly profile and the seasonal boxplots show; JSON values, NaN as None."""
    sides = _sides(profiles, marks)
    return {
        "step_minutes": profiles.step_minutes,
        "histogram": histogram(profiles, sides),
        "hours": hourly(profiles, sides),
        "seasons": seasons(profiles, marks, hemisphere),
    }


Side = tuple[str, NDArray[np.bool_]]


def _sides(profiles: LoadProfiles, marks: Marks) -> list[Side]:
    after = marks.after(profiles.days)
    if not after.any():
        return [("all days", np.ones(len(profiles.days), dtype=np.bool_))]
    before = marks.before(profiles.days)
    named = [("before the onset", before)] if before.any() else []
    return [*named, ("after", after)]


def histogram(profiles: LoadProfiles, sides: Sequence[Side]) -> dict[str, Any]:
    """Share of readings by energy for each side, exact zeros apart, with the main peak of each."""
    kwh = profiles.kwh[0].astype(np.float64)
    readings = [kwh[rows][np.isfinite(kwh[rows])] for _, rows in sides]
    together = np.concatenate(readings)
    together = together[together != 0]
    edges = bins_for(together) if together.size else np.array([0.0, 1.0])
    out = []
    for (name, _), values in zip(sides, readings, strict=True):
        share = np.histogram(values[values != 0], edges)[0] / max(values.size, 1)
        peak = peak_of(share, edges)
        out.append(
            {
                "name": name, "readings": int(values.size), "share": _list(share * 100, 4),
                "zero": round(float((values == 0).mean() * 100), 2) if values.size else None,
                "peak": None if peak is None else {
                    "share": round(peak.height * 100, 3), "at": round(peak.at, 5),
                    "width": round(peak.width, 5),
                },
            }
        )  # fmt: skip
    return {"edges": _list(edges, 6), "sides": out}


def hourly(profiles: LoadProfiles, sides: Sequence[Side]) -> list[dict[str, Any]]:
    """Mean power (kW) of each clock hour, and the quartiles over the days, for each side."""
    hours = hourly_power(profiles, 0)
    out = []
    for name, rows in sides:
        low, high = quantiles(hours[rows], (0.25, 0.75))
        mean = mean_without_nan(hours[rows], 0)
        out.append({"name": name, "mean": _list(mean), "low": _list(low), "high": _list(high)})
    return out


def seasons(profiles: LoadProfiles, marks: Marks, hemisphere: str) -> list[dict[str, Any]]:
    """Five numbers of each hour over the days of each season before the onset, and the median after it."""
    hours = hourly_power(profiles, 0)
    season = season_numbers(profiles.days, hemisphere)
    before, after = marks.before(profiles.days), marks.after(profiles.days)
    if not after.any():
        before = np.ones_like(before)
    out = []
    for at, name in enumerate(SEASONS):
        part = hours[before & (season == at)]
        later = hours[after & (season == at)]
        (median,) = quantiles(later, (0.5,)) if len(later) else (np.full(24, np.nan),)
        out.append({"name": name, "boxes": _boxes(part), "after": _list(median)})
    return out


def _boxes(part: Floats) -> list[list[float | None]]:
    """``[low, q1, median, q3, high]`` of each hour; whiskers end at the last day within 1.5 box lengths."""
    if not len(part):
        return [[None] * 5 for _ in range(24)]
    low, median, high = quantiles(part, (0.25, 0.5, 0.75))
    reach = 1.5 * (high - low)
    inside = (part >= low - reach) & (part <= high + reach)
    bottom = np.where(inside, part, np.inf).min(axis=0)
    top = np.where(inside, part, -np.inf).max(axis=0)
    five = np.stack([bottom, low, median, high, top], axis=1)
    return [_list(row) for row in np.where(np.isfinite(five), five, np.nan)]


def daily(profiles: LoadProfiles) -> Mapping[str, Any]:
    """Energy of each day (kWh) with at least half of its readings, scaled to the whole day."""
    return {"first_day": str(profiles.days[0]), "kwh": _list(daily_energy(profiles, 0), 3)}


def _list(values: NDArray[np.floating], places: int = 4) -> list[float | None]:
    return [None if not np.isfinite(v) else round(float(v), places) for v in values]
