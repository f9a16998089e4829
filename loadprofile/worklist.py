"""Worklist: verdicts as the ranked table that a crew and an analyst work from.

Columns and their order are a contract (other programs read this file). Rows stand in the order in
which a visit is expected to pay: expected recovery first, then how unusual the meter is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadprofile.errors import ShapeError
from loadprofile.verdicts import CAUSES, UNDECIDED, Cause, Verdicts

COLUMNS = (
    "rank", "meter_id", "anomaly_score", "cause",
    *(f"p_{cause}" for cause in CAUSES),
    "onset", "onset_low", "onset_high", "end",
    "lost_kwh", "lost_kwh_low", "lost_kwh_high", "expected_recovery",
    "queue", "incident_id", "would_decide", "evidence",
)  # fmt: skip

QUEUES: Mapping[str, str] = {
    Cause.NORMAL: "none",
    Cause.DATA_MISMATCH: "data operations",
    Cause.MAINTENANCE: "meter maintenance",
    Cause.CYBER_ATTACK: "security",
    Cause.SUPER_CONSUMPTION: "customer service",
    Cause.FRAUD: "field inspection",
    UNDECIDED: "analyst review",
}
"""Whose work a verdict is."""


def iso(moment: NDArray[np.datetime64]) -> list[str]:
    """ISO text of each moment, to the minute, a plain date at midnight; empty for NaT."""
    text = np.datetime_as_string(moment.astype("datetime64[m]"), unit="m")
    return ["" if t == "NaT" else t.removesuffix("T00:00") for t in text.tolist()]


def expected_recovery(verdicts: Verdicts) -> NDArray[np.float64]:
    """``(n,)`` kWh that a visit is expected to bring back: probability of fraud x energy lost.

    Energy lost to a failing meter or in the data chain is billed by correction, not by a visit, so
    it does not send a crew: where it is told apart (``lost_if_fraud``) it does not count. A meter whose
    loss cannot be told counts as 0.
    """
    fraud = verdicts.probabilities[:, CAUSES.index(Cause.FRAUD)]
    stolen = verdicts.lost_kwh if verdicts.lost_if_fraud is None else verdicts.lost_if_fraud
    lost = np.nan_to_num(np.maximum(stolen, 0.0))
    return np.asarray(fraud * lost, dtype=np.float64)


def worklist(verdicts: Verdicts) -> pd.DataFrame:
    """The worklist of all meters, most urgent first.

    Args:
        verdicts: one verdict per meter.

    Returns:
        Frame with exactly ``COLUMNS``: probabilities that sum to 1 (six decimals), dates as ISO text
        or empty, energies in kWh (three decimals, empty where unknown), ``evidence`` as a JSON list.
    """
    columns = _columns(verdicts)
    # Ties are broken by the id, so that the same meters in another order give the same list.
    order = np.lexsort((verdicts.meter_ids, -verdicts.anomaly_score.round(6), -columns["expected_recovery"]))
    frame = pd.DataFrame(columns).iloc[order].reset_index(drop=True)
    frame.insert(0, "rank", np.arange(1, len(frame) + 1))
    return frame[list(COLUMNS)]


def only_row(verdicts: Verdicts) -> dict[str, Any]:
    """The row of a single meter without its rank, plain values: a frame takes longer than all that is in it.

    Raises:
        ShapeError: verdicts on more than one meter, or none.
    """
    if len(verdicts.meter_ids) != 1:
        raise ShapeError("verdicts", len(verdicts.meter_ids), 1)
    columns = _columns(verdicts)
    row = {name: columns[name][0] for name in COLUMNS[1:]}
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in row.items()}


def _columns(verdicts: Verdicts) -> dict[str, Any]:
    """All columns but the rank, meters in the order of the verdicts."""
    n = len(verdicts.meter_ids)
    probabilities = rounded_to_one(verdicts.probabilities)
    # one frame at the end: column by column takes ten times as long for a single meter
    columns: dict[str, Any] = {"meter_id": verdicts.meter_ids.astype(object)}
    columns["anomaly_score"] = verdicts.anomaly_score.round(6)
    columns["cause"] = verdicts.cause.astype(object)
    for at, cause in enumerate(CAUSES):
        columns[f"p_{cause}"] = probabilities[:, at]
    for name in ("onset", "onset_low", "onset_high", "end"):
        columns[name] = iso(getattr(verdicts, name))
    for name in ("lost_kwh", "lost_kwh_low", "lost_kwh_high"):
        columns[name] = getattr(verdicts, name).round(3)
    columns["expected_recovery"] = expected_recovery(verdicts).round(3)
    columns["queue"] = [QUEUES[cause] for cause in verdicts.cause.tolist()]
    columns["incident_id"] = ["" if i < 0 else f"I{i:05d}" for i in verdicts.incident.tolist()]
    columns["would_decide"] = list(verdicts.would_decide)
    evidence = verdicts.evidence or ((),) * n
    columns["evidence"] = [
        json.dumps([e.as_dict() for e in said], ensure_ascii=False, allow_nan=False) for said in evidence
    ]
    return columns


def ranked_together(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Worklists of different meters as one, ranked anew; what ``worklist`` gives for all their verdicts."""
    frame = pd.concat(frames, ignore_index=True)
    frame = frame.iloc[ranks(frame)].reset_index(drop=True)
    frame["rank"] = np.arange(1, len(frame) + 1)
    return frame


def ranks(frame: pd.DataFrame) -> NDArray[np.intp]:
    """Rows in the order of their ranks: expected recovery, then score, then the id."""
    order: NDArray[np.intp] = np.lexsort(
        (
            frame["meter_id"].to_numpy(dtype=np.str_),
            -frame["anomaly_score"].to_numpy(),
            -frame["expected_recovery"].to_numpy(),
        )
    )
    return order


def rounded_to_one(probabilities: NDArray[np.float64], decimals: int = 6) -> NDArray[np.float64]:
    """Rows rounded so that the printed numbers still sum to 1: the largest takes the remainder."""
    out = np.round(probabilities, decimals)
    top = out.argmax(axis=1)
    rows = np.arange(len(out))
    out[rows, top] = np.round(out[rows, top] + 1.0 - out.sum(axis=1), decimals)
    return np.asarray(out, dtype=np.float64)


def for_crew(frame: pd.DataFrame, visits: int) -> pd.DataFrame:
    """The first ``visits`` rows that a crew should drive to: queue *field inspection* only."""
    return frame[frame["queue"] == QUEUES[Cause.FRAUD]].head(visits)
