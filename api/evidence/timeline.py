"""Events, registers, bills, outages and visits of one meter in one order of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from loadprofile.profiles import LoadProfiles
from loadprofile.report.words import figure_of
from loadprofile.store.contexts import contexts, invoices

KINDS = ("event", "register", "bill", "outage", "visit")
MOST = 400
"""Entries of a kind, at most: the last ones."""

OFF_BY = 0.05
"""A bill or a register further off the interval sum than this share is marked."""


def timeline(
    connection: sa.Connection,
    profiles: LoadProfiles,
    meter_id: str,
    reports: Sequence[Mapping[str, Any]] = (),
    as_of: datetime | None = None,
) -> list[dict[str, Any]]:
    """Entries ``kind, from, to, words, odd``, oldest first; moments are local to the meter.

    Registers and bills are set against the sum of the interval readings of the same time, where all of these
    are known: ``odd`` where they are more than ``OFF_BY`` apart.
    """
    known = contexts(connection, [meter_id], timezone=profiles.timezone, as_of=as_of, feeders=False)
    bills = invoices(connection, [meter_id], as_of=as_of)
    sums = _Sums(profiles)
    out = [
        *_events(known.events),
        *_registers(known.registers, sums),
        *_bills(bills, sums),
        *_outages(known.outages),
        *_visits(reports, meter_id),
    ]
    return sorted(out, key=lambda entry: (entry["from"], KINDS.index(entry["kind"])))


class _Sums:
    """Energy between two moments, from interval readings."""

    def __init__(self, profiles: LoadProfiles) -> None:
        self.step = np.timedelta64(profiles.step_minutes, "m")
        self.start = profiles.days[0].astype("datetime64[m]")
        flat = profiles.kwh[0].reshape(-1).astype(np.float64)
        known = np.isfinite(flat) | ~profiles.exists.reshape(-1)
        self.total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(flat))])
        self.known = np.concatenate([[0], np.cumsum(known)])

    def between(self, first: Any, last: Any) -> float | None:
        """Energy (kWh) from ``first`` to ``last``; None where a reading is missing or the span is longer."""
        low, high = (int(np.floor((np.datetime64(at, "m") - self.start) / self.step)) for at in (first, last))
        if low < 0 or high >= len(self.total) or low >= high:
            return None
        if self.known[high] - self.known[low] < high - low:
            return None
        return float(self.total[high] - self.total[low])


def _entry(kind: str, start: Any, end: Any, words: str, *, odd: bool = False) -> dict[str, Any]:
    texts = [str(np.datetime64(at, "m")).replace("T", " ") for at in (start, end)]
    return {"kind": kind, "from": texts[0], "to": texts[1], "words": words, "odd": odd}


def _events(frame: pd.DataFrame | None) -> list[dict[str, Any]]:
    out = []
    for row in _last(frame, "timestamp"):
        meaning = row["meaning"].replace("_", " ") or "unknown code"
        told = f"{meaning} (code {row['code']}{', ' + row['vocabulary'] if row['vocabulary'] else ''})"
        out.append(_entry("event", row["timestamp"], row["timestamp"], told))
    return out


def _registers(frame: pd.DataFrame | None, sums: _Sums) -> list[dict[str, Any]]:
    out = []
    before: Mapping[str, Any] | None = None
    for row in _last(frame, "timestamp"):
        value = row["register_kwh"]
        words, odd = f"register {figure_of(value, 'kWh')}", False
        if before is not None and np.isfinite(value) and np.isfinite(before["register_kwh"]):
            factor = row["multiplier"] if np.isfinite(row["multiplier"]) else 1.0
            advance = (value - before["register_kwh"]) * factor
            words, odd = _against(f"{words}, advanced {figure_of(advance, 'kWh')}", advance,
                                  sums.between(before["timestamp"], row["timestamp"]))  # fmt: skip
        out.append(_entry("register", row["timestamp"], row["timestamp"], words, odd=odd))
        before = row
    return out


def _bills(frame: pd.DataFrame, sums: _Sums) -> list[dict[str, Any]]:
    out = []
    for row in _last(frame, "first_day"):
        end = row["last_day"] + np.timedelta64(1, "D")
        words, odd = _against(
            f"billed {figure_of(row['kwh'], 'kWh')}", row["kwh"], sums.between(row["first_day"], end)
        )
        if isinstance(row["basis"], str):
            words += f" ({row['basis']})"
        if row["amount"] is not None and np.isfinite(row["amount"]):
            words += f", {row['amount']:,.2f} {row['currency'] or ''}".rstrip()
        out.append(_entry("bill", row["first_day"], end, words, odd=odd))
    return out


def _against(words: str, value: float, total: float | None) -> tuple[str, bool]:
    if total is None or not np.isfinite(value):
        return words, False
    off = abs(value - total) > OFF_BY * max(abs(total), 1.0)
    return f"{words}; intervals sum to {figure_of(total, 'kWh')}", off


def _outages(frame: pd.DataFrame | None) -> list[dict[str, Any]]:
    out = []
    for row in _last(frame, "start"):
        lasts = np.isnat(np.datetime64(row["end"]))
        end = row["start"] if lasts else row["end"]
        out.append(_entry("outage", row["start"], end, "known outage, not over" if lasts else "known outage"))
    return out


def _visits(reports: Sequence[Mapping[str, Any]], meter_id: str) -> list[dict[str, Any]]:
    out = []
    for row in reports:
        if row["meter_id"] != meter_id or not row["present"]:
            continue
        day: date = row["visited_on"]
        said = str(row["outcome"]).replace("_", " ")
        out.append(_entry("visit", day.isoformat(), day.isoformat(), f"visit: {said}"))
    return out


def _last(frame: pd.DataFrame | None, by: str) -> list[dict[str, Any]]:
    if frame is None or not len(frame):
        return []
    rows = frame.sort_values(by, kind="stable").tail(MOST)
    moments = {
        str(name): rows[name].to_numpy() for name in rows if str(rows[name].dtype).startswith("datetime64")
    }
    return [
        {**{str(k): v for k, v in row.items()}, **{name: values[i] for name, values in moments.items()}}
        for i, row in enumerate(rows.to_dict("records"))
    ]
