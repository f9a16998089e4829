"""What a format of bills gives the doors, whatever its files looked like."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from api.options import BillReading
from api.progress import Progress
from loadprofile.bills.cases import BillCases, BillLayout
from loadprofile.bills.model import BillModel
from loadprofile.evaluate.cells import Table
from loadprofile.verdicts import Verdicts


@dataclass(frozen=True, slots=True)
class Files:
    """Where rows that could not be used, and repairs, are listed; None = nowhere."""

    rejects: Path | None = None
    audit: Path | None = None

    @classmethod
    def beside(cls, out: Path, reading: BillReading) -> Files:
        """Next to the output, unless the reading names a file for the repairs."""
        return cls(Path(f"{out}.rejects.csv"), reading.audit or Path(f"{out}.audit.csv"))


@dataclass(frozen=True, eq=False, slots=True)
class Evaluated:
    """Paragraphs and tables of a protocol."""

    about: tuple[str, ...]
    tables: Sequence[Table]


@dataclass(frozen=True, eq=False, slots=True)
class Bills:
    """What was read, and what can be done with it.

    Attributes:
        layout: what the model has to know about these bills.
        account: where every row went.
        training: seed -> cases to learn from, and fitted parts that judging needs beside the odds.
        judge: model and prevalence -> verdicts of all rows.
        table: every feature of every row.
        protocols: name -> what evaluates these bills; the first is meant where none is named.
        warnings: what must not be overlooked.
    """

    layout: BillLayout
    account: tuple[str, ...]
    training: Callable[[int], tuple[BillCases, Mapping[str, Any]]]
    judge: Callable[[BillModel, float | None], Verdicts]
    table: Callable[[], pd.DataFrame]
    protocols: Mapping[str, Callable[[int, Progress], Evaluated]]
    warnings: tuple[str, ...] = ()
