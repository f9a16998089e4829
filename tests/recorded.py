"""A small record to test with: meters, a screening and its worklist. All of it is made up."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import sqlalchemy as sa

from loadprofile.store.findings import finish_screening, record_findings, start_screening
from loadprofile.store.meters import ensure_meters
from loadprofile.verdicts import CAUSES
from loadprofile.worklist import COLUMNS, QUEUES

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def made_worklist(
    causes: list[str], *, lost: list[float] | None = None, incidents: dict[int, str] | None = None
):
    """A worklist of as many meters ``M000``, ``M001``, ...; the stated cause has probability 0.75."""
    n = len(causes)
    rows = []
    for i, cause in enumerate(causes):
        odds = {f"p_{c}": 0.05 for c in CAUSES} | ({f"p_{cause}": 0.75} if cause in tuple(CAUSES) else {})
        rows.append(
            {
                "rank": i + 1,
                "meter_id": f"M{i:03d}",
                "anomaly_score": round(1.0 - i / (n + 1), 6),
                "cause": cause,
                **odds,
                "onset": "" if cause == "normal" else f"2024-04-{1 + i % 28:02d}T06:30",
                "onset_low": "",
                "onset_high": "",
                "end": "",
                "lost_kwh": np.nan if lost is None else lost[i],
                "lost_kwh_low": np.nan,
                "lost_kwh_high": np.nan,
                "expected_recovery": round(100.0 * (n - i) / n, 3),
                "queue": QUEUES[cause],
                "incident_id": (incidents or {}).get(i, ""),
                "would_decide": "",
                "evidence": json.dumps([{"name": f"{cause}.sign", "sentence": f"über {i}", "found": None}]),
            }
        )
    return pd.DataFrame(rows)[list(COLUMNS)]


def screened(connection: sa.Connection, frame: pd.DataFrame, at: datetime = NOON) -> int:
    """Record a worklist as a finished screening."""
    ensure_meters(connection, frame["meter_id"], at=at)
    key = start_screening(connection, who="ann", model_name="default", settings={"engine": "local"}, at=at)
    record_findings(connection, key, frame)
    finish_screening(connection, key, at=at)
    return key
