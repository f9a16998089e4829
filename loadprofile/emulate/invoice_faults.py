"""Faults of the invoice file itself, planted where the real file has them, with the repairs that are right.

In the real file (4,476,749 rows): 34 rows shifted one column to the right behind a foreign number in the
status (46, 618, 769, 420, 269375), 13 rows with the status 'A', 11 exact duplicates, one row of zeros.
How the foreign number came there is not known; here a meter's number split in two stands for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from loadprofile.ingest.steg.layout import INVOICE_COLUMNS, ORDER

REAL_ROWS = 4_476_749
FOREIGN = (46, 618, 769, 420, 269_375)
FOREIGN_SHARES = (14 / 34, 12 / 34, 6 / 34, 1 / 34, 1 / 34)
LETTER = -1
"""Stands for 'A' in the status while the table is made."""
Columns = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class FileFaults:
    """How often each fault occurs in a million rows."""

    shifted: float = 0.0
    shifted_from_counter: float = 0.0
    letter: float = 0.0
    foreign: float = 0.0
    duplicate: float = 0.0
    zero: float = 0.0


REAL_FAULTS = FileFaults(
    shifted=34e6 / REAL_ROWS, letter=13e6 / REAL_ROWS, duplicate=11e6 / REAL_ROWS, zero=1e6 / REAL_ROWS
)


@dataclass(frozen=True, eq=False, slots=True)
class FaultLedger:
    """Client of each row of the file, the repairs that a reading must make, and the rows it must refuse."""

    client: NDArray[np.intp]
    faults: pd.DataFrame
    rejects: pd.DataFrame


def plant_faults(
    columns: Columns, client: NDArray[np.signedinteger], rng: np.random.Generator, faults: FileFaults
) -> FaultLedger:
    """Plant the faults in the columns, in place (duplicates make them longer); chance decides where."""
    n = len(client)
    kinds = ("shifted", "shifted_from_counter", "letter", "foreign", "zero", "duplicate")
    counts = [round(getattr(faults, kind) * n / 1e6) for kind in kinds]
    rows = rng.permutation(n)[: sum(counts)]
    at = dict(zip(kinds, np.split(rows, np.cumsum(counts)[:-1]), strict=True))
    told: list[tuple[int, str, str, str, str]] = []
    for kind in ("shifted", "shifted_from_counter"):
        for row in at[kind].tolist():
            foreign = int(rng.choice(FOREIGN, p=FOREIGN_SHARES))
            told += _shift(columns, row, foreign, whole=kind == "shifted_from_counter")
    for row in at["letter"].tolist():
        columns["status"][row] = LETTER
        told.append((row, "status", "A", "", "not a number: taken as unknown"))
    for row in at["foreign"].tolist():
        columns["status"][row] = foreign = int(rng.choice(FOREIGN))
        told.append((row, "status", str(foreign), "", "no known status: taken as unknown"))
    for name in ORDER:
        columns[name][at["zero"]] = 0
    again = np.sort(at["duplicate"])
    for place, row in enumerate(again.tolist()):
        told.append((n + place, "*", f"same as line {row + 2}", "", "exact duplicate left out"))
    for name, values in columns.items():
        columns[name] = np.concatenate([values, values[again]])
    found = [(row + 2, _header(name), *rest) for row, name, *rest in told]
    ledger = pd.DataFrame(found, columns=["row", "column", "before", "after", "rule"])
    refused = pd.DataFrame({"line": np.sort(at["zero"]) + 2, "reason": "every number is zero"})
    return FaultLedger(np.concatenate([client, client[again]]), ledger, refused)


def _header(role: str) -> str:
    return role if role == "*" else INVOICE_COLUMNS[role][0]


def _shift(columns: Columns, row: int, foreign: int, *, whole: bool) -> list[tuple[int, str, str, str, str]]:
    """Shift one row to the right from the status on (from the counter on if ``whole``)."""
    right = {name: int(columns[name][row]) for name in ORDER}
    first = 0 if whole else 1
    wrong = dict(right)
    for left, name in zip(ORDER[first:-1], ORDER[first + 1 :], strict=True):
        wrong[name] = right[left]
    wrong[ORDER[first]] = foreign
    told = []
    for name in ORDER:
        columns[name][row] = wrong[name]
        after = "" if name == "months" else str(right[name])
        if str(wrong[name]) != after:
            told.append((row, name, str(wrong[name]), after, "row shifted one column to the right"))
    return told
