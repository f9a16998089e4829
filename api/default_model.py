"""Rebuild the packaged default model: ``make model``.

Only data sets that may train a shipped model are used; each is named with its hash, licence and
attribution in the manifest. Real homes and buildings, and simulated ones that say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from api.assembly import detectors
from api.hashing import sha256
from api.progress import Progress
from loadprofile.cases import Source, emulated_cases
from loadprofile.cube import read_profiles
from loadprofile.emulate.households import simulate_homes
from loadprofile.ingest.options import ReadOptions
from loadprofile.profiles import LoadProfiles
from loadprofile.training import fit_model

SEED = 20211001
POPULATIONS = 800
LAST_DAY = "2023-12-31"
"""Last day of any reading that the model learned from: it knows nothing later."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """One data set that may train a shipped model."""

    name: str
    files: tuple[str, ...]
    weight: float
    attribution: str
    start: str | None = None


DATA_SETS = (
    DataSet(
        "london", ("halfhourly/london.parquet",), 3.0,
        "Low Carbon London, UK Power Networks, CC BY 4.0",
    ),
    DataSet(
        "cambridge", ("hourly/cambridge_estates.parquet",), 1.5,
        "Cambridge University estates, Langtry & Choudhary 2024, MIT",
    ),
    DataSet(
        "citylearn", ("hourly/citylearn_2022_load.parquet",), 0.5,
        "CityLearn 2022, MIT", "2021-08-01",
    ),
    DataSet(
        "resstock",
        tuple(f"hourly/resstock_simulated_{state}.parquet" for state in ("ca", "tx", "vt")), 1.0,
        "ResStock (simulated homes), NREL, CC BY 4.0 / MIT", "2018-01-01",
    ),
)  # fmt: skip
SIMULATED = "simulated"


def cube_of(data: Path, chosen: DataSet) -> LoadProfiles:
    """All files of a data set as one cube (their meters have distinct names)."""
    step = 60 if chosen.start else None
    intake = read_profiles([data / f for f in chosen.files], ReadOptions(start=chosen.start, step=step))
    (profiles,) = intake.profiles
    return profiles


def default_sources(data: Path, names: tuple[str, ...] | None = None) -> list[Source]:
    """The sources of the default model (``names``: some of them), simulated homes included."""
    sources = [
        Source(d.name, cube_of(data, d), d.weight, d.attribution)
        for d in DATA_SETS
        if names is None or d.name in names
    ]
    if names is None or SIMULATED in names:
        homes = simulate_homes(300, 365, 30, np.random.default_rng(SEED), start=np.datetime64("2022-01-01"))
        sources.append(Source(SIMULATED, homes, 2.0, "simulated homes of loadprofile.emulate.households"))
    return sources


def manifest_of(data: Path) -> Mapping[str, Any]:
    """What the model was made from and with."""
    packages = ("numpy", "scipy", "scikit-learn", "numba", "skops")
    return {
        "name": "default",
        "made_by": "make model",
        "populations": POPULATIONS,
        "seed": SEED,
        "seeds": {"populations": SEED, "folds and boosting": SEED},
        "created_as_of": LAST_DAY,
        "attribution": [d.attribution for d in DATA_SETS],
        "data": [
            {"name": d.name, "attribution": d.attribution, "files": {f: sha256(data / f) for f in d.files}}
            for d in DATA_SETS
        ]
        + [{"name": SIMULATED, "attribution": "loadprofile.emulate.households", "files": {}}],
        "versions": {name: version(name) for name in packages} | {"loadprofile": version("loadprofile")},
    }


def build(
    data: Annotated[Path, typer.Option(help="Folder of the data sets.")],
    out: Annotated[Path, typer.Option(help="Model file to write.")],
    populations: Annotated[int, typer.Option(help="Emulated utilities to learn from.")] = POPULATIONS,
    jobs: Annotated[int, typer.Option(help="Processes; the model does not depend on it.")] = 2,
) -> None:
    """Rebuild the packaged default model."""
    progress = Progress()
    with progress.step("reading"):
        sources = default_sources(data)
    with progress.bar("emulated utilities", populations) as each:
        cases = emulated_cases(sources, detectors(), populations=populations, seed=SEED, jobs=jobs, each=each)
    with progress.step(f"fitting {len(cases):,} cases"):
        model = fit_model(
            cases, seed=SEED, jobs=jobs, manifest={**manifest_of(data), "populations": populations}
        )
    model.save(str(out))
    progress.say(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    typer.run(build)
