"""The walk through the service in README.md, run as it stands there: curl, a server of its own, two homes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
HOMES = ["MAC000002", "MAC000019"]
WEEKS = pd.Timedelta(weeks=574)
"""From 2013 to the year of the sample, by whole weeks: the visit of the walk is in 2024."""


def blocks() -> tuple[str, str]:
    """How the file is made, and the walk."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.split("\n## The service\n")[1].split("\n## ")[0]
    prepared, walk = re.findall(r"```bash\n(.*?)```", section, re.DOTALL)
    return prepared, walk


def bash(script: str, folder: Path, **variables: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=os.environ | variables,
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(frozen=True)
class Place:
    """Where the service of the walk is."""

    url: str
    key: str


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A first start in a folder of its own; ended with its worker, whatever happened."""
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "api.cli", "serve", "--port", "0"], cwd=tmp_path, stderr=log,
            env=os.environ | {"PYTHONPATH": str(ROOT), "LOADPROFILE_DATABASE": "sqlite:///walk.db"},
            stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            told = [process.stdout.readline().strip() for _ in range(3)]
            assert told[1].startswith("lp_"), told
            yield Place(told[2].split()[0], told[1])  # what is printed answers at once
        finally:
            process.terminate()
            try:
                process.wait(20)
            finally:
                with suppress(ProcessLookupError):  # nobody is left of it
                    os.killpg(process.pid, signal.SIGKILL)
                process.stdout.close()


def homes(folder: Path) -> None:
    """The file that the first block makes; two real homes in its place where there are any."""
    prepared, _ = blocks()
    (folder / "data").symlink_to(ROOT / "data")
    bash(prepared, folder)
    assert (folder / "two_homes.csv").read_text().startswith("timestamp,SIM0001,SIM0005\n")
    shared = Path(os.environ.get("LOADPROFILE_SHARED_DATA", ROOT / "../shared/data"))
    real = shared / "halfhourly/london.parquet"
    if real.is_file():
        frame = pd.read_parquet(real, columns=HOMES)
        frame.index = frame.index + WEEKS
        frame.to_csv(folder / "two_homes.csv", index_label="timestamp")


def test_the_walk_of_the_readme_works_as_written(place: Place, tmp_path: Path) -> None:
    homes(tmp_path)
    rows = pd.read_csv(tmp_path / "two_homes.csv", index_col=0)
    said = bash(blocks()[1], tmp_path, service=place.url, key=place.key)

    answers: list[dict[str, Any]] = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    submitted, screening, case, verdict, learning, refused, forced, undone = answers
    assert submitted["read"] == rows.size
    assert submitted["accepted"] + submitted["missing"] == rows.size
    assert submitted["meters"] == 2
    assert screening == {"screening": 1, "job": 1}
    ends = [json.loads(found) for found in re.findall(r"^event: end\ndata: (.*)$", said, re.MULTILINE)]
    assert [(job["kind"], job["state"]) for job in ends] == [("screening", "done"), ("learning", "done")]

    listed = pd.read_csv(tmp_path / "worklist.csv")
    assert sorted(listed["meter_id"]) == sorted(rows.columns)
    assert case["case_key"] == 1
    assert case["meter_ids"] == [listed["meter_id"].iloc[0]]
    assert (tmp_path / "case.pdf").read_bytes().startswith(b"%PDF-")
    assert verdict == {"feedback_key": 1, "new": True}

    assert learning == {"job": 2}
    assert ends[1]["result"]["model"] == 1
    assert not ends[1]["result"]["better"]
    assert (refused["status"], refused["type"]) == (409, "/problems/not-better")
    assert ends[1]["result"]["because"] in refused["detail"]
    assert (forced["model_key"], forced["name"], forced["forced"]) == (1, "spring", True)
    assert (undone["model_key"], undone["name"]) == (None, "default")
    told = bash('curl -sS -H "Authorization: Bearer $key" "$service/v1/models/1"', tmp_path,
                service=place.url, key=place.key)  # fmt: skip
    model = json.loads(told)
    assert model["manifest"]["verified"] == 1, "the visit was learned from"
    assert model["state"] != "champion"
