"""The worklist of a fleet: parts of it on disk, ranked together by a few columns, written row by row.

A row with its evidence takes one to two kB, a million of them more than a machine's memory. So each part's
rows wait in a file (Arrow, in rank order within the part), the keys of all meters are ranked in memory, and
the whole list is read from the files in that order, some thousand rows at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from loadprofile.worklist import COLUMNS, ranks

KEYS = ("meter_id", "anomaly_score", "cause", "p_fraud", "expected_recovery")
"""Columns that are kept in memory: what ranks, what is counted and what plans visits."""

TOGETHER = 512
"""Rows of a file that are read together."""

CHUNK = 20_000
"""Rows of the whole list that are in memory together."""


@dataclass(frozen=True, eq=False, slots=True)
class Listed:
    """The worklist of one part.

    Attributes:
        path: its rows, in rank order within the part.
        keys: the columns ``KEYS`` of the same rows, as few bytes as they take.
    """

    path: Path
    keys: pd.DataFrame


def leave(frame: pd.DataFrame, path: Path) -> Listed:
    """Write the worklist of a part and keep its keys."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as file:
        file.write_table(table, max_chunksize=TOGETHER)
    keys = {name: frame[name].to_numpy() for name in KEYS}
    return Listed(
        path,
        pd.DataFrame(
            {
                "meter_id": pd.array(keys["meter_id"], dtype="string[pyarrow]"),
                "anomaly_score": keys["anomaly_score"],
                "cause": pd.Categorical(keys["cause"]),
                "p_fraud": keys["p_fraud"],
                "expected_recovery": keys["expected_recovery"],
            }
        ),
    )


@dataclass(frozen=True, eq=False, slots=True)
class FleetWorklist:
    """The worklist of all parts.

    Attributes:
        table: ``rank`` and ``KEYS`` of all meters, most urgent first.
        paths: file of each part.
        part: ``(n,)`` int32, whose row stands at each rank; the rows of a part are in the order of the ranks.
    """

    table: pd.DataFrame
    paths: tuple[Path, ...]
    part: NDArray[np.int32]

    def rows(self, chunk: int = CHUNK) -> Iterator[pd.DataFrame]:
        """The whole list, columns as of ``worklist``, some rows at a time."""
        taken = np.zeros(len(self.paths), dtype=np.int64)
        for first in range(0, len(self.part), chunk):
            part = self.part[first : first + chunk]
            order = np.argsort(part, kind="stable")
            counts = np.bincount(part, minlength=len(self.paths))
            tables = []
            for at in np.flatnonzero(counts).tolist():
                tables.append(_read(self.paths[at], int(taken[at]), int(counts[at])))
                taken[at] += counts[at]
            back = np.empty(len(part), dtype=np.int64)
            back[order] = np.arange(len(part))
            table = pa.concat_tables(tables).take(pa.array(back))
            frame = table.to_pandas()
            for column in table.schema.pandas_metadata["columns"]:
                if column["numpy_type"] == "object":  # as it was, so that a file's schema is as it was
                    frame[column["name"]] = frame[column["name"]].astype(object)
            frame["rank"] = np.arange(first + 1, first + len(part) + 1)
            yield frame[list(COLUMNS)]


def _read(path: Path, first: int, count: int) -> pa.Table:
    """So many rows of a part's file."""
    low, high = first // TOGETHER, (first + count - 1) // TOGETHER
    with pa.OSFile(str(path), "rb") as source, pa.ipc.open_file(source) as file:
        batches = [file.get_batch(at) for at in range(low, high + 1)]
    return pa.Table.from_batches(batches).slice(first - low * TOGETHER, count)


def listed_together(parts: Sequence[Listed]) -> FleetWorklist:
    """Rank the parts anew; what ``worklist`` gives for all their verdicts."""
    causes = sorted({cause for part in parts for cause in part.keys["cause"].cat.categories})
    frames = [part.keys.assign(cause=part.keys["cause"].cat.set_categories(causes)) for part in parts]
    table = pd.concat(frames, ignore_index=True)
    sizes = [len(frame) for frame in frames]
    frames.clear()
    order = ranks(table)
    part_of = np.repeat(np.arange(len(parts), dtype=np.int32), sizes)[order]
    table = table.iloc[order].reset_index(drop=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return FleetWorklist(table, tuple(part.path for part in parts), part_of)
