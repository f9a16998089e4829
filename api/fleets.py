"""Screening of files, whatever their size: small inputs in memory, fleets from a spool on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from api.assembly import Screened, Screening, cut_to, detectors, prior_for, read, screen
from loadprofile.cube import Intake, write_rejects
from loadprofile.engines.local import Engine, LocalEngine, ProcessEngine
from loadprofile.errors import NothingToJudgeError
from loadprofile.features.population import Context
from loadprofile.fleet import PART, judge_fleet, look_closer, measure_fleet
from loadprofile.fleet_worklist import listed_together
from loadprofile.ingest.options import ReadOptions
from loadprofile.models.model import Model
from loadprofile.report.folder import chosen
from loadprofile.spool.reading import Spooled, must_be_spooled, spool_intake, spool_profiles

MOST_WORKERS = 4
"""Each worker holds one part of a fleet, about a gigabyte."""


@contextmanager
def spool_folder(out: Path) -> Iterator[Path]:
    """A folder beside the output for what does not fit in memory; gone when the run ends.

    Beside the output, since the system's folder for temporary files is often kept in memory.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".loadprofile-", dir=out.parent) as folder:
        yield Path(folder)


def read_any(
    paths: Sequence[Path],
    options: ReadOptions,
    folder: Path,
    rejects: Path | None,
    first: str | None,
    last: str | None,
) -> Intake | Spooled:
    """Read inputs into memory, or, where they are large, into a spool in ``folder``.

    Raises:
        InputError, OptionError, NothingToJudgeError: as ``assembly.read``.
    """
    if not must_be_spooled(paths, options):
        intake = read(paths, options, rejects, first, last)
        if all(len(cube) <= PART for cube in intake.profiles):
            return intake
        return spool_intake(intake, folder)
    spooled = spool_profiles(paths, options, folder)
    if rejects is not None and spooled.counts.rejected + spooled.counts.conflicting:
        write_rejects(rejects, spooled.rejects)
    if first is not None or last is not None:
        spools = tuple(cut_to(spool, first, last) for spool in spooled.spools)
        spooled = Spooled(spools, spooled.counts, spooled.rejects, spooled.warnings)
    return spooled.intake() if all(len(spool) <= PART for spool in spooled.spools) else spooled


def timezone_of(readings: Intake | Spooled) -> str:
    """The zone that the slots are local to."""
    some = readings.profiles if isinstance(readings, Intake) else readings.spools
    return some[0].timezone


def screen_any(
    readings: Intake | Spooled,
    model: Model,
    folder: Path,
    *,
    context: Context | None = None,
    hemisphere: str = "north",
    prevalence: float | None = None,
    engine: Engine | None = None,
    shown: int = 0,
) -> Screening:
    """Survey, judge and rank all meters.

    Of a fleet the ``parts`` of the answer hold only the meters that a report would show: ``shown`` of them,
    those that are not ordinary first; and the rows of the worklist wait in ``folder``.

    Raises:
        NothingToJudgeError: when no meter could be judged.
    """
    if isinstance(readings, Intake):
        return screen(
            readings.profiles, model, context=context, hemisphere=hemisphere, prevalence=prevalence,
            engine=engine,
        )  # fmt: skip
    if engine is None or isinstance(engine, LocalEngine):
        processes = ProcessEngine(min(os.cpu_count() or 1, MOST_WORKERS))
        try:
            return _screen_fleets(readings, model, folder, processes, context, hemisphere, prevalence, shown)
        finally:
            processes.close()
    return _screen_fleets(readings, model, folder, engine, context, hemisphere, prevalence, shown)


def _screen_fleets(
    readings: Spooled,
    model: Model,
    folder: Path,
    engine: Engine,
    context: Context | None,
    hemisphere: str,
    prevalence: float | None,
    shown: int,
) -> Screening:
    prior = prior_for(model, prevalence)
    fleets, listed, warnings, incidents = [], [], [], 0
    for spool in readings.spools:
        place = folder / f"{spool.step_minutes}-minute"
        place.mkdir()
        try:
            fleet = measure_fleet(spool, place, context, hemisphere=hemisphere, engine=engine, size=PART)
        except NothingToJudgeError as error:
            warnings.append(f"{spool.step_minutes}-minute meters: {error}")
            continue
        listed += judge_fleet(fleet, detectors(), model, prior, first_incident=incidents, engine=engine)
        incidents += int(fleet.cohorts.incident.max(initial=-1)) + 1
        fleets.append(fleet)
    if not listed:
        raise NothingToJudgeError(sum(len(s) for s in readings.spools), warnings[0])
    whole = listed_together(listed)
    parts = []
    top = set(whole.table["meter_id"].iloc[chosen(whole.table, shown)].tolist())
    for fleet in fleets:
        names = [n for part in fleet.parts for n in part.spool.meter_ids.tolist() if n in top]
        if names:
            parts.append(Screened(*look_closer(fleet, names, detectors(), model, prior)))
    return Screening(tuple(parts), whole.table, prior, tuple(warnings), whole)
