"""Training on a utility's own meters: glue for the command line."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from api.assembly import detectors
from api.hashing import sha256
from api.progress import Progress
from loadprofile.cases import Cases, Source, emulated_cases, joined
from loadprofile.cube import Intake
from loadprofile.errors import MissingColumnsError, NothingToJudgeError, UnreadableFileError
from loadprofile.learning.verified import observed_cases
from loadprofile.profiles import LoadProfiles
from loadprofile.screening import examine, model_inputs, survey
from loadprofile.training import fit_model
from loadprofile.verdicts import CAUSES, Cause

ITERATIONS = 160
"""Boosting rounds of a model trained from the command line."""


def train_on(
    intake: Intake,
    out: Path,
    *,
    labels: Path | None,
    populations: int,
    seed: int,
    hemisphere: str,
    inputs: Sequence[Path],
    progress: Progress,
) -> tuple[str, ...]:
    """Fit a model on emulated phenomena on these meters, and on verified causes where given.

    Meters verified as anything but normal are not taken as ordinary meters to plant phenomena in.
    """
    verified = _labels(labels) if labels else {}
    sources = [
        Source(f"{p.step_minutes}min", _ordinary(p, verified), float(len(p)), "the user's own meters")
        for p in intake.profiles
    ]
    sources = [s for s in sources if len(s.profiles)]
    if not sources:
        raise NothingToJudgeError(sum(map(len, intake.profiles)), "no meter is left to learn from")
    with progress.bar("emulated utilities", populations) as each:
        cases = emulated_cases(sources, detectors(), populations=populations, seed=seed, each=each)
    if verified:
        own = [_verified_cases(p, verified, hemisphere, -1 - i) for i, p in enumerate(intake.profiles)]
        cases = joined([cases, *(c for c in own if len(c))])
    manifest = {
        "name": out.stem,
        "made_by": "loadprofile train",
        "populations": populations,
        "data": [
            {"name": p.name, "attribution": "the user's own meters", "files": {p.name: sha256(p)}}
            for p in inputs
            if p.is_file()
        ],
        "verified": len(verified),
        "versions": {name: version(name) for name in ("loadprofile", "numpy", "scikit-learn", "skops")},
    }
    with progress.step(f"fitting {len(cases):,} cases"):
        model = fit_model(cases, seed=seed, iterations=ITERATIONS, manifest=manifest)
    model.save(str(out))
    return (f"{len(cases):,} cases, {len(verified)} meters with verified causes", f"model: {out}")


def _labels(path: Path) -> dict[str, str]:
    """``meter_id -> cause`` from a CSV.

    Raises:
        UnreadableFileError: not a CSV, or a cause that is none of the six (with its line).
        MissingColumnsError: without the two columns.
    """
    try:
        frame = pd.read_csv(path, dtype=str)
    except (OSError, ValueError) as error:
        raise UnreadableFileError(path, f"not a readable CSV: {error}") from error
    missing = [name for name in ("meter_id", "cause") if name not in frame.columns]
    if missing:
        raise MissingColumnsError(path, missing, frame.columns)
    known = {str(cause) for cause in CAUSES}
    for line, cause in enumerate(frame["cause"], start=2):
        if cause not in known:
            raise UnreadableFileError(path, f"cause {cause!r} is none of {', '.join(sorted(known))}", line)
    return dict(zip(frame["meter_id"], frame["cause"], strict=True))


def _ordinary(profiles: LoadProfiles, verified: dict[str, str]) -> LoadProfiles:
    keep = [verified.get(m, "normal") == str(Cause.NORMAL) for m in profiles.meter_ids.tolist()]
    return profiles.take(np.flatnonzero(keep))


def _verified_cases(profiles: LoadProfiles, verified: dict[str, str], hemisphere: str, number: int) -> Cases:
    """The verified meters as they are, seen among all others."""
    measured = survey(profiles, hemisphere=hemisphere)
    table = model_inputs(measured.features, examine(measured, detectors()))
    ids = profiles.meter_ids.tolist()
    rows = np.array([i for i, m in enumerate(ids) if m in verified], dtype=np.intp)
    return observed_cases(
        table.take(rows), np.array([verified[ids[r]] for r in rows], dtype=np.str_),
        np.full(len(rows), "verified"), profiles, source=f"{profiles.step_minutes}min", number=number,
    )  # fmt: skip
