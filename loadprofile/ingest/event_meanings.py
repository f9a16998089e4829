"""What a meter's event code means: looked up in a versioned table, because numbers vary by maker.

``event_codes.csv`` holds the codes of DLMS/COSEM as open drivers use them and the few of IS 15959 that
differ. A utility with other meters gives its own table of the same four columns.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pandas as pd

DEFAULT = "dlms"
"""Vocabulary of events that name none."""


def code_table(path: Path | None = None) -> pd.DataFrame:
    """The table ``vocabulary, version, code, meaning``: the packaged one, or a utility's own."""
    source = resources.files("loadprofile.ingest").joinpath("event_codes.csv") if path is None else path
    with source.open(encoding="utf-8") as file:
        return pd.read_csv(file)


def with_meanings(events: pd.DataFrame, table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Events with a column ``meaning``; empty where the table does not know the code.

    Args:
        events: ``meter_id, timestamp, code`` and perhaps ``vocabulary``; not altered.
        table: from ``code_table``; the packaged one if None. Where a code stands twice in a vocabulary,
            its highest version counts.
    """
    known = code_table() if table is None else table
    known = known.sort_values("version").drop_duplicates(["vocabulary", "code"], keep="last")
    at = {(str(v).lower(), int(c)): str(m) for v, c, m in known[["vocabulary", "code", "meaning"]].to_numpy()}
    if "vocabulary" in events.columns:
        spoken = events["vocabulary"].fillna("").astype(str).str.lower().replace("", DEFAULT)
    else:
        spoken = pd.Series(DEFAULT, index=events.index)
    codes = pd.to_numeric(events["code"], errors="coerce").fillna(-1).astype("int64")
    meanings = [at.get(pair, "") for pair in zip(spoken, codes, strict=True)]
    return events.assign(meaning=pd.Series(meanings, index=events.index, dtype="str"))
