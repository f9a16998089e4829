"""The README is always true: its commands run, its options exist, its columns are the worklist's."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from api.cli import app
from loadprofile.worklist import COLUMNS, QUEUES

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for line in block.strip().splitlines()
]
OURS = [line for line in COMMANDS if line.startswith("loadprofile ")]


def options(*words: str) -> set[str]:
    """Options of a command, or of the sub-command that the words name."""
    found = typer.main.get_command(app)
    for word in words:
        if not hasattr(found, "commands"):
            break
        found = found.commands[word]
    return {name for p in found.params for name in (*p.opts, *p.secondary_opts)}


def test_there_are_commands_to_check() -> None:
    assert len(OURS) >= 5
    assert {"make demo", "make test"} <= set(COMMANDS)


@pytest.mark.parametrize("line", OURS)
def test_every_option_of_a_command_exists(line: str) -> None:
    words = shlex.split(line)
    known = options(*words[1:])
    assert {w for w in words if w.startswith("--")} <= known


def test_every_option_in_the_prose_exists() -> None:
    prose = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    known = options("screen") | options("train") | options("evaluate")
    known |= options("serve") | options("keys", "create") | options("users", "create")
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", prose)) <= known


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"make ([a-z]+)`", README)) | {"demo", "test"}:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_table_of_columns_names_every_column() -> None:
    table = "\n".join(line for line in README.splitlines() if line.startswith("| `"))
    named = set(re.findall(r"`([a-z_]+)`", table))
    probabilities = {c for c in COLUMNS if c.startswith("p_")}
    assert set(COLUMNS) - probabilities <= named
    assert {"p_normal", "p_fraud"} <= named
    for queue in QUEUES.values():
        assert queue in table


def test_every_file_that_is_linked_exists() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / link).exists(), link
