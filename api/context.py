"""Reading of the optional inputs for one screening."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from loadprofile.features.population import Context
from loadprofile.ingest.context import read_events, read_outages, read_registers, read_topology
from loadprofile.ingest.event_meanings import with_meanings
from loadprofile.ingest.readings import write_rejects


def read_context(
    events: Path | None,
    registers: Path | None,
    outages: Path | None,
    topology: Path | None,
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
    return context, tuple(notes)
