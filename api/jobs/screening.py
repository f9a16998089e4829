"""The job that screens all meters of the record, or some, as ``loadprofile screen`` screens files.

What is read is what was known when the screening was asked for, and the model is the one chosen then, so that
a screening that begins again after a crash gives the list that it would have given at once. What it found is
written piece by piece while it is ``running``, when nobody sees it; beginning again takes that back first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np
import sqlalchemy as sa

from api.assembly import detectors, prior_for
from api.http.settings import Settings
from api.jobs.chosen_model import ChosenModel, Models, choose
from api.jobs.population_facts import Packed, keep_facts, packed_facts
from api.jobs.running import Attempt, Kind, LastWrite
from api.jobs.stored_meters import StoredPopulation, groups_of, spooled
from loadprofile.errors import NothingToJudgeError
from loadprofile.fleet import PART, judge_fleet, measure_fleet
from loadprofile.fleet_worklist import FleetWorklist, Listed, listed_together
from loadprofile.models.model import Model
from loadprofile.store.audit import audit
from loadprofile.store.cases import open_for_finding
from loadprofile.store.findings import (
    discard_findings,
    finish_screening,
    record_findings,
    screening,
    start_screening,
)
from loadprofile.store.jobs import add_job
from loadprofile.store.work_tables import FINDINGS, SCREENINGS
from loadprofile.verdicts import Cause

KIND = "screening"
RECORDED = 5000
"""Findings of one transaction: other writers wait for no more than that."""

READ, MEASURED, JUDGED = 0.2, 0.6, 0.85
"""Share of the work that is done after each stage, roughly."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def ask(
    connection: sa.Connection,
    settings: Settings,
    *,
    who: str,
    meter_ids: Sequence[str] | None = None,
    model_key: int | None = None,
    prevalence: float | None = None,
    first: np.datetime64 | None = None,
    last: np.datetime64 | None = None,
    as_of: datetime | None = None,
    open_cases: int = 0,
) -> tuple[int, int]:
    """Note a screening and the job that does it; their keys.

    Args:
        connection: of ``Database.writing``.
        settings: of the service.
        who: who asks.
        meter_ids: these meters only, as a population of their own; None = all.
        model_key: a model of the register; None = the champion, else the model of the settings.
        prevalence: share of meters believed to be fraud; None = the model's.
        first: local day; None = from the first reading on.
        last: local day, included; None = to the last reading.
        as_of: what was known at that moment; None = now.
        open_cases: open cases for so many of the first rows when it is done.

    Raises:
        NotFoundError, ModelFileError: no such model.
    """
    chosen = choose(connection, settings, model_key)
    told: dict[str, Any] = {
        "model_sha256": chosen.sha256, "hemisphere": settings.hemisphere, "prevalence": prevalence,
        "open_cases": open_cases, "listed": None if meter_ids is None else len(set(meter_ids)),
    }  # fmt: skip
    key = start_screening(
        connection, who=who, model_name=chosen.name, model_key=chosen.key, settings=told, as_of=as_of,
        first=first, last=last,
    )  # fmt: skip
    listed = None if meter_ids is None else sorted(set(meter_ids))
    job = add_job(connection, KIND, {"screening": key, "meters": listed}, who=who)
    audit(connection, who, "started", "screening", key, after={"job": job, **told})
    return key, job


class _Watched:
    """An engine that runs one batch after the other here, and reports after each."""

    def __init__(self, said: Callable[[], None]) -> None:
        self.said = said

    def map(self, function: Callable[[Item], Result], batches: Iterable[Item]) -> list[Result]:
        """See ``Engine.map``."""
        out = []
        for batch in batches:
            out.append(function(batch))
            self.said()
        return out


def work(attempt: Attempt) -> LastWrite:
    """Screen, and record what was found but for the end."""
    key = int(attempt.arguments["screening"])
    attempt.say(0.0, "reading")
    with attempt.database.reading() as connection:
        row = screening(connection, key)
    chosen = ChosenModel(row["model_key"], row["model_name"], row["settings"]["model_sha256"])
    fitted = Models(attempt.database).of(chosen)
    with TemporaryDirectory(prefix="loadprofile-job-") as name:
        folder = Path(name)
        with attempt.database.reading() as connection:
            populations = _read(connection, attempt, row, folder)
        whole, facts, warnings = _judged(attempt, populations, fitted, row, folder)
        with attempt.writing() as connection:
            discard_findings(connection, key)
        written = 0
        for frame in whole.rows(RECORDED):
            attempt.say(JUDGED + (1 - JUDGED) * written / len(whole.table), "recording")
            with attempt.writing() as connection:
                written += record_findings(connection, key, frame)
    causes = {str(k): int(v) for k, v in whole.table["cause"].value_counts().items()}

    def last(connection: sa.Connection) -> Mapping[str, Any]:
        keep_facts(connection, key, facts)
        finish_screening(connection, key)
        opened = open_first(connection, key, int(row["settings"].get("open_cases") or 0), who=attempt.who)
        return {
            "screening": key, "meters": written, "causes": causes, "cases_opened": opened,
            "warnings": warnings,
        }  # fmt: skip

    return last


def _read(
    connection: sa.Connection, attempt: Attempt, row: Mapping[str, Any], folder: Path
) -> list[StoredPopulation]:
    first, last = (
        None if row[name] is None else np.datetime64(row[name], "D") for name in ("first_day", "last_day")
    )
    groups = groups_of(connection, attempt.arguments["meters"], first, last, row["as_of"])
    if not groups:
        raise NothingToJudgeError(0, "no readings were known of any of the meters")
    said = lambda share: attempt.say(READ * share, "reading")  # noqa: E731
    return list(spooled(connection, groups, row["as_of"], folder, said))


def _judged(
    attempt: Attempt,
    populations: Sequence[StoredPopulation],
    fitted: Model,
    row: Mapping[str, Any],
    folder: Path,
) -> tuple[FleetWorklist, list[Packed], list[str]]:
    """The worklist of all populations, their facts, and what should be known about them."""
    listed: list[Listed] = []
    facts: list[Packed] = []
    warnings: list[str] = []
    incidents, meters = 0, sum(len(p.spool) for p in populations)
    prior = prior_for(fitted, row["settings"].get("prevalence"))
    for at, population in enumerate(populations):
        place = folder / str(at)
        place.mkdir()
        share = at / len(populations)

        def said(stage: str, begin: float, share: float = share) -> None:
            attempt.say(begin + (JUDGED - READ) * share, stage)

        watched = _Watched(lambda said=said: said("measuring", READ))  # type: ignore[misc]
        judging = _Watched(lambda said=said: said("judging", MEASURED - READ))  # type: ignore[misc]
        try:
            fleet = measure_fleet(
                population.spool, place, population.context, hemisphere=row["settings"]["hemisphere"],
                engine=watched, within=watched, size=PART,
            )  # fmt: skip
        except NothingToJudgeError as error:
            warnings.append(f"{population.spool.step_minutes}-minute meters: {error}")
            continue
        listed += judge_fleet(
            fleet, detectors(), fitted, prior, first_incident=incidents, engine=judging, within=judging
        )
        facts += packed_facts(fleet, incidents)
        incidents += int(fleet.cohorts.incident.max(initial=-1)) + 1
    if not listed:
        raise NothingToJudgeError(meters, warnings[0])
    return listed_together(listed), facts, warnings


def open_first(connection: sa.Connection, screening_key: int, rows: int, *, who: str) -> int:
    """Open cases for the first rows of a list that are not normal; how many are new."""
    if rows <= 0:
        return 0
    from loadprofile.store.meter_tables import METERS

    names = connection.execute(
        sa.select(METERS.c.meter_id)
        .join(FINDINGS, FINDINGS.c.meter_key == METERS.c.meter_key)
        .where(FINDINGS.c.screening_key == screening_key, FINDINGS.c.cause != str(Cause.NORMAL))
        .order_by(FINDINGS.c.rank)
        .limit(rows)
    ).scalars()
    return sum(
        open_for_finding(connection, name, who=who, screening_key=screening_key)[1] for name in names.all()
    )


def ended(connection: sa.Connection, arguments: Mapping[str, Any], state: str, reason: str | None) -> None:
    """Close the screening of a job that ended without a result; what it wrote goes."""
    key = int(arguments["screening"])
    row = connection.execute(
        sa.select(SCREENINGS.c.state).where(SCREENINGS.c.screening_key == key).with_for_update()
    ).first()
    if row is None or row.state != "running":
        return
    discard_findings(connection, key)
    finish_screening(connection, key, state=state, error=reason)


SCREENING = Kind(work, ended)
