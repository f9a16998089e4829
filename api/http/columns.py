"""JSON column arrays -> cubes: ``{"readings": [{"meter_id", "start", "step_minutes", "kwh": [...]}]}``.

The values of an entry follow one another in time: each interval begins where the one before ends, so that a
local day on which the clock changes has one hour more or less of them. ``null`` is a missing reading. Numbers
are numbers: no NaN, no infinity, no booleans, no texts.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, FailFast, Field, ValidationError

from api.http.problems import malformed, refused, too_large
from api.http.settings import MEBIBYTE, Settings
from loadprofile.cube import CubeBuilder, Intake
from loadprofile.ingest.clock import FIRST_YEAR, LAST_YEAR, clock_of
from loadprofile.ingest.readings import Readings, RejectLog, RowCounts, Vocabulary
from loadprofile.profiles import TALLY, LoadProfiles

MOST_FIELDS = 500_000
"""Names in a large body, at most: legal bodies have few, and each unknown one costs an error message."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SLACK = 200_000
_UNIT: dict[str, Callable[[int], float]] = {
    "kWh": lambda _: 1.0, "Wh": lambda _: 1e-3, "kW": lambda step: step / 60.0
}  # fmt: skip

Number = Annotated[float, Field(allow_inf_nan=False)]


def _printable(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("control characters, or blanks at an end")
    return text


Printable = Annotated[str, AfterValidator(_printable)]
"""A text without control characters (numpy would drop a NUL in silence, PostgreSQL would refuse it)."""


class Strict(BaseModel):
    """A body: exact types, no unknown names."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class Column(Strict):
    """Readings of one meter, one after another."""

    meter_id: Annotated[Printable, Field(min_length=1, max_length=200)]
    start: Annotated[
        str,
        Field(
            max_length=40, description="Start of the first interval, ISO 8601; without offset: local time."
        ),
    ]
    step_minutes: Literal[15, 30, 60]
    kwh: Annotated[
        list[Number | None],
        FailFast(),
        Field(min_length=1, description="One value each step; null: missing."),
    ]
    timezone: Annotated[
        str | None, Field(max_length=64, description="Zone of the meter's days, if not that of the request.")
    ] = None


class ReadingsBody(Strict):
    """A submission."""

    readings: Annotated[list[Column], FailFast(), Field(min_length=1, max_length=50_000)]


@dataclass(frozen=True, eq=False, slots=True)
class _Entry:
    """One checked entry: instants of its intervals, in minutes since 1970 (UTC)."""

    meter_id: str
    zone: str
    step: int
    begin: int
    kwh: NDArray[np.float32]
    number: int
    first_day: int
    last_day: int
    plain: bool

    @property
    def kind(self) -> tuple[int, str]:
        return self.step, self.zone


def parsed(data: bytes) -> ReadingsBody:
    """The body, checked.

    Raises:
        ProblemError: 422 with the places that are wrong.
    """
    if len(data) > MEBIBYTE and data.count(b'":') > MOST_FIELDS:
        raise refused("more names than any submission has")
    try:
        return ReadingsBody.model_validate_json(data)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise malformed(found, error.error_count()) from None


def cubes_of(body: ReadingsBody, timezone: str, unit: str, settings: Settings) -> Intake:
    """The cubes of a submission, and the account of its values.

    Raises:
        ProblemError: 422 for a time or zone that is none, 413 for too much.
    """
    if sum(len(c.kwh) for c in body.readings) > settings.max_rows:
        raise too_large(f"more than {settings.max_rows:,} readings are not taken at once")
    entries = [_entry(column, at, timezone, unit) for at, column in enumerate(body.readings)]
    clusters = _clusters(entries)
    spans = [(min(e.first_day for e in own), max(e.last_day for e in own)) for own in clusters]
    names = [list(dict.fromkeys(e.meter_id for e in own)) for own in clusters]
    cells = sum(
        len(ids) * (high - low + 1) * (1440 // own[0].step)
        for own, ids, (low, high) in zip(clusters, names, spans, strict=True)
    )
    if sum(map(len, names)) > settings.max_meters or cells > settings.max_cells:
        raise too_large("too many meters, or readings that lie too far apart; send them in parts")
    log, off_grid = RejectLog(), 0
    cubes: list[LoadProfiles] = []
    for own, ids, (low, high) in zip(clusters, names, spans, strict=True):
        if len(ids) == len(own) and all(e.plain for e in own):
            cubes.append(_placed(own, low, high))
        else:
            cube, lost = _built(own, ids, low, high, log)
            cubes.append(cube)
            off_grid += lost
    total = sum((cube.row_tally.sum(axis=0) for cube in cubes), np.zeros(len(TALLY), dtype=np.int64))
    part = {name: int(total[at]) for at, name in enumerate(TALLY)}
    counts = RowCounts(
        sum(len(e.kwh) for e in entries), part["used"], part["folded"], part["duplicate"],
        part["conflicting"], part["missing"], off_grid,
    )  # fmt: skip
    return Intake(tuple(cubes), counts, tuple(log.kept))


def _entry(column: Column, at: int, timezone: str, unit: str) -> _Entry:
    where = f"readings.{at}"
    zone = column.timezone or timezone
    begin = _instant(column.start, zone, where)
    try:  # one float after another, four times as fast as numpy's own way through a list
        values = np.frombuffer(struct.pack(f"{len(column.kwh)}d", *column.kwh), dtype=np.float64)
    except struct.error:
        values = np.array(column.kwh, dtype=np.float64)
    with np.errstate(over="ignore"):
        kwh = (values * _UNIT[unit](column.step_minutes)).astype(np.float32)
    if np.isinf(kwh).any():
        raise refused(f"{where}.kwh: a value is too large for an energy")
    clock = clock_of(zone)
    end = begin + column.step_minutes * (len(kwh) - 1)
    turns = np.searchsorted(clock.at, [begin, end], side="right")
    first, last = begin + int(clock.offset[turns[0]]), end + int(clock.offset[turns[1]])
    if not _day(FIRST_YEAR) <= first // 1440 or not last // 1440 < _day(LAST_YEAR + 1):
        raise refused(f"{where}: readings lie within the years {FIRST_YEAR} to {LAST_YEAR}")
    if first % column.step_minutes:
        raise refused(f"{where}.start: not on the grid of {column.step_minutes} minutes from midnight")
    near = np.searchsorted(clock.at, [begin - 240, end + 240], side="right")
    return _Entry(
        column.meter_id, zone, column.step_minutes, begin, kwh, at + 1, min(first, last) // 1440,
        max(first, last) // 1440, bool(near[0] == near[1]),
    )  # fmt: skip


def _day(year: int) -> int:
    return (datetime(year, 1, 1, tzinfo=UTC) - _EPOCH).days


def _instant(text: str, zone: str, where: str) -> int:
    """Minutes since 1970 (UTC) of a start; of an hour that the clock shows twice the first pass is meant."""
    try:
        info = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise refused(f"{where}.timezone: no such time zone; use a name such as Europe/London") from None
    try:
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=info)
        since = aware.astimezone(UTC) - _EPOCH
        skipped = moment.tzinfo is None and (_EPOCH + since).astimezone(info).replace(tzinfo=None) != moment
    except (ValueError, OverflowError):
        raise refused(f"{where}.start: not an ISO 8601 time, such as 2024-01-01T00:00+01:00") from None
    if skipped:
        raise refused(f"{where}.start: a time that the clock of {zone} skipped")
    minutes, rest = divmod(since, timedelta(minutes=1))
    if rest:
        raise refused(f"{where}.start: not on a whole minute")
    return minutes


def _clusters(entries: Sequence[_Entry]) -> list[list[_Entry]]:
    """Meters over about the same days together, so that no cube is much larger than its readings."""
    by_meter: dict[tuple[tuple[int, str], str], list[_Entry]] = {}
    for entry in entries:
        by_meter.setdefault((entry.kind, entry.meter_id), []).append(entry)
    meters = sorted(
        by_meter.values(),
        key=lambda own: (own[0].kind, min(e.first_day for e in own), max(e.last_day for e in own)),
    )
    out: list[list[_Entry]] = []
    kind, low, high, names, values = (0, ""), 0, 0, 0, 0
    for own in meters:
        first, last = min(e.first_day for e in own), max(e.last_day for e in own)
        more = sum(len(e.kwh) for e in own)
        span = (max(high, last) - min(low, first) + 1) * (1440 // own[0].step)
        if out and own[0].kind == kind and (names + 1) * span <= 2 * (values + more) + _SLACK:
            out[-1] += own
            low, high, names, values = min(low, first), max(high, last), names + 1, values + more
        else:
            out.append(list(own))
            kind, low, high, names, values = own[0].kind, first, last, 1, more
    return out


def _placed(cluster: Sequence[_Entry], low: int, high: int) -> LoadProfiles:
    """Meters with one entry each and no change of the clock in it: values go in as they stand."""
    step, zone = cluster[0].kind
    kwh = np.full((len(cluster), high - low + 1, 1440 // step), np.nan, dtype=np.float32)
    tally = np.zeros((len(cluster), len(TALLY)), dtype=np.int64)
    clock = clock_of(zone)
    for row, entry in enumerate(cluster):
        wall = entry.begin + int(clock.offset[np.searchsorted(clock.at, entry.begin, side="right")])
        at = (wall - low * 1440) // step
        kwh[row].reshape(-1)[at : at + len(entry.kwh)] = entry.kwh
        missing = int(np.isnan(entry.kwh).sum())
        tally[row, TALLY.index("missing")] = missing
        tally[row, TALLY.index("used")] = len(entry.kwh) - missing
        tally[row, TALLY.index("negative")] = int((entry.kwh < 0).sum())
    days = np.arange(low, high + 1).astype("datetime64[D]")
    exists = clock.exists(low, high - low + 1, step)
    return LoadProfiles(
        np.array([e.meter_id for e in cluster], dtype=np.str_), days, kwh, step, zone, exists, tally
    )


def _built(
    cluster: Sequence[_Entry], names: Sequence[str], low: int, high: int, log: RejectLog
) -> tuple[LoadProfiles, int]:
    """All other meters, reading by reading: repeated hours are folded, repeats and conflicts counted."""
    step, zone = cluster[0].kind
    builder = CubeBuilder(step, zone, len(names))
    builder.reserve(1, low, high)
    vocabulary = Vocabulary()
    vocabulary.codes(names)
    clock, lost = clock_of(zone), 0
    for entry in cluster:
        n = len(entry.kwh)
        wall, fold = clock.from_utc(entry.begin + step * np.arange(n, dtype=np.int64))
        rows = np.full(n, vocabulary.code(entry.meter_id), dtype=np.int32)
        chunk = Readings(
            vocabulary, rows, (wall // 1440).astype(np.int32), (wall % 1440).astype(np.int16), fold,
            entry.kwh, np.full(n, entry.number, dtype=np.int64), "body",
        )  # fmt: skip
        lost += builder.add(chunk, rows, log)
    cube, late = builder.finish(list(names), log)
    return cube, lost + late
