"""Write a report folder: an index, a page for each of the first meters, and the pictures.

The pages are plain HTML with their style inside: no script, no network, links relative, so that the
folder can be zipped, mailed and printed. Writing into the folder of an earlier run replaces it: the
list of files that a run wrote is kept beside them, and what is on the old list but not on the new one
is removed. Files that no report wrote are never touched.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from loadprofile.errors import OptionError
from loadprofile.figures.marks import written
from loadprofile.figures.odds import strongest
from loadprofile.figures.style import CAUSE_COLOUR
from loadprofile.report.contents import Report
from loadprofile.report.pictures import Picture, lost_energy, meter_pictures, run_pictures
from loadprofile.report.words import cause_words, energy, key_figures, percent, statements, summary
from loadprofile.verdicts import CAUSES, UNDECIDED, Cause
from loadprofile.worklist import QUEUES

LISTED = 200
"""Rows of the worklist that the index shows."""
FILES = ".report-files"
"""Name of the list of files that the last run wrote."""


@dataclass(frozen=True, slots=True)
class _Page:
    """One meter's page: its row in the cube and in the worklist, and its name in the folder."""

    row: int
    place: int
    meter_id: str
    file: str


def page_name(meter_id: str) -> str:
    """A file name for any meter id: its plain characters, then a hash of the whole id.

    The hash keeps apart ids that differ only in what file systems cannot hold or do not tell apart.
    """
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", meter_id).strip("-")[:40] or "meter"
    return f"{plain}-{hashlib.sha256(meter_id.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def chosen(worklist: pd.DataFrame, pages: int) -> list[int]:
    """Places in the worklist that get a page: the first that are not ordinary, then the first others."""
    ordinary = (worklist["cause"] == str(Cause.NORMAL)).to_numpy()
    order = np.argsort(ordinary, kind="stable")[:pages]
    return sorted(int(at) for at in order)


def write_report(
    folder: Path,
    report: Report,
    *,
    pages: int = 20,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write the report and return the path of its index.

    Args:
        folder: made if it is not there; an earlier report in it is replaced.
        report: what to show.
        pages: how many meters get a page of their own.
        progress: called after each page with (done, of).

    Raises:
        OptionError: when ``folder`` is a file or ``pages`` is negative.
    """
    if pages < 0:
        raise OptionError("pages", pages, "must not be negative")
    if folder.exists() and not folder.is_dir():
        raise OptionError("report", str(folder), "is a file, not a folder")
    environment = Environment(
        loader=PackageLoader("loadprofile.report"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(percent=percent, cause_words=cause_words)
    places = chosen(report.worklist, pages)
    at = {str(m): row for row, m in enumerate(report.profiles.meter_ids)}
    ids = [str(m) for m in report.worklist["meter_id"]]
    listed = [_Page(at[ids[p]], p, ids[p], f"meters/{page_name(ids[p])}.html") for p in places]
    folder.mkdir(parents=True, exist_ok=True)
    writer = _Writer(folder)
    for number in range(len(listed)):
        _write_meter(writer, environment, report, listed, number)
        if progress is not None:
            progress(number + 1, len(listed))
    _write_index(writer, environment, report, {page.place: page.file for page in listed})
    writer.finish()
    return folder / "index.html"


class _Writer:
    """Writes files below a folder, remembers them, and in the end removes what an earlier run left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.old = self._earlier()
        self.new: list[str] = []

    def _earlier(self) -> set[str]:
        """Files the last run wrote; lines that would lead out of the folder are not believed."""
        try:
            lines = (self.folder / FILES).read_text(encoding="utf-8").splitlines()
        except (FileNotFoundError, UnicodeDecodeError):
            return set()
        return {line for line in lines if line and _stays_inside(line)}

    def write(self, name: str, data: bytes) -> None:
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name not in self.old and name not in self.new:
            # Remembered before it is written: a run that is broken off leaves nothing nobody knows of.
            with (self.folder / FILES).open("a", encoding="utf-8") as known:
                known.write(f"{name}\n")
        target.write_bytes(data)
        self.new.append(name)

    def finish(self) -> None:
        for name in self.old - set(self.new):
            (self.folder / name).unlink(missing_ok=True)
        (self.folder / FILES).write_text(
            "".join(f"{name}\n" for name in sorted(set(self.new))), encoding="utf-8"
        )


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and path.suffix in {".html", ".png"}


def _shown(writer: _Writer, prefix: str, picture: Picture) -> dict[str, object]:
    """Write a picture; what a template needs to show it."""
    name = f"pictures/{prefix}-{picture.name}.png"
    writer.write(name, picture.data)
    return {"file": name, "caption": picture.caption, "width": picture.width, "height": picture.height}


def _write_meter(
    writer: _Writer, environment: Environment, report: Report, listed: list[_Page], number: int
) -> None:
    page = listed[number]
    verdicts, row = report.verdicts, page.row
    expected = None if report.expected is None else report.expected(np.array([row], dtype=np.intp))[0]
    evidence = verdicts.evidence[row] if verdicts.evidence else ()
    strengths = strongest(evidence)
    incident = int(verdicts.incident[row])
    companions = int((verdicts.incident == incident).sum()) - 1 if incident >= 0 else 0
    prefix = page_name(page.meter_id)
    days = report.profiles.days
    html = environment.get_template("meter.html.j2").render(
        meter_id=page.meter_id,
        rank=int(report.worklist["rank"].iloc[page.place]),
        of=len(report.worklist),
        cause=str(verdicts.cause[row]),
        colour=CAUSE_COLOUR[str(verdicts.cause[row])],
        queue=QUEUES[str(verdicts.cause[row])],
        summary=summary(verdicts, row, companions),
        odds=[
            {
                "cause": cause_words(cause),
                "colour": CAUSE_COLOUR[cause],
                "p": float(verdicts.probabilities[row, k]),
                "strength": "" if np.isnan(strengths[k]) else f"{strengths[k] * 100:.0f} %",
            }
            for k, cause in enumerate(CAUSES)
        ],
        statements=[(s, CAUSE_COLOUR.get(s.cause, CAUSE_COLOUR[UNDECIDED])) for s in statements(evidence)],
        would_decide=verdicts.would_decide[row],
        key_figures=key_figures(report.features, row),
        period=f"{written(days[0])} to {written(days[-1])}" if len(days) else "no days",
        step=report.profiles.step_minutes,
        timezone=report.profiles.timezone,
        notes=report.notes,
        pictures=[_shown(writer, prefix, one) for one in meter_pictures(report, row, expected)],
        before=listed[number - 1] if number else None,
        after=listed[number + 1] if number + 1 < len(listed) else None,
    )  # fmt: skip
    writer.write(page.file, html.encode("utf-8", "replace"))


def _line(report: Report, place: int, row: int, page: str | None) -> dict[str, object]:
    """One row of the index's table."""
    verdicts, worklist = report.verdicts, report.worklist
    cause = str(verdicts.cause[row])
    odds = verdicts.probabilities[row]
    evidence = verdicts.evidence[row] if verdicts.evidence else ()
    lost = lost_energy(verdicts, row)
    value, _, between = energy(*lost).partition(" (80 % interval: ")
    return {
        "rank": int(worklist["rank"].iloc[place]),
        "meter_id": str(verdicts.meter_ids[row]),
        "page": page,
        "cause": cause_words(cause),
        "colour": CAUSE_COLOUR[cause],
        "p": float(odds.max() if cause == UNDECIDED else odds[CAUSES.index(Cause(cause))]),
        "anomaly": float(verdicts.anomaly_score[row]),
        "onset": written(verdicts.onset[row]),
        "lost": "" if lost[0] == 0 else value,
        "between": between.rstrip(")"),
        "queue": QUEUES[cause],
        "incident": str(worklist["incident_id"].iloc[place]),
        "why": evidence[0].sentence if evidence else "",
    }


def _write_index(writer: _Writer, environment: Environment, report: Report, pages: dict[int, str]) -> None:
    worklist = report.worklist
    at = {str(m): row for row, m in enumerate(report.profiles.meter_ids)}
    rows = [
        _line(report, place, at[str(meter_id)], pages.get(place))
        for place, meter_id in enumerate(worklist["meter_id"].head(LISTED))
    ]
    counted = worklist["cause"].value_counts()
    days = report.profiles.days
    html = environment.get_template("index.html.j2").render(
        title=report.title,
        meters=len(report.profiles),
        period=f"{written(days[0])} to {written(days[-1])}" if len(days) else "no days",
        step=report.profiles.step_minutes,
        timezone=report.profiles.timezone,
        causes=[
            {"cause": cause_words(c), "colour": CAUSE_COLOUR[c], "count": int(counted.get(str(c), 0)),
             "share": int(counted.get(str(c), 0)) / max(len(worklist), 1), "queue": QUEUES[c]}
            for c in (*CAUSES, UNDECIDED)
        ],
        rows=rows,
        counts=report.counts,
        notes=report.notes,
        warnings=report.warnings,
        model=report.model,
        pictures=[_shown(writer, "run", one) for one in run_pictures(report)],
    )  # fmt: skip
    writer.write("index.html", html.encode("utf-8", "replace"))
