"""Files of interval readings to population cubes: the door between reading and everything after it.

``read_profiles`` reads files of one kind and returns one ``LoadProfiles`` per interval length found, with
the account of every reading. Long and wide files are read twice: once to learn meters, days and intervals
(so that the result does not depend on the order of the rows), once to fill the cube. CER files have a known
interval and are read once. Memory: the cube, one block of it, and one chunk of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadprofile.errors import OptionError, UnreadableFileError
from loadprofile.ingest import scatter as kernel
from loadprofile.ingest.allocations import find_allocations, read_allocations
from loadprofile.ingest.cer import DOUBLED_KWH, ZONE, read_cer
from loadprofile.ingest.clock import clock_of
from loadprofile.ingest.options import ReadOptions
from loadprofile.ingest.readings import (
    ORDINARY,
    Readings,
    Reject,
    RejectLog,
    RowCounts,
    Vocabulary,
    rejects_file,
    write_rejects,
)  # fmt: skip
from loadprofile.ingest.sniff import Sources, sources_of
from loadprofile.ingest.survey import Survey
from loadprofile.profiles import TALLY, LoadProfiles

__all__ = ["Intake", "ReadOptions", "read_profiles", "rejects_file", "write_rejects"]

BLOCK = 256
"""Meters per block of a growing cube (a power of two)."""


@dataclass(frozen=True, eq=False, slots=True)
class Intake:
    """Everything that came out of a reading.

    Attributes:
        profiles: one population per interval length found, finest first.
        counts: what became of every reading; the parts add up.
        rejects: the first rejects and conflicts (all of them go to the writer, if one was given).
        warnings: sentences for the reader of the report.
    """

    profiles: tuple[LoadProfiles, ...]
    counts: RowCounts
    rejects: tuple[Reject, ...]
    warnings: tuple[str, ...] = ()


class CubeBuilder:
    """Takes chunks of readings of meters with one interval length and grows their cube.

    With ``meters`` given there is one block of that many meters. Without, meters lie in blocks of
    ``BLOCK``, so that growing by meters copies nothing and growing by days copies one block at a time.
    Readings of repeated hours (a few per meter and year) wait until the end.
    """

    def __init__(self, step: int, timezone: str, meters: int | None = None) -> None:
        self.step, self.timezone = step, timezone
        self._shape = (BLOCK if meters is None else meters, 1440 // step)
        self._shift = BLOCK.bit_length() - 1 if meters is None else 31
        self._low, self._high = 1 << 30, -(1 << 30)  # days that the blocks have room for: [low, high)
        self._blocks: list[NDArray[np.float32] | None] = []
        self._tallies: list[NDArray[np.int64]] = []
        self._waiting: list[tuple[Readings, NDArray[np.int32]]] = []

    def reserve(self, blocks: int, first_day: int, last_day: int) -> None:
        """Make room for so many blocks and for these days, both included."""
        size, slots = self._shape
        low, high = min(first_day, self._low), max(last_day + 1, self._high)
        if (low, high) != (self._low, self._high):
            for at, block in enumerate(self._blocks):
                assert block is not None
                wider = np.full((size, high - low, slots), np.nan, dtype=np.float32)
                wider[:, self._low - low : self._low - low + block.shape[1]] = block
                self._blocks[at] = wider
            self._low, self._high = low, high
        while len(self._blocks) < blocks:
            self._blocks.append(np.full((size, high - low, slots), np.nan, dtype=np.float32))
            self._tallies.append(np.zeros((size, len(TALLY)), dtype=np.int64))

    def add(self, readings: Readings, rows: NDArray[np.int32], log: RejectLog) -> int:
        """Take the readings whose row is not negative; returns how many were off the grid."""
        ours = rows >= 0
        if not ours.any():
            return 0
        days = readings.day if ours.all() else readings.day[ours]
        self.reserve((int(rows.max()) >> self._shift) + 1, int(days.min()), int(days.max()))
        status = np.full(len(rows), kernel.PASSED, dtype=np.uint8)
        previous = np.zeros(len(rows), dtype=np.float32)
        order, starts = kernel.partition(rows, readings.fold, self._shift, len(self._blocks))
        troubled = 0
        for at, block in enumerate(self._blocks):
            assert block is not None
            part = order[starts[at] : starts[at + 1]]
            if len(part):
                troubled += kernel.scatter(
                    part, rows, readings.day, readings.minute, readings.kwh, at * BLOCK, self._low, self.step,
                    block, self._tallies[at], status, previous,
                )  # fmt: skip
        twice = ours & (readings.fold != ORDINARY)
        if twice.any():
            self._waiting.append((readings.where(twice), rows[twice]))
        return self._report(readings, status, previous, log) if troubled else 0

    def _report(
        self, readings: Readings, status: NDArray[np.uint8], previous: NDArray[np.float32], log: RejectLog
    ) -> int:
        off_grid = status == kernel.OFF_GRID
        for i in np.flatnonzero((status == kernel.CONFLICTING) | off_grid).tolist():
            if log.is_full and not off_grid[i]:
                continue
            meter = readings.vocabulary.names[readings.codes[i]]
            when = np.datetime64(int(readings.day[i]) * 1440 + int(readings.minute[i]), "m")
            text, line = f"{meter} {when} {readings.kwh[i]:.9g}", int(readings.line[i])
            if off_grid[i]:
                reason = f"off the {self.step}-minute grid of this meter"
                log.add(Reject(readings.file, line, reason, text, meter))
            else:
                reason = f"conflicts with {previous[i]:.9g} kWh, already read for this meter and time"
                log.note(Reject(readings.file, line, reason, text, meter))
        return int(off_grid.sum())

    def finish(self, meter_ids: Sequence[str], log: RejectLog) -> tuple[LoadProfiles, int]:
        """The cube with its meters sorted by id, and how many waiting readings were off the grid."""
        n = len(meter_ids)
        order = sorted(range(n), key=lambda row: _natural(meter_ids[row]))
        place = np.empty(n, dtype=np.int32)
        place[order] = np.arange(n, dtype=np.int32)
        low, high = self._low, self._high
        first = self._blocks[0]
        if first is not None and len(first) == n and order == list(range(n)):
            cells, tally = first, self._tallies[0]
        else:
            cells = np.empty((n, high - low, self._shape[1]), dtype=np.float32)
            tally = np.zeros((n, len(TALLY)), dtype=np.int64)
            for at, block in enumerate(self._blocks):
                rows = place[at * BLOCK : min((at + 1) * BLOCK, n)]
                if block is not None:
                    cells[rows] = block[: len(rows)]
                    tally[rows] = self._tallies[at][: len(rows)]
                self._blocks[at] = None  # given back at once: the peak is the cube and one block
        folded = np.zeros(n)
        off_grid = self._settle(place, low, cells, tally, folded, log)
        ids = [meter_ids[row] for row in order]
        tally[:, kernel.T_REJECTED] = [log.by_meter.get(name, 0) for name in ids]
        days = np.arange(low, high).astype("datetime64[D]")
        exists = clock_of(self.timezone).exists(low, high - low, self.step)
        profiles = LoadProfiles(
            np.array(ids, dtype=np.str_), days, cells, self.step, self.timezone, exists, tally, folded
        )
        return profiles, off_grid

    def _settle(
        self, place: NDArray[np.int32], low: int, cells: NDArray[np.float32], tally: NDArray[np.int64],
        folded: NDArray[np.float64], log: RejectLog,
    ) -> int:  # fmt: skip
        """Repeated hours: see ``scatter.fold_repeats``."""
        if not self._waiting:
            return 0
        parts = [readings for readings, _ in self._waiting]
        rows = place[np.concatenate([rows for _, rows in self._waiting])]
        day, minute = np.concatenate([p.day for p in parts]), np.concatenate([p.minute for p in parts])
        fold, kwh = np.concatenate([p.fold for p in parts]), np.concatenate([p.kwh for p in parts])
        status = np.full(len(rows), kernel.PASSED, dtype=np.uint8)
        previous = np.zeros(len(rows), dtype=np.float32)
        order = np.lexsort((minute, day, rows)).astype(np.int64)
        kernel.fold_repeats(
            order, rows, day, minute, fold, kwh, low, self.step, cells, tally, folded, status, previous
        )
        off_grid, at = 0, 0
        for part in parts:
            mine = slice(at, at + len(part))
            off_grid += self._report(part, status[mine], previous[mine], log)
            at += len(part)
        return off_grid


def read_profiles(
    paths: Sequence[Path],
    options: ReadOptions | None = None,
    *,
    on_reject: Callable[[Reject], None] | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Intake:
    """Read files of interval readings into population cubes.

    Args:
        paths: files or folders, all in the same layout.
        options: how to read; by default everything is found out.
        on_reject: called with every reject and conflict (see ``rejects_file``).
        on_progress: called with the share done, 0..1.

    Raises:
        UnreadableFileError: for a file that is empty, cut off, binary or something else.
        MissingColumnsError: for a table without the columns of its layout.
        OptionError: for options that do not go with the files.
    """
    options = options or ReadOptions()
    sources = sources_of([Path(path) for path in paths], options)
    tell = on_progress or (lambda _: None)
    log = RejectLog(on_reject)
    if sources.layout == "cer":
        return _read_cer(sources, paths, options, log, tell)
    if options.customers != "all":
        raise OptionError("customers", options.customers, f"{sources.layout} files have no allocations table")
    if sources.layout == "series":
        raise OptionError("format", "series", "is read by loadprofile.spool (the commands do)")
    return read_tables(sources, options, log, tell)


def _read_cer(
    sources: Sources,
    paths: Sequence[Path],
    options: ReadOptions,
    log: RejectLog,
    tell: Callable[[float], None],
) -> Intake:
    chosen: set[str] | None = None if options.meters is None else set(options.meters)
    homes: set[str] | None = None
    table = options.allocations
    if options.customers != "all":
        table = table or find_allocations([Path(path) for path in paths])
        if table is None:
            raise OptionError("customers", options.customers, "needs the allocations table of the trial")
    if table is not None:
        allocated = read_allocations(table)
        homes = {meter for meter, entry in allocated.items() if entry.kind == "residential"}
        if options.customers != "all":
            kind = {meter for meter, entry in allocated.items() if entry.kind == options.customers}
            chosen = kind if chosen is None else chosen & kind
    vocabulary = Vocabulary()
    builder = CubeBuilder(30, ZONE)
    row_of: list[int] = []  # row in the cube of each code, -1 = not asked for
    names: list[str] = []
    read = off_grid = left_out = 0
    for at, source in enumerate(sources.texts):
        for chunk in read_cer(source, vocabulary, log, options.unit):
            for name in vocabulary.names[len(row_of) :]:
                taken = chosen is None or name in chosen
                row_of.append(len(names) if taken else -1)
                names += [name] if taken else []
            rows = np.array(row_of, dtype=np.int32)[chunk.codes]
            read += len(chunk)
            left_out += int((rows < 0).sum())
            off_grid += builder.add(chunk, rows, log)
            tell((at + chunk.done) / len(sources.texts))
    if not names:
        raise UnreadableFileError(sources.texts[0].name, "none of the meters asked for is in the files")
    profiles, late = builder.finish(names, log)
    counts = _account([profiles], read, left_out, off_grid + late, log)
    warnings = _mostly_lost(counts, log) + (_doubled(profiles, homes) if options.unit == "kWh" else [])
    return Intake((profiles,), counts, tuple(log.kept), tuple(warnings))


def _doubled(profiles: LoadProfiles, homes: set[str] | None) -> list[str]:
    """The unit trap of the trial: see ``loadprofile.ingest.cer``."""
    asked = [row for row, name in enumerate(profiles.meter_ids.tolist()) if homes is None or name in homes]
    some = profiles.kwh[asked[:: len(asked) // 500 + 1]]  # 500 meters tell the median well enough
    yearly = [float(np.nanmean(cells)) * 48 * 365 for cells in some if not np.isnan(cells).all()]
    middle = float(np.median(yearly)) if yearly else 0.0
    if middle <= DOUBLED_KWH:
        return []
    sentence = (
        f"half of the meters use more than {middle:,.0f} kWh a year, about twice what Irish homes use: "
        "if the values are mean power, read them with unit kW"
    )
    return [sentence]


def read_tables(
    sources: Sources, options: ReadOptions, log: RejectLog, tell: Callable[[float], None]
) -> Intake:
    """The same for long and wide tables that were opened already."""
    vocabulary, survey, quiet = Vocabulary(), Survey(), RejectLog(keep=0)
    parts = 2 * len(sources.tables)
    for at, source in enumerate(sources.tables):
        found = 0
        for chunk in source.chunks(vocabulary, quiet):
            _refuse_many("meters", len(vocabulary), options.most_meters)
            survey.add(chunk)
            found += len(chunk)
            tell((at + chunk.done) / parts)
        if not found:
            raise UnreadableFileError(source.table.name, _hopeless(quiet))
    if survey.is_daily():
        raise UnreadableFileError(
            sources.tables[0].table.name, "one reading a day; readings every 15, 30 or 60 minutes are needed"
        )
    names = vocabulary.names
    asked = np.array([options.meters is None or name in options.meters for name in names])
    if not asked.any():
        raise UnreadableFileError(
            sources.tables[0].table.name, "none of the meters asked for is in the files"
        )
    steps = survey.steps(None if options.start is not None else options.step)
    first_day, last_day = survey.window()
    cells = (last_day - first_day + 1) * int((1440 // steps[asked]).sum())
    _refuse_many("cells (meters x days x intervals)", cells, options.most_cells)
    factor = {"kWh": np.ones(len(names)), "Wh": np.full(len(names), 1e-3), "kW": steps / 60.0}[options.unit]
    builders: list[tuple[CubeBuilder, NDArray[np.int32], list[str]]] = []
    for step in np.unique(steps[asked]).tolist():
        members = sorted(np.flatnonzero(asked & (steps == step)), key=lambda code: _natural(names[code]))
        row_of = np.full(len(names), -1, dtype=np.int32)
        row_of[members] = np.arange(len(members), dtype=np.int32)
        builder = CubeBuilder(int(step), options.timezone, len(members))
        builder.reserve(1, first_day, last_day)
        builders.append((builder, row_of, [names[code] for code in members]))
    read = off_grid = left_out = stray = 0
    for at, source in enumerate(sources.tables):
        for chunk in source.chunks(vocabulary, log):
            read += len(chunk)
            tell((len(sources.tables) + at + chunk.done) / parts)
            chunk, lost = _within(chunk, first_day, last_day, log)  # noqa: PLW2901
            stray += lost
            left_out += int((~asked[chunk.codes]).sum())
            if options.unit != "kWh":
                chunk = replace(chunk, kwh=(chunk.kwh * factor[chunk.codes]).astype(np.float32))  # noqa: PLW2901
            for builder, row_of, _ in builders:
                off_grid += builder.add(chunk, row_of[chunk.codes], log)
    done = [builder.finish(ids, log) for builder, _, ids in builders]
    profiles = [cube for cube, _ in done]
    off_grid += stray + sum(late for _, late in done)
    counts = _account(profiles, read, left_out, off_grid, log)
    warnings = _mostly_lost(counts, log)
    if len(profiles) > 1:
        shown = ", ".join(f"{len(cube)} at {cube.step_minutes} minutes" for cube in profiles)
        warnings.append(f"meters with different intervals are judged apart: {shown}")
    return Intake(tuple(profiles), counts, tuple(log.kept), tuple(warnings))


def _refuse_many(what: str, found: int, most: int | None) -> None:
    if most is not None and found > most:
        raise OptionError(
            "input", f"{found:,} {what}", f"at most {most:,} are read at once; send it in parts"
        )


def _within(readings: Readings, first: int, last: int, log: RejectLog) -> tuple[Readings, int]:
    """Turn away readings whose day lies far from all others (see ``Survey.window``)."""
    stray = (readings.day < first) | (readings.day > last)
    if not stray.any():
        return readings, 0
    for i in np.flatnonzero(stray):
        meter, day = readings.vocabulary.names[readings.codes[i]], np.datetime64(int(readings.day[i]), "D")
        reason = "a date more than a year away from all others"
        log.add(Reject(readings.file, int(readings.line[i]), reason, f"{meter} {day}", meter))
    return readings.where(~stray), int(stray.sum())


def _mostly_lost(counts: RowCounts, log: RejectLog) -> list[str]:
    """A warning when more than a tenth of the readings was rejected."""
    if counts.rejected * 10 <= counts.read:
        return []
    share, first = counts.rejected / counts.read, log.kept[0]
    where = f"{first.file}, line {first.line}: {first.reason}"
    return [f"{share:.1%} of all readings were rejected; the first: {where}"]


def _hopeless(log: RejectLog) -> str:
    return f"none of {log.rejected} readings can be read" if log.rejected else "a header and no rows"


def _account(
    profiles: Sequence[LoadProfiles], read: int, left_out: int, turned_away: int, log: RejectLog
) -> RowCounts:
    """The counts of a reading.

    ``read`` are the readings that the readers handed out; to these come the rejects that never became
    readings. ``RowCounts`` checks that the parts, which the kernels counted, add up to this.
    """
    total = sum(cube.row_tally.sum(axis=0) for cube in profiles)
    part = {name: int(total[at]) for at, name in enumerate(TALLY)}
    return RowCounts(
        read + log.rejected - turned_away, part["used"], part["folded"], part["duplicate"],
        part["conflicting"], part["missing"], log.rejected, left_out,
    )  # fmt: skip


def _natural(name: str) -> tuple[int, int, str]:
    """Sorts 2 before 10, and numbers before names."""
    return (0, int(name), name) if name.isascii() and name.isdigit() else (1, 0, name)
