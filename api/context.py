"""Reading of the optional inputs for one screening."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from loadprofile.cube import Intake, read_profiles
from loadprofile.errors import UnreadableFileError
from loadprofile.features.population import Context
from loadprofile.ingest.context import read_events, read_outages, read_registers, read_topology
from loadprofile.ingest.event_meanings import with_meanings
from loadprofile.ingest.options import ReadOptions
from loadprofile.ingest.readings import write_rejects


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


def feeders_apart(intake: Intake, context: Context) -> tuple[Intake, Context, tuple[str, ...]]:
    """Rows of the input that are feeder totals, set apart as what they are: they are nobody's meter.

    A feeder total is a row whose id the topology names as a feeder and not as a customer's meter. Totals of a
    file of their own (``--feeders``) go first.
    """
    if context.topology is None or context.feeders is not None:
        return intake, context, ()
    names = set(context.topology["feeder_id"].astype(str)) - set(context.topology["meter_id"].astype(str))
    meters, totals = [], []
    for cube in intake.profiles:
        is_total = np.isin(cube.meter_ids, sorted(names))
        meters.append(cube.take(np.flatnonzero(~is_total)))
        if is_total.any():
            totals.append(cube.take(np.flatnonzero(is_total)))
    if not totals:
        return intake, context, ("topology: no totals of its feeders among the readings",)
    most = max(totals, key=len)
    kept = tuple(cube for cube in meters if len(cube))
    note = f"feeders: {len(most):,} totals among the readings"
    return replace(intake, profiles=kept), replace(context, feeders=most), (note,)
