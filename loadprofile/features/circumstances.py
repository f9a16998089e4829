"""What the optional inputs say about a time span of each meter: outages, events, registers.

Every function gives NaN where its input was not given or the span is unknown; "no outage known" (0)
and "outages not given" (NaN) are different answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadprofile.features.population import Population

Floats = NDArray[np.float64]
Moments = NDArray[np.datetime64]
NEAR = np.timedelta64(3 * 1440, "m")
"""Events this close to an onset are taken to belong to it."""


def outage_share(population: Population, first: Moments, last: Moments) -> Floats:
    """Share of each meter's span ``[first, last)`` that lies in its known supply interruptions.

    Args:
        population: with ``context.outages`` (``meter_id, start, end``) or without.
        first: ``(n,)`` datetime64[m].
        last: ``(n,)`` datetime64[m].

    Returns:
        ``(n,)`` float64 in 0..1; overlapping outages count once.
    """
    out = np.full(len(population.profiles), np.nan)
    if population.context.outages is None:
        return out
    known = ~(np.isnat(first) | np.isnat(last)) & (last > first)
    out[known] = 0.0
    for row, rows in _rows_of(population, population.context.outages):
        if not known[row]:
            continue
        starts, ends = _minutes(rows["start"]), _minutes(rows["end"])
        order = np.argsort(starts, kind="stable")
        covered, reached = np.timedelta64(0, "m"), first[row]
        for a, b in zip(starts[order], ends[order], strict=True):
            a, b = max(a, reached), min(b, last[row])  # noqa: PLW2901 - the part not yet counted
            if b > a:
                covered, reached = covered + (b - a), b
        out[row] = covered / (last[row] - first[row])
    return out


def events_near(population: Population, meanings: Iterable[str], moment: Moments) -> Floats:
    """How many events of the given meanings each meter recorded within three days of a moment.

    The meaning of a vendor's code is looked up when the events are read (``meaning`` column); codes are
    never interpreted here.
    """
    events = population.context.events
    out = np.full(len(population.profiles), np.nan)
    if events is None or "meaning" not in events.columns:
        return out
    known = ~np.isnat(moment)
    out[known] = 0.0
    wanted = events[events["meaning"].isin(list(meanings))]
    for row, rows in _rows_of(population, wanted):
        if known[row]:
            out[row] = float((np.abs(_minutes(rows["timestamp"]) - moment[row]) <= NEAR).sum())
    return out


@dataclass(frozen=True, eq=False, slots=True)
class RegisterChecks:
    """The interval readings held against the cumulative register.

    Attributes:
        sum_ratio: ``(n,)`` median of interval sum / register difference over complete windows; 1 = agrees.
        windows: ``(n,)`` number of complete windows compared.
        gap_advance: ``(n,)`` what the register advanced during missing intervals / the energy expected
            there: near 1, the meter went on counting (communication fault); near 0, it did not.
        gap_hours: ``(n,)`` hours of missing intervals that lie between two register readings.
    """

    sum_ratio: Floats
    windows: Floats
    gap_advance: Floats
    gap_hours: Floats


def register_checks(population: Population) -> RegisterChecks:
    """Compare each meter's intervals with its register (``meter_id, timestamp, register_kwh[, multiplier]``).

    Windows in which the register went backwards (rollover, exchange) or stood still without a reading
    are left out.
    """
    n = len(population.profiles)
    sum_ratio, windows, advance, hours = (np.full(n, np.nan) for _ in range(4))
    registers = population.context.registers
    if registers is not None:
        profiles = population.profiles
        step = profiles.step_minutes
        start = np.datetime64(profiles.days[0], "m")
        slots = profiles.kwh[0].size if n else 0
        for row, rows in _rows_of(population, registers):
            kwh = profiles.kwh[row].ravel().astype(np.float64)
            lost = np.isnan(kwh) & profiles.exists.ravel()
            usual = np.nanmean(kwh) if not np.isnan(kwh).all() else np.nan
            held = np.concatenate(([0.0], np.cumsum(np.nan_to_num(kwh))))
            gone = np.concatenate(([0], np.cumsum(lost)))
            times = _minutes(rows["timestamp"])
            order = np.argsort(times, kind="stable")
            at = ((times[order] - start) / np.timedelta64(1, "m") / step).astype(np.int64)
            total = _register_kwh(rows)[order]
            inside = (at >= 0) & (at <= slots) & np.isfinite(total)
            at, total = at[inside], total[inside]
            if len(at) < 2:
                continue
            found, missing, advanced = np.diff(held[at]), np.diff(gone[at]), np.diff(total)
            whole = (missing == 0) & (advanced > 0) & (np.diff(at) > 0)
            windows[row] = whole.sum()
            if whole.any():
                sum_ratio[row] = np.median(found[whole] / advanced[whole])
            gaps = (missing > 0) & (advanced >= 0)
            expected = usual * missing[gaps].sum() if gaps.any() else 0.0
            hours[row] = missing[gaps].sum() * step / 60.0
            if expected > 0:
                advance[row] = (advanced[gaps] - found[gaps]).sum() / expected
    return RegisterChecks(sum_ratio, windows, advance, hours)


def _register_kwh(rows: pd.DataFrame) -> Floats:
    total = rows["register_kwh"].to_numpy(dtype=np.float64)
    if "multiplier" in rows.columns:
        total = total * rows["multiplier"].fillna(1.0).to_numpy(dtype=np.float64)
    return np.asarray(total)


def _minutes(column: pd.Series) -> Moments:
    """Timestamps as datetime64[m]; the slots are local wall-clock time, so a zone is dropped, not shifted."""
    stamps = pd.to_datetime(column)
    if stamps.dt.tz is not None:
        stamps = stamps.dt.tz_localize(None)
    return stamps.to_numpy().astype("datetime64[m]")


def _rows_of(population: Population, frame: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame]]:
    """The rows of a frame for each meter of the batch that has any."""
    at = {meter: i for i, meter in enumerate(population.profiles.meter_ids.tolist())}
    mine = frame[frame["meter_id"].astype(str).isin(at.keys())]
    for meter, rows in mine.groupby(mine["meter_id"].astype(str), sort=False):
        yield at[str(meter)], rows
