"""What is known beside the readings: events, registers, outages, bills, feeders, facts, holidays, weather.

Small tables, CSV or Parquet, read whole into pandas frames with checked columns. A row that cannot be read
is listed and counted, never dropped in silence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from loadprofile.errors import ShapeError, UnreadableFileError
from loadprofile.ingest.clock import clock_of
from loadprofile.ingest.columns import distinct, number_column, resolve, time_column
from loadprofile.ingest.readings import REJECTS_KEPT, Reject, shorten
from loadprofile.ingest.stamps import UNREAD, StampReader
from loadprofile.ingest.tables import Table, dayfirst, open_tables


@dataclass(frozen=True, eq=False, slots=True)
class Context:
    """One context table.

    Attributes:
        frame: the good rows; times are naive local minutes (``datetime64[s]``), texts ``str``.
        read: rows read.
        rejected: rows turned away; ``read == len(frame) + rejected`` always holds.
        rejects: the first of them.
    """

    frame: pd.DataFrame
    read: int
    rejected: int
    rejects: tuple[Reject, ...]

    def __post_init__(self) -> None:
        if self.read != len(self.frame) + self.rejected:
            raise ShapeError("rows read", self.read, len(self.frame) + self.rejected)


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of a context table: text, time or number; ``default`` None means that it must be there."""

    kind: str
    default: object = None
    may_be_empty: bool = False


_EVENTS = {
    "meter_id": _Column("text"),
    "timestamp": _Column("time"),
    "code": _Column("text"),
    "vocabulary": _Column("text", "", may_be_empty=True),
}
_REGISTERS = {
    "meter_id": _Column("text"),
    "timestamp": _Column("time"),
    "register_kwh": _Column("number"),
    "multiplier": _Column("number", 1.0, may_be_empty=True),
}
_OUTAGES = {
    "meter_id": _Column("text"),
    "start": _Column("time"),
    "end": _Column("time", may_be_empty=True),
}
_TOPOLOGY = {"meter_id": _Column("text"), "feeder_id": _Column("text")}
_HOLIDAYS = {"date": _Column("time"), "name": _Column("text", "", may_be_empty=True)}
_WEATHER = {
    "timestamp": _Column("time"),
    "temperature_c": _Column("number"),
    "irradiance": _Column("number", math.nan, may_be_empty=True),
}

COLDEST, WARMEST = -60.0, 60.0
"""Outdoor temperatures in degrees Celsius beyond which no inhabited place goes."""

BRIGHTEST = 1600.0
"""W/m2: the sun gives 1361 above the air; edges of clouds add a little for minutes."""

DARKEST = -20.0
"""W/m2: instruments read a few watts below zero by night; such values are taken as 0."""

WRONG_UNIT = 0.01
"""Where a larger share of a file's temperatures cannot be, the unit is wrong and none is to be trusted."""
_NO_NUMBER = _Column("number", float("nan"), may_be_empty=True)
_NO_TEXT = _Column("text", "", may_be_empty=True)
_INVOICES = {
    "meter_id": _Column("text"),
    "first_day": _Column("time"),
    "last_day": _Column("time"),
    "kwh": _NO_NUMBER,
    "amount": _NO_NUMBER,
    "currency": _NO_TEXT,
    "basis": _NO_TEXT,
}
_METERS = {
    "meter_id": _Column("text"),
    "tariff": _NO_TEXT,
    "category": _NO_TEXT,
    "latitude": _NO_NUMBER,
    "longitude": _NO_NUMBER,
    "timezone": _NO_TEXT,
}


def read_events(path: Path, timezone: str = "UTC", column_map: Mapping[str, str] | None = None) -> Context:
    """Meter events: ``meter_id, timestamp, code``; ``vocabulary``, if there, says whose codes they are."""
    return _read(path, _EVENTS, timezone, column_map)


def read_registers(path: Path, timezone: str = "UTC", column_map: Mapping[str, str] | None = None) -> Context:
    """Cumulative registers: ``meter_id, timestamp, register_kwh`` and, if there, ``multiplier`` (else 1)."""
    return _read(path, _REGISTERS, timezone, column_map)


def read_outages(path: Path, timezone: str = "UTC", column_map: Mapping[str, str] | None = None) -> Context:
    """Known supply interruptions: ``meter_id, start, end``; an empty end means that it lasts still."""
    return _read(path, _OUTAGES, timezone, column_map, _ordered)


def read_topology(path: Path, column_map: Mapping[str, str] | None = None) -> Context:
    """Which feeder each meter hangs on: ``meter_id, feeder_id``; a second feeder for a meter is rejected."""
    return _read(path, _TOPOLOGY, "UTC", column_map, _one_feeder)


def read_holidays(path: Path, column_map: Mapping[str, str] | None = None) -> Context:
    """Days off that hold for all meters: ``date`` and, if there, ``name``; one row a day.

    A time of day other than midnight and a date that stands there already are rejected.
    """
    return _read(path, _HOLIDAYS, "UTC", column_map, _whole_days)


def read_weather(path: Path, timezone: str = "UTC", column_map: Mapping[str, str] | None = None) -> Context:
    """Outdoor weather of one place: ``timestamp, temperature_c`` and, if there, ``irradiance``.

    Degrees Celsius; irradiance is global horizontal, W/m2, an empty cell of it is unknown. Any step up to a
    day; a time stamp is the start of its interval. Rows are sorted by time. Rejected: temperatures outside
    -60..60, irradiance outside -20..1600 (small negatives become 0), a time that stands there already.

    Raises:
        UnreadableFileError: also where three temperatures and more than one in a hundred are impossible
            (another unit), or where the step is longer than a day.
    """
    found = _read(path, _WEATHER, timezone, column_map, _possible_weather)
    hot = sum(reject.reason == _NO_TEMPERATURE for reject in found.rejects)
    if hot >= 3 and hot > WRONG_UNIT * found.read:
        reason = f"{hot} of {found.read} rows: {_NO_TEMPERATURE}; is it in degrees Fahrenheit or kelvin?"
        raise UnreadableFileError(path, reason)
    frame = found.frame.sort_values("timestamp", ignore_index=True)
    frame["irradiance"] = frame["irradiance"].clip(lower=0.0)
    steps = np.diff(frame["timestamp"].to_numpy().astype("datetime64[m]").astype(np.int64))
    if len(steps) and np.median(steps) > 1440:
        reason = f"one row every {np.median(steps) / 1440:.3g} days; a day is the most"
        raise UnreadableFileError(path, reason)
    return replace(found, frame=frame)


_NO_TEMPERATURE = f"a temperature outside {COLDEST:.0f} to {WARMEST:.0f} degrees Celsius"


def read_invoices(path: Path, column_map: Mapping[str, str] | None = None) -> Context:
    """Bills: ``meter_id, first_day, last_day`` (included), ``kwh, amount, currency, basis`` where known."""
    return _read(path, _INVOICES, "UTC", column_map, _days_in_order)


def read_meters(path: Path, column_map: Mapping[str, str] | None = None) -> Context:
    """Facts of meters: ``meter_id`` and, where known, ``tariff, category, latitude, longitude, timezone``."""
    return _read(path, _METERS, "UTC", column_map, _on_the_globe)


_Check = Callable[[pd.DataFrame], NDArray[np.object_]]


def _whole_days(frame: pd.DataFrame) -> NDArray[np.object_]:
    reason = np.where(frame.duplicated("date").to_numpy(), "the date stands there already", "").astype(object)
    reason[(frame["date"] != frame["date"].dt.normalize()).to_numpy()] = "a time of day in place of a date"
    return reason


def _possible_weather(frame: pd.DataFrame) -> NDArray[np.object_]:
    degrees, light = frame["temperature_c"].to_numpy(), frame["irradiance"].to_numpy()
    reason = np.full(len(frame), "", dtype=object)
    reason[(light < DARKEST) | (light > BRIGHTEST)] = (
        f"an irradiance outside {DARKEST:.0f} to {BRIGHTEST:.0f} W/m2"
    )
    reason[(degrees < COLDEST) | (degrees > WARMEST)] = _NO_TEMPERATURE
    good = frame[reason == ""]
    again = good.duplicated("timestamp").to_numpy()
    words = np.where(good.duplicated().to_numpy(), "stands there twice", "conflicts with an earlier row")
    reason[reason == ""] = np.where(again, words, "")
    return reason


def _ordered(frame: pd.DataFrame) -> NDArray[np.object_]:
    backwards = (frame["end"] < frame["start"]).to_numpy()
    return np.where(backwards, "ends before it starts", "").astype(object)


def _days_in_order(frame: pd.DataFrame) -> NDArray[np.object_]:
    backwards = (frame["last_day"] < frame["first_day"]).to_numpy()
    return np.where(backwards, "ends before it begins", "").astype(object)


def _on_the_globe(frame: pd.DataFrame) -> NDArray[np.object_]:
    off = (frame["latitude"].abs() > 90.0) | (frame["longitude"].abs() > 180.0)
    return np.where(off.to_numpy(), "not on the globe: degrees north and east are needed", "").astype(object)


def _one_feeder(frame: pd.DataFrame) -> NDArray[np.object_]:
    first = frame.groupby("meter_id")["feeder_id"].transform("first")
    reason = np.where(frame.duplicated().to_numpy(), "stands there twice", "").astype(object)
    reason[(frame["feeder_id"] != first).to_numpy()] = "the meter is on another feeder already"
    return reason


def _read(
    path: Path,
    columns: Mapping[str, _Column],
    timezone: str,
    column_map: Mapping[str, str] | None,
    check: _Check | None = None,
) -> Context:
    """Read a context table.

    Raises:
        UnreadableFileError: for a file that is not there, empty, damaged or no table.
        MissingColumnsError: when a needed column is not there.
    """
    if not path.is_file():
        raise UnreadableFileError(path, "no such file")
    read = 0
    rejects: list[Reject] = []
    frames: list[pd.DataFrame] = []
    narrow = sum(column.default is None for column in columns.values()) == 1
    for table in open_tables(path, narrow=narrow):
        known = len(rejects)
        parts = _frames(table, columns, timezone, column_map or {}, rejects)
        read += len(rejects) - known
        for frame, reason, line in parts:
            read += len(frame)
            good = reason == ""
            frames.append(frame[good].assign(_line=line[good]))
            for row in np.flatnonzero(~good):
                text = ",".join(str(value) for value in frame.iloc[row])
                meter = _meter(frame, int(row))
                rejects.append(Reject(table.name, int(line[row]), str(reason[row]), shorten(text), meter))
    whole = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=[*columns, "_line"])
    if check is not None and len(whole):
        reasons = check(whole.drop(columns="_line"))
        for row in np.flatnonzero(reasons != ""):
            text = ",".join(str(value) for value in whole.drop(columns="_line").iloc[row])
            meter = _meter(whole, int(row))
            rejects.append(
                Reject(str(path), int(whole["_line"].iloc[row]), str(reasons[row]), shorten(text), meter)
            )
        whole = whole[reasons == ""]
    frame = whole.drop(columns="_line").reset_index(drop=True)
    return Context(frame, read, len(rejects), tuple(rejects[:REJECTS_KEPT]))


def _meter(frame: pd.DataFrame, row: int) -> str:
    return str(frame["meter_id"].iloc[row]) if "meter_id" in frame.columns else ""


def _frames(
    table: Table,
    columns: Mapping[str, _Column],
    timezone: str,
    column_map: Mapping[str, str],
    rejects: list[Reject],
) -> list[tuple[pd.DataFrame, NDArray[np.object_], NDArray[np.int64]]]:
    need = [name for name, column in columns.items() if column.default is None]
    at = resolve(table.header, column_map, table.name, need)
    plain = [name.casefold() for name in table.header]
    for name, column in columns.items():
        asked = column_map.get(name, name).casefold()
        if column.default is not None and asked in plain:
            at[name] = plain.index(asked)
    times = [i for name, i in at.items() if columns[name].kind == "time"]
    by_day = dayfirst(table, times[0], None) if times else None
    reader = StampReader(clock_of(timezone), by_day)
    texts = frozenset(i for name, i in at.items() if columns[name].kind != "number")
    out = []
    for block, _ in table.blocks(texts, tuple(sorted(set(at.values())))):
        for line, why, text in block.bad:
            rejects.append(Reject(table.name, line, why, shorten(text)))
        reason: NDArray[np.object_] = np.full(len(block.line), "", dtype=object)
        frame: dict[str, object] = {}
        for name, column in columns.items():
            if name not in at:
                frame[name] = np.full(len(block.line), column.default)
                continue
            take = partial(_TAKE[column.kind], block.table.column(str(at[name])), table, reader)
            values, wrong = take(column)
            frame[name] = values
            reason = np.where(reason == "", wrong, reason)
        out.append((pd.DataFrame(frame), reason, block.line))
    return out


_Taken = tuple[object, NDArray[np.object_]]


def _take_text(column: pa.ChunkedArray, _table: Table, _reader: StampReader, spec: _Column) -> _Taken:
    words, at = distinct(column)
    values = np.array([(word or "").strip() for word in words], dtype=object)[at]
    wrong = np.where((values == "") & (not spec.may_be_empty), "an empty cell", "").astype(object)
    return values, wrong


def _take_time(column: pa.ChunkedArray, table: Table, reader: StampReader, spec: _Column) -> _Taken:
    stamps = time_column(column, reader, table.name)
    values = np.where(stamps.good, stamps.wall, np.iinfo(np.int64).min).astype("datetime64[m]")
    wrong = stamps.reason.copy()
    if spec.may_be_empty:
        wrong[(stamps.wall == UNREAD) & (wrong == "no time stamp")] = ""
    return values.astype("datetime64[s]"), wrong


def _take_number(column: pa.ChunkedArray, table: Table, _reader: StampReader, spec: _Column) -> _Taken:
    values, wrong = number_column(column, table.decimal)
    reasons = np.full(len(values), "", dtype=object) if wrong is None else wrong.copy()
    empty = np.isnan(values) & (reasons == "")
    if spec.may_be_empty:
        values = np.where(empty, 1.0 if spec.default is None else float(str(spec.default)), values)
    else:
        reasons[empty] = "an empty cell"
    return values, reasons


_TAKE = {"text": _take_text, "time": _take_time, "number": _take_number}
