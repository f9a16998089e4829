"""Uploaded files -> cubes: the readers of the command line, behind the checks for files from strangers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from api.http.bodies import ARROW, CSV, JSON, PACKED, PARQUET, Upload
from api.http.bombs import arrow_as_parquet, check_parquet, check_text, unpack
from api.http.columns import cubes_of, parsed
from api.http.problems import ProblemError, refused, too_large
from api.http.settings import Settings
from loadprofile.cube import Intake, read_tables
from loadprofile.errors import InputError, MissingColumnsError, UnreadableFileError
from loadprofile.ingest.clock import FIRST_YEAR, LAST_YEAR, clock_of
from loadprofile.ingest.options import ReadOptions
from loadprofile.ingest.readings import Reject, RejectLog, RowCounts
from loadprofile.ingest.series import Series, read_series
from loadprofile.ingest.sniff import Sources, sources_of
from loadprofile.profiles import TALLY, LoadProfiles
from loadprofile.store.meters import LONGEST_ID

READINGS = (JSON, CSV, PARQUET, ARROW, PACKED)
"""Kinds of bodies that hold readings."""


def checked_files(upload: Upload, settings: Settings) -> list[Path]:
    """The files of an upload, each looked at; texts and Parquet only.

    Raises:
        ProblemError: 413, 415 or 422.
    """
    if upload.kind == ARROW:
        return [arrow_as_parquet(upload.path, settings)]
    files = unpack(upload.path, settings) if upload.kind == PACKED else [upload.path]
    for file in files:
        with file.open("rb") as stream:
            magic = stream.read(4)
        if magic == b"PAR1":
            check_parquet(file, settings)
        elif upload.kind == PARQUET:
            raise refused("not a Parquet file")
        elif magic[:2] in (b"PK", b"\x1f\x8b"):
            raise refused("packed data where a table was announced")
        else:
            check_text(file, settings)
    return files


def cubes_in(upload: Upload, options: ReadOptions, settings: Settings) -> Intake:
    """The readings of an upload in memory.

    Raises:
        ProblemError: with what is wrong, and where.
        OptionError: options that do not go with the input.
    """
    if upload.kind == JSON:
        return cubes_of(parsed(upload.data), options.timezone, options.unit, settings)
    files = checked_files(upload, settings)
    limited = replace(options, most_meters=settings.max_meters, most_cells=settings.max_cells)
    try:
        sources = sources_of(files, limited)
        if sources.layout == "cer":
            raise refused("CER files are read by the command `loadprofile screen`")
        if sources.layout == "series":
            return _series(sources, limited, settings)
        found = read_tables(sources, limited, RejectLog(), lambda _: None)
        return replace(found, warnings=tuple(_placeless(said, upload) for said in found.warnings))
    except InputError as error:
        raise unreadable(error) from None


def _placeless(said: str, upload: Upload) -> str:
    """A warning without where files lie here; of several, packed together, their own names stay."""
    return said.replace(f"{upload.path}, ", "").replace(f"{upload.folder}/", "")


def recordable(intake: Intake) -> Intake:
    """The same without meters whose ids cannot be recorded: their readings are rejected, not everybody's."""
    cubes, rejects = [], list(intake.rejects)
    lost = dict.fromkeys(("used", "folded", "duplicate", "conflicting", "missing"), 0)
    for cube in intake.profiles:
        odd = np.array([not _is_name(name) for name in cube.meter_ids.tolist()], dtype=np.bool_)
        if not odd.any():
            cubes.append(cube)
            continue
        for name in lost:
            lost[name] += int(cube.row_tally[odd, TALLY.index(name)].sum())
        why = "a meter id that is too long or holds control characters"
        rejects += [Reject("", 0, why, name[:80]) for name in cube.meter_ids[odd].tolist()]
        if not odd.all():
            cubes.append(cube.take(np.flatnonzero(~odd)))
    if len(rejects) == len(intake.rejects):
        return intake
    was = intake.counts
    kept = {name: getattr(was, name) - count for name, count in lost.items()}
    counts = replace(was, rejected=was.rejected + sum(lost.values()), **kept)
    return Intake(tuple(cubes), counts, tuple(rejects), intake.warnings)


def _is_name(text: str) -> bool:
    return bool(text.strip()) and text.isprintable() and len(text) <= LONGEST_ID


def unreadable(error: InputError) -> ProblemError:
    """422 for input that cannot be read, without the name that the file has here."""
    if isinstance(error, MissingColumnsError):
        shown = ", ".join(name[:40] for name in error.found[:12])
        return refused(
            f"no column {', '.join(error.missing)}; found: {shown or 'none'}",
            errors=[{"where": name, "reason": "no such column"} for name in error.missing],
        )
    if isinstance(error, UnreadableFileError):
        where = [] if error.line is None else [{"where": f"line {error.line}", "reason": error.reason[:300]}]
        return refused(error.reason[:300], errors=where)
    return refused("the input cannot be read")


def _series(sources: Sources, options: ReadOptions, settings: Settings) -> Intake:
    """Files with one row for each meter: rows alike become one cube."""
    log = RejectLog()
    cubes: list[LoadProfiles] = []
    seen: set[str] = set()
    used = missing = 0
    for path in sources.series:
        for series in read_series(path, options, log):
            rows, wrong = _fresh(series, seen, log)
            if wrong or not len(rows):
                continue
            cube = _cube(series, rows, options.timezone)
            used += int(cube.row_tally[:, TALLY.index("used")].sum())
            missing += int(cube.row_tally[:, TALLY.index("missing")].sum())
            if used + missing > settings.max_rows or len(seen) > settings.max_meters:
                raise too_large(f"more than {settings.max_rows:,} readings are not taken at once")
            cubes.append(cube)
    counts = RowCounts(read=used + missing + log.rejected, used=used, missing=missing, rejected=log.rejected)
    if not cubes:
        reason = log.kept[0].reason if log.kept else "it holds no readings"
        raise refused(f"no meter can be read: {reason}", errors=_listed(log.kept))
    return Intake(tuple(cubes), counts, tuple(log.kept))


def _fresh(series: Series, seen: set[str], log: RejectLog) -> tuple[NDArray[np.intp], bool]:
    """Rows of meters that were not there yet; and whether all of them lie outside the years of meters."""
    values = series.watt_hours if series.kwh is None else series.kwh
    assert values is not None
    days = values.shape[1] * series.step // 1440
    low, high = np.datetime64(FIRST_YEAR - 1970, "Y"), np.datetime64(LAST_YEAR + 1 - 1970, "Y")
    odd = bool(series.first < low or series.first + days > high)
    keep = []
    for at, name in enumerate(series.meter_ids.tolist()):
        why = f"days outside {FIRST_YEAR} to {LAST_YEAR}" if odd else ""
        why = why or ("a second row of this meter" if name in seen else "")
        if why:
            log.add(Reject(series.file, int(series.rows[at]), why, name, name, values.shape[1]))
        else:
            seen.add(name)
            keep.append(at)
    return np.array(keep, dtype=np.intp), odd


def _cube(series: Series, rows: NDArray[np.intp], timezone: str) -> LoadProfiles:
    kwh = series.energies()[rows]
    kwh[np.isinf(kwh)] = np.nan  # as the command line reads them: no readings
    n, d, _ = kwh.shape
    blank = np.isnan(kwh).sum(axis=(1, 2))
    tally = np.zeros((n, len(TALLY)), dtype=np.int64)
    tally[:, TALLY.index("missing")] = blank
    tally[:, TALLY.index("used")] = kwh[0].size - blank
    tally[:, TALLY.index("negative")] = (kwh < 0).sum(axis=(1, 2))
    first = int(series.first.astype("datetime64[D]").astype(np.int64))
    days = np.arange(first, first + d).astype("datetime64[D]")
    exists = clock_of(timezone).exists(first, d, series.step)
    return LoadProfiles(series.meter_ids[rows], days, kwh, series.step, timezone, exists, tally)


def _listed(rejects: Sequence[Reject]) -> list[dict[str, object]]:
    return list(told(rejects))


def told(rejects: Sequence[Reject], most: int = 50) -> Iterator[dict[str, object]]:
    """The first rejects as ``line, reason, text``."""
    for reject in rejects[:most]:
        yield {"line": reject.line, "reason": reject.reason, "text": reject.text[:160]}
