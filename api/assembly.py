"""Assembly: the one place where readers, engines, sub-detectors, models and reports meet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from loadprofile.cube import Intake, read_profiles, write_rejects
from loadprofile.engines.dask import DaskEngine
from loadprofile.engines.local import Engine, LocalEngine
from loadprofile.engines.spark import SparkEngine
from loadprofile.errors import ModelFileError, NothingToJudgeError, OptionError
from loadprofile.features.population import Context
from loadprofile.features.table import FeatureTable, below
from loadprofile.fleet_worklist import FleetWorklist
from loadprofile.ingest.options import ReadOptions
from loadprofile.models.model import Model
from loadprofile.profiles import LoadProfiles
from loadprofile.screening import Survey, judge, survey
from loadprofile.spool.store import Spool
from loadprofile.verdicts import CAUSES, Cause, Findings, SubDetector, Verdicts
from loadprofile.worklist import worklist
from subdetectors import ORDERED

ENGINES = ("local", "dask", "spark")


def detectors() -> tuple[SubDetector, ...]:
    """One of each sub-detector, in the registry's order."""
    return tuple(kind() for kind in ORDERED)


def engine_named(name: str) -> Engine:
    """The engine of that name.

    Raises:
        OptionError: unknown name, or its packages are not installed.
    """
    if name == "local":
        return LocalEngine(workers=2)
    if name == "dask":
        return DaskEngine()
    if name == "spark":
        return SparkEngine()
    raise OptionError("engine", name, f"one of {', '.join(ENGINES)}")


def model_named(name: str) -> Model:
    """``default`` is the packaged model; anything else is the path of a model file.

    Raises:
        ModelFileError: no such file, or it may not be used.
    """
    if name == "default":
        return _packaged()
    if not Path(name).is_file():
        raise ModelFileError(name, "no such file (or write: default)")
    return Model.load(name)


@cache
def _packaged() -> Model:
    """Read once in a process: it takes a second, and nothing that uses a model changes it."""
    return Model.load(str(files("loadprofile.models").joinpath("default.lpm")))


def prior_for(model: Model, prevalence: float | None) -> NDArray[np.float64]:
    """The model's prior with the share of fraud set to ``prevalence``, the rest in proportion.

    Raises:
        OptionError: not strictly between 0 and 1.
    """
    if prevalence is None:
        return model.prior
    if not 0.0 < prevalence < 1.0:
        raise OptionError("prevalence", prevalence, "a share strictly between 0 and 1")
    at = CAUSES.index(Cause.FRAUD)
    prior = model.prior * (1.0 - prevalence) / (1.0 - model.prior[at])
    prior[at] = prevalence
    return np.asarray(prior)


@dataclass(frozen=True, eq=False, slots=True)
class Screened:
    """One interval length of a screened input.

    Attributes:
        measured: the survey.
        verdicts: one per meter.
        findings: of each sub-detector, calibrated.
    """

    measured: Survey
    verdicts: Verdicts
    findings: tuple[Findings, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Screening:
    """What a screening gives.

    Attributes:
        parts: one for each interval length in the input.
        worklist: all meters, ranked; of a fleet only the columns ``fleet_worklist.KEYS``.
        prior: ``(6,)`` how common each answer was taken to be.
        warnings: what a reader should know.
        whole: of a fleet the whole worklist, on disk.
    """

    parts: tuple[Screened, ...]
    worklist: pd.DataFrame
    prior: NDArray[np.float64]
    warnings: tuple[str, ...]
    whole: FleetWorklist | None = None

    def rows(self) -> Iterable[pd.DataFrame]:
        """The whole worklist, in one or more pieces."""
        return [self.worklist] if self.whole is None else self.whole.rows()


def read(
    paths: Sequence[Path], options: ReadOptions, rejects: Path | None, first: str | None, last: str | None
) -> Intake:
    """Read inputs, write the rejected rows beside the output, cut the span if one is wished.

    Raises:
        InputError: nothing readable.
        OptionError: dates that are none, or that leave no day.
        NothingToJudgeError: readable, but without any meter.
    """
    intake = read_profiles(paths, options)
    if rejects is not None and intake.counts.rejected + intake.counts.conflicting:
        write_rejects(rejects, intake.rejects)
    if not intake.profiles or not any(len(p) for p in intake.profiles):
        raise NothingToJudgeError(0, "no meter with readable rows")
    if first is None and last is None:
        return intake
    return Intake(
        tuple(cut_to(p, first, last) for p in intake.profiles),
        intake.counts, intake.rejects, intake.warnings,
    )  # fmt: skip


Readings = TypeVar("Readings", LoadProfiles, Spool)


def cut_to(readings: Readings, first: str | None, last: str | None) -> Readings:
    """The days from ``first`` to ``last``, of a cube or of a spool.

    Raises:
        OptionError: dates that are none, or that leave no day.
    """
    days = readings.days
    try:
        low = days[0] if first is None else np.datetime64(first, "D")
        high = days[-1] if last is None else np.datetime64(last, "D")
    except ValueError as error:
        raise OptionError("from/to", (first, last), "ISO dates, such as 2014-01-01") from error
    cut = readings.between(low, high)
    if len(cut.days) == 0:
        raise OptionError("from/to", (first, last), f"the data span {days[0]} to {days[-1]}")
    return cut


def screen(
    profiles: Sequence[LoadProfiles],
    model: Model,
    *,
    context: Context | None = None,
    hemisphere: str = "north",
    prevalence: float | None = None,
    engine: Engine | None = None,
) -> Screening:
    """Survey, judge and rank all meters; each interval length is its own population.

    Raises:
        NothingToJudgeError: when no meter of any part could be judged.
    """
    prior = prior_for(model, prevalence)
    parts, warnings, refused = [], [], []
    for cube in profiles:
        measured = survey(cube, context, hemisphere=hemisphere, engine=engine)
        try:
            verdicts, findings = judge(measured, detectors(), model, prior)
        except NothingToJudgeError as error:
            warnings.append(f"{cube.step_minutes}-minute meters: {error}")
            refused.append(error)
            continue
        parts.append(Screened(measured, verdicts, findings))
    if not parts:
        raise NothingToJudgeError(sum(e.meters for e in refused), refused[0].reason)
    return Screening(tuple(parts), worklist(together([p.verdicts for p in parts])), prior, tuple(warnings))


def together(verdicts: Sequence[Verdicts]) -> Verdicts:
    """Verdicts of several populations as one; incident numbers stay apart."""
    if len(verdicts) == 1:
        return verdicts[0]
    joined: dict[str, Any] = {}
    offset = 0
    incidents = []
    for part in verdicts:
        incidents.append(np.where(part.incident < 0, -1, part.incident + offset))
        offset += int(part.incident.max(initial=-1)) + 1
    for field in fields(Verdicts):
        values = [getattr(part, field.name) for part in verdicts]
        if field.name == "incident":
            joined[field.name] = np.concatenate(incidents)
        elif values[0] is None:
            joined[field.name] = None
        elif isinstance(values[0], tuple):
            joined[field.name] = tuple(item for value in values for item in value)
        else:
            joined[field.name] = np.concatenate(values)
    return Verdicts(**joined)


def feature_table(
    profiles: Sequence[LoadProfiles], hemisphere: str = "north", engine: Engine | None = None
) -> FeatureTable:
    """Every feature of every meter; each interval length is its own population."""
    return below([survey(cube, hemisphere=hemisphere, engine=engine).features for cube in profiles])


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """CSV or Parquet by suffix, written whole or not at all.

    Raises:
        OptionError: another suffix.
    """
    write_pieces([frame], path)


def write_pieces(frames: Iterable[pd.DataFrame], path: Path) -> None:
    """``write_table`` of a table that comes in pieces, each with the same columns.

    Raises:
        OptionError: another suffix.
    """
    if path.suffix not in {".csv", ".parquet"}:
        raise OptionError("out", str(path), "a path that ends in .csv or .parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(path.name + ".part")
    if path.suffix == ".csv":
        with half.open("w", encoding="utf-8", newline="") as file:
            for at, frame in enumerate(frames):
                frame.to_csv(file, index=False, header=at == 0)
    else:
        with ExitStack() as stack:
            writer = None
            for frame in frames:
                table = pa.Table.from_pandas(frame, writer and writer.schema, preserve_index=False)
                if writer is None:
                    writer = stack.enter_context(pq.ParquetWriter(half, table.schema))
                writer.write_table(table)
    half.replace(path)
