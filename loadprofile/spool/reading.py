"""Files -> spools: what ``read_profiles`` does for a cube, without ever holding the fleet in memory.

Files of the series layout and large Parquet tables are read part by part (``ingest/parts.py``), each part
with whole meters; what cannot be cut is read whole and then spooled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from loadprofile.cube import Intake, read_profiles, read_tables
from loadprofile.errors import UnreadableFileError
from loadprofile.ingest.options import ReadOptions
from loadprofile.ingest.parts import PART_READINGS, parts_of, size_of
from loadprofile.ingest.readings import REJECTS_KEPT, Reject, RejectLog, RowCounts
from loadprofile.ingest.series import Series, read_series
from loadprofile.ingest.sniff import Sources, sources_of
from loadprofile.profiles import TALLY, LoadProfiles
from loadprofile.spool.store import Spool, SpoolWriter

LARGE = 100_000_000
"""More readings than this (400 MB as a cube; 5,700 half-hourly meter-years) are spooled."""


@dataclass(frozen=True, eq=False, slots=True)
class Spooled:
    """Everything that came out of a reading; as ``Intake``, with the readings on disk.

    Attributes:
        spools: one population per interval length found, finest first.
        counts: what became of every reading; the parts add up.
        rejects: the first rejects and conflicts.
        warnings: sentences for the reader of the report.
    """

    spools: tuple[Spool, ...]
    counts: RowCounts
    rejects: tuple[Reject, ...]
    warnings: tuple[str, ...] = ()

    def intake(self) -> Intake:
        """The same with all readings in memory."""
        cubes = tuple(spool.take(np.arange(len(spool))) for spool in self.spools)
        return Intake(cubes, self.counts, self.rejects, self.warnings)


def must_be_spooled(paths: Sequence[Path], options: ReadOptions, large: int = LARGE) -> bool:
    """Whether the inputs are in the series layout, or show in advance that they are large.

    Raises:
        UnreadableFileError, OptionError: as ``read_profiles``.
    """
    sources = sources_of(paths, options)
    return sources.layout == "series" or size_of(sources) > large


def spool_profiles(
    paths: Sequence[Path],
    options: ReadOptions,
    folder: Path,
    *,
    on_reject: Callable[[Reject], None] | None = None,
    part_readings: int = PART_READINGS,
) -> Spooled:
    """Read files of interval readings into spools in ``folder``.

    A part is read as if it were all there is: a meter with hardly any readings takes the interval of the
    others of its part.

    Raises:
        UnreadableFileError, MissingColumnsError, OptionError: as ``read_profiles``.
    """
    sources = sources_of(paths, options)
    drain = _Drain(folder, RejectLog(on_reject))
    if sources.layout == "series":
        for path in sources.series:
            for series in read_series(path, options, drain.log):
                drain.take_series(series, options)
        drain.counts += RowCounts(read=drain.log.rejected, rejected=drain.log.rejected)
    elif sources.layout == "cer":
        drain.take(read_profiles(paths, options, on_reject=on_reject))
    else:
        for part in parts_of(sources, options, part_readings):
            log = RejectLog(on_reject)
            drain.take(read_tables(Sources(sources.layout, (), part), options, log, lambda _: None))
    return drain.finish(paths[0])


def spool_intake(intake: Intake, folder: Path) -> Spooled:
    """The same from cubes in memory, which the caller may then let go."""
    drain = _Drain(folder, RejectLog())
    drain.take(intake)
    return drain.finish(folder)


class _Drain:
    """Takes what was read, part by part, and keeps the account."""

    def __init__(self, folder: Path, log: RejectLog) -> None:
        self.folder, self.log = folder, log
        self.writers: dict[int, SpoolWriter] = {}
        self.counts = RowCounts()
        self.rejects: list[Reject] = []
        self.warnings: list[str] = []

    def _writer(self, step: int, timezone: str) -> SpoolWriter:
        if step not in self.writers:
            self.writers[step] = SpoolWriter(self.folder / f"{step}-minute.spool", step, timezone)
        return self.writers[step]

    def take(self, intake: Intake) -> None:
        """The cubes of one part; a meter that an earlier part had is turned away."""
        counts = intake.counts
        for cube in intake.profiles:
            writer = self._writer(cube.step_minutes, cube.timezone)
            fresh = np.array([name not in writer for name in cube.meter_ids.tolist()], dtype=np.bool_)
            if not fresh.all():
                counts = self._turned_away(counts, cube.take(np.flatnonzero(~fresh)))
                cube = cube.take(np.flatnonzero(fresh))  # noqa: PLW2901
            if len(cube):
                writer.add(cube)
        self.counts += counts
        self.rejects += intake.rejects[: max(REJECTS_KEPT - len(self.rejects), 0)]
        self.warnings += [w for w in intake.warnings if w not in self.warnings]

    def _turned_away(self, counts: RowCounts, cube: LoadProfiles) -> RowCounts:
        total = dict(zip(TALLY, cube.row_tally.sum(axis=0).tolist(), strict=True))
        part = {"used": "used", "folded": "folded", "missing": "missing", "duplicate": "duplicate",
                "conflicting": "conflicting"}  # fmt: skip
        lost = sum(total[name] for name in part)
        for name in cube.meter_ids.tolist():
            self.rejects.append(Reject("", 0, "a meter of an earlier part", name, name))
        left = {name: getattr(counts, name) - total[name] for name in part}
        return replace(counts, rejected=counts.rejected + lost, **left)

    def take_series(self, series: Series, options: ReadOptions) -> None:
        """Meters of a file with one row each; one that was there already is turned away."""
        writer = self._writer(series.step, options.timezone)
        ids = series.meter_ids.tolist()
        seen: set[str] = set()
        asked = np.array([options.meters is None or name in options.meters for name in ids], dtype=np.bool_)
        fresh = np.array([name not in writer and not (name in seen or seen.add(name)) for name in ids])  # type: ignore[func-returns-value]
        values = series.kwh if series.watt_hours is None else series.watt_hours
        assert values is not None
        cells = values.shape[1]
        for at in np.flatnonzero(~fresh & asked).tolist():
            reason = "a second row of this meter"
            self.log.add(Reject(series.file, int(series.rows[at]), reason, ids[at], ids[at], cells))
        left_out = int((~asked).sum()) * cells
        self.counts += RowCounts(read=left_out, left_out=left_out)
        rows = np.flatnonzero(fresh & asked)
        if len(rows) == 0:
            return
        if series.watt_hours is not None:
            tally = writer.add_watt_hours(series.meter_ids[rows], series.first, series.watt_hours[rows])
        else:
            tally = writer.add_energies(series.meter_ids[rows], series.first, series.energies()[rows])
        used, missing = (int(tally[:, TALLY.index(name)].sum()) for name in ("used", "missing"))
        self.counts += RowCounts(read=used + missing, used=used, missing=missing)

    def finish(self, path: Path) -> Spooled:
        """The spools and the account."""
        self.rejects += self.log.kept
        spools = tuple(writer.finish() for _, writer in sorted(self.writers.items()) if len(writer))
        if not spools:
            why = self.rejects[0].reason if self.rejects else "it holds no readings"
            raise UnreadableFileError(path, f"no meter can be read: {why}")
        return Spooled(spools, self.counts, tuple(self.rejects[:REJECTS_KEPT]), tuple(self.warnings))
