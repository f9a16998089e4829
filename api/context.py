"""Reading of the optional inputs for one screening."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from loadprofile.cube import Intake, read_profiles, read_tables
from loadprofile.errors import UnreadableFileError
from loadprofile.features.energy_channels import longer_than
from loadprofile.features.population import Context
from loadprofile.ingest.channels import CHANNELS, ChannelSource, channels_in, holds_any
from loadprofile.ingest.context import (
    read_events,
    read_holidays,
    read_outages,
    read_registers,
    read_topology,
    read_weather,
)
from loadprofile.ingest.event_meanings import with_meanings
from loadprofile.ingest.options import ReadOptions
from loadprofile.ingest.readings import RejectLog, write_rejects
from loadprofile.ingest.sniff import Sources
from loadprofile.ingest.tables import open_tables
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
    *,
    holidays: Path | None = None,
    weather: Path | None = None,
    channels: Path | None = None,
) -> tuple[Context, tuple[str, ...]]:
    """The optional inputs that were given, and a note for each with rejected rows.

    Moments are turned into local time of ``timezone``, the zone of the readings they stand beside.
    Rejected rows go to ``<out>.<input>.rejects.csv``.

    Raises:
        InputError: for a file that cannot be read as what it should be.
    """
    tables = {}
    notes = []
    for name, path, reader in (
        ("events", events, partial(read_events, timezone=timezone)),
        ("registers", registers, partial(read_registers, timezone=timezone)),
        ("outages", outages, partial(read_outages, timezone=timezone)),
        ("topology", topology, read_topology),
        ("holidays", holidays, read_holidays),
        ("weather", weather, partial(read_weather, timezone=timezone)),
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
    given: dict[str, Any] = dict(tables)
    context = Context(**given)
    if feeders is not None:
        totals = read_profiles([feeders], ReadOptions(timezone=timezone)).profiles
        if len(totals) != 1:
            raise UnreadableFileError(feeders, "no feeder readings, or of more than one interval length")
        context = replace(context, feeders=totals[0])
        notes.append(f"feeders: {len(totals[0]):,} totals")
    if channels is not None:
        export, reactive, said = read_channels(channels, timezone, Path(f"{out}.channels.rejects.csv"))
        context = replace(context, export=export, reactive=reactive)
        notes += said
    return context, tuple(notes)


Cubes = tuple[LoadProfiles, ...] | None


def read_channels(path: Path, timezone: str, rejects: Path) -> tuple[Cubes, Cubes, list[str]]:
    """Export and reactive energy of a file in either layout of ``ingest.channels``, and a note on each.

    None for a channel that the file does not hold. A second value for the same meter, channel and time is
    listed among the rejects; the first is kept.

    Raises:
        InputError: not there, not a table, without the columns, or without one readable row.
    """
    if not path.is_file():
        raise UnreadableFileError(path, "no such file")
    tables = open_tables(path)
    there = {name for table in tables for name in channels_in(table)}
    log = RejectLog()
    found: dict[str, tuple[LoadProfiles, ...]] = {}
    notes = []
    options = ReadOptions(timezone=timezone)
    for channel in (name for name in CHANNELS if name in there):
        holding = [table for table in tables if holds_any(table, channel)]
        if not holding:
            continue
        known = log.rejected
        sources = tuple(ChannelSource(table, channel, timezone, not found) for table in holding)
        mine = RejectLog()
        intake = read_tables(Sources("long", (), sources), options, mine, lambda _: None)
        found[channel] = intake.profiles
        log.rejected += mine.rejected
        log.kept += mine.kept
        counts = intake.counts
        notes.append(
            f"{channel}: {sum(map(len, intake.profiles)):,} meters, {counts.read:,} rows, "
            f"{log.rejected - known:,} rejected, {counts.conflicting:,} conflicting"
        )
    if not found:
        raise UnreadableFileError(path, f"no row of {' or '.join(CHANNELS)} in its column channel")
    if log.kept:
        write_rejects(rejects, log.kept)
        notes[-1] += f", listed in {rejects}"
    return found.get("export_kwh"), found.get("reactive_kvarh"), notes


def channels_beside(readings: Intake | Spooled, context: Context) -> tuple[str, ...]:
    """What of the channels does not go with the readings: strangers, and intervals longer than theirs."""
    some = readings.profiles if isinstance(readings, Intake) else readings.spools
    ids = {name for part in some for name in part.meter_ids.tolist()}
    notes = []
    for name in ("export", "reactive"):
        cubes = getattr(context, name) or ()
        strangers = sum(len(set(cube.meter_ids.tolist()) - ids) for cube in cubes)
        longer = sum(longer_than(part.meter_ids, part.step_minutes, cubes) for part in some)
        if strangers:
            notes.append(f"{name}: {strangers:,} meters have no readings of import and are left out")
        if longer:
            notes.append(f"{name}: {longer:,} meters have longer intervals than their import: left out")
    return tuple(notes)


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
