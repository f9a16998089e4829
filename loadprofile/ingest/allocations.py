"""The allocations table of the CER trial: which meter is a home, a small business, or something else.

Only the columns A to E are read, by position: to their right stands a legend, and one copy in circulation
has its header overwritten. A row counts when its first cell is a meter number and its second is 1, 2 or 3.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import openpyxl

from loadprofile.errors import OptionError, UnreadableFileError
from loadprofile.ingest.textfile import head, text_sources

KINDS = {1: "residential", 2: "sme", 3: "other"}


@dataclass(frozen=True, slots=True)
class Allocation:
    """One meter of the trial.

    Attributes:
        kind: ``residential``, ``sme`` or ``other``.
        tariff: residential tariff A, B, C, D, W or E (E = control), upper case; empty if none.
        stimulus: residential stimulus 1 to 4, W or E; empty if none.
        sme: SME allocation 1 to 4 or C; empty if none.
    """

    kind: str
    tariff: str
    stimulus: str
    sme: str


def read_allocations(path: Path) -> dict[str, Allocation]:
    """The allocation of every meter, by meter id.

    Raises:
        UnreadableFileError: when the file is damaged or no row looks like an allocation.
        OptionError: when one meter stands there twice with different kinds.
    """
    if not path.exists():
        raise UnreadableFileError(path, "no such file")
    with path.open("rb") as stream:
        packed = stream.read(2) == b"PK"
    rows = _sheet_rows(path) if packed else _text_rows(path)
    found: dict[str, Allocation] = {}
    for row in rows:
        meter, code, tariff, stimulus, sme = (*(_cell(value) for value in row[:5]), "", "", "", "", "")[:5]
        if not re.fullmatch(r"\d{1,9}", meter) or code not in ("1", "2", "3"):
            continue
        entry = Allocation(KINDS[int(code)], tariff.upper(), stimulus.upper(), sme.upper())
        before = found.setdefault(str(int(meter)), entry)
        if before.kind != entry.kind:
            raise OptionError(
                "allocations", str(path), f"meter {meter} is both {before.kind} and {entry.kind}"
            )
    if not found:
        raise UnreadableFileError(
            path, "no row with a meter number in column A and a code 1, 2 or 3 in column B"
        )
    return found


def _sheet_rows(path: Path) -> Iterable[tuple[object, ...]]:
    try:
        book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()), read_only=True, data_only=True)
        rows = [
            tuple(row) for sheet in book.worksheets for row in sheet.iter_rows(max_col=5, values_only=True)
        ]
        book.close()
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, TypeError) as error:
        raise UnreadableFileError(path, f"not a readable workbook ({error})") from None
    return rows


def _text_rows(path: Path) -> Iterable[tuple[object, ...]]:
    text = head(text_sources(path)[0], 1 << 26).decode(errors="replace")
    first = text.splitlines()[0]
    mark = max(",;\t", key=text[:4096].count) if first else ","
    return (tuple(row) for row in csv.reader(io.StringIO(text), delimiter=mark))


def _cell(value: object) -> str:
    """A cell as text: 1, 1.0 and "1 " are the same."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip()
    return text[:-2] if re.fullmatch(r"\d+\.0", text) else text


def find_allocations(paths: Iterable[Path]) -> Path | None:
    """An allocations table beside the data, by its name."""
    for path in paths:
        folder = path if path.is_dir() else path.parent
        for found in sorted(folder.rglob("*") if path.is_dir() else folder.iterdir()):
            if "allocation" in found.name.lower() and found.suffix.lower() in (".xlsx", ".csv"):
                return found
    return None
