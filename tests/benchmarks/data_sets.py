"""Leave one data set out: homes and buildings of all training sets and of EDRP, each set judged unseen.

    python tests/benchmarks/data_sets.py --data ../shared/data --out evaluation-sets

The same as ``evaluate --protocol causes --parts data-sets``, for sets that need different reading options.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.assembly import detectors, model_named
from api.default_model import default_sources
from api.progress import Progress
from loadprofile.cases import Source
from loadprofile.cube import read_profiles
from loadprofile.evaluate.causes import evaluate_causes
from loadprofile.evaluate.cells import write_tables
from loadprofile.ingest.options import ReadOptions


def main(
    data: Annotated[Path, typer.Option(help="Folder of the data sets.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    populations: Annotated[int, typer.Option(help="Emulated utilities on each side.")] = 60,
    parts: Annotated[str, typer.Option(help="Parts of the protocol.")] = "data-sets",
) -> None:
    """Run it."""
    (scotland,) = read_profiles([data / "halfhourly/edrp_scotland.parquet"], ReadOptions()).profiles
    sources = [*default_sources(data), Source("edrp", scotland)]
    result = evaluate_causes(
        sources, detectors(), model_named("default"), populations=populations, seed=0,
        parts=tuple(parts.split(",")), stage=Progress().bar,
    )  # fmt: skip
    write_tables(out, result.about, result.tables, result.figures)
    print(out / "README.md")


if __name__ == "__main__":
    typer.run(main)
