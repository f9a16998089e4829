"""Cells of STEG tables as whole numbers, dates and energies, each with the reason where it is none."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from loadprofile.ingest.cells import BLANKS, number
from loadprofile.ingest.columns import distinct, is_text, number_column
from loadprofile.ingest.steg.values import ELEC, GAZ

UNREAD = np.iinfo(np.int64).min
"""Marks a cell that gave no value."""
LARGEST = 2**31 - 1
_EPOCH = date(1970, 1, 1)
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T]00:00(?::00(?:\.0+)?)?)?")
_DAY_FIRST = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})")
_ENERGY = {"elec": ELEC, "gaz": GAZ, "gas": GAZ, "electricity": ELEC}


@dataclass(frozen=True, eq=False, slots=True)
class Cells:
    """One column of one block.

    Attributes:
        values: ``(n,)`` int64; ``UNREAD`` where there is none.
        reason: row -> why there is none, for cells that are not blank.
        respelt: rows whose value was written in another way than usual ("0.0", "12/03/2014", "elec").
    """

    values: NDArray[np.int64]
    reason: dict[int, str]
    respelt: NDArray[np.intp]


def _words(column: Any) -> tuple[list[str | None], NDArray[np.int64]]:
    """Distinct texts that this block really has (a Parquet dictionary may hold those of the whole file)."""
    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries().combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0)
    if pa.types.is_dictionary(column.type) and len(column.dictionary) > len(column) // 4:
        at = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        used, place = np.unique(at, return_inverse=True)
        there = used[used >= 0]
        texts = column.dictionary.take(pa.array(there)).cast(pa.string()).to_pylist()
        blank: list[str | None] = [None] if len(there) < len(used) else []
        return blank + texts, place.astype(np.int64)
    return distinct(column)


def _of_words(column: Any, read: Callable[[str], tuple[int, str, bool]]) -> Cells:
    """Read each distinct text once."""
    words, at = _words(column)
    blank = (UNREAD, "", False)
    read_words = [blank if w is None or w.strip() in BLANKS else read(w) for w in words]
    values = np.array([value for value, _, _ in read_words], dtype=np.int64)
    wrong = np.array([bool(why) for _, why, _ in read_words])
    respelt = np.array([odd for _, _, odd in read_words])
    reason = {int(row): read_words[at[row]][1] for row in np.flatnonzero(wrong[at])}
    return Cells(values[at], reason, np.flatnonzero(respelt[at]))


def whole_numbers(column: Any, decimal: str, *, few: bool = False) -> Cells:
    """Whole numbers; blank = ``UNREAD`` without a reason.

    With ``few`` a column of text is read word by word, and other ways to write a number are told.
    """
    if few and (is_text(column.type) or pa.types.is_dictionary(column.type)):
        return _of_words(column, lambda word: _whole(word, decimal))
    floats, reasons = number_column(column, decimal)
    with np.errstate(invalid="ignore"):
        off = ~np.isnan(floats) & ((floats != np.floor(floats)) | (np.abs(floats) >= 2**53))
    why: dict[int, str] = {}
    if reasons is not None:
        why = {int(row): str(reasons[row]) for row in np.flatnonzero(reasons != "")}
    why |= {int(row): "not a whole number" for row in np.flatnonzero(off)}
    gone = np.isnan(floats) | off
    values = np.where(gone, 0, floats).astype(np.int64)
    values[gone] = UNREAD
    return Cells(values, why, np.zeros(0, dtype=np.intp))


def _whole(word: str, decimal: str) -> tuple[int, str, bool]:
    clean = word.strip()
    if re.fullmatch(r"-?\d{1,15}", clean):
        return int(clean), "", word != str(int(clean))
    try:
        value = number(clean, decimal)
    except ValueError as error:
        return int(UNREAD), str(error), False
    if value != np.floor(value) or abs(value) >= 2**53:
        return int(UNREAD), "not a whole number", False
    return int(value), "", True


def dates(column: Any, *, usual_day_first: bool) -> Cells:
    """Days since 1970-01-01, from text (ISO, or day first) or Arrow dates.

    ``respelt`` are the rows written in the other way than the table's usual one.
    """
    kind = column.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        days = column.cast(pa.timestamp("s"), safe=False).cast(pa.date32()).cast(pa.int32())
        values = pc.fill_null(days.cast(pa.int64()), int(UNREAD)).to_numpy()
        return Cells(np.asarray(values, dtype=np.int64), {}, np.zeros(0, dtype=np.intp))
    return _of_words(column, lambda word: _day(word.strip(), usual_day_first=usual_day_first))


def _day(word: str, *, usual_day_first: bool) -> tuple[int, str, bool]:
    iso, day_first = _ISO.fullmatch(word), _DAY_FIRST.fullmatch(word)
    found = iso or day_first
    if found is None:
        return int(UNREAD), "not a date (2014-03-24 or 24/03/2014)", False
    year, month, day = map(int, found.groups() if iso else found.groups()[::-1])
    try:
        value = (date(year, month, day) - _EPOCH).days
    except ValueError:
        return int(UNREAD), "no such day", False
    return value, "", bool(iso) == usual_day_first


def energies(column: Any) -> Cells:
    """``ELEC`` or ``GAZ``."""

    def read(word: str) -> tuple[int, str, bool]:
        value = _ENERGY.get(word.strip().casefold())
        if value is None:
            return int(UNREAD), "neither ELEC nor GAZ", False
        return value, "", word not in ("ELEC", "GAZ")

    return _of_words(column, read)


def ids(column: Any) -> tuple[list[str], NDArray[np.int64]]:
    """Distinct ids without surrounding blanks, and which one each row has; ``""`` for a blank."""
    if not (is_text(column.type) or pa.types.is_dictionary(column.type)):
        column = column.cast(pa.string())
    words, at = _words(column)
    return ["" if word is None or word.strip() in BLANKS else word.strip() for word in words], at
