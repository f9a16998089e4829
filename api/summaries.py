"""What a run says when it ends: where every row went, what was found, where it is written."""

from __future__ import annotations

from pathlib import Path

from api.assembly import Screening
from loadprofile.ingest.readings import RowCounts
from loadprofile.verdicts import CAUSES, UNDECIDED


def reading_summary(counts: RowCounts, rejects: Path) -> tuple[str, ...]:
    """Where every reading went; the parts add up."""
    parts = [
        f"{value:,} {word}"
        for value, word in (
            (counts.used, "used"),
            (counts.folded, "folded into the repeated hour"),
            (counts.missing, "blank"),
            (counts.duplicate, "duplicate"),
            (counts.conflicting, "conflicting"),
            (counts.rejected, "rejected"),
            (counts.left_out, "of meters not asked for"),
        )
        if value
    ]
    lines = [f"{counts.read:,} readings: {', '.join(parts)}"]
    if counts.rejected or counts.conflicting:
        lines.append(f"rejected and conflicting readings with their reasons: {rejects}")
    return tuple(lines)


def screening_summary(result: Screening, out: Path, report: Path | None) -> tuple[str, ...]:
    """How many meters got which answer, and where the worklist is."""
    counts = result.worklist["cause"].value_counts().to_dict()
    named = [f"{counts[name]} {name}" for name in (*map(str, CAUSES), UNDECIDED) if counts.get(name)]
    lines = [f"{len(result.worklist):,} meters: {', '.join(named)}", f"worklist: {out}"]
    if report is not None:
        lines.append(f"report: {report / 'index.html'}")
    return tuple(lines)
