"""What jobs are for and what came of them, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from api.jobs.screening import KIND as SCREENING
from api.learning_jobs import KIND as LEARNING
from loadprofile.report.words import cause_words

LEAST_WAIT = timedelta(seconds=30)
"""A job that nobody takes for so long may have no worker."""


@dataclass(frozen=True, slots=True)
class JobWords:
    """A job for people.

    Attributes:
        what: what it is for.
        result: what came of it; empty before its end.
        warnings: what should be known of the result.
        waiting: why nothing happens, where nothing does.
        lasts: how long it has been running, or ran.
    """

    what: str
    result: str
    warnings: tuple[str, ...]
    waiting: str
    lasts: str


def job_words(row: Mapping[str, Any], now: datetime) -> JobWords:
    """A job's row in words; results of a make that is not known name their parts as they are."""
    result = row["result"] or {}
    waiting = ""
    if row["state"] == "queued":
        waiting = "waits for a worker"
        if now - row["created_at"] > LEAST_WAIT:
            waiting += "; if none is busy with another job, start one: loadprofile work"
    begun, ended = row["started_at"], row["finished_at"]
    spent = "" if begun is None or row["state"] == "queued" else _span((ended or now) - begun)
    return JobWords(
        _what(row), _result(row["kind"], result), tuple(result.get("warnings") or ()), waiting, spent
    )


def _what(row: Mapping[str, Any]) -> str:
    given = row["arguments"] or {}
    if row["kind"] == SCREENING and "screening" in given:
        meters = given.get("meters")
        return f"screening {given['screening']}" + (f" of {len(meters):,} meters" if meters else "")
    if row["kind"] == LEARNING and "wish" in given:
        name = given["wish"].get("name", "")
        return f"scoring of model {given['model']}" if "model" in given else f"training of {name}"
    return str(row["kind"])


def _result(kind: str, result: Mapping[str, Any]) -> str:
    if kind == SCREENING and "meters" in result:
        causes = sorted((result.get("causes") or {}).items(), key=lambda one: -one[1])
        told = ", ".join(f"{count:,} {cause_words(cause)}" for cause, count in causes)
        opened = result.get("cases_opened", 0)
        return (
            f"{result['meters']:,} meters"
            + (f": {told}" if told else "")
            + (f"; {opened:,} cases opened" if opened else "")
        )
    if kind == LEARNING and "model" in result:
        better = "may be promoted" if result.get("better") else "did not prove to be better"
        return f"model {result['model']} {better}: {result.get('because', '')}"
    return ", ".join(
        f"{name.replace('_', ' ')} {value}" for name, value in result.items() if value is not None
    )


def _span(length: timedelta) -> str:
    seconds = max(int(length.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h {seconds % 3600 // 60} min"
