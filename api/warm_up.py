"""Compile the kernels once, at set-up, so that the first real run does not wait for it.

numba keeps what it compiled beside the source files; where that folder cannot be written, it
compiles again in each process and nothing else changes.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from api.assembly import model_named, screen
from api.demo import write_wide
from api.progress import Progress
from loadprofile.cube import read_profiles
from loadprofile.emulate.households import simulate_homes
from loadprofile.emulate.scenario import draw
from loadprofile.ingest.options import ReadOptions


def warm_up() -> None:
    """Read and screen a handful of simulated homes with the packaged model."""
    rng = np.random.default_rng(0)
    homes = draw(simulate_homes(40, 60, 30, rng), rng).profiles
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "homes.csv"
        write_wide(homes, path)
        intake = read_profiles([path], ReadOptions())
    screen(intake.profiles, model_named("default"))


if __name__ == "__main__":
    with Progress().step("compiling the kernels (once)"):
        warm_up()
