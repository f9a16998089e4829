"""Offline evaluation: glue for the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from api.assembly import detectors, read
from api.hashing import sha256
from api.progress import Progress
from loadprofile.cases import Source
from loadprofile.cube import Intake
from loadprofile.errors import OptionError
from loadprofile.evaluate.causes import PARTS, evaluate_causes
from loadprofile.evaluate.cells import write_tables
from loadprofile.evaluate.cer import CER_PIECES, evaluate_cer
from loadprofile.evaluate.protocols import PROTOCOLS, evaluate_injected
from loadprofile.evaluate.tables import write_evaluation
from loadprofile.ingest.options import ReadOptions
from loadprofile.models.model import Model


def evaluate_inputs(
    inputs: Sequence[Path],
    reading: ReadOptions,
    first: str | None,
    last: str | None,
    out: Path,
    *,
    protocol: str,
    populations: int,
    seed: int,
    parts: str | None,
    model: Model,
    progress: Progress,
) -> tuple[str, ...]:
    """Run a protocol and write its tables and pictures.

    ``causes`` takes each input as a data set of its own; the others take all inputs together and run once
    for each interval length.

    Raises:
        OptionError: unknown protocol or part, or parts of a protocol that has none.
    """
    if protocol not in PROTOCOLS:
        raise OptionError("protocol", protocol, f"one of {', '.join(PROTOCOLS)}")
    if parts is not None and protocol != "causes":
        raise OptionError("parts", parts, "only the protocol causes has parts")
    chosen = PARTS if parts is None else tuple(parts.split(","))
    if unknown := sorted(set(chosen) - set(PARTS)):
        raise OptionError("parts", ",".join(unknown), f"some of {','.join(PARTS)}")
    seen = _seen(inputs, model)
    if protocol == "causes":
        with progress.step("reading"):
            sets = [(path, read([path], reading, None, first, last)) for path in inputs]
        sources = [Source(path.stem, profiles, 1.0) for path, intake in sets for profiles in intake.profiles]
        result = evaluate_causes(
            sources, detectors(), model, populations=populations, seed=seed, parts=chosen, stage=progress.bar
        )
        trained = f"**The packaged model was trained on {', '.join(seen)}: its rows are not a test there.**"
        write_tables(out, (*result.about, *((trained,) if seen else ())), result.tables, result.figures)
        said = [f"tables and pictures: {out / 'README.md'}"]
    else:
        with progress.step("reading"):
            intake = read(inputs, reading, None, first, last)
        said = _each_length(intake, out, protocol, populations, seed, model, seen, progress)
    if seen and protocol != "cer":
        said.append(f"warning: the model that stands beside the others was trained on {', '.join(seen)}")
    return tuple(said)


def _each_length(
    intake: Intake,
    out: Path,
    protocol: str,
    populations: int,
    seed: int,
    model: Model,
    seen: Sequence[str],
    progress: Progress,
) -> list[str]:
    """``injected`` or ``cer``, once for each interval length."""
    said = []
    for profiles in intake.profiles:
        at = out if len(intake.profiles) == 1 else out / f"{profiles.step_minutes}-minute"
        if protocol == "cer":
            with progress.bar("weeks", CER_PIECES) as each:
                weeks = evaluate_cer(profiles, seed=seed, each=each)
            write_tables(at, weeks.about, weeks.tables, weeks.figures)
        else:
            with progress.bar("emulated utilities", 2 * populations + max(populations // 2, 1)) as each:
                result = evaluate_injected(
                    profiles, detectors(), model, populations=populations, seed=seed, each=each
                )
            write_evaluation(at, result, seen)
        said.append(f"tables and pictures: {at / 'README.md'}")
    return said


def _seen(inputs: Sequence[Path], model: Model) -> list[str]:
    """Names of the input files that the model was trained on."""
    trained = {h for d in model.manifest.get("data", []) for h in dict(d.get("files", {})).values()}
    return [p.name for p in inputs if p.is_file() and sha256(p) in trained]
