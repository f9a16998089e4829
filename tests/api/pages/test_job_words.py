"""Jobs in words: what for, what came of them, what to do when nothing happens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.pages.job_words import job_words

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)


def row(kind: str, state: str, **more: Any) -> dict[str, Any]:
    asked = NOW - timedelta(minutes=95)
    given = {"arguments": {}, "result": None, "created_at": asked, "started_at": asked, "finished_at": None}
    return {"kind": kind, "state": state, **given} | more


@pytest.mark.parametrize(
    ("kind", "arguments", "what"),
    [
        ("screening", {"screening": 3, "meters": None}, "screening 3"),
        ("screening", {"screening": 3, "meters": ["A", "B"]}, "screening 3 of 2 meters"),
        ("learning", {"wish": {"name": "spring"}}, "training of spring"),
        ("learning", {"wish": {"name": "scores"}, "model": 4}, "scoring of model 4"),
        ("of another version", {}, "of another version"),
    ],
)
def test_what_it_is_for(kind: str, arguments: dict[str, Any], what: str) -> None:
    assert job_words(row(kind, "running", arguments=arguments), NOW).what == what


def test_what_came_of_it() -> None:
    found = {"screening": 1, "meters": 1036, "causes": {"normal": 1000, "fraud": 36}, "cases_opened": 3,
             "warnings": ["60-minute meters: none can be judged"]}  # fmt: skip
    told = job_words(row("screening", "done", result=found), NOW)
    assert told.result == "1,036 meters: 1,000 normal, 36 fraud; 3 cases opened"
    assert told.warnings == ("60-minute meters: none can be judged",)
    learned = {"model": 2, "better": False, "because": "worse on later verdicts"}
    told = job_words(row("learning", "done", result=learned), NOW)
    assert told.result == "model 2 did not prove to be better: worse on later verdicts"
    assert job_words(row("new", "done", result={"a_b": 1, "c": None}), NOW).result == "a b 1"


def test_how_long_it_lasts_and_why_nothing_happens() -> None:
    done = row("screening", "done", finished_at=NOW - timedelta(minutes=94, seconds=20))
    assert job_words(done, NOW).lasts == "40 s"
    running = job_words(row("screening", "running"), NOW)
    assert (running.lasts, running.waiting) == ("95 min", "")
    late = job_words(row("screening", "queued", started_at=None), NOW)
    assert late.waiting.startswith("waits for a worker; ")
    assert "loadprofile work" in late.waiting
    fresh = row("screening", "queued", created_at=NOW, started_at=None)
    assert job_words(fresh, NOW).waiting == "waits for a worker"
