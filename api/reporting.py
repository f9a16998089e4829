"""From a screening to the report folder: the glue between what was found and what is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from api.assembly import Screened, Screening
from loadprofile.ingest.readings import RowCounts
from loadprofile.models.model import Model
from loadprofile.report.contents import Correlation, HeldOut, Planes, Report
from loadprofile.report.folder import write_report
from loadprofile.verdicts import CAUSES, Cause
from loadprofile.worklist import worklist

FEWEST_FOR_CORRELATION = 30
"""With fewer meters than this the correlations of hundreds of columns mean nothing and are not drawn."""


def write_screening_report(
    folder: Path,
    result: Screening,
    model: Model,
    counts: RowCounts,
    notes: Sequence[str],
    *,
    pages: int,
    hemisphere: str,
) -> None:
    """One report; where the input held several interval lengths, one folder for each."""
    for part in result.parts:
        step = part.measured.profiles.step_minutes
        at = folder if len(result.parts) == 1 else folder / f"{step}-minute"
        table = worklist(part.verdicts)
        every = sum(len(p.verdicts.meter_ids) for p in result.parts)
        some = (
            f"the first {len(table):,} of {len(result.worklist):,}" if every < len(result.worklist) else None
        )
        report = Report(
            title=f"{some or f'{len(table):,}'} meters, {step}-minute readings",
            profiles=part.measured.profiles,
            features=part.measured.features,
            verdicts=part.verdicts,
            worklist=table,
            expected=part.measured.peers.expected,
            correlation=_correlation(part, model),
            planes=_planes(part, model),
            held_out=_held_out(model),
            counts={name: value for name, value in asdict(counts).items() if value or name == "read"},
            notes=(*notes, _assumption(result.prior)),
            model=_model_words(model),
            hemisphere=hemisphere,
        )
        write_report(at, report, pages=pages)


def _assumption(prior: np.ndarray) -> str:
    shares = ", ".join(
        f"{100 * share:.3g} % {str(cause).replace('_', ' ')}"
        for cause, share in zip(CAUSES, prior, strict=True)
    )
    return f"The probabilities assume that of all meters {shares}."


def _correlation(part: Screened, model: Model) -> Correlation | None:
    if len(part.measured.profiles) < FEWEST_FOR_CORRELATION:
        return None
    values = part.measured.features.select(model.space_names).values
    maps = model.space[0].heat_maps(values)
    at = {f"x{i}": name for i, name in enumerate(model.space_names)}
    names = [tuple(at.get(n, n) for n in some) for some in (maps.names_before, maps.names_after)]
    return Correlation(maps.before, maps.after, *names)


def _planes(part: Screened, model: Model) -> Planes:
    found = model.planes(part.measured.features)
    return Planes(found[:, :-1], found[:, -1])


def _held_out(model: Model) -> HeldOut | None:
    if not model.held_out:
        return None
    fraud = CAUSES.index(Cause.FRAUD)
    return HeldOut(
        probabilities=np.asarray(model.held_out["probabilities"], dtype=np.float64)[:, fraud],
        truth=np.asarray(model.held_out["cause"]) == fraud,
        source=(
            "emulated cases on meters (and, in part, of kinds) that the scoring model had not seen; "
            "shares as emulated, not as in the field"
        ),
        kwh=np.asarray(model.held_out["lost_kwh"], dtype=np.float64),
    )


def _model_words(model: Model) -> dict[str, str]:
    """The manifest in the few words that a reader of the report needs."""
    data = model.manifest.get("data", [])
    return {
        "name": str(model.manifest.get("name", "own")),
        "trained on": "; ".join(str(d["attribution"]) for d in data) or "not recorded",
        "cases": ", ".join(f"{n} {c}" for c, n in dict(model.manifest.get("cases", {})).items()),
        "seed": str(model.manifest.get("seed", "")),
    }
