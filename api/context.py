"""Reading of the optional inputs for one screening."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from loadprofile.cube import Intake, read_profiles
from loadprofile.errors import UnreadableFileError
from loadprofile.features.population import Context
from loadprofile.ingest.context import read_events, read_outages, read_registers, read_topology
from loadprofile.ingest.event_meanings import with_meanings
from loadprofile.ingest.options import ReadOptions
from loadprofile.ingest.readings import write_rejects
from loadprofile.profiles import LoadProfiles
from loadprofile.spool.reading import Spooled
from loadprofile.spool.store import Spool


def read_context(
    events: Path | None,
    registers: Path | None,
    outages: Path | None,
    topology: Path | None,
    feeders: Path | None,
    out: Path,
    timezone: str,
) -> tuple[Context, tuple[str, ...]]:
    """The optional inputs that were given, and a note for each with rejected rows.

    Moments are turned into local time of ``timezone``, the zone of the readings they stand beside.
    Rejected rows go to ``<out>.<input>.rejects.csv``.
    """
    tables = {}
    notes = []
    for name, path, reader in (
        ("events", events, partial(read_events, timezone=timezone)),
        ("registers", registers, partial(read_registers, timezone=timezone)),
        ("outages", outages, partial(read_outages, timezone=timezone)),
        ("topology", topology, read_topology),
    ):
        if path is None:
            continue
        table = reader(path)
        tables[name] = table.frame
        notes.append(f"{name}: {table.read:,} rows, {table.rejected:,} rejected")
        if table.rejected:
            rejects = Path(f"{out}.{name}.rejects.csv")
            write_rejects(rejects, table.rejects)
            notes[-1] += f", listed in {rejects}"
    if "events" in tables:
        tables["events"] = with_meanings(tables["events"])
    context = Context(
        tables.get("events"), tables.get("registers"), tables.get("outages"), tables.get("topology")
    )
    if feeders is not None:
        totals = read_profiles([feeders], ReadOptions(timezone=timezone)).profiles
        if len(totals) != 1:
            raise UnreadableFileError(feeders, "no feeder readings, or of more than one interval length")
        context = replace(context, feeders=totals[0])
        notes.append(f"feeders: {len(totals[0]):,} totals")
    return context, tuple(notes)


def feeders_apart(
    readings: Intake | Spooled, context: Context
) -> tuple[Intake | Spooled, Context, tuple[str, ...]]:
    """Rows of the input that are feeder totals, set apart as what they are: they are nobody's meter.

    A feeder total is a row whose id the topology names as a feeder and not as a customer's meter. Totals of a
    file of their own (``--feeders``) go first.
    """
    if context.topology is None or context.feeders is not None:
        return readings, context, ()
    names = set(context.topology["feeder_id"].astype(str)) - set(context.topology["meter_id"].astype(str))
    totals: list[LoadProfiles] = []
    if isinstance(readings, Intake):
        cubes = [_apart(cube, names, totals) for cube in readings.profiles]
        kept: Intake | Spooled = replace(readings, profiles=tuple(cube for cube in cubes if len(cube)))
    else:
        spools = [_apart(spool, names, totals) for spool in readings.spools]
        kept = replace(readings, spools=tuple(spool for spool in spools if len(spool)))
    if not totals:
        return readings, context, ("topology: no totals of its feeders among the readings",)
    most = max(totals, key=len)
    note = f"feeders: {len(most):,} totals among the readings"
    return kept, replace(context, feeders=most), (note,)


Meters = TypeVar("Meters", LoadProfiles, Spool)


def _apart(meters: Meters, names: set[str], totals: list[LoadProfiles]) -> Meters:
    """The meters without those of the names, which go to ``totals``."""
    is_total = np.isin(meters.meter_ids, sorted(names))
    if is_total.any():
        totals.append(meters.take(np.flatnonzero(is_total)))
    rest = np.flatnonzero(~is_total)
    return meters.take(rest) if isinstance(meters, LoadProfiles) else meters.only(rest)
